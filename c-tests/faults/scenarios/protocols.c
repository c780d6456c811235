/* The protocols on top of sockets. */

#include "shared.h"

#define CA "c-tests/certs/ca.pem"
#define CERT "c-tests/certs/chain.pem"
#define KEY "c-tests/certs/server.key"

static coroutine void sends_messages(int s) {
    char buf[600];
    fill(buf, sizeof(buf));
    for(int i = 0; i != 3; i++) if(T(msend(s, buf, sizeof(buf), soon())) < 0) break;
}

/* Messages in both directions: each that arrives is whole. */
static void messages(int a, int b) {
    char buf[700];
    for(int i = 0; i != 2; i++) {
        int sender = H(go(sends_messages(i ? b : a)));
        for(int k = 0; sender >= 0 && k != 3; k++) {
            int size = T(mrecv(i ? a : b, buf, sizeof(buf), soon()));
            if(size < 0) break;
            CHECK_INT(size, 600);
            CHECK(is_whole(buf, 600));
        }
        (void)T(hclose(sender));
    }
}

void prefix(void) {
    int s[2];
    struct prefix_storage mem;
    if(pair(s) == 0) {
        int a = H(prefix_attach(s[0], 2, 0)), b = H(prefix_attach_mem(s[1], 2, 0, &mem));
        if(a >= 0 && b >= 0) messages(a, b);
        a = H(prefix_detach(a));
        b = H(prefix_detach(b));
        if(a >= 0 && b >= 0) exchange(a, b);
    }
    close_all();
}

void suffix(void) {
    int s[2];
    if(pair(s) == 0) {
        int a = H(suffix_attach(s[0], "\r\n.\r\n", 5)), b = H(suffix_attach(s[1], "\r\n.\r\n", 5));
        char buf[100];
        if(a >= 0 && b >= 0 && T(msend(a, "hello", 5, soon())) == 0) {
            int size = T(mrecv(b, buf, sizeof(buf), soon()));
            if(size >= 0) CHECK(size == 5 && memcmp(buf, "hello", 5) == 0);
            (void)T(msend(a, "", 0, soon()));
        }
        (void)H(suffix_detach(a, soon()));
        (void)H(suffix_detach(b, soon()));
    }
    close_all();
}

static coroutine void ends_term(int s) {
    char buf[10];
    if(T(mrecv(s, buf, sizeof(buf), soon())) < 0 && errno == EPIPE)
        (void)H(term_detach(s, soon()));
}

void term(void) {
    int s[2];
    if(pair(s) == 0) {
        int a = H(term_attach(H(prefix_attach(s[0], 2, 0)), "STOP", 4));
        int b = H(term_attach(H(prefix_attach(s[1], 2, 0)), "STOP", 4));
        if(a >= 0 && b >= 0) {
            messages(a, b);
            int ending = H(go(ends_term(b)));
            a = H(term_detach(a, soon()));
            if(a >= 0) (void)H(prefix_detach(a));
            (void)T(bundle_wait(ending, soon()));
        }
    }
    close_all();
}

static coroutine void serves_http(int s) {
    char command[16], resource[64], name[64], value[64], body[100];
    s = H(http_attach(s));
    for(int i = 0; s >= 0 && i != 2; i++) {
        if(T(http_recvrequest(s, command, sizeof(command), resource, sizeof(resource),
                soon())) < 0) break;
        CHECK_STR(command, "POST");
        CHECK_STR(resource, "/path");
        while(T(http_recvfield(s, name, sizeof(name), value, sizeof(value), soon())) == 0) {}
        if(errno != EPIPE) break;
        ptrdiff_t size, all = 0;
        while((size = T(http_recvbody(s, body + all, 50 - (size_t)all, soon()))) > 0) all += size;
        if(size < 0 && errno != EPIPE) break;
        CHECK_INT(all, 5);
        CHECK_OK(memcmp(body, "hello", 5));
        if(T(http_sendstatus(s, 200, "OK", soon())) < 0) break;
        if(T(http_sendfield(s, "Transfer-Encoding", "chunked", soon())) < 0) break;
        if(T(http_sendbody(s, "answer", 6, soon())) < 0) break;
        if(T(http_donebody(s, soon())) < 0) break;
    }
    (void)T(hclose(s));
}

void http(void) {
    int s[2];
    char reason[32], name[64], value[64], body[100];
    if(pair(s) == 0) {
        int b = H(go(serves_http(s[1])));
        int h = H(http_attach(s[0]));
        for(int i = 0; h >= 0 && i != 2; i++) {
            if(T(http_sendrequest(h, "POST", "/path", soon())) < 0) break;
            if(T(http_sendfield(h, "Host", "example.org", soon())) < 0) break;
            if(T(http_sendfield(h, "Content-Length", "5", soon())) < 0) break;
            if(T(http_sendbody(h, "hello", 5, soon())) < 0) break;
            int status = T(http_recvstatus(h, reason, sizeof(reason), soon()));
            if(status < 0) break;
            CHECK_INT(status, 200);
            while(T(http_recvfield(h, name, sizeof(name), value, sizeof(value), soon())) == 0) {}
            if(errno != EPIPE) break;
            ptrdiff_t size, all = 0;
            while((size = T(http_recvbody(h, body + all, 50 - (size_t)all, soon()))) > 0)
                all += size;
            if(size < 0 && errno != EPIPE) break;
            CHECK_INT(all, 6);
            CHECK_OK(memcmp(body, "answer", 6));
        }
        (void)H(http_detach(h, soon()));
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static coroutine void serves_ws(int s) {
    char resource[64], host[64], buf[700];
    s = H(ws_attach_server(s, WS_BINARY, resource, sizeof(resource), host, sizeof(host),
        soon()));
    if(s < 0) return;
    for(int size; (size = T(mrecv(s, buf, sizeof(buf), soon()))) >= 0;)
        if(T(msend(s, buf, (size_t)size, soon())) < 0) break;
    (void)H(ws_detach(s, 1000, "bye", 3, soon()));
}

void ws(void) {
    int s[2];
    char buf[700];
    if(pair(s) == 0) {
        int b = H(go(serves_ws(s[1])));
        int w = H(ws_attach_client(s[0], WS_BINARY, "/chat", "example.org", soon()));
        for(int i = 0; w >= 0 && i != 2; i++) {
            fill(buf, 600);
            if(T(msend(w, buf, 600, soon())) < 0) break;
            memset(buf, 0, sizeof(buf));
            int size = T(mrecv(w, buf, sizeof(buf), soon()));
            if(size < 0) break;
            CHECK_INT(size, 600);
            CHECK(is_whole(buf, 600));
        }
        (void)H(ws_detach(w, 1000, "bye", 3, soon()));
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static int approve(const char *user, const char *password) {
    return strcmp(user, "user") == 0 && strcmp(password, "password") == 0;
}

static coroutine void serves_socks(int s) {
    char host[256];
    int port;
    struct ipaddr addr;
    if(T(socks5_proxy_auth(s, approve, soon())) < 0) goto end;
    if(T(socks5_proxy_recvcommandbyname(s, host, &port, soon())) < 0) goto end;
    CHECK_STR(host, "example.org");
    CHECK_INT(port, 80);
    if(T(ipaddr_local(&addr, "127.0.0.1", 7, IPADDR_IPV4)) < 0) goto end;
    if(T(socks5_proxy_sendreply(s, SOCKS5_SUCCESS, &addr, soon())) < 0) goto end;
    (void)takes(s, SIZE);
end:
    (void)T(hclose(s));
}

void socks5(void) {
    int s[2];
    if(pair(s) == 0) {
        int b = H(go(serves_socks(s[1])));
        if(T(socks5_client_connectbyname(s[0], "user", "password", "example.org", 80,
                soon())) == 0)
            gives(s[0], SIZE);
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static coroutine void serves_tls(int s, int verify) {
    s = verify ? H(tls_attach_server_verify(s, CERT, KEY, CA, now() + 100)) :
        H(tls_attach_server(s, CERT, KEY, soon()));
    if(s < 0) return;
    if(takes(s, SIZE) == 0) gives(s, SIZE);
    (void)H(tls_detach(s, soon()));
}

static void tls_between(int verify) {
    int s[2];
    if(pair(s) == 0) {
        int b = H(go(serves_tls(s[1], verify)));
        int t = H(tls_attach_client_verify(s[0], "localhost", CA, soon()));
        if(t >= 0) {
            gives(t, SIZE);
            (void)takes(t, SIZE);
            (void)H(tls_detach(t, soon()));
        }
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

void tls(void) {
    tls_between(0);
}

/* The server refuses a client without a certificate. */
void tls_refused(void) {
    tls_between(1);
}
