/* CHSOCK after a choose that something else has ended: what comes in that moment makes the socket
   ready once, and no more when it has been received. */

#include "net.h"

enum {MESSAGE, DONE};

ALL_TESTS(BOTH_POLLERS, VARIANTS("message done"))

BEFORE_EACH {
    use_virtual_time();
}

/* Waits for the socket or the channel; then receives what the socket has. */
static coroutine void waits(int s, int ch, int (*receive)(int s)) {
    int val;
    struct chclause cls[] = {{CHSOCK, s, NULL, 0}, {CHRECV, ch, &val, sizeof(val)}};
    CHECK_RESULT(choose(cls, 2, -1), 1, variant() == MESSAGE ? 0 : EPIPE);
    CHECK_RESULT(choose(cls, 1, -1), 0, 0);
    CHECK_OK(receive(s));
    CHECK_ERR(choose(cls, 1, now() + 50), ETIMEDOUT);
    CHECK_ERR(choose(cls, 1, 0), ETIMEDOUT);
}

static void ends_the_wait(int ch) {
    int val = 1;
    if(variant() == MESSAGE) CHECK_OK(chsend(ch, &val, sizeof(val), -1));
    else CHECK_OK(chdone(ch));
}

static int a_byte(int s) {
    char c;
    return brecv(s, &c, 1, now() + 50);
}

static void a_stream(int s[2]) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = go(waits(s[0], ch[0], a_byte));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 10));
    ends_the_wait(ch[1]);
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(bundle_wait(b, -1));
}

TEST(local_streams) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    a_stream(s);
}

TEST(tcp) {
    int s[2];
    tcp_pair(s);
    a_stream(s);
}

static int a_connection(int s) {
    return tcp_accept(s, NULL, now() + 50) < 0 ? -1 : 0;
}

TEST(listeners) {
    struct ipaddr addr;
    int ch[2], ls = loopback_listener(&addr);
    CHECK_OK(chmake(ch));
    int b = go(waits(ls, ch[0], a_connection));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 10));
    ends_the_wait(ch[1]);
    CHECK_HANDLE(tcp_connect(&addr, -1));
    CHECK_OK(bundle_wait(b, -1));
}
