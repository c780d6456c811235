/* The same thing in several clauses of one choose: the first of them waits for all. */

#include <sys/socket.h>

#include "coroutines.h"

ALL_TESTS(BOTH_POLLERS)

static coroutine void writes(int fd, char byte) {
    CHECK_OK(yield());
    CHECK_INT(write(fd, &byte, 1), 1);
}

static void reads(int fd, char expected) {
    char byte;
    CHECK_INT(read(fd, &byte, 1), 1);
    CHECK_INT(byte, expected);
}

TEST(descriptors) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    struct chclause cls[] = {
        {CHFDIN, fds[0], NULL, 0},
        {CHFDIN, fds[0], NULL, 0},
        {CHFDIN, fds[0], NULL, 0}
    };
    CHECK_ERR(choose(cls, 3, 0), ETIMEDOUT);
    CHECK_ERR(choose(cls, 3, now() + 10), ETIMEDOUT);
    for(int i = 0; i != 3; ++i) {
        int b = go(writes(fds[1], 'a'));
        CHECK_RESULT(choose(cls, 3, -1), 0, 0);
        CHECK_RESULT(choose(cls, 3, -1), 0, 0);
        reads(fds[0], 'a');
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    /* Nobody waits for it any more. */
    CHECK_ERR(fdin(fds[0], now() + 10), ETIMEDOUT);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* Both directions, and one of them twice. */
TEST(directions) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    struct chclause cls[] = {
        {CHFDIN, fds[0], NULL, 0},
        {CHFDOUT, fds[0], NULL, 0},
        {CHFDIN, fds[0], NULL, 0},
        {CHFDOUT, fds[0], NULL, 0}
    };
    CHECK_RESULT(choose(cls, 4, -1), 1, 0);
    char bytes[65536] = {0};
    while(send(fds[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0) continue;
    CHECK_INT(errno, EAGAIN);
    CHECK_ERR(choose(cls, 4, now() + 10), ETIMEDOUT);
    int b = go(writes(fds[1], 'b'));
    CHECK_RESULT(choose(cls, 4, -1), 0, 0);
    reads(fds[0], 'b');
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static coroutine void is_refused(int fd, int peer) {
    struct chclause cls[] = {{CHFDIN, fd, NULL, 0}, {CHFDIN, fd, NULL, 0}};
    CHECK_OK(msleep(now() + 1));
    CHECK_RESULT(choose(cls, 2, -1), 0, EBUSY);
    note("refused");
    CHECK_INT(write(peer, "c", 1), 1);
}

/* Another coroutine is still refused. */
TEST(others_are_refused) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    struct chclause cls[] = {{CHFDIN, fds[0], NULL, 0}, {CHFDIN, fds[0], NULL, 0}};
    int b = go(is_refused(fds[0], fds[1]));
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("refused");
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static coroutine void sends_byte(int s, char byte) {
    CHECK_OK(yield());
    CHECK_OK(bsend(s, &byte, 1, -1));
}

TEST(sockets) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    struct chclause cls[] = {{CHSOCK, s[0], NULL, 0}, {CHSOCK, s[0], NULL, 0}};
    CHECK_ERR(choose(cls, 2, now() + 10), ETIMEDOUT);
    for(int i = 0; i != 3; ++i) {
        char byte;
        int b = go(sends_byte(s[1], 'd'));
        CHECK_RESULT(choose(cls, 2, -1), 0, 0);
        CHECK_RESULT(choose(cls, 2, -1), 0, 0);
        CHECK_OK(brecv(s[0], &byte, 1, -1));
        CHECK_INT(byte, 'd');
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void connects(int port) {
    struct ipaddr addr;
    CHECK_OK(yield());
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", port, 0));
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
}

TEST(listeners) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, 0));
    int ls = tcp_listen(&addr, 10);
    CHECK_HANDLE(ls);
    struct chclause cls[] = {{CHSOCK, ls, NULL, 0}, {CHSOCK, ls, NULL, 0}};
    CHECK_ERR(choose(cls, 2, now() + 10), ETIMEDOUT);
    int b = go(connects(ipaddr_port(&addr)));
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    int s = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(s);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(ls));
}

TEST(bundles) {
    int b = go(sleeps(5, NULL));
    struct chclause cls[] = {{CHBUNDLE, b, NULL, 0}, {CHBUNDLE, b, NULL, 0}};
    CHECK_ERR(choose(cls, 2, 0), ETIMEDOUT);
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_OK(hclose(b));
}
