/* The overflow of a coroutine's stack is told of, and then kills the process as it would
   have done; other faults are none of the library's business. Each is a process of its own. */

#include <pthread.h>
#include <signal.h>

#include "process.h"

/* Each frame is larger than what the compiler could make a loop of. */
__attribute__((noinline)) static int descend(int depth) {
    volatile char frame[200];
    frame[depth % 200] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + frame[depth % 200];
}

static coroutine void overflow(void) {
    if(descend(0) == 12345) puts("never");
}

PROGRAM(in_coroutine) {
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

PROGRAM(among_others) {
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

PROGRAM(in_large_frame) {
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

PROGRAM(over_guard) {
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

PROGRAM(in_thread) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
    pthread_join(thread, NULL);
}

static coroutine void touch(volatile char *address) {
    *address = 1;
}

PROGRAM(wild_pointer) {
    int b = bundle();
    bundle_go(b, touch((char*)8));
    hclose(b);
}

PROGRAM(in_main) {
    yield();
    touch((char*)8);
}

static coroutine void send_signal(void) {
    raise(SIGSEGV);
}

PROGRAM(sent) {
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

PROGRAM(handler_before) {
    handle_faults();
    in_coroutine();
}

PROGRAM(handler_after) {
    yield();
    handle_faults();
    in_coroutine();
}

PROGRAM(wild_with_handler) {
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

PROGRAM(many_threads) {
    for(int i = 0; i != 2000; ++i) {
        pthread_t thread;
        CHECK_OK(pthread_create(&thread, NULL, short_thread, NULL));
        CHECK_OK(pthread_join(thread, NULL));
    }
    in_coroutine();
}

/* Runs the program. Returns how it ends, and what it has printed. */
static int run(const char *program, char *text, size_t size) {
    int fd;
    about("%s", program);
    pid_t pid = fork_heard(&fd);
    if(pid == 0) {
        make_no_core_file();
        run_program(program);
    }
    int result = hear(pid, fd, text, size);
    /* An emulator has a word of its own. */
    char *own = strstr(text, "qemu: ");
    if(own && getenv("DILL_TEST_WRAPPER")) *own = 0;
    return result;
}

/* The program ends so, after having printed this. */
static void ends(const char *program, int expected, const char *message) {
    char text[4096];
    int result = run(program, text, sizeof(text));
    if(result != expected)
        check_fail(__FILE__, __LINE__, "result %d, wrote:\n%s", result, text);
    CHECK_STR(text, message);
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

/* That for a launch by this text on a usual stack. */
static const char *launched_by(const char *text) {
    return message(line_of(text), 256 * 1024);
}

#define DIRECT "bundle_go(b, overflow());"

TEST(is_told_of) {
    ends("in_coroutine", -SIGSEGV, launched_by(DIRECT));
    ends("among_others", -SIGSEGV, launched_by("bundle_go(b, wait_first"));
}

TEST(of_a_small_stack) {
    CHECK_OK(setenv("DILL_STACK_SIZE", "65536", 1));
    ends("in_coroutine", -SIGSEGV, message(line_of(DIRECT), 65536));
}

TEST(by_large_frames) {
    ends("in_large_frame", -SIGSEGV, launched_by("bundle_go(b, large_frame"));
    ends("over_guard", -SIGSEGV, launched_by("bundle_go(b, frame_over"));
}

TEST(in_threads) {
    ends("in_thread", -SIGSEGV, launched_by(DIRECT));
    ends("many_threads", -SIGSEGV, launched_by(DIRECT));
}

TEST(without_a_message) {
    CHECK_OK(setenv("DILL_OVERFLOW_MESSAGE", "0", 1));
    ends("in_coroutine", -SIGSEGV, "");
}

TEST(other_faults) {
    ends("wild_pointer", -SIGSEGV, "");
    ends("in_main", -SIGSEGV, "");
    ends("sent", -SIGSEGV, "");
}

TEST(handlers_of_the_program) {
    ends("handler_before", 33, launched_by(DIRECT));
    ends("handler_after", 33, "");
    ends("wild_with_handler", 33, "");
}
