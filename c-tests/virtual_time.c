/* DILL_CLOCK=virtual: when nothing is ready, time jumps to the next timer. An
   hour costs nothing; descriptors that are ready come before any jump. */

#include <sys/socket.h>
#include <time.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

static double real_seconds(void) {
    struct timespec ts;
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &ts));
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static const int64_t hour = 3600 * 1000;

TEST(hours_take_no_time) {
    double before = real_seconds();
    int64_t start = now();
    CHECK(start > 0);
    for(int i = 1; i <= 1000; ++i) {
        CHECK_OK(msleep(start + i * hour));
        CHECK_INT(now() - start, i * hour);
    }
    CHECK(real_seconds() - before < 5);
}

TEST(time_stands_still_otherwise) {
    int64_t start = now();
    double before = real_seconds();
    while(real_seconds() - before < 0.02) CHECK_INT(now() - start, 0);
    for(int i = 0; i != 1000; ++i) CHECK_OK(yield());
    CHECK_INT(now() - start, 0);
}

static coroutine void busy(int *running) {
    while(*running) CHECK_OK(yield());
}

static coroutine void stops(int *running, int turns) {
    while(turns--) CHECK_OK(yield());
    *running = 0;
}

TEST(no_jump_while_anybody_is_ready) {
    int running = 1;
    int64_t start = now();
    int b = go(busy(&running));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, stops(&running, 5000)));
    CHECK_OK(msleep(start + 1));
    CHECK_INT(running, 0);
    CHECK_INT(now() - start, 1);
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(hclose(b));
}

TEST(ready_descriptors_come_first) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int64_t start = now();
    CHECK_WAITED(fdout(fds[0], start + hour));
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_WAITED(fdin(fds[0], start + 1));
    CHECK_INT(now() - start, 0);
    char c;
    CHECK_INT(read(fds[0], &c, 1), 1);
    CHECK_ERR(fdin(fds[0], start + hour), ETIMEDOUT);
    CHECK_INT(now() - start, hour);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(fds[i]));
        CHECK_OK(close(fds[i]));
    }
}

static coroutine void writes_at(int fd, int64_t when) {
    CHECK_OK(msleep(when));
    CHECK_INT(write(fd, "x", 1), 1);
}

TEST(timers_and_descriptors_together) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int64_t start = now();
    int b = go(writes_at(fds[1], start + hour));
    CHECK_HANDLE(b);
    /* The wait ends at the very time of the write. */
    CHECK_WAITED(fdin(fds[0], start + hour + 1));
    CHECK_INT(now() - start, hour);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(fds[i]));
        CHECK_OK(close(fds[i]));
    }
}

static coroutine void worker(int ch, int64_t start) {
    int val;
    for(int i = 1; ; ++i) {
        int rc = chrecv(ch, &val, sizeof(val), now() + 10 * 1000);
        if(rc == 0) {
            note("%d@%d", val, (int)((now() - start) / 1000));
            continue;
        }
        if(errno == ETIMEDOUT) {
            note("idle@%d", (int)((now() - start) / 1000));
            continue;
        }
        CHECK_INT(errno, EPIPE);
        note("end@%d", (int)((now() - start) / 1000));
        return;
    }
}

TEST(a_timetable) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int64_t start = now();
    int b = go(worker(ch[1], start));
    CHECK_HANDLE(b);
    int at[] = {5, 14, 30};
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(msleep(start + at[i] * 1000));
        CHECK_OK(chsend(ch[0], &i, sizeof(i), -1));
    }
    CHECK_OK(msleep(start + 33 * 1000));
    CHECK_OK(chdone(ch[0]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("0@5 1@14 idle@24 2@30 end@33");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void sleeps_for_ever(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    note("cancelled");
}

/* There is no deadline that does not come. Last, as there is no time after it. */
TEST(the_end_of_time) {
    int64_t deadlines[] = {INT64_C(1) << 44, INT64_C(1) << 50, INT64_MAX - 1};
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(msleep(deadlines[i]));
        CHECK_INT(now(), deadlines[i]);
    }
    int b = go(sleeps_for_ever());
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, INT64_MAX), ETIMEDOUT);
    CHECK_NOTES("cancelled");
    CHECK_INT(now(), INT64_MAX);
}
