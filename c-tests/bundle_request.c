/* bundle_request, bundle_requested and CHREQUEST: asking without waiting, and being asked without
   a channel. */

#include "elapsed.h"

BEFORE_EACH {
    use_virtual_time();
}

static struct chclause request = {CHREQUEST, -1, NULL, 0};

/* Until it is asked. */
static coroutine void waits_for_request(const char *name) {
    CHECK_RESULT(choose(&request, 1, -1), 0, 0);
    CHECK_INT(bundle_requested(), 1);
    note("%s@%d", name, elapsed());
}

static coroutine void receives_until_done(int ch, const char *name) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0) note("%d", val);
    CHECK_INT(errno, EPIPE);
    note("%s@%d", name, elapsed());
}

TEST(returns_at_once_and_leaves_the_bundle_open) {
    int b = bundle(), ch[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[0]));
    CHECK_OK(bundle_go(b, receives_until_done(ch[1], "asked")));
    start = now();
    CHECK_OK(bundle_request(b));
    /* Nobody else has run. */
    CHECK_NOTES("");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("asked@0");
    /* Open for more, with all calls allowed. */
    CHECK_OK(bundle_go(b, sleeps(10, "later")));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("later");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void finds_request(void) {
    struct cancel_scope sc;
    CHECK_INT(bundle_requested(), 1);
    CHECK_RESULT(choose(&request, 1, -1), 0, 0);
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    note("found");
}

TEST(empty_bundle_keeps_the_request) {
    int b = bundle();
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_go(b, finds_request()));
    CHECK_NOTES("found");
    CHECK_OK(hclose(b));
    /* A bundle in the same place knows nothing of it. */
    b = go(blocks("cut"));
    CHECK_OK(bundle_go(b, sleeps(1, NULL)));
    CHECK_ERR(bundle_cancel(b, 10), ETIMEDOUT);
    CHECK_NOTES("cut");
}

static coroutine void asks(int b) {
    CHECK_OK(bundle_request(b));
    CHECK_INT(bundle_requested(), 1);
}

static coroutine void asks_from_deeper(int b) {
    int inner = go(asks(-1));
    CHECK_INT(bundle_requested(), 0);
    CHECK_OK(bundle_request(b));
    CHECK_INT(bundle_requested(), 1);
    CHECK_OK(hclose(inner));
}

TEST(members_ask_their_own_bundle) {
    start = now();
    int b = go(waits_for_request("a"));
    CHECK_OK(bundle_go(b, asks(-1)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("a@0");
    b = go(waits_for_request("b"));
    CHECK_OK(bundle_go(b, asks_from_deeper(b)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("b@0");
}

static coroutine void asks_when_cancelled(int b) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(bundle_requested(), 1);
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_request(-1));
}

TEST(cancelled_callers_ask) {
    start = now();
    int b = go(waits_for_request("asked")), c = go(asks_when_cancelled(b));
    CHECK_OK(hclose(c));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("asked@0");
    CHECK_OK(hclose(b));
}

static coroutine void is_cancelled(void) {
    CHECK_INT(bundle_requested(), 0);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(bundle_requested(), 1);
    /* As every blocking call. */
    CHECK_ERR(choose(&request, 1, -1), ECANCELED);
    note("cancelled");
}

TEST(hard_cancellation_is_seen) {
    CHECK_OK(hclose(go(is_cancelled())));
    CHECK_NOTES("cancelled");
}

static coroutine void works_on(int64_t ms) {
    CHECK_WAITED(msleep(now() + ms));
    CHECK_INT(bundle_requested(), 1);
}

/* During and after a request it changes nothing, and the period stays the owner's. */
TEST(again) {
    start = now();
    int b = go(works_on(100));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_go(b, asks(-1)));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_INT(elapsed(), 100);
    b = go(blocks("cut"));
    CHECK_OK(bundle_request(b));
    CHECK_ERR(bundle_cancel(b, 50), ETIMEDOUT);
    CHECK_INT(elapsed(), 150);
    CHECK_NOTES("cut");
}

static coroutine void asks_later(int b) {
    CHECK_WAITED(msleep(now() + 10));
    CHECK_OK(bundle_request(b));
}

/* While it is being ended. */
TEST(during_the_grace_period) {
    start = now();
    int b = go(works_on(100));
    CHECK_OK(bundle_go(b, asks_later(b)));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_INT(elapsed(), 100);
}

TEST(bad_handles) {
    int ch[2];
    CHECK_ERR(bundle_request(-1), ENOTSUP);
    CHECK_ERR(bundle_request(-2), EBADF);
    CHECK_OK(chmake(ch));
    CHECK_ERR(bundle_request(-1), ENOTSUP);
    CHECK_ERR(bundle_request(-2), EBADF);
    CHECK_ERR(bundle_request(1000000), EBADF);
    CHECK_ERR(bundle_request(ch[0]), ENOTSUP);
    int b = bundle();
    CHECK_OK(hclose(b));
    CHECK_ERR(bundle_request(b), EBADF);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void owns_a_follower(int follows) {
    int b = bundle();
    if(follows) CHECK_OK(bundle_follow(b));
    CHECK_OK(bundle_go(b, waits_for_request("inner")));
    if(!follows) {
        CHECK_RESULT(choose(&request, 1, -1), 0, 0);
        note("outer@%d", elapsed());
        CHECK_WAITED(msleep(now() + 7));
        CHECK_OK(bundle_request(b));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* By default a request stops at its bundle; one that follows gets it. */
TEST(bundles_that_follow) {
    start = now();
    int b = go(owns_a_follower(1));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("inner@0");
    CHECK_OK(hclose(b));
    b = go(owns_a_follower(0));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("outer@0 inner@7");
    CHECK_OK(hclose(b));
}

static coroutine void reports_last(int jobs, int reports) {
    int val;
    while(chrecv(jobs, &val, sizeof(val), -1) == 0)
        CHECK_OK(chsend(reports, &val, sizeof(val), -1));
    val = -1;
    CHECK_OK(chsend(reports, &val, sizeof(val), -1));
}

/* The owner goes on receiving its workers' last reports meanwhile. */
TEST(last_reports_are_received) {
    int b = bundle(), jobs[2], reports[2], val;
    CHECK_OK(chmake(jobs));
    CHECK_OK(chmake(reports));
    CHECK_OK(bundle_notify(b, jobs[0]));
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(b, reports_last(jobs[1], reports[1])));
    for(int i = 1; i <= 3; ++i) CHECK_OK(chsend(jobs[0], &i, sizeof(i), -1));
    CHECK_OK(bundle_request(b));
    struct chclause cls[] = {
        {CHRECV, reports[0], &val, sizeof(val)},
        {CHBUNDLE, b, NULL, 0}
    };
    int sum = 0, last = 0;
    while(choose(cls, 2, -1) == 0) {
        if(val < 0) ++last;
        else sum += val;
    }
    CHECK_INT(sum, 6);
    CHECK_INT(last, 3);
    CHECK_OK(bundle_cancel(b, 1000));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(jobs[i]));
        CHECK_OK(hclose(reports[i]));
    }
}

static coroutine void is_asked_at(int64_t when) {
    struct chclause two[] = {request, request};
    CHECK_ERR(choose(&request, 1, 0), ETIMEDOUT);
    CHECK_ERR(choose(&request, 1, start + 5), ETIMEDOUT);
    CHECK_INT(elapsed(), 5);
    CHECK_RESULT(choose(two, 2, -1), 0, 0);
    CHECK_INT(elapsed(), when);
    /* From now on it is ready, and clauses in front of it go first. */
    CHECK_RESULT(choose(&request, 1, 0), 0, 0);
    CHECK_RESULT(choose(two, 2, -1), 0, 0);
}

TEST(clause) {
    start = now();
    int b = go(is_asked_at(20));
    CHECK_OK(msleep(start + 20));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    b = bundle();
    CHECK_OK(bundle_go(b, waits_for_request("cancel")));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_NOTES("cancel@20");
}

static coroutine void prefers(int ch, int channel_first) {
    int val = 0;
    struct chclause cls[] = {{CHRECV, ch, &val, sizeof(val)}, request, {CHRECV, ch, &val, sizeof(val)}};
    CHECK_OK(yield());
    CHECK_RESULT(choose(channel_first ? cls : cls + 1, 2, -1), 0, 0);
    CHECK_INT(val, channel_first ? 3 : 0);
    if(channel_first) CHECK_RESULT(choose(cls, 2, -1), 1, 0);
    else CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
}

/* Order decides among clauses that are ready. */
TEST(clause_and_messages) {
    for(int first = 0; first != 2; ++first) {
        int ch[2];
        CHECK_OK(chmake(ch));
        int s = go(sends(ch[1], 3)), b = go(prefers(ch[0], first));
        CHECK_OK(bundle_request(b));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(bundle_wait(s, -1));
        CHECK_NOTES("s3");
        CHECK_OK(hclose(b));
        CHECK_OK(hclose(s));
        CHECK_OK(hclose(ch[0]));
        CHECK_OK(hclose(ch[1]));
    }
}

static coroutine void drains(int ch) {
    int val;
    struct chclause cls[] = {{CHRECV, ch, &val, sizeof(val)}, request};
    CHECK_RESULT(choose(cls, 2, -1), 0, EPIPE);
    CHECK_RESULT(choose(cls + 1, 1, 0), 0, 0);
    note("drained");
}

/* A channel that was registered comes before it, where both are waited for. */
TEST(clause_behind_a_registered_channel) {
    int ch[2], b = bundle();
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_notify(b, ch[1]));
    CHECK_OK(bundle_go(b, drains(ch[0])));
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("drained");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Main runs in no bundle. */
TEST(clause_in_main) {
    start = now();
    CHECK_INT(bundle_requested(), 0);
    CHECK_ERR(choose(&request, 1, 0), ETIMEDOUT);
    CHECK_ERR(choose(&request, 1, now() + 10), ETIMEDOUT);
    CHECK_INT(elapsed(), 10);
    int b = go(waits_for_request("asked"));
    struct chclause cls[] = {request, {CHBUNDLE, b, NULL, 0}};
    CHECK_OK(bundle_request(b));
    CHECK_RESULT(choose(cls, 2, -1), 1, 0);
    CHECK_INT(bundle_requested(), 0);
    CHECK_NOTES("asked@10");
    CHECK_OK(hclose(b));
}

TEST(clause_arguments) {
    int val;
    struct chclause bad[] = {
        {CHREQUEST, 0, NULL, 0},
        {CHREQUEST, -2, NULL, 0},
        {CHREQUEST, -1, &val, 0},
        {CHREQUEST, -1, NULL, 1}
    };
    for(size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); ++i)
        CHECK_RESULT(choose(&bad[i], 1, -1), 0, EINVAL);
}

static coroutine void waits_or_is_cut(int64_t deadline, int err) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, deadline));
    CHECK_ERR(choose(&request, 1, -1), ECANCELED);
    if(err) CHECK_ERR(cancel_leave(&sc), err);
    else CHECK_OK(cancel_leave(&sc));
    note("cut@%d", elapsed());
}

/* It ends as any blocking call. */
TEST(clause_is_cut) {
    start = now();
    int b = go(waits_or_is_cut(now() + 5, ETIMEDOUT));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(go(waits_or_is_cut(-1, 0))));
    CHECK_NOTES("cut@5 cut@5");
}

static coroutine void computes(int *rounds) {
    while(!bundle_requested()) {
        ++*rounds;
        CHECK_OK(yield());
    }
}

TEST(loops_ask) {
    int rounds = 0;
    int b = go(computes(&rounds));
    for(int i = 0; i != 10; ++i) CHECK_OK(yield());
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_BETWEEN(rounds, 5, 15);
}
