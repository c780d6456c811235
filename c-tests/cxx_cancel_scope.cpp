// CANCEL_SCOPE in C++: a guard, which exceptions go through.

#include <stdexcept>
#include <string>

#include "check.h"

BEFORE_EACH {
    use_virtual_time();
}

static void check_left() {
    CHECK_OK(msleep(now() + 100));
}

static void throws() {
    CANCEL_SCOPE(outer, -1, -1);
    CANCEL_SCOPE(inner, -1, 0);
    CHECK_INT(cancel_fired(&inner), ETIMEDOUT);
    errno = EDOM;
    throw std::runtime_error("thrown");
}

static coroutine void catches(int &caught) {
    try {
        throws();
    } catch(const std::runtime_error &) {
        CHECK_INT(errno, EDOM);
        ++caught;
    }
    check_left();
}

TEST(exceptions) {
    int caught = 0;
    catches(caught);
    int b = go(catches(caught));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, catches(caught)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(caught, 3);
}

static std::string returns() {
    CANCEL_SCOPE(sc, DILL_REQUEST, now() + 10);
    for(;;) {
        CANCEL_SCOPE(inner, DILL_SHIELD, -1);
        if(msleep(now() + 20) < 0) break;
        if(cancel_leave(&inner) < 0) break;
        if(msleep(-1) < 0 && cancel_fired(&sc) == ETIMEDOUT) return std::string("timed out");
    }
    return "failed";
}

TEST(ends_of_blocks) {
    CHECK_STR(returns().c_str(), "timed out");
    check_left();
    for(int i = 0; i != 3; ++i) {
        CANCEL_SCOPE(sc, -1, 0);
        if(i == 1) continue;
        CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
        check_left();
    }
    check_left();
}

struct Member {
    int64_t end;
    int fired;
    Member(int64_t end) : end(end), fired(0) {}
    void run() {
        CANCEL_SCOPE(sc, -1, this->end);
        CHECK_ERR(msleep(-1), ECANCELED);
        fired = cancel_fired(&sc);
    }
};

TEST(in_a_member_function) {
    Member member(now() + 5);
    int b = go(member.run());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(member.fired, ETIMEDOUT);
}

TEST(one_that_could_not_be_entered) {
    CANCEL_SCOPE(sc, 12345, -1);
    CHECK_INT(cancel_fired(&sc), EBADF);
    const struct cancel_scope *scope = &sc;
    CHECK_INT(cancel_fired(scope), EBADF);
    check_left();
}
