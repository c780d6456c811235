/* When no other coroutine runs: in a rendezvous that succeeds at once, with the deadline 0, within
   close callbacks, in straight-line clean-up of a coroutine that is cancelled, and before a whole
   turn of failures is over. In real and in virtual time. */

#include <string.h>

#include "libdillimpl.h"
#include "turns.h"

/* More than a turn of virtual time. */
#define LONG ((1 << 20) + 1000)
/* More than a turn of real time, and less. */
#define TURN 200
#define LESS 60

static int spinners;

ALL_TESTS(VARIANTS("real virtual"))

BEFORE_EACH {
    if(variant() == 1) use_virtual_time();
    spinners = go(spinner());
    CHECK_HANDLE(spinners);
}

AFTER_EACH {
    CHECK_OK(hclose(spinners));
}

/* So often that it would be time for others. */
#define ALONE(...) do {\
    long seen_ = turns;\
    for(int i_ = variant() == 0 ? TURN : LONG; i_ != 0; --i_) {\
        if(i_ <= TURN && i_ % 50 == 0) compute_for_ms(1);\
        __VA_ARGS__;\
    }\
    CHECK_INT(turns, seen_);\
} while(0)

TEST(deadline_0, TIME_LIMIT(60)) {
    int ch[2], over[2], val = 0, b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(over));
    CHECK_OK(chdone(over[0]));
    struct chclause waiting = {CHRECV, ch[0], &val, sizeof(val)};
    struct chclause done = {CHRECV, over[1], &val, sizeof(val)};
    struct chclause empty = {CHBUNDLE, b, NULL, 0};
    ALONE(CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 0), ETIMEDOUT));
    ALONE(CHECK_ERR(chsend(ch[0], &val, sizeof(val), 0), ETIMEDOUT));
    ALONE(CHECK_ERR(chrecv(over[1], &val, sizeof(val), 0), EPIPE));
    ALONE(CHECK_ERR(chsend(over[0], &val, sizeof(val), 0), EPIPE));
    ALONE(CHECK_ERR(chrecv(-1, &val, sizeof(val), 0), EBADF));
    ALONE(CHECK_ERR(choose(&waiting, 1, 0), ETIMEDOUT));
    ALONE(CHECK_RESULT(choose(&done, 1, 0), 0, EPIPE));
    ALONE(CHECK_RESULT(choose(&empty, 1, 0), 0, 0));
    ALONE(CHECK_OK(bundle_wait(b, 0)));
    CHECK_OK(hclose(b));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(ch[i]));
        CHECK_OK(hclose(over[i]));
    }
}

TEST(deadline_0_of_sockets) {
    int s[2];
    char c;
    struct ipaddr address;
    CHECK_OK(ipc_pair(s));
    CHECK_OK(ipaddr_local(&address, "127.0.0.1", 0, 0));
    for(int i = 0; i != TURN; ++i) CHECK_OK(bsend(s[0], "x", 1, 0));
    long seen = turns;
    for(int i = 0; i != TURN; ++i) {
        if(i % 50 == 0) compute_for_ms(1);
        CHECK_OK(brecv(s[1], &c, 1, 0));
        CHECK_OK(ipaddr_remote(&address, "127.0.0.1", 80, 0, 0));
    }
    CHECK_INT(turns, seen);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static int received;

static coroutine void receives(int ch) {
    int val;
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    received++;
}

TEST(rendezvous) {
    int ch[2], val = 0, b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    struct chclause clause = {CHSEND, ch[0], &val, sizeof(val)};
    for(int i = 0; i != 2 * TURN; ++i) CHECK_OK(bundle_go(b, receives(ch[1])));
    long seen = turns;
    for(int i = 0; i != TURN; ++i) {
        if(i % 50 == 0) compute_for_ms(1);
        CHECK_OK(chsend(ch[0], &val, sizeof(val), -1));
        CHECK_RESULT(choose(&clause, 1, -1), 0, 0);
    }
    CHECK_INT(turns, seen);
    CHECK_INT(received, 0);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(received, 2 * TURN);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void nothing(void) {
}

static char stack[16384];
static struct hvfs object;

static void *query(struct hvfs *vfs, const void *type) {
    (void)vfs;
    (void)type;
    errno = ENOTSUP;
    return NULL;
}

/* All ways to fail within a close callback, and in a coroutine that is cancelled. */
static void fail_once(int err) {
    char c;
    int val;
    CHECK_ERR(msleep(now() + 1), ECANCELED);
    CHECK_ERR(chrecv(-1, &val, sizeof(val), -1), ECANCELED);
    CHECK_ERR(choose(NULL, 0, -1), ECANCELED);
    CHECK_ERR(brecv(-1, &c, 1, -1), EBADF);
    CHECK_ERR(bundle_wait(-1, -1), ECANCELED);
    CHECK_ERR(bundle_go(-1, nothing()), err);
    CHECK_ERR(go_mem(nothing(), stack, sizeof(stack)), ECANCELED);
}

static int closed;

static void closes(struct hvfs *vfs) {
    (void)vfs;
    ALONE({
        fail_once(ECANCELED);
        CHECK_ERR(yield(), ECANCELED);
    });
    closed++;
}

TEST(close_callback, TIME_LIMIT(60)) {
    object.query = query;
    object.close = closes;
    CHECK_OK(hclose(hmake(&object)));
    CHECK_INT(closed, 1);
}

/* In a coroutine that is cancelled itself. */
static coroutine void closes_cancelled(int h) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(hclose(h));
}

TEST(close_callback_of_a_cancelled_coroutine, TIME_LIMIT(60)) {
    object.query = query;
    object.close = closes;
    int h = hmake(&object);
    CHECK_HANDLE(h);
    CHECK_OK(hclose(go(closes_cancelled(h))));
    CHECK_INT(closed, 1);
}

static coroutine void cleans_up(void) {
    /* Failures with waits in between are no row. */
    for(int i = 0; i != TURN; ++i) {
        CHECK_ERR(chrecv(-1, NULL, 0, -1), EBADF);
        CHECK_OK(yield());
    }
    CHECK_ERR(msleep(-1), ECANCELED);
    long seen = turns;
    for(int i = 0; i != LESS / 7; ++i) {
        compute_for_ms(1);
        fail_once(ECANCELED);
    }
    CHECK_INT(turns, seen);
    /* Also after others have run. */
    CHECK_ERR(yield(), ECANCELED);
    CHECK(turns > seen);
    seen = turns;
    for(int i = 0; i != LESS / 7; ++i) {
        compute_for_ms(1);
        fail_once(ECANCELED);
    }
    CHECK_INT(turns, seen);
}

TEST(straight_line_cleanup) {
    int b = go(cleans_up());
    CHECK_HANDLE(b);
    for(int i = 0; i != 2 * TURN; ++i) CHECK_OK(yield());
    CHECK_OK(hclose(b));
}

static coroutine void yields(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    for(int i = 0; i != TURN; ++i) {
        long seen = turns;
        CHECK_ERR(yield(), ECANCELED);
        CHECK(turns > seen);
    }
}

TEST(yield_of_a_cancelled_coroutine) {
    CHECK_OK(hclose(go(yields())));
    struct cancel_scope scope;
    memset(&scope, 0, sizeof(scope));
    CHECK_OK(cancel_enter(&scope, -1, 0));
    for(int i = 0; i != TURN; ++i) {
        long seen = turns;
        CHECK_ERR(yield(), ECANCELED);
        CHECK(turns > seen);
    }
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
}

/* In virtual time others run after so many failures, not before. */
TEST(many_failures) {
    if(variant() == 0) return;
    int val, i;
    long seen = turns;
    for(i = 0; turns == seen; ++i) {
        CHECK_INT(chrecv(-1, &val, sizeof(val), -1), -1);
        CHECK_INT(errno, EBADF);
    }
    CHECK_INT(i, (1 << 20) + 1);
}
