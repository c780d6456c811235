/* A program's handlers of faults meet what they would have met without the library: their flags
   and masks, the stack that they run on, and the end of the process where they don't survive.
   Overflows are reported as well. */

#include <pthread.h>

#include "faults.h"

/* ---------------------------------------------------------------- flags -- */

/* The second fault finds the default action. */
ENDS_WITH(reset, -SIGSEGV, 0) {
    handle(SIGSEGV, counts, SA_RESETHAND, 0);
    use_library();
    *page = 1;
}

static void plain_handler(int signo) {
    if(signo == SIGSEGV && ++calls == 1) return;
    _exit(calls == 2 ? 20 : 9);
}

ENDS_WITH(without_siginfo, 20, 0) {
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

ENDS_WITH(nested, 21, 0) {
    handle(SIGSEGV, nests, SA_NODEFER, 0);
    use_library();
    *page = 1;
}

/* Without SA_NODEFER a fault in the handler is the end. */
ENDS_WITH(not_nested, -SIGSEGV, 0) {
    handle(SIGSEGV, nests, 0, 0);
    use_library();
    *page = 1;
}

static void looks_at_mask(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    _exit(is_blocked(SIGUSR1) == 1 && is_blocked(SIGSEGV) == 1 && is_blocked(SIGUSR2) == 0 &&
        is_blocked(SIGTERM) == 1 && is_blocked(SIGALRM) == 0 && !on_alternate_stack() ? 22 : 9);
}

ENDS_WITH(masked, 22, 0) {
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
ENDS_WITH(much_stack, 23, 0) {
    handle(SIGSEGV, uses_much, 0, 0);
    use_library();
    *page = 1;
}

static void uses_own_stack(int signo, siginfo_t *info, void *context) {
    stack_t stack;
    CHECK_OK(sigaltstack(NULL, &stack));
    if(stack.ss_sp != own_stack || stack.ss_size != sizeof(own_stack)) _exit(9);
    calls = 1;
    uses_much(signo, info, context);
}

ENDS_WITH(own_stack_before, 23, 0) {
    set_own_stack();
    handle(SIGSEGV, uses_own_stack, SA_ONSTACK, 0);
    use_library();
    *page = 1;
}

ENDS_WITH(own_stack_later, 23, 0) {
    handle(SIGSEGV, uses_own_stack, SA_ONSTACK, 0);
    use_library();
    set_own_stack();
    *page = 1;
}

/* It is there for the program, too, which would have had the whole stack of the thread. */
ENDS_WITH(library_stack, 23, 0) {
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

ENDS_WITH(at_thread_end, 24, 0) {
    use_library();
    CHECK_OK(pthread_key_create(&key, looks_at_stack));
    for(own = 0; own != 3; ++own) ends(looks);
    _exit(calls == 3 ? 24 : 9);
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

ENDS_WITH(chained_to_handler, 28, 0) {
    chained(1);
}

ENDS_WITH(chained_to_default, -SIGSEGV, 0) {
    chained(0);
}

static void exits(int signo, siginfo_t *info, void *context) {
    (void)context;
    _exit(signo == SIGSEGV ? 29 : signo == SIGBUS && info->si_code > 0 ? 30 : 9);
}

ENDS_WITH(installed_later, 29, 0) {
    use_library();
    handle(SIGSEGV, exits, 0, 0);
    *page = 1;
}

static coroutine void touches(void) {
    *page = 1;
}

static void touch_in_coroutine(void) {
    handle(SIGSEGV, exits, 0, 0);
    bundle_go(bundle(), touches());
}

ENDS_WITH(in_coroutine, 29, 0) {
    touch_in_coroutine();
}

static void *thread_main(void *arg) {
    if(arg) touch_in_coroutine();
    else *page = 1;
    return NULL;
}

ENDS_WITH(in_thread, 29, 0) {
    handle(SIGSEGV, exits, 0, 0);
    use_library();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, page));
    pthread_join(thread, NULL);
}

ENDS_WITH(in_foreign_thread, 29, 0) {
    handle(SIGSEGV, exits, 0, 0);
    use_library();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
    pthread_join(thread, NULL);
}

/* Memory beyond the end of its file. */
ENDS_WITH(bus_error, 30, 0) {
    FILE *file = tmpfile();
    CHECK(file);
    char *empty = (char*)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    CHECK(empty != MAP_FAILED);
    handle(SIGBUS, exits, SA_RESETHAND, 0);
    use_library();
    CHECK_INT(*(volatile char*)empty, 0);
}

/* The handler that ends a program by an overflow has a stack; the default needs none. */
ENDS_WITH(overflow_with_handler, 29, 1) {
    set_own_stack();
    handle(SIGSEGV, exits, SA_ONSTACK, 0);
    bundle_go(bundle(), overflow());
}

ENDS_WITH(overflow_without_stack, -SIGSEGV, 1) {
    handle(SIGSEGV, exits, 0, 0);
    bundle_go(bundle(), overflow());
}
