/* TCP connections: listen, connect, accept, data in both directions, half-close,
   the closing handshake, and the variants with storage of the caller's. */

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static coroutine void echoes_upper(int s) {
    char c;
    while(brecv(s, &c, 1, -1) == 0) {
        c = (char)(c - 'a' + 'A');
        CHECK_OK(bsend(s, &c, 1, -1));
    }
    CHECK_INT(errno, EPIPE);
    CHECK_OK(tcp_close(s, -1));
    note("closed");
}

static coroutine void serves_one(int ls) {
    struct ipaddr peer;
    memset(&peer, 0, sizeof(peer));
    int s = tcp_accept(ls, &peer, -1);
    CHECK_HANDLE(s);
    char text[IPADDR_MAXSTRLEN];
    CHECK_STR(ipaddr_str(&peer, text), "127.0.0.1");
    CHECK(ipaddr_port(&peer) > 0);
    int b = go(echoes_upper(s));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

TEST(request_and_reply) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int b = go(serves_one(ls));
    CHECK_HANDLE(b);
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    char buf[5];
    CHECK_OK(bsend(s, "hello", 5, -1));
    CHECK_OK(brecv(s, buf, 5, -1));
    CHECK_OK(memcmp(buf, "HELLO", 5));
    CHECK_OK(bsend(s, "again", 5, now() + 60000));
    CHECK_OK(brecv(s, buf, 5, now() + 60000));
    CHECK_OK(memcmp(buf, "AGAIN", 5));
    CHECK_OK(tcp_close(s, -1));
    CHECK_ERR(hclose(s), EBADF);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("closed");
    CHECK_OK(hclose(b));
    CHECK_OK(tcp_close(ls, -1));
    CHECK_ERR(tcp_accept(ls, NULL, -1), EBADF);
}

static coroutine void receives_later(int s, const char *expected) {
    char buf[16];
    CHECK_WAITED(brecv(s, buf, strlen(expected), -1));
    CHECK_OK(memcmp(buf, expected, strlen(expected)));
    note("received");
}

TEST(waiting_clears_errno) {
    int s[2];
    char c;
    tcp_pair(s);
    int b = go(receives_later(s[1], "abc"));
    CHECK_HANDLE(b);
    CHECK_OK(bsend(s[0], "ab", 2, -1));
    CHECK_ERR(bundle_wait(b, now() + 5), ETIMEDOUT);
    CHECK_OK(bsend(s[0], "c", 1, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("received");
    CHECK_OK(hclose(b));
    CHECK_ERR(brecv(s[0], &c, 1, 0), ETIMEDOUT);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(half_close) {
    int s[2];
    char buf[3];
    tcp_pair(s);
    CHECK_OK(bsend(s[0], "ABC", 3, -1));
    CHECK_OK(tcp_done(s[0], -1));
    CHECK_ERR(tcp_done(s[0], -1), EPIPE);
    CHECK_ERR(bsend(s[0], "x", 1, -1), EPIPE);
    /* What was sent before the end still arrives, then there is only the end. */
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_OK(memcmp(buf, "ABC", 3));
    for(int i = 0; i != 3; ++i) CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_ERR(brecv(s[1], buf, 1, 0), EPIPE);
    /* The other direction is open. */
    CHECK_OK(bsend(s[1], "DEF", 3, -1));
    CHECK_OK(brecv(s[0], buf, 3, -1));
    CHECK_OK(memcmp(buf, "DEF", 3));
    CHECK_OK(tcp_close(s[1], -1));
    CHECK_ERR(brecv(s[0], buf, 1, -1), EPIPE);
    CHECK_OK(tcp_close(s[0], -1));
}

static coroutine void closes(int s) {
    CHECK_OK(tcp_close(s, -1));
    note("closed");
}

TEST(closing_handshake) {
    int s[2];
    char buf[4];
    tcp_pair(s);
    CHECK_OK(bsend(s[0], "last", 4, -1));
    int b = go(closes(s[0]));
    CHECK_HANDLE(b);
    /* It waits for the peer to end as well, discarding what still comes. */
    CHECK_OK(bsend(s[1], "unread", 6, -1));
    CHECK_OK(yield());
    CHECK_NOTES("");
    CHECK_OK(brecv(s[1], buf, 4, -1));
    CHECK_OK(memcmp(buf, "last", 4));
    CHECK_OK(tcp_close(s[1], -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("closed");
    CHECK_OK(hclose(b));
    /* Both at the same time. */
    tcp_pair(s);
    b = go(closes(s[0]));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, closes(s[1])));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("closed closed");
    CHECK_OK(hclose(b));
}

TEST(user_storage) {
    static struct tcp_listener_storage lmem;
    static struct tcp_storage cmem, amem;
    for(int i = 0; i != 3; ++i) {
        struct ipaddr addr;
        char c;
        memset(&lmem, 0x5a, sizeof(lmem));
        memset(&cmem, 0x5a, sizeof(cmem));
        memset(&amem, 0x5a, sizeof(amem));
        CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, 0));
        int ls = tcp_listen_mem(&addr, 1, &lmem);
        CHECK_HANDLE(ls);
        int cs = tcp_connect_mem(&addr, &cmem, -1);
        CHECK_HANDLE(cs);
        int as = tcp_accept_mem(ls, NULL, &amem, -1);
        CHECK_HANDLE(as);
        CHECK_OK(bsend(cs, "x", 1, -1));
        CHECK_OK(brecv(as, &c, 1, -1));
        CHECK_INT(c, 'x');
        /* Half a message is left in the receiver's buffer. */
        CHECK_OK(bsend(cs, "yz", 2, -1));
        CHECK_OK(brecv(as, &c, 1, -1));
        int moved = hown(as);
        CHECK_HANDLE(moved);
        CHECK_OK(brecv(moved, &c, 1, -1));
        CHECK_INT(c, 'z');
        CHECK_OK(hclose(moved));
        CHECK_OK(hclose(cs));
        CHECK_OK(hclose(ls));
    }
}

TEST(ephemeral_ports) {
    struct ipaddr a, b;
    int ls1 = loopback_listener(&a);
    int ls2 = loopback_listener(&b);
    CHECK(ipaddr_port(&a) != ipaddr_port(&b));
    CHECK_INT(ipaddr_equal(&a, &b, 1), 1);
    /* The port that was given out is the port one gets. */
    CHECK_ERR(tcp_listen(&a, 1), EADDRINUSE);
    CHECK_OK(hclose(ls1));
    int port = ipaddr_port(&a);
    ls1 = tcp_listen(&a, 1);
    CHECK_HANDLE(ls1);
    CHECK_INT(ipaddr_port(&a), port);
    CHECK_OK(hclose(ls1));
    CHECK_OK(hclose(ls2));
    CHECK_OK(ipaddr_local(&a, NULL, 0, 0));
    ls1 = tcp_listen(&a, 1);
    CHECK_HANDLE(ls1);
    CHECK(ipaddr_port(&a) > 0);
    CHECK_OK(hclose(ls1));
}

TEST(ipv6) {
    struct ipaddr addr;
    char c;
    CHECK_OK(ipaddr_local(&addr, "::1", 0, IPADDR_IPV6));
    int ls = tcp_listen(&addr, 1);
    if(ls < 0) {
        CHECK(errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT);
        return;
    }
    int cs = tcp_connect(&addr, -1);
    CHECK_HANDLE(cs);
    struct ipaddr peer;
    int as = tcp_accept(ls, &peer, -1);
    CHECK_HANDLE(as);
    CHECK_INT(ipaddr_family(&peer), AF_INET6);
    CHECK_INT(ipaddr_equal(&peer, &addr, 1), 1);
    CHECK_OK(bsend(cs, "6", 1, -1));
    CHECK_OK(brecv(as, &c, 1, -1));
    CHECK_INT(c, '6');
    CHECK_OK(hclose(cs));
    CHECK_OK(hclose(as));
    CHECK_OK(hclose(ls));
}

/* Many connections at once through one listener. */
static coroutine void client(struct ipaddr addr, int id) {
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    for(int i = 0; i != 20; ++i) {
        int out = id * 1000 + i, in = -1;
        CHECK_OK(bsend(s, &out, sizeof(out), -1));
        CHECK_OK(brecv(s, &in, sizeof(in), -1));
        CHECK_INT(in, out);
    }
    CHECK_OK(tcp_close(s, -1));
}

static coroutine void server_connection(int s) {
    int val;
    while(brecv(s, &val, sizeof(val), -1) == 0)
        CHECK_OK(bsend(s, &val, sizeof(val), -1));
    CHECK_INT(errno, EPIPE);
    CHECK_OK(tcp_close(s, -1));
}

static coroutine void server(int ls, int b) {
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        if(s < 0) break;
        CHECK_OK(bundle_go(b, server_connection(s)));
    }
    CHECK_INT(errno, ECANCELED);
}

TEST(many_connections) {
    struct ipaddr addr;
    int nfds = count_fds();
    int ls = loopback_listener(&addr);
    int connections = bundle(), clients = bundle();
    CHECK_HANDLE(connections);
    CHECK_HANDLE(clients);
    int srv = go(server(ls, connections));
    CHECK_HANDLE(srv);
    for(int i = 0; i != 40; ++i)
        CHECK_OK(bundle_go(clients, client(addr, i)));
    CHECK_OK(bundle_wait(clients, -1));
    CHECK_OK(bundle_wait(connections, -1));
    CHECK_OK(hclose(srv));
    CHECK_OK(hclose(clients));
    CHECK_OK(hclose(connections));
    CHECK_OK(hclose(ls));
    CHECK_INT(count_fds(), nfds);
}
