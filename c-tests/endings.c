/* What a coroutine leaves behind when it ends, and bundles that are ended by each
   other's coroutines. */

#include "check.h"

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

static void an_end_disarms_its_scopes(void) {
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

static coroutine void sleeps(int64_t until) {
    CHECK_OK(msleep(until));
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

static void a_clause_waits_beside_bundle_wait(void) {
    int b = go(sleeps(now() + 10));
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
static void mutual_ends_are_a_deadlock(void) {
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

static void rings_are_a_deadlock(void) {
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

int main(void) {
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    an_end_disarms_its_scopes();
    a_clause_waits_beside_bundle_wait();
    mutual_ends_are_a_deadlock();
    rings_are_a_deadlock();
    return 0;
}
