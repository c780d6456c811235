/* Real clocks, descriptors and sockets: the cases of Trio (timekeeping, cancelled waits for
   sockets), of Go (net with contexts), of tokio (select! over sockets) and of kotlinx.coroutines
   (time-outs by the clock) in which the system takes part. Times have lower bounds only, as a busy
   machine may be late. */

#include "peers.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    begin();
}

static void make_pair(int s[2]) {
    CHECK_OK(ipc_pair(s));
}

static void close_pair(const int s[2]) {
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

/* Trio: a scope's deadline by the clock. */
TEST(a_scope_lasts_as_long_as_it_says) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, start + 50));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK(elapsed() >= 50);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
}

/* Kotlin: withTimeout that is much longer than its body. */
TEST(a_long_deadline_is_not_waited_for) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, start + 100000));
    CHECK_WAITED(msleep(start + 5));
    CHECK_OK(cancel_leave(&sc));
    CHECK(elapsed() >= 5);
}

static coroutine void stays_in_brecv(int s) {
    char c;
    CHECK_ERR(brecv(s, &c, 1, -1), ECANCELED);
    note("cut");
}

/* Trio: a task in a receive is cancelled. */
TEST(a_receive_is_cut) {
    int s[2];
    make_pair(s);
    int b = go(stays_in_brecv(s[0]));
    CHECK_ERR(bundle_cancel(b, 20), ETIMEDOUT);
    CHECK(elapsed() >= 20);
    CHECK_NOTES("cut");
    close_pair(s);
}

static coroutine void receives_twice(int s, int ch, char expected) {
    char c = 0;
    {
        CANCEL_SCOPE(sc, -1, start + 10);
        CHECK_ERR(brecv(s, &c, 1, -1), ECANCELED);
    }
    CHECK_OK(chdone(ch));
    CHECK_OK(brecv(s, &c, 1, -1));
    CHECK_INT(c, expected);
}

/* Trio, tokio: a receive that was given up before its first byte loses none. */
TEST(a_receive_is_given_up_and_repeated) {
    int s[2], ch[2], val;
    make_pair(s);
    make_channel(ch);
    int b = go(receives_twice(s[0], ch[1], 'x'));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), EPIPE);
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(bundle_cancel(b, -1));
    close_channel(ch);
    close_pair(s);
}

static coroutine void sends_much(int s, int ch) {
    static char buf[4000000];
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    CHECK_OK(bsend(s, buf, sizeof(buf), -1));
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    CHECK_OK(chdone(ch));
}

/* tokio-graceful-shutdown: what is under way at the request is completed. */
TEST(a_send_under_way_is_completed) {
    static char buf[4000000];
    int s[2], ch[2], val;
    make_pair(s);
    make_channel(ch);
    int b = go(sends_much(s[0], ch[1]));
    CHECK_OK(bundle_request(b));
    CHECK_OK(yield());
    CHECK_ERR(bundle_wait(b, 0), ETIMEDOUT);
    CHECK_OK(brecv(s[1], buf, sizeof(buf), -1));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), EPIPE);
    CHECK_OK(bundle_cancel(b, -1));
    close_channel(ch);
    close_pair(s);
}

static coroutine void connects(const struct ipaddr *addr, int ch) {
    int s = tcp_connect(addr, -1);
    CHECK_HANDLE(s);
    CHECK_OK(bsend(s, "hello", 5, -1));
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    CHECK_OK(hclose(s));
}

/* Go: accept with a context: either a connection or the end, and no connection is lost. */
TEST(connections_until_the_request) {
    struct ipaddr addr;
    int ch[2], accepted = 0;
    make_channel(ch);
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4));
    int listener = tcp_listen(&addr, 10);
    CHECK_HANDLE(listener);
    int clients = bundle();
    for(int i = 0; i != 5; ++i) CHECK_OK(bundle_go(clients, connects(&addr, ch[0])));
    struct chclause cl = {CHSOCK, listener, NULL, 0};
    while(accepted != 5 && choose(&cl, 1, now() + 10000) == 0) {
        int s = tcp_accept(listener, NULL, -1);
        CHECK_HANDLE(s);
        char buf[5];
        CHECK_OK(brecv(s, buf, 5, -1));
        CHECK_OK(hclose(s));
        ++accepted;
    }
    CHECK_INT(accepted, 5);
    CHECK_ERR(choose(&cl, 1, now() + 10), ETIMEDOUT);
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(bundle_cancel(clients, -1));
    CHECK_OK(hclose(listener));
    close_channel(ch);
}

static coroutine void answers_until_asked(int s) {
    struct chclause cls[] = {{CHSOCK, s, NULL, 0}, {CHREQUEST, -1, NULL, 0}};
    char c;
    while(choose(cls, 2, -1) == 0) {
        CHECK_OK(brecv(s, &c, 1, -1));
        CHECK_OK(bsend(s, &c, 1, -1));
    }
    CHECK_OK(bsend(s, ".", 1, -1));
}

/* tokio: select! over a socket and a token, with a farewell on the same socket. */
TEST(a_server_says_farewell) {
    int s[2];
    make_pair(s);
    int b = go(answers_until_asked(s[0]));
    for(char c = 'a'; c != 'k'; ++c) {
        char seen;
        CHECK_OK(bsend(s[1], &c, 1, -1));
        CHECK_OK(brecv(s[1], &seen, 1, -1));
        CHECK_INT(seen, c);
    }
    CHECK_OK(bundle_cancel(b, -1));
    char seen;
    CHECK_OK(brecv(s[1], &seen, 1, -1));
    CHECK_INT(seen, '.');
    close_pair(s);
}

static coroutine void waits_for_pipe(int fd) {
    CHECK_ERR(fdin(fd, -1), ECANCELED);
    CHECK_OK(fdclean(fd));
}

/* Trio: the descriptor of a cancelled wait can be closed, and its number be used again. */
TEST(a_descriptor_is_closed_after_the_cut) {
    for(int i = 0; i != 20; ++i) {
        int fds[2];
        CHECK_OK(pipe(fds));
        int b = go(waits_for_pipe(fds[0]));
        CHECK_OK(hclose(b));
        CHECK_ERR(fdin(fds[0], 0), ETIMEDOUT);
        CHECK_INT(write(fds[1], "x", 1), 1);
        CHECK_OK(fdin(fds[0], -1));
        CHECK_OK(fdclean(fds[0]));
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
    }
}

static coroutine void times_out(int i, int *count) {
    CANCEL_SCOPE(sc, -1, start + (i * 7) % 30);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK(elapsed() >= (i * 7) % 30);
    CHECK_INT(cancel_fired(&sc), ETIMEDOUT);
    ++*count;
}

/* Kotlin: many time-outs by the clock, in any order. */
TEST(many_time_outs) {
    int count = 0, b = bundle();
    for(int i = 0; i != 200; ++i) CHECK_OK(bundle_go(b, times_out(i, &count)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(count, 200);
    CHECK_OK(hclose(b));
}

static coroutine void echo_part(int in, int out) {
    char c;
    while(brecv(in, &c, 1, -1) == 0) if(bsend(out, &c, 1, -1) < 0) break;
    /* The peer's end is passed on. */
    CHECK_INT(errno, EPIPE);
    CHECK_OK(ipc_done(out, -1));
}

/* tokio, Trio: a proxy whose two directions end one after the other, without a cut. */
TEST(a_proxy_ends_with_its_peers) {
    int left[2], right[2];
    make_pair(left);
    make_pair(right);
    int b = go(echo_part(left[1], right[0]));
    CHECK_OK(bundle_go(b, echo_part(right[0], left[1])));
    char buf[3];
    CHECK_OK(bsend(left[0], "abc", 3, -1));
    CHECK_OK(brecv(right[1], buf, 3, -1));
    CHECK_OK(ipc_done(left[0], -1));
    CHECK_ERR(brecv(right[1], buf, 1, -1), EPIPE);
    CHECK_OK(bsend(right[1], "xyz", 3, -1));
    CHECK_OK(brecv(left[0], buf, 3, -1));
    CHECK_INT(memcmp(buf, "xyz", 3), 0);
    CHECK_OK(ipc_done(right[1], -1));
    CHECK_OK(bundle_cancel(b, 20000));
    close_pair(left);
    close_pair(right);
}
