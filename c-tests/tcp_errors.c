/* TCP when things go wrong: timeouts and what follows them, resets, cancelled
   and concurrent use, refused connections, wrong handles, NULL. */

#include <poll.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

TEST(receiving_times_out) {
    int s[2];
    char buf[4];
    tcp_pair(s);
    int64_t start = now();
    CHECK_OK(bsend(s[1], "ab", 2, -1));
    CHECK_ERR(brecv(s[0], buf, 3, start + 10), ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    /* The position in the stream is lost, so is that direction. */
    CHECK_ERR(brecv(s[0], buf, 1, -1), ECONNRESET);
    CHECK_ERR(brecv(s[0], buf, 1, 0), ECONNRESET);
    /* The other one isn't. */
    CHECK_OK(bsend(s[0], "xyz", 3, -1));
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_OK(memcmp(buf, "xyz", 3));
    CHECK_ERR(tcp_close(s[0], -1), ECONNRESET);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
}

TEST(sending_times_out) {
    static char junk[1 << 16];
    int s[2];
    char c = 'c';
    tcp_pair(s);
    int64_t start = now();
    int rc, n = 0;
    /* Until the kernel's buffers are full. */
    do {
        CHECK(n++ < 10000);
        rc = bsend(s[0], junk, sizeof(junk), start + 10);
    } while(rc == 0);
    CHECK_INT(rc, -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    CHECK_ERR(bsend(s[0], &c, 1, -1), ECONNRESET);
    CHECK_ERR(tcp_done(s[0], -1), ECONNRESET);
    CHECK_OK(bsend(s[1], &c, 1, -1));
    CHECK_OK(brecv(s[0], &c, 1, -1));
    CHECK_OK(tcp_done(s[1], -1));
    CHECK_ERR(brecv(s[0], &c, 1, -1), EPIPE);
    CHECK_ERR(tcp_close(s[0], -1), ECONNRESET);
    CHECK_OK(hclose(s[1]));
}

TEST(immediate_deadline) {
    int s[2];
    char c = 0;
    tcp_pair(s);
    /* 0 means: if it is possible now. */
    CHECK_OK(bsend(s[0], "x", 1, 0));
    CHECK_OK(brecv(s[1], &c, 1, -1));
    CHECK_INT(c, 'x');
    CHECK_OK(bsend(s[0], "yz", 2, 0));
    CHECK_OK(brecv(s[1], &c, 1, -1));
    CHECK_OK(brecv(s[1], &c, 1, 0));
    CHECK_INT(c, 'z');
    CHECK_ERR(brecv(s[1], &c, 1, 0), ETIMEDOUT);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void is_cancelled(int s) {
    char c;
    CHECK_ERR(brecv(s, &c, 1, -1), ECANCELED);
    note("cancelled");
}

TEST(receiving_is_cancelled) {
    int s[2];
    char c;
    tcp_pair(s);
    int b = go(is_cancelled(s[0]));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(brecv(s[0], &c, 1, -1));
    CHECK_OK(bsend(s[0], "x", 1, -1));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void receives(int s) {
    char c;
    CHECK_OK(brecv(s, &c, 1, -1));
    CHECK_INT(c, 'x');
    note("received");
}

static coroutine void sends_much(int s, size_t len) {
    char *buf = (char*)calloc(1, len);
    CHECK(buf);
    CHECK_OK(bsend(s, buf, len, -1));
    free(buf);
    note("sent");
}

TEST(one_user_a_direction) {
    int s[2];
    char c;
    size_t much = 32 << 20;
    tcp_pair(s);
    int b = go(receives(s[0]));
    CHECK_HANDLE(b);
    CHECK_ERR(brecv(s[0], &c, 1, -1), EBUSY);
    CHECK_ERR(brecv(s[0], &c, 1, 0), EBUSY);
    /* It still gets what it waits for. */
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("received");
    CHECK_OK(bundle_go(b, sends_much(s[0], much)));
    CHECK_ERR(bsend(s[0], "x", 1, -1), EBUSY);
    CHECK_ERR(bsend(s[0], "x", 1, 0), EBUSY);
    CHECK_OK(bundle_go(b, receives(s[0])));
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(brecv(s[1], NULL, much, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(strlen(check_notes_), strlen("received sent"));
    check_notes_[0] = 0;
    CHECK_ERR(brecv(s[1], &c, 1, 0), ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(reset_by_the_peer) {
    int s[2];
    char c = 'c';
    tcp_pair(s);
    /* hclose drops the connection without a handshake. */
    CHECK_OK(hclose(s[1]));
    CHECK_ERR(brecv(s[0], &c, 1, -1), ECONNRESET);
    CHECK_ERR(brecv(s[0], &c, 1, -1), ECONNRESET);
    CHECK_ERR(bsend(s[0], &c, 1, -1), ECONNRESET);
    CHECK_ERR(bsend(s[0], &c, 1, -1), ECONNRESET);
    CHECK_ERR(tcp_close(s[0], -1), ECONNRESET);
    CHECK_ERR(hclose(s[0]), EBADF);
}

/* Waits until the system has noticed that the peer has dropped the connection, without letting
   anybody else run. Closes its descriptor. */
static void await_reset(int fd) {
    struct pollfd pfd = {fd, 0, 0};
    CHECK_INT(poll(&pfd, 1, 10000), 1);
    CHECK(pfd.revents & (POLLERR | POLLHUP));
    CHECK_OK(close(fd));
}

/* A socket, another descriptor of it, and a raw one of the other end. */
static int half_raw_pair(int fd[2]) {
    raw_tcp_pair(fd);
    int other = dup(fd[0]), s = tcp_fromfd(fd[0]);
    CHECK(other >= 0);
    CHECK_HANDLE(s);
    fd[0] = other;
    return s;
}

static coroutine void receives_the_reset(int s, size_t some) {
    char buf[16];
    if(some) CHECK_OK(brecv(s, buf, some, -1));
    CHECK_ERR(brecv(s, buf, sizeof(buf), -1), ECONNRESET);
    CHECK_ERR(brecv(s, buf, 1, -1), ECONNRESET);
    note("reset");
}

static int receiver(int s, size_t some) {
    int b = go(receives_the_reset(s, some));
    CHECK_HANDLE(b);
    CHECK_OK(yield());
    return b;
}

/* The system tells of it once, here whoever sends: for the other one the stream must not look
   as if the peer had ended it. */
static void a_send_learns_of_the_reset_first(size_t some, int waits) {
    int fd[2], s = half_raw_pair(fd);
    int b = waits ? receiver(s, some) : -1;
    CHECK_OK(bsend(s, "x", 1, -1));
    CHECK_INT(write(fd[1], "0123456789", some), some);
    /* With something unread. */
    CHECK_OK(close(fd[1]));
    await_reset(fd[0]);
    CHECK_ERR(bsend(s, "y", 1, -1), ECONNRESET);
    if(!waits) b = receiver(s, some);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("reset");
    CHECK_ERR(bsend(s, "y", 1, -1), ECONNRESET);
    CHECK_ERR(tcp_close(s, -1), ECONNRESET);
    CHECK_OK(hclose(b));
}

/* It has ended its stream before it drops the connection, so what it has sent is complete. */
TEST(reset_after_the_end) {
    int fd[2], s = half_raw_pair(fd);
    char buf[3];
    CHECK_OK(bsend(s, "x", 1, -1));
    CHECK_INT(write(fd[1], "abc", 3), 3);
    CHECK_OK(shutdown(fd[1], SHUT_WR));
    CHECK_OK(close(fd[1]));
    await_reset(fd[0]);
    CHECK_ERR(bsend(s, "y", 1, -1), ECONNRESET);
    CHECK_OK(brecv(s, buf, 3, -1));
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    CHECK_OK(hclose(s));
}

TEST(closing_times_out) {
    int s[2];
    char c;
    tcp_pair(s);
    int64_t start = now();
    CHECK_ERR(tcp_close(s[0], start + 10), ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    /* The handle is closed all the same. */
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_ERR(tcp_close(s[0], -1), EBADF);
    CHECK(brecv(s[1], &c, 1, -1) == -1);
    CHECK(errno == EPIPE || errno == ECONNRESET);
    CHECK_OK(hclose(s[1]));
}

static coroutine void accepts(int ls, int err) {
    CHECK_ERR(tcp_accept(ls, NULL, -1), err);
    note("accept");
}

TEST(accepting) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int64_t start = now();
    CHECK_ERR(tcp_accept(ls, NULL, 0), ETIMEDOUT);
    CHECK_ERR(tcp_accept(ls, NULL, start + 10), ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    int b = go(accepts(ls, ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("accept");
    /* None of this has hurt the listener. */
    int cs = tcp_connect(&addr, -1);
    CHECK_HANDLE(cs);
    int as = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(as);
    CHECK_OK(hclose(cs));
    CHECK_OK(hclose(as));
    CHECK_OK(tcp_close(ls, -1));
    CHECK_ERR(hclose(ls), EBADF);
}

static coroutine void receives_until_closed(int s) {
    char c;
    CHECK_ERR(brecv(s, &c, 1, -1), EBADF);
    note("receiver");
}

static coroutine void sends_until_closed(int s) {
    static char junk[1 << 20];
    int rc;
    while((rc = bsend(s, junk, sizeof(junk), -1)) == 0);
    CHECK_INT(rc, -1);
    CHECK_INT(errno, EBADF);
    note("sender");
}

/* A handle closed by one coroutine while others block on it. */
TEST(closed_in_use) {
    struct ipaddr addr;
    int s[2], nfds = count_fds();
    tcp_pair(s);
    int b = go(receives_until_closed(s[0]));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends_until_closed(s[0])));
    /* Until the sender is blocked. */
    CHECK_ERR(bundle_wait(b, now() + 10), ETIMEDOUT);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(strlen(check_notes_), strlen("receiver sender"));
    check_notes_[0] = 0;
    CHECK_OK(hclose(s[1]));
    int ls = loopback_listener(&addr);
    CHECK_OK(bundle_go(b, accepts(ls, EBADF)));
    CHECK_ERR(tcp_accept(ls, NULL, -1), EBUSY);
    CHECK_OK(hclose(ls));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("accept");
    CHECK_INT(count_fds(), nfds);
}

TEST(refused) {
    struct ipaddr addr;
    int nfds = count_fds();
    CHECK_OK(hclose(loopback_listener(&addr)));
    CHECK_ERR(tcp_connect(&addr, -1), ECONNREFUSED);
    struct tcp_storage mem;
    CHECK_ERR(tcp_connect_mem(&addr, &mem, -1), ECONNREFUSED);
    CHECK_INT(count_fds(), nfds);
}

TEST(wrong_handles) {
    struct ipaddr addr;
    char c = 'c';
    int s[2];
    int ls = loopback_listener(&addr), b = bundle();
    CHECK_HANDLE(b);
    tcp_pair(s);
    CHECK_ERR(bsend(ls, &c, 1, -1), ENOTSUP);
    CHECK_ERR(brecv(ls, &c, 1, -1), ENOTSUP);
    CHECK_ERR(tcp_done(ls, -1), ENOTSUP);
    CHECK_ERR(tcp_done(b, -1), ENOTSUP);
    CHECK_ERR(tcp_close(b, -1), ENOTSUP);
    CHECK_ERR(tcp_accept(s[0], NULL, -1), ENOTSUP);
    CHECK_ERR(tcp_accept(b, NULL, -1), ENOTSUP);
    CHECK_ERR(tcp_done(-1, -1), EBADF);
    CHECK_ERR(tcp_close(-1, -1), EBADF);
    CHECK_ERR(tcp_accept(-1, NULL, -1), EBADF);
    CHECK_ERR(bsend(-1, &c, 1, -1), EBADF);
    CHECK_ERR(brecv(-1, &c, 1, -1), EBADF);
    /* Refused calls leave the handle open. */
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(null_pointers) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr), s[2], nfds = count_fds();
    CHECK_ERR(tcp_listen(NULL, 1), EINVAL);
    CHECK_ERR(tcp_listen_mem(&addr, 1, NULL), EINVAL);
    CHECK_ERR(tcp_connect(NULL, -1), EINVAL);
    CHECK_ERR(tcp_connect_mem(&addr, NULL, -1), EINVAL);
    CHECK_ERR(tcp_accept_mem(ls, NULL, NULL, 0), EINVAL);
    CHECK_INT(count_fds(), nfds);
    CHECK_ERR(tcp_accept(ls, NULL, 0), ETIMEDOUT);
    CHECK_OK(hclose(ls));
    tcp_pair(s);
    CHECK_ERR(bsend(s[0], NULL, 1, -1), EINVAL);
    /* It hasn't counted as a failure of the connection. */
    CHECK_OK(bsend(s[0], "abc", 3, -1));
    char c;
    /* Receiving into nothing skips. */
    CHECK_OK(brecv(s[1], NULL, 2, -1));
    CHECK_OK(brecv(s[1], &c, 1, -1));
    CHECK_INT(c, 'c');
    CHECK_OK(bsend(s[0], NULL, 0, -1));
    CHECK_OK(brecv(s[1], NULL, 0, -1));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(sends_learn_of_the_reset_first) {
    for(int waits = 0; waits != 2; ++waits) {
        a_send_learns_of_the_reset_first(0, waits);
        a_send_learns_of_the_reset_first(10, waits);
    }
}
