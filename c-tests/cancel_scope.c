/* Cancel scopes: when they fire, what they interrupt, and how they nest. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

static struct cancel_scope sc, inner, innermost;

static void make(int ch[2]) {
    CHECK_OK(chmake(ch));
}

static void close_both(int ch[2]) {
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Every blocking call fails, again and again, and none does after the scope. */
static void fired(int err) {
    int ch[2], message;
    for(int i = 0; i != 2; ++i) {
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_ERR(yield(), ECANCELED);
        /* What does not block works. */
        make(ch);
        CHECK_ERR(chrecv(ch[0], &message, sizeof(message), -1), ECANCELED);
        close_both(ch);
    }
    CHECK_ERR(cancel_leave(&sc), err);
    CHECK_OK(msleep(now() + 1));
}

TEST(by_deadline) {
    int64_t end = now() + 10;
    CHECK_OK(cancel_enter(&sc, -1, end));
    CHECK_OK(msleep(end - 5));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(now(), end);
    fired(ETIMEDOUT);
    int64_t past[] = {0, 1};
    for(size_t i = 0; i != 2; ++i) {
        CHECK_OK(cancel_enter(&sc, -1, past[i]));
        fired(ETIMEDOUT);
    }
    int64_t never[] = {-1, INT64_MIN, INT64_MAX};
    for(size_t i = 0; i != 3; ++i) {
        CHECK_OK(cancel_enter(&sc, -1, never[i]));
        CHECK_OK(msleep(now() + 100000000));
        CHECK_OK(cancel_leave(&sc));
    }
}

static coroutine void ends(int ch, int closes) {
    CHECK_OK(msleep(now() + 5));
    if(closes) CHECK_OK(hclose(ch));
    else CHECK_OK(chdone(ch));
}

TEST(by_channel) {
    for(int closes = 0; closes != 2; ++closes) {
        int ch[2];
        make(ch);
        int b = go(ends(ch[1], closes));
        CHECK_HANDLE(b);
        CHECK_OK(cancel_enter(&sc, ch[0], now() + 100));
        CHECK_ERR(msleep(-1), ECANCELED);
        fired(ECANCELED);
        /* It had happened before. */
        CHECK_OK(cancel_enter(&sc, ch[0], -1));
        fired(ECANCELED);
        /* First come, first served. */
        CHECK_OK(cancel_enter(&sc, ch[0], 0));
        fired(ECANCELED);
        CHECK_OK(hclose(b));
        CHECK_OK(hclose(ch[0]));
        if(!closes) CHECK_OK(hclose(ch[1]));
    }
}

/* A channel that is closed in the scope is watched no more. */
TEST(its_channel_is_closed) {
    int ch[2];
    make(ch);
    CHECK_OK(cancel_enter(&sc, ch[0], -1));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(cancel_leave(&sc));
}

static coroutine void is_asked(void) {
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    CHECK_ERR(msleep(-1), ECANCELED);
    fired(ECANCELED);
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    fired(ECANCELED);
}

TEST(by_request) {
    int b = go(is_asked());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 100));
    /* Nobody can ask the main coroutine. */
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(cancel_leave(&sc));
}

static coroutine void is_cut_in_brecv(int s, int64_t end) {
    char buf[10];
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, end));
    CHECK_ERR(brecv(s, buf, sizeof(buf), -1), ECANCELED);
    CHECK_INT(now(), end);
    fired(ECANCELED);
}

static coroutine void cancels(int64_t end) {
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, end));
    CHECK_ERR(msleep(-1), ECANCELED);
    int b = go(blocks(NULL));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 1000), ECANCELED);
    CHECK_INT(now(), end);
    b = go(blocks(NULL));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 1000), ECANCELED);
    CHECK_INT(now(), end);
    fired(ECANCELED);
}

/* Of an operation under way the request waits for the end, the deadline does not, also when
   the request has come before it; and likewise of a grace period. */
TEST(the_deadline_after_the_request, BOTH_POLLERS) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    int b = go(is_cut_in_brecv(s[0], now() + 30));
    CHECK_HANDLE(b);
    CHECK_OK(bsend(s[1], "hello", 5, -1));
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    b = go(cancels(now() + 30));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bundle_cancel(b, 100));
}

static coroutine void is_shielded(int *done) {
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    CHECK_OK(cancel_enter(&inner, DILL_SHIELD, now() + 20));
    CHECK_OK(msleep(now() + 10));
    *done = 1;
    /* Its own deadline. */
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&inner), ETIMEDOUT);
    fired(ECANCELED);
    *done = 2;
    /* Hard cancellation. */
    CHECK_OK(cancel_enter(&inner, DILL_SHIELD, -1));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(cancel_leave(&inner));
    *done = 3;
}

TEST(shields) {
    int done = 0;
    int b = go(is_shielded(&done));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_INT(done, 3);
}

TEST(nesting) {
    CHECK_OK(cancel_enter(&sc, -1, now() + 20));
    CHECK_OK(cancel_enter(&inner, -1, now() + 10));
    CHECK_OK(cancel_enter(&innermost, -1, -1));
    CHECK_ERR(cancel_leave(&inner), EINVAL);
    CHECK_ERR(cancel_leave(&sc), EINVAL);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(cancel_leave(&innermost));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&inner), ETIMEDOUT);
    CHECK_OK(msleep(now() + 5));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
}

TEST(mistakes) {
    int ch[2];
    make(ch);
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_ERR(cancel_enter(NULL, -1, -1), EINVAL);
    CHECK_ERR(cancel_leave(NULL), EINVAL);
    CHECK_ERR(cancel_leave(&sc), EINVAL);
    CHECK_ERR(cancel_enter(&sc, b, -1), ENOTSUP);
    CHECK_ERR(cancel_enter(&sc, 12345, -1), EBADF);
    CHECK_ERR(cancel_enter(&sc, -4, -1), EINVAL);
    /* A loop that goes on without leaving. */
    CHECK_OK(cancel_enter(&sc, ch[0], -1));
    CHECK_ERR(cancel_enter(&sc, -1, -1), EINVAL);
    CHECK_OK(cancel_enter(&inner, -1, -1));
    CHECK_ERR(cancel_enter(&sc, ch[0], 0), EINVAL);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(cancel_leave(&inner));
    CHECK_OK(cancel_leave(&sc));
    CHECK_ERR(cancel_leave(&sc), EINVAL);
    CHECK_OK(hclose(b));
    close_both(ch);
}
