/* choose: the cases of kotlinx.coroutines' select (onReceive, onSend, onJoin, onTimeout), of Go's
   select and of tokio's select!, as far as they are about ends and cancellation. */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

static int val_seen;

static struct chclause in(int ch) {
    struct chclause cl = {CHRECV, ch, &val_seen, sizeof(val_seen)};
    return cl;
}

static struct chclause out(int ch, int *val) {
    struct chclause cl = {CHSEND, ch, val, sizeof(*val)};
    return cl;
}

static struct chclause end_of(int b) {
    struct chclause cl = {CHBUNDLE, b, NULL, 0};
    return cl;
}

static struct chclause the_request(void) {
    struct chclause cl = {CHREQUEST, -1, NULL, 0};
    return cl;
}

static coroutine void sends_at(int64_t ms, int ch, int val) {
    CHECK_OK(msleep(start + ms));
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
    note("sent%d@%d", val, elapsed());
}

/* Kotlin: select onTimeout before and after a message. */
TEST(a_message_or_a_deadline, VARIANTS("message deadline")) {
    int ch[2];
    make_channel(ch);
    int b = go(sends_at(20, ch[1], 5));
    struct chclause cl = in(ch[0]);
    if(variant()) {
        CHECK_ERR(choose(&cl, 1, start + 10), ETIMEDOUT);
        CHECK_INT(elapsed(), 10);
        CHECK_NOTES("");
    }
    CHECK_RESULT(choose(&cl, 1, start + 30), 0, 0);
    CHECK_INT(val_seen, 5);
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("sent5@20");
    close_channel(ch);
}

/* Kotlin: select onJoin. */
TEST(the_first_of_two_bundles_to_finish) {
    int a = go(works(20, "a")), b = go(works(10, "b"));
    struct chclause cls[] = {end_of(a), end_of(b)};
    CHECK_RESULT(choose(cls, 2, -1), 1, 0);
    CHECK_INT(elapsed(), 10);
    CHECK_RESULT(choose(cls, 1, -1), 0, 0);
    CHECK_INT(elapsed(), 20);
    /* Both have finished: the first clause is taken. */
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(b));
    CHECK_NOTES("b@10 a@20");
}

/* Kotlin: onJoin of a job that is cancelled meanwhile. */
TEST(a_bundle_that_is_cut_meanwhile) {
    int b = go(is_cut("cut"));
    CHECK_OK(bundle_deadline(b, start + 10));
    struct chclause cl = end_of(b);
    CHECK_RESULT(choose(&cl, 1, start + 50), 0, 0);
    CHECK_NOTES("cut@10");
    CHECK_ERR(bundle_cancel(b, -1), ETIMEDOUT);
}

static coroutine void chooses_two(int a, int b) {
    struct chclause cls[] = {in(a), in(b)};
    CHECK_ERR(choose(cls, 2, -1), ECANCELED);
    note("cut@%d", elapsed());
}

/* Kotlin: a select that is cancelled has taken nothing from any of its channels. */
TEST(a_choice_that_is_cut_takes_nothing) {
    int x[2], y[2];
    make_channel(x);
    make_channel(y);
    int b = go(chooses_two(x[0], y[0]));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cut@10");
    int val = 1;
    CHECK_ERR(chsend(x[1], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chsend(y[1], &val, sizeof(val), now() + 5), ETIMEDOUT);
    close_channel(x);
    close_channel(y);
}

/* Kotlin: a send clause that lost has sent nothing. */
TEST(clauses_that_lose_send_nothing) {
    int x[2], y[2], one = 1, two = 2;
    make_channel(x);
    make_channel(y);
    int b = go(receives(y[0], 2));
    struct chclause cls[] = {out(x[1], &one), out(y[1], &two)};
    CHECK_RESULT(choose(cls, 2, -1), 1, 0);
    CHECK_OK(bundle_wait(b, -1));
    struct chclause cl = in(x[0]);
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_NOTES("r2");
    CHECK_OK(hclose(b));
    close_channel(x);
    close_channel(y);
}

/* Kotlin: a channel that ends while a select waits; Go: a closed channel is always ready. */
TEST(an_ended_channel_is_ready_for_ever) {
    int x[2], y[2];
    make_channel(x);
    make_channel(y);
    int b = go(ends_channel(y[1], 10));
    struct chclause cls[] = {in(x[0]), in(y[0])};
    for(int i = 0; i != 3; ++i) {
        CHECK_RESULT(choose(cls, 2, -1), 1, EPIPE);
        CHECK_INT(elapsed(), 10);
    }
    CHECK_OK(bundle_cancel(b, -1));
    close_channel(x);
    close_channel(y);
}

/* Go: an ended channel is taken out of the select by the receiver; the other ones go on. */
TEST(an_ended_channel_is_left_out) {
    int x[2], y[2];
    make_channel(x);
    make_channel(y);
    int b = go(ends_channel(x[1], 10));
    CHECK_OK(bundle_go(b, sends_at(20, y[1], 2)));
    struct chclause cls[] = {in(x[0]), in(y[0])};
    int first = 0, count = 0;
    while(first != 2 && count != 5) {
        int i = choose(cls + first, 2 - first, start + 30);
        ++count;
        if(i < 0) break;
        if(errno == EPIPE) ++first;
        else note("got%d", val_seen);
    }
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(count, 3);
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_NOTES("sent2@20 got2");
    close_channel(x);
    close_channel(y);
}

static coroutine void drains_first(int ch) {
    struct chclause cls[] = {in(ch), the_request()};
    int i;
    while((i = choose(cls, 2, -1)) == 0) note("got%d", val_seen);
    CHECK_INT(i, 1);
    note("asked");
}

static coroutine void sends_all(int ch, int count) {
    for(int i = 0; i != count; ++i) CHECK_OK(chsend(ch, &i, sizeof(i), -1));
}

/* tokio: a biased select!, the request behind the messages. */
TEST(messages_before_the_request) {
    int ch[2];
    make_channel(ch);
    int senders = bundle();
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(senders, sends(ch[1], i)));
    int b = bundle();
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_go(b, drains_first(ch[0])));
    CHECK_OK(bundle_cancel(b, -1));
    CHECK_OK(bundle_cancel(senders, -1));
    CHECK_NOTES("got0 got1 got2 asked s0 s1 s2");
    close_channel(ch);
}

static coroutine void request_first(int ch) {
    struct chclause cls[] = {the_request(), in(ch)};
    int i;
    while((i = choose(cls, 2, -1)) == 1) note("got%d", val_seen);
    CHECK_INT(i, 0);
    note("asked");
}

/* tokio: ...and in front of them: what was not received stays with its sender. */
TEST(the_request_before_messages) {
    int ch[2];
    make_channel(ch);
    int senders = go(sends_at(5, ch[1], 1));
    CHECK_OK(bundle_go(senders, sends_at(10, ch[1], 2)));
    int b = go(request_first(ch[0]));
    CHECK_OK(msleep(start + 7));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("sent1@5 got1 asked");
    CHECK_OK(chrecv(ch[0], &val_seen, sizeof(val_seen), -1));
    CHECK_INT(val_seen, 2);
    CHECK_OK(bundle_cancel(senders, -1));
    CHECK_NOTES("sent2@10");
    close_channel(ch);
}

/* Go: select with default. */
TEST(a_look_changes_nothing) {
    int ch[2], val = 1;
    make_channel(ch);
    int b = go(is_cut("cut"));
    struct chclause cls[] = {in(ch[0]), out(ch[0], &val), end_of(b), the_request()};
    for(int i = 0; i != 10; ++i) CHECK_ERR(choose(cls, 4, 0), ETIMEDOUT);
    CHECK_INT(elapsed(), 0);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cut@0");
    close_channel(ch);
}

/* Go: a select without cases blocks for ever. Here: until its deadline. */
TEST(no_clauses_wait_for_the_deadline) {
    CHECK_ERR(choose(NULL, 0, start + 10), ETIMEDOUT);
    CHECK_INT(elapsed(), 10);
    CANCEL_SCOPE(sc, -1, start + 20);
    CHECK_ERR(choose(NULL, 0, -1), ECANCELED);
    CHECK_INT(elapsed(), 20);
}

static coroutine void chooses_for_all(int a, int b, int count) {
    struct chclause cls[] = {in(a), in(b)};
    for(int i = 0; i != count; ++i) {
        int seen = choose(cls, 2, -1);
        CHECK_INT(errno, 0);
        note("%d", seen);
    }
}

/* Kotlin: select in a loop gets everything from all of its channels. */
TEST(a_loop_gets_everything) {
    int x[2], y[2];
    make_channel(x);
    make_channel(y);
    int b = go(chooses_for_all(x[0], y[0], 6));
    int senders = go(sends_all(x[1], 3));
    CHECK_OK(bundle_go(senders, sends_all(y[1], 3)));
    CHECK_OK(bundle_wait(senders, -1));
    CHECK_OK(bundle_wait(b, -1));
    int count[2] = {0, 0};
    for(const char *p = check_notes_; *p; ++p) if(*p != ' ') ++count[*p - '0'];
    CHECK_INT(count[0], 3);
    CHECK_INT(count[1], 3);
    CHECK_OK(hclose(senders));
    CHECK_OK(hclose(b));
    close_channel(x);
    close_channel(y);
}

static coroutine void takes_one(int ch, const char *name) {
    struct chclause cls[] = {in(ch), the_request()};
    int i = choose(cls, 2, -1);
    CHECK(i == 0 || i == 1);
    note("%s%s", name, i ? "-asked" : "-got");
}

/* Kotlin: several selects wait for one message: one of them gets it. */
TEST(one_message_and_many_choices) {
    int ch[2];
    make_channel(ch);
    int b = bundle();
    CHECK_OK(bundle_go(b, takes_one(ch[0], "a")));
    CHECK_OK(bundle_go(b, takes_one(ch[0], "b")));
    CHECK_OK(bundle_go(b, takes_one(ch[0], "c")));
    int val = 1;
    CHECK_OK(chsend(ch[1], &val, sizeof(val), -1));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("a-got b-asked c-asked");
    close_channel(ch);
}

/* Kotlin: a sender whose receiver has gone does not wait longer than its scope lasts. */
TEST(a_send_to_one_who_has_gone) {
    int ch[2], val = 1;
    make_channel(ch);
    CHECK_OK(hclose(ch[1]));
    CANCEL_SCOPE(sc, -1, start + 10);
    struct chclause cl = out(ch[0], &val);
    CHECK_ERR(choose(&cl, 1, -1), ECANCELED);
    CHECK_INT(elapsed(), 10);
    CHECK_OK(hclose(ch[0]));
}

static coroutine void serves(int s, int ch) {
    struct chclause cls[] = {{CHSOCK, s, NULL, 0}, in(ch), the_request()};
    char c;
    int i;
    while((i = choose(cls, 3, -1)) != 2) {
        CHECK(i == 0 || i == 1);
        if(i == 0) {
            CHECK_OK(brecv(s, &c, 1, -1));
            note("%c", c);
        } else note("%d", val_seen);
    }
    note("asked");
}

/* tokio: select! over a socket, a message and the token, in each order of arrival. */
TEST(a_socket_a_message_and_the_request, BOTH_POLLERS) {
    int s[2], ch[2], val = 7;
    CHECK_OK(ipc_pair(s));
    make_channel(ch);
    int b = go(serves(s[0], ch[0]));
    CHECK_OK(bsend(s[1], "a", 1, -1));
    CHECK_OK(msleep(start + 10));
    CHECK_OK(chsend(ch[1], &val, sizeof(val), -1));
    CHECK_OK(msleep(start + 15));
    CHECK_OK(bsend(s[1], "bc", 2, -1));
    CHECK_OK(msleep(start + 20));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("a 7 b c asked");
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    close_channel(ch);
}

/* Trio, tokio: a descriptor that never becomes ready, and the deadline of a scope. */
TEST(a_descriptor_a_bundle_and_a_scope, BOTH_POLLERS) {
    int fds[2];
    CHECK_OK(pipe(fds));
    int b = go(works(10, "end"));
    struct chclause cls[] = {{CHFDIN, fds[0], NULL, 0}, end_of(b)};
    CHECK_RESULT(choose(cls, 2, -1), 1, 0);
    CHECK_INT(elapsed(), 10);
    {
        CANCEL_SCOPE(sc, -1, start + 20);
        CHECK_ERR(choose(cls, 1, -1), ECANCELED);
        CHECK_INT(elapsed(), 20);
    }
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_OK(hclose(b));
    CHECK_NOTES("end@10");
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}
