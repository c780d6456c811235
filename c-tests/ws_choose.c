/* CHSOCK on a WebSocket: pings and pongs are answered and dropped while one waits, and only what
   a receive has something to tell of makes the socket ready. */

#include "tls.h"

/* Which end is the WebSocket, and what is its transport: the variants in their order. */
ALL_TESTS(BOTH_POLLERS,
    VARIANTS("tcp_server tcp_client ipc_server ipc_client tls_server tls_client"))
enum {TCP, IPC, TLS};

BEFORE_EACH_KEEPING_FDS {}

struct link {
    int ws;
    int raw;
    int client;
};

static char buf[4096];

static void open_link(struct link *l) {
    int s[2], transport = variant() / 2, client = variant() % 2;
    if(transport == IPC) CHECK_OK(ipc_pair(s));
    else tcp_pair(s);
    if(transport == TLS) tls_pair_on(s);
    l->raw = s[1];
    l->client = client;
    l->ws = client ? ws_attach_client(s[0], WS_BINARY | WS_NOHTTP, NULL, NULL, -1)
        : ws_attach_server(s[0], WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    CHECK_HANDLE(l->ws);
}

static void close_link(struct link *l) {
    CHECK_OK(hclose(l->ws));
    CHECK_OK(hclose(l->raw));
}

/* A frame as the peer of this end sends it; its length. */
static size_t frame(const struct link *l, int first, const char *payload, char *out) {
    size_t len = strlen(payload), size = 2;
    out[0] = (char)first;
    out[1] = (char)(len | (l->client ? 0 : 0x80));
    if(!l->client) {
        memcpy(out + 2, "\x11\x22\x33\x44", 4);
        size = 6;
    }
    for(size_t i = 0; i != len; ++i)
        out[size + i] = l->client ? payload[i] : (char)(payload[i] ^ out[2 + i % 4]);
    return size + len;
}

static void put(struct link *l, int first, const char *payload) {
    char bytes[256];
    CHECK_OK(bsend(l->raw, bytes, frame(l, first, payload, bytes), -1));
}

/* The peer gets exactly this pong. */
static void get_pong(struct link *l, const char *payload) {
    unsigned char head[6];
    char data[128];
    size_t len = strlen(payload);
    CHECK_OK(brecv(l->raw, head, l->client ? 6 : 2, now() + 10000));
    CHECK_INT(head[0], 0x8A);
    CHECK_INT(head[1], (l->client ? 0x80 : 0) | len);
    if(len) CHECK_OK(brecv(l->raw, data, len, now() + 10000));
    for(size_t i = 0; l->client && i != len; ++i) data[i] ^= (char)head[2 + i % 4];
    CHECK(memcmp(data, payload, len) == 0);
}

static int ready(struct link *l, int64_t deadline) {
    struct chclause clause = {CHSOCK, l->ws, NULL, 0};
    return choose(&clause, 1, deadline);
}

TEST(pings_are_no_input) {
    struct link l;
    open_link(&l);
    CHECK_ERR(ready(&l, 0), ETIMEDOUT);
    put(&l, 0x89, "");
    CHECK_ERR(ready(&l, now() + 2), ETIMEDOUT);
    get_pong(&l, "");
    put(&l, 0x8A, "unasked");
    put(&l, 0x89, "first");
    put(&l, 0x89, "second");
    CHECK_ERR(ready(&l, now() + 2), ETIMEDOUT);
    get_pong(&l, "first");
    get_pong(&l, "second");
    /* Whether there was a choose or not, a receive does the same. */
    put(&l, 0x89, "third");
    CHECK_ERR(ready(&l, now() + 2), ETIMEDOUT);
    put(&l, 0x89, "fourth");
    put(&l, 0x82, "message");
    CHECK_INT(mrecv(l.ws, buf, sizeof(buf), now() + 10000), 7);
    CHECK(memcmp(buf, "message", 7) == 0);
    get_pong(&l, "third");
    get_pong(&l, "fourth");
    close_link(&l);
}

/* More of them than the stream reads ahead. */
TEST(many_pings) {
    struct link l;
    open_link(&l);
    enum { MANY = 2000 };
    static char bytes[MANY * 6 + 16];
    size_t len = 0;
    for(int i = 0; i != MANY; ++i) len += frame(&l, 0x8A, "", bytes + len);
    CHECK_OK(bsend(l.raw, bytes, len, -1));
    put(&l, 0x89, "last");
    CHECK_ERR(ready(&l, now() + 5), ETIMEDOUT);
    get_pong(&l, "last");
    close_link(&l);
}

/* However the frames are cut, nothing is lost. */
TEST(single_bytes) {
    struct link l;
    open_link(&l);
    char bytes[256];
    size_t len = frame(&l, 0x89, "ping", bytes);
    for(size_t i = 0; i != len; ++i) {
        CHECK_OK(bsend(l.raw, bytes + i, 1, -1));
        CHECK_ERR(ready(&l, now() + 1), ETIMEDOUT);
    }
    get_pong(&l, "ping");
    len = frame(&l, 0x82, "message", bytes);
    for(size_t i = 0; i != len; ++i) {
        CHECK_OK(bsend(l.raw, bytes + i, 1, -1));
        CHECK_INT(ready(&l, now() + 10000), 0);
    }
    CHECK_INT(mrecv(l.ws, buf, sizeof(buf), now() + 10000), 7);
    CHECK(memcmp(buf, "message", 7) == 0);
    /* A receive goes on where a choose has stopped. */
    size_t whole = frame(&l, 0x89, "ping", bytes);
    for(size_t cut = 0; cut <= whole; ++cut) {
        CHECK_OK(bsend(l.raw, bytes, cut, -1));
        CHECK_ERR(ready(&l, now() + 1), ETIMEDOUT);
        if(cut != whole) CHECK_OK(bsend(l.raw, bytes + cut, whole - cut, -1));
        put(&l, 0x82, "x");
        CHECK_INT(mrecv(l.ws, buf, sizeof(buf), now() + 10000), 1);
        get_pong(&l, "ping");
    }
    close_link(&l);
}

TEST(what_is_input) {
    struct link l;
    char bytes[256];
    /* The peer's end, already its first byte. */
    open_link(&l);
    put(&l, 0x89, "");
    size_t len = frame(&l, 0x88, "\x03\xE8", bytes);
    CHECK_OK(bsend(l.raw, bytes, 1, -1));
    CHECK_INT(ready(&l, now() + 10000), 0);
    CHECK_OK(bsend(l.raw, bytes + 1, len - 1, -1));
    CHECK_INT(ready(&l, now() + 10000), 0);
    CHECK_ERR(mrecv(l.ws, buf, 1, now() + 10000), EPIPE);
    CHECK_INT(ready(&l, 0), 0);
    get_pong(&l, "");
    int status;
    CHECK_INT(ws_status(l.ws, &status, NULL, 0), 0);
    CHECK_INT(status, 1000);
    /* Behind it the stream is as it was. */
    CHECK_OK(bsend(l.raw, "+", 1, -1));
    int s = ws_detach(l.ws, 1000, NULL, 0, now() + 10000);
    CHECK_HANDLE(s);
    CHECK_OK(brecv(s, buf, 1, now() + 10000));
    CHECK_INT(buf[0], '+');
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(l.raw));
    /* What breaks the protocol. */
    open_link(&l);
    CHECK_OK(bsend(l.raw, l.client ? "\x89\x80" : "\x89\x00", 2, -1));
    CHECK_INT(ready(&l, now() + 10000), 0);
    CHECK_ERR(mrecv(l.ws, buf, 1, now() + 10000), EPROTO);
    CHECK_INT(ready(&l, 0), 0);
    close_link(&l);
    /* The end of the stream, within a ping. */
    open_link(&l);
    len = frame(&l, 0x89, "ping", bytes);
    CHECK_OK(bsend(l.raw, bytes, len - 1, -1));
    CHECK_ERR(ready(&l, now() + 1), ETIMEDOUT);
    CHECK_OK(hclose(l.raw));
    CHECK_INT(ready(&l, now() + 10000), 0);
    CHECK_ERR(mrecv(l.ws, buf, 1, now() + 10000), ECONNRESET);
    CHECK_OK(hclose(l.ws));
}

/* ---- together with a stop request --------------------------------------------------------- */

static coroutine void work(struct link *l, int ch) {
    int val;
    for(;;) {
        struct chclause clauses[] = {
            {CHRECV, ch, &val, sizeof(val)},
            {CHSOCK, l->ws, NULL, 0},
        };
        int rc = choose(clauses, 2, -1);
        if(rc == 0) {
            CHECK_INT(errno, EPIPE);
            note("stopped");
            return;
        }
        CHECK_INT(rc, 1);
        CHECK_INT(mrecv(l->ws, buf, sizeof(buf), -1), 1);
        note("%c", buf[0]);
    }
}

/* The worker of the contract: pings wake it, but don't keep it from stopping. */
TEST(worker) {
    struct link l;
    open_link(&l);
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(bundle_go(b, work(&l, ch[1])));
    put(&l, 0x89, "one");
    get_pong(&l, "one");
    put(&l, 0x82, "a");
    put(&l, 0x89, "two");
    get_pong(&l, "two");
    put(&l, 0x82, "b");
    put(&l, 0x89, "three");
    get_pong(&l, "three");
    CHECK_OK(bundle_cancel(b, 10000));
    CHECK_NOTES("a b stopped");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    close_link(&l);
}
