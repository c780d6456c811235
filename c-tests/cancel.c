/* bundle_cancel: each way it can end, what the members see, and when. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

/* Ends ms after it has heard the request. */
static coroutine void ends_after(int ch, int64_t ms, const char *name) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_WAITED(msleep(now() + ms));
    note("%s", name);
}

static void channel_of(int b, int ch[2]) {
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
}

static void close_both(int ch[2]) {
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(all_end_by_themselves) {
    int ch[2], b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, ends_after(ch[1], 20, "w20")));
    CHECK_OK(bundle_go(b, ends_after(ch[1], 10, "w10")));
    CHECK_OK(bundle_go(b, sleeps(15, "s15")));
    int64_t start = now();
    CHECK_WAITED(bundle_cancel(b, 1000));
    /* It has waited for the last and not longer. */
    CHECK_INT(now() - start, 20);
    CHECK_NOTES("w10 s15 w20");
    CHECK_ERR(hclose(b), EBADF);
    close_both(ch);
}

TEST(the_period_ends) {
    int ch[2], b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, ends_after(ch[1], 50, "in time")));
    CHECK_OK(bundle_go(b, blocks("cut1")));
    CHECK_OK(bundle_go(b, blocks("cut2")));
    int64_t start = now();
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_INT(now() - start, 100);
    CHECK_NOTES("in time cut1 cut2");
    CHECK_ERR(hclose(b), EBADF);
    CHECK_ERR(bundle_cancel(b, 0), EBADF);
    close_both(ch);
}

TEST(ends_at_the_last_moment) {
    /* The member's timer was set before the one of the period. */
    int b = go(sleeps(100, "done"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("done");
    /* One millisecond less isn't enough. */
    b = go(blocks("cut"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sleeps(99, "99")));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_NOTES("99 cut");
}

TEST(without_limit) {
    int64_t day = 24 * 3600 * 1000, start = now();
    int b = go(sleeps(day, "a day"));
    CHECK_HANDLE(b);
    CHECK_WAITED(bundle_cancel(b, -1));
    CHECK_INT(now() - start, day);
    CHECK_NOTES("a day");
    /* The longest period there is doesn't overflow. */
    b = go(sleeps(day, "again"));
    CHECK_HANDLE(b);
    CHECK_WAITED(bundle_cancel(b, INT64_MAX));
    CHECK_NOTES("again");
}

TEST(at_once) {
    int ch[2], val, b = bundle();
    CHECK_HANDLE(b);
    channel_of(b, ch);
    int64_t start = now();
    CHECK_OK(bundle_go(b, blocks("a")));
    CHECK_OK(bundle_go(b, blocks("b")));
    /* As hclose: 0 although members had to be cancelled, and no request. */
    CHECK_OK(bundle_cancel(b, 0));
    CHECK_INT(now() - start, 0);
    CHECK_NOTES("a b");
    CHECK_ERR(hclose(b), EBADF);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    close_both(ch);
}

TEST(empty_bundles) {
    int64_t periods[] = {0, -1, 100, INT64_MAX, DILL_INHERIT};
    int64_t start = now();
    for(int i = 0; i != 5; ++i) {
        int ch[2], val, b = bundle();
        CHECK_HANDLE(b);
        channel_of(b, ch);
        CHECK_OK(bundle_cancel(b, periods[i]));
        CHECK_ERR(hclose(b), EBADF);
        /* Nobody was asked, so the channel isn't done. */
        CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
        close_both(ch);
        /* A bundle whose members have finished is empty too. */
        b = go(finishes());
        CHECK_HANDLE(b);
        CHECK_OK(bundle_cancel(b, periods[i]));
    }
    CHECK_INT(now() - start, 0);
}

/* The storage of a bundle is free again afterwards. */
TEST(user_storage) {
    static struct bundle_storage mem;
    for(int i = 0; i != 3; ++i) {
        memset(&mem, 0x5a, sizeof(mem));
        int ch[2], b = bundle_mem(&mem);
        CHECK_HANDLE(b);
        channel_of(b, ch);
        CHECK_OK(bundle_go(b, ends_after(ch[1], 10, "w")));
        CHECK_OK(bundle_go(b, blocks("cut")));
        CHECK_ERR(bundle_cancel(b, 20), ETIMEDOUT);
        CHECK_NOTES("w cut");
        memset(&mem, 0xa5, sizeof(mem));
        close_both(ch);
    }
}

/* In the grace period nothing is disturbed: every blocking call works. */
static coroutine void works_on(int ch, int to) {
    int val, rc;
    while((rc = chrecv(ch, &val, sizeof(val), -1)) == 0);
    CHECK_INT(errno, EPIPE);
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(yield());
        CHECK_WAITED(msleep(now() + 10));
        CHECK_OK(chsend(to, &i, sizeof(i), -1));
    }
    int b = go(sleeps(5, "child"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    note("worker");
}

static coroutine void collects(int ch) {
    int val;
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
        note("%d", val);
    }
}

TEST(nothing_is_disturbed) {
    int ch[2], results[2], b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(results));
    channel_of(b, ch);
    CHECK_OK(bundle_go(b, works_on(ch[1], results[0])));
    int c = go(collects(results[1]));
    CHECK_HANDLE(c);
    CHECK_WAITED(bundle_cancel(b, 1000));
    CHECK_NOTES("0 1 2 child worker");
    CHECK_OK(bundle_wait(c, -1));
    CHECK_OK(hclose(c));
    close_both(ch);
    close_both(results);
}

/* The caller is hard-cancelled while it waits: what is left goes with it. */
static coroutine void is_cancelled_too(int b, int64_t timeout) {
    CHECK_ERR(bundle_cancel(b, timeout), ECANCELED);
    note("canceller");
    CHECK_ERR(hclose(b), EBADF);
}

TEST(caller_cancelled_while_waiting) {
    int64_t periods[] = {1000, -1, INT64_MAX};
    for(int i = 0; i != 3; ++i) {
        int b = go(blocks("member"));
        CHECK_HANDLE(b);
        int c = go(is_cancelled_too(b, periods[i]));
        CHECK_HANDLE(c);
        int64_t start = now();
        CHECK_OK(msleep(start + 10));
        CHECK_OK(hclose(c));
        CHECK_INT(now() - start, 10);
        CHECK_NOTES("member canceller");
        CHECK_ERR(hclose(b), EBADF);
    }
}

static coroutine void cancelled_before(int b, int64_t timeout) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_cancel(b, timeout), ECANCELED);
    note("canceller");
    CHECK_ERR(hclose(b), EBADF);
}

TEST(caller_cancelled_before) {
    int64_t periods[] = {1000, -1};
    for(int i = 0; i != 2; ++i) {
        int ch[2], val, b = bundle();
        CHECK_HANDLE(b);
        channel_of(b, ch);
        CHECK_OK(bundle_go(b, blocks("member")));
        int c = go(cancelled_before(b, periods[i]));
        CHECK_HANDLE(c);
        int64_t start = now();
        CHECK_OK(hclose(c));
        CHECK_INT(now() - start, 0);
        CHECK_NOTES("member canceller");
        /* There was no request. */
        CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
        close_both(ch);
    }
}

static coroutine void hard_when_cancelled(int b) {
    CHECK_ERR(msleep(-1), ECANCELED);
    /* Period 0 is hclose: it succeeds in a cancelled coroutine as well. */
    CHECK_OK(bundle_cancel(b, 0));
    note("canceller");
}

TEST(at_once_in_a_cancelled_coroutine) {
    int b = go(blocks("member"));
    CHECK_HANDLE(b);
    int c = go(hard_when_cancelled(b));
    CHECK_HANDLE(c);
    CHECK_OK(hclose(c));
    CHECK_NOTES("member canceller");
    CHECK_ERR(hclose(b), EBADF);
}

/* A member that takes long to clean up after its hard cancellation is awaited. */
static coroutine void owns_slow_child(void) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(b, blocks("grandchild")));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(hclose(b));
    note("member");
}

TEST(cut_members_are_awaited) {
    int b = go(owns_slow_child());
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 10), ETIMEDOUT);
    CHECK_NOTES("grandchild grandchild grandchild member");
}
