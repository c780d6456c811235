/* bundle_deadline: level-triggered, so that what is left of a budget can be handed down. */

#include "elapsed.h"

BEFORE_EACH {
    use_virtual_time();
}

/* Work that is there already when the deadline is set, with 1 ms left, none, or less. */
TEST(members_are_there) {
    for(int left = 1; left >= -1; --left) {
        start = now();
        int b = go(is_cut("a"));
        CHECK_OK(bundle_deadline(b, start + left));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_INT(elapsed(), left > 0);
        CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
        CHECK_OK(hclose(b));
        CHECK_NOTES(left > 0 ? "a@1" : "a@0");
    }
}

/* Work that is launched after the call. */
TEST(launched_after_the_call) {
    start = now();
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 1));
    CHECK_OK(bundle_go(b, is_cut("a")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_OK(hclose(b));
    CHECK_NOTES("a@1");
    for(int left = 0; left >= -1; --left) {
        b = bundle();
        CHECK_OK(bundle_deadline(b, now() + left));
        CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
        CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    b = bundle();
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_OK(hclose(b));
}

/* Also when nothing was in the bundle as it passed. */
TEST(of_an_empty_bundle) {
    start = now();
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 10));
    CHECK_OK(bundle_go(b, finishes()));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(yield());
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    /* Nobody was cut. */
    CHECK_OK(bundle_cancel(b, 1000));
}

TEST(replaced_and_removed) {
    start = now();
    int b = bundle();
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_OK(bundle_deadline(b, -1));
    CHECK_OK(bundle_go(b, finishes()));
    CHECK_OK(bundle_deadline(b, start));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_OK(bundle_deadline(b, start + 10));
    CHECK_OK(bundle_go(b, is_cut("a")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    /* Before it passes. */
    CHECK_OK(bundle_deadline(b, now() + 10));
    CHECK_OK(bundle_go(b, sleeps(30, "b")));
    CHECK_OK(msleep(now() + 5));
    CHECK_OK(bundle_deadline(b, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(elapsed(), 40);
    CHECK_OK(hclose(b));
    CHECK_NOTES("a@10 b");
}

/* Its members cut themselves off, and nothing follows them. */
static coroutine void sets(int b, int64_t deadline) {
    CHECK_OK(bundle_deadline(b, deadline));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_ERR(msleep(-1), ECANCELED);
    note("set");
}

TEST(from_within) {
    start = now();
    int b = go(is_cut("a"));
    CHECK_OK(bundle_go(b, sets(b, 0)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("set a@0");
}

/* Who was cut counts, finished or not, until the deadline is replaced or removed. */
TEST(what_bundle_cancel_says) {
    start = now();
    int b = go(is_cut("finished"));
    CHECK_OK(bundle_deadline(b, start + 10));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    b = go(is_cut("ends"));
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_ERR(bundle_cancel(b, -1), ETIMEDOUT);
    b = go(is_cut("during"));
    CHECK_OK(bundle_deadline(b, now() + 10));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_INT(elapsed(), 20);
    CHECK_NOTES("finished@10 ends@10 during@20");
    /* Only where there is a period. */
    b = go(is_cut("closed"));
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_OK(bundle_cancel(b, 0));
    CHECK_NOTES("closed@20");
    for(int removed = 0; removed != 2; ++removed) {
        b = go(is_cut("replaced"));
        CHECK_OK(bundle_deadline(b, 0));
        if(!removed) CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(bundle_deadline(b, removed ? -1 : now() + 100));
        CHECK_OK(bundle_go(b, sleeps(5, NULL)));
        CHECK_OK(bundle_cancel(b, 1000));
    }
    CHECK_NOTES("replaced@20 replaced@25");
    /* Those who have ended by themselves before were not cut. */
    b = go(finishes());
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_OK(bundle_cancel(b, 1000));
}

static coroutine void sets_while_closing(int b) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(bundle_deadline(b, -1));
    CHECK_OK(bundle_deadline(b, now() + 1));
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
}

/* No effect on a bundle that is being closed. */
TEST(while_it_is_closed) {
    int b = bundle();
    CHECK_OK(bundle_go(b, sets_while_closing(b)));
    CHECK_OK(hclose(b));
    b = bundle();
    CHECK_OK(bundle_go(b, sets_while_closing(b)));
    CHECK_ERR(bundle_cancel(b, 5), ETIMEDOUT);
}

/* In its grace period it takes one: the remaining budget, say. */
TEST(in_the_grace_period) {
    start = now();
    int b = go(is_cut("a"));
    struct chclause cl = {CHBUNDLE, b, NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(bundle_go(b, sets(b, start)));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_INT(elapsed(), 0);
    CHECK_NOTES("set a@0");
}

/* A budget that is handed down, to work that does the same. */
static coroutine void has_budget(int depth, int64_t deadline) {
    int b = bundle();
    if(b < 0) return;
    CHECK_OK(bundle_deadline(b, deadline));
    if(depth && bundle_go(b, has_budget(depth - 1, deadline)) < 0) CHECK_INT(errno, ECANCELED);
    if(bundle_go(b, is_cut("leaf")) < 0) note("none");
    bundle_wait(b, -1);
    CHECK_OK(hclose(b));
}

TEST(budgets) {
    start = now();
    int b = go(has_budget(2, start + 10));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(elapsed(), 10);
    CHECK_NOTES("leaf@10 leaf@10 leaf@10");
    CHECK_OK(bundle_go(b, has_budget(2, now())));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("none");
    CHECK_OK(hclose(b));
}
