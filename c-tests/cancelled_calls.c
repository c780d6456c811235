/* In a hard-cancelled coroutine every blocking call fails with ECANCELED, again
   and again and even where it could succeed at once; what doesn't block works. */

#include <fcntl.h>

#include "coroutines.h"
#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static int readable, writable;

static coroutine void sends_five(int ch) {
    int val = 5;
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

static coroutine void every_call(int ch, int ready, int empty, int listener,
        int s, struct ipaddr addr) {
    int val = 0;
    struct chclause cls[2] = {
        {CHRECV, ready, &val, sizeof(val)},
        {CHSEND, ch, &val, sizeof(val)}
    };
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
    for(int i = 0; i != 3; ++i) {
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_ERR(msleep(0), ECANCELED);
        CHECK_ERR(msleep(now() + 100000), ECANCELED);
        CHECK_ERR(yield(), ECANCELED);
        CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
        CHECK_ERR(chsend(ch, &val, sizeof(val), -1), ECANCELED);
        CHECK_ERR(chrecv(ch, &val, sizeof(val), 0), ECANCELED);
        /* A sender is waiting there. */
        CHECK_ERR(chrecv(ready, &val, sizeof(val), -1), ECANCELED);
        CHECK_ERR(choose(cls, 2, -1), ECANCELED);
        CHECK_ERR(choose(cls, 2, 0), ECANCELED);
        CHECK_ERR(choose(NULL, 0, -1), ECANCELED);
        CHECK_ERR(bundle_wait(empty, -1), ECANCELED);
        CHECK_ERR(fdin(readable, -1), ECANCELED);
        CHECK_ERR(fdout(writable, -1), ECANCELED);
        CHECK_ERR(tcp_accept(listener, NULL, -1), ECANCELED);
        CHECK_ERR(tcp_connect(&addr, -1), ECANCELED);
        struct ipaddr any = addr;
        ipaddr_setport(&any, 0);
        CHECK_ERR(tcp_listen(&any, 1), ECANCELED);
        CHECK_ERR(go(finishes()), ECANCELED);
        CHECK_ERR(chmake((int[2]){-1, -1}), ECANCELED);
    }
    CHECK_INT(val, 0);
    char c = 'x';
    CHECK_ERR(brecv(s, &c, 1, -1), ECANCELED);
    CHECK_ERR(bsend(s, &c, 1, -1), ECANCELED);
    /* What doesn't block is as usual. */
    CHECK(now() > 0);
    CHECK_OK(chdone(ch));
    CHECK_ERR(hclose(-1), EBADF);
    CHECK_OK(fdclean(readable));
    CHECK_OK(hclose(s));
    note("done");
}

TEST(every_call_fails_when_cancelled) {
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_INT(write(fds[1], "x", 1), 1);
    readable = fds[0];
    writable = fds[1];
    int ch[2], ready[2], s[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(ready));
    tcp_pair(s);
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int empty = bundle();
    CHECK_HANDLE(empty);
    int sender = go(sends_five(ready[1]));
    CHECK_HANDLE(sender);
    int nfds = count_fds();
    int b = go(every_call(ch[0], ready[0], empty, ls, s[0], addr));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("done");
    /* The refused calls have left no descriptor open; one socket was closed. */
    CHECK_INT(count_fds(), nfds - 1);
    /* Nor have they taken the message, the connection, or hurt the waiter. */
    int val = 0;
    CHECK_OK(chrecv(ready[0], &val, sizeof(val), -1));
    CHECK_INT(val, 5);
    CHECK_OK(bundle_wait(sender, -1));
    CHECK_ERR(tcp_accept(ls, NULL, 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1], &val, sizeof(val), -1), EPIPE);
    CHECK_OK(hclose(sender));
    CHECK_OK(hclose(empty));
    CHECK_OK(hclose(ls));
    CHECK_OK(hclose(s[1]));
}
