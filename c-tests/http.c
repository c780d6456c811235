/* HTTP sockets: heads, bodies, keep-alive, what is refused, and what is left beneath. */

#include <libdillimpl.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

static void text_to(int s, const char *text) {
    CHECK_OK(bsend(s, text, strlen(text), -1));
}

/* What comes next on a byte stream is exactly this. */
static void expect(int s, const char *text) {
    char buf[1024];
    CHECK(strlen(text) < sizeof(buf));
    CHECK_OK(brecv(s, buf, strlen(text), now() + 2000));
    buf[strlen(text)] = 0;
    CHECK_STR(buf, text);
}

static void nothing_comes(int s) {
    struct chclause clause = {CHSOCK, s, NULL, 0};
    CHECK_ERR(choose(&clause, 1, 0), ETIMEDOUT);
}

/* One end speaks HTTP, the other one is plain TCP. */
static void half(int *s, int *raw) {
    int p[2];
    tcp_pair(p);
    *s = http_attach(p[0]);
    CHECK_HANDLE(*s);
    *raw = p[1];
}

static char name[256], value[256];

static int field(int s) {
    return http_recvfield(s, name, sizeof(name), value, sizeof(value), -1);
}

static void expect_field(int s, const char *n, const char *v) {
    CHECK_OK(field(s));
    CHECK_STR(name, n);
    CHECK_STR(value, v);
}

static void expect_request(int s, const char *method, const char *resource) {
    CHECK_OK(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1));
    CHECK_STR(name, method);
    CHECK_STR(value, resource);
}

static void expect_status(int s, int status, const char *reason) {
    CHECK_INT(http_recvstatus(s, name, sizeof(name), -1), status);
    CHECK_STR(name, reason);
}

/* A protocol beneath that counts calls and knows no HTTP. */
struct counter {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under, sends;
};

static void *counter_query(struct hvfs *hvfs, const void *type) {
    struct counter *self = (struct counter*)hvfs;
    if(type == bsock_type) return &self->bvfs;
    errno = ENOTSUP;
    return NULL;
}

static void counter_close(struct hvfs *hvfs) {
    CHECK_OK(hclose(((struct counter*)hvfs)->under));
}

#define COUNTER(vfs) ((struct counter*)((char*)(vfs) - offsetof(struct counter, bvfs)))

static int counter_send(struct bsock_vfs *vfs, struct iolist *first, struct iolist *last,
        int64_t deadline) {
    COUNTER(vfs)->sends++;
    return bsendl(COUNTER(vfs)->under, first, last, deadline);
}

static int counter_recv(struct bsock_vfs *vfs, struct iolist *first, struct iolist *last,
        int64_t deadline) {
    return brecvl(COUNTER(vfs)->under, first, last, deadline);
}

TEST(a_head_leaves_in_one_piece) {
    int p[2];
    tcp_pair(p);
    struct counter c = {{counter_query, counter_close}, {counter_send, counter_recv}, p[0], 0};
    int s = http_attach(hmake(&c.hvfs));
    CHECK_HANDLE(s);
    CHECK_OK(http_sendstatus(s, 200, "OK", -1));
    CHECK_OK(http_sendfield(s, "Content-Length", "5", -1));
    nothing_comes(p[1]);
    CHECK_OK(http_done(s, -1));
    CHECK_INT(c.sends, 1);
    expect(p[1], "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    CHECK_OK(http_sendbody(s, "hello", 5, -1));
    CHECK_INT(c.sends, 2);
    expect(p[1], "hello");
    /* The next one together with its body. */
    CHECK_OK(http_sendstatus(s, 200, "", -1));
    CHECK_OK(http_sendfield(s, "Transfer-Encoding", "chunked", -1));
    CHECK_OK(http_sendbody(s, "0123456789abcdef", 16, -1));
    CHECK_INT(c.sends, 3);
    struct iolist tail = {(void*)"c", 1, NULL, 0}, head = {(void*)"ab", 2, &tail, 0};
    CHECK_OK(bsendl(s, &head, &tail, -1));
    CHECK(tail.iol_next == NULL);
    CHECK_OK(http_sendbody(s, NULL, 0, -1));
    CHECK_OK(http_donebody(s, -1));
    CHECK_INT(c.sends, 5);
    expect(p[1], "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"
        "10\r\n0123456789abcdef\r\n3\r\nabc\r\n0\r\n\r\n");
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(p[1]));
}

TEST(requests_one_after_another) {
    int s, raw;
    half(&s, &raw);
    /* All of them at once, and the last one only half. */
    text_to(raw, "GET /1 HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n"
        "POST /2 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
        "PUT /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
        "\r\nPOST /4 HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz"
        "POST /5 HTTP/1.1\r\nContent-Length: 3\r\nFoo: bar\r\n\r\nxyz"
        "GET /6 HTTP/1.0\r\n\r\nhalf");
    char buf[64];
    expect_request(s, "GET", "/1");
    expect_field(s, "Host", "a");
    expect_field(s, "X-Empty", "");
    CHECK_ERR(field(s), EPIPE);
    CHECK_ERR(field(s), EPIPE);
    CHECK_ERR(http_recvbody(s, buf, 1, -1), EPIPE);
    expect_request(s, "POST", "/2");
    expect_field(s, "Content-Length", "5");
    CHECK_ERR(field(s), EPIPE);
    CHECK_INT(http_recvbody(s, buf, 2, -1), 2);
    CHECK_INT(http_recvbody(s, buf + 2, sizeof(buf) - 2, -1), 3);
    CHECK(memcmp(buf, "hello", 5) == 0);
    CHECK_ERR(http_recvbody(s, buf, sizeof(buf), -1), EPIPE);
    expect_request(s, "PUT", "/3");
    /* Fields that nobody has asked for are skipped. */
    struct iolist tail = {buf + 3, 8, NULL, 0}, head = {buf, 3, &tail, 0};
    CHECK_OK(brecvl(s, &head, &tail, -1));
    CHECK(memcmp(buf, "hello world", 11) == 0);
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    /* Bodies and fields that nobody wants are skipped too. */
    expect_request(s, "POST", "/4");
    CHECK_INT(http_recvbody(s, buf, 1, -1), 1);
    expect_request(s, "POST", "/5");
    expect_request(s, "GET", "/6");
    s = http_detach(s, -1);
    CHECK_HANDLE(s);
    expect(s, "half");
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}

TEST(responses) {
    int s, raw;
    half(&s, &raw);
    CHECK_OK(http_sendrequest(s, "HEAD", "/", -1));
    CHECK_OK(http_done(s, -1));
    CHECK_OK(http_sendrequest(s, "GET", "/a%20b", -1));
    CHECK_OK(http_sendfield(s, "Host", " \tx.org ", -1));
    CHECK_OK(http_done(s, -1));
    expect(raw, "HEAD / HTTP/1.1\r\n\r\nGET /a%20b HTTP/1.1\r\nHost: x.org\r\n\r\n");
    /* The response to HEAD has no body, whatever it says; nor has an interim one. */
    text_to(raw, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 404 Not Found\r\n\r\nuntil the end");
    char buf[64];
    expect_status(s, 200, "OK");
    CHECK_ERR(http_recvbody(s, buf, 1, -1), EPIPE);
    expect_status(s, 103, "Early Hints");
    expect_status(s, 404, "Not Found");
    CHECK_OK(tcp_done(raw, -1));
    CHECK_INT(http_recvbody(s, buf, sizeof(buf), -1), 13);
    CHECK(memcmp(buf, "until the end", 13) == 0);
    CHECK_ERR(http_recvbody(s, buf, 1, -1), EPIPE);
    CHECK_ERR(http_recvstatus(s, name, sizeof(name), -1), EPIPE);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}

/* What must be refused, and how. The peer's text is a request. */
static void refuse(const char *text, int err) {
    printf("%s\n", text);
    fflush(stdout);
    for(int cut = 0; cut != 2; cut++) {
        int s, raw;
        half(&s, &raw);
        text_to(raw, text);
        if(cut) CHECK_OK(tcp_done(raw, -1));
        int rc = http_recvrequest(s, name, sizeof(name), value, sizeof(value), now() + 500);
        while(rc == 0) {
            char byte;
            rc = field(s);
            if(rc < 0 && errno == EPIPE) {
                while((rc = (int)http_recvbody(s, &byte, 1, now() + 500)) >= 0);
                if(errno == EPIPE)
                    rc = http_recvrequest(s, name, sizeof(name), value, sizeof(value), now() + 500);
            }
        }
        CHECK_INT(errno, err);
        CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1), ECONNRESET);
        CHECK_ERR(field(s), ECONNRESET);
        /* Answering is still possible. */
        CHECK_OK(http_sendstatus(s, 400, "Bad Request", -1));
        CHECK_OK(http_done(s, -1));
        CHECK_ERR(http_detach(s, -1), ECONNRESET);
        CHECK_ERR(hclose(s), EBADF);
        CHECK_OK(hclose(raw));
    }
}

#define START "POST / HTTP/1.1\r\n"

TEST(what_is_refused) {
    static const char *const bad[] = {
        "nonsense\r\n", "GET /\r\n", "GET / HTTP/2.0\r\n", "GET  / HTTP/1.1\r\n",
        " GET / HTTP/1.1\r\n", "GET / HTTP/1.1\nHost: x\r\n", "GET /\rx HTTP/1.1\r\n",
        "GE(T / HTTP/1.1\r\n", "GET / x HTTP/1.1\r\n",
        START "Foo: bar\nBaz: x\r\n", START "Foo : bar\r\n", START "Foo\r\n", START ": bar\r\n",
        START "Foo: bar\r\n baz\r\n", START "Foo: bar\r\n\tbaz\r\n", START " Foo: bar\r\n",
        START "Foo: a\rb\r\n", START "Foo: a\x01\r\n",
        START "Content-Length: 1\r\nContent-Length: 1\r\n",
        START "Content-Length: 1\r\ncontent-length: 2\r\n",
        START "Content-Length: 1, 1\r\n", START "Content-Length: +1\r\n",
        START "Content-Length: -1\r\n", START "Content-Length: 1x\r\n",
        START "Content-Length: 99999999999999999999\r\n", START "Content-Length:\r\n",
        START "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        START "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        START "Transfer-Encoding: gzip\r\n\r\n", START "Transfer-Encoding: chunked, gzip\r\n",
        START "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        START "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        START "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        START "Transfer-Encoding: chunked\r\n\r\n1\na\r\n",
        START "Transfer-Encoding: chunked\r\n\r\n1\r\nabc",
        START "Transfer-Encoding: chunked\r\n\r\n1\r\na\n\n",
        START "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        START "Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n",
    };
    for(size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); i++) refuse(bad[i], EPROTO);
    char *text = malloc(200000);
    CHECK(text);
    memset(text, 'x', 200000);
    memcpy(text, "GET /", 5);
    text[9000] = 0;
    refuse(text, EMSGSIZE);
    char *at = text + sprintf(text, START);
    while(at - text < 70000) at += sprintf(at, "Field: value\r\n");
    refuse(text, EMSGSIZE);
    free(text);
}

/* The end of the connection is an end only between messages. */
TEST(what_is_cut_off) {
    static const char *const texts[] = {"G", START, START "Foo: b", START "Foo: bar\r\n",
        START "Foo: bar\r\n\r"};
    for(size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); i++) {
        int s, raw;
        half(&s, &raw);
        text_to(raw, texts[i]);
        CHECK_OK(tcp_done(raw, -1));
        int rc = http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1);
        while(rc == 0) rc = field(s);
        CHECK_INT(errno, ECONNRESET);
        CHECK_OK(hclose(s));
        CHECK_OK(hclose(raw));
    }
    int s, raw;
    char buf[8];
    half(&s, &raw);
    text_to(raw, START "Content-Length: 5\r\n\r\nhell");
    CHECK_OK(tcp_done(raw, -1));
    expect_request(s, "POST", "/");
    CHECK_ERR(http_recvbody(s, buf, 5, -1), ECONNRESET);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
    half(&s, &raw);
    CHECK_OK(tcp_done(raw, -1));
    CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    CHECK_ERR(http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}

TEST(wrong_arguments) {
    int s, raw;
    half(&s, &raw);
    CHECK_ERR(http_done(s, -1), EPIPE);
    CHECK_ERR(http_sendfield(s, "a", "b", -1), EPIPE);
    CHECK_ERR(http_sendbody(s, "a", 1, -1), EPIPE);
    CHECK_ERR(http_donebody(s, -1), EPIPE);
    CHECK_ERR(http_sendrequest(s, "G T", "/", -1), EINVAL);
    CHECK_ERR(http_sendrequest(s, "GET", "/ x", -1), EINVAL);
    CHECK_ERR(http_sendrequest(s, "GET", "", -1), EINVAL);
    CHECK_ERR(http_sendrequest(s, NULL, "/", -1), EINVAL);
    CHECK_ERR(http_sendrequest(s, "GET", NULL, -1), EINVAL);
    CHECK_ERR(http_sendstatus(s, 99, "x", -1), EINVAL);
    CHECK_ERR(http_sendstatus(s, 600, "x", -1), EINVAL);
    CHECK_ERR(http_sendstatus(s, 200, "x\r\ny", -1), EINVAL);
    CHECK_ERR(http_sendstatus(s, 200, NULL, -1), EINVAL);
    CHECK_OK(http_sendrequest(s, "GET", "/", -1));
    CHECK_ERR(http_sendrequest(s, "GET", "/", -1), EPROTO);
    CHECK_ERR(http_sendfield(s, "a b", "c", -1), EINVAL);
    CHECK_ERR(http_sendfield(s, "", "c", -1), EINVAL);
    CHECK_ERR(http_sendfield(s, "a", "b\r\nX: y", -1), EINVAL);
    CHECK_ERR(http_sendfield(s, "a", NULL, -1), EINVAL);
    CHECK_ERR(http_sendfield(s, "a", "", -1), EPROTO);
    CHECK_ERR(http_sendfield(s, "a", "   ", -1), EPROTO);
    CHECK_OK(http_sendfield(s, "Content-Length", "3", -1));
    CHECK_ERR(http_sendfield(s, "Content-Length", "3", -1), EINVAL);
    CHECK_ERR(http_sendfield(s, "Transfer-Encoding", "chunked", -1), EINVAL);
    CHECK_ERR(http_sendbody(s, "abcd", 4, -1), EMSGSIZE);
    CHECK_ERR(http_donebody(s, -1), EMSGSIZE);
    CHECK_OK(http_sendbody(s, "ab", 2, -1));
    CHECK_ERR(http_sendstatus(s, 200, "OK", -1), EPROTO);
    CHECK_ERR(http_sendbody(s, "cd", 2, -1), EMSGSIZE);
    CHECK_OK(bsend(s, "c", 1, -1));
    CHECK_OK(http_donebody(s, -1));
    expect(raw, "GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    CHECK_ERR(http_recvrequest(s, NULL, 1, value, 1, -1), EINVAL);
    CHECK_ERR(http_recvstatus(s, NULL, 1, -1), EINVAL);
    CHECK_ERR(http_recvfield(s, name, 1, NULL, 1, -1), EINVAL);
    /* Too little memory, and the head can still be received. */
    text_to(raw, "HTTP/1.1 200 OK\r\nlong: abc\r\nlonger: d\r\ne: f\r\n\r\n");
    CHECK_ERR(http_recvstatus(s, name, 2, -1), EMSGSIZE);
    CHECK_ERR(http_recvfield(s, name, sizeof(name), value, 3, -1), EMSGSIZE);
    CHECK_ERR(http_recvfield(s, name, 6, value, sizeof(value), -1), EMSGSIZE);
    expect_field(s, "e", "f");
    CHECK_ERR(field(s), EPIPE);
    CHECK_ERR(http_done(raw, -1), ENOTSUP);
    CHECK_OK(hclose(s));
    CHECK_ERR(http_done(s, -1), EBADF);
    CHECK_OK(hclose(raw));
    CHECK_ERR(http_attach(raw), EBADF);
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_ERR(http_attach(ch[0]), ENOTSUP);
    CHECK_ERR(hclose(ch[0]), EBADF);
    CHECK_OK(hclose(ch[1]));
}

static coroutine void detach_other(int s, int *detached) {
    CHECK_HANDLE(*detached = http_detach(s, -1));
}

/* What a coroutine leaves unfinished is sent before it waits. */
TEST(unfinished_heads) {
    int p[2];
    tcp_pair(p);
    int a = http_attach(p[0]), b = http_attach(p[1]);
    CHECK_OK(http_sendrequest(a, "GET", "/", -1));
    expect_request(b, "GET", "/");
    CHECK_OK(http_sendfield(a, "foo", "bar", -1));
    expect_field(b, "foo", "bar");
    /* Detaching completes it, and each end waits for the other's head. */
    int detacher = go(detach_other(b, &b));
    CHECK_HANDLE(detacher);
    a = http_detach(a, -1);
    CHECK_HANDLE(a);
    CHECK_OK(bundle_wait(detacher, -1));
    CHECK_OK(hclose(detacher));
    text_to(a, "raw");
    expect(b, "raw");
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(b));
}

static int received_errno;

static coroutine void receive_field(int s) {
    char n[16], v[16];
    CHECK_INT(http_recvfield(s, n, sizeof(n), v, sizeof(v), -1), -1);
    received_errno = errno;
}

TEST(calls_inside) {
    int s, raw;
    half(&s, &raw);
    text_to(raw, START);
    expect_request(s, "POST", "/");
    int b = bundle();
    CHECK_OK(bundle_go(b, receive_field(s)));
    CHECK_ERR(field(s), EBUSY);
    CHECK_ERR(http_detach(s, -1), EBUSY);
    /* Closing ends the call inside. */
    CHECK_OK(hclose(s));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(received_errno, EBADF);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(raw));
}

static int scope_errno, scope_left;

static coroutine void in_a_scope(int s) {
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, DILL_REQUEST, -1));
    int rc = http_recvrequest(s, name, sizeof(name), value, sizeof(value), -1);
    scope_errno = rc < 0 ? errno : 0;
    scope_left = cancel_leave(&scope);
    if(rc < 0) expect_request(s, "GET", "/again");
}

static coroutine void finish_line(int raw, int begun) {
    for(int i = 0; i != 5; i++) CHECK_OK(yield());
    text_to(raw, begun ? "ain HTTP/1.1\r\n" : "GET /again HTTP/1.1\r\n");
}

/* A graceful request interrupts before the first byte and not after it. */
TEST(graceful_request, VARIANTS("before_the_line within_the_line")) {
    int begun = variant();
    int s = -1, raw = -1;
    half(&s, &raw);
    if(begun) text_to(raw, "GET /ag");
    int b = bundle(), helper = bundle();
    CHECK_OK(bundle_go(b, in_a_scope(s)));
    CHECK_OK(yield());
    /* The request comes first, the rest of the line while the bundle is waited for. */
    CHECK_OK(bundle_go(helper, finish_line(raw, begun)));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_OK(bundle_wait(helper, -1));
    CHECK_INT(scope_errno, begun ? 0 : ECANCELED);
    CHECK_INT(scope_left, -1);
    CHECK_OK(hclose(helper));
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(raw));
}

TEST(large_bodies) {
    enum { SIZE = 300000 };
    int p[2];
    tcp_pair(p);
    int a = http_attach(p[0]), b = http_attach(p[1]);
    char *out = malloc(SIZE), *in = malloc(SIZE);
    CHECK(out && in);
    for(int i = 0; i != SIZE; i++) out[i] = (char)(i * 7);
    CHECK_OK(http_sendrequest(a, "PUT", "/", -1));
    CHECK_OK(http_sendfield(a, "Transfer-Encoding", "chunked", -1));
    struct iolist tail = {out + 10000, SIZE - 10000, NULL, 0}, head = {out, 10000, &tail, 0};
    CHECK_OK(bsendl(a, &head, &tail, -1));
    CHECK_OK(http_donebody(a, -1));
    expect_request(b, "PUT", "/");
    CHECK_INT(http_recvbody(b, in, SIZE, -1), SIZE);
    CHECK(memcmp(in, out, SIZE) == 0);
    CHECK_ERR(http_recvbody(b, in, 1, -1), EPIPE);
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(b));
    free(in);
    free(out);
}

TEST(memory_of_ones_own) {
    int p[2];
    tcp_pair(p);
    struct http_storage mem;
    CHECK_INT(sizeof(mem), 1296);
    int s = http_attach_mem(p[0], &mem);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_ERR(http_attach_mem(p[1], NULL), EINVAL);
    CHECK_ERR(hclose(p[1]), EBADF);
}
