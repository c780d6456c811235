/* Children of fork() that go on with the library: they have copies of all coroutines and a
   poller of their own, and don't disturb their parent. */

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "fork.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

static int with_io_uring(void) {
    int last;
    return of_kind("io_uring", &last) > 0;
}

/* ----------------------------------------------- blocked coroutines, copied -- */

static int woken_channel;

static coroutine void waits_for_message(int ch) {
    int message;
    CHECK_OK(chrecv(ch, &message, sizeof(message), -1));
    woken_channel += message;
}

/* Wakes them all, in this process. */
static void wake_all(int b, int peer, int ch) {
    int message = 5;
    char c = 3;
    CHECK_INT(woken_pipe + woken_socket + woken_channel, 0);
    CHECK_INT(write(pipes[1], "x", 1), 1);
    CHECK_OK(bsend(peer, &c, 1, -1));
    CHECK_OK(chsend(ch, &message, sizeof(message), -1));
    CHECK_OK(bundle_wait(b, now() + 10000));
    CHECK_INT(woken_pipe, 1);
    CHECK_INT(woken_socket, 3);
    CHECK_INT(woken_timer, 1);
    CHECK_INT(woken_channel, 5);
}

static void go_on_in_both(int from_child) {
    int s[2], ch[2];
    tcp_pair(s);
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(pipes));
    woken_pipe = woken_socket = woken_timer = woken_channel = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, waits_for_pipe()));
    CHECK_OK(bundle_go(b, waits_for_socket(s[0])));
    CHECK_OK(bundle_go(b, waits_for_time(now() + 5)));
    CHECK_OK(bundle_go(b, waits_for_message(ch[1])));
    CHECK_OK(msleep(now() + 1));
    pid_t pid;
    if(child(&pid)) {
        /* Once more, so that a child that never waited has one, too. */
        if(!from_child) {
            pid_t grandchild;
            if(child(&grandchild)) {
                wake_all(b, s[1], ch[0]);
                _exit(0);
            }
            reap(grandchild, 0);
        }
        wake_all(b, s[1], ch[0]);
        _exit(0);
    }
    reap(pid, 0);
    wake_all(b, s[1], ch[0]);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(pipes[i]));
        CHECK_OK(close(pipes[i]));
    }
}

TEST(blocked_coroutines_go_on_in_both) {
    go_on_in_both(0);
}

static coroutine void forks(void) {
    go_on_in_both(1);
}

TEST(from_a_coroutine) {
    int b = go(forks());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* --------------------------------------------------------- a prefork server -- */

#define WORKERS 4
#define CLIENTS 40

static coroutine void serves(int s) {
    char c;
    while(brecv(s, &c, 1, -1) == 0)
        if(bsend(s, &c, 1, -1) < 0) break;
    (void)tcp_close(s, now() + 1000);
}

static coroutine void accepts(int ls, int b, int *accepted) {
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        if(s < 0) break;
        __atomic_add_fetch(accepted, 1, __ATOMIC_RELAXED);
        CHECK_OK(bundle_go(b, serves(s)));
    }
    CHECK_INT(errno, ECANCELED);
}

/* Serves until SIGTERM comes; then finishes what is open. */
static void worker(int ls, int *accepted) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int sig = sigchan(&set);
    CHECK_HANDLE(sig);
    int b = bundle();
    CHECK_HANDLE(b);
    int a = go(accepts(ls, b, accepted));
    CHECK_HANDLE(a);
    int signo;
    CHECK_OK(chrecv(sig, &signo, sizeof(signo), -1));
    CHECK_INT(signo, SIGTERM);
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(ls));
    CHECK_OK(bundle_cancel(b, 10000));
    CHECK_OK(hclose(sig));
    _exit(0);
}

static coroutine void client(const struct ipaddr *addr, int i) {
    int s = tcp_connect(addr, -1);
    CHECK_HANDLE(s);
    for(int n = 0; n != 5; ++n) {
        char c = (char)i, d = 0;
        CHECK_OK(bsend(s, &c, 1, -1));
        CHECK_OK(brecv(s, &d, 1, now() + 10000));
        CHECK_INT(d, c);
    }
    CHECK_OK(tcp_close(s, now() + 10000));
}

TEST(prefork) {
    int *accepted = (int*)mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(accepted != MAP_FAILED);
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    /* A signal that comes before its channel is there waits. */
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, &old));
    pid_t pids[WORKERS];
    for(int i = 0; i != WORKERS; ++i) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if(pids[i] == 0) worker(ls, accepted);
    }
    CHECK_OK(sigprocmask(SIG_SETMASK, &old, NULL));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != CLIENTS; ++i) CHECK_OK(bundle_go(b, client(&addr, i)));
    CHECK_OK(bundle_wait(b, now() + 20000));
    CHECK_OK(hclose(b));
    CHECK_INT(__atomic_load_n(accepted, __ATOMIC_RELAXED), CLIENTS);
    for(int i = 0; i != WORKERS; ++i) CHECK_OK(kill(pids[i], SIGTERM));
    for(int i = 0; i != WORKERS; ++i) reap(pids[i], 0);
    CHECK_OK(hclose(ls));
    CHECK_OK(munmap(accepted, sizeof(int)));
}

/* -------------------------------------------------- the parent, undisturbed -- */

TEST(what_the_child_closes_stays_open_here) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int s[2];
    tcp_pair(s);
    CHECK_OK(pipe(pipes));
    char c = 7, d = 0;
    struct chclause clause = {CHSOCK, s[0], NULL, 0};
    CHECK_ERR(choose(&clause, 1, now() + 2), ETIMEDOUT);
    CHECK_ERR(fdin(pipes[0], now() + 2), ETIMEDOUT);
    int b = go(waits_for_pipe());
    CHECK_HANDLE(b);
    pid_t pid;
    if(child(&pid)) {
        CHECK_OK(hclose(b));
        CHECK_OK(fdclean(pipes[0]));
        CHECK_OK(close(pipes[0]));
        CHECK_OK(hclose(s[0]));
        CHECK_OK(hclose(s[1]));
        CHECK_OK(hclose(ls));
        _exit(0);
    }
    reap(pid, 0);
    woken_pipe = 0;
    CHECK_INT(write(pipes[1], "x", 1), 1);
    CHECK_OK(bundle_wait(b, now() + 10000));
    CHECK_OK(hclose(b));
    CHECK_INT(woken_pipe, 1);
    /* Nobody has reset it. */
    CHECK_OK(bsend(s[1], &c, 1, -1));
    CHECK_OK(brecv(s[0], &d, 1, now() + 10000));
    CHECK_INT(d, c);
    CHECK_OK(bsend(s[0], &c, 1, -1));
    CHECK_OK(brecv(s[1], &d, 1, now() + 10000));
    int peer = tcp_connect(&addr, -1);
    CHECK_HANDLE(peer);
    int other = tcp_accept(ls, NULL, now() + 10000);
    CHECK_HANDLE(other);
    CHECK_OK(hclose(peer));
    CHECK_OK(hclose(other));
    CHECK_OK(hclose(s[0]));
    /* While this one has. */
    CHECK_ERR(brecv(s[1], &d, 1, now() + 10000), ECONNRESET);
    CHECK_OK(hclose(s[1]));
    CHECK_OK(hclose(ls));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(pipes[i]));
        CHECK_OK(close(pipes[i]));
    }
}

/* Descriptors that the epoll of this process watches. */
static int watched(void) {
    int fd, n = 0;
    char line[256];
    if(of_kind("eventpoll", &fd) != 1) return 0;
    snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
    FILE *info = fopen(line, "r");
    CHECK(info);
    while(fgets(line, sizeof(line), info)) if(strncmp(line, "tfd:", 4) == 0) n++;
    fclose(info);
    return n;
}

/* A file that a child has open as well does not leave the epoll by being closed. */
TEST(nothing_is_left_in_the_poller) {
    int s[2], wait[2];
    tcp_pair(s);
    int before = watched();
    CHECK_OK(pipe(wait));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        char c;
        close(wait[1]);
        _exit(read(wait[0], &c, 1) == 0 ? 0 : 1);
    }
    CHECK_OK(close(wait[0]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_INT(watched(), with_io_uring() ? before : before - 2);
    CHECK_OK(close(wait[1]));
    reap(pid, 0);
}

/* ------------------------------------------------------------------- signals -- */

TEST(signals_go_to_whom_they_are_sent) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int sig = sigchan(&set);
    CHECK_HANDLE(sig);
    int signo = 0;
    CHECK_ERR(chrecv(sig, &signo, sizeof(signo), now() + 2), ETIMEDOUT);
    pid_t pid;
    if(child(&pid)) {
        CHECK_ERR(chrecv(sig, &signo, sizeof(signo), now() + 2), ETIMEDOUT);
        CHECK_OK(kill(getpid(), SIGUSR1));
        CHECK_OK(chrecv(sig, &signo, sizeof(signo), now() + 10000));
        CHECK_INT(signo, SIGUSR1);
        CHECK_OK(hclose(sig));
        _exit(0);
    }
    reap(pid, 0);
    CHECK_ERR(chrecv(sig, &signo, sizeof(signo), now() + 2), ETIMEDOUT);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_OK(chrecv(sig, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGUSR1);
    CHECK_OK(hclose(sig));
}

/* Sends itself signals of two kinds, which wait in the channel: that of the second kind thrice. */
static void send_four(void) {
    CHECK_OK(kill(getpid(), SIGUSR1));
    for(int i = 0; i != 3; ++i) CHECK_OK(kill(getpid(), SIGRTMIN));
}

static void receive_four(int sig) {
    static const int expected[] = {1, 3};
    int counts[] = {0, 0}, signo = 0;
    for(int i = 0; i != 4; ++i) {
        CHECK_OK(chrecv(sig, &signo, sizeof(signo), now() + 10000));
        CHECK(signo == SIGUSR1 || signo == SIGRTMIN);
        ++counts[signo == SIGRTMIN];
    }
    for(int i = 0; i != 2; ++i) CHECK_INT(counts[i], expected[i]);
    CHECK_ERR(chrecv(sig, &signo, sizeof(signo), 0), ETIMEDOUT);
}

/* What has arrived before the fork is for the parent alone, also where a channel of the child uses
   the memory of the parent's again. */
TEST(signals_that_are_not_received_yet) {
    sigset_t set;
    int signo;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    int sig = sigchan(&set);
    CHECK_HANDLE(sig);
    send_four();
    pid_t pid;
    if(child(&pid)) {
        int own = sigchan(&set);
        CHECK_HANDLE(own);
        CHECK_ERR(chrecv(own, &signo, sizeof(signo), now() + 2), ETIMEDOUT);
        send_four();
        receive_four(own);
        CHECK_OK(hclose(own));
        CHECK_OK(hclose(sig));
        _exit(0);
    }
    reap(pid, 0);
    receive_four(sig);
    CHECK_OK(hclose(sig));
}

static pid_t forked;

static void forks_in_handler(int signo) {
    (void)signo;
    forked = fork();
}

/* In the middle of a wait. */
TEST(from_a_signal_handler) {
    int turn[2];
    CHECK_OK(pipe(turn));
    CHECK_OK(pipe(pipes));
    woken_pipe = 0;
    int b = go(waits_for_pipe());
    CHECK_HANDLE(b);
    signal(SIGALRM, forks_in_handler);
    struct itimerval soon;
    memset(&soon, 0, sizeof(soon));
    soon.it_value.tv_usec = 2000;
    forked = -1;
    CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
    while(forked == -1) CHECK_OK(msleep(now() + 100));
    /* Both wait for one pipe: the child's turn is when its parent does nothing else. */
    char c;
    if(forked == 0) {
        CHECK_INT(read(turn[0], &c, 1), 1);
    } else {
        CHECK_INT(write(turn[1], "x", 1), 1);
        reap(forked, 0);
    }
    CHECK_INT(write(pipes[1], "x", 1), 1);
    CHECK_OK(bundle_wait(b, now() + 10000));
    CHECK_INT(woken_pipe, 1);
    if(forked == 0) _exit(0);
    CHECK_OK(hclose(b));
    signal(SIGALRM, SIG_DFL);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(pipes[i]));
        CHECK_OK(close(pipes[i]));
        CHECK_OK(close(turn[i]));
    }
}

/* ---------------------------------------------------------------- cancelling -- */

static int asked, forced;

static coroutine void finishes_when_asked(int ch) {
    int message;
    CHECK_ERR(chrecv(ch, &message, sizeof(message), -1), EPIPE);
    asked++;
}

static coroutine void must_be_forced(void) {
    CHECK_ERR(fdin(pipes[0], -1), ECANCELED);
    forced++;
}

TEST(cancelling_in_the_child_is_for_the_child) {
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(pipes));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, finishes_when_asked(ch[1])));
    CHECK_OK(bundle_go(b, must_be_forced()));
    CHECK_OK(bundle_notify(b, ch[0]));
    pid_t pid;
    if(child(&pid)) {
        CHECK_ERR(bundle_cancel(b, 5), ETIMEDOUT);
        CHECK_INT(asked, 1);
        CHECK_INT(forced, 1);
        _exit(0);
    }
    reap(pid, 0);
    CHECK_OK(msleep(now() + 2));
    CHECK_INT(asked + forced, 0);
    CHECK_ERR(bundle_cancel(b, 5), ETIMEDOUT);
    CHECK_INT(asked, 1);
    CHECK_INT(forced, 1);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(close(pipes[0]));
    CHECK_OK(close(pipes[1]));
}
