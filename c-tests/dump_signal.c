/* DILL_DUMP_SIGNAL: programs that hang, compute, take turns or change the library's
   structures without end are asked what they are doing. Each is a process of its own;
   nothing here depends on when the signal arrives. */

#include <pthread.h>
#include <signal.h>

#include "process.h"

ALL_TESTS(BOTH_POLLERS)

static coroutine void receive(int ch) {
    int value;
    chrecv(ch, &value, sizeof(value), -1);
}

static coroutine void turn(void) {
    while(yield() == 0) continue;
}

static void ready(void) {
    if(write(1, "!", 1) != 1) _exit(2);
}

/* A launch may answer before its child runs, so the child says that it does. */
static coroutine void compute(void) {
    ready();
    for(volatile int i = 0;; ++i) continue;
}

/* Makes and closes objects without ever giving way. */
static coroutine void churn(void) {
    for(;;) {
        int b[300];
        for(int i = 0; i != 300; ++i) b[i] = bundle();
        for(int i = 0; i != 300; ++i) hclose(b[i]);
    }
}

static void hang_in_a_wait(void) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(ch[1])));
    ready();
    CHECK_OK(bundle_wait(b, -1));
}

PROGRAM(hang) {
    hang_in_a_wait();
}

static void *thread_main(void *arg) {
    (void)arg;
    hang_in_a_wait();
    return NULL;
}

PROGRAM(two_threads) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
    hang_in_a_wait();
}

PROGRAM(turns) {
    int b = bundle();
    CHECK_OK(bundle_go(b, turn()));
    CHECK_OK(bundle_go(b, turn()));
    ready();
    bundle_wait(b, -1);
}

PROGRAM(computation) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(ch[1])));
    bundle_go(b, compute());
}

PROGRAM(small_stack) {
    static char stack[4096];
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(ch[1])));
    bundle_go_mem(b, compute(), stack, sizeof(stack));
}

PROGRAM(changes) {
    int b = bundle();
    ready();
    bundle_go(b, churn());
}

static void on_signal(int signal) {
    (void)signal;
    if(write(2, "mine\n", 5) != 5) _exit(2);
}

PROGRAM(with_a_handler) {
    signal(SIGUSR1, on_signal);
    hang_in_a_wait();
}

PROGRAM(not_asked_for) {
    hang_in_a_wait();
}

struct child {
    pid_t pid;
    int out, err;
    char text[1 << 16];
    size_t len;
};

/* Starts the program with this signal for dumps, and waits until so many of its threads are
   ready. */
static struct child start(const char *program, const char *signal, int readies) {
    static struct child child;
    memset(&child, 0, sizeof(child));
    int out[2];
    CHECK_OK(pipe(out));
    child.pid = fork_heard(&child.err);
    if(child.pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        if(signal) setenv("DILL_DUMP_SIGNAL", signal, 1);
        run_program(program);
    }
    close(out[1]);
    child.out = out[0];
    for(int i = 0; i != readies; ++i) {
        char byte;
        CHECK_INT(read(child.out, &byte, 1), 1);
    }
    return child;
}

static int count(const char *text, const char *part) {
    int n = 0;
    for(; (text = strstr(text, part)); ++text) ++n;
    return n;
}

/* Reads what the child writes to its standard error until this is in it N times. */
static void expect(struct child *child, const char *text, int n) {
    while(count(child->text, text) < n) {
        ssize_t len = read(child->err, child->text + child->len,
            sizeof(child->text) - 1 - child->len);
        if(len <= 0)
            check_fail(__FILE__, __LINE__, "no \"%s\" in\n%s", text, child->text);
        child->len += (size_t)len;
        child->text[child->len] = 0;
    }
}

/* N dumps are of the child's first thread, and OTHERS are of other ones. */
static void check_threads(const struct child *child, int n, int others) {
    char first[64];
    snprintf(first, sizeof(first), "libdill: coroutines of thread %d\n", (int)child->pid);
    if(count(child->text, first) != n ||
            count(child->text, "libdill: coroutines of thread ") != n + others)
        check_fail(__FILE__, __LINE__, "not %d times \"%s\" in\n%s", n, first, child->text);
}

/* The child still runs, and is ended. */
static void end(struct child *child) {
    int status;
    CHECK_INT(waitpid(child->pid, &status, WNOHANG), 0);
    CHECK_OK(kill(child->pid, SIGKILL));
    CHECK_INT(result_of(child->pid), -SIGKILL);
    close(child->out);
    close(child->err);
}

/* Again and again, and the program goes on. */
TEST(of_one_that_hangs) {
    struct child child = start("hang", "USR1", 1);
    for(int i = 1; i <= 3; ++i) {
        CHECK_OK(kill(child.pid, SIGUSR1));
        expect(&child, ": blocked in chrecv from ", i);
        check_threads(&child, i, 0);
        CHECK_INT(count(child.text, "main: blocked in bundle_wait for bundle "), i);
    }
    end(&child);
}

TEST(of_all_threads) {
    struct child child = start("two_threads", "SIGUSR1", 2);
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, ": blocked in chrecv from ", 2);
    check_threads(&child, 1, 1);
    CHECK_INT(count(child.text, "main: blocked in bundle_wait for bundle "), 2);
    end(&child);
}

TEST(of_coroutines_that_take_turns) {
    struct child child = start("turns", "10", 1);
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, "#2 ", 1);
    check_threads(&child, 1, 0);
    CHECK_INT(count(child.text, "main: blocked in bundle_wait for bundle "), 1);
    end(&child);
}

/* No coroutine gives way here. */
TEST(of_one_that_computes, VARIANTS("computation small_stack")) {
    struct child child = start(variant() ? "small_stack" : "computation", "USR1", 1);
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, ": running\n", 1);
    check_threads(&child, 1, 0);
    CHECK_INT(count(child.text, "main: ready\n"), 1);
    CHECK_INT(count(child.text, ": blocked in chrecv from "), 1);
    end(&child);
}

/* The lists may be half changed when they are looked at: it may take another try. */
TEST(of_lists_that_change) {
    struct child child = start("changes", "USR1", 1);
    for(int i = 1; i <= 5; ++i) {
        CHECK_OK(kill(child.pid, SIGUSR1));
        expect(&child, "libdill: coroutines of thread ", i);
        /* Those that were broken off in the middle, too. */
        check_threads(&child, count(child.text, "libdill: coroutines of thread "), 0);
    }
    end(&child);
}

TEST(the_programs_handler_stays) {
    struct child child = start("with_a_handler", "USR1", 1);
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, "mine\n", 1);
    CHECK_STR(child.text, "mine\n");
    end(&child);
}

TEST(none_unless_asked_for) {
    struct child child = start("not_asked_for", NULL, 1);
    CHECK_OK(kill(child.pid, SIGUSR1));
    CHECK_INT(result_of(child.pid), -SIGUSR1);
}
