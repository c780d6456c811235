/* Bundles as nurseries, groups and scopes: the cases of Trio's nurseries, Go's errgroup,
   kotlinx.coroutines' coroutineScope and supervisorScope, and Java's StructuredTaskScope. */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

static coroutine void ends_with(int err) {
    if(err) CHECK_OK(bundle_fail(err));
}

/* errgroup: the zero group; a wait after each launch tells the first error so far. */
TEST(a_wait_after_each_launch) {
    struct {
        int count, errs[3];
    } cases[] = {{0, {0}}, {1, {0}}, {1, {EIO}}, {2, {EIO, 0}}, {3, {0, EIO, EPERM}}};
    for(size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int first = 0, b = bundle();
        CHECK_HANDLE(b);
        for(int j = 0; j != cases[i].count; ++j) {
            int err = cases[i].errs[j];
            if(first) CHECK_ERR(bundle_go(b, ends_with(err)), ECANCELED);
            else CHECK_OK(bundle_go(b, ends_with(err)));
            if(!first) first = err;
            CHECK_INT(bundle_wait(b, -1), first);
        }
        CHECK_INT(bundle_cancel(b, 100), first);
    }
}

/* errgroup: WithContext tells those who work for the group that one has failed. */
TEST(a_failure_is_no_request) {
    int ch[2], val;
    make_channel(ch);
    int b = go(is_cut("other"));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(bundle_go(b, fails(10, EIO)));
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_NOTES("other@10");
    /* They were cut; nobody has asked them. */
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_RESULT(bundle_cancel(b, 0), EIO, EIO);
    close_channel(ch);
}

static int active, most_active;

static coroutine void counted(int slots, int64_t ms) {
    int slot;
    CHECK_OK(chrecv(slots, &slot, sizeof(slot), -1));
    if(++active > most_active) most_active = active;
    CHECK_WAITED(msleep(now() + ms));
    --active;
}

static coroutine void gives_slots(int slots, int limit, int count) {
    for(int i = 0; i != count; ++i) {
        while(active == limit) CHECK_OK(msleep(now() + 1));
        CHECK_OK(chsend(slots, &i, sizeof(i), -1));
        CHECK_OK(yield());
    }
}

/* errgroup: SetLimit. */
TEST(no_more_than_a_limit_at_a_time) {
    int slots[2];
    make_channel(slots);
    int b = bundle();
    for(int i = 0; i != 40; ++i) CHECK_OK(bundle_go(b, counted(slots[0], 10)));
    CHECK_OK(bundle_go(b, gives_slots(slots[1], 4, 40)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(most_active, 4);
    CHECK_INT(elapsed(), 100);
    CHECK_OK(hclose(b));
    close_channel(slots);
}

static coroutine void searches(int n, int *results) {
    CHECK_WAITED(msleep(now() + 10 * (4 - n)));
    results[n] = n * n;
}

/* errgroup: the example of parallel searches, whose results are all there after the wait. */
TEST(results_are_there_after_the_wait) {
    int results[4] = {-1, -1, -1, -1};
    int b = bundle();
    for(int n = 0; n != 4; ++n) CHECK_OK(bundle_go(b, searches(n, results)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(elapsed(), 40);
    for(int n = 0; n != 4; ++n) CHECK_INT(results[n], n * n);
    CHECK_OK(hclose(b));
}

static coroutine void adds_another(int b, int left) {
    CHECK_WAITED(msleep(now() + 1));
    if(left) CHECK_OK(bundle_go(b, adds_another(b, left - 1)));
    else note("last@%d", elapsed());
}

/* Trio: a nursery stays open while its tasks put more tasks into it. */
TEST(the_last_member_adds_another) {
    int b = bundle();
    CHECK_OK(bundle_go(b, adds_another(b, 99)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("last@100");
    CHECK_OK(hclose(b));
}

/* Trio: a nursery that has been closed takes no more tasks. */
TEST(a_closed_bundle_takes_no_more) {
    int b = go(works(10, "a"));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_ERR(bundle_go(b, works(10, "b")), EBADF);
    CHECK_NOTES("a@10");
}

static coroutine void launches_when_cut(int b) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_go(b, is_cut("late")), ECANCELED);
    note("refused");
}

/* Trio: a task that is put into a cancelled nursery. Here it is refused. Kotlin: a child of a
   cancelled job. */
TEST(a_cancelled_bundle_takes_no_more) {
    int b = bundle();
    CHECK_OK(bundle_go(b, launches_when_cut(b)));
    CHECK_OK(hclose(b));
    CHECK_NOTES("refused");
}

static coroutine void launches_when_asked(int b) {
    struct chclause cl = {CHREQUEST, -1, NULL, 0};
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    CHECK_OK(bundle_go(b, works(10, "late")));
    note("asked");
}

/* TaskTracker: tasks are spawned after the close, and the wait is for them, too. */
TEST(an_asked_bundle_takes_more_and_waits_for_it) {
    int b = bundle();
    CHECK_OK(bundle_go(b, launches_when_asked(b)));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("asked late@10");
}

static coroutine void leaf_owner(int n) {
    int b = bundle();
    for(int i = 0; i != 2; ++i) CHECK_OK(bundle_go(b, is_cut(i ? "l2" : "l1")));
    CHECK_ERR(bundle_wait(b, -1), ECANCELED);
    CHECK_OK(hclose(b));
    note("w%d@%d", n, elapsed());
}

/* Trio: the cancellation reaches all of a tree at once. */
TEST(the_cut_reaches_all_leaves) {
    int b = go(leaf_owner(1));
    CHECK_OK(bundle_go(b, leaf_owner(2)));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(hclose(b));
    CHECK_NOTES("l1@10 l2@10 l1@10 l2@10 w1@10 w2@10");
}

/* Trio: a task crashes while the block of the nursery still does something else. */
TEST(a_failure_while_the_owner_is_busy) {
    int b = go(fails(10, EIO));
    CHECK_OK(bundle_go(b, is_cut("other")));
    CHECK_WAITED(msleep(start + 50));
    CHECK_NOTES("other@10");
    CHECK_ERR(bundle_go(b, is_cut("late")), ECANCELED);
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_OK(hclose(b));
    CHECK_INT(elapsed(), 50);
}

static coroutine void fails_after_the_cut(int err, int *seen) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_fail(err), ECANCELED);
    *seen = 1;
}

/* Trio, Kotlin: a clean-up that fails after the cancellation does not hide the first failure. */
TEST(a_failing_clean_up_hides_nothing) {
    int seen = 0;
    int b = go(fails_after_the_cut(EPERM, &seen));
    CHECK_OK(bundle_go(b, fails(10, EIO)));
    CHECK_RESULT(bundle_cancel(b, 100), EIO, EIO);
    CHECK_INT(seen, 1);
}

static coroutine void supervised(int64_t ms, int err, int reports) {
    int b = go(fails(ms, err)), result;
    result = bundle_wait(b, -1);
    CHECK_OK(hclose(b));
    CHECK_OK(chsend(reports, &result, sizeof(result), -1));
}

/* Kotlin: below a supervisor children fail by themselves. Here each has a bundle of its own. */
TEST(children_below_a_supervisor) {
    int reports[2], result;
    make_channel(reports);
    int b = go(supervised(20, EPERM, reports[0]));
    CHECK_OK(bundle_go(b, supervised(10, EIO, reports[0])));
    CHECK_OK(bundle_go(b, works(30, "healthy")));
    CHECK_OK(chrecv(reports[1], &result, sizeof(result), -1));
    CHECK_INT(result, EIO);
    CHECK_OK(chrecv(reports[1], &result, sizeof(result), -1));
    CHECK_INT(result, EPERM);
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("healthy@30");
    close_channel(reports);
}

static coroutine void crashes_then_works(int *left, int reports) {
    int crash = (*left)-- > 0;
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(chsend(reports, &crash, sizeof(crash), -1));
}

/* Kotlin, tokio-graceful-shutdown: a child that has failed is started again. */
TEST(a_child_is_started_again) {
    int reports[2], left = 3, crash = 1, runs = 0;
    make_channel(reports);
    int b = bundle();
    for(; crash; ++runs) {
        CHECK_OK(bundle_go(b, crashes_then_works(&left, reports[0])));
        CHECK_OK(chrecv(reports[1], &crash, sizeof(crash), -1));
    }
    CHECK_INT(runs, 4);
    CHECK_INT(elapsed(), 40);
    CHECK_OK(bundle_cancel(b, -1));
    close_channel(reports);
}

static coroutine void owner_fails(void) {
    int b = go(is_cut("child1"));
    CHECK_OK(bundle_go(b, is_cut("child2")));
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bundle_fail(EIO));
    CHECK_OK(hclose(b));
    note("owner@%d", elapsed());
}

/* Kotlin: the block of a scope fails itself; its children are cancelled and awaited. */
TEST(an_owner_that_fails_ends_its_children) {
    int b = go(owner_fails());
    CHECK_OK(bundle_go(b, is_cut("sibling")));
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_NOTES("sibling@10 child1@10 child2@10 owner@10");
    CHECK_OK(hclose(b));
}

static coroutine void reports_up(int levels) {
    if(!levels) {
        CHECK_OK(msleep(now() + 10));
        CHECK_OK(bundle_fail(ENOLINK));
        return;
    }
    int b = go(reports_up(levels - 1));
    CHECK_OK(bundle_go(b, is_cut("x")));
    int err = bundle_wait(b, -1);
    CHECK_OK(hclose(b));
    CHECK_OK(bundle_fail(err));
}

/* Kotlin: a failure goes up through all scopes that don't stop it. */
TEST(a_failure_goes_up_if_each_level_passes_it_on) {
    int b = go(reports_up(5));
    CHECK_RESULT(bundle_wait(b, -1), ENOLINK, ENOLINK);
    CHECK_INT(elapsed(), 10);
    CHECK_OK(hclose(b));
    CHECK_NOTES("x@10 x@10 x@10 x@10 x@10");
}

/* Kotlin: a child is cancelled, and its parent and sibling go on. */
TEST(a_cancelled_child_leaves_its_parent_alone) {
    int child = go(is_cut("child")), sibling = go(works(30, "sibling"));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(hclose(child));
    CHECK_OK(bundle_cancel(sibling, -1));
    CHECK_NOTES("child@10 sibling@30");
}

static coroutine void finds(int64_t ms, int val, int ch) {
    if(msleep(now() + ms) == 0 && chsend(ch, &val, sizeof(val), -1) == 0) note("found%d", val);
    else note("cut%d@%d", val, elapsed());
}

/* Java: ShutdownOnSuccess, the first result wins and the others are cancelled. */
TEST(the_first_success_ends_the_others) {
    int ch[2], val;
    make_channel(ch);
    int b = bundle();
    for(int i = 3; i; --i) CHECK_OK(bundle_go(b, finds(10 * i, i, ch[0])));
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_OK(hclose(b));
    CHECK_INT(val, 1);
    CHECK_NOTES("found1 cut3@10 cut2@10");
    close_channel(ch);
}

/* Java: ShutdownOnFailure, whose error is 0 where all succeed. */
TEST(no_failure_is_no_error) {
    int b = bundle();
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(b, works(10, "ok")));
    CHECK_WAITED(bundle_wait(b, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_cancel(b, 0));
    CHECK_NOTES("ok@10 ok@10 ok@10");
}

/* Java: a scope is closed without a join. */
TEST(closed_without_a_wait) {
    int b = go(is_cut("a"));
    CHECK_OK(bundle_go(b, ends_with(EIO)));
    CHECK_OK(hclose(b));
    CHECK_NOTES("a@0");
}

static coroutine void waits_for_bundle(int b, const char *name) {
    CHECK_OK(bundle_wait(b, -1));
    note("%s@%d", name, elapsed());
}

/* TaskTracker: a wait for an empty tracker, and one for its last task. */
TEST(waits_for_nothing_and_for_the_last) {
    int b = bundle();
    int w = go(waits_for_bundle(b, "empty"));
    CHECK_NOTES("empty@0");
    for(int i = 1; i != 6; ++i) CHECK_OK(bundle_go(b, works(10 * i, "m")));
    CHECK_OK(bundle_go(w, waits_for_bundle(b, "last")));
    CHECK_OK(bundle_wait(w, -1));
    CHECK_NOTES("m@10 m@20 m@30 m@40 m@50 last@50");
    CHECK_OK(hclose(w));
    CHECK_OK(hclose(b));
}
