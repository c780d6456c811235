/* Signals as messages: what is blocked, for how long, and who gets them. */

#include <signal.h>

#include "check.h"

static sigset_t set_of(int first, int second) {
    sigset_t set;
    sigemptyset(&set);
    CHECK_OK(sigaddset(&set, first));
    if(second) CHECK_OK(sigaddset(&set, second));
    return set;
}

static int is_blocked(int signo) {
    sigset_t set;
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, signo);
}

static int channel(int first, int second) {
    sigset_t set = set_of(first, second);
    int ch = sigchan(&set);
    CHECK_HANDLE(ch);
    return ch;
}

static void takes(int ch, int expected) {
    int signo = 0;
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, expected);
}

static int handled;

static void handler(int signo) {
    handled = signo;
}

/* In whatever order they are closed: a signal is blocked as long as somebody waits for it. */
static void closed_in_any_order(void) {
    for(int order = 0; order != 2; ++order) {
        int ch[2] = {channel(SIGUSR1, SIGTERM), channel(SIGUSR2, SIGTERM)};
        CHECK_OK(raise(SIGTERM));
        CHECK_OK(hclose(ch[order]));
        CHECK_INT(is_blocked(SIGUSR1), order);
        CHECK_INT(is_blocked(SIGUSR2), !order);
        CHECK_INT(is_blocked(SIGTERM), 1);
        takes(ch[!order], SIGTERM);
        int third = channel(SIGTERM, 0);
        CHECK_OK(hclose(ch[!order]));
        CHECK_INT(is_blocked(SIGUSR1) + is_blocked(SIGUSR2), 0);
        CHECK_OK(raise(SIGTERM));
        takes(third, SIGTERM);
        CHECK_OK(hclose(third));
        CHECK_INT(is_blocked(SIGTERM), 0);
    }
}

/* What the program has blocked itself, before or meanwhile, is left alone. */
static void the_programs_own_mask(void) {
    sigset_t own = set_of(SIGUSR1, 0), more = set_of(SIGHUP, SIGUSR2);
    CHECK_OK(sigprocmask(SIG_BLOCK, &own, NULL));
    int ch = channel(SIGUSR1, SIGTERM);
    CHECK_OK(sigprocmask(SIG_BLOCK, &more, NULL));
    CHECK_OK(hclose(ch));
    CHECK_INT(is_blocked(SIGUSR1), 1);
    CHECK_INT(is_blocked(SIGHUP), 1);
    CHECK_INT(is_blocked(SIGUSR2), 1);
    CHECK_INT(is_blocked(SIGTERM), 0);
    sigset_t none;
    sigemptyset(&none);
    CHECK_OK(sigprocmask(SIG_SETMASK, &none, NULL));
}

/* Real-time signals have numbers only. */
static void any_signal(void) {
    /* Valgrind keeps the last one to itself. */
    int last = SIGRTMAX - under_memcheck();
    int first = channel(SIGRTMIN, last), second = channel(last, 0);
    CHECK_OK(raise(last));
    takes(second, last);
    CHECK_OK(hclose(first));
    CHECK_INT(is_blocked(SIGRTMIN), 0);
    CHECK_INT(is_blocked(last), 1);
    CHECK_OK(hclose(second));
    CHECK_INT(is_blocked(last), 0);
    sigset_t all;
    sigfillset(&all);
    int ch = sigchan(&all);
    CHECK_HANDLE(ch);
    CHECK_INT(is_blocked(SIGKILL), 0);
    CHECK_INT(is_blocked(SIGINT), 1);
    CHECK_OK(hclose(ch));
    CHECK_INT(is_blocked(SIGINT), 0);
}

static void what_nobody_has_received_takes_effect(void) {
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    int ch = channel(SIGUSR1, 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_INT(handled, 0);
    CHECK_OK(hclose(ch));
    CHECK_INT(handled, SIGUSR1);
    CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

static coroutine void receives(int ch, int expected, int err) {
    int signo = 0;
    if(err) CHECK_ERR(chrecv(ch, &signo, sizeof(signo), -1), err);
    else takes(ch, expected);
}

/* First come, first served; who still waits when it is closed is told. */
static void several_receivers(void) {
    int ch = channel(SIGUSR1, SIGUSR2);
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, receives(ch, SIGUSR1, 0)));
    CHECK_OK(bundle_go(b, receives(ch, SIGUSR2, 0)));
    CHECK_OK(bundle_go(b, receives(ch, 0, EPIPE)));
    CHECK_OK(raise(SIGUSR1));
    CHECK_OK(msleep(now() + 5));
    CHECK_OK(raise(SIGUSR2));
    CHECK_OK(msleep(now() + 5));
    CHECK_OK(hclose(ch));
    CHECK_OK(bundle_wait(b, now() + 10000));
    CHECK_OK(hclose(b));
}

static void errors(void) {
    int signo = SIGUSR1;
    CHECK_ERR(sigchan(NULL), EINVAL);
    int ch = channel(SIGUSR1, 0);
    CHECK_ERR(chrecv(ch, &signo, sizeof(char), 0), EMSGSIZE);
    CHECK_ERR(chrecv(ch, NULL, 0, 0), EMSGSIZE);
    CHECK_ERR(chrecv(ch, &signo, sizeof(signo), 0), ETIMEDOUT);
    CHECK_ERR(chsend(ch, &signo, sizeof(signo), 0), ENOTSUP);
    CHECK_ERR(chdone(ch), ENOTSUP);
    CHECK_OK(hclose(ch));
    CHECK_ERR(hclose(ch), EBADF);
}

int main(void) {
    closed_in_any_order();
    the_programs_own_mask();
    any_signal();
    what_nobody_has_received_takes_effect();
    several_receivers();
    errors();
    return 0;
}
