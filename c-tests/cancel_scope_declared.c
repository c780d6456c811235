/* CANCEL_SCOPE and cancel_fired: scopes that are left by themselves, however their block ends. */

#include "coroutines.h"

#include <signal.h>

BEFORE_EACH {
    use_virtual_time();
}

/* No scope is entered: blocking calls work, and one that is entered now is the only one. */
static void check_left(void) {
    CHECK_OK(msleep(now() + 100));
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, -1));
    CHECK_OK(cancel_leave(&sc));
}

TEST(fired_by_its_deadline) {
    int64_t end = now() + 10;
    {
        CANCEL_SCOPE(sc, -1, end);
        CHECK_INT(cancel_fired(&sc), 0);
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_INT(now(), end);
        CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
        CHECK_ERR(msleep(-1), ECANCELED);
    }
    check_left();
}

TEST(fired_by_its_channel) {
    int ch[2];
    CHECK_OK(chmake(ch));
    {
        CANCEL_SCOPE(sc, ch[0], now() + 10);
        CHECK_INT(cancel_fired(&sc), 0);
        CHECK_OK(chdone(ch[1]));
        CHECK_INT(cancel_fired(&sc), ECANCELED);
        CHECK_ERR(yield(), ECANCELED);
        /* The first reason stays. */
        msleep(now() + 20);
        CHECK_INT(cancel_fired(&sc), ECANCELED);
    }
    {
        CANCEL_SCOPE(sc, ch[0], 0);
        CHECK_INT(cancel_fired(&sc), ECANCELED);
    }
    check_left();
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void is_asked(int64_t until) {
    {
        CANCEL_SCOPE(sc, DILL_REQUEST, -1);
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_INT(cancel_fired(&sc), ECANCELED);
    }
    CHECK_OK(msleep(until));
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    note("asked");
    /* A hard cancellation fires no scope. */
    CANCEL_SCOPE(inner, DILL_SHIELD, -1);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(cancel_fired(&inner), 0);
    note("cut");
}

TEST(fired_by_the_request) {
    int b = go(is_asked(now() + 10));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 50), ETIMEDOUT);
    CHECK_NOTES("asked cut");
}

static int returns_from_within(void) {
    CANCEL_SCOPE(outer, -1, 0);
    CANCEL_SCOPE(inner, -1, -1);
    for(;;) {
        CANCEL_SCOPE(innermost, -1, -1);
        if(msleep(-1) < 0) return errno;
    }
}

TEST(left_by_return) {
    CHECK_INT(returns_from_within(), ECANCELED);
    check_left();
}

TEST(left_by_break_and_continue) {
    for(int i = 0; ; ++i) {
        CANCEL_SCOPE(sc, -1, 0);
        CHECK_ERR(msleep(-1), ECANCELED);
        if(i < 3) continue;
        break;
    }
    check_left();
    switch(1) {
    case 1: {
        CANCEL_SCOPE(sc, -1, 0);
        break;
    }
    }
    check_left();
}

TEST(left_by_goto) {
    int count = 0;
again:;
    CANCEL_SCOPE(sc, -1, 0);
    CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
    if(++count != 3) goto again;
    {
        CANCEL_SCOPE(inner, -1, 0);
        goto out;
    }
out:
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    check_left();
}

/* A jump over the declaration into its block, which clang refuses: no scope is at its end. */
#if !defined __clang__
TEST(entered_behind_the_declaration) {
    for(volatile int i = 0; i != 2; ++i) {
        switch(i) {
        case 0:;
            CANCEL_SCOPE(sc, -1, 0);
            break;
        case 1:
            check_left();
        }
    }
    check_left();
}
#endif

TEST(the_end_keeps_errno) {
    {
        CANCEL_SCOPE(sc, -1, 0);
        errno = EDOM;
        CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
        CHECK_INT(errno, EDOM);
    }
    CHECK_INT(errno, EDOM);
}

TEST(left_before_its_end) {
    {
        CANCEL_SCOPE(outer, -1, -1);
        CANCEL_SCOPE(sc, -1, 0);
        CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
        CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
        CHECK_OK(msleep(now() + 1));
        CHECK_ERR(cancel_leave(&sc), EINVAL);
        CHECK_INT(cancel_fired(&outer), 0);
        /* Entered again by hand. */
        CHECK_OK(cancel_enter(&sc, -1, -1));
        CHECK_INT(cancel_fired(&sc), 0);
    }
    check_left();
}

TEST(one_that_could_not_be_entered) {
    int b = bundle();
    CHECK_HANDLE(b);
    {
        CANCEL_SCOPE(not_open, 12345, 0);
        CHECK_INT(cancel_fired(&not_open), EBADF);
        CANCEL_SCOPE(no_channel, b, 0);
        CHECK_INT(cancel_fired(&no_channel), ENOTSUP);
        CANCEL_SCOPE(of_nothing, -4, 0);
        CHECK_INT(cancel_fired(&of_nothing), EINVAL);
        CHECK_OK(msleep(now() + 1));
        CHECK_ERR(cancel_leave(&not_open), EINVAL);
    }
    struct cancel_scope sc;
    CHECK_ERR(cancel_enter(&sc, b, -1), ENOTSUP);
    CHECK_INT(cancel_fired(&sc), ENOTSUP);
    CHECK_OK(cancel_enter(&sc, -1, -1));
    CHECK_INT(cancel_fired(&sc), 0);
    CHECK_OK(cancel_leave(&sc));
    CHECK_INT(cancel_fired(&sc), 0);
    CHECK_INT(cancel_fired(NULL), EINVAL);
    memset(&sc, 0xa5, sizeof(sc));
    CHECK_INT(cancel_fired(&sc), EINVAL);
    CHECK_OK(hclose(b));
    check_left();
}

TEST(none_on_a_channel_of_signals) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    int ch = sigchan(&signals);
    CHECK_HANDLE(ch);
    {
        CANCEL_SCOPE(sc, ch, -1);
        CHECK_INT(cancel_fired(&sc), ENOTSUP);
    }
    CHECK_OK(hclose(ch));
}

static coroutine void adds(int a, int b, int *sum) {
    CANCEL_SCOPE(sc, -1, 0);
    CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
    *sum += a + b;
}

/* Launches beside scopes: the compiler is told of both. */
TEST(launches_inside) {
    volatile int launched = 0;
    int sum = 0;
    for(int i = 0; i != 10; ++i) {
        CANCEL_SCOPE(sc, -1, now() + 1000);
        int b = go(adds(i, launched, &sum));
        CHECK_HANDLE(b);
        CANCEL_SCOPE(inner, -1, 0);
        CHECK_OK(bundle_go(b, adds(1, 2, &sum)));
        CHECK_ERR(bundle_wait(b, -1), ECANCELED);
        CHECK_ERR(cancel_leave(&inner), ETIMEDOUT);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        ++launched;
        CHECK_INT(cancel_fired(&sc), 0);
    }
    CHECK_INT(sum, 45 + 45 + 30);
    check_left();
}
