/* dill_last_resort: a process in which a hard cancellation isn't completed in time says who is in
   the way and ends, whatever its coroutines do. Each scenario is a child process. */

#include "process.h"

#include <pthread.h>
#include <signal.h>

#define STATUS 37
#define TIMEOUT 50

static char text[1 << 16];

/* Where the coroutine was launched that is in the way. */
static int line;

static void at(const char *file, int here, const char *problem) {
    check_fail(file, here, "%s in\n%.1500s", problem, text);
}

/* Runs the scenario in a child, which must be ended with a report. WHAT the coroutine in the way
   does, which was launched at `line` of the child: the scenario says so in its last line. */
static void check_ends(int here, void (*scenario)(void), const char *what) {
    int fd;
    pid_t pid = fork_heard(&fd);
    if(pid == 0) {
        CHECK_OK(dill_last_resort(TIMEOUT, STATUS));
        scenario();
        _exit(99);
    }
    int result = hear(pid, fd, text, sizeof(text));
    if(result != STATUS) check_fail(__FILE__, here, "result %d, text:\n%.1500s", result, text);
    int launched;
    if(sscanf(text, "launched at %d\n", &launched) != 1) at(__FILE__, here, "no place");
    char *report = strchr(text, '\n') + 1;
    char expected[512];
    snprintf(expected, sizeof(expected),
        "libdill: a hard cancellation has not been completed within %d ms; "
        "the process ends with status %d\nlibdill: in the way on thread ", TIMEOUT, STATUS);
    if(strncmp(report, expected, strlen(expected)) != 0) at(__FILE__, here, "no header");
    report = strchr(report + strlen(expected), '\n') + 1;
    if(launched)
        snprintf(expected, sizeof(expected), "  %s:%d: %s", __FILE__, launched, what);
    else
        snprintf(expected, sizeof(expected), "  main: %s", what);
    if(strncmp(report, expected, strlen(expected)) != 0) at(__FILE__, here, expected);
    if(!strstr(report, "\nlibdill: coroutines of thread ")) at(__FILE__, here, "no tree");
    if(!strstr(report, "\nmain: ")) at(__FILE__, here, "no main coroutine");
}

#define CHECK_ENDS(scenario, what) check_ends(__LINE__, scenario, what)

/* Who is to blame: the launch in the next line, or main. */
#define IN_THE_WAY (line = __LINE__ + 1, (void)dprintf(2, "launched at %d\n", line))
#define MAIN_IS_IN_THE_WAY ((void)dprintf(2, "launched at 0\n"))

static coroutine void computes(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    for(volatile unsigned i = 0;; ++i) continue;
}

static coroutine void computes_at_once(void) {
    for(volatile unsigned i = 0;; ++i) continue;
}

static coroutine void waits_in_the_system(void) {
    int fds[2];
    char byte;
    CHECK_OK(pipe(fds));
    CHECK_ERR(msleep(-1), ECANCELED);
    for(;;) if(read(fds[0], &byte, 1) >= 0) _exit(98);
}

static coroutine void sleeps_in_the_system(void) {
    struct timespec long_time = {1000, 0};
    CHECK_ERR(msleep(-1), ECANCELED);
    for(;;) nanosleep(&long_time, NULL);
}

static coroutine void ignores_errors(void) {
    for(;;) msleep(-1);
}

static coroutine void yields(void) {
    for(;;) yield();
}

static coroutine void makes_things(void) {
    int ch[2];
    for(;;) {
        chmake(ch);
        bundle();
        go(yields());
        fdin(0, -1);
    }
}

static coroutine void is_cut(void) {
    while(yield() == 0) continue;
}

static void a_loop(void) {
    IN_THE_WAY;
    int b = go(computes());
    CHECK_HANDLE(b);
    hclose(b);
}

static coroutine void fails_then_computes(void) {
    CHECK_OK(bundle_fail(EPROTO));
    CHECK_ERR(msleep(-1), ECANCELED);
    for(volatile unsigned i = 0;; ++i) continue;
}

static void a_reporter(void) {
    IN_THE_WAY;
    int b = go(fails_then_computes());
    CHECK_HANDLE(b);
    hclose(b);
}

/* It was not cut when it reported the error, and is when its bundle is closed. */
TEST(one_that_has_failed) {
    CHECK_ENDS(a_reporter, "running; cancelled\n");
}

static coroutine void closes_another(int b) {
    CHECK_OK(hclose(b));
}

static coroutine void fails(void) {
    CHECK_OK(bundle_fail(EPROTO));
}

static coroutine void lets_others_run(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    for(int i = 0; i != 10; ++i) CHECK_ERR(yield(), ECANCELED);
}

/* Members that wait for the end of others, and so are watched, still tell of the error. */
TEST(an_error_is_told_while_it_is_on) {
    CHECK_OK(dill_last_resort(60000, STATUS));
    int inner = go(lets_others_run()), b = bundle();
    CHECK_HANDLE(inner);
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, closes_another(inner)));
    CHECK_OK(bundle_go(b, fails()));
    CHECK_INT(bundle_wait(b, -1), EPROTO);
    CHECK_OK(hclose(b));
    CHECK_OK(dill_last_resort(-1, 0));
}

TEST(one_that_computes) {
    CHECK_ENDS(a_loop, "running; cancelled\n");
    CHECK(strstr(text, ", which computes:\n"));
}

static void a_read(void) {
    IN_THE_WAY;
    int b = go(waits_in_the_system());
    CHECK_HANDLE(b);
    hclose(b);
}

static void a_sleep(void) {
    IN_THE_WAY;
    int b = go(sleeps_in_the_system());
    CHECK_HANDLE(b);
    hclose(b);
}

TEST(one_that_blocks_in_the_system) {
    CHECK_ENDS(a_read, "running; cancelled\n");
    CHECK(strstr(text, ", which is blocked in a system call:\n"));
    CHECK_ENDS(a_sleep, "running; cancelled\n");
    CHECK(strstr(text, ", which is blocked in a system call:\n"));
}

/* Nothing reaches such a thread but the end of the process. */
static void a_read_without_signals(void) {
    sigset_t all;
    sigfillset(&all);
    CHECK_OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    a_read();
}

TEST(one_that_blocks_in_the_system_and_all_signals) {
    CHECK_ENDS(a_read_without_signals, "running; cancelled\n");
}

static void failing_calls(void) {
    IN_THE_WAY;
    int b = go(ignores_errors());
    CHECK_HANDLE(b);
    hclose(b);
}

static void failing_yields(void) {
    IN_THE_WAY;
    int b = go(yields());
    CHECK_HANDLE(b);
    hclose(b);
}

static void failing_launches(void) {
    IN_THE_WAY;
    int b = go(makes_things());
    CHECK_HANDLE(b);
    hclose(b);
}

TEST(ones_that_ignore_errors) {
    CHECK_ENDS(failing_calls, "r");
    CHECK_ENDS(failing_yields, "r");
    CHECK_ENDS(failing_launches, "r");
}

static coroutine void owns(int64_t timeout) {
    IN_THE_WAY;
    int b = go(computes());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, is_cut()));
    bundle_cancel(b, timeout);
}

static void grace_then_hard(void) {
    int b = go(owns(-1));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, is_cut()));
    bundle_cancel(b, 20);
}

/* The owner that was cancelled waits, and is not to blame. */
TEST(below_another_one) {
    CHECK_ENDS(grace_then_hard, "running; cancelled\n");
}

static void a_deadline(void) {
    int b = bundle();
    CHECK_HANDLE(b);
    IN_THE_WAY;
    CHECK_OK(bundle_go(b, computes()));
    CHECK_OK(bundle_deadline(b, now() + 10));
    bundle_wait(b, -1);
}

TEST(the_deadline_of_a_bundle) {
    CHECK_ENDS(a_deadline, "running; cancelled\n");
}

static void main_computes(void) {
    int b = go(is_cut());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, now() + 10));
    while(yield() == 0 && now() < 0) continue;
    CHECK_OK(bundle_deadline(b, 0));
    MAIN_IS_IN_THE_WAY;
    computes_at_once();
}

/* Not cancelled itself, but the others can't run. */
TEST(one_that_was_not_cancelled) {
    CHECK_ENDS(main_computes, "running\n");
}

static coroutine void computes_later(void) {
    CHECK_OK(yield());
    computes_at_once();
}

/* All that was cancelled has ended, but the one that waits for it doesn't go on. */
static void another_bundle(void) {
    int other = bundle(), b = bundle();
    CHECK_OK(bundle_go(b, is_cut()));
    IN_THE_WAY;
    CHECK_OK(bundle_go(other, computes_later()));
    hclose(b);
}

TEST(one_of_another_bundle) {
    CHECK_ENDS(another_bundle, "running\n");
}

static int go_on[2];

static void *ends_well(void *arg) {
    (void)arg;
    char byte = 0;
    int b = go(is_cut());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK(write(go_on[1], &byte, 1) == 1);
    int ch[2], val;
    CHECK_OK(chmake(ch));
    chrecv(ch[0], &val, sizeof(val), -1);
    return NULL;
}

static void *hangs(void *arg) {
    (void)arg;
    a_loop();
    return NULL;
}

static void in_another_thread(void) {
    pthread_t threads[2];
    char byte;
    CHECK_OK(pipe(go_on));
    CHECK_OK(pthread_create(&threads[0], NULL, ends_well, NULL));
    CHECK(read(go_on[0], &byte, 1) == 1);
    CHECK_OK(pthread_create(&threads[1], NULL, hangs, NULL));
    int b = go(is_cut());
    CHECK_HANDLE(b);
    bundle_wait(b, -1);
}

/* All threads are shown, the one with the obstacle first. */
TEST(threads) {
    CHECK_ENDS(in_another_thread, "running; cancelled\n");
    int count = 0;
    for(char *p = text; (p = strstr(p, "libdill: coroutines of thread ")); ++p) ++count;
    CHECK_INT(count, 3);
    char *tree = strstr(text, "libdill: coroutines of thread ");
    char *first = strstr(tree, "; cancelled"), *next = strstr(tree + 1, "libdill: coroutines of ");
    CHECK(first && next && first < next);
    CHECK(strstr(text, ": blocked in chrecv from "));
}

static void two_that_hang(void) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, hangs, NULL));
    int b = go(computes());
    CHECK_HANDLE(b);
    hclose(b);
}

TEST(two_threads_that_hang) {
    int fd;
    pid_t pid = fork_heard(&fd);
    if(pid == 0) {
        CHECK_OK(dill_last_resort(TIMEOUT, STATUS));
        two_that_hang();
        _exit(99);
    }
    CHECK_INT(hear(pid, fd, text, sizeof(text)), STATUS);
    CHECK(strstr(text, "libdill: in the way on thread "));
}

/* Virtual time may stand still meanwhile. */
TEST(real_time_counts) {
    use_virtual_time();
    CHECK_ENDS(a_loop, "running; cancelled\n");
}

/* The standard error output is a pipe that nobody reads: the process ends all the same. */
TEST(a_report_that_nobody_reads, TIME_LIMIT(60)) {
    int fds[2];
    static char nothing[1 << 12];
    CHECK_OK(pipe(fds));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        alarm(50);
        CHECK(dup2(fds[1], 2) == 2);
        CHECK_OK(dill_last_resort(TIMEOUT, STATUS));
        int ready = 1;
        while(ready) {
            fd_set set;
            struct timeval none = {0, 0};
            FD_ZERO(&set);
            FD_SET(2, &set);
            ready = select(3, NULL, &set, NULL, &none);
            if(ready && write(2, nothing, sizeof(nothing)) < 0) _exit(98);
        }
        int b = go(computes());
        hclose(b);
        _exit(99);
    }
    CHECK_INT(result_of(pid), STATUS);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void closed_stderr(void) {
    CHECK_OK(close(2));
    CHECK_OK(dill_last_resort(TIMEOUT, STATUS));
    int b = go(computes());
    hclose(b);
    _exit(99);
}

TEST(no_standard_error) {
    CHECK_INT(in_child(closed_stderr), STATUS);
}

/* No new process can be made. */
static void no_processes(void) {
    CHECK_OK(dill_last_resort(TIMEOUT, STATUS));
    struct rlimit none = {0, 0};
    CHECK_OK(setrlimit(RLIMIT_NPROC, &none));
    int b = go(computes());
    hclose(b);
    _exit(99);
}

TEST(no_child) {
    int fd;
    pid_t pid = fork_heard(&fd);
    if(pid == 0) no_processes();
    CHECK_INT(hear(pid, fd, text, sizeof(text)), STATUS);
    CHECK(strstr(text, "libdill: a hard cancellation has not been completed within "));
    /* As root the limit is none. */
    CHECK(strstr(text, "libdill: in the way on thread ") ||
        strstr(text, "libdill: what runs could not be read\n"));
}

/* A timeout that is never reached. */
static void all_is_well(void) {
    CHECK_OK(dill_last_resort(60000, STATUS));
    for(int i = 0; i != 1000; ++i) {
        int b = go(is_cut());
        CHECK_HANDLE(b);
        for(int j = 0; j != 5; ++j) CHECK_OK(bundle_go(b, is_cut()));
        CHECK_OK(hclose(b));
        b = go(is_cut());
        CHECK_OK(bundle_deadline(b, 0));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
}

TEST(completed_in_time) {
    CHECK_INT(in_child(all_is_well), 0);
}

static coroutine void ends_after(int64_t ms) {
    struct timespec time = {0, (long)ms * 1000000};
    CHECK_ERR(msleep(-1), ECANCELED);
    nanosleep(&time, NULL);
}

static void off_again(void) {
    CHECK_OK(dill_last_resort(1, STATUS));
    CHECK_OK(dill_last_resort(-1, 0));
    int b = go(ends_after(50));
    CHECK_OK(hclose(b));
}

static void longer(void) {
    CHECK_OK(dill_last_resort(1, STATUS));
    CHECK_OK(dill_last_resort(60000, 38));
    int b = go(ends_after(50));
    CHECK_OK(hclose(b));
}

static void off_from_the_beginning(void) {
    int b = go(ends_after(50));
    CHECK_OK(hclose(b));
}

static coroutine void changes_the_limit(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(dill_last_resort(1, 38));
    for(volatile unsigned i = 0;; ++i) continue;
}

static void shorter(void) {
    CHECK_OK(dill_last_resort(60000, STATUS));
    int b = go(changes_the_limit());
    hclose(b);
}

TEST(changes) {
    CHECK_INT(in_child(off_from_the_beginning), 0);
    CHECK_INT(in_child(off_again), 0);
    CHECK_INT(in_child(longer), 0);
    CHECK_INT(in_child(shorter), 38);
}

TEST(wrong_arguments) {
    CHECK_ERR(dill_last_resort(-2, 1), EINVAL);
    CHECK_ERR(dill_last_resort(INT64_MIN, 1), EINVAL);
    CHECK_OK(dill_last_resort(-1, 1));
    CHECK_OK(dill_last_resort(INT64_MAX, 1));
    int b = go(is_cut());
    CHECK_OK(hclose(b));
    CHECK_OK(dill_last_resort(-1, 1));
}

/* A child of a child: the setting goes with it, its thread has to be started anew. */
static void forks(void) {
    pid_t parent = getpid(), pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        die_with(parent);
        a_loop();
        _exit(99);
    }
    _exit(result_of(pid));
}

TEST(a_forked_child) {
    if(UNDER_THREAD_SANITIZER)
        SKIP("ThreadSanitizer lets no child of a program with threads start one");
    CHECK_ENDS(forks, "running; cancelled\n");
}

static coroutine void forks_when_cancelled(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    int fds[2];
    char byte;
    CHECK_OK(pipe(fds));
    pid_t parent = getpid(), pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        die_with(parent);
        /* What is under way is the parent's, whose end it awaits. */
        close(fds[1]);
        if(read(fds[0], &byte, 1) != 0) _exit(98);
        int b = bundle();
        (void)b;
        _exit(0);
    }
    /* The read end, which the child has, too. */
    for(volatile unsigned i = 0;; ++i) continue;
}

static void a_fork_under_way(void) {
    IN_THE_WAY;
    int b = go(forks_when_cancelled());
    hclose(b);
}

TEST(a_fork_while_it_is_under_way) {
    CHECK_ENDS(a_fork_under_way, "running; cancelled\n");
}
