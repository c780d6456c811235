/* DILL_DUMP_SIGNAL: programs that hang, compute, take turns or change the library's
   structures without end are asked what they are doing. Each is a process of its own;
   nothing here depends on when the signal arrives. */
/* both pollers */

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

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

static void hang(void) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(ch[1])));
    ready();
    CHECK_OK(bundle_wait(b, -1));
}

static void *thread_main(void *arg) {
    (void)arg;
    hang();
    return NULL;
}

static void two_threads(void) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
    hang();
}

static void turns(void) {
    int b = bundle();
    CHECK_OK(bundle_go(b, turn()));
    CHECK_OK(bundle_go(b, turn()));
    ready();
    bundle_wait(b, -1);
}

static void computation(void) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(ch[1])));
    bundle_go(b, compute());
}

static void small_stack(void) {
    static char stack[4096];
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_OK(bundle_go(b, receive(ch[1])));
    bundle_go_mem(b, compute(), stack, sizeof(stack));
}

static void changes(void) {
    int b = bundle();
    ready();
    bundle_go(b, churn());
}

static void on_signal(int signal) {
    (void)signal;
    if(write(2, "mine\n", 5) != 5) _exit(2);
}

static void with_a_handler(void) {
    signal(SIGUSR1, on_signal);
    hang();
}

static void not_asked_for(void) {
    hang();
}

static const struct program {
    const char *name;
    void (*run)(void);
    const char *signal;
    int readies;
} programs[] = {
    {"hang", hang, "USR1", 1},
    {"two_threads", two_threads, "SIGUSR1", 2},
    {"turns", turns, "10", 1},
    {"computation", computation, "USR1", 1},
    {"small_stack", small_stack, "USR1", 1},
    {"changes", changes, "USR1", 1},
    {"with_a_handler", with_a_handler, "USR1", 1},
    {"not_asked_for", not_asked_for, NULL, 1},
};

struct child {
    pid_t pid;
    int out, err;
    char text[1 << 16];
    size_t len;
};

static struct child start(char *name) {
    static struct child child;
    memset(&child, 0, sizeof(child));
    const struct program *program = programs;
    while(strcmp(program->name, name) != 0) ++program;
    int out[2], err[2];
    CHECK_OK(pipe(out));
    CHECK_OK(pipe(err));
    child.pid = fork();
    CHECK(child.pid >= 0);
    if(child.pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(out[0]);
        close(err[0]);
        if(program->signal) setenv("DILL_DUMP_SIGNAL", program->signal, 1);
        run_self(name);
    }
    close(out[1]);
    close(err[1]);
    child.out = out[0];
    child.err = err[0];
    for(int i = 0; i != program->readies; ++i) {
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
    CHECK_INT(waitpid(child->pid, &status, 0), child->pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(child->out);
    close(child->err);
}

int main(int argc, char **argv) {
    if(argc > 1) {
        for(size_t i = 0; i != sizeof(programs) / sizeof(programs[0]); ++i)
            if(strcmp(programs[i].name, argv[1]) == 0) programs[i].run();
        return 2;
    }
    int status;

    /* Again and again, and the program goes on. */
    struct child child = start("hang");
    for(int i = 1; i <= 3; ++i) {
        CHECK_OK(kill(child.pid, SIGUSR1));
        expect(&child, ": blocked in chrecv from ", i);
        check_threads(&child, i, 0);
        CHECK_INT(count(child.text, "main: blocked in bundle_wait for bundle "), i);
    }
    end(&child);

    child = start("two_threads");
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, ": blocked in chrecv from ", 2);
    check_threads(&child, 1, 1);
    CHECK_INT(count(child.text, "main: blocked in bundle_wait for bundle "), 2);
    end(&child);

    child = start("turns");
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, "#2 ", 1);
    check_threads(&child, 1, 0);
    CHECK_INT(count(child.text, "main: blocked in bundle_wait for bundle "), 1);
    end(&child);

    /* Nobody gives way here. */
    char *busy[] = {"computation", "small_stack"};
    for(int i = 0; i != 2; ++i) {
        child = start(busy[i]);
        CHECK_OK(kill(child.pid, SIGUSR1));
        expect(&child, ": running\n", 1);
        check_threads(&child, 1, 0);
        CHECK_INT(count(child.text, "main: ready\n"), 1);
        CHECK_INT(count(child.text, ": blocked in chrecv from "), 1);
        end(&child);
    }

    /* The lists may be half changed when they are looked at: it may take another try. */
    child = start("changes");
    for(int i = 1; i <= 5; ++i) {
        CHECK_OK(kill(child.pid, SIGUSR1));
        expect(&child, "libdill: coroutines of thread ", i);
        /* Those that were broken off in the middle, too. */
        check_threads(&child, count(child.text, "libdill: coroutines of thread "), 0);
    }
    end(&child);

    child = start("with_a_handler");
    CHECK_OK(kill(child.pid, SIGUSR1));
    expect(&child, "mine\n", 1);
    CHECK_STR(child.text, "mine\n");
    end(&child);

    child = start("not_asked_for");
    CHECK_OK(kill(child.pid, SIGUSR1));
    CHECK_INT(waitpid(child.pid, &status, 0), child.pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    return 0;
}
