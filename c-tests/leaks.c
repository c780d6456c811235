/* Every kind of object made and closed many times, in all the ways it can end:
   neither memory nor descriptors may grow. */

#include "coroutines.h"
#include "net.h"
#include "process.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

static void repeat(void (*what)(void), int times) {
    /* Memcheck keeps freed memory for a while, and looks for what is lost by itself. */
    if(under_memcheck()) times /= 20;
    for(int i = 0; i != times / 10; ++i) what();
    int fds = count_fds();
    long before = resident_kb();
    for(int i = 0; i != times; ++i) what();
    CHECK_INT(count_fds(), fds);
    /* A leak of 128 bytes a turn is more than that. */
    if(!under_memcheck()) CHECK_BETWEEN(resident_kb() - before, -(1 << 20), times / 8);
}

/* A test that does something so many times. */
#define REPEATED(name, times)\
    static void name##_once(void);\
    TEST(name) {\
        repeat(name##_once, times);\
    }\
    static void name##_once(void)

static coroutine void takes(int ch) {
    int val;
    (void)chrecv(ch, &val, sizeof(val), -1);
}

REPEATED(coroutines, 20000) {
    int b = go(finishes());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, blocks(NULL)));
    b = hown(b);
    CHECK_OK(hclose(b));
    b = bundle();
    CHECK_OK(bundle_cancel(b, 10));
}

REPEATED(channels, 20000) {
    int ch[2], val = 0;
    CHECK_OK(chmake(ch));
    int b = go(takes(ch[0]));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, takes(ch[0])));
    CHECK_OK(chsend(ch[1], &val, sizeof(val), -1));
    CHECK_ERR(chsend(ch[1], &val, 2, -1), EMSGSIZE);
    CHECK_ERR(chsend(ch[1], &val, sizeof(val), now() + 1), ETIMEDOUT);
    struct chclause cls[30];
    for(int i = 0; i != 30; ++i) {
        cls[i].op = CHSEND;
        cls[i].ch = ch[1];
        cls[i].val = &val;
        cls[i].len = sizeof(val);
    }
    CHECK_ERR(choose(cls, 30, now() + 1), ETIMEDOUT);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(hclose(b));
}

REPEATED(requests, 20000) {
    int ch[3][2], b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(chmake(ch[i]));
        CHECK_OK(bundle_notify(b, ch[i][0]));
    }
    CHECK_OK(bundle_go(b, takes(ch[0][1])));
    CHECK_OK(bundle_go(b, blocks(NULL)));
    CHECK_OK(hclose(ch[1][0]));
    CHECK_ERR(bundle_cancel(b, 5), ETIMEDOUT);
    for(int i = 0; i != 3; ++i) {
        if(i != 1) CHECK_OK(hclose(ch[i][0]));
        CHECK_OK(hclose(ch[i][1]));
    }
}

REPEATED(refused, 20000) {
    static char stack[16];
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_ERR(go_mem(finishes(), stack, sizeof(stack)), ENOMEM);
    CHECK_ERR(bundle_go(ch[0], finishes()), ENOTSUP);
    CHECK_ERR(bundle_notify(ch[0], ch[1]), ENOTSUP);
    CHECK_ERR(tcp_fromfd(1000), EBADF);
    CHECK_ERR(fdin(1000, 0), EBADF);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

REPEATED(descriptors, 10000) {
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], 0), ETIMEDOUT);
    CHECK_ERR(fdin(fds[0], now() + 1), ETIMEDOUT);
    CHECK_OK(fdout(fds[1], -1));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(fdclean(fds[1]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

REPEATED(sockets, 2000) {
    struct ipaddr addr;
    int s[2];
    char buf[100] = {0};
    tcp_pair(s);
    CHECK_OK(bsend(s[0], buf, 100, -1));
    /* Closed with unread data in the buffer. */
    CHECK_OK(brecv(s[1], buf, 10, -1));
    CHECK_ERR(tcp_close(s[1], now() + 1), ETIMEDOUT);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(loopback_listener(&addr)));
    CHECK_ERR(tcp_connect(&addr, -1), ECONNREFUSED);
}
