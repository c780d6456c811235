/* Deadlines and periods as far away as a number can say, in real and in virtual time: they are
   late, never early, and never without end where time can get there. */

#include <signal.h>
#include <sys/time.h>

#include "net.h"
#include "process.h"

ALL_TESTS(BOTH_POLLERS)

static const int64_t far[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2 + 1,
    INT64_C(9223372036855), INT64_C(18446744073710), INT64_C(1) << 53};
#define FAR ((int)(sizeof(far) / sizeof(far[0])))

/* As now() + period is on a processor, without the compiler's opinion of it. */
static int64_t sum(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static coroutine void sleeps_for_ever(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
}

static coroutine void listens(int ch) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
}

static void time_out(int64_t deadline) {
    int ch[2], fds[2], s[2], val = 0;
    char byte;
    int64_t before = now();
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(fds));
    CHECK_OK(ipc_pair(s));
    CHECK_OK(msleep(deadline));
    CHECK(now() >= before && (deadline < 0 || now() >= deadline));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), deadline), ETIMEDOUT);
    CHECK_ERR(chsend(ch[1], &val, sizeof(val), deadline), ETIMEDOUT);
    CHECK_ERR(fdin(fds[0], deadline), ETIMEDOUT);
    CHECK_ERR(brecv(s[0], &byte, 1, deadline), ETIMEDOUT);
    struct chclause clauses[] = {{CHRECV, ch[0], &val, sizeof(val)}, {CHFDIN, fds[0], NULL, 0}};
    CHECK_RESULT(choose(clauses, 2, deadline), -1, ETIMEDOUT);
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, -1, deadline));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
    int b = go(sleeps_for_ever());
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_wait(b, deadline), ETIMEDOUT);
    CHECK_OK(bundle_deadline(b, deadline));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK(now() >= before);
}

/* Each in a process of its own: there is only one end of time. */
static void virtually(int64_t deadline) {
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    time_out(deadline);
}

static void periods_virtually(int64_t period) {
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    int64_t last = now();
    for(int i = 0; i != 3; ++i) {
        int ch[2], b = i == 1 ? bundle() : go(sleeps_for_ever());
        CHECK_HANDLE(b);
        CHECK_OK(chmake(ch));
        if(i == 1) CHECK_OK(bundle_go(b, listens(ch[0])));
        CHECK_ERR(bundle_cancel(b, period), ETIMEDOUT);
        CHECK(now() >= last);
        last = now();
        CHECK_OK(hclose(ch[0]));
        CHECK_OK(hclose(ch[1]));
    }
    /* Sums go beyond the end, and everything goes on, or ends at once. */
    CHECK_OK(msleep(sum(now(), 10)));
    time_out(sum(now(), 1000));
    time_out(sum(now(), period / 2));
    time_out(now());
    CHECK(now() >= last);
}

static coroutine void waits(int kind, int64_t deadline) {
    int ch[2], fds[2], s[2], val;
    char byte;
    switch(kind) {
    case 0:
        (void)msleep(deadline);
        break;
    case 1:
        CHECK_OK(chmake(ch));
        (void)chrecv(ch[0], &val, sizeof(val), deadline);
        break;
    case 2:
        CHECK_OK(pipe(fds));
        (void)fdin(fds[0], deadline);
        break;
    default:
        CHECK_OK(ipc_pair(s));
        (void)brecv(s[0], &byte, 1, deadline);
    }
    _exit(1);
}

/* A sum beyond the end of time is later than all else, for everything that looks at it. */
static void late_sums(int64_t beyond) {
    struct cancel_scope scope;
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    int64_t deadline = sum(INT64_MAX, beyond);
    int b = go(sleeps_for_ever());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, deadline));
    CHECK_OK(cancel_enter(&scope, -1, deadline));
    CHECK_OK(msleep(now() + 1000000000));
    CHECK_ERR(bundle_wait(b, now() + 1), ETIMEDOUT);
    CHECK_OK(cancel_leave(&scope));
    CHECK_ERR(bundle_wait(b, INT64_MAX / 2), ETIMEDOUT);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(now(), INT64_MAX);
    CHECK_OK(hclose(b));
}

/* In real time they don't come, and waiting for them takes no work. */
static void really(int kind, int64_t deadline) {
    about("wait %d until %lld", kind, (long long)deadline);
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        struct itimerval timer = {{0, 0}, {0, 40000}};
        CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
        int b = go(waits(kind, deadline));
        CHECK_HANDLE(b);
        (void)bundle_cancel(b, deadline < 0 ? INT64_MAX : deadline);
        _exit(2);
    }
    int status;
    struct rusage used;
    CHECK_INT(wait4(child, &status, 0, &used), child);
    if(!WIFSIGNALED(status) || WTERMSIG(status) != SIGALRM)
        check_fail(__FILE__, __LINE__, "status %d", status);
    CHECK_BETWEEN(used.ru_utime.tv_sec + used.ru_stime.tv_sec, 0, 0);
    if(!under_memcheck()) CHECK_BETWEEN(used.ru_utime.tv_usec + used.ru_stime.tv_usec, 0, 20000);
}

static void in_child_with(void (*scenario)(int64_t), int64_t argument) {
    about("%lld", (long long)argument);
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        scenario(argument);
        _exit(0);
    }
    CHECK_OK(result_of(child));
}

TEST(sums_beyond_the_end) {
    in_child_with(late_sums, 1);
    in_child_with(late_sums, 1000000);
}

TEST(deadlines_in_virtual_time) {
    for(int i = 0; i != FAR; ++i) in_child_with(virtually, far[i]);
}

TEST(periods_in_virtual_time) {
    for(int i = 0; i != FAR; ++i) in_child_with(periods_virtually, far[i]);
}

TEST(in_real_time) {
    for(int kind = 0; kind != 4; ++kind) {
        for(int i = 0; i != FAR; ++i) really(kind, far[i]);
        really(kind, sum(now(), INT64_MAX));
    }
}
