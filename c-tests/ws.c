/* WebSockets: both roles, the interface, the end of the connection, calls at the same time. */

#include <libdillimpl.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

static void ws_pair(int s[2], int flags) {
    int p[2];
    tcp_pair(p);
    s[0] = ws_attach_client(p[0], flags | WS_NOHTTP, NULL, NULL, -1);
    CHECK_HANDLE(s[0]);
    s[1] = ws_attach_server(p[1], flags | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    CHECK_HANDLE(s[1]);
}

static void close_both(int s[2]) {
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static char buf[256];

/* ---- handshake ---------------------------------------------------------------------------- */

static coroutine void shaking_client(int s) {
    s = ws_attach_client(s, WS_TEXT, "/chat?x=y", "example.org:81", now() + 5000);
    CHECK_HANDLE(s);
    CHECK_OK(msend(s, "hello", 5, -1));
    s = ws_detach(s, 1000, NULL, 0, -1);
    CHECK_HANDLE(s);
    CHECK_OK(bsend(s, "raw", 3, -1));
    CHECK_OK(hclose(s));
}

TEST(handshake) {
    int p[2];
    CHECK_OK(ipc_pair(p));
    int b = bundle();
    CHECK_OK(bundle_go(b, shaking_client(p[0])));
    char resource[10], host[15];
    int s = ws_attach_server(p[1], WS_TEXT, resource, sizeof(resource), host, sizeof(host), -1);
    CHECK_HANDLE(s);
    CHECK_STR(resource, "/chat?x=y");
    CHECK_STR(host, "example.org:81");
    CHECK_INT(mrecv(s, buf, sizeof(buf), -1), 5);
    CHECK(memcmp(buf, "hello", 5) == 0);
    CHECK_ERR(mrecv(s, buf, sizeof(buf), -1), EPIPE);
    s = ws_detach(s, 1000, NULL, 0, -1);
    CHECK_HANDLE(s);
    /* Exactly behind the Close frame. */
    CHECK_OK(brecv(s, buf, 3, -1));
    CHECK(memcmp(buf, "raw", 3) == 0);
    CHECK_OK(hclose(s));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static const char good[] = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: %d\r\n\r\n";

TEST(answers_to_requests) {
    static const struct {const char *answer; int version; size_t room; int err;} cases[] = {
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 13, 2, 0},
        {"HTTP/1.1 400 Bad Request\r\n", 13, 1, EMSGSIZE},
        {"HTTP/1.1 426 Upgrade Required\r\n", 8, 2, EPROTO},
    };
    for(int i = 0; i != 3; ++i) {
        int p[2];
        CHECK_OK(ipc_pair(p));
        int len = snprintf(buf, sizeof(buf), good, cases[i].version);
        CHECK_OK(bsend(p[0], buf, (size_t)len, -1));
        char resource[2];
        int s = ws_attach_server(p[1], WS_TEXT, resource, cases[i].room, NULL, 0, -1);
        if(cases[i].err) {
            CHECK(s == -1 && errno == cases[i].err);
            CHECK_ERR(hclose(p[1]), EBADF);
        } else {
            CHECK_HANDLE(s);
            CHECK_STR(resource, "/");
        }
        CHECK_OK(brecv(p[0], buf, strlen(cases[i].answer), now() + 1000));
        CHECK(memcmp(buf, cases[i].answer, strlen(cases[i].answer)) == 0);
        if(s >= 0) CHECK_OK(hclose(s));
        CHECK_OK(hclose(p[0]));
    }
}

TEST(keys) {
    char key[WS_KEY_SIZE], other[WS_KEY_SIZE], answer[WS_KEY_SIZE];
    CHECK_OK(ws_request_key(key));
    CHECK_OK(ws_request_key(other));
    CHECK_INT(strlen(key), 24);
    CHECK(strcmp(key, other) != 0);
    CHECK_OK(ws_response_key(key, answer));
    CHECK_INT(strlen(answer), 28);
    CHECK_OK(ws_response_key("dGhlIHNhbXBsZSBub25jZQ==", answer));
    CHECK_STR(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK_ERR(ws_response_key("nonsense", answer), EPROTO);
    CHECK_ERR(ws_request_key(NULL), EINVAL);
    CHECK_ERR(ws_response_key(NULL, answer), EINVAL);
    CHECK_ERR(ws_response_key(key, NULL), EINVAL);
}

/* ---- messages ----------------------------------------------------------------------------- */

TEST(messages) {
    int s[2], flags;
    ws_pair(s, WS_TEXT);
    for(int i = 0; i != 2; ++i) {
        int from = s[i], to = s[1 - i];
        CHECK_OK(ws_send(from, WS_BINARY, "\xFF\x00", 2, -1));
        CHECK_INT(ws_recv(to, &flags, buf, sizeof(buf), -1), 2);
        CHECK_INT(flags, WS_BINARY);
        CHECK(memcmp(buf, "\xFF\x00", 2) == 0);
        struct iolist c = {(void*)"!", 1, NULL, 0}, b = {NULL, 0, &c, 0};
        struct iolist a = {(void*)"hello", 5, &b, 0};
        CHECK_OK(ws_sendl(from, WS_TEXT, &a, &c, -1));
        char one[2], rest[8];
        struct iolist z = {rest, sizeof(rest), NULL, 0}, y = {NULL, 2, &z, 0};
        struct iolist x = {one, sizeof(one), &y, 0};
        CHECK_INT(ws_recvl(to, &flags, &x, &z, -1), 6);
        CHECK_INT(flags, WS_TEXT);
        CHECK(memcmp(one, "he", 2) == 0 && memcmp(rest, "o!", 2) == 0);
        /* The interface: the type of the socket is expected. */
        CHECK_OK(msend(from, "text", 4, -1));
        CHECK_INT(mrecv(to, NULL, SIZE_MAX, -1), 4);
        CHECK_OK(ws_send(from, WS_BINARY, "x", 1, -1));
        CHECK_ERR(mrecv(to, buf, sizeof(buf), -1), EPROTO);
        CHECK_OK(msend(from, "", 0, -1));
        CHECK_INT(mrecv(to, buf, sizeof(buf), -1), 0);
        CHECK_ERR(msend(from, "\xC3(", 2, -1), EILSEQ);
        CHECK_ERR(ws_send(from, 8, "x", 1, -1), EINVAL);
        CHECK_ERR(ws_send(from, WS_TEXT, NULL, 1, -1), EINVAL);
    }
    CHECK_ERR(ws_status(s[0], NULL, NULL, 0), EAGAIN);
    close_both(s);
    CHECK_ERR(ws_send(s[0], WS_TEXT, "x", 1, -1), EBADF);
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_ERR(ws_send(ch[0], WS_TEXT, "x", 1, -1), ENOTSUP);
    CHECK_ERR(ws_attach_client(ch[0], WS_NOHTTP, NULL, NULL, -1), ENOTSUP);
    CHECK_OK(hclose(ch[1]));
}

TEST(endings) {
    int s[2], status;
    char long_reason[124];
    memset(long_reason, 'x', sizeof(long_reason));
    ws_pair(s, WS_BINARY);
    static const int bad[] = {-1, 1, 999, 1004, 1005, 1006, 1015, 2999, 5000, 66536};
    for(size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); ++i)
        CHECK_ERR(ws_done(s[0], bad[i], NULL, 0, -1), EINVAL);
    CHECK_ERR(ws_done(s[0], 1000, long_reason, 124, -1), EINVAL);
    CHECK_ERR(ws_done(s[0], 1000, "\xFF", 1, -1), EINVAL);
    CHECK_ERR(ws_done(s[0], 1000, NULL, 1, -1), EINVAL);
    CHECK_ERR(ws_done(s[0], 0, "x", 1, -1), EINVAL);
    CHECK_OK(ws_send(s[0], WS_BINARY, "last", 4, -1));
    CHECK_OK(ws_done(s[0], 4000, long_reason, 123, -1));
    CHECK_ERR(ws_done(s[0], 1000, NULL, 0, -1), EPIPE);
    CHECK_ERR(ws_send(s[0], WS_BINARY, "x", 1, -1), EPIPE);
    CHECK_INT(mrecv(s[1], buf, sizeof(buf), -1), 4);
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), -1), EPIPE);
    CHECK_INT(ws_status(s[1], &status, buf, sizeof(buf)), 123);
    CHECK_INT(status, 4000);
    CHECK(memcmp(buf, long_reason, 123) == 0);
    CHECK_ERR(ws_status(s[1], NULL, buf, 122), EMSGSIZE);
    CHECK_ERR(ws_status(s[1], NULL, NULL, 1), EINVAL);
    /* The other direction is open still, and detaching drops what comes on it. */
    CHECK_OK(msend(s[1], "dropped", 7, -1));
    s[1] = ws_detach(s[1], 0, NULL, 0, -1);
    CHECK_HANDLE(s[1]);
    s[0] = ws_detach(s[0], 0, NULL, 0, -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bsend(s[1], "raw", 3, -1));
    CHECK_OK(brecv(s[0], buf, 3, -1));
    close_both(s);
    /* A peer that never answers. */
    ws_pair(s, WS_BINARY);
    CHECK_ERR(ws_detach(s[0], 1000, NULL, 0, now() + 20), ETIMEDOUT);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
}

/* ---- at the same time --------------------------------------------------------------------- */

static int seen_errno;

static coroutine void receive(int s) {
    char b[16];
    seen_errno = ws_recv(s, NULL, b, sizeof(b), -1) < 0 ? errno : 0;
}

TEST(closed_during_a_call) {
    int s[2];
    ws_pair(s, WS_BINARY);
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(s[0])));
    CHECK_ERR(ws_recv(s[0], NULL, buf, 1, -1), EBUSY);
    CHECK_ERR(ws_detach(s[0], 1000, NULL, 0, -1), EBUSY);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(seen_errno, EBADF);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
}

enum { LARGE = 8 << 20 };

static int sent;

static coroutine void send_large(int s) {
    char *data = calloc(1, LARGE);
    CHECK(data);
    sent = ws_send(s, WS_BINARY, data, LARGE, -1);
    if(sent < 0) seen_errno = errno;
    free(data);
}

static void ping(int raw, int masked, char c) {
    char frame[] = {(char)0x89, (char)(masked ? 0x81 : 1), 0, 0, 0, 0, c};
    if(!masked) frame[2] = c;
    CHECK_OK(bsend(raw, frame, masked ? 7 : 3, -1));
}

/* A ping that comes while a message is being sent is answered behind that message, and only
   the last one needs an answer. */
TEST(pings_during_a_send) {
    int p[2];
    tcp_pair(p);
    int s = ws_attach_server(p[0], WS_NOHTTP, NULL, 0, NULL, 0, -1);
    int b = bundle();
    CHECK_OK(bundle_go(b, send_large(s)));
    CHECK_OK(bundle_go(b, receive(s)));
    CHECK_ERR(ws_send(s, WS_BINARY, "x", 1, -1), EBUSY);
    ping(p[1], 1, 'a');
    ping(p[1], 1, 'b');
    for(int i = 0; i != 20; ++i) CHECK_OK(msleep(now() + 1));
    unsigned char head[10];
    CHECK_OK(brecv(p[1], head, 10, -1));
    CHECK_INT(head[0], 0x82);
    CHECK_OK(brecv(p[1], NULL, LARGE, -1));
    CHECK_OK(brecv(p[1], head, 3, -1));
    CHECK(head[0] == 0x8A && head[1] == 1 && head[2] == 'b');
    /* The receive is still waiting for a message. */
    CHECK_OK(bsend(p[1], "\x82\x81\0\0\0\0x", 7, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(sent, 0);
    CHECK_INT(seen_errno, 0);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(p[1]));
}

/* Hard cancellation within a message: the socket can't be used any more. */
TEST(cancelled_within_a_message) {
    int s[2];
    ws_pair(s, WS_BINARY);
    int b = bundle();
    CHECK_OK(bundle_go(b, send_large(s[0])));
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(hclose(b));
    CHECK_INT(sent, -1);
    CHECK_INT(seen_errno, ECANCELED);
    CHECK_ERR(ws_send(s[0], WS_BINARY, "x", 1, -1), ECONNRESET);
    CHECK_ERR(ws_done(s[0], 1000, NULL, 0, -1), ECONNRESET);
    close_both(s);
}

static int scope_left;

static coroutine void receive_in_a_scope(int s, int through_interface) {
    struct cancel_scope scope;
    char b[16];
    CHECK_OK(cancel_enter(&scope, DILL_REQUEST, -1));
    ssize_t len = through_interface ? mrecv(s, b, sizeof(b), -1)
        : ws_recv(s, NULL, b, sizeof(b), -1);
    seen_errno = len < 0 ? errno : 0;
    scope_left = cancel_leave(&scope);
    /* Nothing is lost. */
    if(seen_errno == ECANCELED) CHECK_INT(mrecv(s, b, sizeof(b), -1), 1);
    else CHECK_INT(len, 1);
}

static coroutine void send_rest(int raw, const char *rest, size_t len) {
    for(int i = 0; i != 5; ++i) CHECK_OK(yield());
    CHECK_OK(bsend(raw, rest, len, -1));
}

/* A graceful request interrupts before a message, also after a ping, but not within one. */
TEST(graceful_request) {
    static const char frame[] = "\x82\x81\0\0\0\0x";
    for(int interface = 0; interface != 2; ++interface) {
        for(size_t cut = 0; cut != 7; ++cut) {
            int p[2];
            tcp_pair(p);
            int s = ws_attach_server(p[0], WS_NOHTTP, NULL, 0, NULL, 0, -1);
            ping(p[1], 1, 'p');
            CHECK_OK(bsend(p[1], frame, cut, -1));
            int b = bundle(), helper = bundle();
            CHECK_OK(bundle_go(b, receive_in_a_scope(s, interface)));
            CHECK_OK(msleep(now() + 2));
            CHECK_OK(bundle_go(helper, send_rest(p[1], frame + cut, 7 - cut)));
            CHECK_OK(bundle_cancel(b, -1));
            CHECK_OK(bundle_wait(helper, -1));
            CHECK_INT(seen_errno, cut ? 0 : ECANCELED);
            CHECK_INT(scope_left, -1);
            CHECK_OK(hclose(helper));
            CHECK_OK(hclose(s));
            CHECK_OK(hclose(p[1]));
        }
    }
}

TEST(memory_of_ones_own) {
    struct ws_storage mem;
    CHECK_INT(sizeof(mem), 176);
    int p[2];
    tcp_pair(p);
    int s = ws_attach_client_mem(p[0], WS_NOHTTP, NULL, NULL, &mem, -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_ERR(ws_attach_server_mem(p[1], WS_NOHTTP, NULL, 0, NULL, 0, NULL, -1), EINVAL);
    CHECK_ERR(hclose(p[1]), EBADF);
    tcp_pair(p);
    CHECK_ERR(ws_attach_client(p[0], WS_TEXT, "/", NULL, -1), EINVAL);
    CHECK_ERR(ws_attach_client(p[1], 64 | WS_NOHTTP, NULL, NULL, -1), EINVAL);
    CHECK_ERR(hclose(p[0]), EBADF);
    CHECK_ERR(hclose(p[1]), EBADF);
}
