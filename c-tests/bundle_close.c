/* Closing a bundle: all members are cancelled first, then all are awaited; what
   had been delivered stays delivered; one's own bundle can't be closed. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

TEST(cancelled_in_launch_order) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, blocks("a")));
    CHECK_OK(bundle_go(b, blocks("b")));
    CHECK_OK(bundle_go(b, blocks("c")));
    CHECK_OK(hclose(b));
    CHECK_NOTES("a b c");
    CHECK_ERR(bundle_wait(b, 0), EBADF);
}

/* On its cancellation the first member wakes an outsider, who then tries to reach
   the second member: it must have been cancelled by then. The second still has a
   child of its own to await, so that the bundle is being closed all this time. */
static coroutine void wakes_outsider(int ch) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(chdone(ch));
    note("first");
}

static coroutine void expects_message(int ch) {
    int val;
    int b = go(blocks("child"));
    CHECK_HANDLE(b);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
    CHECK_OK(hclose(b));
    note("second");
}

static coroutine void outsider(int wake, int ch, int b) {
    int val = 1;
    CHECK_ERR(chrecv(wake, &val, sizeof(val), -1), EPIPE);
    note("outsider");
    CHECK_ERR(chsend(ch, &val, sizeof(val), 0), ETIMEDOUT);
    /* No member could be added meanwhile, nor the close be repeated. */
    CHECK_ERR(bundle_go(b, blocks("late")), ECANCELED);
    CHECK_ERR(hclose(b), EBUSY);
}

TEST(all_cancelled_before_any_awaited) {
    int wake[2], ch[2];
    CHECK_OK(chmake(wake));
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    int o = go(outsider(wake[1], ch[0], b));
    CHECK_HANDLE(o);
    CHECK_OK(bundle_go(b, wakes_outsider(wake[0])));
    CHECK_OK(bundle_go(b, expects_message(ch[1])));
    /* The second gets from launching its child to its wait. */
    CHECK_OK(yield());
    CHECK_OK(hclose(b));
    CHECK_OK(bundle_wait(o, -1));
    CHECK_NOTES("first outsider child second");
    CHECK_OK(hclose(o));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(wake[i]));
        CHECK_OK(hclose(ch[i]));
    }
}

static coroutine void receives_one(int ch) {
    int val = 0;
    CHECK_WAITED(chrecv(ch, &val, sizeof(val), -1));
    CHECK_INT(val, 42);
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
    note("got it");
}

static coroutine void sends_one(int ch) {
    int val = 43;
    CHECK_WAITED(chsend(ch, &val, sizeof(val), -1));
    CHECK_ERR(chsend(ch, &val, sizeof(val), -1), ECANCELED);
    note("sent it");
}

TEST(delivered_is_delivered) {
    int ch[2], val = 42;
    CHECK_OK(chmake(ch));
    int b = go(receives_one(ch[1]));
    CHECK_HANDLE(b);
    CHECK_OK(chsend(ch[0], &val, sizeof(val), -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("got it");
    b = go(sends_one(ch[1]));
    CHECK_HANDLE(b);
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
    CHECK_INT(val, 43);
    CHECK_OK(hclose(b));
    CHECK_NOTES("sent it");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void was_only_ready(void) {
    /* Its turn had come: the cancellation hits the next call. */
    CHECK_OK(yield());
    CHECK_ERR(yield(), ECANCELED);
    note("ready");
}

TEST(ready_members) {
    int b = go(was_only_ready());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("ready");
}

static coroutine void owns_child(int depth) {
    int b = -1;
    if(depth) {
        b = go(owns_child(depth - 1));
        CHECK_HANDLE(b);
        CHECK_ERR(bundle_wait(b, -1), ECANCELED);
        CHECK_OK(hclose(b));
    }
    else CHECK_ERR(msleep(-1), ECANCELED);
    note("%d", depth);
}

TEST(nested_bundles) {
    int b = go(owns_child(5));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    /* Every owner ends after what it owns. */
    CHECK_NOTES("0 1 2 3 4 5");
}

static coroutine void never_runs(void) {
    note("never");
}

static coroutine void cancelled_launcher(int other) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(go(never_runs()), ECANCELED);
    CHECK_ERR(bundle_go(other, never_runs()), ECANCELED);
    static char stack[16384];
    CHECK_ERR(go_mem(never_runs(), stack, sizeof(stack)), ECANCELED);
    CHECK_ERR(bundle_go_mem(other, never_runs(), stack, sizeof(stack)),
        ECANCELED);
    CHECK_ERR(bundle(), ECANCELED);
    int ch[2];
    CHECK_ERR(chmake(ch), ECANCELED);
}

TEST(cancelled_coroutines_launch_nothing) {
    int other = bundle();
    CHECK_HANDLE(other);
    int b = go(cancelled_launcher(other));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("");
    CHECK_OK(hclose(other));
}

static int outermost;

static coroutine void closes_ancestor(int depth) {
    int b = -1;
    if(depth > 1) {
        b = go(closes_ancestor(depth - 1));
        CHECK_HANDLE(b);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    else {
        CHECK_OK(yield());
        CHECK_ERR(hclose(outermost), EDEADLK);
        /* Waiting for oneself would never end either. */
        CHECK_ERR(bundle_wait(outermost, -1), EDEADLK);
        CHECK_ERR(bundle_wait(outermost, 0), EDEADLK);
        /* Nothing has happened: the handle is open, nobody is cancelled. */
        CHECK_OK(yield());
        CHECK_OK(bundle_go(outermost, blocks("late")));
    }
    note("%d", depth);
}

TEST(own_bundle_is_a_deadlock) {
    for(int depth = 1; depth != 4; ++depth) {
        outermost = bundle();
        CHECK_HANDLE(outermost);
        CHECK_OK(bundle_go(outermost, closes_ancestor(depth)));
        CHECK_ERR(bundle_wait(outermost, now() + 10), ETIMEDOUT);
        CHECK_OK(hclose(outermost));
    }
    CHECK_NOTES("1 late 1 2 late 1 2 3 late");
}

/* Coroutines may close what isn't theirs, as long as they don't run in it. */
static coroutine void closes_sibling(int b) {
    CHECK_OK(hclose(b));
    note("closed");
}

TEST(siblings) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, blocks("victim")));
    int s = go(closes_sibling(b));
    CHECK_HANDLE(s);
    CHECK_OK(bundle_wait(s, -1));
    CHECK_NOTES("victim closed");
    CHECK_OK(hclose(s));
    CHECK_ERR(hclose(b), EBADF);
}

/* A member closes its channel ends and bundles while being cancelled. */
static coroutine void cleans_up(void) {
    int ch[2], val;
    CHECK_OK(chmake(ch));
    int b = go(receives_one(ch[1]));
    CHECK_HANDLE(b);
    val = 42;
    CHECK_OK(chsend(ch[0], &val, sizeof(val), -1));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), ECANCELED);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    note("clean");
}

/* When cancelled, closes a bundle whose member is closing its own. */
static coroutine void closes_when_cancelled(const int *other, int64_t period) {
    CHECK_ERR(msleep(-1), ECANCELED);
    if(period < 0) CHECK_ERR(hclose(*other), EDEADLK);
    else CHECK_ERR(bundle_cancel(*other, period), EDEADLK);
    note("refused");
}

static coroutine void closes(int b, int64_t period) {
    if(period < 0) CHECK_OK(hclose(b));
    else CHECK_ERR(bundle_cancel(b, period), ETIMEDOUT);
    note("closed");
}

TEST(closing_each_other_is_a_deadlock) {
    for(int64_t period = -1; period != 3; period += 2) {
        int a = bundle();
        CHECK_HANDLE(a);
        int b = bundle();
        CHECK_HANDLE(b);
        CHECK_OK(bundle_go(b, closes_when_cancelled(&a, period)));
        CHECK_OK(bundle_go(a, closes(b, period)));
        CHECK_OK(bundle_wait(a, -1));
        CHECK_OK(hclose(a));
        CHECK_NOTES("refused closed");
    }
}

TEST(clean_up_when_cancelled) {
    int b = go(cleans_up());
    CHECK_HANDLE(b);
    CHECK_OK(yield());
    CHECK_OK(hclose(b));
    CHECK_NOTES("got it clean");
}

TEST(many_members) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 1000; ++i) CHECK_OK(bundle_go(b, blocks("m")));
    CHECK_OK(hclose(b));
    CHECK_INT(strlen(check_notes_), 1999);
}
