/* The overflow of a coroutine's stack is told of, and then kills the process as it would
   have done; other faults are none of the library's business. Each is a process of its own. */

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>


/* Each frame is larger than what the compiler could make a loop of. */
__attribute__((noinline)) static int descend(int depth) {
    volatile char frame[200];
    frame[depth % 200] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + frame[depth % 200];
}

static coroutine void overflow(void) {
    if(descend(0) == 12345) puts("never");
}

static void in_coroutine(void) {
    int b = bundle();
    bundle_go(b, overflow());
    hclose(b);
}

/* Neighbours don't matter, nor does who was launched last. */
static coroutine void wait_first(void) {
    yield();
    overflow();
}

static coroutine void sleep_on(void) {
    msleep(-1);
}

static void among_others(void) {
    int b = bundle();
    for(int i = 0; i != 20; ++i) bundle_go(b, sleep_on());
    bundle_go(b, wait_first());
    for(int i = 0; i != 20; ++i) bundle_go(b, sleep_on());
    bundle_wait(b, -1);
}

/* The stack pointer is far below the stack at once; the frame is touched downwards. */
static coroutine void large_frame(void) {
    volatile char frame[300000];
    for(int i = (int)sizeof(frame) - 1; i >= 0; i -= 64) frame[i] = 1;
}

static void in_large_frame(void) {
    int b = bundle();
    bundle_go(b, large_frame());
    hclose(b);
}

/* The first touch is below the guard, in the stack beneath; the fault is in the guard of that. */
static coroutine void frame_over_guard(void) {
    volatile char frame[600000];
    frame[sizeof(frame) - 1] = 0;
    char sum = 0;
    for(int i = 300000; i >= 0; i -= 64) sum = (char)(sum + frame[i]);
    frame[sizeof(frame) - 1] = sum;
}

static void over_guard(void) {
    int b = bundle();
    bundle_go(b, sleep_on());
    bundle_go(b, frame_over_guard());
    hclose(b);
}

static void *thread_main(void *arg) {
    (void)arg;
    in_coroutine();
    return NULL;
}

static void in_thread(void) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
    pthread_join(thread, NULL);
}

static coroutine void touch(volatile char *address) {
    *address = 1;
}

static void wild_pointer(void) {
    int b = bundle();
    bundle_go(b, touch((char*)8));
    hclose(b);
}

static void in_main(void) {
    yield();
    touch((char*)8);
}

static coroutine void send_signal(void) {
    raise(SIGSEGV);
}

static void sent(void) {
    int b = bundle();
    bundle_go(b, send_signal());
    hclose(b);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    if(signal == SIGSEGV && info->si_code > 0 && info->si_addr) _exit(33);
}

static void handle_faults(void) {
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    CHECK_OK(sigaltstack(&alternate, NULL));
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    CHECK_OK(sigaction(SIGSEGV, &action, NULL));
}

static void handler_before(void) {
    handle_faults();
    in_coroutine();
}

static void handler_after(void) {
    yield();
    handle_faults();
    in_coroutine();
}

static void wild_with_handler(void) {
    handle_faults();
    wild_pointer();
}

/* The alternate stack of a thread goes with it. */
static void *short_thread(void *arg) {
    (void)arg;
    yield();
    stack_t stack;
    CHECK_OK(sigaltstack(NULL, &stack));
    CHECK(!(stack.ss_flags & SS_DISABLE));
    return NULL;
}

static void many_threads(void) {
    for(int i = 0; i != 2000; ++i) {
        pthread_t thread;
        CHECK_OK(pthread_create(&thread, NULL, short_thread, NULL));
        CHECK_OK(pthread_join(thread, NULL));
    }
    in_coroutine();
}

static const struct program {
    const char *name;
    void (*run)(void);
} programs[] = {
    {"in_coroutine", in_coroutine},
    {"among_others", among_others},
    {"in_large_frame", in_large_frame},
    {"over_guard", over_guard},
    {"in_thread", in_thread},
    {"wild_pointer", wild_pointer},
    {"in_main", in_main},
    {"sent", sent},
    {"handler_before", handler_before},
    {"handler_after", handler_after},
    {"wild_with_handler", wild_with_handler},
    {"many_threads", many_threads},
};

/* Runs the program of that name with VARIABLE=VALUE; what it printed. */
static const char *run(char *name, const char *variable, const char *value, int *status) {
    static char text[4096];
    int fds[2];
    CHECK_OK(pipe(fds));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        if(variable) setenv(variable, value, 1);
        run_self(name);
    }
    close(fds[1]);
    size_t len = 0;
    for(ssize_t n; (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;) len += (size_t)n;
    text[len] = 0;
    close(fds[0]);
    /* An emulator has a word of its own. */
    char *own = strstr(text, "qemu: ");
    if(own && getenv("DILL_TEST_WRAPPER")) *own = 0;
    CHECK_INT(waitpid(pid, status, 0), pid);
    return text;
}

static void check_killed(int line, char *name, const char *variable, const char *value,
        const char *expected) {
    int status;
    const char *text = run(name, variable, value, &status);
    if(!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
        check_fail(__FILE__, line, "%s: status %x, wrote:\n%s", name, (unsigned)status, text);
    check_str(__FILE__, line, name, text, expected);
}

static void check_exited(int line, char *name, int result, const char *expected) {
    int status;
    const char *text = run(name, NULL, NULL, &status);
    if(!WIFEXITED(status) || WEXITSTATUS(status) != result)
        check_fail(__FILE__, line, "%s: status %x, wrote:\n%s", name, (unsigned)status, text);
    check_str(__FILE__, line, name, text, expected);
}

/* The message for a launch at LINE on a stack of SIZE bytes. */
static const char *message(int line, int size) {
    static char text[512];
    snprintf(text, sizeof(text), "libdill: stack overflow in the coroutine launched at %s:%d: "
        "its stack has %d bytes; the environment variable DILL_STACK_SIZE sets another size\n",
        __FILE__, line, size);
    return text;
}

/* The line of a text in this file. */
static int line_of(const char *text) {
    FILE *file = fopen(__FILE__, "r");
    CHECK(file);
    char line[256];
    for(int number = 1; fgets(line, sizeof(line), file); ++number) {
        if(strstr(line, text)) {
            fclose(file);
            return number;
        }
    }
    check_fail(__FILE__, __LINE__, "%s is not here", text);
}

int main(int argc, char **argv) {
    if(argc > 1) {
        for(size_t i = 0; i != sizeof(programs) / sizeof(programs[0]); ++i)
            if(strcmp(programs[i].name, argv[1]) == 0) programs[i].run();
        return 2;
    }
    int direct = line_of("bundle_go(b, overflow());"), later = line_of("bundle_go(b, wait_first");
    check_killed(__LINE__, "in_coroutine", NULL, NULL, message(direct, 256 * 1024));
    check_killed(__LINE__, "in_coroutine", "DILL_STACK_SIZE", "65536", message(direct, 65536));
    check_killed(__LINE__, "among_others", NULL, NULL, message(later, 256 * 1024));
    int large = line_of("bundle_go(b, large_frame"), over = line_of("bundle_go(b, frame_over");
    check_killed(__LINE__, "in_large_frame", NULL, NULL, message(large, 256 * 1024));
    check_killed(__LINE__, "over_guard", NULL, NULL, message(over, 256 * 1024));
    check_killed(__LINE__, "in_thread", NULL, NULL, message(direct, 256 * 1024));
    check_killed(__LINE__, "many_threads", NULL, NULL, message(direct, 256 * 1024));
    check_killed(__LINE__, "in_coroutine", "DILL_OVERFLOW_MESSAGE", "0", "");
    check_killed(__LINE__, "wild_pointer", NULL, NULL, "");
    check_killed(__LINE__, "in_main", NULL, NULL, "");
    check_killed(__LINE__, "sent", NULL, NULL, "");
    check_exited(__LINE__, "handler_before", 33, message(direct, 256 * 1024));
    check_exited(__LINE__, "handler_after", 33, "");
    check_exited(__LINE__, "wild_with_handler", 33, "");
    return 0;
}
