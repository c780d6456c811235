/* tcp_fromfd and tcp_listener_fromfd: sockets made elsewhere. */

#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <sys/resource.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static int raw_listener(struct ipaddr *addr) {
    CHECK_OK(ipaddr_local(addr, "127.0.0.1", 0, IPADDR_IPV4));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_OK(bind(fd, ipaddr_sockaddr(addr), (socklen_t)ipaddr_len(addr)));
    CHECK_OK(listen(fd, 4));
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);
    CHECK_OK(getsockname(fd, (struct sockaddr*)&sin, &len));
    ipaddr_setport(addr, ntohs(sin.sin_port));
    return fd;
}

static void talk(int s1, int s2) {
    char buf[3];
    CHECK_OK(bsend(s1, "ABC", 3, -1));
    CHECK_OK(brecv(s2, buf, 3, -1));
    CHECK_OK(memcmp(buf, "ABC", 3));
    CHECK_OK(bsend(s2, "DEF", 3, -1));
    CHECK_OK(brecv(s1, buf, 3, -1));
    CHECK_OK(memcmp(buf, "DEF", 3));
}

static coroutine void closes(int s) {
    CHECK_OK(tcp_close(s, -1));
}

TEST(connections) {
    static struct tcp_storage mem;
    int nfds = count_fds();
    for(int i = 0; i != 3; ++i) {
        int fd[2];
        raw_tcp_pair(fd);
        int s1 = tcp_fromfd(fd[0]);
        CHECK_HANDLE(s1);
        memset(&mem, 0x5a, sizeof(mem));
        int s2 = tcp_fromfd_mem(fd[1], &mem);
        CHECK_HANDLE(s2);
        talk(s1, s2);
        /* A blocking descriptor has become non-blocking: this doesn't hang. */
        char c;
        CHECK_ERR(brecv(s1, &c, 1, 0), ETIMEDOUT);
        if(i == 1) {
            CHECK_OK(hclose(s1));
            CHECK_OK(hclose(s2));
            continue;
        }
        CHECK_OK(hclose(s1));
        CHECK_ERR(brecv(s2, &c, 1, -1), ECONNRESET);
        CHECK_OK(hclose(s2));
    }
    int fd[2];
    raw_tcp_pair(fd);
    int s1 = tcp_fromfd(fd[0]);
    int s2 = tcp_fromfd(fd[1]);
    int b = go(closes(s1));
    CHECK_HANDLE(b);
    CHECK_OK(tcp_close(s2, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    /* The handle owned the descriptor. */
    CHECK_INT(count_fds(), nfds);
}

TEST(data_that_was_there_before) {
    int fd[2];
    char buf[4];
    raw_tcp_pair(fd);
    CHECK_INT(write(fd[1], "early", 5), 5);
    CHECK_OK(close(fd[1]));
    int s = tcp_fromfd(fd[0]);
    CHECK_HANDLE(s);
    CHECK_OK(brecv(s, buf, 4, -1));
    CHECK_OK(memcmp(buf, "earl", 4));
    CHECK_OK(brecv(s, buf, 1, -1));
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    CHECK_OK(tcp_close(s, -1));
}

TEST(listeners) {
    static struct tcp_listener_storage mem;
    int nfds = count_fds();
    for(int i = 0; i != 2; ++i) {
        struct ipaddr addr;
        int fd = raw_listener(&addr);
        int ls = i ? tcp_listener_fromfd_mem(fd, &mem) :
            tcp_listener_fromfd(fd);
        CHECK_HANDLE(ls);
        CHECK_ERR(tcp_accept(ls, NULL, 0), ETIMEDOUT);
        int s1 = tcp_connect(&addr, -1);
        CHECK_HANDLE(s1);
        int s2 = tcp_accept(ls, NULL, -1);
        CHECK_HANDLE(s2);
        talk(s1, s2);
        CHECK_OK(hclose(s1));
        CHECK_OK(hclose(s2));
        CHECK_OK(hclose(ls));
        CHECK_ERR(tcp_connect(&addr, -1), ECONNREFUSED);
    }
    CHECK_INT(count_fds(), nfds);
}

/* A refused descriptor stays the caller's, open and as it was. */
static coroutine void accepts_until_cancelled(int ls, int *connection) {
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, DILL_REQUEST, -1));
    *connection = tcp_accept(ls, NULL, -1);
    if(*connection < 0) CHECK_INT(errno, ECANCELED);
    (void)cancel_leave(&scope);
}

/* Serves the connection that has come, or `again` where it may be the listener's already. */
static void serve(int fd, int ls, int again) {
    int s = accept(fd, NULL, NULL);
    if(s >= 0) {
        CHECK_OK(close(s));
        return;
    }
    CHECK(errno == EAGAIN && again);
    s = tcp_accept(ls, NULL, now() + 1000);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
}

/* Whoever is cancelled while a connection comes gets it, or leaves it to others who have the
   same socket open. */
TEST(connections_of_others) {
    enum { BEFORE, CANCELLED, ASKED, READY, WAYS };
    struct ipaddr addr;
    int fd = raw_listener(&addr);
    CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    int ls = tcp_listener_fromfd(dup(fd));
    CHECK_HANDLE(ls);
    for(int way = 0; way != WAYS; ++way) {
        int connection = -1, other[2];
        char c;
        tcp_pair(other);
        int b = go(accepts_until_cancelled(ls, &connection));
        CHECK_HANDLE(b);
        CHECK_ERR(brecv(other[0], &c, 1, now() + 1), ETIMEDOUT);
        if(way == BEFORE) CHECK_OK(hclose(b));
        int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(client >= 0);
        CHECK_OK(connect(client, ipaddr_sockaddr(&addr), (socklen_t)ipaddr_len(&addr)));
        /* With an io_uring this ends a receive, and the system uses the occasion to accept. */
        CHECK_OK(hclose(other[0]));
        if(way == CANCELLED) CHECK_OK(hclose(b));
        if(way == ASKED) CHECK_OK(bundle_cancel(b, 1000));
        if(way == READY) {
            CHECK_OK(fdout(client, -1));
            CHECK_OK(fdclean(client));
            CHECK_OK(hclose(b));
        }
        if(connection < 0) serve(fd, ls, way != ASKED);
        else CHECK_OK(hclose(connection));
        CHECK_OK(close(client));
        CHECK_OK(hclose(other[1]));
    }
    CHECK_OK(hclose(ls));
    CHECK_OK(close(fd));
}

static void refuse(int fd, int as_connection, int as_listener) {
    static struct tcp_storage mem;
    static struct tcp_listener_storage lmem;
    int flags = fcntl(fd, F_GETFL);
    if(as_connection) {
        CHECK_ERR(tcp_fromfd(fd), as_connection);
        CHECK_ERR(tcp_fromfd_mem(fd, &mem), as_connection);
    }
    if(as_listener) {
        CHECK_ERR(tcp_listener_fromfd(fd), as_listener);
        CHECK_ERR(tcp_listener_fromfd_mem(fd, &lmem), as_listener);
    }
    CHECK_INT(fcntl(fd, F_GETFL), flags);
    CHECK_OK(close(fd));
}

TEST(unsuitable) {
    struct ipaddr addr;
    int fd[2];
    CHECK_ERR(tcp_fromfd(-1), EINVAL);
    CHECK_ERR(tcp_listener_fromfd(-1), EINVAL);
    CHECK_ERR(tcp_fromfd(4000), EBADF);
    CHECK_ERR(tcp_listener_fromfd(4000), EBADF);
    CHECK_OK(pipe(fd));
    refuse(fd[0], ENOTSOCK, ENOTSOCK);
    CHECK_OK(close(fd[1]));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
    refuse(fd[0], EINVAL, EINVAL);
    CHECK_OK(close(fd[1]));
    refuse(socket(AF_INET, SOCK_DGRAM, 0), EINVAL, EINVAL);
    refuse(raw_listener(&addr), EINVAL, 0);
    raw_tcp_pair(fd);
    refuse(fd[0], 0, EINVAL);
    CHECK_ERR(tcp_fromfd_mem(fd[1], NULL), EINVAL);
    CHECK_ERR(tcp_listener_fromfd_mem(fd[1], NULL), EINVAL);
    CHECK_OK(close(fd[1]));
}

static coroutine void sends_later(int s, size_t len) {
    static char bytes[20000];
    CHECK_OK(msleep(now() + 200));
    CHECK_OK(bsend(s, bytes, len, -1));
}

static int64_t processor_ms(void) {
    struct rusage usage;
    CHECK_OK(getrusage(RUSAGE_SELF, &usage));
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
        (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* As long as nobody looks into the error queue of a socket all say that it is broken,
   though it works. Waiting for input is waiting nevertheless, not asking all the time. */
TEST(error_queue) {
    static char bytes[20000];
    int fd[2];
    raw_tcp_pair(fd);
    int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    CHECK_OK(setsockopt(fd[0], SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)));
    CHECK(send(fd[0], "x", 1, 0) == 1);
    struct pollfd broken = {fd[0], 0, 0};
    CHECK(poll(&broken, 1, 1000) == 1 && broken.revents == POLLERR);
    int s1 = tcp_fromfd(fd[0]);
    CHECK_HANDLE(s1);
    int s2 = tcp_fromfd(fd[1]);
    CHECK_HANDLE(s2);
    CHECK_OK(brecv(s2, bytes, 1, -1));
    size_t lengths[] = {3, 3, 20000};
    for(size_t i = 0; i != sizeof(lengths) / sizeof(lengths[0]); ++i) {
        int64_t before = processor_ms();
        int b = go(sends_later(s2, lengths[i]));
        CHECK_HANDLE(b);
        CHECK_OK(brecv(s1, bytes, lengths[i], -1));
        CHECK(processor_ms() - before < 100);
        CHECK_OK(hclose(b));
    }
    CHECK_OK(hclose(s1));
    CHECK_OK(hclose(s2));
}
