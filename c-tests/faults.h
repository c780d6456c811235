/* Programs that meet faults, each a process of its own, and how they end. */

#ifndef FAULTS_H_INCLUDED
#define FAULTS_H_INCLUDED

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"

typedef void handler_type(int, siginfo_t*, void*);

static volatile sig_atomic_t calls, inner_calls;
static char *volatile page;     /* what is touched */

__attribute__((unused)) static void handle(int signo, handler_type *handler, int flags, int masked) {
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

/* How a program ends: with a status, or by a signal (negative); whether an overflow is reported. */
struct program {
    const char *name;
    void (*run)(void);
    int result, reported;
};

__attribute__((unused)) static void check(const struct program *program) {
    char text[1024];
    int fds[2], status;
    CHECK_OK(pipe(fds));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        /* One that goes on for ever is a failure. */
        alarm(10);
        run_self((char*)program->name);
    }
    close(fds[1]);
    size_t len = 0;
    for(ssize_t n; (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;) len += (size_t)n;
    text[len] = 0;
    close(fds[0]);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    int result = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    int reported = strstr(text, "libdill: stack overflow in the coroutine launched at ") != NULL;
    if(result != program->result || reported != program->reported)
        check_fail(__FILE__, __LINE__, "%s: ended with %d, wrote:\n%s", program->name, result, text);
}

/* Runs all of them, or, in such a process, the one of this name. */
static int run_programs(const struct program *programs, size_t count, const char *name) {
    if(name) {
        make_page();
        for(size_t i = 0; i != count; ++i)
            if(strcmp(programs[i].name, name) == 0) programs[i].run();
        return 2;
    }
    for(size_t i = 0; i != count; ++i) check(&programs[i]);
    return 0;
}

#endif
