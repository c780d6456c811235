/* Cancel scopes: the cases of the suites of Trio (cancel scopes and shields), of
   kotlinx.coroutines (NonCancellable, withTimeout) and of Go's context. */

#include "peers.h"

BEFORE_EACH {
    use_virtual_time();
    begin();
}

/* Trio: a scope that is pending when it is left is not delivered. */
TEST(a_scope_left_in_time_interrupts_nothing) {
    struct cancel_scope sc;
    int ch[2];
    make_channel(ch);
    CHECK_OK(cancel_enter(&sc, ch[0], -1));
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    CHECK_WAITED(msleep(start + 10));
    close_channel(ch);
}

/* Trio: cancelling twice is the same as once. */
TEST(a_second_reason_changes_nothing) {
    struct cancel_scope sc;
    int ch[2];
    make_channel(ch);
    CHECK_OK(cancel_enter(&sc, ch[0], start + 10));
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(chdone(ch[1]), EPIPE);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    /* Its deadline comes later. */
    CANCEL_SCOPE(shield, DILL_SHIELD, -1);
    CHECK_WAITED(msleep(start + 20));
    CHECK_OK(cancel_leave(&shield));
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    close_channel(ch);
}

/* Trio: of nested scopes, the one that has fired says so, and those inside do not. */
TEST(only_the_scope_that_fired_says_so) {
    struct cancel_scope outer, middle, inner;
    CHECK_OK(cancel_enter(&outer, -1, start + 30));
    CHECK_OK(cancel_enter(&middle, -1, start + 10));
    CHECK_OK(cancel_enter(&inner, -1, start + 20));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(elapsed(), 10);
    CHECK_OK(cancel_leave(&inner));
    CHECK_ERR(cancel_leave(&middle), ETIMEDOUT);
    CHECK_OK(cancel_leave(&outer));
}

/* Trio: two scopes that fire at once. Kotlin: nested timeouts of the same length. */
TEST(two_scopes_with_one_deadline_both_say_so) {
    struct cancel_scope outer, inner;
    CHECK_OK(cancel_enter(&outer, -1, start + 10));
    CHECK_OK(cancel_enter(&inner, -1, start + 10));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&inner), ETIMEDOUT);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
    CHECK_INT(elapsed(), 10);
}

/* Trio: a shield does not protect from the scopes inside it. */
TEST(a_shield_holds_off_only_what_is_outside) {
    struct cancel_scope outer, shield, inner;
    CHECK_OK(cancel_enter(&outer, -1, 0));
    CHECK_ERR(yield(), ECANCELED);
    CHECK_OK(cancel_enter(&shield, DILL_SHIELD, -1));
    CHECK_OK(yield());
    CHECK_OK(cancel_enter(&inner, -1, start + 5));
    CHECK_ERR(msleep(start + 50), ECANCELED);
    CHECK_INT(elapsed(), 5);
    CHECK_ERR(cancel_leave(&inner), ETIMEDOUT);
    CHECK_WAITED(msleep(start + 10));
    CHECK_OK(cancel_leave(&shield));
    CHECK_ERR(yield(), ECANCELED);
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
}

/* Trio: the shield is taken off and put up again. */
TEST(shields_come_and_go) {
    struct cancel_scope outer, shield;
    CHECK_OK(cancel_enter(&outer, -1, start + 5));
    for(int i = 1; i != 4; ++i) {
        CHECK_OK(cancel_enter(&shield, DILL_SHIELD, -1));
        CHECK_WAITED(msleep(start + 10 * i));
        CHECK_OK(cancel_leave(&shield));
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_INT(elapsed(), 10 * i);
    }
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
}

/* Trio: a shield in a shield. */
TEST(the_inner_of_two_shields_ends_first) {
    struct cancel_scope outer, first, between, second;
    CHECK_OK(cancel_enter(&outer, -1, start + 10));
    CHECK_OK(cancel_enter(&first, DILL_SHIELD, -1));
    CHECK_OK(cancel_enter(&between, -1, start + 20));
    CHECK_OK(cancel_enter(&second, DILL_SHIELD, -1));
    CHECK_WAITED(msleep(start + 30));
    CHECK_OK(cancel_leave(&second));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&between), ETIMEDOUT);
    CHECK_WAITED(msleep(start + 40));
    CHECK_OK(cancel_leave(&first));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
}

/* Trio: a shield with a deadline bounds a clean-up (move_on_after with shield). */
TEST(a_clean_up_behind_a_shield_is_bounded) {
    struct cancel_scope outer, shield;
    CHECK_OK(cancel_enter(&outer, -1, start + 10));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(cancel_enter(&shield, DILL_SHIELD, now() + 5));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&shield), ETIMEDOUT);
    CHECK_INT(elapsed(), 15);
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
}

static coroutine void cleans_up_when_asked(void) {
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    CHECK_ERR(msleep(-1), ECANCELED);
    CANCEL_SCOPE(shield, DILL_SHIELD, -1);
    CHECK_WAITED(msleep(now() + 20));
    note("clean@%d", elapsed());
}

/* Kotlin: withContext(NonCancellable) in finally suspends to its end. */
TEST(a_clean_up_behind_a_shield_is_completed) {
    int b = go(cleans_up_when_asked());
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_INT(elapsed(), 20);
    CHECK_NOTES("clean@20");
}

static coroutine void waits_behind_a_shield(void) {
    CANCEL_SCOPE(shield, DILL_SHIELD, -1);
    CHECK_INT(bundle_requested(), 0);
    is_asked("asked");
    CHECK_INT(cancel_fired(&shield), 0);
    CHECK_INT(bundle_requested(), 1);
}

/* Kotlin: within NonCancellable the code still sees that it was cancelled. */
TEST(a_shield_hides_no_request) {
    int b = go(waits_behind_a_shield());
    CHECK_OK(msleep(start + 10));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("asked@10");
}

/* Trio: the scope around a nursery. Here a scope is that of one coroutine: the owner's wait is
   interrupted, and what it has launched goes on. */
TEST(a_scope_interrupts_the_wait_and_not_the_members) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, start + 10));
    int b = go(works(30, "member"));
    CHECK_ERR(bundle_wait(b, -1), ECANCELED);
    CHECK_INT(elapsed(), 10);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    CHECK_NOTES("");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("member@30");
    CHECK_OK(hclose(b));
}

static coroutine void has_scope(int64_t ms, const char *name) {
    CANCEL_SCOPE(sc, -1, start + ms);
    CHECK_ERR(msleep(-1), ECANCELED);
    note("%s@%d", name, elapsed());
}

/* Trio: scopes of different tasks don't know of each other. */
TEST(siblings_have_their_own_scopes) {
    int b = go(has_scope(30, "c"));
    CHECK_OK(bundle_go(b, has_scope(10, "a")));
    CHECK_OK(bundle_go(b, works(40, "none")));
    CHECK_OK(bundle_go(b, has_scope(20, "b")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("a@10 b@20 c@30 none@40");
}

static coroutine void drops_its_end(int ch) {
    CHECK_OK(msleep(start + 10));
    CHECK_OK(hclose(ch));
}

/* Trio: what the task at the other end held is closed as it ends. */
TEST(the_peer_goes_away) {
    struct cancel_scope sc;
    int ch[2];
    make_channel(ch);
    int b = go(drops_its_end(ch[1]));
    CHECK_OK(cancel_enter(&sc, ch[0], -1));
    CHECK_ERR(msleep(start + 100), ECANCELED);
    CHECK_INT(elapsed(), 10);
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
}

/* Trio: move_on_after in a loop, each round with a deadline of its own. */
TEST(one_scope_for_many_rounds) {
    struct cancel_scope sc;
    for(int i = 0; i != 1000; ++i) {
        int64_t end = now() + 10, wanted = i % 2 ? 5 : 15;
        CHECK_OK(cancel_enter(&sc, -1, end));
        if(i % 2) {
            CHECK_WAITED(msleep(now() + wanted));
            CHECK_OK(cancel_leave(&sc));
        } else {
            CHECK_ERR(msleep(now() + wanted), ECANCELED);
            CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
        }
    }
    CHECK_INT(elapsed(), 500 * 5 + 500 * 10);
}

static coroutine void sends_number(int ch, int val) {
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
    note("sent@%d", elapsed());
}

/* Kotlin: a receive that was cancelled has taken nothing (undelivered elements). */
TEST(a_receive_that_was_interrupted_takes_nothing) {
    struct cancel_scope sc;
    int ch[2], val = -1;
    make_channel(ch);
    CHECK_OK(cancel_enter(&sc, -1, start + 10));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    CHECK_INT(val, -1);
    int b = go(sends_number(ch[1], 7));
    CHECK_OK(yield());
    CHECK_NOTES("");
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
    CHECK_INT(val, 7);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("sent@10");
    CHECK_OK(hclose(b));
    close_channel(ch);
}

/* Kotlin: a send that was cancelled is not received later. */
TEST(a_send_that_was_interrupted_has_sent_nothing) {
    struct cancel_scope sc;
    int ch[2], val = 3;
    make_channel(ch);
    CHECK_OK(cancel_enter(&sc, -1, start + 10));
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), -1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), 0), ETIMEDOUT);
    close_channel(ch);
}

/* Trio: a descriptor can be waited for again after a wait for it was cancelled. */
TEST(a_descriptor_after_an_interrupted_wait, BOTH_POLLERS) {
    struct cancel_scope sc;
    int fds[2];
    CHECK_OK(pipe(fds));
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(cancel_enter(&sc, -1, now() + 10));
        CHECK_ERR(fdin(fds[0], -1), ECANCELED);
        CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
        CHECK_ERR(fdin(fds[0], now() + 5), ETIMEDOUT);
        CHECK_INT(write(fds[1], "x", 1), 1);
        CHECK_OK(fdin(fds[0], -1));
        char c;
        CHECK_INT(read(fds[0], &c, 1), 1);
    }
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static coroutine void accepts_until_asked(int listener) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    CHECK_ERR(tcp_accept(listener, NULL, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    note("asked");
}

/* Trio: an accept that was cancelled loses no connection. */
TEST(an_accept_that_was_interrupted_loses_no_connection, BOTH_POLLERS) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, 0));
    int listener = tcp_listen(&addr, 10);
    CHECK_HANDLE(listener);
    int b = go(accepts_until_asked(listener));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("asked");
    int client = tcp_connect(&addr, -1);
    CHECK_HANDLE(client);
    int server = tcp_accept(listener, NULL, -1);
    CHECK_HANDLE(server);
    char buf[5];
    CHECK_OK(bsend(client, "hello", 5, -1));
    CHECK_OK(brecv(server, buf, 5, -1));
    CHECK_INT(memcmp(buf, "hello", 5), 0);
    CHECK_OK(hclose(server));
    CHECK_OK(hclose(client));
    CHECK_OK(hclose(listener));
}

static coroutine void asks_itself(void) {
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    CHECK_OK(yield());
    CHECK_OK(bundle_request(-1));
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    CHECK_ERR(yield(), ECANCELED);
    note("asked");
}

/* Trio: a task cancels the scope in which it runs itself. */
TEST(a_coroutine_asks_itself) {
    int b = go(asks_itself());
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("asked");
    CHECK_OK(hclose(b));
}

static coroutine void enters_after_the_cut(void) {
    struct cancel_scope sc;
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(cancel_enter(&sc, DILL_SHIELD, now() + 100));
    CHECK_ERR(msleep(now() + 1), ECANCELED);
    CHECK_INT(cancel_fired(&sc), 0);
    CHECK_OK(cancel_leave(&sc));
    note("left@%d", elapsed());
}

/* Kotlin: NonCancellable, here without effect: nothing shields from the hard cancellation. */
TEST(a_scope_entered_after_the_cut) {
    int b = go(enters_after_the_cut());
    CHECK_OK(msleep(start + 10));
    CHECK_OK(hclose(b));
    CHECK_NOTES("left@10");
}
