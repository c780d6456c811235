/* fdin and fdout on pipes and sockets: readiness, timeouts, cancellation,
   hang-ups, waiters in both directions, reuse of descriptor numbers. */

#include <fcntl.h>
#include <sys/socket.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

static void pair(int fds[2]) {
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static void drop(int fd) {
    CHECK_OK(fdclean(fd));
    CHECK_OK(close(fd));
}

static void fill(int fd) {
    static char junk[65536];
    CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    while(write(fd, junk, sizeof(junk)) > 0);
    while(write(fd, junk, 1) > 0);
    CHECK_INT(errno, EAGAIN);
}

static void drain(int fd) {
    static char junk[65536];
    CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    while(read(fd, junk, sizeof(junk)) > 0);
}

TEST(ready_at_once) {
    int fds[2];
    pair(fds);
    CHECK_OK(fdout(fds[0], 0));
    CHECK_OK(fdout(fds[0], -1));
    CHECK_OK(fdout(fds[0], now() + 1000000));
    CHECK_INT(write(fds[1], "x", 1), 1);
    /* Level-triggered: as often as one asks, until it has been read. */
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(fdin(fds[0], 0));
        CHECK_WAITED(fdin(fds[0], -1));
    }
    char c;
    CHECK_INT(read(fds[0], &c, 1), 1);
    CHECK_ERR(fdin(fds[0], 0), ETIMEDOUT);
    drop(fds[0]);
    drop(fds[1]);
}

TEST(timeouts) {
    int fds[2];
    pair(fds);
    int64_t start = now();
    CHECK_ERR(fdin(fds[0], 0), ETIMEDOUT);
    CHECK_ERR(fdin(fds[0], now() - 1), ETIMEDOUT);
    CHECK_INT(now() - start, 0);
    CHECK_ERR(fdin(fds[0], start + 10), ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    fill(fds[0]);
    CHECK_ERR(fdout(fds[0], 0), ETIMEDOUT);
    CHECK_ERR(fdout(fds[0], start + 25), ETIMEDOUT);
    CHECK_INT(now() - start, 25);
    /* After a timeout nothing of it remains: data may come, nobody minds. */
    drain(fds[1]);
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(msleep(start + 30));
    CHECK_OK(fdout(fds[0], 0));
    CHECK_OK(fdin(fds[0], 0));
    drop(fds[0]);
    drop(fds[1]);
}

static coroutine void writes_at(int fd, int64_t when) {
    CHECK_OK(msleep(when));
    CHECK_INT(write(fd, "x", 1), 1);
}

static coroutine void drains_at(int fd, int64_t when) {
    CHECK_OK(msleep(when));
    drain(fd);
}

TEST(woken_by_the_peer) {
    int fds[2];
    pair(fds);
    int64_t start = now();
    int b = go(writes_at(fds[1], start + 10));
    CHECK_HANDLE(b);
    CHECK_WAITED(fdin(fds[0], start + 1000));
    CHECK_INT(now() - start, 10);
    fill(fds[0]);
    CHECK_OK(bundle_go(b, drains_at(fds[1], start + 20)));
    CHECK_WAITED(fdout(fds[0], start + 1000));
    CHECK_INT(now() - start, 20);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    drop(fds[0]);
    drop(fds[1]);
}

static coroutine void waits_in(int fd, int result, int err) {
    CHECK_RESULT(fdin(fd, -1), result, err);
    note("in");
}

static coroutine void waits_out(int fd, int result, int err) {
    CHECK_RESULT(fdout(fd, -1), result, err);
    note("out");
}

TEST(both_directions_at_once) {
    int fds[2];
    pair(fds);
    fill(fds[0]);
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, waits_in(fds[0], 0, 0)));
    CHECK_OK(bundle_go(b, waits_out(fds[0], 0, 0)));
    CHECK_OK(msleep(now() + 1));
    CHECK_NOTES("");
    /* Each is woken by its own event only. */
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(msleep(now() + 1));
    CHECK_NOTES("in");
    drain(fds[1]);
    CHECK_OK(msleep(now() + 1));
    CHECK_NOTES("out");
    CHECK_OK(bundle_wait(b, 0));
    /* In the other order. */
    char c;
    CHECK_INT(read(fds[0], &c, 1), 1);
    fill(fds[0]);
    CHECK_OK(bundle_go(b, waits_in(fds[0], 0, 0)));
    CHECK_OK(bundle_go(b, waits_out(fds[0], 0, 0)));
    drain(fds[1]);
    CHECK_OK(msleep(now() + 1));
    CHECK_NOTES("out");
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(msleep(now() + 1));
    CHECK_NOTES("in");
    CHECK_OK(hclose(b));
    drop(fds[0]);
    drop(fds[1]);
}

static coroutine void is_cancelled(int fd) {
    CHECK_ERR(fdin(fd, -1), ECANCELED);
    CHECK_ERR(fdin(fd, -1), ECANCELED);
    CHECK_ERR(fdout(fd, 0), ECANCELED);
    note("cancelled");
}

TEST(cancelled) {
    int fds[2];
    pair(fds);
    int b = go(is_cancelled(fds[0]));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    /* Its place is free, and a late event finds nobody. */
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(fdin(fds[0], 0));
    drop(fds[0]);
    drop(fds[1]);
}

TEST(hang_ups) {
    int fds[2];
    char c;
    /* A peer that is gone is an event in either direction. */
    pair(fds);
    int b = go(waits_in(fds[0], 0, 0));
    CHECK_HANDLE(b);
    fill(fds[0]);
    CHECK_OK(bundle_go(b, waits_out(fds[0], 0, 0)));
    drop(fds[1]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(strlen(check_notes_), strlen("in out"));
    check_notes_[0] = 0;
    CHECK_OK(fdin(fds[0], -1));
    CHECK_OK(fdout(fds[0], -1));
    drop(fds[0]);
    /* The reading end of a pipe without a writer, the writing end without a
       reader. */
    CHECK_OK(pipe(fds));
    CHECK_OK(bundle_go(b, waits_in(fds[0], 0, 0)));
    CHECK_OK(close(fds[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(read(fds[0], &c, 1), 0);
    drop(fds[0]);
    CHECK_OK(pipe(fds));
    fill(fds[1]);
    CHECK_OK(bundle_go(b, waits_out(fds[1], 0, 0)));
    CHECK_OK(close(fds[0]));
    CHECK_OK(bundle_wait(b, -1));
    drop(fds[1]);
    CHECK_NOTES("in out");
    CHECK_OK(hclose(b));
}

TEST(numbers_that_come_back) {
    for(int i = 0; i != 20; ++i) {
        int fds[2], again[2];
        CHECK_OK(pipe(fds));
        CHECK_ERR(fdin(fds[0], 0), ETIMEDOUT);
        drop(fds[0]);
        drop(fds[1]);
        /* The kernel hands out the lowest number: the same ones. */
        pair(again);
        CHECK_INT(again[0], fds[0]);
        CHECK_ERR(fdin(again[0], 0), ETIMEDOUT);
        CHECK_INT(write(again[1], "x", 1), 1);
        CHECK_OK(fdin(again[0], -1));
        CHECK_OK(fdout(again[0], -1));
        CHECK_ERR(fdin(again[1], 0), ETIMEDOUT);
        drop(again[0]);
        drop(again[1]);
    }
}

/* Many pipes at once: each waiter is woken by its own. */
static coroutine void echoes(int from, int to) {
    char c;
    for(int i = 0; i != 5; ++i) {
        CHECK_OK(fdin(from, -1));
        CHECK_INT(read(from, &c, 1), 1);
        c++;
        CHECK_OK(fdout(to, -1));
        CHECK_INT(write(to, &c, 1), 1);
    }
}

TEST(many_descriptors) {
    enum {N = 100};
    int fds[N + 1][2], b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != N + 1; ++i) CHECK_OK(pipe(fds[i]));
    for(int i = 0; i != N; ++i)
        CHECK_OK(bundle_go(b, echoes(fds[i][0], fds[i + 1][1])));
    for(int i = 0; i != 5; ++i) {
        char c = (char)i;
        CHECK_INT(write(fds[0][1], &c, 1), 1);
        CHECK_OK(fdin(fds[N][0], -1));
        CHECK_INT(read(fds[N][0], &c, 1), 1);
        CHECK_INT(c, (char)(i + N));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    for(int i = 0; i != N + 1; ++i) {
        drop(fds[i][0]);
        drop(fds[i][1]);
    }
}
