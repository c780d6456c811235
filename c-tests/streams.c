/* What every bytestream does: TCP, local, a protocol of the program's that moves byte after
   byte, and TLS on top of each of these. */

#include "pieces.h"
#include "stacks.h"
#include "tls.h"

ALL_TESTS(BOTH_POLLERS, VARIANTS(OVER_EACH("plain_") OVER_EACH("tls_")))

static enum transport transport;
static int encrypted;

static void stream_pair(int s[2]) {
    transport_pair(transport, s);
    if(!encrypted) return;
    /* The server first: in TLS 1.3 it says more to the client than what it is told to. */
    int swapped[2] = {s[1], s[0]};
    tls_pair_on(swapped);
    s[0] = swapped[1];
    s[1] = swapped[0];
}

static int stream_done(int s) {
    if(encrypted) return tls_done(s, -1);
    if(transport == OVER_IPC) return ipc_done(s, -1);
    if(transport == OVER_TCP) return tcp_done(s, -1);
    struct trickle *trickle = (struct trickle*)hquery(s, &trickle_type);
    if(!trickle) return -1;
    return tcp_done(trickle->under, -1);
}

static int stream_close(int s, int64_t deadline) {
    if(encrypted) {
        int under = tls_detach(s, deadline);
        return under < 0 ? -1 : hclose(under);
    }
    if(transport == OVER_IPC) return ipc_close(s, deadline);
    if(transport == OVER_TCP) return tcp_close(s, deadline);
    if(!hquery(s, &trickle_type)) return -1;
    return tcp_close(trickle_detach(s), deadline);
}

/* How many calls of other coroutines have ended. Static and volatile: the compiler may
   take a local variable that only a coroutine changes for constant. */
static volatile int calls;

static coroutine void receives(int s, size_t len, int err) {
    char buf[64];
    CHECK(len <= sizeof(buf));
    if(err) CHECK_ERR(brecv(s, buf, len, -1), err);
    else CHECK_OK(brecv(s, buf, len, -1));
    calls++;
}

/* More at a time than fits in, so that it ends in the middle of a call. */
static coroutine void sends_until(int s, int err) {
    static char buf[16 << 20];
    while(bsend(s, buf, sizeof(buf), -1) == 0);
    CHECK_INT(errno, err);
    calls++;
}

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
    transport = (enum transport)(variant() % TRANSPORTS);
    encrypted = variant() / TRANSPORTS;
}

TEST(half_close) {
    int s[2];
    char buf[8];
    stream_pair(s);
    CHECK_OK(bsend(s[0], "abc", 3, -1));
    CHECK_OK(stream_done(s[0]));
    CHECK_ERR(stream_done(s[0]), EPIPE);
    CHECK_ERR(bsend(s[0], "d", 1, -1), EPIPE);
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    /* The other direction goes on. */
    CHECK_OK(bsend(s[1], "reply", 5, -1));
    CHECK_OK(brecv(s[0], buf, 5, -1));
    CHECK_OK(memcmp(buf, "reply", 5));
    CHECK_OK(stream_done(s[1]));
    CHECK_OK(stream_close(s[0], -1));
    CHECK_OK(stream_close(s[1], -1));
    CHECK_ERR(stream_close(s[1], -1), EBADF);
}

TEST(end_within_a_receive) {
    int s[2];
    char buf[8];
    stream_pair(s);
    CHECK_OK(bsend(s[0], "abc", 3, -1));
    CHECK_OK(stream_done(s[0]));
    CHECK_ERR(brecv(s[1], buf, 4, -1), EPIPE);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(peer_gone) {
    int s[2];
    char buf[8];
    calls = 0;
    stream_pair(s);
    int b = go(sends_until(s[0], ECONNRESET));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(s[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 1);
    CHECK_ERR(bsend(s[0], "x", 1, -1), ECONNRESET);
    CHECK_ERR(stream_done(s[0]), ECONNRESET);
    CHECK(brecv(s[0], buf, 1, -1) == -1);
    CHECK_ERR(stream_close(s[0], -1), ECONNRESET);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(b));
}

TEST(deadlines) {
    int s[2];
    char buf[8];
    stream_pair(s);
    /* What is there is received although the deadline has passed. */
    CHECK_OK(bsend(s[0], "ab", 2, 0));
    CHECK_OK(brecv(s[1], buf, 2, 0));
    int64_t start = now();
    CHECK_ERR(brecv(s[1], buf, 1, start + 50), ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    /* Nothing was received, so nothing has happened. */
    CHECK_ERR(brecv(s[1], buf, 2, start + 50), ECONNRESET);
    CHECK_OK(bsend(s[0], "d", 1, -1));
    CHECK_OK(brecv(s[1], buf, 1, -1));
    /* But this one has lost its place in the stream. */
    CHECK_OK(bsend(s[0], "e", 1, -1));
    CHECK_ERR(brecv(s[1], buf, 2, now() + 50), ETIMEDOUT);
    CHECK_ERR(brecv(s[1], buf, 1, -1), ECONNRESET);
    CHECK_OK(bsend(s[1], "c", 1, -1));
    CHECK_OK(brecv(s[0], buf, 1, -1));
    /* What the trickle has lost is not missing beneath it. */
    if(encrypted || transport != OVER_TRICKLE) CHECK_ERR(stream_close(s[1], -1), ECONNRESET);
    else CHECK_OK(hclose(s[1]));
    CHECK_OK(hclose(s[0]));
    /* Of a send, when the system's buffers are full: more than fits in, so that it is cut off. */
    static char block[16 << 20];
    stream_pair(s);
    start = now();
    CHECK_ERR(bsend(s[0], block, sizeof(block), start + 50), ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    CHECK_ERR(bsend(s[0], "x", 1, -1), ECONNRESET);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    /* And of a close whose peer says nothing. */
    stream_pair(s);
    start = now();
    CHECK_ERR(stream_close(s[0], start + 50), ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
}

TEST(one_call_for_each_direction) {
    int s[2];
    char buf[8];
    calls = 0;
    stream_pair(s);
    int b = go(receives(s[0], 2, 0));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends_until(s[0], EBADF)));
    /* Until both are blocked. */
    CHECK_OK(msleep(now() + 1));
    CHECK_ERR(brecv(s[0], buf, 1, -1), EBUSY);
    CHECK_ERR(bsend(s[0], buf, 1, -1), EBUSY);
    CHECK_OK(bsend(s[1], "ab", 2, -1));
    while(calls == 0) CHECK_OK(yield());
    /* Closing ends what is still in a call. */
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 2);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
}

TEST(cancellation) {
    int s[2];
    char buf[8];
    calls = 0;
    stream_pair(s);
    int b = go(receives(s[0], 4, ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends_until(s[0], ECANCELED)));
    CHECK_OK(hclose(b));
    CHECK_INT(calls, 2);
    /* The one had received nothing, the other was cut off. */
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(brecv(s[0], buf, 1, -1));
    CHECK_INT(buf[0], 'x');
    CHECK_ERR(bsend(s[0], buf, 1, -1), ECONNRESET);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void receives_in_scope(int s, size_t len, int err) {
    struct cancel_scope sc;
    char buf[8];
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    if(err) CHECK_ERR(brecv(s, buf, len, -1), err);
    else CHECK_OK(brecv(s, buf, len, -1));
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    calls++;
    /* In any case the socket is good for more. */
    CHECK_OK(brecv(s, buf, 1, -1));
    CHECK_INT(buf[0], 'z');
    calls++;
}

static coroutine void asks(int b) {
    CHECK_OK(bundle_cancel(b, -1));
}

TEST(graceful_request) {
    for(int begun = 0; begun != 2; ++begun) {
        int s[2], b = bundle();
        calls = 0;
        stream_pair(s);
        CHECK_OK(bundle_go(b, receives_in_scope(s[0], 4, begun ? 0 : ECANCELED)));
        if(begun) {
            CHECK_OK(bsend(s[1], "ab", 2, -1));
            CHECK_OK(msleep(now() + 1));
        }
        int a = go(asks(b));
        CHECK_HANDLE(a);
        CHECK_OK(msleep(now() + 1));
        CHECK_INT(calls, !begun);
        CHECK_OK(bsend(s[1], "cdz", begun ? 3 : 0, -1));
        if(!begun) CHECK_OK(bsend(s[1], "z", 1, -1));
        CHECK_OK(bundle_wait(a, -1));
        CHECK_INT(calls, 2);
        CHECK_OK(hclose(a));
        CHECK_OK(hclose(s[0]));
        CHECK_OK(hclose(s[1]));
    }
}

TEST(skipping) {
    int s[2];
    char buf[2];
    static char block[100000];
    stream_pair(s);
    int b = go(sends_until(s[0], EBADF));
    CHECK_HANDLE(b);
    struct iolist tail = {buf, 2, NULL, 0};
    /* The trickle takes its time. */
    size_t part = transport == OVER_TRICKLE ? 64 : 1;
    struct iolist hole = {NULL, 300000 / part, &tail, 0};
    struct iolist head = {block, sizeof(block) / part, &hole, 0};
    CHECK_OK(brecvl(s[1], &head, &tail, -1));
    CHECK_OK(brecv(s[1], NULL, (3 << 20) / part, -1));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    /* To the end, which is a reset or the end of the stream. */
    CHECK_INT(brecvl(s[1], NULL, NULL, -1), -1);
    CHECK(errno == EPIPE || errno == ECONNRESET);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
}

TEST(both_directions_at_once) {
    int s[2];
    stream_pair(s);
    both_ways_at_once(s, transport == OVER_TRICKLE ? 40000 : 3 << 20, stream_done);
    for(int i = 0; i != 2; ++i) CHECK_OK(stream_close(s[i], -1));
}

/* A call waits after so many of its bytes, and ends in each way that there is. */
TEST(ends_at_every_byte) {
    enum {BY_REQUEST, BY_SCOPE, BY_DEADLINE, BY_CANCEL, BY_CLOSE, WAYS};
    for(int way = 0; way != WAYS; ++way)
        for(int cut = 0; cut != 4; ++cut) {
            int s[2], b = bundle();
            char buf[4];
            CHECK_HANDLE(b);
            calls = 0;
            stream_pair(s);
            CHECK_OK(bsend(s[1], "abc", (size_t)cut, -1));
            struct cancel_scope sc;
            switch(way) {
            case BY_REQUEST:
                CHECK_OK(bundle_go(b, receives_in_scope(s[0], 4, cut ? 0 : ECANCELED)));
                CHECK_OK(msleep(now() + 1));
                CHECK_INT(calls, 0);
                {
                    int a = go(asks(b));
                    CHECK_HANDLE(a);
                    CHECK_OK(msleep(now() + 1));
                    CHECK_INT(calls, !cut);
                    if(cut) CHECK_OK(bsend(s[1], "defg", 4 - (size_t)cut, -1));
                    CHECK_OK(bsend(s[1], "z", 1, -1));
                    CHECK_OK(bundle_wait(a, -1));
                    CHECK_OK(hclose(a));
                }
                CHECK_INT(calls, 2);
                b = -1;
                break;
            case BY_SCOPE:
                CHECK_OK(cancel_enter(&sc, -1, now() + 50));
                CHECK_ERR(brecv(s[0], buf, 4, -1), ECANCELED);
                CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
                break;
            case BY_DEADLINE:
                CHECK_ERR(brecv(s[0], buf, 4, now() + 50), ETIMEDOUT);
                break;
            case BY_CANCEL:
                CHECK_OK(bundle_go(b, receives(s[0], 4, ECANCELED)));
                CHECK_OK(msleep(now() + 1));
                CHECK_OK(hclose(b));
                CHECK_INT(calls, 1);
                b = -1;
                break;
            case BY_CLOSE:
                CHECK_OK(bundle_go(b, receives(s[0], 4, EBADF)));
                CHECK_OK(msleep(now() + 1));
                CHECK_OK(hclose(s[0]));
                CHECK_OK(bundle_wait(b, -1));
                CHECK_INT(calls, 1);
                break;
            }
            /* What has begun and was cut off can't go on. */
            if(way != BY_REQUEST && way != BY_CLOSE && cut == 0) {
                CHECK_OK(bsend(s[1], "x", 1, -1));
                CHECK_OK(brecv(s[0], buf, 1, -1));
                CHECK_INT(buf[0], 'x');
            } else if(way != BY_REQUEST && way != BY_CLOSE) {
                CHECK_ERR(brecv(s[0], buf, 1, -1), ECONNRESET);
            }
            if(way != BY_CLOSE) {
                CHECK_OK(bsend(s[0], "back", 4, -1));
                CHECK_OK(brecv(s[1], buf, 4, -1));
                CHECK_OK(memcmp(buf, "back", 4));
                CHECK_OK(hclose(s[0]));
            }
            CHECK_OK(hclose(s[1]));
            if(b >= 0) CHECK_OK(hclose(b));
        }
}

static coroutine void detaches(int s, int *under) {
    *under = tls_detach(s, -1);
    CHECK_HANDLE(*under);
    /* At once, so that it arrives together with the goodbye. */
    CHECK_OK(bsend(*under, "plain", 5, -1));
}

TEST(detach_leaves_no_byte_behind, VARIANTS(OVER_EACH("tls_"))) {
    encrypted = 1;
    int s[2];
    char buf[5];
    stream_pair(s);
    /* Not received, so dropped. */
    CHECK_OK(bsend(s[0], "lost", 4, -1));
    static int under;
    int b = go(detaches(s[0], &under));
    CHECK_HANDLE(b);
    s[1] = tls_detach(s[1], -1);
    CHECK_HANDLE(s[1]);
    CHECK_OK(brecv(s[1], buf, 5, -1));
    CHECK_OK(memcmp(buf, "plain", 5));
    CHECK_OK(bsend(s[1], "again", 5, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(brecv(under, buf, 5, -1));
    CHECK_OK(memcmp(buf, "again", 5));
    /* And once more TLS on the same connection. */
    int again[2] = {under, s[1]};
    tls_pair_on(again);
    CHECK_OK(bsend(again[0], "third", 5, -1));
    CHECK_OK(brecv(again[1], buf, 5, -1));
    CHECK_OK(memcmp(buf, "third", 5));
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(again[i]));
}

/* With the system's buffers full, a send waits before its first byte, */
static coroutine void fills(int s, int *asked) {
    static char block[1 << 16];
    struct cancel_scope sc;
    long whole = 0;
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    while(bsend(s, block, sizeof(block), -1) == 0) whole++;
    CHECK_INT(errno, ECANCELED);
    CHECK(*asked);
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    /* or, once it has begun, to its end, so that nothing is lost. */
    CHECK_OK(bsend(s, "end", 3, -1));
    CHECK_OK(stream_done(s));
    note("%ld", whole);
}

TEST(requests_tear_no_send) {
    int s[2], b = bundle();
    static int asked;
    asked = 0;
    CHECK_HANDLE(b);
    stream_pair(s);
    CHECK_OK(bundle_go(b, fills(s[0], &asked)));
    CHECK_OK(msleep(now() + 1));
    int a = go(asks(b));
    CHECK_HANDLE(a);
    asked = 1;
    CHECK_OK(msleep(now() + 1));
    /* The receiver gets whole blocks and the end. */
    static char block[1 << 16];
    long whole = 0;
    char expected[32], tail[4] = "";
    size_t left = 0;
    while(brecv(s[1], block, 1, -1) == 0) {
        if(block[0] == 'e') {
            CHECK_OK(brecv(s[1], tail, 2, -1));
            CHECK_INT(left, 0);
            continue;
        }
        CHECK_INT(tail[0], 0);
        CHECK_OK(brecv(s[1], block, sizeof(block) - 1, -1));
        whole++;
    }
    CHECK_INT(errno, EPIPE);
    CHECK_STR(tail, "nd");
    CHECK_OK(bundle_wait(a, -1));
    CHECK_OK(hclose(a));
    snprintf(expected, sizeof(expected), "%ld", whole);
    CHECK_NOTES(expected);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(input_is_known_to_choose, VARIANTS(OVER_KNOWN("plain_") OVER_KNOWN("tls_"))) {
    int s[2];
    char buf[4];
    transport = (enum transport)(variant() % KNOWN_TRANSPORTS);
    encrypted = variant() / KNOWN_TRANSPORTS;
    stream_pair(s);
    struct chclause cl = {CHSOCK, s[0], NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(bsend(s[1], "abcd", 4, -1));
    CHECK_INT(choose(&cl, 1, -1), 0);
    CHECK_OK(brecv(s[0], buf, 1, -1));
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_OK(brecv(s[0], buf, 3, -1));
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(stream_done(s[1]));
    CHECK_INT(choose(&cl, 1, -1), 0);
    CHECK_ERR(brecv(s[0], buf, 1, -1), EPIPE);
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}
