/* DILL_INHERIT: which period it is. The nearest one that is running, from the caller's own bundle
   up from owner to owner. */

#include "elapsed.h"

BEFORE_EACH {
    use_virtual_time();
}

static struct chclause request = {CHREQUEST, -1, NULL, 0};

/* Ends its child at `when`, however its own bundle is doing. Which of two timers that are due at
   the same time is first isn't fixed: then it may be cut itself. */
static coroutine void inherits(int64_t when, int err) {
    int b = go(is_cut("child"));
    CHECK_WAITED(msleep(start + when));
    if(err == ETIMEDOUT) {
        CHECK_INT(bundle_cancel(b, DILL_INHERIT), -1);
        CHECK(errno == ETIMEDOUT || errno == ECANCELED);
    }
    else CHECK_ERR(bundle_cancel(b, DILL_INHERIT), err);
    note("inherits@%d", elapsed());
}

/* So many levels above it that know of nothing. */
static coroutine void white(int levels, int64_t when, int err) {
    int b = bundle();
    if(levels) CHECK_OK(bundle_go(b, white(levels - 1, when, err)));
    else CHECK_OK(bundle_go(b, inherits(when, err)));
    bundle_wait(b, -1);
    CHECK_OK(hclose(b));
}

TEST(from_any_level_above) {
    for(int levels = 0; levels != 4; ++levels) {
        start = now();
        int b = go(white(levels, 10, ETIMEDOUT));
        CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
        CHECK_NOTES("child@1000 inherits@1000");
    }
}

/* It begins above during the wait: then it acts by hard cancellation. */
TEST(begins_during_the_wait) {
    for(int levels = 0; levels != 4; ++levels) {
        start = now();
        int b = go(white(levels, 10, ECANCELED));
        CHECK_OK(msleep(start + 500));
        CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
        CHECK_NOTES("child@1500 inherits@1500");
    }
}

static coroutine void inherits_at(int64_t when, int err) {
    int b = go(white(0, 20, err));
    CHECK_WAITED(msleep(start + when));
    CHECK_ERR(bundle_cancel(b, DILL_INHERIT), ECANCELED);
    note("outer@%d", elapsed());
}

/* An owner that has found none itself is no reason to stop: one has begun above meanwhile. */
TEST(a_wait_without_a_period_is_none) {
    start = now();
    int b = go(inherits_at(5, ETIMEDOUT));
    CHECK_OK(msleep(start + 10));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_INT(elapsed(), 110);
    CHECK_NOTES("child@110 inherits@110 outer@110");
}

static coroutine void ends_within(int64_t period, int err) {
    int b = go(white(1, 10, err));
    CHECK_ERR(bundle_cancel(b, period), err);
}

/* The nearest one counts, whether it is shorter or longer than one further up. */
TEST(the_nearest_one) {
    start = now();
    int b = go(ends_within(300, ETIMEDOUT));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("child@300 inherits@300");
    start = now();
    b = go(ends_within(5000, ECANCELED));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_NOTES("child@1000 inherits@1000");
}

static coroutine void leaf(void) {
    int b = go(sleeps(2000, "leaf"));
    CHECK_WAITED(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    note("inherits@%d", elapsed());
}

static coroutine void ends_without_limit(void) {
    int b = go(leaf());
    CHECK_OK(bundle_cancel(b, -1));
}

/* An unlimited period is a period, and ends the search: what is above acts by hard cancellation. */
TEST(an_unlimited_one) {
    start = now();
    int b = go(ends_without_limit());
    CHECK_OK(bundle_cancel(b, 10000));
    CHECK_NOTES("leaf inherits@2000");
}

static coroutine void inherits_when_cut(void) {
    int b = go(is_cut("child"));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_cancel(b, DILL_INHERIT), ECANCELED);
    note("inherits@%d", elapsed());
}

static coroutine void stays(int64_t ms) {
    int64_t end = now() + ms;
    CHECK_ERR(msleep(end), ECANCELED);
    note("stays@%d", elapsed());
}

static coroutine void is_asked_and_inherits(void) {
    int b = go(is_cut("child"));
    CHECK_ERR(choose(&request, 1, -1), ECANCELED);
    CHECK_ERR(bundle_cancel(b, DILL_INHERIT), ECANCELED);
}

/* The caller is hard-cancelled: at once. */
TEST(in_a_cancelled_caller) {
    start = now();
    CHECK_OK(hclose(go(inherits_when_cut())));
    CHECK_NOTES("child@0 inherits@0");
    CHECK_OK(hclose(go(is_asked_and_inherits())));
    CHECK_NOTES("child@0");
}

static int woken[2];

/* Runs after the owner of its bundle was hard-cancelled, and before that one closes it. */
static coroutine void runs_in_between(void) {
    int b = go(is_cut("child"));
    CHECK_ERR(chrecv(woken[0], NULL, 0, -1), EPIPE);
    CHECK_ERR(bundle_cancel(b, DILL_INHERIT), ETIMEDOUT);
    note("inherits@%d", elapsed());
}

static coroutine void owns_it(void) {
    int b = go(runs_in_between());
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(hclose(b));
}

/* A bundle that is being hard-cancelled is a period that has ended: by its deadline... */
TEST(a_bundle_whose_deadline_has_passed) {
    for(int replaced = 0; replaced != 2; ++replaced) {
        start = now();
        CHECK_OK(chmake(woken));
        int b = go(owns_it());
        CHECK_OK(msleep(start + 10));
        CHECK_OK(chdone(woken[1]));
        CHECK_OK(bundle_deadline(b, 0));
        if(replaced) CHECK_OK(bundle_deadline(b, -1));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        CHECK_NOTES("child@10 inherits@10");
        CHECK_OK(hclose(woken[0]));
        CHECK_OK(hclose(woken[1]));
    }
}

/* ...or because it is being closed. */
TEST(a_bundle_that_is_closed) {
    start = now();
    CHECK_OK(chmake(woken));
    int b = go(owns_it());
    CHECK_OK(msleep(start + 10));
    CHECK_OK(chdone(woken[1]));
    CHECK_OK(hclose(b));
    CHECK_NOTES("child@10 inherits@10");
    CHECK_OK(hclose(woken[0]));
    CHECK_OK(hclose(woken[1]));
}

static int handed_over = -1;

static coroutine void leaves_it_behind(void) {
    handed_over = go(white(1, 10, ECANCELED));
}

/* An owner that has ended ends the search: no period, as whoever closes the bundle has the clock. */
TEST(an_owner_that_has_ended) {
    start = now();
    int b = go(leaves_it_behind());
    CHECK_OK(bundle_cancel(b, 5));
    CHECK_OK(msleep(start + 50));
    CHECK_NOTES("");
    CHECK_OK(hclose(handed_over));
    CHECK_NOTES("child@50 inherits@50");
}

static coroutine void takes_over(void) {
    int b = hown(handed_over);
    CHECK_HANDLE(b);
    bundle_wait(b, -1);
    CHECK_OK(hclose(b));
}

/* hown moves the chain to the new owner. */
TEST(a_new_owner) {
    start = now();
    handed_over = go(white(0, 20, ETIMEDOUT));
    int b = go(takes_over());
    CHECK_OK(msleep(start + 10));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_NOTES("child@110 inherits@110");
}

static coroutine void follows_and_inherits(int levels) {
    int b = bundle();
    CHECK_OK(bundle_follow(b));
    if(levels) CHECK_OK(bundle_go(b, follows_and_inherits(levels - 1)));
    else CHECK_OK(bundle_go(b, sleeps(700, "leaf")));
    CHECK_RESULT(choose(&request, 1, -1), 0, 0);
    CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    note("%d@%d", levels, elapsed());
}

/* Through bundles that follow. */
TEST(through_followers) {
    start = now();
    int b = go(follows_and_inherits(3));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("leaf 0@700 1@700 2@700 3@700");
}

/* Asked without a period they wait for their children, whoever stands above. */
TEST(after_a_mere_request) {
    start = now();
    int b = go(follows_and_inherits(3));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("leaf 0@700 1@700 2@700 3@700");
}

static coroutine void in_a_scope(int ch, int64_t deadline, int err) {
    struct cancel_scope sc;
    int b = go(is_cut("child"));
    CHECK_OK(cancel_enter(&sc, ch, deadline));
    if(ch == DILL_REQUEST) CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_cancel(b, DILL_INHERIT), err);
    note("scope@%d", elapsed());
    CHECK_INT(cancel_leave(&sc), -1);
}

/* The deadline of a scope of its own cuts it, as a hard cancellation does; a request does not. */
TEST(in_cancel_scopes) {
    start = now();
    int b = go(in_a_scope(-1, start + 50, ECANCELED));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("child@50 scope@50");
    start = now();
    b = go(in_a_scope(-1, start, ECANCELED));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("child@0 scope@0");
    start = now();
    b = go(in_a_scope(DILL_REQUEST, -1, ETIMEDOUT));
    CHECK_OK(bundle_go(b, stays(2000)));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_NOTES("stays@100 child@100 scope@100");
}
