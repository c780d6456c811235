/* Deadlines and periods: the cases of Go's context (WithDeadline, WithTimeout), of
   kotlinx.coroutines (withTimeout), of Trio (fail_after, move_on_after) and of
   tokio-graceful-shutdown (nested subsystems and their time-outs). */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

static coroutine void has_deadline(int64_t expected) {
    CHECK_INT(dill_deadline() - start, expected);
    is_cut("cut");
}

/* Go: a child's deadline that is later than its parent's has no effect. */
TEST(the_earlier_deadline_of_two_bundles, VARIANTS("outer inner")) {
    int inner_first = variant();
    int64_t outer = inner_first ? 50 : 20, inner = inner_first ? 20 : 50;
    CANCEL_SCOPE(sc, -1, start + outer);
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + inner));
    CHECK_OK(bundle_go(b, has_deadline(inner)));
    if(inner_first) CHECK_OK(bundle_wait(b, -1));
    else CHECK_ERR(bundle_wait(b, -1), ECANCELED);
    CHECK_INT(elapsed(), 20);
    CHECK_INT(cancel_fired(&sc), inner_first ? 0 : ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cut@20");
}

static coroutine void nests_deadlines(int64_t inner) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + inner));
    CHECK_OK(bundle_go(b, is_cut("inner")));
    bundle_wait(b, -1);
    note("owner@%d", elapsed());
    CHECK_OK(hclose(b));
}

/* Go: a time-out below a time-out. */
TEST(deadlines_of_nested_bundles, VARIANTS("outer inner")) {
    int64_t inner = variant() ? 10 : 40;
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 20));
    CHECK_OK(bundle_go(b, nests_deadlines(inner)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES(variant() ? "inner@10 owner@10" : "owner@20 inner@20");
}

/* Go: a deadline in the past has expired at once; a time-out that is negative, too. */
TEST(a_scope_whose_deadline_is_in_the_past) {
    CHECK_OK(msleep(start + 10));
    for(int ago = 0; ago != 5; ++ago) {
        struct cancel_scope sc;
        CHECK_OK(cancel_enter(&sc, -1, now() - ago));
        CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
        CHECK_ERR(msleep(now() + 1), ECANCELED);
        CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    }
    CHECK_INT(elapsed(), 10);
}

/* Go: cancelling before the deadline stops its timer. Kotlin: a time-out that did not happen. */
TEST(a_deadline_that_is_left_in_time_never_comes) {
    struct cancel_scope sc;
    for(int i = 0; i != 100; ++i) {
        CHECK_OK(cancel_enter(&sc, -1, start + 1000));
        CHECK_WAITED(msleep(now() + 1));
        CHECK_OK(cancel_leave(&sc));
    }
    CHECK_WAITED(msleep(start + 2000));
    int b = bundle();
    CHECK_OK(bundle_deadline(b, now() + 10));
    CHECK_OK(bundle_go(b, works(20, "whole")));
    CHECK_OK(bundle_deadline(b, -1));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("whole@2020");
}

/* Go: cause is the deadline's or the cancellation's, whichever came first. */
TEST(the_reason_is_what_came_first, VARIANTS("channel deadline")) {
    int ch[2];
    make_channel(ch);
    int b = go(ends_channel(ch[1], variant() ? 20 : 10));
    CANCEL_SCOPE(sc, ch[0], start + 15);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(elapsed(), variant() ? 15 : 10);
    CHECK_INT(cancel_fired(&sc), variant() ? ETIMEDOUT : ECANCELED);
    CHECK_ERR(cancel_leave(&sc), variant() ? ETIMEDOUT : ECANCELED);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    close_channel(ch);
}

/* Go: many contexts with the same deadline and with different ones. */
TEST(many_deadlines_come_in_their_order) {
    int b[50];
    for(int i = 0; i != 50; ++i) {
        b[i] = go(is_cut("x"));
        CHECK_OK(bundle_deadline(b[i], start + (i * 7) % 50 + 1));
    }
    for(int i = 0; i != 50; ++i) {
        struct chclause cl = {CHBUNDLE, b[i], NULL, 0};
        int due = (i * 7) % 50 + 1, seen = elapsed();
        CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
        CHECK_INT(elapsed(), due > seen ? due : seen);
        CHECK_ERR(bundle_cancel(b[i], -1), ETIMEDOUT);
    }
    CHECK_INT(elapsed(), 50);
}

/* Trio: the deadline of a running scope is changed, to later and to earlier. */
TEST(a_deadline_that_is_moved, VARIANTS("later earlier")) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 50));
    CHECK_OK(bundle_go(b, is_cut("cut")));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_deadline(b, start + (variant() ? 20 : 100)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES(variant() ? "cut@20" : "cut@100");
}

/* Trio: a deadline that is moved into the past fires at once. */
TEST(a_deadline_that_is_moved_into_the_past) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 50));
    CHECK_OK(bundle_go(b, is_cut("cut")));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_deadline(b, start + 5));
    CHECK_ERR(bundle_cancel(b, 1000), ETIMEDOUT);
    CHECK_NOTES("cut@10");
}

/* Trio: a scope whose deadline has passed never becomes uncancelled. */
TEST(members_that_were_cut_stay_cut) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 10));
    CHECK_OK(bundle_go(b, is_cut("first")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_deadline(b, start + 100));
    CHECK_OK(bundle_go(b, works(20, "second")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("first@10 second@30");
}

static coroutine void ignores_errors(int64_t ms) {
    int64_t calls = 0;
    while(msleep(now() + ms) < 0) if(++calls == 1000) break;
    CHECK_INT(calls, 1000);
    note("gave up@%d", elapsed());
}

/* Kotlin: the body of withTimeout that swallows the cancellation goes on, and is awaited. */
TEST(who_ignores_the_cut_is_awaited) {
    int b = go(ignores_errors(100));
    CHECK_OK(bundle_deadline(b, start + 10));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("gave up@10");
    CHECK_ERR(bundle_cancel(b, -1), ETIMEDOUT);
}

static coroutine void times_out_inside(void) {
    CANCEL_SCOPE(outer, -1, start + 50);
    {
        CANCEL_SCOPE(inner, -1, start + 10);
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_INT(cancel_fired(&inner), ETIMEDOUT);
    }
    CHECK_INT(cancel_fired(&outer), 0);
    note("inner@%d", elapsed());
    CHECK_ERR(msleep(-1), ECANCELED);
    note("outer@%d", elapsed());
}

/* Kotlin: an inner time-out is caught, and the outer one still comes. */
TEST(an_inner_time_out_leaves_the_outer_one) {
    int b = go(times_out_inside());
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("inner@10 outer@50");
}

/* Kotlin: withTimeout around code that fails for a reason of its own. */
TEST(an_error_of_ones_own_is_no_time_out) {
    struct cancel_scope sc;
    int ch[2], val;
    make_channel(ch);
    int b = go(ends_channel(ch[1], 10));
    CHECK_OK(cancel_enter(&sc, -1, start + 50));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), EPIPE);
    CHECK_OK(cancel_leave(&sc));
    CHECK_INT(elapsed(), 10);
    CHECK_OK(hclose(b));
    close_channel(ch);
}

/* Kotlin: a call's own deadline inside withTimeout. */
TEST(the_call_and_the_scope, VARIANTS("call scope")) {
    struct cancel_scope sc;
    int ch[2], val;
    make_channel(ch);
    CHECK_OK(cancel_enter(&sc, -1, start + (variant() ? 10 : 50)));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), start + 20), variant() ? ECANCELED : ETIMEDOUT);
    CHECK_INT(elapsed(), variant() ? 10 : 20);
    if(variant()) CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    else CHECK_OK(cancel_leave(&sc));
    close_channel(ch);
}

static coroutine void does_at_the_end(int ch) {
    int val;
    if(chrecv(ch, &val, sizeof(val), -1) < 0 && errno == EPIPE) note("done@%d", elapsed());
}

/* Go: AfterFunc runs its function when the context ends, and not if it was stopped before. */
TEST(something_to_do_at_the_end, VARIANTS("ends stopped")) {
    int ch[2];
    make_channel(ch);
    int b = go(works(20, "work"));
    CHECK_OK(bundle_notify(b, ch[1]));
    int after = go(does_at_the_end(ch[0]));
    CHECK_OK(msleep(start + 10));
    if(variant()) CHECK_OK(hclose(after));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES(variant() ? "work@20" : "done@10 work@20");
    if(!variant()) CHECK_OK(bundle_cancel(after, -1));
    close_channel(ch);
}

/* Its child knows nothing of requests. */
static coroutine void subsystem(int64_t period, const char *name, const char *child) {
    struct chclause cl = {CHREQUEST, -1, NULL, 0};
    int b = go(is_cut(child));
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    bundle_cancel(b, period);
    note("%s@%d", name, elapsed());
}

/* tokio-graceful-shutdown: a nested subsystem with a time-out of its own that is shorter. */
TEST(the_shorter_period_is_the_nested_ones) {
    int b = go(subsystem(50, "parent", "child"));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_INT(elapsed(), 50);
    CHECK_NOTES("child@50 parent@50");
}

/* tokio-graceful-shutdown: ...or longer: then that of the toplevel ends it. */
TEST(the_shorter_period_is_the_toplevels) {
    int b = go(subsystem(500, "parent", "child"));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_INT(elapsed(), 100);
    CHECK_NOTES("child@100 parent@100");
}

/* tokio-graceful-shutdown: several subsystems, of which one is too slow. */
TEST(one_slow_subsystem_spoils_no_other) {
    int b = go(subsystem(30, "p1", "c1"));
    CHECK_OK(bundle_go(b, subsystem(60, "p2", "c2")));
    CHECK_OK(bundle_go(b, subsystem(DILL_INHERIT, "p3", "c3")));
    CHECK_OK(bundle_go(b, is_cut("white")));
    CHECK_ERR(bundle_cancel(b, 100), ETIMEDOUT);
    CHECK_INT(elapsed(), 100);
    CHECK_NOTES("c1@30 p1@30 c2@60 p2@60 white@100 c3@100 p3@100");
}

/* Java: joinUntil with a deadline that passes; the scope is shut down then, and joined. */
TEST(a_join_until_a_deadline) {
    int b = go(works(10, "fast"));
    CHECK_OK(bundle_go(b, is_cut("slow")));
    CHECK_ERR(bundle_wait(b, start + 20), ETIMEDOUT);
    CHECK_NOTES("fast@10");
    CHECK_OK(msleep(start + 25));
    CHECK_OK(hclose(b));
    CHECK_NOTES("slow@25");
}

/* Java: joinUntil with a deadline that has passed already. */
TEST(a_join_until_a_deadline_that_has_passed) {
    CHECK_OK(msleep(start + 10));
    int b = go(works(10, "work"));
    CHECK_ERR(bundle_wait(b, start), ETIMEDOUT);
    CHECK_INT(elapsed(), 10);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("work@20");
    /* All have finished: that goes before the deadline. */
    CHECK_OK(bundle_wait(b, start));
    CHECK_OK(hclose(b));
}

static coroutine void hands_budget_down(int depth) {
    note("%d:%d", depth, (int)(dill_deadline() - start));
    if(!depth) {
        is_cut("leaf");
        return;
    }
    int b = bundle();
    CHECK_OK(bundle_deadline(b, dill_deadline() - 10));
    CHECK_OK(bundle_go(b, hands_budget_down(depth - 1)));
    /* Only that of the innermost has to cut. */
    if(depth == 1) CHECK_ERR(bundle_cancel(b, DILL_INHERIT), ETIMEDOUT);
    else CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    note("%d@%d", depth, elapsed());
}

/* Go: each layer takes a margin off its parent's deadline (Deadline() and WithDeadline). */
TEST(every_layer_keeps_a_margin) {
    int b = bundle();
    CHECK_OK(bundle_deadline(b, start + 100));
    CHECK_OK(bundle_go(b, hands_budget_down(3)));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_INT(elapsed(), 70);
    CHECK_NOTES("3:100 2:90 1:80 0:70 leaf@70 1@70 2@70 3@70");
}

/* Kotlin: delay(0) and negative delays return at once, within a scope, too. */
TEST(sleeps_of_no_time) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, start + 10));
    for(int ago = 0; ago != 3; ++ago) CHECK_OK(msleep(start - ago));
    CHECK_INT(elapsed(), 0);
    CHECK_OK(cancel_leave(&sc));
}

/* Kotlin: a time-out that is as good as infinite. */
TEST(periods_that_are_as_good_as_infinite) {
    int64_t periods[] = {-1, INT64_MAX, INT64_MAX - 1, INT64_MAX / 2};
    for(size_t i = 0; i != sizeof(periods) / sizeof(periods[0]); ++i) {
        begin();
        int b = go(works(1000000, "end"));
        CHECK_OK(bundle_cancel(b, periods[i]));
        CHECK_NOTES("end@1000000");
    }
}
