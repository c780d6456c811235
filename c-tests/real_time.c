/* The real clock: never early, monotonic, and msleep really waits. Upper bounds
   are generous, because a busy machine may be late. */

#include <time.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

static int64_t monotonic_ms(void) {
    struct timespec ts;
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &ts));
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static double monotonic(void) {
    struct timespec ts;
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &ts));
    return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

TEST(sleeping_is_never_early) {
    for(int ms = 1; ms <= 15; ms += 2) {
        double before = monotonic();
        int64_t deadline = now() + ms;
        CHECK_WAITED(msleep(deadline));
        CHECK(monotonic_ms() >= deadline);
        CHECK(now() >= deadline);
        CHECK(monotonic() - before < ms + 1000);
    }
}

static coroutine void is_late_but_never_early(int64_t deadline, int *done) {
    CHECK_WAITED(msleep(deadline));
    CHECK(now() >= deadline);
    ++*done;
}

TEST(many_sleepers) {
    int b = bundle(), done = 0;
    CHECK_HANDLE(b);
    int64_t start = now();
    for(int i = 0; i != 500; ++i)
        CHECK_OK(bundle_go(b, is_late_but_never_early(start + i % 40, &done)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_BETWEEN(now() - start, 39, 1039);
    CHECK_INT(done, 500);
    CHECK_OK(hclose(b));
}

/* Correct to the millisecond, and monotonic. Each value is compared with the
   system's clock before and after, so it doesn't matter when the process is
   interrupted. */
TEST(now_keeps_pace) {
    int64_t first = monotonic_ms(), last = now();
    while(monotonic_ms() - first < 30) {
        int64_t low = monotonic_ms();
        int64_t seen = now();
        int64_t high = monotonic_ms();
        CHECK_BETWEEN(seen, low - 1, high);
        CHECK(seen >= last);
        last = seen;
    }
}

TEST(timeouts_are_never_early) {
    int ch[2], val = 0, fds[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(fds));
    int64_t deadline = now() + 5;
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), deadline), ETIMEDOUT);
    CHECK(now() >= deadline);
    deadline = now() + 5;
    CHECK_ERR(fdin(fds[0], deadline), ETIMEDOUT);
    CHECK(now() >= deadline);
    deadline = now() + 5;
    CHECK_ERR(choose(NULL, 0, deadline), ETIMEDOUT);
    CHECK(now() >= deadline);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* A scope's deadline may pass while its coroutine computes and nobody looks at the clock. */
TEST(a_scope_without_a_wait) {
    struct cancel_scope outer, inner;
    int64_t deadline = now() + 5;
    CHECK_OK(cancel_enter(&outer, -1, deadline));
    CHECK_OK(cancel_enter(&inner, -1, deadline + 1000000));
    while(now() < deadline) continue;
    CHECK_OK(cancel_leave(&inner));
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
    /* The request came first. */
    int ch[2];
    CHECK_OK(chmake(ch));
    deadline = now() + 5;
    CHECK_OK(cancel_enter(&outer, ch[0], deadline));
    CHECK_OK(hclose(ch[1]));
    while(now() < deadline) continue;
    CHECK_ERR(cancel_leave(&outer), ECANCELED);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(yield());
}
