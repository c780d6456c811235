/* Programs that survive faults, and signals of faults that are sent: they come with what was sent
   with them, as often as they are sent, and overflows are still reported afterwards. */

#include <setjmp.h>
#include <sys/syscall.h>

#include "faults.h"

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

static coroutine void recovers(int times) {
    recover(times);
}

/* A later overflow is still reported, in the end by the program's handler, which has a stack. */
ENDS_WITH(recovered, 25, 1) {
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
ENDS_WITH(repaired, 26, 0) {
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
ENDS_WITH(replaced_after_recovery, -SIGSEGV, 0) {
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

ENDS_WITH(sent, 27, 0) {
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

ENDS_WITH(sent_once, -SIGSEGV, 0) {
    handle(SIGSEGV, keeps, SA_RESETHAND, 0);
    use_library();
    CHECK_OK(raise(SIGSEGV));
    if(calls != 1) _exit(9);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(raise(SIGSEGV));
    _exit(9);
}

ENDS_WITH(sent_by_default, -SIGSEGV, 0) {
    use_library();
    CHECK_OK(kill(getpid(), SIGSEGV));
    _exit(9);
}

ENDS_WITH(ignored, -SIGSEGV, 0) {
    CHECK(signal(SIGSEGV, SIG_IGN) != SIG_ERR);
    use_library();
    CHECK_OK(kill(getpid(), SIGSEGV));
    CHECK_OK(raise(SIGSEGV));
    struct sigaction action;
    CHECK_OK(sigaction(SIGSEGV, NULL, &action));
    if(action.sa_handler != SIG_IGN) _exit(9);
    *page = 1;
}

ENDS_WITH(by_default, -SIGSEGV, 0) {
    use_library();
    *page = 1;
}
