/* Backtraces by the C library in functions that have launched coroutines, and in these:
   the launch must leave the compiler's tables in order. */

#include <execinfo.h>

#include "check.h"

static int inside;

__attribute__((noinline)) static int frames(void) {
    void *found[50];
    int n = backtrace(found, 50);
    __asm__ __volatile__("" : : "r"(found) : "memory");
    return n;
}

static coroutine void counts(void) {
    inside += frames() >= 2;
    CHECK_OK(msleep(now() + 1));
    inside += frames() >= 2;
}

static coroutine void launches(void) {
    int before = frames();
    int b = go(counts());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, counts()));
    CHECK_INT(frames(), before);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(frames(), before);
    CHECK_OK(hclose(b));
}

TEST(exceptions_and_cleanups) {
    launches();
    int b = go(launches());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, launches()));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(inside, 12);
}
