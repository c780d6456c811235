/* What every message protocol does, on top of every transport; and UDP, as far as that is
   like them. */

#include "stacks.h"

enum protocol {PREFIX1, PREFIX2LE, PREFIX8, PREFIX20, SUFFIX1, SUFFIX2, SUFFIX5,
    TERM_PREFIX, TERM_SUFFIX, WS_CLIENT, WS_SERVER, TERM_EMPTY, UDP};

/* The variants: those without and with an end of their own, those that carry all messages, all
   over streams, and UDP. */
#define WITHOUT_END(OVER)\
    OVER("prefix1_") OVER("prefix2le_") OVER("prefix8_") OVER("prefix20_") OVER("suffix1_")\
    OVER("suffix2_") OVER("suffix5_")
#define TRANSPARENT(OVER)\
    WITHOUT_END(OVER) OVER("term_prefix_") OVER("term_suffix_") OVER("ws_client_")\
    OVER("ws_server_")
#define OVER_STREAMS(OVER) TRANSPARENT(OVER) OVER("term_empty_")
#define ALL OVER_STREAMS(OVER_EACH) "udp"

ALL_TESTS(BOTH_POLLERS)

static enum protocol protocol;
static enum transport transport;
static volatile int calls;

/* The end under test is the first one. */
static int attach(int s, int end) {
    switch(protocol) {
    case PREFIX1: return prefix_attach(s, 1, 0);
    case PREFIX2LE: return prefix_attach(s, 2, PREFIX_LITTLE_ENDIAN);
    case PREFIX8: return prefix_attach(s, 8, PREFIX_BIG_ENDIAN);
    case PREFIX20: return prefix_attach(s, 20, 0);
    case SUFFIX1: return suffix_attach(s, "\n", 1);
    case SUFFIX2: return suffix_attach(s, "\r\n", 2);
    /* It ends as it begins. */
    case SUFFIX5: return suffix_attach(s, "xyxxy", 5);
    case TERM_PREFIX: return term_attach(prefix_attach(s, 3, 0), "STOP", 4);
    case TERM_SUFFIX: return term_attach(suffix_attach(s, "\n", 1), "STOP", 4);
    case TERM_EMPTY: return term_attach(prefix_attach(s, 3, 0), NULL, 0);
    case WS_CLIENT: case WS_SERVER:
        if((protocol == WS_CLIENT) == (end == 0))
            return ws_attach_client(s, WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
        return ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    default: CHECK(0); return -1;
    }
}

/* Has an end of its own, so that the end of the stream alone is an error. */
static int has_end(void) {
    return protocol >= TERM_PREFIX;
}

/* Ends without the peer's consent, and gives the socket beneath back. */
static int detach(int s) {
    return protocol < SUFFIX1 ? prefix_detach(s) : suffix_detach(s, -1);
}

static void udp_pair(int s[2]) {
    struct ipaddr addr[2];
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(ipaddr_local(&addr[i], "127.0.0.1", 0, IPADDR_IPV4));
        CHECK_HANDLE(s[i] = udp_open(&addr[i], i ? &addr[0] : NULL));
    }
    /* Now that the port of the other one is known. */
    CHECK_OK(hclose(s[0]));
    CHECK_HANDLE(s[0] = udp_open(&addr[0], &addr[1]));
}

static void message_pair(int s[2]) {
    if(protocol == UDP) {
        udp_pair(s);
        return;
    }
    transport_pair(transport, s);
    for(int i = 0; i != 2; ++i) {
        int below = s[i];
        s[i] = attach(s[i], i);
        CHECK_HANDLE(s[i]);
        /* The protocol has taken the socket. */
        CHECK_ERR(hclose(below), EBADF);
    }
}

static void close_pair(int s[2]) {
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
    protocol = (enum protocol)(variant() / TRANSPORTS);
    transport = (enum transport)(variant() % TRANSPORTS);
}

TEST(messages_keep_their_borders, VARIANTS(ALL)) {
    static const char *const texts[] = {"a", "ab", "abc", "STO", "STOPS", "xyxx",
        "\r\r", "xxyxyxxx", "0123456789012345678901234567890123456789", "", "z"};
    int s[2], n = sizeof(texts) / sizeof(texts[0]);
    char buf[64];
    message_pair(s);
    for(int i = 0; i != n; ++i) {
        if(protocol == TERM_EMPTY && !texts[i][0]) continue;
        CHECK_OK(msend(s[0], texts[i], strlen(texts[i]), -1));
    }
    for(int i = 0; i != n; ++i) {
        size_t len = strlen(texts[i]);
        if(protocol == TERM_EMPTY && len == 0) continue;
        memset(buf, '#', sizeof(buf));
        /* The buffer is just large enough, or larger. */
        CHECK_INT(mrecv(s[1], buf, i % 2 ? len : sizeof(buf), -1), len);
        CHECK_OK(memcmp(buf, texts[i], len));
        CHECK_INT(buf[len], '#');
    }
    close_pair(s);
}

/* The call has left the list as it was. */
static void check_unchanged(const struct iolist *list, const struct iolist *saved, int n) {
    for(int i = 0; i != n; ++i) {
        CHECK_PTR(list[i].iol_base, saved[i].iol_base);
        CHECK_INT(list[i].iol_len, saved[i].iol_len);
        CHECK_PTR(list[i].iol_next, saved[i].iol_next);
        CHECK_INT(list[i].iol_rsvd, saved[i].iol_rsvd);
    }
}

TEST(lists, VARIANTS(ALL)) {
    int s[2];
    char a[3] = {0}, b[4] = {0};
    message_pair(s);
    struct iolist out[12], saved[12];
    for(int i = 0; i != 12; ++i) {
        /* Many buffers, some of them empty. */
        out[i].iol_base = (void*)&"0123456789?:"[i];
        out[i].iol_len = i % 4 != 3;
        out[i].iol_next = i == 11 ? NULL : &out[i + 1];
        out[i].iol_rsvd = 0;
    }
    memcpy(saved, out, sizeof(out));
    CHECK_OK(msendl(s[0], &out[0], &out[11], -1));
    check_unchanged(out, saved, 12);
    /* Into buffers with a hole, the last longer than needed. */
    struct iolist in[5] = {
        {a, 2, &in[1], 0}, {NULL, 3, &in[2], 0}, {a, 0, &in[3], 0},
        {b, 3, &in[4], 0}, {NULL, SIZE_MAX, NULL, 0}
    };
    memcpy(saved, in, sizeof(in));
    CHECK_INT(mrecvl(s[1], &in[0], &in[4], -1), 9);
    check_unchanged(in, saved, 5);
    CHECK_STR(a, "01");
    CHECK_STR(b, "689");
    /* Dropped, in three ways. */
    for(int i = 0; i != 4; ++i) CHECK_OK(msend(s[1], "dropped", 7, -1));
    CHECK_INT(mrecvl(s[0], NULL, NULL, -1), 7);
    CHECK_INT(mrecvl(s[0], &in[4], &in[4], -1), 7);
    CHECK_INT(mrecv(s[0], NULL, 7, -1), 7);
    CHECK_INT(mrecv(s[0], b, 1, -1), -1);
    CHECK_INT(errno, EMSGSIZE);
    close_pair(s);
}

TEST(malformed_lists, VARIANTS(ALL)) {
    int s[2];
    char c;
    message_pair(s);
    struct iolist b = {&c, 1, NULL, 0}, a = {&c, 1, &b, 0};
    CHECK_ERR(msendl(s[0], NULL, NULL, -1), EINVAL);
    for(int i = 0; i != 2; ++i) {
        int len = (int)(i ? msendl(s[0], &a, NULL, -1) : mrecvl(s[0], &a, NULL, -1));
        CHECK_INT(len, -1);
        CHECK_INT(errno, EINVAL);
    }
    CHECK_ERR(mrecvl(s[0], NULL, &b, -1), EINVAL);
    CHECK_ERR(mrecvl(s[0], &a, &a, -1), EINVAL);
    CHECK_ERR(msendl(s[0], &a, &a, -1), EINVAL);
    b.iol_rsvd = 1;
    CHECK_ERR(mrecvl(s[0], &a, &b, -1), EINVAL);
    CHECK_ERR(msendl(s[0], &a, &b, -1), EINVAL);
    b.iol_rsvd = 0;
    b.iol_next = &a;
    CHECK_ERR(mrecvl(s[0], &a, &b, -1), EINVAL);
    b.iol_next = NULL;
    b.iol_base = NULL;
    CHECK_ERR(msendl(s[0], &a, &b, -1), EINVAL);
    CHECK_ERR(msend(s[0], NULL, 1, -1), EINVAL);
    CHECK_ERR(mrecv(s[0], &c, SIZE_MAX, -1), EINVAL);
    CHECK_ERR(bsend(s[0], "x", 1, -1), ENOTSUP);
    /* None of that has done any harm. */
    CHECK_OK(msend(s[0], "x", 1, -1));
    CHECK_INT(mrecv(s[1], &c, 1, -1), 1);
    CHECK_OK(msend(s[1], "y", 1, -1));
    CHECK_INT(mrecv(s[0], &c, 1, -1), 1);
    CHECK_INT(c, 'y');
    close_pair(s);
}

TEST(too_long, VARIANTS(TRANSPARENT(OVER_EACH))) {
    int s[2];
    char buf[8];
    message_pair(s);
    CHECK_OK(msend(s[0], "12345678", 8, -1));
    CHECK_OK(msend(s[0], "next", 4, -1));
    CHECK_ERR(mrecv(s[1], buf, 7, -1), EMSGSIZE);
    CHECK_ERR(mrecv(s[1], buf, 8, -1), ECONNRESET);
    /* The other direction goes on. */
    CHECK_OK(msend(s[1], "b", 1, -1));
    CHECK_INT(mrecv(s[0], buf, 8, -1), 1);
    if(!has_end()) {
        CHECK_ERR(detach(s[1]), ECONNRESET);
        CHECK_ERR(hclose(s[1]), EBADF);
        CHECK_OK(hclose(s[0]));
    }
    else close_pair(s);
}

TEST(deadlines, VARIANTS(ALL)) {
    int s[2];
    char buf[8];
    message_pair(s);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    if(transport != OVER_TRICKLE) CHECK_INT(mrecv(s[1], buf, 8, 0), 3);
    else CHECK_INT(mrecv(s[1], buf, 8, -1), 3);
    int64_t start = now();
    CHECK_ERR(mrecv(s[1], buf, 8, start + 50), ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    /* That was no part of a message. */
    CHECK_OK(msend(s[0], "defg", 4, -1));
    CHECK_INT(mrecv(s[1], buf, 8, -1), 4);
    CHECK_OK(msend(s[1], "abc", 3, -1));
    close_pair(s);
}

static coroutine void receives(int s, int err) {
    char buf[8];
    if(err) CHECK_ERR(mrecv(s, buf, sizeof(buf), -1), err);
    else CHECK_INT(mrecv(s, buf, sizeof(buf), -1), 3);
    calls++;
}

static coroutine void sends(int s, int n) {
    for(int i = 0; i != n; ++i) {
        int val[20];
        for(int j = 0; j != 20; ++j) val[j] = (i * 31 + j) | 0x40404040;
        CHECK_OK(msend(s, val, sizeof(val), -1));
    }
    calls++;
}

/* Reader and writer on the same socket, both ways at once. */
TEST(both_directions_at_once, VARIANTS(ALL)) {
    /* The system drops datagrams when many wait. */
    int s[2], n = protocol == UDP ? 50 : 300;
    message_pair(s);
    calls = 0;
    int b = go(sends(s[0], n));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends(s[1], n)));
    for(int i = 0; i != n; ++i)
        for(int end = 0; end != 2; ++end) {
            int val[20];
            CHECK_INT(mrecv(s[end], val, sizeof(val), -1), sizeof(val));
            for(int j = 0; j != 20; ++j)
                CHECK_INT(val[j], (i * 31 + j) | 0x40404040);
        }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 2);
    CHECK_OK(hclose(b));
    close_pair(s);
}

TEST(one_call_for_each_direction, VARIANTS(ALL)) {
    int s[2];
    char buf[8];
    message_pair(s);
    calls = 0;
    int b = go(receives(s[0], 0));
    CHECK_HANDLE(b);
    CHECK_ERR(mrecv(s[0], buf, 8, -1), EBUSY);
    CHECK_ERR(mrecv(s[0], buf, 8, 0), EBUSY);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_INT(mrecv(s[1], buf, 8, -1), 3);
    CHECK_OK(msend(s[1], "abc", 3, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 1);
    /* A call that was refused has done no harm. */
    CHECK_OK(msend(s[1], "d", 1, -1));
    CHECK_INT(mrecv(s[0], buf, 8, -1), 1);
    /* Closed under a receive. */
    CHECK_OK(bundle_go(b, receives(s[0], EBADF)));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 2);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
}

TEST(cancellation, VARIANTS(ALL)) {
    int s[2];
    char buf[8];
    message_pair(s);
    calls = 0;
    int b = go(receives(s[0], ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_INT(calls, 1);
    CHECK_OK(msend(s[1], "defg", 4, -1));
    CHECK_INT(mrecv(s[0], buf, 8, -1), 4);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_INT(mrecv(s[1], buf, 8, -1), 3);
    close_pair(s);
}

static coroutine void receives_until_asked(int s, int *received) {
    struct cancel_scope sc;
    char buf[16];
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    while(mrecv(s, buf, sizeof(buf), -1) == 10) {
        CHECK_OK(memcmp(buf, "0123456789", 10));
        (*received)++;
    }
    CHECK_INT(errno, ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    calls++;
    /* The request came between two messages, and what follows is whole. */
    while(*received != 2) {
        CHECK_INT(mrecv(s, buf, sizeof(buf), -1), 10);
        CHECK_OK(memcmp(buf, "0123456789", 10));
        (*received)++;
    }
}

static coroutine void asks(int b) {
    CHECK_OK(bundle_cancel(b, -1));
}

/* What the other end sends for a message, byte for byte. */
static int wire(char *bytes, int size) {
    int s[2];
    transport_pair(OVER_IPC, s);
    s[0] = attach(s[0], 1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(msend(s[0], "0123456789", 10, -1));
    CHECK_OK(hclose(s[0]));
    int n = 0;
    while(n != size && brecv(s[1], bytes + n, 1, -1) == 0) n++;
    CHECK_INT(errno, EPIPE);
    CHECK_OK(hclose(s[1]));
    return n;
}

/* A request arrives at every point of a message. */
TEST(graceful_requests, VARIANTS(OVER_STREAMS(OVER_EACH))) {
    char bytes[64];
    int len = wire(bytes, sizeof(bytes));
    for(int cut = 0; cut <= len; ++cut) {
        int s[2];
        static int received;
        received = 0;
        calls = 0;
        transport_pair(transport == OVER_TCP ? OVER_TCP : OVER_IPC, s);
        if(transport == OVER_TRICKLE) s[0] = trickle_attach(s[0]);
        s[0] = attach(s[0], 0);
        CHECK_HANDLE(s[0]);
        int b = bundle();
        CHECK_HANDLE(b);
        CHECK_OK(bundle_go(b, receives_until_asked(s[0], &received)));
        for(int i = 0; i != cut; ++i) {
            CHECK_OK(bsend(s[1], bytes + i, 1, -1));
            CHECK_OK(msleep(now() + 1));
        }
        int a = go(asks(b));
        CHECK_HANDLE(a);
        CHECK_OK(msleep(now() + 1));
        /* Only between messages it interrupts. */
        CHECK_INT(calls, cut == 0 || cut == len);
        CHECK_INT(received, cut == len);
        CHECK_OK(bsend(s[1], bytes + cut, (size_t)(len - cut), -1));
        CHECK_OK(bsend(s[1], bytes, (size_t)len, -1));
        CHECK_OK(bundle_wait(a, -1));
        CHECK_INT(calls, 1);
        CHECK_INT(received, 2);
        CHECK_OK(hclose(a));
        CHECK_OK(hclose(s[0]));
        CHECK_OK(hclose(s[1]));
    }
}

TEST(detach_leaves_the_stream_in_place, VARIANTS(WITHOUT_END(OVER_EACH))) {
    int s[2], u[2];
    char buf[8];
    message_pair(s);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_OK(msend(s[0], "last", 4, -1));
    u[0] = detach(s[0]);
    CHECK_HANDLE(u[0]);
    CHECK_ERR(msend(s[0], "x", 1, -1), EBADF);
    /* Without a break, more bytes follow. */
    CHECK_OK(bsend(u[0], "raw", 3, -1));
    CHECK_INT(mrecv(s[1], buf, 8, -1), 3);
    CHECK_INT(mrecv(s[1], buf, 8, -1), 4);
    u[1] = detach(s[1]);
    CHECK_HANDLE(u[1]);
    CHECK_OK(brecv(u[1], buf, 3, -1));
    CHECK_OK(memcmp(buf, "raw", 3));
    /* And messages again, in the other direction. */
    u[0] = attach(u[0], 0);
    CHECK_HANDLE(u[0]);
    u[1] = attach(u[1], 1);
    CHECK_HANDLE(u[1]);
    CHECK_OK(msend(u[1], "m", 1, -1));
    CHECK_INT(mrecv(u[0], buf, 8, -1), 1);
    close_pair(u);
}

TEST(input_is_known_to_choose, VARIANTS(OVER_STREAMS(OVER_KNOWN))) {
    int s[2];
    char buf[8];
    protocol = (enum protocol)(variant() / KNOWN_TRANSPORTS);
    transport = (enum transport)(variant() % KNOWN_TRANSPORTS);
    message_pair(s);
    struct chclause cl = {CHSOCK, s[0], NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    for(int i = 0; i != 3; ++i) CHECK_OK(msend(s[1], "abc", 3, -1));
    for(int i = 0; i != 3; ++i) {
        CHECK_INT(choose(&cl, 1, i ? 0 : -1), 0);
        CHECK_INT(mrecv(s[0], buf, 8, -1), 3);
    }
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(hclose(s[1]));
    CHECK_INT(choose(&cl, 1, -1), 0);
    /* Closing a TCP socket resets the connection. */
    CHECK_ERR(mrecv(s[0], buf, 8, -1),
        has_end() || transport == OVER_TCP ? ECONNRESET : EPIPE);
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_OK(hclose(s[0]));
}

/* A receive waits before its message, and a request, a scope or a close ends that. */
TEST(waiting_ends, VARIANTS(ALL)) {
    int s[2];
    char buf[8];
    struct cancel_scope sc;
    message_pair(s);
    CHECK_OK(cancel_enter(&sc, -1, now() + 50));
    CHECK_ERR(mrecv(s[0], buf, 8, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    /* That has done no harm. */
    CHECK_OK(msend(s[1], "abc", 3, -1));
    CHECK_INT(mrecv(s[0], buf, 8, -1), 3);
    static int received;
    received = 0;
    calls = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, receives_until_asked(s[0], &received)));
    CHECK_OK(msend(s[1], "0123456789", 10, -1));
    CHECK_OK(msleep(now() + 1));
    CHECK_INT(received, 1);
    int a = go(asks(b));
    CHECK_HANDLE(a);
    CHECK_OK(msleep(now() + 1));
    CHECK_INT(calls, 1);
    CHECK_OK(msend(s[1], "0123456789", 10, -1));
    CHECK_OK(bundle_wait(a, -1));
    CHECK_INT(received, 2);
    CHECK_OK(hclose(a));
    close_pair(s);
}
