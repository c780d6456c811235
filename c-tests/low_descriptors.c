/* A program that is started without standard descriptors, and gives itself some later: none of
   the library's has their numbers, whichever function makes it. */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "process.h"
#include "tls.h"

ALL_TESTS(BOTH_POLLERS)

static int is_open(int fd) {
    return fcntl(fd, F_GETFD) != -1;
}

/* Nothing has taken one of the numbers, and what was made is as it should be. */
static void look(int line) {
    for(int fd = 0; fd != 3; ++fd)
        if(is_open(fd)) check_fail(__FILE__, line, "%d is in use", fd);
    for(int fd = 3; fd != 64; ++fd) {
        struct stat st;
        int flags = fcntl(fd, F_GETFD);
        if(flags == -1) continue;
        if(!(flags & FD_CLOEXEC)) check_fail(__FILE__, line, "%d is inherited", fd);
        CHECK_OK(fstat(fd, &st));
        if(S_ISSOCK(st.st_mode)) CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    }
}
#define LOOK() look(__LINE__)

/* As a program does that becomes a daemon. */
static void redirect(void) {
    int null = open("/dev/null", O_RDWR);
    CHECK_INT(null, 0);
    CHECK_INT(dup2(null, 1), 1);
    CHECK_INT(dup2(null, 2), 2);
}

static void close_standard(void) {
    for(int fd = 0; fd != 3; ++fd) (void)close(fd);
}

static coroutine void connects(const struct ipaddr *addr, int *s) {
    *s = tcp_connect(addr, -1);
    CHECK_HANDLE(*s);
}

static coroutine void connects_locally(const char *path, int *s) {
    *s = ipc_connect(path, -1);
    CHECK_HANDLE(*s);
}

static coroutine void sends(int s) {
    CHECK_OK(yield());
    CHECK_OK(bsend(s, "def", 3, -1));
}

static void exchange(int a, int b) {
    char buf[3];
    CHECK_OK(bsend(a, "abc", 3, -1));
    CHECK_OK(brecv(b, buf, 3, now() + 10000));
    /* This one waits. */
    int sender = go(sends(b));
    CHECK_HANDLE(sender);
    CHECK_OK(brecv(a, buf, 3, now() + 10000));
    CHECK_OK(hclose(sender));
}

static void tcp(int s[2]) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    LOOK();
    int b = go(connects(&addr, &s[0]));
    CHECK_HANDLE(b);
    s[1] = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(s[1]);
    LOOK();
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
}

/* With the poller waiting for it: it may have accepted the connection itself. */
static coroutine void accepts(int ls, int *s) {
    *s = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(*s);
}

static void tcp_waiting(int s[2]) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int b = go(accepts(ls, &s[1]));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 1));
    s[0] = tcp_connect(&addr, -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bundle_wait(b, -1));
    LOOK();
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
}

static void local(int s[2]) {
    char path[sizeof(((struct sockaddr_un*)NULL)->sun_path)];
    temporary_path(path, sizeof(path), "low_descriptors");
    (void)unlink(path);
    int ls = ipc_listen(path, 10);
    CHECK_HANDLE(ls);
    LOOK();
    int b = go(connects_locally(path, &s[0]));
    CHECK_HANDLE(b);
    s[1] = ipc_accept(ls, -1);
    CHECK_HANDLE(s[1]);
    LOOK();
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
    CHECK_OK(unlink(path));
}

static void others(void) {
    struct ipaddr addr;
    int s[2], fds[2];
    CHECK_OK(ipc_pair(s));
    LOOK();
    /* What is received is the user's, and keeps its flags. */
    int fd = open("/dev/null", O_RDONLY);
    CHECK_INT(fd, 0);
    CHECK_OK(ipc_sendfd(s[0], fd, -1));
    CHECK_OK(close(fd));
    fd = ipc_recvfd(s[1], -1);
    CHECK(fd > 2);
    CHECK_INT(fcntl(fd, F_GETFD), 0);
    CHECK_OK(close(fd));
    LOOK();
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    /* Sockets that are handed in with such numbers, as inetd does. */
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_INT(fds[1], 1);
    for(int i = 0; i != 2; ++i) {
        s[i] = ipc_fromfd(fds[i]);
        CHECK_HANDLE(s[i]);
    }
    LOOK();
    exchange(s[0], s[1]);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4));
    int u = udp_open(&addr, NULL);
    CHECK_HANDLE(u);
    LOOK();
    CHECK_OK(hclose(u));
}

static coroutine void asks(void) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_remote(&addr, "localhost", 80, IPADDR_IPV4, -1));
}

static void names_and_signals(void) {
    sigset_t set;
    /* The helper's own descriptors come and go: only ours are looked at. */
    int b = go(asks());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    LOOK();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int ch = sigchan(&set);
    CHECK_HANDLE(ch);
    LOOK();
    CHECK_OK(hclose(ch));
}

static void user_descriptors(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_INT(fds[0], 0);
    CHECK_ERR(fdin(fds[0], now() + 1), ETIMEDOUT);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    LOOK();
}

static int s[4][2];

static void exchange_all(void) {
    for(int i = 0; i != 4; ++i) exchange(s[i][0], s[i][1]);
}

static void goes_on_in_child(void) {
    close_standard();
    exchange(s[0][0], s[0][1]);
    LOOK();
    redirect();
    exchange(s[0][0], s[0][1]);
}

/* Where the message of a failure goes is closed: the status tells of it. */
static void starts_without_descriptors(void) {
    for(int fd = 0; fd != 64; ++fd) (void)close(fd);
    if(variant() == 0) user_descriptors();
    if(variant() == 1) names_and_signals();
    tcp(s[0]);
    tcp_waiting(s[1]);
    local(s[2]);
    others();
    tls_pair(s[3]);
    LOOK();
    names_and_signals();
    redirect();
    exchange_all();
    CHECK_OK(in_child(goes_on_in_child));
    exchange_all();
}

/* Makes everything, then redirects, and everything goes on. */
TEST(stay_free, VARIANTS("descriptors_first names_first sockets_first")) {
    CHECK_OK(in_child(starts_without_descriptors));
}
