/* Programs that meet faults, each a process of its own, and how they end. */

#ifndef FAULTS_H_INCLUDED
#define FAULTS_H_INCLUDED

#include <signal.h>
#include <sys/mman.h>

#include "process.h"

typedef void handler_type(int, siginfo_t*, void*);

static volatile sig_atomic_t calls, inner_calls;
static char *volatile page;     /* what is touched */

__attribute__((unused))
static void handle(int signo, handler_type *handler, int flags, int masked) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    if(masked) sigaddset(&action.sa_mask, masked);
    CHECK_OK(sigaction(signo, &action, NULL));
}

__attribute__((unused)) static void make_page(void) {
    page = (char*)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
}

__attribute__((unused)) static int is_blocked(int signo) {
    sigset_t set;
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, signo);
}

__attribute__((unused)) static int on_alternate_stack(void) {
    stack_t stack;
    CHECK_OK(sigaltstack(NULL, &stack));
    return (stack.ss_flags & SS_ONSTACK) != 0;
}

/* Makes the scheduler, and with it the handler. */
__attribute__((unused)) static void use_library(void) {
    CHECK_OK(yield());
}

__attribute__((unused)) static void counts(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    if(++calls > 3) _exit(9);
}

static char own_stack[300 * 1024];

__attribute__((unused)) static void set_own_stack(void) {
    stack_t stack;
    memset(&stack, 0, sizeof(stack));
    stack.ss_sp = own_stack;
    stack.ss_size = sizeof(own_stack);
    CHECK_OK(sigaltstack(&stack, NULL));
}

__attribute__((noinline, unused)) static int descend(int depth) {
    volatile char frame[200];
    frame[depth % 200] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + frame[depth % 200];
}

__attribute__((unused)) static coroutine void overflow(void) {
    if(descend(0) == 12345) puts("never");
}

/* Runs the program and checks how it ends: with this status, or by this signal (negative); and
   whether it reports an overflow. */
__attribute__((unused))
static void check_program(const char *file, int line, const char *program, int result,
        int reported) {
    char text[1024];
    int fd;
    pid_t pid = fork_heard(&fd);
    if(pid == 0) {
        make_no_core_file();
        run_program(program);
    }
    int seen = hear(pid, fd, text, sizeof(text));
    int overflow = strstr(text, "libdill: stack overflow in the coroutine launched at ") != NULL;
    if(seen != result || overflow != reported)
        check_fail(file, line, "ended with %d, expected %d, wrote:\n%s", seen, result, text);
}

/* A test whose body is a program of its own that ends so. */
#define ENDS_WITH(name, result, reported)\
    static void name##_body(void);\
    PROGRAM(name##_program) {\
        make_page();\
        name##_body();\
        exit(2);\
    }\
    TEST(name) {\
        check_program(__FILE__, __LINE__, #name "_program", result, reported);\
    }\
    static void name##_body(void)

#endif
