/* Old filters of containers refuse system calls that they don't know, with whatever error. All
   that the library does works without each of those that have an older replacement, and nothing
   spins. */

#include <signal.h>

#include "process.h"
#include "seccomp.h"
#include "tls.h"

/* Not all architectures have all of them. */
#define MISSING (-2)
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 MISSING
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup MISSING
#define SYS_io_uring_enter MISSING
#define SYS_io_uring_register MISSING
#endif
#ifndef SYS_clone3
#define SYS_clone3 MISSING
#endif
#ifdef SYS_epoll_create
#define OLD_EPOLL(number) number
#else
#define OLD_EPOLL(number) MISSING
#endif

/* CALL(name, number, argument, bits), see struct refusal. An advice has no bits: that of guards is
   the only one with so high a number. */
#define CALLS(CALL)\
    CALL("nothing", -1, -1, 0)\
    CALL("epoll_pwait2", SYS_epoll_pwait2, -1, 0)\
    CALL("madvise_guard_install", SYS_madvise, 2, 64)\
    CALL("madvise", SYS_madvise, -1, 0)\
    CALL("io_uring_setup", SYS_io_uring_setup, -1, 0)\
    CALL("io_uring_enter", SYS_io_uring_enter, -1, 0)\
    CALL("io_uring_register", SYS_io_uring_register, -1, 0)\
    CALL("memfd_create", SYS_memfd_create, -1, 0)\
    CALL("getrandom", SYS_getrandom, -1, 0)\
    CALL("clone3", SYS_clone3, -1, 0)\
    CALL("eventfd2", SYS_eventfd2, -1, 0)\
    CALL("eventfd2_with_flags", SYS_eventfd2, 1, ~0u)\
    CALL("accept4", SYS_accept4, -1, 0)\
    CALL("pipe2", SYS_pipe2, 1, ~0u)\
    CALL("dup3", SYS_dup3, -1, 0)\
    CALL("ppoll", SYS_ppoll, -1, 0)\
    CALL("socket_with_flags", SYS_socket, 1, SOCK_NONBLOCK | SOCK_CLOEXEC)\
    CALL("socketpair_with_flags", SYS_socketpair, 1, SOCK_NONBLOCK | SOCK_CLOEXEC)\
    CALL("prlimit64", SYS_prlimit64, -1, 0)\
    CALL("membarrier", SYS_membarrier, -1, 0)\
    CALL("sched_getaffinity", SYS_sched_getaffinity, -1, 0)\
    CALL("sigaltstack", SYS_sigaltstack, -1, 0)\
    CALL("timer_create", SYS_timer_create, -1, 0)\
    CALL("timerfd_create", SYS_timerfd_create, -1, 0)\
    CALL("signalfd4", SYS_signalfd4, -1, 0)\
    CALL("statx", SYS_statx, -1, 0)\
    CALL("prctl", SYS_prctl, -1, 0)\
    CALL("set_robust_list", SYS_set_robust_list, -1, 0)\
    CALL("epoll_create1", OLD_EPOLL(SYS_epoll_create1), -1, 0)\
    CALL("epoll_wait", OLD_EPOLL(SYS_epoll_wait), -1, 0)\
    CALL("epoll_pwait", OLD_EPOLL(SYS_epoll_pwait), -1, 0)

#define AS_REFUSAL(name, number, argument, bits) {name, number, argument, bits},
static const struct refusal calls[] = {CALLS(AS_REFUSAL)};
#define AS_VARIANT(name, number, argument, bits) name " "

static const int errors[] = {EPERM, EACCES, EINVAL, ENOSYS};

static const char *refused = "";
static int refused_with;

static int refuses(const char *name) {
    return strcmp(refused, name) == 0;
}

static coroutine void counts(int *n) {
    for(int i = 0; i != 3; ++i) if(yield() != 0) return;
    ++*n;
}

static void launches(void) {
    int n = 0, b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) CHECK_OK(bundle_go(b, counts(&n)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(n, 100);
}

static void sleeps(void) {
    int64_t start = now();
    CHECK_OK(msleep(now() + 3));
    CHECK(now() >= start + 3);
}

static coroutine void echoes(int ls) {
    char buf[4];
    int s = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(s);
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(brecv(s, buf, 4, -1));
        CHECK_OK(bsend(s, buf, 4, -1));
    }
    CHECK_OK(hclose(s));
}

static void tcp(void) {
    struct ipaddr addr;
    char buf[4];
    int ls = loopback_listener(&addr);
    int b = go(echoes(ls));
    CHECK_HANDLE(b);
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(bsend(s, "abcd", 4, -1));
        CHECK_OK(brecv(s, buf, 4, -1));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(ls));
}

static coroutine void sends_later(int s) {
    CHECK_OK(msleep(now() + 3));
    CHECK_OK(bsend(s, "x", 1, -1));
}

static void local(void) {
    int s[2], fds[2];
    char buf[1];
    CHECK_OK(ipc_pair(s));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_ERR(fdin(fds[0], now() + 3), ETIMEDOUT);
    int b = go(sends_later(s[0]));
    CHECK_HANDLE(b);
    struct chclause clauses[] = {{CHFDIN, fds[0], NULL, 0}, {CHSOCK, s[1], NULL, 0}};
    CHECK_INT(choose(clauses, 2, -1), 1);
    CHECK_OK(brecv(s[1], buf, 1, -1));
    CHECK_OK(ipc_sendfd(s[0], fds[1], -1));
    int fd = ipc_recvfd(s[1], -1);
    CHECK(fd > 2);
    CHECK_INT(write(fd, "y", 1), 1);
    CHECK_INT(choose(clauses, 2, -1), 0);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(fd));
}

static void udp(void) {
    struct ipaddr addr;
    char buf[2];
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4));
    int in = udp_open(&addr, NULL), out = udp_open(NULL, &addr);
    CHECK_HANDLE(in);
    CHECK_HANDLE(out);
    CHECK_OK(udp_send(out, NULL, "ab", 2));
    CHECK_INT(udp_recv(in, NULL, buf, 2, -1), 2);
    CHECK_OK(hclose(in));
    CHECK_OK(hclose(out));
}

static void names(void) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_remote(&addr, "localhost", 80, IPADDR_IPV4, -1));
    CHECK_ERR(ipaddr_remote(&addr, "localhost", 80, IPADDR_IPV4, 0), ETIMEDOUT);
}

static coroutine void serves_websocket(int s) {
    char buf[4];
    int flags;
    s = ws_attach_server(s, WS_TEXT, NULL, 0, NULL, 0, -1);
    CHECK_HANDLE(s);
    CHECK_INT(ws_recv(s, &flags, buf, 4, -1), 3);
    CHECK_OK(hclose(s));
}

static void websocket(void) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    int b = go(serves_websocket(s[1]));
    CHECK_HANDLE(b);
    s[0] = ws_attach_client(s[0], WS_TEXT, "/", "localhost", -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(ws_send(s[0], WS_TEXT, "abc", 3, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
}

static coroutine void attaches_to_nothing(int s) {
    (void)tls_attach_server(s, CERT("chain.pem"), CERT("server.key"), -1);
}

static void tls(void) {
    int s[2];
    char buf[3];
    /* The cryptographic library gets its random numbers itself, and falls back less often. */
    if(refuses("getrandom") && (refused_with == EACCES || refused_with == EINVAL)) {
        CHECK_OK(ipc_pair(s));
        int b = go(attaches_to_nothing(s[1]));
        CHECK_HANDLE(b);
        CHECK_ERR(tls_attach_client(s[0], -1), EIO);
        CHECK_OK(hclose(b));
        return;
    }
    tls_pair(s);
    CHECK_OK(bsend(s[0], "ABC", 3, -1));
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static void signals(void) {
    sigset_t set;
    int signo = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int ch = sigchan(&set);
    if(ch < 0 && refuses("signalfd4")) {
        CHECK_INT(errno, refused_with);
        return;
    }
    CHECK_HANDLE(ch);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGUSR1);
    CHECK_OK(hclose(ch));
}

static void in_a_child(int fd) {
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        CHECK_ERR(fdin(fd, now() + 1), ETIMEDOUT);
        tcp();
        _exit(0);
    }
    CHECK_OK(result_of(child));
}

/* Whatever waits costs nothing. */
static void rests(int fd) {
    int64_t before = processor_ms();
    CHECK_ERR(fdin(fd, now() + 20), ETIMEDOUT);
    CHECK_BETWEEN(processor_ms() - before, 0, 10);
}

static void all(void) {
    int fds[2];
    sleeps();
    launches();
    CHECK_OK(pipe(fds));
    rests(fds[0]);
    tcp();
    local();
    udp();
    names();
    websocket();
    tls();
    signals();
    in_a_child(fds[0]);
    rests(fds[0]);
}

/* In a process of its own: nothing of the library was used before. */
static pid_t start(const struct refusal *what, int err) {
    pid_t child = fork();
    CHECK(child >= 0);
    if(child != 0) return child;
    about("with \"%s\"", strerror(err));
    refused = what->name;
    refused_with = err;
    if(what->number >= 0 && refuse(what, err) != 0) _exit(CHECK_SKIPPED);
    all();
    _exit(0);
}

TEST(all_works_without, BOTH_POLLERS, VARIANTS(CALLS(AS_VARIANT))) {
    enum {ERRORS = sizeof(errors) / sizeof(errors[0])};
    const struct refusal *what = &calls[variant()];
    pid_t children[ERRORS];
    if(what->number == MISSING) SKIP("no such call on this architecture");
    for(int i = 0; i != ERRORS; ++i) children[i] = start(what, errors[i]);
    for(int i = 0; i != ERRORS; ++i) {
        int result = result_of(children[i]);
        if(result == CHECK_SKIPPED) SKIP("no system call can be refused here");
        about("with \"%s\"", strerror(errors[i]));
        CHECK_OK(result);
    }
}
