/* In real time: coroutines that are always ready don't starve timers or
   descriptors. The bound is generous, to hold on a busy machine. */

#include <sys/socket.h>

#include "check.h"

static int stop;
static long turns;

static coroutine void spins(void) {
    while(!stop) {
        CHECK_OK(yield());
        turns++;
    }
}

static coroutine void plays_ping_pong(int ch, int first) {
    int val = 0;
    while(!stop) {
        if(first && chsend(ch, &val, sizeof(val), -1) < 0) break;
        if(chrecv(ch, &val, sizeof(val), -1) < 0) break;
        if(!first && chsend(ch, &val, sizeof(val), -1) < 0) break;
    }
}

static void timers(void) {
    int64_t start = now();
    long before = turns;
    CHECK_WAITED(msleep(start + 5));
    CHECK_BETWEEN(now() - start, 5, 1000);
    CHECK(turns > before);
    int ch[2], val;
    CHECK_OK(chmake(ch));
    start = now();
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), start + 5), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 5, 1000);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static void descriptors(void) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    for(int i = 0; i != 3; ++i) {
        char c;
        int64_t start = now();
        CHECK_INT(write(fds[1], "x", 1), 1);
        CHECK_WAITED(fdin(fds[0], -1));
        CHECK_INT(read(fds[0], &c, 1), 1);
        CHECK_WAITED(fdout(fds[0], -1));
        CHECK_BETWEEN(now() - start, 0, 1000);
    }
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(fds[i]));
        CHECK_OK(close(fds[i]));
    }
}

static coroutine void sleeps(int64_t deadline, int *woken) {
    CHECK_WAITED(msleep(deadline));
    ++*woken;
}

static void many_timers(void) {
    int woken = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    /* Every launch lets all the others have a turn, so it takes a while until the
       last timer is set; and then not long until all have fired. */
    for(int i = 0; i != 20; ++i)
        CHECK_OK(bundle_go(b, sleeps(now() + 1 + i % 10, &woken)));
    int64_t start = now();
    CHECK_OK(bundle_wait(b, -1));
    CHECK_BETWEEN(now() - start, 0, 1000);
    CHECK_INT(woken, 20);
    CHECK_OK(hclose(b));
}

static void among(int spinners) {
    int b = bundle(), ch[2];
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    stop = 0;
    for(int i = 0; i != spinners; ++i) CHECK_OK(bundle_go(b, spins()));
    CHECK_OK(bundle_go(b, plays_ping_pong(ch[0], 1)));
    CHECK_OK(bundle_go(b, plays_ping_pong(ch[1], 0)));
    timers();
    descriptors();
    many_timers();
    stop = 1;
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

int main(void) {
    among(1);
    among(100);
    among(3000);
    return 0;
}
