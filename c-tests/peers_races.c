/* Ends that meet what they end, at every moment around it: the cases of kotlinx.coroutines' stress
   tests of cancellation (undelivered elements, select against cancel), of tokio's loom tests and
   of Go's tests of races, gone through one by one in virtual time. */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

/* How many messages were sent and received, as the calls say. */
static int sent, received;

static coroutine void sends_until(int ch, int64_t at, int64_t limit) {
    int val = 1;
    CHECK_OK(msleep(start + at));
    CANCEL_SCOPE(sc, -1, start + limit);
    if(chsend(ch, &val, sizeof(val), -1) == 0) ++sent;
    else CHECK_INT(errno, ECANCELED);
}

static coroutine void receives_until(int ch, int64_t at, int64_t limit) {
    int val = 0;
    CHECK_OK(msleep(start + at));
    CANCEL_SCOPE(sc, -1, start + limit);
    if(chrecv(ch, &val, sizeof(val), -1) == 0) received += val;
    else CHECK_INT(errno, ECANCELED);
}

/* Kotlin: a rendezvous whose sides give up at any time. Both sides say the same. */
TEST(both_sides_of_a_rendezvous_agree) {
    int met = 0, missed = 0;
    for(int i = 0; i != 256; ++i) {
        int s = i & 3, s_end = i >> 2 & 3, r = i >> 4 & 3, r_end = i >> 6;
        about("sender %d to %d, receiver %d to %d", s, s_end, r, r_end);
        int ch[2];
        make_channel(ch);
        begin();
        sent = received = 0;
        int b = go(sends_until(ch[0], s, s_end));
        CHECK_OK(bundle_go(b, receives_until(ch[1], r, r_end)));
        CHECK_OK(bundle_cancel(b, -1));
        CHECK_INT(sent, received);
        CHECK_BETWEEN(sent, 0, 1);
        /* Where the two were there together for some time, they have met. */
        int from = s > r ? s : r, to = s_end < r_end ? s_end : r_end;
        if(from < to) CHECK_INT(sent, 1);
        if(from > to) CHECK_INT(sent, 0);
        ++*(sent ? &met : &missed);
        close_channel(ch);
    }
    CHECK(met > 0 && missed > 0);
}

static coroutine void sends_numbers(int ch, int count, int64_t gap) {
    for(int i = 0; i != count; ++i) {
        if(gap && msleep(now() + gap) < 0) break;
        if(chsend(ch, &i, sizeof(i), -1) < 0) break;
        ++sent;
    }
}

static coroutine void receives_numbers(int ch, int64_t gap) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0) {
        CHECK_INT(val, received);
        ++received;
        if(gap && msleep(now() + gap) < 0) break;
    }
}

/* Kotlin: producer and consumer are cancelled together at any moment: nothing sent is lost. */
TEST(a_pipe_that_is_cut_at_any_moment) {
    for(int i = 0; i != 3 * 3 * 30; ++i) {
        int send_gap = i % 3, receive_gap = i / 3 % 3, at = i / 9;
        about("gaps %d and %d, at %d", send_gap, receive_gap, at);
        int ch[2];
        make_channel(ch);
        begin();
        sent = received = 0;
        int b = go(sends_numbers(ch[0], 10, send_gap));
        CHECK_OK(bundle_go(b, receives_numbers(ch[1], receive_gap)));
        CHECK_OK(bundle_deadline(b, start + at));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        CHECK_INT(sent, received);
        close_channel(ch);
    }
}

/* tokio: ...or asked: then all that was sent is received, and then comes the end. */
TEST(a_pipe_that_is_asked_at_any_moment) {
    for(int i = 0; i != 3 * 3 * 30; ++i) {
        int send_gap = i % 3, receive_gap = i / 3 % 3, at = i / 9;
        about("gaps %d and %d, at %d", send_gap, receive_gap, at);
        int ch[2];
        make_channel(ch);
        begin();
        sent = received = 0;
        int b = bundle();
        CHECK_OK(bundle_notify(b, ch[0]));
        CHECK_OK(bundle_go(b, sends_numbers(ch[0], 10, send_gap)));
        CHECK_OK(bundle_go(b, receives_numbers(ch[1], receive_gap)));
        CHECK_OK(msleep(start + at));
        CHECK_OK(bundle_cancel(b, 1000));
        CHECK_INT(sent, received);
        close_channel(ch);
    }
}

static coroutine void chooses_until_asked(int x, int y) {
    int val;
    struct chclause cls[] = {
        {CHRECV, x, &val, sizeof(val)},
        {CHRECV, y, &val, sizeof(val)},
        {CHREQUEST, -1, NULL, 0}
    };
    int i;
    while((i = choose(cls, 3, -1)) != 2) {
        CHECK_BETWEEN(i, 0, 1);
        ++received;
    }
}

static coroutine void sends_while_it_can(int ch, int64_t gap) {
    int val = 0;
    while(msleep(now() + gap) == 0 && chsend(ch, &val, sizeof(val), -1) == 0) ++sent;
    CHECK_INT(errno, ECANCELED);
}

/* Kotlin: select against cancel. */
TEST(a_choice_that_is_asked_at_any_moment) {
    for(int at = 0; at != 30; ++at) {
        about("at %d", at);
        int x[2], y[2];
        make_channel(x);
        make_channel(y);
        begin();
        sent = received = 0;
        int senders = go(sends_while_it_can(x[0], 2));
        CHECK_OK(bundle_go(senders, sends_while_it_can(y[0], 3)));
        int b = go(chooses_until_asked(x[1], y[1]));
        CHECK_OK(msleep(start + at));
        CHECK_OK(bundle_cancel(b, 1000));
        CHECK_OK(hclose(senders));
        CHECK_INT(sent, received);
        CHECK(received >= (at - 1) / 2 + (at - 1) / 3);
        close_channel(x);
        close_channel(y);
    }
}

static int begun, cleaned;

static coroutine void many_steps(int depth) {
    ++begun;
    int b = bundle();
    if(b >= 0) {
        if(depth && bundle_go(b, many_steps(depth - 1)) < 0) CHECK_INT(errno, ECANCELED);
        for(int i = 0; i != 3; ++i) if(msleep(now() + 2) < 0) break;
        if(depth && bundle_go(b, many_steps(depth - 1)) < 0) CHECK_INT(errno, ECANCELED);
        bundle_cancel(b, DILL_INHERIT);
    }
    ++cleaned;
}

/* Trio: a cancellation at every checkpoint of a program: all that was begun is cleaned up. */
TEST(a_tree_that_is_ended_at_any_moment, VARIANTS("cut asked failed deadline")) {
    for(int at = 0; at != 30; ++at) {
        about("at %d", at);
        begin();
        begun = cleaned = 0;
        int b = go(many_steps(3));
        if(variant() == 2) CHECK_OK(bundle_go(b, fails(at, EIO)));
        if(variant() == 3) CHECK_OK(bundle_deadline(b, start + at));
        CHECK_OK(msleep(start + at));
        int rc = bundle_cancel(b, variant() == 0 ? 0 : 100);
        /* By itself it takes 24. */
        const int expected[] = {0, 0, EIO, at < 24 ? -1 : 0};
        if(variant() != 3 || at != 24) CHECK_INT(rc, expected[variant()]);
        CHECK_INT(begun, cleaned);
        CHECK_BETWEEN(begun, 1, 15);
        if(variant() == 1) CHECK_INT(begun, 15);
        if(variant() != 1) CHECK_INT(elapsed(), at);
    }
}

static coroutine void ends_by_itself(int64_t ms, int *cut) {
    *cut = msleep(start + ms) < 0;
}

/* Go: a deadline and the work's own end, before, with and after one another. */
TEST(a_period_and_the_works_own_end) {
    for(int i = 0; i != 100; ++i) {
        int work = i % 10, period = i / 10, cut = -1;
        about("work of %d in a period of %d", work, period);
        begin();
        int b = go(ends_by_itself(work, &cut));
        int rc = bundle_cancel(b, period);
        CHECK_BETWEEN(cut, 0, 1);
        if(work < period) CHECK_INT(cut, 0);
        if(work > period) CHECK_INT(cut, 1);
        /* What is said is what happened; a period of 0 says nothing. */
        if(period) CHECK_INT(rc, cut ? -1 : 0);
        else CHECK_INT(rc, 0);
        CHECK_INT(elapsed(), work < period ? work : period);
    }
}

static coroutine void gives_up_owner(int64_t ms, int *leaves) {
    int b = bundle();
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(b, ends_by_itself(5, &leaves[i])));
    CANCEL_SCOPE(sc, -1, start + ms);
    if(bundle_cancel(b, 7) < 0) CHECK_INT(errno, ECANCELED);
}

/* Trio: an owner that is interrupted while it waits for its members takes them with it. */
TEST(a_scope_around_a_period_at_any_moment) {
    for(int at = 0; at != 10; ++at) {
        about("at %d", at);
        begin();
        int leaves[3] = {-1, -1, -1};
        int b = go(gives_up_owner(at, leaves));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_INT(elapsed(), at < 5 ? at : 5);
        for(int i = 0; i != 3; ++i) {
            if(at < 5) CHECK_INT(leaves[i], 1);
            if(at > 5) CHECK_INT(leaves[i], 0);
            CHECK_BETWEEN(leaves[i], 0, 1);
        }
        CHECK_OK(hclose(b));
    }
}
