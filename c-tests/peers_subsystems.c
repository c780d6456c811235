/* Trees of services that are asked to end: the cases of tokio-graceful-shutdown (nested
   subsystems, partial shutdown, failures), of kotlinx.coroutines' parents and children, of Go's
   http.Server.Shutdown and of Java's nested scopes. */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

/* Has a request passed on to its children by itself. */
static coroutine void follows(int levels, const char *leaf) {
    int b = bundle();
    CHECK_OK(bundle_follow(b));
    if(levels) CHECK_OK(bundle_go(b, follows(levels - 1, leaf)));
    else CHECK_OK(bundle_go(b, is_asked(leaf)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_cancel(b, DILL_INHERIT));
    note("%d@%d", levels, elapsed());
}

/* tokio-graceful-shutdown: the request reaches subsystems of subsystems. */
TEST(the_request_reaches_nested_subsystems) {
    int b = go(follows(4, "leaf"));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_INT(elapsed(), 10);
    CHECK_NOTES("leaf@10 0@10 1@10 2@10 3@10 4@10");
}

static coroutine void starts_another_when_asked(int b) {
    is_asked("first");
    CHECK_INT(bundle_requested(), 1);
    CHECK_OK(bundle_go(b, is_asked("second")));
}

/* tokio-graceful-shutdown: a subsystem is started while the shutdown is under way. */
TEST(a_subsystem_that_starts_during_the_shutdown_is_asked) {
    int b = bundle();
    CHECK_OK(bundle_go(b, starts_another_when_asked(b)));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("first@10 second@10");
}

static coroutine void ends_a_part(int part) {
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_request(part));
}

/* tokio-graceful-shutdown: partial shutdown. The rest of the tree does not hear of it. */
TEST(a_part_of_the_tree_is_asked) {
    int part = go(follows(2, "part")), rest = go(is_asked("rest"));
    CHECK_OK(bundle_go(rest, ends_a_part(part)));
    CHECK_OK(bundle_wait(part, -1));
    CHECK_OK(hclose(part));
    CHECK_INT(elapsed(), 10);
    CHECK_OK(msleep(start + 50));
    CHECK_NOTES("part@10 0@10 1@10 2@10");
    CHECK_OK(bundle_cancel(rest, 100));
    CHECK_NOTES("rest@50");
}

static coroutine void is_followed_late(int asked_before) {
    int b = go(is_asked("child"));
    if(asked_before) is_asked("owner");
    CHECK_OK(bundle_follow(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* tokio-graceful-shutdown: a subsystem joins a tree that is shutting down already. */
TEST(a_part_that_joins, VARIANTS("before after")) {
    int b = go(is_followed_late(variant()));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES(variant() ? "owner@10 child@10" : "child@10");
}

static coroutine void asks_all_when_it_fails(int64_t ms, int *error) {
    CHECK_OK(msleep(start + ms));
    *error = EIO;
    CHECK_OK(bundle_request(-1));
}

/* tokio-graceful-shutdown: a subsystem that fails begins the shutdown of all others. */
TEST(a_failure_that_begins_a_graceful_shutdown) {
    int error = 0;
    int b = go(is_asked("a"));
    CHECK_OK(bundle_go(b, asks_all_when_it_fails(10, &error)));
    CHECK_OK(bundle_go(b, follows(0, "b")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_INT(error, EIO);
    CHECK_NOTES("a@10 b@10 0@10");
}

/* tokio-graceful-shutdown: a subsystem ends by itself; the others stay. */
TEST(a_subsystem_that_ends_by_itself) {
    int b = go(works(10, "short"));
    CHECK_OK(bundle_go(b, is_asked("long")));
    CHECK_ERR(bundle_wait(b, start + 50), ETIMEDOUT);
    CHECK_NOTES("short@10");
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("long@50");
}

static coroutine void fails_when_asked(int err) {
    struct chclause cl = {CHREQUEST, -1, NULL, 0};
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    CHECK_OK(msleep(now() + 5));
    CHECK_OK(bundle_fail(err));
}

/* tokio-graceful-shutdown: an error during the shutdown is reported at its end. */
TEST(a_failure_during_the_shutdown) {
    int b = go(fails_when_asked(EIO));
    CHECK_OK(bundle_go(b, is_cut("other")));
    CHECK_RESULT(bundle_cancel(b, 100), EIO, EIO);
    CHECK_INT(elapsed(), 5);
    CHECK_NOTES("other@5");
}

/* tokio-graceful-shutdown: a time-out, and an error at its very end. */
TEST(a_failure_as_the_period_ends) {
    int b = go(is_cut("slow"));
    CHECK_OK(bundle_go(b, fails(10, EIO)));
    CHECK_RESULT(bundle_cancel(b, 11), EIO, EIO);
    CHECK_NOTES("slow@10");
}

static coroutine void one_after_the_other(int first, int second) {
    is_asked("owner");
    CHECK_OK(bundle_cancel(first, DILL_INHERIT));
    note("first@%d", elapsed());
    CHECK_OK(bundle_cancel(second, DILL_INHERIT));
    note("second@%d", elapsed());
}

static coroutine void owns_two(void) {
    int first = bundle(), second = bundle();
    CHECK_OK(bundle_go(first, follows(0, "a")));
    CHECK_OK(bundle_go(second, follows(0, "b")));
    CHECK_OK(bundle_go(first, works(30, "late")));
    one_after_the_other(first, second);
}

/* tokio-graceful-shutdown: subsystems are stopped in a given order. */
TEST(subsystems_are_stopped_in_order) {
    int b = go(owns_two());
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_INT(elapsed(), 30);
    CHECK_NOTES("owner@10 a@10 0@10 late@30 first@30 b@30 0@30 second@30");
}

static coroutine void connection(int64_t request_ms, const char *name) {
    /* A request under way is completed; an idle connection is closed. */
    if(request_ms) CHECK_WAITED(msleep(start + request_ms));
    is_asked(name);
}

/* Go: Server.Shutdown closes idle connections and waits for active ones. */
TEST(idle_connections_end_and_active_ones_finish) {
    int b = go(connection(0, "idle"));
    CHECK_OK(bundle_go(b, connection(40, "active")));
    CHECK_OK(bundle_go(b, connection(5, "was active")));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("idle@10 was active@10 active@40");
}

/* Go: Shutdown with a context that ends first, then Close. */
TEST(a_shutdown_that_is_given_up_and_forced) {
    int b = go(is_cut("stuck"));
    CHECK_OK(bundle_go(b, is_asked("good")));
    CHECK_OK(bundle_request(b));
    CHECK_ERR(bundle_wait(b, start + 20), ETIMEDOUT);
    CHECK_NOTES("good@0");
    CHECK_OK(hclose(b));
    CHECK_NOTES("stuck@20");
}

static coroutine void is_refused(int b) {
    CHECK_ERR(bundle_cancel(b, 0), EBUSY);
    note("refused");
}

static coroutine void shuts_down(int b) {
    CHECK_OK(bundle_cancel(b, 100));
    note("down@%d", elapsed());
}

/* Go: Shutdown twice. Here the second caller is refused, though it would have been faster. */
TEST(two_shut_the_same_down) {
    int b = go(is_asked("a"));
    CHECK_OK(bundle_go(b, works(30, "b")));
    int callers = go(shuts_down(b));
    CHECK_OK(bundle_go(callers, is_refused(b)));
    CHECK_OK(bundle_wait(callers, -1));
    CHECK_OK(hclose(callers));
    CHECK_NOTES("refused a@0 b@30 down@30");
}

/* Kotlin: cancelAndJoin on a parent whose child needs its time: the parent ends after it. */
TEST(a_parent_ends_after_its_children) {
    int b = go(follows(0, "child"));
    CHECK_OK(bundle_go(b, follows(1, "grandchild")));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("child@10 grandchild@10 0@10 0@10 1@10");
}

static coroutine void hands_child_up(int ch) {
    int b = go(works(30, "child"));
    CHECK_OK(chsend(ch, &b, sizeof(b), -1));
    note("parent@%d", elapsed());
}

/* Kotlin: a child with another parent than its launcher outlives the launcher. */
TEST(a_child_that_is_handed_up_outlives_its_launcher) {
    int ch[2], child;
    make_channel(ch);
    int b = go(hands_child_up(ch[1]));
    CHECK_OK(chrecv(ch[0], &child, sizeof(child), -1));
    CHECK_HANDLE(child = hown(child));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("parent@0");
    CHECK_OK(bundle_cancel(child, 100));
    CHECK_NOTES("child@30");
    close_channel(ch);
}

static coroutine void nested_join(int depth, int64_t ms) {
    if(!depth) {
        CHECK_WAITED(msleep(now() + ms));
        return;
    }
    int b = go(nested_join(depth - 1, ms));
    CHECK_OK(bundle_go(b, nested_join(depth - 1, ms / 2)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* Java: nested scopes are joined from the inside out. */
TEST(nested_scopes_are_joined) {
    int b = go(nested_join(6, 64));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(elapsed(), 64);
    CHECK_OK(hclose(b));
}

static int cut_leaves;

static coroutine void nested_cut(int depth) {
    if(!depth) {
        CHECK_ERR(msleep(-1), ECANCELED);
        ++cut_leaves;
        return;
    }
    int b = go(nested_cut(depth - 1));
    CHECK_OK(bundle_go(b, nested_cut(depth - 1)));
    CHECK_ERR(bundle_wait(b, -1), ECANCELED);
    CHECK_OK(hclose(b));
}

/* Java: the outermost scope is shut down; all threads of the inner ones are interrupted. */
TEST(the_outermost_scope_cuts_all_leaves) {
    int b = go(nested_cut(7));
    CHECK_ERR(bundle_cancel(b, 10), ETIMEDOUT);
    CHECK_INT(elapsed(), 10);
    CHECK_INT(cut_leaves, 128);
}
