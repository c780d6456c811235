/* What every bytestream of the system does, TCP or local. */

#include "stacks.h"

static enum transport kind;

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

static coroutine void sends_until(int s, int err) {
    static char buf[65536];
    while(bsend(s, buf, sizeof(buf), -1) == 0);
    CHECK_INT(errno, err);
    calls++;
}

static void half_close(void) {
    int s[2];
    char buf[8];
    transport_pair(kind, s);
    CHECK_OK(bsend(s[0], "abc", 3, -1));
    CHECK_OK(stream_done(kind, s[0]));
    CHECK_ERR(stream_done(kind, s[0]), EPIPE);
    CHECK_ERR(bsend(s[0], "d", 1, -1), EPIPE);
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    /* The other direction goes on. */
    CHECK_OK(bsend(s[1], "reply", 5, -1));
    CHECK_OK(brecv(s[0], buf, 5, -1));
    CHECK_OK(memcmp(buf, "reply", 5));
    CHECK_OK(stream_done(kind, s[1]));
    CHECK_OK(stream_close(kind, s[0], -1));
    CHECK_OK(stream_close(kind, s[1], -1));
    CHECK_ERR(stream_close(kind, s[1], -1), EBADF);
}

static void end_within_a_receive(void) {
    int s[2];
    char buf[8];
    transport_pair(kind, s);
    CHECK_OK(bsend(s[0], "abc", 3, -1));
    CHECK_OK(stream_done(kind, s[0]));
    CHECK_ERR(brecv(s[1], buf, 4, -1), EPIPE);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static void peer_gone(void) {
    int s[2];
    char buf[8];
    calls = 0;
    transport_pair(kind, s);
    int b = go(sends_until(s[0], ECONNRESET));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(s[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 1);
    CHECK_ERR(bsend(s[0], "x", 1, -1), ECONNRESET);
    CHECK_ERR(stream_done(kind, s[0]), ECONNRESET);
    CHECK(brecv(s[0], buf, 1, -1) == -1);
    CHECK_ERR(stream_close(kind, s[0], -1), ECONNRESET);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(b));
}

static void deadlines(void) {
    int s[2];
    char buf[8];
    transport_pair(kind, s);
    /* What is there is received although the deadline has passed. */
    CHECK_OK(bsend(s[0], "ab", 2, 0));
    CHECK_OK(brecv(s[1], buf, 2, 0));
    int64_t start = now();
    CHECK_ERR(brecv(s[1], buf, 1, start + 50), ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    /* As it is unknown how much would have been received. */
    CHECK_ERR(brecv(s[1], buf, 1, -1), ECONNRESET);
    CHECK_OK(bsend(s[1], "c", 1, -1));
    CHECK_OK(brecv(s[0], buf, 1, -1));
    CHECK_ERR(stream_close(kind, s[1], -1), ECONNRESET);
    CHECK_OK(hclose(s[0]));
    /* Of a send, when the system's buffers are full. */
    static char block[1 << 20];
    transport_pair(kind, s);
    start = now();
    while(bsend(s[0], block, sizeof(block), start + 50) == 0);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    CHECK_ERR(bsend(s[0], "x", 1, -1), ECONNRESET);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    /* And of a close whose peer says nothing. */
    transport_pair(kind, s);
    start = now();
    CHECK_ERR(stream_close(kind, s[0], start + 50), ETIMEDOUT);
    CHECK_INT(now(), start + 50);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
}

static void one_call_for_each_direction(void) {
    int s[2];
    char buf[8];
    calls = 0;
    transport_pair(kind, s);
    int b = go(receives(s[0], 2, 0));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends_until(s[0], EBADF)));
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

static void cancellation(void) {
    int s[2];
    char buf[8];
    calls = 0;
    transport_pair(kind, s);
    int b = go(receives(s[0], 4, ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends_until(s[0], ECANCELED)));
    CHECK_OK(hclose(b));
    CHECK_INT(calls, 2);
    CHECK_ERR(brecv(s[0], buf, 1, -1), ECONNRESET);
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

static void graceful_request(void) {
    for(int begun = 0; begun != 2; ++begun) {
        int s[2], b = bundle();
        calls = 0;
        transport_pair(kind, s);
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

static void skipping(void) {
    int s[2];
    char buf[2];
    static char block[100000];
    transport_pair(kind, s);
    int b = go(sends_until(s[0], EBADF));
    CHECK_HANDLE(b);
    struct iolist tail = {buf, 2, NULL, 0};
    struct iolist hole = {NULL, 300000, &tail, 0};
    struct iolist head = {block, sizeof(block), &hole, 0};
    CHECK_OK(brecvl(s[1], &head, &tail, -1));
    CHECK_OK(brecv(s[1], NULL, 3 << 20, -1));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    /* To the end, which is a reset or the end of the stream. */
    CHECK_INT(brecvl(s[1], NULL, NULL, -1), -1);
    CHECK(errno == EPIPE || errno == ECONNRESET);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
}

static void input_is_known_to_choose(void) {
    int s[2];
    char buf[4];
    transport_pair(kind, s);
    struct chclause cl = {CHSOCK, s[0], NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(bsend(s[1], "abcd", 4, -1));
    CHECK_INT(choose(&cl, 1, -1), 0);
    CHECK_OK(brecv(s[0], buf, 1, -1));
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_OK(brecv(s[0], buf, 3, -1));
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(stream_done(kind, s[1]));
    CHECK_INT(choose(&cl, 1, -1), 0);
    CHECK_ERR(brecv(s[0], buf, 1, -1), EPIPE);
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

int main(void) {
    setenv("DILL_CLOCK", "virtual", 1);
    int before = count_fds();
    for(kind = OVER_TCP; kind <= OVER_IPC; ++kind) {
        half_close();
        end_within_a_receive();
        peer_gone();
        deadlines();
        one_call_for_each_direction();
        cancellation();
        graceful_request();
        skipping();
        input_is_known_to_choose();
        CHECK_INT(count_fds(), before);
    }
    return 0;
}
