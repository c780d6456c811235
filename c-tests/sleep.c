/* msleep and timers, in virtual time: order, equal and passed deadlines, far
   deadlines, many timers of all ranges, cancelled timers. */

#include "check.h"

BEFORE_EACH {
    use_virtual_time();
}

static int b;

static coroutine void sleeps_until(int64_t deadline, const char *name) {
    CHECK_WAITED(msleep(deadline));
    CHECK_INT(now() - deadline, 0);
    note("%s", name);
}

static void make(void) {
    b = bundle();
    CHECK_HANDLE(b);
}

static void wait_and_close(void) {
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

TEST(earliest_first) {
    int64_t start = now();
    make();
    CHECK_OK(bundle_go(b, sleeps_until(start + 30, "30")));
    CHECK_OK(bundle_go(b, sleeps_until(start + 40, "40")));
    CHECK_OK(bundle_go(b, sleeps_until(start + 10, "10")));
    CHECK_OK(bundle_go(b, sleeps_until(start + 20, "20")));
    wait_and_close();
    CHECK_NOTES("10 20 30 40");
    CHECK_INT(now() - start, 40);
}

TEST(equal_deadlines_are_fifo) {
    int64_t when = now() + 10;
    make();
    CHECK_OK(bundle_go(b, sleeps_until(when, "a")));
    CHECK_OK(bundle_go(b, sleeps_until(when, "b")));
    CHECK_OK(bundle_go(b, sleeps_until(when + 1, "later")));
    CHECK_OK(bundle_go(b, sleeps_until(when, "c")));
    CHECK_OK(bundle_go(b, sleeps_until(when - 1, "earlier")));
    CHECK_OK(bundle_go(b, sleeps_until(when, "d")));
    wait_and_close();
    CHECK_NOTES("earlier a b c d later");
}

static coroutine void runs(const char *name) {
    CHECK_OK(yield());
    note("%s", name);
}

TEST(passed_deadlines) {
    int64_t start = now();
    int64_t passed[] = {0, 1, start - 1000000, start - 1, start};
    for(size_t i = 0; i != sizeof(passed) / sizeof(passed[0]); ++i) {
        make();
        /* Returns without time passing, but lets those run who are ready. */
        CHECK_OK(bundle_go(b, runs("ready")));
        CHECK_OK(msleep(passed[i]));
        note("main");
        CHECK_NOTES("ready main");
        wait_and_close();
    }
    CHECK_INT(now() - start, 0);
    for(int i = 0; i != 1000; ++i) CHECK_OK(msleep(0));
    CHECK_INT(now() - start, 0);
}

static coroutine void is_cancelled(int64_t deadline) {
    CHECK_ERR(msleep(deadline), ECANCELED);
    CHECK_ERR(msleep(deadline), ECANCELED);
    CHECK_ERR(msleep(0), ECANCELED);
    note("x");
}

TEST(for_ever) {
    int64_t start = now();
    make();
    CHECK_OK(bundle_go(b, is_cancelled(-1)));
    CHECK_OK(bundle_go(b, is_cancelled(-2)));
    CHECK_OK(bundle_go(b, is_cancelled(INT64_MIN)));
    CHECK_OK(bundle_go(b, is_cancelled(INT64_MAX)));
    CHECK_OK(bundle_go(b, is_cancelled(INT64_MAX - 1)));
    CHECK_OK(bundle_go(b, is_cancelled(start + 1000)));
    CHECK_OK(msleep(start + 999));
    CHECK_OK(hclose(b));
    CHECK_NOTES("x x x x x x");
    CHECK_INT(now() - start, 999);
}

TEST(cancelled_timers_do_not_fire) {
    int64_t start = now();
    int keep = go(sleeps_until(start + 50, "kept"));
    CHECK_HANDLE(keep);
    for(int i = 1; i != 100; ++i) {
        int h = go(is_cancelled(start + i));
        CHECK_HANDLE(h);
        CHECK_OK(hclose(h));
    }
    check_notes_[0] = 0;
    /* Time goes straight to the timer that is left. */
    CHECK_OK(bundle_wait(keep, -1));
    CHECK_NOTES("kept");
    CHECK_INT(now() - start, 50);
    CHECK_OK(hclose(keep));
}

enum {NTIMERS = 3000};
static int64_t last_woken;
static int woken;

static coroutine void in_order(int64_t deadline) {
    CHECK_WAITED(msleep(deadline));
    CHECK_INT(now() - deadline, 0);
    CHECK(deadline >= last_woken);
    last_woken = deadline;
    woken++;
}

/* Deadlines from one millisecond to centuries ahead, in no order. */
TEST(all_ranges) {
    int64_t start = now();
    uint64_t random = 88172645463325252u;
    last_woken = start;
    make();
    for(int i = 0; i != NTIMERS; ++i) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int64_t ahead = (int64_t)(random >> (64 - 1 - i % 43));
        CHECK_OK(bundle_go(b, in_order(start + 1 + ahead)));
    }
    /* Around powers of two, where a timing wheel changes its level. */
    for(int bit = 0; bit != 43; ++bit)
        for(int64_t off = -1; off != 2; ++off)
            CHECK_OK(bundle_go(b,
                in_order(start + 2 + ((int64_t)1 << bit) + off)));
    wait_and_close();
    CHECK_INT(woken, NTIMERS + 43 * 3);
    CHECK_INT(now(), last_woken);
}

/* Timers that are set while others fire, close to each other. */
static coroutine void ticks(int64_t start, int step, int n, int *count) {
    for(int i = 1; i <= n; ++i) {
        CHECK_WAITED(msleep(start + (int64_t)i * step));
        CHECK_INT(now() - start, i * step);
        ++*count;
    }
}

TEST(tickers) {
    int64_t start = now();
    int count[20] = {0};
    make();
    for(int i = 0; i != 20; ++i)
        CHECK_OK(bundle_go(b, ticks(start, i + 1, 1000, &count[i])));
    wait_and_close();
    for(int i = 0; i != 20; ++i) CHECK_INT(count[i], 1000);
    CHECK_INT(now() - start, 20000);
}

TEST(far_deadlines_that_do_not_fire) {
    int ch[2], val = 0;
    CHECK_OK(chmake(ch));
    int64_t start = now();
    int64_t far[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2,
        start + ((int64_t)1 << 50), start + 1000000000000};
    for(size_t i = 0; i != sizeof(far) / sizeof(far[0]); ++i) {
        b = go(sleeps_until(start + 10 * ((int64_t)i + 1), "s"));
        CHECK_HANDLE(b);
        CHECK_WAITED(bundle_wait(b, far[i]));
        CHECK_INT(now() - start, 10 * ((int64_t)i + 1));
        CHECK_OK(hclose(b));
    }
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), start + 60), ETIMEDOUT);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_NOTES("s s s s s");
}
