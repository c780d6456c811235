/* SOCKS5, both sides, and what a wrong peer gets. */

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

static int is_welcome(const char *name, const char *word) {
    return strcmp(name, "me") == 0 && strcmp(word, "secret") == 0;
}

static int client_result, client_errno;

static coroutine void by_name(int s, const char *name, const char *word, const char *host) {
    client_result = socks5_client_connectbyname(s, name, word, host, 443, now() + 5000);
    client_errno = errno;
}

static coroutine void by_address(int s, const char *text) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_remote(&addr, text, 443, 0, -1));
    client_result = socks5_client_connect(s, NULL, NULL, &addr, now() + 5000);
    client_errno = errno;
}

static void any(struct ipaddr *addr) {
    CHECK_OK(ipaddr_local(addr, "0.0.0.0", 0, IPADDR_IPV4));
}

TEST(names_and_addresses) {
    static char longest[256];
    memset(longest, 'x', 255);
    const char *const hosts[] = {"example.org", "192.0.2.7", "2001:db8::7", longest};
    for(int i = 0; i != 8; ++i) {
        const char *host = hosts[i % 4];
        int p[2];
        CHECK_OK(ipc_pair(p));
        int b = bundle();
        if(i >= 4 && (i % 4 == 1 || i % 4 == 2)) CHECK_OK(bundle_go(b, by_address(p[0], host)));
        else CHECK_OK(bundle_go(b, by_name(p[0], NULL, NULL, host)));
        CHECK_OK(socks5_proxy_auth(p[1], NULL, -1));
        char seen[256];
        int port;
        CHECK_INT(socks5_proxy_recvcommandbyname(p[1], seen, &port, -1), SOCKS5_CONNECT);
        CHECK_STR(seen, host);
        CHECK_INT(port, 443);
        struct ipaddr addr;
        if(i % 2) any(&addr);
        else CHECK_OK(ipaddr_local(&addr, "::1", 7, IPADDR_IPV6));
        CHECK_ERR(socks5_proxy_sendreply(p[1], 9, &addr, -1), EINVAL);
        CHECK_ERR(socks5_proxy_sendreply(p[1], -1, &addr, -1), EINVAL);
        CHECK_ERR(socks5_proxy_sendreply(p[1], 0, NULL, -1), EINVAL);
        CHECK_OK(socks5_proxy_sendreply(p[1], SOCKS5_SUCCESS, &addr, -1));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_INT(client_result, 0);
        CHECK_OK(hclose(b));
        /* What follows is the program's own. */
        char byte;
        CHECK_OK(bsend(p[1], "x", 1, -1));
        CHECK_OK(brecv(p[0], &byte, 1, -1));
        CHECK_OK(hclose(p[0]));
        CHECK_OK(hclose(p[1]));
    }
}

TEST(commands_with_addresses) {
    int p[2];
    CHECK_OK(ipc_pair(p));
    CHECK_OK(bsend(p[0], "\5\2\0\1\xC0\0\2\x09\x1F\x90" "\5\3\0\4\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0"
        "\0\0\0\1\0\x35" "\5\1\0\3\x09" "127.0.0.1\0\x50", 48, -1));
    struct ipaddr addr;
    char text[IPADDR_MAXSTRLEN];
    CHECK_INT(socks5_proxy_recvcommand(p[1], &addr, -1), SOCKS5_BIND);
    CHECK_STR(ipaddr_str(&addr, text), "192.0.2.9");
    CHECK_INT(ipaddr_port(&addr), 8080);
    CHECK_INT(socks5_proxy_recvcommand(p[1], &addr, -1), SOCKS5_UDP_ASSOCIATE);
    CHECK_STR(ipaddr_str(&addr, text), "2001:db8::1");
    CHECK_INT(ipaddr_port(&addr), 53);
    CHECK_INT(socks5_proxy_recvcommand(p[1], &addr, -1), SOCKS5_CONNECT);
    CHECK_STR(ipaddr_str(&addr, text), "127.0.0.1");
    CHECK_ERR(socks5_proxy_recvcommand(p[1], NULL, -1), EINVAL);
    CHECK_ERR(socks5_proxy_recvcommandbyname(p[1], NULL, NULL, -1), EINVAL);
    CHECK_OK(hclose(p[0]));
    CHECK_OK(hclose(p[1]));
}

TEST(passwords) {
    static const struct {const char *name, *word; int open, proxy, client;} cases[] = {
        {"me", "secret", 0, 0, 0}, {"me", "wrong", 0, EACCES, EACCES},
        {"you", "secret", 0, EACCES, EACCES}, {NULL, NULL, 0, EACCES, EACCES},
        {"me", NULL, 0, EACCES, EACCES}, {"me", "secret", 1, 0, 0}, {"", "", 0, EACCES, EACCES},
    };
    for(size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int p[2];
        CHECK_OK(ipc_pair(p));
        int b = bundle();
        CHECK_OK(bundle_go(b, by_name(p[0], cases[i].name, cases[i].word, "host")));
        if(cases[i].proxy) {
            CHECK_ERR(socks5_proxy_auth(p[1], is_welcome, -1), cases[i].proxy);
        } else {
            CHECK_OK(socks5_proxy_auth(p[1], cases[i].open ? NULL : is_welcome, -1));
            char host[256];
            int port;
            CHECK_INT(socks5_proxy_recvcommandbyname(p[1], host, &port, -1), SOCKS5_CONNECT);
            struct ipaddr addr;
            any(&addr);
            CHECK_OK(socks5_proxy_sendreply(p[1], SOCKS5_SUCCESS, &addr, -1));
        }
        CHECK_OK(bundle_wait(b, -1));
        CHECK_INT(client_result, cases[i].client ? -1 : 0);
        if(cases[i].client) CHECK_INT(client_errno, cases[i].client);
        CHECK_OK(hclose(b));
        CHECK_OK(hclose(p[0]));
        CHECK_OK(hclose(p[1]));
    }
}

/* A proxy that answers with these bytes to a client that offers a password or doesn't. */
static void answer(const char *bytes, size_t len, int password, int err) {
    int p[2];
    CHECK_OK(ipc_pair(p));
    CHECK_OK(bsend(p[1], bytes, len, -1));
    by_name(p[0], password ? "me" : NULL, password ? "secret" : NULL, "host");
    CHECK_INT(client_result, -1);
    CHECK_INT(client_errno, err);
    CHECK_OK(hclose(p[0]));
    CHECK_OK(hclose(p[1]));
}

TEST(wrong_proxies) {
    static const int replies[] = {EIO, EACCES, ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, ETIMEDOUT,
        EOPNOTSUPP, EAFNOSUPPORT, EPROTO};
    char reply[] = "\5\0\5\0\0\1\0\0\0\0\0\0";
    for(int i = 0; i != 9; ++i) {
        reply[3] = (char)(i + 1);
        answer(reply, 12, 0, replies[i]);
    }
    answer("\4\0", 2, 0, EPROTO);
    answer("\5\xFF", 2, 0, EACCES);
    answer("\5\2", 2, 0, EPROTO);    /* not offered */
    answer("\5\1", 2, 1, EPROTO);
    answer("\5\2\1\1", 4, 1, EACCES);
    answer("\5\2\5\0", 4, 1, EPROTO);
    answer("\5\0\5\0\0\2\0\0\0\0\0\0", 12, 0, EPROTO);
    answer("\5\0\5\0\1\1\0\0\0\0\0\0", 12, 0, EPROTO);
    answer("\5\0\4\0\0\1\0\0\0\0\0\0", 12, 0, EPROTO);
}

static void request(const char *bytes, size_t len, int err) {
    int p[2];
    char host[256];
    int port;
    CHECK_OK(ipc_pair(p));
    CHECK_OK(bsend(p[0], bytes, len, -1));
    CHECK_ERR(socks5_proxy_recvcommandbyname(p[1], host, &port, now() + 1000), err);
    CHECK_OK(hclose(p[0]));
    CHECK_OK(hclose(p[1]));
}

TEST(wrong_clients) {
    request("\4\1\0\1\0\0\0\0\0\0", 10, EPROTO);
    request("\5\0\0\1\0\0\0\0\0\0", 10, EPROTO);
    request("\5\4\0\1\0\0\0\0\0\0", 10, EPROTO);
    request("\5\1\7\1\0\0\0\0\0\0", 10, EPROTO);
    request("\5\1\0\2\0\0\0\0\0\0", 10, EPROTO);
    request("\5\1\0\3\0\0\0", 7, EPROTO);
    request("\5\1\0\3\3a\0b\0\0", 10, EPROTO);
    int p[2];
    CHECK_OK(ipc_pair(p));
    CHECK_OK(bsend(p[0], "\4\1\0", 3, -1));
    CHECK_ERR(socks5_proxy_auth(p[1], NULL, -1), EPROTO);
    CHECK_OK(hclose(p[0]));
    CHECK_OK(hclose(p[1]));
    CHECK_OK(ipc_pair(p));
    CHECK_OK(bsend(p[0], "\5\1\2\1\3m\0e\1x", 10, -1));
    CHECK_ERR(socks5_proxy_auth(p[1], is_welcome, -1), EPROTO);
    CHECK_OK(hclose(p[0]));
    CHECK_OK(hclose(p[1]));
}

TEST(wrong_arguments) {
    static char too_long[257];
    memset(too_long, 'x', 256);
    int p[2];
    CHECK_OK(ipc_pair(p));
    CHECK_ERR(socks5_client_connectbyname(p[0], NULL, NULL, NULL, 80, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(p[0], NULL, NULL, "", 80, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(p[0], NULL, NULL, too_long, 80, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(p[0], NULL, NULL, "host", 0, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(p[0], NULL, NULL, "host", 65536, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(p[0], too_long, "x", "host", 80, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(p[0], "x", too_long, "host", 80, -1), EINVAL);
    CHECK_ERR(socks5_client_connect(p[0], NULL, NULL, NULL, -1), EINVAL);
    /* Nothing has been sent. */
    CHECK_ERR(brecv(p[1], too_long, 1, 0), ETIMEDOUT);
    CHECK_OK(hclose(p[0]));
    CHECK_OK(hclose(p[1]));
    CHECK_ERR(socks5_proxy_auth(p[0], NULL, -1), EBADF);
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_ERR(socks5_proxy_auth(ch[0], NULL, -1), ENOTSUP);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}
