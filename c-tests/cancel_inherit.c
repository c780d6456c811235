/* DILL_INHERIT: an owner that is itself in its grace period passes on what is left
   of it, at any depth, without knowing how much that is. */

#include "elapsed.h"

BEFORE_EACH {
    use_virtual_time();
}

static coroutine void sleeps_until(int64_t when, const char *name) {
    CHECK_WAITED(msleep(when));
    note("%s@%d", name, elapsed());
}

static void channel_of(int b, int ch[2]) {
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
}

static void close_both(int ch[2]) {
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* In the main coroutine no grace period can be running: it waits. */
TEST(none_in_main) {
    start = now();
    int b = go(sleeps_until(start + 5000, "m"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    CHECK_NOTES("m@5000");
    CHECK_ERR(hclose(b), EBADF);
}

static coroutine void inherits_nothing(void) {
    int b = go(sleeps_until(start + 5000, "m"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    note("owner@%d", elapsed());
}

TEST(none_is_running) {
    start = now();
    int b = go(inherits_nothing());
    CHECK_HANDLE(b);
    CHECK_NOTES("");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("m@5000 owner@5000");
}

/* Hears the request, works on for a while, then asks its own child to end within
   what is left by then. */
static coroutine void middle(int ch, int64_t works, int64_t child_ends,
        int result, int err) {
    int val;
    int b = child_ends < 0 ? go(is_cut("child")) :
        go(sleeps_until(start + child_ends, "child"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_OK(msleep(now() + works));
    CHECK_RESULT(bundle_cancel(b, DILL_INHERIT), result, err);
    note("middle@%d", elapsed());
}

TEST(what_is_left) {
    int ch[2];
    start = now();
    int b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    /* The request comes at 100 and leaves 1000; 700 are left at 400. */
    CHECK_OK(bundle_go(b, middle(ch[1], 300, 1099, 0, 0)));
    CHECK_OK(msleep(start + 100));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_INT(elapsed(), 1099);
    CHECK_NOTES("child@1099 middle@1099");
    close_both(ch);
}

/* When nothing is left all levels end in the same millisecond. Who of the owners
   is told first isn't fixed, so the middle one may see either error. */
static coroutine void middle_cut(int ch, int64_t works) {
    int val;
    int b = go(is_cut("child"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_OK(msleep(now() + works));
    CHECK_INT(bundle_cancel(b, DILL_INHERIT), -1);
    CHECK(errno == ETIMEDOUT || errno == ECANCELED);
    note("middle@%d", elapsed());
}

TEST(nothing_is_left) {
    int ch[2];
    start = now();
    int b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, middle_cut(ch[1], 300)));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_INT(elapsed(), 1000);
    CHECK_NOTES("child@1000 middle@1000");
    close_both(ch);
}

TEST(without_limit) {
    int ch[2];
    start = now();
    int b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, middle(ch[1], 100, 10000000, 0, 0)));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("child@10000000 middle@10000000");
    close_both(ch);
}

/* Three levels, each passing on what is left after some work of its own. */
static coroutine void level(int ch, int depth, int64_t leaf_ends) {
    int val, down[2], b;
    if(depth) {
        b = bundle();
        CHECK_HANDLE(b);
        channel_of(b, down);
        CHECK_OK(bundle_go(b, level(down[1], depth - 1, leaf_ends)));
    }
    else b = go(sleeps_until(start + leaf_ends, "leaf"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_OK(msleep(now() + 200));
    CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    note("%d@%d", depth, elapsed());
    if(depth) close_both(down);
}

TEST(three_levels) {
    int ch[2];
    start = now();
    int b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, level(ch[1], 2, 999)));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("leaf@999 0@999 1@999 2@999");
    close_both(ch);
}

/* The leaf doesn't end: it is cut exactly when the outermost period is over. */
static coroutine void level_cut(int ch, int depth) {
    int val, down[2], b;
    if(depth) {
        b = bundle();
        CHECK_HANDLE(b);
        channel_of(b, down);
        CHECK_OK(bundle_go(b, level_cut(down[1], depth - 1)));
    }
    else b = go(is_cut("leaf"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_OK(msleep(now() + 200));
    CHECK_INT(bundle_cancel(b, DILL_INHERIT), -1);
    CHECK(errno == ETIMEDOUT || errno == ECANCELED);
    note("%d@%d", depth, elapsed());
    if(depth) close_both(down);
}

TEST(three_levels_cut) {
    int ch[2];
    start = now();
    int b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, level_cut(ch[1], 2)));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_NOTES("leaf@1000 0@1000 1@1000 2@1000");
    close_both(ch);
}

/* No period is running for the caller's own bundle, but for one further up. */
static coroutine void in_the_inner_bundle(int ch) {
    int val;
    int b = go(is_cut("child"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    /* Which of the two timers is first isn't fixed. */
    CHECK_INT(bundle_cancel(b, DILL_INHERIT), -1);
    CHECK(errno == ETIMEDOUT || errno == ECANCELED);
    note("inner@%d", elapsed());
}

static coroutine void in_the_outer_bundle(int ch) {
    int b = go(in_the_inner_bundle(ch));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_wait(b, -1), ECANCELED);
    CHECK_OK(hclose(b));
    note("outer@%d", elapsed());
}

TEST(from_further_up) {
    int ch[2];
    start = now();
    int b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, in_the_outer_bundle(ch[1])));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_NOTES("child@1000 inner@1000 outer@1000");
    close_both(ch);
}

/* Own periods may be shorter or longer than what is left; the outer one wins. */
static coroutine void own_period(int ch, int64_t period) {
    int val;
    int b = go(is_cut("child"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_ERR(bundle_cancel(b, period), period < 1000 ? ETIMEDOUT : ECANCELED);
    note("own@%d", elapsed());
}

TEST(own_periods) {
    int64_t period[] = {300, 5000};
    int rc[] = {0, -1};
    for(int i = 0; i != 2; ++i) {
        int ch[2];
        start = now();
        int b = bundle();
        CHECK_HANDLE(b);
        channel_of(b, ch);
        CHECK_OK(bundle_go(b, own_period(ch[1], period[i])));
        CHECK_INT(bundle_cancel(b, 1000), rc[i]);
        CHECK_NOTES(i ? "child@1000 own@1000" : "child@300 own@300");
        close_both(ch);
    }
}
