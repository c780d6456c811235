/* The end of a channel: chdone, closing while others wait, deadlines, errors. */

#include "check.h"

BEFORE_EACH {
    use_virtual_time();
}

static coroutine void sends(int ch, int result, int err) {
    int val = 1;
    CHECK_RESULT(chsend(ch, &val, sizeof(val), -1), result, err);
    note("sender");
}

static coroutine void receives(int ch, int result, int err) {
    int val = 0;
    CHECK_RESULT(chrecv(ch, &val, sizeof(val), -1), result, err);
    note("receiver");
}

static coroutine void chooses(int op, int ch, int err) {
    int val = 0;
    struct chclause cl = {op, ch, &val, sizeof(val)};
    CHECK_RESULT(choose(&cl, 1, -1), 0, err);
    note("chooser");
}

static int b;

static void make(int ch[2]) {
    CHECK_OK(chmake(ch));
    b = bundle();
    CHECK_HANDLE(b);
}

/* Takes the channel away; everybody who waited must have been woken before. */
static void unmake(int ch[2]) {
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(done_ends_one_direction) {
    int ch[2], val = 1;
    make(ch);
    CHECK_OK(chdone(ch[0]));
    for(int i = 0; i != 3; ++i) {
        CHECK_ERR(chrecv(ch[1], &val, sizeof(val), -1), EPIPE);
        CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), EPIPE);
        CHECK_ERR(chrecv(ch[1], NULL, 0, now() + 100), EPIPE);
        /* The side that is done can't send either. */
        CHECK_ERR(chsend(ch[0], &val, sizeof(val), -1), EPIPE);
        CHECK_ERR(chdone(ch[0]), EPIPE);
    }
    /* The other direction is open. */
    CHECK_OK(bundle_go(b, receives(ch[0], 0, 0)));
    CHECK_OK(chsend(ch[1], &val, sizeof(val), -1));
    CHECK_OK(bundle_go(b, sends(ch[1], 0, 0)));
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
    CHECK_OK(yield());
    CHECK_NOTES("receiver sender");
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), EPIPE);
    CHECK_ERR(chsend(ch[1], &val, sizeof(val), -1), EPIPE);
    CHECK_ERR(chdone(ch[1]), EPIPE);
    unmake(ch);
}

TEST(done_wakes_all_who_wait) {
    int ch[2];
    make(ch);
    CHECK_OK(bundle_go(b, receives(ch[1], -1, EPIPE)));
    CHECK_OK(bundle_go(b, chooses(CHRECV, ch[1], EPIPE)));
    CHECK_OK(bundle_go(b, receives(ch[1], -1, EPIPE)));
    CHECK_OK(chdone(ch[0]));
    CHECK_NOTES("");
    CHECK_OK(yield());
    CHECK_NOTES("receiver chooser receiver");
    unmake(ch);
    /* Blocked senders of that side too. */
    make(ch);
    CHECK_OK(bundle_go(b, sends(ch[0], -1, EPIPE)));
    CHECK_OK(bundle_go(b, chooses(CHSEND, ch[0], EPIPE)));
    CHECK_OK(bundle_go(b, sends(ch[0], -1, EPIPE)));
    CHECK_OK(chdone(ch[0]));
    CHECK_OK(yield());
    CHECK_NOTES("sender chooser sender");
    unmake(ch);
}

TEST(done_leaves_the_other_direction_alone) {
    int ch[2], val = 3;
    make(ch);
    CHECK_OK(bundle_go(b, receives(ch[0], 0, 0)));
    CHECK_OK(chdone(ch[0]));
    CHECK_OK(yield());
    CHECK_NOTES("");
    CHECK_OK(chsend(ch[1], &val, sizeof(val), -1));
    CHECK_OK(yield());
    CHECK_NOTES("receiver");
    unmake(ch);
}

static coroutine void producer(int ch) {
    for(int i = 0; i != 10; ++i)
        CHECK_OK(chsend(ch, &i, sizeof(i), -1));
    CHECK_OK(chdone(ch));
}

TEST(done_comes_after_what_was_sent) {
    int ch[2], val;
    make(ch);
    CHECK_OK(bundle_go(b, producer(ch[0])));
    for(int i = 0; i != 10; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        CHECK_INT(val, i);
    }
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), -1), EPIPE);
    unmake(ch);
}

/* One end alone may be closed; waiters are woken when the channel goes. */
TEST(closing_wakes_all_who_wait) {
    for(int first = 0; first != 2; ++first) {
        int ch[2];
        make(ch);
        CHECK_OK(bundle_go(b, receives(ch[1], -1, EPIPE)));
        CHECK_OK(bundle_go(b, chooses(CHRECV, ch[1], EPIPE)));
        CHECK_OK(bundle_go(b, receives(ch[1], -1, EPIPE)));
        CHECK_OK(hclose(ch[first]));
        CHECK_OK(yield());
        CHECK_NOTES("");
        CHECK_OK(hclose(ch[1 - first]));
        CHECK_OK(yield());
        CHECK_OK(bundle_wait(b, 0));
        CHECK_OK(hclose(b));
        CHECK_NOTES("receiver chooser receiver");
        make(ch);
        CHECK_OK(bundle_go(b, sends(ch[0], -1, EPIPE)));
        CHECK_OK(bundle_go(b, chooses(CHSEND, ch[0], EPIPE)));
        CHECK_OK(hclose(ch[first]));
        CHECK_OK(yield());
        CHECK_NOTES("");
        CHECK_OK(hclose(ch[1 - first]));
        CHECK_OK(yield());
        CHECK_OK(bundle_wait(b, 0));
        CHECK_OK(hclose(b));
        CHECK_NOTES("sender chooser");
        /* Waiters on both ends. */
        make(ch);
        CHECK_OK(bundle_go(b, receives(ch[0], -1, EPIPE)));
        CHECK_OK(bundle_go(b, receives(ch[1], -1, EPIPE)));
        CHECK_OK(hclose(ch[first]));
        CHECK_OK(hclose(ch[1 - first]));
        CHECK_OK(yield());
        CHECK_OK(bundle_wait(b, 0));
        CHECK_OK(hclose(b));
        CHECK_NOTES("receiver receiver");
    }
}

TEST(half_closed) {
    int ch[2], val = 0;
    make(ch);
    CHECK_OK(hclose(ch[0]));
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), 0), EBADF);
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 0), EBADF);
    CHECK_ERR(chdone(ch[0]), EBADF);
    CHECK_ERR(hclose(ch[0]), EBADF);
    /* The remaining end just has nobody to talk to. */
    CHECK_ERR(chsend(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), now() + 10), ETIMEDOUT);
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(chdone(ch[1]), EPIPE);
    CHECK_OK(hclose(ch[1]));
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), EBADF);
    CHECK_OK(hclose(b));
}

TEST(deadlines) {
    int ch[2], val = 0;
    make(ch);
    int64_t start = now();
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), now() - 1), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), now() - 1), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 1), ETIMEDOUT);
    CHECK_INT(now() - start, 0);
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), start + 10), ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), start + 25), ETIMEDOUT);
    CHECK_INT(now() - start, 25);
    /* Who has timed out no longer waits: nothing is delivered to it. */
    CHECK_ERR(chsend(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    /* A deadline that has passed doesn't keep a ready operation from success. */
    CHECK_OK(bundle_go(b, sends(ch[1], 0, 0)));
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), 0));
    CHECK_INT(val, 1);
    CHECK_OK(bundle_go(b, receives(ch[1], 0, 0)));
    CHECK_OK(chsend(ch[0], &val, sizeof(val), now() - 1));
    CHECK_OK(yield());
    CHECK_NOTES("sender receiver");
    unmake(ch);
}

static coroutine void sends_at(int ch, int64_t when) {
    int val = 9;
    CHECK_OK(msleep(when));
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

TEST(message_before_the_deadline) {
    int ch[2], val = 0;
    make(ch);
    int64_t start = now();
    CHECK_OK(bundle_go(b, sends_at(ch[0], start + 10)));
    CHECK_WAITED(chrecv(ch[1], &val, sizeof(val), start + 1000));
    CHECK_INT(val, 9);
    CHECK_INT(now() - start, 10);
    CHECK_OK(yield());
    unmake(ch);
}

static coroutine void cancelled(int ch) {
    int val = 0;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), now() + 1000000), ECANCELED);
    CHECK_ERR(chsend(ch, &val, sizeof(val), -1), ECANCELED);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), 0), ECANCELED);
    note("cancelled");
}

TEST(cancelled_waiters_are_gone) {
    int ch[2], val = 0;
    make(ch);
    CHECK_OK(bundle_go(b, cancelled(ch[1])));
    CHECK_OK(bundle_go(b, cancelled(ch[1])));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled cancelled");
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    b = bundle();
    CHECK_HANDLE(b);
    unmake(ch);
}

TEST(moved_handles) {
    int ch[2], val = 6;
    make(ch);
    CHECK_OK(bundle_go(b, receives(ch[1], 0, 0)));
    int moved = hown(ch[1]);
    CHECK_HANDLE(moved);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), EBADF);
    /* The waiter waits on the object, not on the number. */
    CHECK_OK(chsend(ch[0], &val, sizeof(val), 0));
    CHECK_OK(yield());
    CHECK_NOTES("receiver");
    CHECK_OK(bundle_go(b, sends(moved, 0, 0)));
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
    ch[1] = moved;
    CHECK_OK(yield());
    CHECK_NOTES("sender");
    unmake(ch);
}

TEST(bad_arguments) {
    int ch[2], val = 0;
    struct chstorage mem;
    make(ch);
    CHECK_ERR(chmake(NULL), EINVAL);
    CHECK_ERR(chmake_mem(&mem, NULL), EINVAL);
    CHECK_ERR(chmake_mem(NULL, (int[2]){0, 0}), EINVAL);
    CHECK_ERR(chsend(ch[0], NULL, 1, -1), EINVAL);
    CHECK_ERR(chrecv(ch[0], NULL, 1, -1), EINVAL);
    CHECK_ERR(chsend(-1, &val, sizeof(val), -1), EBADF);
    CHECK_ERR(chrecv(-1, &val, sizeof(val), -1), EBADF);
    CHECK_ERR(chdone(-1), EBADF);
    CHECK_ERR(chsend(b, &val, sizeof(val), -1), ENOTSUP);
    CHECK_ERR(chrecv(b, &val, sizeof(val), -1), ENOTSUP);
    CHECK_ERR(chdone(b), ENOTSUP);
    unmake(ch);
}
