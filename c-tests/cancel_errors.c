/* bundle_cancel that is refused: nothing at all has happened then. And bundles
   that are being cancelled, seen from outside. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

TEST(bad_arguments) {
    int ch[2], val, b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(bundle_go(b, blocks("member")));
    int64_t negative[] = {-3, -4, -1000, INT64_MIN, INT64_MIN + 1};
    for(int i = 0; i != 5; ++i)
        CHECK_ERR(bundle_cancel(b, negative[i]), EINVAL);
    int64_t periods[] = {0, -1, 1000, DILL_INHERIT};
    for(int i = 0; i != 4; ++i) {
        CHECK_ERR(bundle_cancel(-1, periods[i]), EBADF);
        CHECK_ERR(bundle_cancel(1000000, periods[i]), EBADF);
        CHECK_ERR(bundle_cancel(ch[0], periods[i]), ENOTSUP);
    }
    /* The bundle is as before: no request, nobody cancelled, launching works. */
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(bundle_wait(b, now() + 10), ETIMEDOUT);
    CHECK_NOTES("");
    CHECK_OK(bundle_go(b, blocks("second")));
    CHECK_OK(hclose(b));
    CHECK_NOTES("member second");
    CHECK_ERR(bundle_cancel(b, 0), EBADF);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static int outermost;

static coroutine void cancels_ancestor(int depth, int ch) {
    if(depth > 1) {
        int b = go(cancels_ancestor(depth - 1, ch));
        CHECK_HANDLE(b);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    else {
        int64_t periods[] = {0, -1, 1000, DILL_INHERIT};
        int val;
        CHECK_OK(yield());
        for(int i = 0; i != 4; ++i)
            CHECK_ERR(bundle_cancel(outermost, periods[i]), EDEADLK);
        CHECK_ERR(chrecv(ch, &val, sizeof(val), 0), ETIMEDOUT);
        CHECK_OK(msleep(now() + 1));
    }
    note("%d", depth);
}

TEST(own_bundle_is_a_deadlock) {
    for(int depth = 1; depth != 4; ++depth) {
        int ch[2];
        outermost = bundle();
        CHECK_HANDLE(outermost);
        CHECK_OK(chmake(ch));
        CHECK_OK(bundle_notify(outermost, ch[0]));
        CHECK_OK(bundle_go(outermost, cancels_ancestor(depth, ch[1])));
        CHECK_OK(bundle_wait(outermost, -1));
        CHECK_OK(hclose(outermost));
        CHECK_OK(hclose(ch[0]));
        CHECK_OK(hclose(ch[1]));
    }
    CHECK_NOTES("1 1 2 1 2 3");
}

static coroutine void cancels(int b, int64_t timeout, int rc, int err) {
    CHECK_RESULT(bundle_cancel(b, timeout), rc, err);
    note("cancelled");
}

TEST(one_canceller_only) {
    int b = go(sleeps(50, "slept"));
    CHECK_HANDLE(b);
    int c = go(cancels(b, 100, 0, 0));
    CHECK_HANDLE(c);
    int64_t periods[] = {0, -1, 1000, DILL_INHERIT};
    for(int i = 0; i != 4; ++i)
        CHECK_ERR(bundle_cancel(b, periods[i]), EBUSY);
    CHECK_ERR(hclose(b), EBUSY);
    /* The first one's grace goes on. */
    int64_t start = now();
    CHECK_OK(bundle_wait(c, -1));
    CHECK_INT(now() - start, 50);
    CHECK_NOTES("slept cancelled");
    CHECK_ERR(bundle_cancel(b, 0), EBADF);
    CHECK_OK(hclose(c));
}

static coroutine void waits(int b) {
    CHECK_OK(bundle_wait(b, -1));
    note("waiter");
}

/* Somebody waits for the bundle that another one cancels. */
TEST(with_a_waiter) {
    int b = go(sleeps(50, "slept"));
    CHECK_HANDLE(b);
    int w = go(waits(b));
    CHECK_HANDLE(w);
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_OK(bundle_wait(w, -1));
    CHECK_NOTES("slept waiter");
    /* All have ended, though not by themselves: the wait is over as well. */
    b = go(blocks("cut"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(w, waits(b)));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_OK(bundle_wait(w, -1));
    CHECK_NOTES("cut waiter");
    b = go(blocks("cut"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(w, waits(b)));
    CHECK_OK(hclose(b));
    CHECK_OK(bundle_wait(w, -1));
    CHECK_NOTES("cut waiter");
    CHECK_OK(hclose(w));
}

/* A bundle that has been asked to end may be waited for like any other. */
TEST(during_the_grace_period) {
    int b = go(sleeps(50, "slept"));
    CHECK_HANDLE(b);
    int c = go(cancels(b, 100, 0, 0));
    CHECK_HANDLE(c);
    CHECK_ERR(bundle_wait(b, now() + 10), ETIMEDOUT);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_wait(c, -1));
    CHECK_NOTES("slept cancelled");
    CHECK_OK(hclose(c));
}
