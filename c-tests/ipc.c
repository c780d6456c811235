/* Local sockets: files, listeners, pairs, and passing descriptors. */

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static char path[64];

static volatile int calls;

static coroutine void connects(int err) {
    int s = ipc_connect(path, err == ETIMEDOUT ? now() + 100 : -1);
    if(err) {
        CHECK_INT(s, -1);
        CHECK_INT(errno, err);
    }
    else {
        CHECK_HANDLE(s);
        CHECK_OK(bsend(s, "hi", 2, -1));
        CHECK_OK(ipc_close(s, -1));
    }
    calls++;
}

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
    temporary_path(path, sizeof(path), "ipc");
}

TEST(listen_and_accept) {
    char buf[2];
    CHECK_ERR(ipc_connect(path, -1), ENOENT);
    int ls = ipc_listen(path, 10);
    CHECK_HANDLE(ls);
    CHECK_ERR(ipc_listen(path, 10), EADDRINUSE);
    CHECK_ERR(ipc_accept(ls, 0), ETIMEDOUT);
    int b = go(connects(0));
    CHECK_HANDLE(b);
    int s = ipc_accept(ls, -1);
    CHECK_HANDLE(s);
    CHECK_OK(brecv(s, buf, 2, -1));
    CHECK_OK(memcmp(buf, "hi", 2));
    /* Neither kind of handle passes for the other, nor for another family's. */
    CHECK_ERR(ipc_accept(s, -1), ENOTSUP);
    CHECK_ERR(tcp_accept(ls, NULL, -1), ENOTSUP);
    CHECK_ERR(tcp_done(s, -1), ENOTSUP);
    CHECK_ERR(ipc_done(ls, -1), ENOTSUP);
    CHECK_ERR(tcp_close(s, -1), ENOTSUP);
    CHECK_ERR(ipc_sendfd(ls, 0, -1), ENOTSUP);
    CHECK_ERR(bsend(ls, "x", 1, -1), ENOTSUP);
    CHECK_OK(ipc_close(s, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    struct chclause cl = {CHSOCK, ls, NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(ipc_close(ls, -1));
    CHECK_ERR(ipc_connect(path, -1), ECONNREFUSED);
    CHECK_OK(unlink(path));
}

TEST(bad_names) {
    char name[200];
    struct sockaddr_un sun;
    memset(name, 'x', sizeof(name));
    name[sizeof(sun.sun_path)] = 0;
    CHECK_ERR(ipc_listen(name, 1), ENAMETOOLONG);
    CHECK_ERR(ipc_connect(name, -1), ENAMETOOLONG);
    name[sizeof(sun.sun_path) - 1] = 0;
    CHECK_ERR(ipc_connect(name, -1), ENOENT);
    CHECK_ERR(ipc_listen("/nowhere/at/all", 1), ENOENT);
    CHECK_ERR(ipc_listen(NULL, 1), EINVAL);
    CHECK_ERR(ipc_connect(NULL, -1), EINVAL);
    struct ipc_storage mem;
    CHECK_ERR(ipc_listen_mem(path, 1, NULL), EINVAL);
    CHECK_ERR(ipc_connect_mem(NULL, &mem, -1), EINVAL);
    CHECK_ERR(ipc_accept_mem(0, NULL, -1), EINVAL);
    CHECK_ERR(ipc_pair(NULL), EINVAL);
    int s[2];
    CHECK_ERR(ipc_pair_mem(NULL, s), EINVAL);
}

/* The system doesn't tell when a full queue has room again. */
TEST(full_queue) {
    char buf[2];
    int ls = ipc_listen(path, 0);
    CHECK_HANDLE(ls);
    calls = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 5; ++i) CHECK_OK(bundle_go(b, connects(0)));
    int late = go(connects(ETIMEDOUT));
    CHECK_HANDLE(late);
    int64_t start = now();
    CHECK_OK(bundle_wait(late, -1));
    CHECK_INT(now(), start + 100);
    CHECK_OK(hclose(late));
    for(int i = 0; i != 5; ++i) {
        int s = ipc_accept(ls, -1);
        CHECK_HANDLE(s);
        CHECK_OK(brecv(s, buf, 2, -1));
        CHECK_OK(ipc_close(s, -1));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 6);
    /* Cancelled while they wait for room. */
    int s = ipc_connect(path, -1);
    CHECK_HANDLE(s);
    CHECK_OK(bundle_go(b, connects(ECANCELED)));
    CHECK_OK(bundle_go(b, connects(ECANCELED)));
    CHECK_OK(hclose(b));
    CHECK_INT(calls, 8);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(ls));
    CHECK_OK(unlink(path));
}

TEST(user_storage) {
    static struct ipc_listener_storage lmem;
    static struct ipc_storage cmem, amem, fmem;
    static struct ipc_pair_storage pmem;
    char c;
    int s[2];
    for(int i = 0; i != 2; ++i) {
        memset(&lmem, 0x5a, sizeof(lmem));
        memset(&cmem, 0x5a, sizeof(cmem));
        memset(&amem, 0x5a, sizeof(amem));
        memset(&pmem, 0x5a, sizeof(pmem));
        int ls = ipc_listen_mem(path, 1, &lmem);
        CHECK_HANDLE(ls);
        int cs = ipc_connect_mem(path, &cmem, -1);
        CHECK_HANDLE(cs);
        int as = ipc_accept_mem(ls, &amem, -1);
        CHECK_HANDLE(as);
        CHECK_OK(bsend(cs, "x", 1, -1));
        CHECK_OK(brecv(as, &c, 1, -1));
        CHECK_OK(hclose(as));
        CHECK_OK(hclose(cs));
        CHECK_OK(hclose(ls));
        CHECK_OK(unlink(path));
        CHECK_OK(ipc_pair_mem(&pmem, s));
        CHECK_OK(bsend(s[0], "x", 1, -1));
        CHECK_OK(brecv(s[1], &c, 1, -1));
        CHECK_OK(hclose(s[0]));
        CHECK_ERR(brecv(s[1], &c, 1, -1), EPIPE);
        CHECK_OK(hclose(s[1]));
        int fds[2];
        CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
        s[0] = ipc_fromfd_mem(fds[0], &fmem);
        CHECK_HANDLE(s[0]);
        CHECK_INT(write(fds[1], "x", 1), 1);
        CHECK_OK(brecv(s[0], &c, 1, -1));
        CHECK_OK(hclose(s[0]));
        CHECK_OK(close(fds[1]));
    }
}

TEST(from_descriptors) {
    int fds[2];
    char c;
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_ERR(ipc_listener_fromfd(fds[0]), EINVAL);
    CHECK_ERR(tcp_fromfd(fds[0]), EINVAL);
    CHECK_ERR(ipc_fromfd(-1), EINVAL);
    CHECK_ERR(ipc_fromfd_mem(fds[0], NULL), EINVAL);
    /* Refused, so it still blocks. */
    CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    int s = ipc_fromfd(fds[0]);
    CHECK_HANDLE(s);
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(brecv(s, &c, 1, -1));
    CHECK_OK(hclose(s));
    CHECK_OK(close(fds[1]));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un sun;
    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    strcpy(sun.sun_path, path);
    CHECK_OK(bind(fd, (struct sockaddr*)&sun, sizeof(sun)));
    CHECK_OK(listen(fd, 1));
    CHECK_ERR(ipc_fromfd(fd), EINVAL);
    CHECK_ERR(ipc_listener_fromfd_mem(fd, NULL), EINVAL);
    int ls = ipc_listener_fromfd(fd);
    CHECK_HANDLE(ls);
    int cs = ipc_connect(path, -1);
    CHECK_HANDLE(cs);
    s = ipc_accept(ls, -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(cs));
    CHECK_OK(hclose(ls));
    CHECK_OK(unlink(path));
    raw_tcp_pair(fds);
    CHECK_ERR(ipc_fromfd(fds[0]), EINVAL);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

TEST(passing_descriptors) {
    int s[2], fds[2];
    char buf[8];
    CHECK_OK(ipc_pair(s));
    CHECK_OK(pipe(fds));
    CHECK_OK(bsend(s[0], "abc", 3, -1));
    CHECK_OK(ipc_sendfd(s[0], fds[1], -1));
    CHECK_OK(ipc_sendfd(s[0], fds[1], -1));
    CHECK_OK(bsend(s[0], "def", 3, -1));
    CHECK_OK(close(fds[1]));
    CHECK_OK(brecv(s[1], buf, 3, -1));
    for(int i = 0; i != 2; ++i) {
        int fd = ipc_recvfd(s[1], -1);
        CHECK(fd >= 0);
        CHECK_INT(write(fd, "x", 1), 1);
        CHECK_OK(close(fd));
    }
    CHECK_INT(read(fds[0], buf + 3, 5), 2);
    CHECK_INT(read(fds[0], buf + 3, 5), 0);
    CHECK_OK(brecv(s[1], buf + 3, 3, -1));
    CHECK_OK(memcmp(buf, "abcdef", 6));
    /* Nothing to pass, or nothing there. */
    CHECK_ERR(ipc_sendfd(s[0], -1, -1), EINVAL);
    CHECK_ERR(ipc_sendfd(s[0], 1000, -1), EBADF);
    CHECK_ERR(ipc_recvfd(s[1], 0), ETIMEDOUT);
    int64_t start = now();
    CHECK_ERR(ipc_recvfd(s[1], start + 20), ETIMEDOUT);
    CHECK_INT(now(), start + 20);
    /* No harm done. */
    CHECK_OK(ipc_sendfd(s[0], fds[0], -1));
    int fd = ipc_recvfd(s[1], -1);
    CHECK(fd >= 0);
    CHECK_OK(close(fd));
    /* Met by an ordinary receive, which goes on behind it. */
    CHECK_OK(bsend(s[0], "a", 1, -1));
    CHECK_OK(ipc_sendfd(s[0], fds[0], -1));
    CHECK_OK(bsend(s[0], "b", 1, -1));
    CHECK_OK(brecv(s[1], buf, 3, 0));
    CHECK(buf[0] == 'a' && buf[2] == 'b');
    /* An ordinary byte instead of it. */
    CHECK_OK(bsend(s[0], "a", 1, -1));
    CHECK_ERR(ipc_recvfd(s[1], -1), EPROTO);
    CHECK_ERR(ipc_recvfd(s[1], -1), ECONNRESET);
    CHECK_ERR(brecv(s[1], buf, 1, -1), ECONNRESET);
    CHECK_OK(ipc_done(s[0], -1));
    CHECK_ERR(ipc_sendfd(s[0], fds[0], -1), EPIPE);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_OK(ipc_pair(s));
    CHECK_OK(hclose(s[0]));
    CHECK_ERR(ipc_recvfd(s[1], -1), EPIPE);
    CHECK_ERR(ipc_recvfd(s[1], -1), EPIPE);
    CHECK_ERR(ipc_sendfd(s[1], fds[0], -1), ECONNRESET);
    CHECK_OK(hclose(s[1]));
    CHECK_OK(close(fds[0]));
}

/* More descriptors than were asked for must not stay open. */
TEST(unwanted_descriptors) {
    int s, fds[2], before = count_fds();
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    s = ipc_fromfd(fds[0]);
    CHECK_HANDLE(s);
    for(int n = 1; n != 40; ++n) {
        char byte = 1;
        struct iovec iov = {&byte, 1};
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(40 * sizeof(int))];
        } control;
        struct msghdr msg;
        memset(&msg, 0, sizeof(msg));
        memset(&control, 0, sizeof(control));
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
        for(int i = 0; i != n; ++i)
            memcpy(CMSG_DATA(&control.header) + (size_t)i * sizeof(int), &fds[1],
                sizeof(int));
        CHECK_INT(sendmsg(fds[1], &msg, 0), 1);
        int fd = ipc_recvfd(s, -1);
        CHECK(fd >= 0);
        CHECK_OK(close(fd));
        CHECK_INT(count_fds(), before + 2);
    }
    CHECK_OK(hclose(s));
    CHECK_OK(close(fds[1]));
}

TEST(no_descriptor_left) {
    if(under_memcheck()) SKIP("Memcheck imitates the limit of descriptors");
    int s[2];
    CHECK_OK(ipc_pair(s));
    CHECK_OK(ipc_sendfd(s[0], 0, -1));
    CHECK_OK(ipc_sendfd(s[0], 0, -1));
    struct rlimit old, low;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    low = old;
    low.rlim_cur = 3;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &low));
    CHECK_ERR(ipc_recvfd(s[1], -1), EMFILE);
    int t[2];
    CHECK_ERR(ipc_pair(t), EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
    int fd = ipc_recvfd(s[1], -1);
    CHECK(fd >= 0);
    CHECK_OK(close(fd));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void cancelled(void) {
    int s[2];
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(ipc_pair(s), ECANCELED);
    CHECK_ERR(ipc_listen(path, 1), ECANCELED);
    CHECK_ERR(ipc_connect(path, -1), ECANCELED);
}

TEST(nothing_starts_when_cancelled) {
    int b = go(cancelled());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK(access(path, F_OK) == -1);
}
