/* A program's handlers of faults meet what they would have met without the library: their flags
   and masks, the stack that they run on, what came with the signal, and the end of the process
   where they don't survive. Overflows are reported as well. Each is a process of its own. */

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

typedef void handler_type(int, siginfo_t*, void*);

static volatile sig_atomic_t calls, inner_calls;
static char *volatile page;     /* what is touched */

static void handle(int signo, handler_type *handler, int flags, int masked) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    if(masked) sigaddset(&action.sa_mask, masked);
    CHECK_OK(sigaction(signo, &action, NULL));
}

static void make_page(void) {
    page = (char*)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
}

static int is_blocked(int signo) {
    sigset_t set;
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, signo);
}

static int on_alternate_stack(void) {
    stack_t stack;
    CHECK_OK(sigaltstack(NULL, &stack));
    return (stack.ss_flags & SS_ONSTACK) != 0;
}

/* Makes the scheduler, and with it the handler. */
static void use_library(void) {
    CHECK_OK(yield());
}

/* ---------------------------------------------------------------- flags -- */

static void counts(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    if(++calls > 3) _exit(9);
}

/* The second fault finds the default action. */
static void reset(void) {
    handle(SIGSEGV, counts, SA_RESETHAND, 0);
    use_library();
    *page = 1;
}

static void plain_handler(int signo) {
    if(signo == SIGSEGV && ++calls == 1) return;
    _exit(calls == 2 ? 20 : 9);
}

static void without_siginfo(void) {
    CHECK(signal(SIGSEGV, plain_handler) != SIG_ERR);
    use_library();
    *page = 1;
}

static void nests(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    if(info->si_addr != page || info->si_code != SEGV_ACCERR) _exit(9);
    if(++calls == 3) _exit(21);
    *page = 1;
}

static void nested(void) {
    handle(SIGSEGV, nests, SA_NODEFER, 0);
    use_library();
    *page = 1;
}

/* Without SA_NODEFER a fault in the handler is the end. */
static void not_nested(void) {
    handle(SIGSEGV, nests, 0, 0);
    use_library();
    *page = 1;
}

static void looks_at_mask(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    _exit(is_blocked(SIGUSR1) == 1 && is_blocked(SIGSEGV) == 1 && is_blocked(SIGUSR2) == 0 &&
        is_blocked(SIGTERM) == 1 && is_blocked(SIGALRM) == 0 && !on_alternate_stack() ? 22 : 9);
}

static void masked(void) {
    handle(SIGSEGV, looks_at_mask, 0, SIGUSR1);
    use_library();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    *page = 1;
}

/* --------------------------------------------------------------- stacks -- */

/* Uses so many bytes of the stack. */
__attribute__((noinline)) static int uses(size_t size) {
    volatile char frame[4096];
    frame[0] = frame[4095] = (char)size;
    return size <= 4096 ? frame[0] : uses(size - 4096) + frame[4095];
}

static void uses_much(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    int expected = calls;
    (void)uses(200 * 1024);
    _exit(on_alternate_stack() == expected ? 23 : 9);
}

/* It has the thread's stack, as it wants it. */
static void much_stack(void) {
    handle(SIGSEGV, uses_much, 0, 0);
    use_library();
    *page = 1;
}

static char own_stack[300 * 1024];

static void set_own_stack(void) {
    stack_t stack;
    memset(&stack, 0, sizeof(stack));
    stack.ss_sp = own_stack;
    stack.ss_size = sizeof(own_stack);
    CHECK_OK(sigaltstack(&stack, NULL));
}

static void uses_own_stack(int signo, siginfo_t *info, void *context) {
    stack_t stack;
    CHECK_OK(sigaltstack(NULL, &stack));
    if(stack.ss_sp != own_stack || stack.ss_size != sizeof(own_stack)) _exit(9);
    calls = 1;
    uses_much(signo, info, context);
}

static void own_stack_before(void) {
    set_own_stack();
    handle(SIGSEGV, uses_own_stack, SA_ONSTACK, 0);
    use_library();
    *page = 1;
}

static void own_stack_later(void) {
    handle(SIGSEGV, uses_own_stack, SA_ONSTACK, 0);
    use_library();
    set_own_stack();
    *page = 1;
}

/* It is there for the program, too, which would have had the whole stack of the thread. */
static void library_stack(void) {
    calls = 1;
    handle(SIGSEGV, uses_much, SA_ONSTACK, 0);
    use_library();
    *page = 1;
}

static void *sets_own_stack(void *arg) {
    use_library();
    set_own_stack();
    return arg;
}

static void *has_own_stack(void *arg) {
    set_own_stack();
    use_library();
    return arg;
}

static void *has_none(void *arg) {
    use_library();
    return arg;
}

static pthread_key_t key;
static int own;

static void looks_at_stack(void *arg) {
    stack_t stack;
    CHECK_OK(sigaltstack(NULL, &stack));
    if(*(int*)arg ? stack.ss_sp != own_stack || stack.ss_flags : stack.ss_flags != SS_DISABLE)
        _exit(9);
    calls++;
}

static void ends(void *(*enter)(void*)) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, enter, NULL));
    CHECK_OK(pthread_join(thread, NULL));
}

/* At the end of a thread its own alternate stack is still its own, and ours is gone. The key is
   made after the library's, so its destructor comes later. */
static void *looks(void *arg) {
    CHECK_OK(pthread_setspecific(key, &own));
    return (own == 0 ? has_none : own == 1 ? sets_own_stack : has_own_stack)(arg);
}

static void at_thread_end(void) {
    use_library();
    CHECK_OK(pthread_key_create(&key, looks_at_stack));
    for(own = 0; own != 3; ++own) ends(looks);
    _exit(calls == 3 ? 24 : 9);
}

/* ------------------------------------------------------------- recovery -- */

static sigjmp_buf back;

static void jumps(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    if(info->si_addr == page) siglongjmp(back, 1);
    _exit(25);
}

static void recover(int times) {
    for(volatile int i = 0; i != times; ++i) {
        if(sigsetjmp(back, 1) == 0) {
            *page = 1;
            _exit(9);
        }
    }
}

__attribute__((noinline)) static int descend(int depth) {
    volatile char frame[200];
    frame[depth % 200] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + frame[depth % 200];
}

static coroutine void overflow(void) {
    if(descend(0) == 12345) puts("never");
}

static coroutine void recovers(int times) {
    recover(times);
}

/* A later overflow is still reported, in the end by the program's handler, which has a stack. */
static void recovered(void) {
    set_own_stack();
    handle(SIGSEGV, jumps, SA_ONSTACK, 0);
    use_library();
    for(int i = 0; i != 3; ++i) {
        recover(10);
        int b = bundle();
        CHECK_OK(bundle_go(b, recovers(10)));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    int b = bundle();
    bundle_go(b, overflow());
}

static void makes_writable(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    ++calls;
    if(info->si_addr != page || mprotect(page, 4096, PROT_READ | PROT_WRITE) < 0) _exit(9);
}

/* As garbage collectors do. */
static void repaired(void) {
    handle(SIGSEGV, makes_writable, 0, 0);
    use_library();
    for(int i = 1; i <= 100; ++i) {
        *page = 1;
        if(calls != i || mprotect(page, 4096, PROT_NONE) < 0) _exit(9);
        CHECK_OK(yield());
    }
    struct sigaction action;
    CHECK_OK(sigaction(SIGSEGV, NULL, &action));
    _exit(26);
}

/* What the program sets after such a fault is its own. */
static void replaced_after_recovery(void) {
    handle(SIGSEGV, jumps, 0, 0);
    use_library();
    recover(1);
    handle(SIGSEGV, counts, SA_RESETHAND, 0);
    use_library();
    int b = bundle();
    CHECK_OK(bundle_go(b, recovers(0)));
    CHECK_OK(hclose(b));
    struct sigaction action;
    CHECK_OK(sigaction(SIGSEGV, NULL, &action));
    if(action.sa_sigaction != counts) _exit(9);
    *page = 1;
}

/* -------------------------------------------------- signals that are sent -- */

static volatile int code, sender, value;

static void keeps(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    code = info->si_code;
    sender = info->si_pid;
    value = info->si_value.sival_int;
    calls++;
}

static void queue_to_self(int number) {
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = SIGSEGV;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_value.sival_int = number;
    CHECK_OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGSEGV, &info));
}

static void sent(void) {
    handle(SIGSEGV, keeps, 0, 0);
    use_library();
    CHECK_OK(kill(getpid(), SIGSEGV));
    if(calls != 1 || code != SI_USER || sender != getpid()) _exit(9);
    for(int i = 0; i != 3; ++i) {
        use_library();
        CHECK_OK(msleep(now() + 1));
        queue_to_self(70 + i);
        if(calls != 2 + 3 * i || code != SI_QUEUE || value != 70 + i)
            _exit(9);
        CHECK_OK(raise(SIGSEGV));
        if(calls != 3 + 3 * i || code != SI_TKILL) _exit(9);
        CHECK_OK(raise(SIGSEGV));
        if(calls != 4 + 3 * i) _exit(9);
    }
    _exit(27);
}

static void sent_once(void) {
    handle(SIGSEGV, keeps, SA_RESETHAND, 0);
    use_library();
    CHECK_OK(raise(SIGSEGV));
    if(calls != 1) _exit(9);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(raise(SIGSEGV));
    _exit(9);
}

static void sent_by_default(void) {
    use_library();
    CHECK_OK(kill(getpid(), SIGSEGV));
    _exit(9);
}

static void ignored(void) {
    CHECK(signal(SIGSEGV, SIG_IGN) != SIG_ERR);
    use_library();
    CHECK_OK(kill(getpid(), SIGSEGV));
    CHECK_OK(raise(SIGSEGV));
    struct sigaction action;
    CHECK_OK(sigaction(SIGSEGV, NULL, &action));
    if(action.sa_handler != SIG_IGN) _exit(9);
    *page = 1;
}

static void by_default(void) {
    use_library();
    *page = 1;
}

/* ------------------------------------------------------ others and places -- */

static handler_type *previous;

static void chains(int signo, siginfo_t *info, void *context) {
    if(++calls > 3) _exit(9);
    previous(signo, info, context);
}

static void ends_chain(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    _exit(calls == 1 && info->si_addr == page ? 28 : 9);
}

/* A handler that is installed later and calls ours. */
static void chained(int with_handler) {
    struct sigaction old;
    if(with_handler) handle(SIGSEGV, ends_chain, 0, 0);
    use_library();
    CHECK_OK(sigaction(SIGSEGV, NULL, &old));
    previous = old.sa_sigaction;
    handle(SIGSEGV, chains, 0, 0);
    *page = 1;
}

static void chained_to_handler(void) {
    chained(1);
}

static void chained_to_default(void) {
    chained(0);
}

static void exits(int signo, siginfo_t *info, void *context) {
    (void)context;
    _exit(signo == SIGSEGV ? 29 : signo == SIGBUS && info->si_code > 0 ? 30 : 9);
}

static void installed_later(void) {
    use_library();
    handle(SIGSEGV, exits, 0, 0);
    *page = 1;
}

static coroutine void touches(void) {
    *page = 1;
}

static void in_coroutine(void) {
    handle(SIGSEGV, exits, 0, 0);
    bundle_go(bundle(), touches());
}

static void *thread_main(void *arg) {
    if(arg) in_coroutine();
    else *page = 1;
    return NULL;
}

static void in_thread(void) {
    handle(SIGSEGV, exits, 0, 0);
    use_library();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, page));
    pthread_join(thread, NULL);
}

static void in_foreign_thread(void) {
    handle(SIGSEGV, exits, 0, 0);
    use_library();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
    pthread_join(thread, NULL);
}

/* Memory beyond the end of its file. */
static void bus_error(void) {
    FILE *file = tmpfile();
    CHECK(file);
    char *empty = (char*)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    CHECK(empty != MAP_FAILED);
    handle(SIGBUS, exits, SA_RESETHAND, 0);
    use_library();
    CHECK_INT(*(volatile char*)empty, 0);
}

/* The handler that ends a program by an overflow has a stack; the default needs none. */
static void overflow_with_handler(void) {
    set_own_stack();
    handle(SIGSEGV, exits, SA_ONSTACK, 0);
    bundle_go(bundle(), overflow());
}

static void overflow_without_stack(void) {
    handle(SIGSEGV, exits, 0, 0);
    bundle_go(bundle(), overflow());
}

/* How each ends: with a status, or by a signal (negative); whether an overflow is reported. */
static const struct program {
    const char *name;
    void (*run)(void);
    int result, reported;
} programs[] = {
    {"reset", reset, -SIGSEGV, 0},
    {"without_siginfo", without_siginfo, 20, 0},
    {"nested", nested, 21, 0},
    {"not_nested", not_nested, -SIGSEGV, 0},
    {"masked", masked, 22, 0},
    {"much_stack", much_stack, 23, 0},
    {"own_stack_before", own_stack_before, 23, 0},
    {"own_stack_later", own_stack_later, 23, 0},
    {"library_stack", library_stack, 23, 0},
    {"at_thread_end", at_thread_end, 24, 0},
    {"recovered", recovered, 25, 1},
    {"repaired", repaired, 26, 0},
    {"replaced_after_recovery", replaced_after_recovery, -SIGSEGV, 0},
    {"sent", sent, 27, 0},
    {"sent_once", sent_once, -SIGSEGV, 0},
    {"sent_by_default", sent_by_default, -SIGSEGV, 0},
    {"ignored", ignored, -SIGSEGV, 0},
    {"by_default", by_default, -SIGSEGV, 0},
    {"chained_to_handler", chained_to_handler, 28, 0},
    {"chained_to_default", chained_to_default, -SIGSEGV, 0},
    {"installed_later", installed_later, 29, 0},
    {"in_coroutine", in_coroutine, 29, 0},
    {"in_thread", in_thread, 29, 0},
    {"in_foreign_thread", in_foreign_thread, 29, 0},
    {"bus_error", bus_error, 30, 0},
    {"overflow_with_handler", overflow_with_handler, 29, 1},
    {"overflow_without_stack", overflow_without_stack, -SIGSEGV, 1},
};

static void check(const struct program *program) {
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

int main(int argc, char **argv) {
    size_t count = sizeof(programs) / sizeof(programs[0]);
    if(argc > 1) {
        make_page();
        for(size_t i = 0; i != count; ++i)
            if(strcmp(programs[i].name, argv[1]) == 0) programs[i].run();
        return 2;
    }
    for(size_t i = 0; i != count; ++i) check(&programs[i]);
    return 0;
}
