/* Launching into a bundle that is being cancelled: allowed while the grace period
   runs, refused from the hard cancellation on. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

static coroutine void launches_at(int b, int64_t when, int64_t ms) {
    CHECK_OK(msleep(when));
    CHECK_OK(bundle_go(b, sleeps(ms, "launched")));
    note("launcher");
}

TEST(from_outside) {
    int b = go(sleeps(50, "first"));
    CHECK_HANDLE(b);
    int64_t start = now();
    int l = go(launches_at(b, start + 30, 60));
    CHECK_HANDLE(l);
    /* The new member is awaited like the others. */
    CHECK_WAITED(bundle_cancel(b, 100));
    CHECK_INT(now() - start, 90);
    CHECK_NOTES("launcher first launched");
    CHECK_OK(hclose(l));
}

static coroutine void launches_endless_at(int b, int64_t when) {
    CHECK_OK(msleep(when));
    CHECK_OK(bundle_go(b, blocks("cut")));
    note("launcher");
}

TEST(too_long_for_the_period) {
    int b = go(sleeps(50, "first"));
    CHECK_HANDLE(b);
    int64_t start = now();
    CHECK_OK(bundle_go(b, launches_endless_at(b, start + 30)));
    int l = go(launches_endless_at(b, start + 60));
    CHECK_HANDLE(l);
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_INT(now() - start, 100);
    CHECK_NOTES("launcher first launcher cut cut");
    CHECK_OK(hclose(l));
}

static coroutine void respawns(int b, int n) {
    CHECK_WAITED(msleep(now() + 10));
    note("%d", n);
    if(n) CHECK_OK(bundle_go(b, respawns(b, n - 1)));
}

TEST(members_launch_members) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, respawns(b, 5)));
    int64_t start = now();
    CHECK_WAITED(bundle_cancel(b, 1000));
    CHECK_INT(now() - start, 60);
    CHECK_NOTES("5 4 3 2 1 0");
}

static coroutine void never(void) {
    note("never");
}

/* After the hard cancellation: a cut member wakes an outsider and keeps the bundle
   from being finished by awaiting a child of its own. */
static coroutine void cut_member(int wake) {
    int b = go(blocks("child"));
    CHECK_HANDLE(b);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(chdone(wake));
    CHECK_OK(hclose(b));
    note("member");
}

static coroutine void outsider(int b, int wake) {
    int val;
    CHECK_ERR(chrecv(wake, &val, sizeof(val), -1), EPIPE);
    CHECK_ERR(bundle_go(b, never()), ECANCELED);
    static char stack[16384];
    CHECK_ERR(bundle_go_mem(b, never(), stack, sizeof(stack)), ECANCELED);
    CHECK_ERR(bundle_cancel(b, 100), EBUSY);
    /* The refusal concerns the bundle, not the caller. */
    CHECK_OK(yield());
    int own = go(sleeps(1, "own"));
    CHECK_HANDLE(own);
    note("outsider");
    CHECK_OK(bundle_wait(own, -1));
    CHECK_OK(hclose(own));
}

static void after_the_hard_cancellation(int64_t period, int rc, int err) {
    int wake[2];
    CHECK_OK(chmake(wake));
    int b = go(cut_member(wake[0]));
    CHECK_HANDLE(b);
    int o = go(outsider(b, wake[1]));
    CHECK_HANDLE(o);
    errno = 0;
    CHECK_INT(bundle_cancel(b, period), rc);
    CHECK_INT(errno, err);
    CHECK_OK(bundle_wait(o, -1));
    CHECK_NOTES("child member outsider own");
    CHECK_OK(hclose(o));
    CHECK_OK(hclose(wake[0]));
    CHECK_OK(hclose(wake[1]));
}

TEST(after_the_hard_cancellation_when_the_period_has_passed) {
    after_the_hard_cancellation(50, -1, ETIMEDOUT);
}

TEST(after_the_hard_cancellation_without_a_period) {
    after_the_hard_cancellation(0, 0, 0);
}
