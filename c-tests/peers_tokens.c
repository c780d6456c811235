/* A channel that is ended serves as a token of cancellation, and a bundle as a tracker of tasks:
   the cases of tokio-util's CancellationToken and TaskTracker and of Go's context.WithCancel. */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

/* A token is an end of a channel on which nothing is ever sent. */
static coroutine void waits_for(int token, const char *name) {
    int val;
    CHECK_ERR(chrecv(token, &val, sizeof(val), -1), EPIPE);
    note("%s@%d", name, elapsed());
}

static coroutine void in_scope_of(int token, const char *name) {
    CANCEL_SCOPE(sc, token, -1);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    note("%s@%d", name, elapsed());
}

static coroutine void works_unless(int token, int64_t ms, const char *name) {
    CANCEL_SCOPE(sc, token, -1);
    int rc = msleep(now() + ms);
    note("%s-%s@%d", name, rc ? "stopped" : "done", elapsed());
}

/* CancellationToken: cancel wakes all who wait. */
TEST(a_token_wakes_all_its_waiters) {
    int token[2];
    make_channel(token);
    int b = go(waits_for(token[0], "receive"));
    CHECK_OK(bundle_go(b, in_scope_of(token[0], "scope1")));
    CHECK_OK(bundle_go(b, in_scope_of(token[0], "scope2")));
    CHECK_OK(bundle_go(b, waits_for(token[0], "receive2")));
    CHECK_OK(msleep(start + 10));
    CHECK_NOTES("");
    CHECK_OK(chdone(token[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(strlen(check_notes_), strlen("receive@10 scope1@10 scope2@10 receive2@10"));
    CHECK(strstr(check_notes_, "scope1@10") && strstr(check_notes_, "scope2@10"));
    CHECK(strstr(check_notes_, "receive@10") && strstr(check_notes_, "receive2@10"));
    CHECK_OK(hclose(b));
    close_channel(token);
}

/* CancellationToken: who comes after the cancellation finds it. */
TEST(a_cancelled_token_stays_cancelled) {
    int token[2];
    make_channel(token);
    CHECK_OK(chdone(token[1]));
    for(int i = 0; i != 3; ++i) {
        int b = go(waits_for(token[0], "receive"));
        CHECK_OK(bundle_go(b, in_scope_of(token[0], "scope")));
        CHECK_OK(bundle_cancel(b, -1));
        CHECK_NOTES("receive@0 scope@0");
    }
    close_channel(token);
}

/* CancellationToken: run_until_cancelled returns the result, or nothing where it was cancelled. */
TEST(work_until_a_token_is_cancelled, VARIANTS("work token")) {
    int token[2];
    make_channel(token);
    int b = go(works_unless(token[0], variant() ? 30 : 10, "work"));
    CHECK_OK(bundle_go(b, ends_channel(token[1], 20)));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES(variant() ? "work-stopped@20" : "work-done@10");
    close_channel(token);
}

/* CancellationToken: a cancelled token before the work is begun. */
TEST(no_work_after_the_cancellation) {
    int token[2];
    make_channel(token);
    CHECK_OK(chdone(token[1]));
    int b = go(works_unless(token[0], 10, "work"));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("work-stopped@0");
    close_channel(token);
}

/* A link from a token to a child of it. */
static coroutine void passes_on(int parent, int child) {
    int val;
    struct chclause cls[] = {
        {CHRECV, parent, &val, sizeof(val)},
        {CHREQUEST, -1, NULL, 0}
    };
    int i = choose(cls, 2, -1);
    if(i == 0 && errno == EPIPE && chdone(child) < 0) CHECK_INT(errno, EPIPE);
}

/* CancellationToken: cancelling the parent cancels the child. Go: WithCancel of WithCancel. */
TEST(a_parent_token_cancels_its_children) {
    int parent[2], child[2], grandchild[2];
    make_channel(parent);
    make_channel(child);
    make_channel(grandchild);
    int links = go(passes_on(parent[0], child[1]));
    CHECK_OK(bundle_go(links, passes_on(child[0], grandchild[1])));
    int b = go(in_scope_of(grandchild[0], "grandchild"));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(chdone(parent[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_wait(links, -1));
    CHECK_NOTES("grandchild@10");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(links));
    close_channel(parent);
    close_channel(child);
    close_channel(grandchild);
}

/* CancellationToken: cancelling the child leaves the parent and its other children alone. */
TEST(a_child_token_leaves_its_parent_alone) {
    int parent[2], child[2], sibling[2];
    make_channel(parent);
    make_channel(child);
    make_channel(sibling);
    int links = go(passes_on(parent[0], child[1]));
    CHECK_OK(bundle_go(links, passes_on(parent[0], sibling[1])));
    int b = go(in_scope_of(child[0], "child"));
    CHECK_OK(bundle_go(b, works_unless(sibling[0], 30, "sibling")));
    CHECK_OK(bundle_go(b, works_unless(parent[0], 40, "parent")));
    CHECK_OK(bundle_go(b, ends_channel(child[1], 10)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child@10 sibling-done@30 parent-done@40");
    CHECK_OK(bundle_cancel(links, 0));
    CHECK_OK(hclose(b));
    close_channel(parent);
    close_channel(child);
    close_channel(sibling);
}

/* CancellationToken: a child of a token that is cancelled already. */
TEST(a_child_of_a_cancelled_token) {
    int parent[2], child[2];
    make_channel(parent);
    make_channel(child);
    CHECK_OK(chdone(parent[1]));
    int b = go(passes_on(parent[0], child[1]));
    CHECK_OK(bundle_go(b, in_scope_of(child[0], "child")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child@0");
    CHECK_OK(hclose(b));
    close_channel(parent);
    close_channel(child);
}

/* CancellationToken: dropping the parent does not cancel, and the guard (DropGuard) does. */
TEST(a_guard_cancels_when_its_block_ends) {
    int token[2];
    make_channel(token);
    int b = bundle();
    CHECK_OK(bundle_notify(b, token[1]));
    CHECK_OK(bundle_go(b, in_scope_of(token[0], "guarded")));
    int other = go(works_unless(token[0], 50, "other"));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_OK(bundle_cancel(other, -1));
    CHECK_INT(elapsed(), 10);
    CHECK_INT(strlen(check_notes_), strlen("guarded@10 other-stopped@10"));
    close_channel(token);
}

/* CancellationToken: DropGuard::disarm. */
TEST(a_guard_that_is_disarmed) {
    int token[2];
    make_channel(token);
    int b = bundle();
    CHECK_OK(bundle_notify(b, token[1]));
    int other = go(works_unless(token[0], 50, "other"));
    /* Closed without a period: there is no request. */
    CHECK_OK(hclose(b));
    CHECK_OK(bundle_cancel(other, -1));
    CHECK_NOTES("other-done@50");
    close_channel(token);
}

static coroutine void drops_wait(int token) {
    CANCEL_SCOPE(sc, -1, start + 5);
    int val;
    CHECK_ERR(chrecv(token, &val, sizeof(val), -1), ECANCELED);
    note("dropped@%d", elapsed());
}

/* CancellationToken: a waiter that is dropped; the others are woken. */
TEST(a_waiter_that_gives_up) {
    int token[2];
    make_channel(token);
    int b = go(waits_for(token[0], "first"));
    CHECK_OK(bundle_go(b, drops_wait(token[0])));
    CHECK_OK(bundle_go(b, waits_for(token[0], "last")));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(chdone(token[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("dropped@5 first@10 last@10");
    CHECK_OK(hclose(b));
    close_channel(token);
}

static coroutine void watches_two(int a, int b) {
    struct cancel_scope of_a, of_b;
    CHECK_OK(cancel_enter(&of_a, a, -1));
    CHECK_OK(cancel_enter(&of_b, b, -1));
    CHECK_ERR(msleep(-1), ECANCELED);
    int inner = cancel_fired(&of_b), outer = cancel_fired(&of_a);
    CHECK_INT(cancel_leave(&of_b), inner ? -1 : 0);
    CHECK_INT(cancel_leave(&of_a), outer ? -1 : 0);
    note("%s%s@%d", outer ? "a" : "", inner ? "b" : "", elapsed());
}

/* Go: a context that ends with either of two others (merged contexts). */
TEST(either_of_two_tokens, VARIANTS("first second both")) {
    int x[2], y[2];
    make_channel(x);
    make_channel(y);
    int b = go(watches_two(x[0], y[0]));
    CHECK_OK(msleep(start + 10));
    if(variant() != 1) CHECK_OK(chdone(x[1]));
    if(variant() != 0) CHECK_OK(chdone(y[1]));
    CHECK_OK(bundle_wait(b, -1));
    const char *expected[] = {"a@10", "b@10", "ab@10"};
    CHECK_NOTES(expected[variant()]);
    CHECK_OK(hclose(b));
    close_channel(x);
    close_channel(y);
}

static coroutine void ignores_for_a_while(int token) {
    CANCEL_SCOPE(sc, token, -1);
    {
        CANCEL_SCOPE(without, DILL_SHIELD, -1);
        CHECK_WAITED(msleep(start + 30));
    }
    note("whole@%d", elapsed());
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(cancel_fired(&sc), ECANCELED);
}

/* Go: WithoutCancel, here a shield: the token is still there after it. */
TEST(work_without_the_token) {
    int token[2];
    make_channel(token);
    int b = go(ignores_for_a_while(token[0]));
    CHECK_OK(bundle_go(b, ends_channel(token[1], 10)));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("whole@30");
    close_channel(token);
}

/* Go: many goroutines below one context. */
TEST(a_thousand_below_one_token, TIME_LIMIT(60)) {
    int token[2];
    make_channel(token);
    int b = bundle();
    for(int i = 0; i != 1000; ++i) {
        if(i % 2) CHECK_OK(bundle_go(b, in_scope_of(token[0], "")));
        else CHECK_OK(bundle_go(b, waits_for(token[0], "")));
    }
    CHECK_OK(chdone(token[1]));
    CHECK_ERR(bundle_wait(b, 0), ETIMEDOUT);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(strlen(check_notes_), 1000 * 3 - 1);
    CHECK_OK(hclose(b));
    close_channel(token);
}

/* TaskTracker: closing it is not cancelling; all who are in it finish. */
TEST(a_tracker_is_closed_and_its_tasks_finish) {
    int b = bundle();
    for(int i = 1; i != 4; ++i) CHECK_OK(bundle_go(b, works(10 * i, "t")));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("t@10 t@20 t@30");
    /* Reopened, as it were. */
    CHECK_OK(bundle_go(b, works(10, "again")));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("again@40");
}

/* TaskTracker: a wait ends once it is empty, though another task comes right after it. */
TEST(a_wait_for_an_emptied_tracker) {
    int b = go(works(10, "first"));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_go(b, works(10, "second")));
    struct chclause cl = {CHBUNDLE, b, NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_RESULT(choose(&cl, 1, 0), 0, 0);
    CHECK_OK(hclose(b));
    CHECK_NOTES("first@10 second@20");
}

/* TaskTracker: the close comes at any moment while the tasks end. */
TEST(closed_while_its_tasks_end) {
    for(int spot = 0; spot != 6; ++spot) {
        about("spot %d", spot);
        begin();
        int b = bundle();
        for(int i = 1; i != 6; ++i) CHECK_OK(bundle_go(b, sleeps(10 * i, NULL)));
        CHECK_OK(msleep(start + 10 * spot + 5));
        CHECK_OK(bundle_cancel(b, -1));
        CHECK_INT(elapsed(), spot == 5 ? 55 : 50);
    }
}
