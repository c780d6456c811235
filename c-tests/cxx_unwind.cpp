// Exceptions and backtraces in functions that launch coroutines: the launch must leave the
// compiler's tables in order.

#include <execinfo.h>

#include <stdexcept>

#include "check.h"

static coroutine void sleeps() {
    CHECK_OK(msleep(now() + 1));
}

// Something to unwind before the exception arrives.
struct Counted {
    int &count;
    explicit Counted(int &count) : count(count) { ++count; }
    ~Counted() { --count; }
};

__attribute__((noinline)) static void throws(int &count) {
    Counted guard(count);
    void *frames[50];
    // From here to main, and what called that.
    CHECK(backtrace(frames, 50) >= 4);
    throw std::runtime_error("thrown");
}

__attribute__((noinline)) static void launches_and_throws(int &count) {
    Counted guard(count);
    int b = go(sleeps());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sleeps()));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    throws(count);
}

static coroutine void catches(int &caught) {
    int count = 0;
    try {
        launches_and_throws(count);
    } catch(const std::runtime_error &error) {
        CHECK_STR(error.what(), "thrown");
        caught++;
    }
    CHECK_INT(count, 0);
}

TEST(exceptions_are_caught) {
    int caught = 0;
    catches(caught);
    int b = go(catches(caught));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, catches(caught)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(caught, 3);
}
