/* Bad, busy and unsuitable descriptors. */

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

TEST(no_descriptors) {
    int bad[] = {-1, -2, INT_MIN, INT_MAX, INT_MAX - 1, 1 << 20, 1 << 30, 333};
    for(size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); ++i) {
        CHECK_ERR(fdin(bad[i], -1), EBADF);
        CHECK_ERR(fdout(bad[i], -1), EBADF);
        CHECK_ERR(fdin(bad[i], 0), EBADF);
        CHECK_ERR(fdout(bad[i], now() + 10), EBADF);
        /* There is no state to drop: success, or the same error. */
        errno = 0;
        int rc = fdclean(bad[i]);
        CHECK(rc == 0 || (rc == -1 && errno == EBADF));
    }
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_ERR(fdin(fds[0], -1), EBADF);
    CHECK_ERR(fdout(fds[1], -1), EBADF);
}

static coroutine void waits_in(int fd) {
    CHECK_WAITED(fdin(fd, -1));
    note("in");
}

static coroutine void waits_out(int fd) {
    CHECK_WAITED(fdout(fd, -1));
    note("out");
}

TEST(busy) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int b = go(waits_in(fds[0]));
    CHECK_HANDLE(b);
    CHECK_ERR(fdin(fds[0], -1), EBUSY);
    CHECK_ERR(fdin(fds[0], 0), EBUSY);
    CHECK_ERR(fdin(fds[0], now() + 10), EBUSY);
    CHECK_ERR(fdclean(fds[0]), EBUSY);
    /* The other direction is free. */
    CHECK_OK(fdout(fds[0], -1));
    CHECK_ERR(fdclean(fds[0]), EBUSY);
    /* And the waiter hasn't been disturbed. */
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("in");
    CHECK_OK(fdclean(fds[0]));
    /* The same for writing. */
    static char junk[65536];
    CHECK_OK(fcntl(fds[0], F_SETFL, O_NONBLOCK));
    while(write(fds[0], junk, sizeof(junk)) > 0);
    while(write(fds[0], junk, 1) > 0);
    CHECK_OK(bundle_go(b, waits_out(fds[0])));
    CHECK_ERR(fdout(fds[0], -1), EBUSY);
    CHECK_ERR(fdout(fds[0], 0), EBUSY);
    CHECK_ERR(fdclean(fds[0]), EBUSY);
    CHECK_OK(fdin(fds[0], -1));
    CHECK_OK(fcntl(fds[1], F_SETFL, O_NONBLOCK));
    while(read(fds[1], junk, sizeof(junk)) > 0);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("out");
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(fdclean(fds[1]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* A regular file is always ready and epoll won't take it. */
TEST(regular_file) {
    FILE *f = tmpfile();
    CHECK(f);
    CHECK_ERR(fdin(fileno(f), -1), ENOTSUP);
    CHECK_ERR(fdout(fileno(f), 0), ENOTSUP);
    for(int op = CHFDIN; op <= CHFDOUT; ++op) {
        struct chclause cl = {op, fileno(f), NULL, 0};
        CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    }
    CHECK_OK(fdclean(fileno(f)));
    CHECK_OK(fclose(f));
}

/* The limit on descriptors may be raised while the program runs: nothing may be
   sized by what it was at the first call, which is the one in here. */
TEST(raised_limit) {
    struct rlimit old, lim;
    int fds[2];
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    if(old.rlim_cur < 600 && old.rlim_max < 600) return;
    CHECK_OK(pipe(fds));
    lim = old;
    lim.rlim_cur = 64;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &lim));
    CHECK_OK(fdout(fds[1], 0));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
    int high = fcntl(fds[1], F_DUPFD, 500);
    CHECK(high >= 500);
    CHECK_OK(fdout(high, 0));
    CHECK_OK(fdclean(high));
    CHECK_OK(close(high));
    CHECK_OK(fdclean(fds[1]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}
