/* Detaching HTTP before the peer's head was received: it is waited for and dropped. */

#include "stacks.h"

ALL_TESTS(BOTH_POLLERS, VARIANTS("tcp ipc trickle"))

static enum transport transport;

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
    transport = (enum transport)variant();
}

static char name[64], value[64], buf[64];

/* One end speaks HTTP, the other one is a plain byte stream. */
static void half(int *s, int *raw) {
    int p[2];
    transport_pair(transport == OVER_TCP ? OVER_TCP : OVER_IPC, p);
    if(transport == OVER_TRICKLE) p[0] = trickle_attach(p[0]);
    *s = http_attach(p[0]);
    CHECK_HANDLE(*s);
    *raw = p[1];
}

static void put(int s, const char *text) {
    CHECK_OK(bsend(s, text, strlen(text), -1));
}

/* What comes next on a byte stream is exactly this. */
static void expect(int s, const char *text) {
    CHECK_OK(brecv(s, buf, strlen(text), now() + 10000));
    buf[strlen(text)] = 0;
    CHECK_STR(buf, text);
}

static void get(int s) {
    CHECK_OK(http_sendrequest(s, "GET", "/", -1));
    CHECK_OK(http_sendfield(s, "Host", "x", -1));
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define ANSWER(body) "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" body

/* Both ends are plain byte streams now, which carry bytes both ways. */
static void are_plain(int a, int b) {
    put(a, "there");
    expect(b, "there");
    put(b, "back");
    expect(a, "back");
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(b));
}

/* Detaches: until then these bytes were sent, and those are left to receive. */
static void detach(int s, int raw, int64_t deadline, const char *sent, const char *left) {
    s = http_detach(s, deadline);
    CHECK_HANDLE(s);
    expect(raw, sent);
    expect(s, left);
    are_plain(s, raw);
}

static int detached;

static coroutine void detaches(int s) {
    detached = http_detach(s, now() + 10000);
    CHECK_HANDLE(detached);
}

/* Detaches while the peer has sent nothing, and once more while its answer is there; then the
   stream is where that leaves it. */
static void leaves(void (*begin)(int s), const char *sent, const char *comes, const char *left) {
    for(int early = 0; early != 2; ++early) {
        int s, raw;
        half(&s, &raw);
        if(begin) begin(s);
        if(!early) put(raw, comes);
        detached = -1;
        int b = go(detaches(s));
        CHECK_HANDLE(b);
        expect(raw, sent);
        CHECK_OK(msleep(now() + 1));
        if(early) {
            CHECK_INT(detached, -1);
            put(raw, comes);
        }
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        expect(detached, left);
        are_plain(detached, raw);
    }
}

static void get_twice(int s) {
    get(s);
    CHECK_OK(http_done(s, -1));
    get(s);
}

static void status(int s) {
    CHECK_OK(http_sendstatus(s, 204, "No Content", -1));
}

TEST(all_heads) {
    leaves(get, GET, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: y\r\n\r\nbody", "body");
    leaves(get, GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n",
        "2\r\nbo\r\n");
    leaves(get, GET, "HTTP/1.1 200 OK\r\n\r\nbody", "body");
    leaves(get, GET, NO_CONTENT "body", "body");
    leaves(get, GET, "HTTP/1.0 404 Not Found\r\n\r\nbody", "body");
    leaves(get, GET, "HTTP/1.1 101 Switching Protocols\r\n\r\nbody", "body");
    /* Those only announce another one. */
    leaves(get, GET, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n"
        "HTTP/1.1 200 OK\r\n\r\nbody", "body");
    leaves(get_twice, GET GET, NO_CONTENT "HTTP/1.1 200 OK\r\n\r\nbody", "body");
    /* The peer has detached, too. */
    leaves(get, GET, "\r\nbody", "body");
    leaves(status, NO_CONTENT, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
        "body");
    /* Nothing was said yet: in place of a head comes an empty line. */
    leaves(NULL, "\r\n", "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "body");
    leaves(NULL, "\r\n", "HTTP/1.1 200 OK\r\n\r\nbody", "body");
    leaves(NULL, "\r\n", "\r\nbody", "body");
}

/* A connection that has been used for an exchange already. */
TEST(kept_alive) {
    int s, raw;
    half(&s, &raw);
    put(raw, ANSWER("one"));
    get(s);
    CHECK_OK(http_done(s, -1));
    CHECK_INT(http_recvstatus(s, name, sizeof(name), -1), 200);
    CHECK_INT(http_recvbody(s, buf, 3, -1), 3);
    get(s);
    put(raw, ANSWER("two"));
    detach(s, raw, now() + 10000, GET GET, "two");
}

/* The answer's head was received: nothing is due any more. */
TEST(client_is_complete) {
    int s, raw;
    half(&s, &raw);
    put(raw, ANSWER("one"));
    get(s);
    CHECK_INT(http_recvstatus(s, name, sizeof(name), -1), 200);
    detach(s, raw, 0, GET, "one");
}

/* The request was received, and the answer is begun. */
TEST(server_is_complete) {
    int s, raw;
    half(&s, &raw);
    put(raw, "GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    CHECK_OK(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1));
    status(s);
    detach(s, raw, now() + 10000, NO_CONTENT, "GET /2 HTTP/1.1\r\n\r\n");
}

/* Two of ours that have got to detaching, from wherever they are. */
TEST(both_detach) {
    for(int request = 0; request != 4; ++request) {
        int p[2];
        transport_pair(transport, p);
        for(int i = 0; i != 2; ++i) CHECK_HANDLE(p[i] = http_attach(p[i]));
        if(request) get(p[0]);
        if(request > 1) CHECK_OK(http_done(p[0], -1));
        if(request > 1)
            CHECK_OK(http_recvrequest(p[1], name, sizeof(name), value, sizeof(value), -1));
        if(request > 2) status(p[1]);
        int b = go(detaches(p[0]));
        CHECK_HANDLE(b);
        p[1] = http_detach(p[1], now() + 10000);
        CHECK_HANDLE(p[1]);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        are_plain(detached, p[1]);
    }
}

static void end(int s) {
    if(tcp_done(s, -1) < 0) CHECK_OK(ipc_done(s, -1));
}

static void fails(void (*begin)(int s), const char *comes, int ends, int64_t deadline, int err) {
    int s, raw;
    half(&s, &raw);
    if(begin) begin(s);
    put(raw, comes);
    if(ends) end(raw);
    CHECK_ERR(http_detach(s, deadline < 0 ? -1 : deadline + (deadline ? now() : 0)), err);
    CHECK_ERR(hclose(s), EBADF);
    CHECK_OK(hclose(raw));
}

TEST(failures) {
    fails(get, "", 0, 20, ETIMEDOUT);
    fails(get, "", 0, 0, ETIMEDOUT);
    fails(NULL, "", 0, 20, ETIMEDOUT);
    fails(get, "HTTP/1.1 200 OK\r\nX: y\r\n", 0, 20, ETIMEDOUT);
    fails(get, "HTTP/1.1 100 Continue\r\n\r\n", 0, 20, ETIMEDOUT);
    fails(get, "", 1, -1, ECONNRESET);
    fails(NULL, "", 1, -1, ECONNRESET);
    fails(status, "", 1, -1, ECONNRESET);
    fails(get, "HTTP/1.1 200", 1, -1, ECONNRESET);
    fails(get, "HTTP/1.1 200 OK\r\nX: y\r\n", 1, -1, ECONNRESET);
    fails(get, "HTTP/1.1 100 Continue\r\n\r\n", 1, -1, ECONNRESET);
    fails(get, "nonsense\r\n\r\n", 0, -1, EPROTO);
    fails(get, "GET / HTTP/1.1\r\n\r\n", 0, -1, EPROTO);
    fails(get, "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", 0, -1, EPROTO);
    fails(get, "HTTP/1.1 200 OK\n\n", 0, -1, EPROTO);
    fails(get, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0, -1, EPROTO);
    fails(status, "HTTP/1.1 200 OK\r\n\r\n", 0, -1, EPROTO);
    fails(NULL, "nonsense\r\n\r\n", 0, -1, EPROTO);
}

static coroutine void is_cancelled(int s) {
    CHECK_ERR(http_detach(s, -1), ECANCELED);
    CHECK_ERR(hclose(s), EBADF);
    note("cancelled");
}

TEST(cancellation) {
    int s, raw;
    half(&s, &raw);
    get(s);
    int b = go(is_cancelled(s));
    CHECK_HANDLE(b);
    expect(raw, GET);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    CHECK_OK(hclose(raw));
}

/* A peer that has gone before it said anything owes nothing any more: the user knows. */
TEST(gone) {
    int s, raw;
    half(&s, &raw);
    end(raw);
    CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    CHECK_ERR(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1), ECONNRESET);
    CHECK_ERR(http_recvbody(s, buf, 1, -1), ECONNRESET);
    CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    s = http_detach(s, -1);
    CHECK_HANDLE(s);
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}

/* A head that was not received because a scope has ended the call can be received later; until
   then there is no field. */
TEST(no_head) {
    int s, raw;
    half(&s, &raw);
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, now() + 20));
    CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    CHECK_ERR(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1), ECONNRESET);
    CHECK_ERR(brecv(s, buf, 1, -1), ECONNRESET);
    put(raw, "PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    CHECK_OK(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1));
    CHECK_OK(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1));
    CHECK_ERR(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    CHECK_OK(brecv(s, buf, 1, -1));
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    CHECK_ERR(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), now() + 20), ETIMEDOUT);
    CHECK_ERR(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1), ECONNRESET);
    CHECK_ERR(http_recvbody(s, buf, 1, -1), ECONNRESET);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}
