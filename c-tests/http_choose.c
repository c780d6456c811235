/* CHSOCK on an HTTP socket within a body that comes in chunks: what stands between two of them is
   no input, as a receive of the body would wait behind it. */

#include "tls.h"

ALL_TESTS(BOTH_POLLERS, VARIANTS("tcp ipc tls"))

enum beneath { TCP, IPC, TLS, BENEATHS };

static char name[64], value[64], buf[256];

static enum beneath beneath;

BEFORE_EACH_KEEPING_FDS {
    beneath = (enum beneath)variant();
}

static void put(int raw, const char *text) {
    CHECK_OK(bsend(raw, text, strlen(text), -1));
}

static int ready(int s, int64_t deadline) {
    struct chclause clause = {CHSOCK, s, NULL, 0};
    return choose(&clause, 1, deadline);
}

static void open_both(int *s, int *raw) {
    int p[2];
    if(beneath == IPC) CHECK_OK(ipc_pair(p));
    else tcp_pair(p);
    if(beneath == TLS) tls_pair_on(p);
    *s = http_attach(p[0]);
    CHECK_HANDLE(*s);
    *raw = p[1];
    put(*raw, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK_OK(http_recvrequest(*s, name, sizeof(name), value, sizeof(value), now() + 10000));
    while(http_recvfield(*s, name, sizeof(name), value, sizeof(value), now() + 10000) == 0) {}
    CHECK_INT(errno, EPIPE);
}

static void body_is(int s, const char *text) {
    size_t len = strlen(text);
    CHECK_INT(http_recvbody(s, buf, len, now() + 10000), (ssize_t)len);
    CHECK(memcmp(buf, text, len) == 0);
}

static void body_ends(int s, int raw) {
    CHECK_ERR(http_recvbody(s, buf, 1, now() + 10000), EPIPE);
    put(raw, "GET /next HTTP/1.1\r\n\r\n");
    CHECK_OK(http_recvrequest(s, name, sizeof(name), value, sizeof(value), now() + 10000));
    CHECK_STR(value, "/next");
}

TEST(only_content_counts) {
    int s, raw;
    open_both(&s, &raw);
    put(raw, "5\r\nhello\r\n");
    CHECK_INT(ready(s, now() + 10000), 0);
    body_is(s, "hello");
    CHECK_ERR(ready(s, now() + 2), ETIMEDOUT);
    put(raw, "3\r\n");
    CHECK_ERR(ready(s, now() + 2), ETIMEDOUT);
    put(raw, "a");
    CHECK_INT(ready(s, now() + 10000), 0);
    put(raw, "bc");
    body_is(s, "abc");
    for(const char *p = "\r\n2; name=value\r\n"; *p; ++p) {
        char c[] = {*p, 0};
        put(raw, c);
        CHECK_ERR(ready(s, now() + 1), ETIMEDOUT);
    }
    put(raw, "hi");
    CHECK_INT(ready(s, now() + 10000), 0);
    body_is(s, "hi");
    /* The end of the body is something to tell of. */
    put(raw, "\r\n0\r\n");
    CHECK_INT(ready(s, now() + 10000), 0);
    put(raw, "Trailer: x\r\n\r\n");
    CHECK_INT(ready(s, now() + 10000), 0);
    body_ends(s, raw);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}

static coroutine void set_done(int ch) {
    CHECK_OK(yield());
    CHECK_OK(chdone(ch));
}

/* A receive begins with what a choose has taken; and one that was interrupted before it got any
   more changes nothing. */
static void receive_behind(const char *between, int end) {
    size_t len = strlen(between);
    for(size_t cut = 0; cut <= len; ++cut) {
        int s, raw, ch[2];
        open_both(&s, &raw);
        put(raw, "1\r\na");
        body_is(s, "a");
        char start[32];
        memcpy(start, between, cut);
        start[cut] = 0;
        put(raw, start);
        if(ready(s, now() + 1) < 0) {
            CHECK_INT(errno, ETIMEDOUT);
            CHECK_OK(chmake(ch));
            struct cancel_scope scope;
            CHECK_OK(cancel_enter(&scope, ch[1], -1));
            int b = go(set_done(ch[0]));
            CHECK_HANDLE(b);
            CHECK_ERR(http_recvbody(s, buf, 1, now() + 10000), ECANCELED);
            CHECK_ERR(cancel_leave(&scope), ECANCELED);
            CHECK_OK(hclose(b));
            CHECK_OK(hclose(ch[0]));
            CHECK_OK(hclose(ch[1]));
        }
        put(raw, between + cut);
        if(!end) {
            put(raw, "b\r\n0\r\n");
            body_is(s, "b");
        }
        put(raw, "\r\n");
        body_ends(s, raw);
        CHECK_OK(hclose(s));
        CHECK_OK(hclose(raw));
    }
}

TEST(a_receive_goes_on) {
    receive_behind("\r\n1;x\r\n", 0);
    receive_behind("\r\n0\r\n", 1);
}

/* What breaks the protocol makes it ready, and the receive tells of it. */
TEST(faults) {
    static const char *const faulty[] = {"xx", "\rx", "\r\nx\r\n", "\r\n1\n", "\r\n\r\n"};
    for(size_t i = 0; i != sizeof(faulty) / sizeof(faulty[0]); ++i) {
        int s, raw;
        open_both(&s, &raw);
        put(raw, "1\r\na");
        body_is(s, "a");
        put(raw, faulty[i]);
        CHECK_INT(ready(s, now() + 10000), 0);
        CHECK_ERR(http_recvbody(s, buf, 1, now() + 10000), EPROTO);
        CHECK_OK(hclose(s));
        CHECK_OK(hclose(raw));
    }
}

/* A body of which nothing was received is left to the stream beneath, from its beginning. */
TEST(untouched_body) {
    int s, raw;
    open_both(&s, &raw);
    put(raw, "5\r\n");
    (void)ready(s, now() + 1);
    s = http_detach(s, now() + 10000);
    CHECK_HANDLE(s);
    CHECK_OK(brecv(s, buf, 3, now() + 10000));
    CHECK(memcmp(buf, "5\r\n", 3) == 0);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}
