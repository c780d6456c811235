/* dill_deadline: the nearest of all deadlines that are on the caller, wherever they come from.
   dill_left: the period until one. */

#include "check.h"

#include <pthread.h>

static int64_t start;

BEFORE_EACH {
    use_virtual_time();
    start = now();
}

/* The caller's deadline, from the beginning of the test; -1 if there is none. */
static int64_t deadline_here(void) {
    int64_t deadline = dill_deadline();
    return deadline < 0 ? deadline : deadline - start;
}

static coroutine void finds(int64_t expected) {
    CHECK_INT(deadline_here(), expected);
}

TEST(main_has_none) {
    CHECK_INT(dill_deadline(), -1);
    int b = go(finds(-1));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
}

TEST(scopes) {
    struct cancel_scope outer, inner, shield, innermost;
    CHECK_OK(cancel_enter(&outer, -1, start + 100));
    CHECK_INT(deadline_here(), 100);
    CHECK_OK(cancel_enter(&inner, -1, start + 300));
    CHECK_INT(deadline_here(), 100);
    /* What is outside does not interrupt inside. */
    CHECK_OK(cancel_enter(&shield, DILL_SHIELD, -1));
    CHECK_INT(deadline_here(), -1);
    CHECK_OK(cancel_enter(&innermost, DILL_REQUEST, start + 500));
    CHECK_INT(deadline_here(), 500);
    CHECK_OK(cancel_leave(&innermost));
    CHECK_OK(cancel_leave(&shield));
    CHECK_INT(deadline_here(), 100);
    CHECK_OK(cancel_leave(&inner));
    CHECK_OK(cancel_leave(&outer));
    CHECK_INT(deadline_here(), -1);

    CHECK_OK(cancel_enter(&shield, DILL_SHIELD, start + 700));
    CHECK_INT(deadline_here(), 700);
    CHECK_OK(cancel_leave(&shield));
}

/* A deadline that has passed is one, whatever else has fired the scope. */
TEST(scopes_whose_deadlines_have_passed) {
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, -1, start + 50));
    CHECK_ERR(msleep(start + 100), ECANCELED);
    CHECK_INT(deadline_here(), 50);
    CHECK_INT(dill_left(dill_deadline()), 0);
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);

    CHECK_OK(cancel_enter(&scope, -1, start - 10));
    CHECK_INT(dill_left(dill_deadline()), 0);
    CHECK(dill_deadline() >= start);
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);

    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(cancel_enter(&scope, ch[0], now() + 50));
    CHECK_OK(chdone(ch[1]));
    CHECK_INT(deadline_here(), 100);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
}

static coroutine void finds_at(int64_t when, int64_t expected) {
    CHECK_OK(msleep(when));
    CHECK_INT(deadline_here(), expected);
}

TEST(the_deadline_of_the_bundle) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 1000));
    CHECK_OK(bundle_go(b, finds(1000)));
    /* It is that of the members, not of the owner. */
    CHECK_INT(deadline_here(), -1);
    CHECK_OK(bundle_go(b, finds_at(start + 10, 2000)));
    CHECK_OK(bundle_deadline(b, start + 2000));
    CHECK_OK(msleep(start + 20));
    CHECK_OK(bundle_go(b, finds_at(start + 30, -1)));
    CHECK_OK(bundle_deadline(b, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

TEST(the_period_that_runs) {
    int b = bundle();
    CHECK_OK(bundle_go(b, finds(-1)));
    CHECK_OK(bundle_go(b, finds_at(start + 10, 1000)));
    CHECK_OK(bundle_cancel(b, 1000));

    b = bundle();
    CHECK_OK(bundle_go(b, finds_at(now() + 10, -1)));
    CHECK_OK(bundle_cancel(b, -1));
}

/* The end of a scope of the one that waits is an end of the period. */
TEST(a_scope_around_the_period) {
    struct cancel_scope scope;
    int b = bundle();
    CHECK_OK(bundle_go(b, finds_at(start + 10, 700)));
    CHECK_OK(cancel_enter(&scope, -1, start + 700));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_OK(cancel_leave(&scope));

    b = bundle();
    CHECK_OK(bundle_go(b, finds_at(now() + 10, 700)));
    CHECK_OK(cancel_enter(&scope, -1, start + 700));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_OK(cancel_leave(&scope));

    /* While the owner doesn't end the bundle, its scopes are its own business. */
    b = bundle();
    CHECK_OK(cancel_enter(&scope, -1, start + 700));
    CHECK_OK(bundle_go(b, finds_at(now() + 10, -1)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(cancel_leave(&scope));
    CHECK_OK(hclose(b));
}

/* A member of a bundle in a bundle in a bundle. */
static coroutine void nests(int depth, int64_t own, int64_t expected) {
    if(depth == 0) {
        CHECK_OK(msleep(start + 10));
        CHECK_INT(deadline_here(), expected);
        return;
    }
    int b = bundle();
    CHECK_HANDLE(b);
    if(own >= 0) CHECK_OK(bundle_deadline(b, start + own));
    CHECK_OK(bundle_go(b, nests(depth - 1, -1, expected)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

TEST(up_the_tree) {
    int b = go(nests(3, 400, 400));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 1000));

    start = now();
    b = go(nests(3, 4000, 1000));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 1000));

    start = now();
    b = go(nests(3, 4000, 500));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, start + 500));
    CHECK_OK(bundle_cancel(b, 1000));
}

static int orphan = -1;

static coroutine void leaves_behind(void) {
    orphan = bundle();
    CHECK_OK(bundle_deadline(orphan, start + 300));
    CHECK_OK(bundle_go(orphan, finds_at(start + 50, 300)));
}

/* What stood above an owner that has ended is over. */
TEST(no_owner_any_more) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 200));
    CHECK_OK(bundle_go(b, leaves_behind()));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(bundle_wait(orphan, -1));
    CHECK_OK(hclose(orphan));
}

static coroutine void hands_up(int *handle) {
    *handle = bundle();
    CHECK_OK(bundle_go(*handle, finds_at(start + 10, 100)));
    CHECK_OK(bundle_go(*handle, finds_at(start + 30, -1)));
    CHECK_OK(msleep(start + 20));
}

/* hown moves the bundle to beneath the new owner. */
TEST(another_owner) {
    int handle;
    int b = go(hands_up(&handle));
    CHECK_OK(bundle_deadline(b, start + 100));
    CHECK_OK(msleep(start + 15));
    handle = hown(handle);
    CHECK_HANDLE(handle);
    CHECK_OK(bundle_wait(handle, -1));
    CHECK_OK(hclose(handle));
    CHECK_OK(hclose(b));
}

static coroutine void finds_now_when_cancelled(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(dill_deadline(), now());
    CHECK_INT(dill_left(dill_deadline()), 0);
    /* With a margin, too: it must not become a period without limit. */
    CHECK_INT(dill_left(dill_deadline() - 500), 0);
}

static coroutine void owns_while_cancelled(void) {
    int b = go(finds_at(now() + 1, -1));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(dill_left(dill_deadline()), 0);
    CHECK_OK(hclose(b));
}

TEST(hard_cancellation_is_a_deadline_that_has_come) {
    int b = go(finds_now_when_cancelled());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, owns_while_cancelled()));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(hclose(b));
    b = go(finds_now_when_cancelled());
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 70), ETIMEDOUT);
}

static coroutine void below_cancelled_owner(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(dill_deadline(), now());
    note("cut");
}

static coroutine void ends_its_own(void) {
    int b = go(below_cancelled_owner());
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, -1), ECANCELED);
}

TEST(an_owner_that_was_cancelled) {
    int b = go(ends_its_own());
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_NOTES("cut");
}

TEST(left) {
    CHECK_INT(dill_left(start + 1500), 1500);
    CHECK_INT(dill_left(start), 0);
    CHECK_INT(dill_left(start - 1), 0);
    CHECK_INT(dill_left(0), 0);
    CHECK_INT(dill_left(-1), -1);
    CHECK_INT(dill_left(-2), -1);
    CHECK_INT(dill_left(DILL_INHERIT), -1);
    CHECK_INT(dill_left(INT64_MIN), -1);
    CHECK_INT(dill_left(INT64_MAX), INT64_MAX - start);
    CHECK_INT(dill_left(1), 0);
}

static coroutine void ends_later(int64_t when) {
    CHECK_OK(msleep(when));
    note("ended@%d", (int)(now() - start));
}

static coroutine void is_cut(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    note("cut@%d", (int)(now() - start));
}

static coroutine void keeps_time_for_itself(void) {
    int b = go(ends_later(start + 300));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, is_cut()));
    CHECK_OK(msleep(start + 10));
    CHECK_ERR(bundle_cancel(b, dill_left(dill_deadline() - 500)), ETIMEDOUT);
    CHECK_OK(msleep(now() + 400));
    note("cleaned up@%d", (int)(now() - start));
}

/* With a margin for one's own clean-up. */
TEST(a_margin) {
    int b = go(keeps_time_for_itself());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("ended@300 cut@500 cleaned up@900");
}

static void *another_thread(void *arg) {
    (void)arg;
    CHECK_INT(dill_deadline(), -1);
    start = now();
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 123));
    CHECK_OK(bundle_go(b, finds(123)));
    CHECK_OK(hclose(b));
    return NULL;
}

static coroutine void runs_a_thread(void) {
    pthread_t thread;
    CHECK_INT(deadline_here(), 50);
    CHECK_OK(pthread_create(&thread, NULL, another_thread, NULL));
    CHECK_OK(pthread_join(thread, NULL));
}

/* Each thread has a tree of its own. */
TEST(threads) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 50));
    CHECK_OK(bundle_go(b, runs_a_thread()));
    CHECK_OK(hclose(b));
    CHECK_INT(dill_deadline(), -1);
}
