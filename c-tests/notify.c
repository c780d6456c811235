/* bundle_notify: a graceful request arrives in band, on channels. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

static int b;

static void make(int ch[2]) {
    b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
}

static void close_both(int ch[2]) {
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void worker(int ch) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0) {
        CHECK_OK(msleep(now() + 10));
        note("%d", val);
    }
    CHECK_INT(errno, EPIPE);
    note("end");
}

TEST(after_all_that_was_sent) {
    int ch[2];
    make(ch);
    CHECK_OK(bundle_go(b, worker(ch[1])));
    for(int i = 0; i != 4; ++i) CHECK_OK(chsend(ch[0], &i, sizeof(i), -1));
    /* The last message has been taken but not been worked on. */
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("0 1 2 3 end");
    /* On the channel it is as after chdone. */
    int val = 0;
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), -1), EPIPE);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), -1), EPIPE);
    CHECK_ERR(chdone(ch[0]), EPIPE);
    CHECK_ERR(chsend(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    close_both(ch);
}

static coroutine void sender(int ch) {
    int val = 1;
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
    CHECK_ERR(chsend(ch, &val, sizeof(val), -1), EPIPE);
    note("refused");
}

static coroutine void slow_worker(int ch) {
    int val;
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    CHECK_OK(msleep(now() + 50));
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    note("end");
}

/* A send that had not been taken fails: the sender knows, nothing is lost. */
TEST(blocked_senders) {
    int ch[2];
    make(ch);
    CHECK_OK(bundle_go(b, slow_worker(ch[1])));
    int s = go(sender(ch[0]));
    CHECK_HANDLE(s);
    CHECK_OK(yield());
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("refused end");
    CHECK_OK(hclose(s));
    close_both(ch);
}

static coroutine void waits(int ch, const char *name) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    note("%s", name);
}

TEST(several_channels) {
    int ch[5][2];
    b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 5; ++i) {
        CHECK_OK(chmake(ch[i]));
        CHECK_OK(bundle_notify(b, ch[i][0]));
    }
    /* Three receivers on one, one on each other, and one outside the bundle. */
    CHECK_OK(bundle_go(b, waits(ch[0][1], "a")));
    CHECK_OK(bundle_go(b, waits(ch[0][1], "b")));
    CHECK_OK(bundle_go(b, waits(ch[0][1], "c")));
    CHECK_OK(bundle_go(b, waits(ch[1][1], "d")));
    CHECK_OK(bundle_go(b, waits(ch[2][1], "e")));
    int o = go(waits(ch[3][1], "outside"));
    CHECK_HANDLE(o);
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_OK(bundle_wait(o, -1));
    CHECK_NOTES("a b c d e outside");
    CHECK_OK(hclose(o));
    int val;
    CHECK_ERR(chrecv(ch[4][1], &val, sizeof(val), -1), EPIPE);
    for(int i = 0; i != 5; ++i) close_both(ch[i]);
}

static coroutine void chooser(int work, int stop) {
    int val;
    struct chclause cls[] = {
        {CHRECV, work, &val, sizeof(val)},
        {CHRECV, stop, &val, sizeof(val)}
    };
    while(1) {
        int id = choose(cls, 2, -1);
        if(id == 1) break;
        CHECK_INT(id, 0);
        CHECK_INT(errno, 0);
        note("%d", val);
    }
    CHECK_INT(errno, EPIPE);
    note("stop");
}

TEST(inside_choose) {
    int ch[2], work[2];
    make(ch);
    CHECK_OK(chmake(work));
    CHECK_OK(bundle_go(b, chooser(work[1], ch[1])));
    for(int i = 0; i != 3; ++i) CHECK_OK(chsend(work[0], &i, sizeof(i), -1));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("0 1 2 stop");
    close_both(ch);
    close_both(work);
}

static coroutine void hard(int ch) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
    note("hard");
}

TEST(no_request_without_grace) {
    int ch[2], val;
    for(int i = 0; i != 2; ++i) {
        make(ch);
        CHECK_OK(bundle_go(b, hard(ch[1])));
        CHECK_OK(i == 0 ? bundle_cancel(b, 0) : hclose(b));
        CHECK_NOTES("hard");
        CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
        CHECK_OK(chdone(ch[0]));
        close_both(ch);
    }
}

TEST(closing_unregisters) {
    int ch[2], other[2], val;
    make(ch);
    CHECK_OK(chmake(other));
    CHECK_OK(bundle_notify(b, other[0]));
    CHECK_OK(bundle_go(b, sleeps(10, "slept")));
    int number = ch[0];
    close_both(ch);
    /* A later channel with the same number isn't registered. */
    int n = 0;
    do {
        if(n) close_both(ch);
        CHECK_OK(chmake(ch));
        CHECK(++n < 100000);
    } while(ch[0] != number && ch[1] != number);
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("slept");
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_OK(chdone(ch[0]));
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(chrecv(other[1], &val, sizeof(val), -1), EPIPE);
    close_both(ch);
    close_both(other);
}

TEST(closing_one_end_only) {
    int ch[2], val;
    /* The other end: the registration stays. */
    make(ch);
    CHECK_OK(bundle_go(b, sleeps(10, "slept")));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_ERR(chdone(ch[0]), EPIPE);
    CHECK_OK(hclose(ch[0]));
    /* The registered end: nothing is done to the channel. */
    make(ch);
    CHECK_OK(bundle_go(b, sleeps(10, "slept")));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_OK(hclose(ch[1]));
    CHECK_NOTES("slept slept");
}

TEST(the_channel_outlives_the_bundle) {
    static struct chstorage mem;
    int ch[2], val;
    b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake_mem(&mem, ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(hclose(b));
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    /* It can be registered with the next one, and the memory be used again. */
    b = go(sleeps(10, "slept"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_notify(b, ch[0]));
    close_both(ch);
    memset(&mem, 0x5a, sizeof(mem));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("slept");
}

static coroutine void registers_late(int ch[2]) {
    int val;
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bundle_notify(b, ch[0]));
    /* The request had been delivered: it takes effect at once. */
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), EPIPE);
    note("late");
}

TEST(after_the_request) {
    int ch[2];
    CHECK_OK(chmake(ch));
    b = go(registers_late(ch));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("late");
    close_both(ch);
}

/* Whoever waits already is woken by a registration that comes late. */
static coroutine void registers_late_for_a_waiter(int ch[2]) {
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(msleep(now() + 10));
    note("late");
}

TEST(after_the_request_with_a_waiter) {
    int ch[2];
    CHECK_OK(chmake(ch));
    b = go(registers_late_for_a_waiter(ch));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, waits(ch[1], "waiter")));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("waiter late");
    close_both(ch);
}

TEST(done_before_the_request) {
    int ch[2], val;
    make(ch);
    CHECK_OK(bundle_go(b, sleeps(10, "slept")));
    CHECK_OK(chdone(ch[0]));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("slept");
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), EPIPE);
    close_both(ch);
}

TEST(moved_handles) {
    int ch[2], val;
    make(ch);
    CHECK_OK(bundle_go(b, sleeps(10, "slept")));
    ch[0] = hown(ch[0]);
    CHECK_HANDLE(ch[0]);
    b = hown(b);
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("slept");
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), EPIPE);
    close_both(ch);
}

TEST(bad_handles) {
    int ch[2];
    make(ch);
    CHECK_ERR(bundle_notify(-1, ch[0]), EBADF);
    CHECK_ERR(bundle_notify(b, -1), EBADF);
    CHECK_ERR(bundle_notify(1000000, ch[0]), EBADF);
    CHECK_ERR(bundle_notify(ch[1], ch[0]), ENOTSUP);
    CHECK_ERR(bundle_notify(b, b), ENOTSUP);
    CHECK_OK(hclose(b));
    CHECK_ERR(bundle_notify(b, ch[0]), EBADF);
    close_both(ch);
    b = bundle();
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_notify(b, ch[0]), EBADF);
    CHECK_OK(hclose(b));
}
