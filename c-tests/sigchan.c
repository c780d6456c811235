/* Signals as messages: what arrives, for how long, and who gets it. */

#include <pthread.h>
#include <signal.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

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

static int takes_nothing(int ch) {
    int signo;
    return chrecv(ch, &signo, sizeof(signo), 0) < 0 && errno == ETIMEDOUT;
}

static void (*action_of(int signo))(int) {
    struct sigaction action;
    CHECK_OK(sigaction(signo, NULL, &action));
    return action.sa_handler;
}

/* In whatever order they are closed: a signal arrives as long as somebody waits for it. */
TEST(closed_in_any_order) {
    for(int order = 0; order != 2; ++order) {
        int ch[2] = {channel(SIGUSR1, SIGTERM), channel(SIGUSR2, SIGTERM)};
        CHECK_INT(is_blocked(SIGUSR1) + is_blocked(SIGUSR2) + is_blocked(SIGTERM), 0);
        CHECK_OK(raise(SIGTERM));
        CHECK_OK(hclose(ch[order]));
        CHECK(action_of(order ? SIGUSR2 : SIGUSR1) == SIG_DFL);
        CHECK(action_of(order ? SIGUSR1 : SIGUSR2) != SIG_DFL);
        takes(ch[!order], SIGTERM);
        int third = channel(SIGTERM, 0);
        CHECK_OK(hclose(ch[!order]));
        CHECK(action_of(SIGUSR1) == SIG_DFL && action_of(SIGUSR2) == SIG_DFL);
        CHECK_OK(raise(SIGTERM));
        takes(third, SIGTERM);
        CHECK_OK(hclose(third));
        CHECK(action_of(SIGTERM) == SIG_DFL);
    }
}

/* What has been received through one channel has been received; what only waits elsewhere,
   waits. */
TEST(all_channels_get_it) {
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    for(int order = 0; order != 2; ++order) {
        int ch[3];
        for(int i = 0; i != 3; ++i) ch[i] = channel(SIGUSR1, 0);
        handled = 0;
        CHECK_OK(raise(SIGUSR1));
        for(int i = 0; i != 3; ++i) takes(ch[i], SIGUSR1);
        CHECK_OK(raise(SIGUSR1));
        CHECK_OK(hclose(ch[2]));
        takes(ch[order], SIGUSR1);
        CHECK_OK(hclose(ch[0]));
        CHECK_OK(hclose(ch[1]));
        CHECK_INT(handled, 0);
        for(int i = 0; i != 2; ++i) ch[i] = channel(SIGUSR1, 0);
        CHECK_OK(raise(SIGUSR1));
        CHECK_OK(hclose(ch[order]));
        CHECK_INT(handled, 0);
        CHECK_OK(hclose(ch[!order]));
        CHECK_INT(handled, SIGUSR1);
    }
    CHECK(signal(SIGUSR1, SIG_DFL) == handler);
}

/* What the program has blocked itself arrives, and is blocked again; what it blocks meanwhile
   is left alone. */
TEST(the_programs_own_mask) {
    sigset_t own = set_of(SIGUSR1, SIGUSR2), more = set_of(SIGHUP, SIGUSR2);
    CHECK_OK(sigprocmask(SIG_BLOCK, &own, NULL));
    CHECK_OK(raise(SIGUSR1));
    int ch = channel(SIGUSR1, SIGTERM), second = channel(SIGUSR1, SIGUSR2);
    takes(ch, SIGUSR1);
    CHECK(takes_nothing(second));
    CHECK_OK(raise(SIGUSR1));
    takes(ch, SIGUSR1);
    takes(second, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &more, NULL));
    CHECK_OK(hclose(ch));
    CHECK_INT(is_blocked(SIGUSR1), 0);
    CHECK_OK(raise(SIGUSR1));
    takes(second, SIGUSR1);
    /* Not received: it is pending again. */
    CHECK_OK(raise(SIGUSR1));
    CHECK_OK(hclose(second));
    CHECK_INT(is_blocked(SIGUSR1), 1);
    CHECK_INT(is_blocked(SIGHUP), 1);
    CHECK_INT(is_blocked(SIGUSR2), 1);
    CHECK_INT(is_blocked(SIGTERM), 0);
    int signo = 0;
    CHECK_OK(sigwait(&own, &signo));
    CHECK_INT(signo, SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    CHECK_OK(sigprocmask(SIG_SETMASK, &none, NULL));
}

/* The action that the program sets meanwhile stays; an ignored signal is none. */
TEST(the_programs_own_action) {
    struct sigaction action, seen;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART | SA_NODEFER;
    sigaddset(&action.sa_mask, SIGHUP);
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    int ch = channel(SIGUSR1, SIGUSR2);
    CHECK_OK(hclose(ch));
    CHECK_OK(sigaction(SIGUSR1, NULL, &seen));
    CHECK(seen.sa_handler == handler);
    CHECK_INT(seen.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO | SA_ONSTACK),
        SA_RESTART | SA_NODEFER);
    CHECK_INT(sigismember(&seen.sa_mask, SIGHUP), 1);
    CHECK_INT(sigismember(&seen.sa_mask, SIGTERM), 0);
    ch = channel(SIGUSR1, SIGUSR2);
    CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGUSR2, handler) != SIG_ERR);
    CHECK_OK(raise(SIGUSR1));
    CHECK(takes_nothing(ch));
    CHECK_OK(hclose(ch));
    CHECK(action_of(SIGUSR1) == SIG_IGN);
    CHECK(action_of(SIGUSR2) == handler);
    ch = channel(SIGUSR1, SIGUSR2);
    CHECK_OK(raise(SIGUSR1));
    CHECK_OK(raise(SIGUSR2));
    takes(ch, SIGUSR2);
    CHECK(takes_nothing(ch));
    CHECK_OK(hclose(ch));
    CHECK(action_of(SIGUSR1) == SIG_IGN);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    CHECK(signal(SIGUSR2, SIG_DFL) == handler);
}

/* Real-time signals have numbers only. */
TEST(any_signal) {
    /* Valgrind keeps the last one to itself. */
    int last = SIGRTMAX - under_memcheck();
    int first = channel(SIGRTMIN, last), second = channel(last, 0);
    CHECK_OK(raise(last));
    takes(second, last);
    CHECK_OK(hclose(first));
    CHECK(action_of(SIGRTMIN) == SIG_DFL);
    CHECK(action_of(last) != SIG_DFL);
    CHECK_OK(hclose(second));
    CHECK(action_of(last) == SIG_DFL);
    static const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
        SIGSYS};
    sigset_t all;
    sigfillset(&all);
    CHECK_ERR(sigchan(&all), EINVAL);
    if(under_memcheck()) sigdelset(&all, SIGRTMAX);
    for(size_t i = 0; i != sizeof(never) / sizeof(never[0]); ++i) {
        sigset_t one = set_of(never[i], SIGTERM);
        CHECK_ERR(sigchan(&one), EINVAL);
        CHECK(action_of(SIGTERM) == SIG_DFL);
        sigdelset(&all, never[i]);
    }
    int ch = sigchan(&all);
    CHECK_HANDLE(ch);
    CHECK_OK(raise(SIGINT));
    takes(ch, SIGINT);
    CHECK_OK(hclose(ch));
    CHECK(action_of(SIGINT) == SIG_DFL);
}

/* In order; real-time signals as often as they come, more of them than there is room for, too,
   others once. */
TEST(order_and_number) {
    int first = SIGRTMIN, second = SIGRTMIN + 1;
    int ch = channel(first, second), other = channel(SIGUSR1, SIGUSR2);
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(raise(second));
        CHECK_OK(raise(first));
        CHECK_OK(raise(first));
    }
    for(int i = 0; i != 3; ++i) {
        takes(ch, second);
        takes(ch, first);
        takes(ch, first);
    }
    CHECK(takes_nothing(ch));
    for(int i = 0; i != 5; ++i) {
        CHECK_OK(raise(SIGUSR2));
        CHECK_OK(raise(SIGUSR1));
    }
    takes(other, SIGUSR2);
    takes(other, SIGUSR1);
    CHECK(takes_nothing(other));
    CHECK_OK(hclose(other));
    for(int round = 0; round != 2; ++round) {
        for(int i = 0; i != 3000; ++i) CHECK_OK(raise(i % 2 ? first : second));
        int count[2] = {0, 0}, signo;
        while(chrecv(ch, &signo, sizeof(signo), 0) == 0) count[signo - first]++;
        CHECK_INT(errno, ETIMEDOUT);
        CHECK_INT(count[0], 1500);
        CHECK_INT(count[1], 1500);
    }
    CHECK_OK(hclose(ch));
}

static int counted, value;

static void counts(int signo, siginfo_t *info, void *context) {
    (void)context;
    handled = signo;
    counted++;
    value = info->si_value.sival_int;
}

TEST(what_nobody_has_received_takes_effect) {
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    handled = 0;
    int ch = channel(SIGUSR1, 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_INT(handled, 0);
    CHECK_OK(hclose(ch));
    CHECK_INT(handled, SIGUSR1);
    CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
    /* With all that came with it, and as often. */
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = counts;
    action.sa_flags = SA_SIGINFO;
    CHECK_OK(sigaction(SIGRTMIN, &action, NULL));
    ch = channel(SIGRTMIN, 0);
    for(int i = 0; i != 3; ++i) {
        union sigval sent;
        memset(&sent, 0, sizeof(sent));
        sent.sival_int = 40 + i;
        CHECK_OK(sigqueue(getpid(), SIGRTMIN, sent));
    }
    takes(ch, SIGRTMIN);
    CHECK_INT(counted, 0);
    CHECK_OK(hclose(ch));
    CHECK_INT(counted, 2);
    CHECK_INT(value, 42);
    CHECK(signal(SIGRTMIN, SIG_DFL) != SIG_ERR);
}

/* Whichever thread a signal comes to, and whichever thread has the channel. */
static pthread_t main_thread;
static pthread_barrier_t first_is_received;

static void *other_thread(void *arg) {
    (void)arg;
    int own = channel(SIGUSR1, 0);
    CHECK_OK(pthread_kill(main_thread, SIGUSR1));
    takes(own, SIGUSR1);
    /* A second one before that would not count, as it is the same signal. */
    pthread_barrier_wait(&first_is_received);
    CHECK_OK(pthread_kill(pthread_self(), SIGUSR2));
    CHECK_OK(raise(SIGUSR1));
    /* It is left open: the end of the thread closes it, but not the handle, which is a leak. */
    if(under_memcheck()) CHECK_OK(hclose(own));
    return NULL;
}

TEST(across_threads) {
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    handled = 0;
    int ch = channel(SIGUSR1, SIGUSR2);
    main_thread = pthread_self();
    CHECK_OK(pthread_barrier_init(&first_is_received, NULL, 2));
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, other_thread, NULL));
    takes(ch, SIGUSR1);
    pthread_barrier_wait(&first_is_received);
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(pthread_barrier_destroy(&first_is_received));
    int signo[2] = {0, 0};
    for(int i = 0; i != 2; ++i) CHECK_OK(chrecv(ch, &signo[i], sizeof(int), now() + 10000));
    CHECK_INT(signo[0] + signo[1], SIGUSR1 + SIGUSR2);
    CHECK_OK(hclose(ch));
    CHECK_INT(handled, 0);
    CHECK(signal(SIGUSR1, SIG_DFL) == handler);
}

static coroutine void receives(int ch, int expected, int err) {
    int signo = 0;
    if(err) CHECK_ERR(chrecv(ch, &signo, sizeof(signo), -1), err);
    else takes(ch, expected);
}

/* First come, first served; who still waits when it is closed is told. */
TEST(several_receivers) {
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

TEST(errors) {
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
