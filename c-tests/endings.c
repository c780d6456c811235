/* What a coroutine leaves behind when it ends, and bundles that are ended by each
   other's coroutines. */

#include "coroutines.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

/* Ends inside of two cancel scopes, which is a mistake. Both lie in its frame, which is
   gone when they would fire. */
static coroutine void leaves_scopes(int ch) {
    struct cancel_scope outer, inner;
    CHECK_OK(cancel_enter(&outer, ch, now() + 5));
    CHECK_OK(cancel_enter(&inner, DILL_REQUEST, now() + 10));
}

static coroutine void sleeps_well(int64_t until) {
    char frame[512];
    memset(frame, 0xa5, sizeof(frame));
    __asm__ __volatile__("" : : "r"(frame) : "memory");
    CHECK_OK(msleep(until));
    note("slept");
}

TEST(an_end_disarms_its_scopes) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, leaves_scopes(ch[0])));
    /* On the same stack, where the scopes were. */
    CHECK_OK(bundle_go(b, sleeps_well(now() + 20)));
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_go(b, leaves_scopes(-1)));
    CHECK_OK(bundle_go(b, sleeps_well(now() + 20)));
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_NOTES("slept slept");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void chooses(int b) {
    struct chclause clause = {CHBUNDLE, b, NULL, 0};
    CHECK_INT(choose(&clause, 1, -1), 0);
    note("choose");
}

static coroutine void waits(int b, int err) {
    if(err) CHECK_ERR(bundle_wait(b, -1), err);
    else CHECK_OK(bundle_wait(b, -1));
    note("wait");
}

TEST(a_clause_waits_beside_bundle_wait) {
    int b = go(sleeps(10, NULL));
    CHECK_HANDLE(b);
    int w = bundle();
    CHECK_HANDLE(w);
    CHECK_OK(bundle_go(w, chooses(b)));
    CHECK_OK(bundle_go(w, waits(b, 0)));
    CHECK_OK(bundle_go(w, waits(b, EBUSY)));
    CHECK_OK(bundle_go(w, chooses(b)));
    CHECK_OK(bundle_wait(w, -1));
    CHECK_NOTES("wait choose wait choose");
    CHECK_OK(hclose(w));
    CHECK_OK(hclose(b));
}

static coroutine void ends_when_cancelled(int other, int err) {
    CHECK_ERR(msleep(-1), ECANCELED);
    if(err) CHECK_ERR(hclose(other), err);
    else CHECK_OK(hclose(other));
    note("%d", err != 0);
}

/* Of two bundles, each has a coroutine that ends the other one. */
TEST(mutual_ends_are_a_deadlock) {
    int x = bundle();
    CHECK_HANDLE(x);
    int y = bundle();
    CHECK_HANDLE(y);
    CHECK_OK(bundle_go(x, ends_when_cancelled(y, 0)));
    CHECK_OK(bundle_go(y, ends_when_cancelled(x, EDEADLK)));
    CHECK_OK(hclose(x));
    CHECK_NOTES("1 0");
    CHECK_ERR(hclose(y), EBADF);
}

/* The same in a ring, with a grace period and from deep inside. */
static coroutine void ends_from_inside(int other, int err) {
    int b = go(ends_when_cancelled(other, err));
    CHECK_HANDLE(b);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(hclose(b));
}

TEST(rings_are_a_deadlock) {
    int ring[3];
    for(int i = 0; i != 3; ++i) {
        ring[i] = bundle();
        CHECK_HANDLE(ring[i]);
    }
    CHECK_OK(bundle_go(ring[0], ends_from_inside(ring[1], 0)));
    CHECK_OK(bundle_go(ring[1], ends_from_inside(ring[2], 0)));
    CHECK_OK(bundle_go(ring[2], ends_from_inside(ring[0], EDEADLK)));
    CHECK_ERR(bundle_cancel(ring[0], 10), ETIMEDOUT);
    CHECK_NOTES("1 0 0");
    for(int i = 0; i != 3; ++i) CHECK_ERR(hclose(ring[i]), EBADF);
}

static int taken = -1;

/* Takes over the bundle in which the one runs who is ending its own. */
static coroutine void takes_over_and_closes(void) {
    CHECK_WAITED(msleep(now() + 1));
    int y = hown(taken);
    CHECK_HANDLE(y);
    CHECK_ERR(hclose(y), EDEADLK);
    CHECK_ERR(bundle_cancel(y, 1000), EDEADLK);
    /* Another one of its own is none of that. */
    CHECK_OK(hclose(go(blocks("own"))));
    note("refused");
    taken = y;
}

static coroutine void ends_the_other(int x) {
    CHECK_OK(bundle_cancel(x, 1000));
    note("ended");
}

/* An owner, too, may wait for its own end: who runs in its bundle ends that in which it runs. */
TEST(owners_may_deadlock) {
    int x = bundle();
    CHECK_HANDLE(x);
    CHECK_OK(bundle_go(x, takes_over_and_closes()));
    taken = go(ends_the_other(x));
    CHECK_HANDLE(taken);
    CHECK_OK(msleep(now() + 10));
    CHECK_NOTES("own refused ended");
    CHECK_OK(hclose(taken));
}

static int ended, refused;

static coroutine void ends_next(int other, int period) {
    if(period == 0) CHECK_ERR(msleep(-1), ECANCELED);
    if(bundle_cancel(other, period) < 0) CHECK_INT(errno, ECANCELED);
    ended++;
}

static coroutine void last_in_ring(int first, int closed) {
    CHECK_ERR(msleep(-1), ECANCELED);
    if(closed) {
        CHECK_ERR(hclose(first), EDEADLK);
        refused++;
    }
    ended++;
}

/* Rings of any length, closed by the last one; without it they are chains. With a period each
   begins to end the next one when it is launched, otherwise when it is cancelled. */
static void long_ring(int n, int period, int closed) {
    int ring[1000];
    ended = refused = 0;
    for(int i = 0; i != n; ++i) {
        ring[i] = bundle();
        CHECK_HANDLE(ring[i]);
    }
    CHECK_OK(bundle_go(ring[n - 1], last_in_ring(ring[0], closed)));
    for(int i = n - 2; i >= 0; --i)
        CHECK_OK(bundle_go(ring[i], ends_next(ring[i + 1], period)));
    CHECK_ERR(bundle_cancel(ring[0], 10), ETIMEDOUT);
    CHECK_INT(ended, n);
    CHECK_INT(refused, closed);
    for(int i = 0; i != n; ++i) CHECK_ERR(hclose(ring[i]), EBADF);
}

#define DEPTH 40

static int ladder[2][DEPTH], aside[2];

/* Two chains of bundles; each owner ends the bundle beside its own. From the lowest ones there are
   2^40 ways up. */
static coroutine void rung(int side, int depth) {
    if(depth == DEPTH) {
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_OK(hclose(aside[side]));
        ended++;
        return;
    }
    int b = ladder[side][depth] = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, rung(side, depth + 1)));
    while(ladder[!side][depth] < 0) CHECK_OK(yield());
    CHECK_ERR(bundle_cancel(ladder[!side][depth], -1), ECANCELED);
}

TEST(many_ways) {
    int top[2];
    ended = 0;
    memset(ladder, -1, sizeof(ladder));
    for(int side = 0; side != 2; ++side) {
        aside[side] = bundle();
        CHECK_HANDLE(aside[side]);
        top[side] = go(rung(side, 0));
        CHECK_HANDLE(top[side]);
    }
    CHECK_OK(msleep(now() + 10));
    for(int side = 0; side != 2; ++side) CHECK_OK(hclose(top[side]));
    CHECK_INT(ended, 2);
}

/* Deeper than any search that gives up. */
static coroutine void closes_the_outermost(int *outermost, int depth) {
    if(depth == 0) {
        CHECK_ERR(hclose(*outermost), EDEADLK);
        CHECK_ERR(bundle_cancel(*outermost, -1), EDEADLK);
        refused++;
        return;
    }
    int b = go(closes_the_outermost(outermost, depth - 1));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static void deep_inside(int depth) {
    refused = 0;
    int outermost = bundle();
    CHECK_HANDLE(outermost);
    CHECK_OK(bundle_go(outermost, closes_the_outermost(&outermost, depth)));
    CHECK_OK(bundle_wait(outermost, -1));
    CHECK_OK(hclose(outermost));
    CHECK_INT(refused, 1);
}

static const int lengths[] = {2, 16, 17, 18, 100, 1000};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

TEST(long_rings) {
    for(size_t i = 0; i != LENGTHS; ++i)
        for(int closed = 0; closed != 2; ++closed) {
            long_ring(lengths[i], 0, closed);
            long_ring(lengths[i], -1, closed);
        }
}

TEST(the_outermost_from_deep_inside) {
    for(size_t i = 0; i != LENGTHS; ++i) deep_inside(lengths[i]);
}
