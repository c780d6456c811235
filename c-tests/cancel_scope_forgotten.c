/* Cancel scopes that are not left, or that several coroutines use: the library survives, says
   EINVAL where it sees the mistake, and no other coroutine notices. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

static struct cancel_scope shared;

static coroutine void enters_what_is_entered(void) {
    CHECK_ERR(cancel_enter(&shared, -1, -1), EINVAL);
    CHECK_ERR(cancel_leave(&shared), EINVAL);
    CHECK_OK(msleep(now() + 1));
    note("refused");
}

static coroutine void enters_and_waits(int64_t until) {
    CHECK_OK(cancel_enter(&shared, -1, -1));
    CHECK_OK(msleep(until));
    CHECK_OK(cancel_leave(&shared));
    note("left");
}

TEST(one_scope_in_two_coroutines) {
    int b = go(enters_and_waits(now() + 10));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, enters_what_is_entered()));
    CHECK_ERR(cancel_enter(&shared, -1, 0), EINVAL);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_go(b, enters_and_waits(now() + 10)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("refused left left");
}

static struct cancel_scope many[1000];

static coroutine void enters_one_of_many(int i) {
    CHECK_OK(cancel_enter(&many[i], -1, -1));
    CHECK_ERR(cancel_enter(&many[i], -1, -1), EINVAL);
    if(i > 0) CHECK_ERR(cancel_enter(&many[i - 1], -1, -1), EINVAL);
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(cancel_leave(&many[i]));
}

TEST(many_coroutines_in_scopes) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 1000; ++i) CHECK_OK(bundle_go(b, enters_one_of_many(i)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* Memory that was never a scope may hold anything, the copy of an entered scope included. */
TEST(any_garbage_before_the_entry) {
    struct cancel_scope sc, copy;
    int patterns[] = {0x00, 0xff, 0xa5, 0x01};
    for(size_t i = 0; i != sizeof(patterns) / sizeof(patterns[0]); ++i) {
        memset(&sc, patterns[i], sizeof(sc));
        CHECK_ERR(cancel_leave(&sc), EINVAL);
        CHECK_OK(cancel_enter(&sc, -1, -1));
        memcpy(&copy, &sc, sizeof(sc));
        CHECK_ERR(cancel_leave(&copy), EINVAL);
        CHECK_OK(cancel_enter(&copy, -1, -1));
        CHECK_OK(cancel_leave(&copy));
        CHECK_OK(cancel_leave(&sc));
        CHECK_ERR(cancel_leave(&sc), EINVAL);
    }
}

/* A scope in the heap, in place of a frame that has been left: what comes to lie there is known. */
static struct cancel_scope *forgets(int ch, int64_t deadline) {
    struct cancel_scope *sc = malloc(sizeof(*sc));
    CHECK(sc != NULL);
    CHECK_OK(cancel_enter(sc, ch, deadline));
    return sc;
}

static void overwrite(struct cancel_scope *sc, int pattern) {
    memset(sc, pattern, sizeof(*sc));
}

static coroutine void goes_on_after(int ch, int64_t deadline, int pattern) {
    struct cancel_scope *sc = forgets(ch, deadline);
    overwrite(sc, pattern);
    /* Past the deadline, the request, or the end of the channel. */
    CHECK_OK(msleep(now() + 50));
    CHECK_ERR(cancel_leave(sc), EINVAL);
    CHECK_OK(cancel_enter(sc, -1, 0));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(sc), ETIMEDOUT);
    free(sc);
    note("survived");
}

TEST(overwritten_before_it_fires) {
    int patterns[] = {0x00, 0xff, 0xa5};
    for(size_t i = 0; i != 3; ++i) {
        int ch[2];
        CHECK_OK(chmake(ch));
        int b = go(goes_on_after(-1, now() + 10, patterns[i]));
        CHECK_HANDLE(b);
        CHECK_OK(bundle_go(b, goes_on_after(ch[0], now() + 20, patterns[i])));
        CHECK_OK(bundle_go(b, goes_on_after(DILL_REQUEST, -1, patterns[i])));
        CHECK_OK(chdone(ch[1]));
        CHECK_OK(bundle_cancel(b, 1000));
        CHECK_OK(hclose(ch[0]));
        CHECK_OK(hclose(ch[1]));
        CHECK_NOTES("survived survived survived");
    }
}

/* The scopes outside of one that was forgotten do as if it had never been. */
static coroutine void is_inside_of_others(int64_t end) {
    struct cancel_scope outer, inner, innermost;
    CHECK_OK(cancel_enter(&outer, DILL_REQUEST, end));
    CHECK_OK(cancel_enter(&inner, -1, -1));
    struct cancel_scope *forgotten = forgets(-1, end - 5);
    CHECK_OK(cancel_enter(&innermost, -1, -1));
    overwrite(forgotten, 0x5a);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(now(), end);
    CHECK_ERR(cancel_leave(&innermost), EINVAL);
    CHECK_OK(cancel_enter(&innermost, -1, -1));
    CHECK_OK(cancel_leave(&innermost));
    CHECK_OK(cancel_leave(&inner));
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
    CHECK_OK(msleep(now() + 1));
    free(forgotten);
    note("survived");
}

TEST(those_outside_stay) {
    int b = go(is_inside_of_others(now() + 20));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_NOTES("survived");
}

static coroutine void ends_after_overwriting(int ch) {
    struct cancel_scope outer;
    CHECK_OK(cancel_enter(&outer, DILL_REQUEST, now() + 5));
    struct cancel_scope *forgotten = forgets(ch, now() + 5);
    overwrite(forgotten, 0xff);
    free(forgotten);
}

/* What comes to lie on the stack of one that has ended may enter its own scopes there. */
static coroutine void is_innocent(int64_t until) {
    struct cancel_scope outer;
    CHECK_OK(cancel_enter(&outer, DILL_REQUEST, until));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(now(), until);
    CHECK_ERR(cancel_leave(&outer), ETIMEDOUT);
    note("innocent");
}

TEST(an_end_after_that) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(bundle_go(b, ends_after_overwriting(ch[0])));
        CHECK_OK(bundle_go(b, is_innocent(now() + 10)));
        CHECK_OK(bundle_wait(b, -1));
    }
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_NOTES("innocent innocent innocent");
}

/* The frame of the function is gone, and others lie where it was. */
__attribute__((noinline)) static void forgets_in_its_frame(int ch, int64_t deadline) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, ch, deadline));
}

__attribute__((noinline)) static void uses_the_stack(int pattern) {
    char frame[2048];
    memset(frame, pattern, sizeof(frame));
    __asm__ __volatile__("" : : "r"(frame) : "memory");
}

static coroutine void leaves_a_frame(int ch, int64_t deadline) {
    forgets_in_its_frame(ch, deadline);
    uses_the_stack(0xa5);
    CHECK_OK(msleep(now() + 50));
    CANCEL_SCOPE(sc, -1, 0);
    CHECK_ERR(msleep(-1), ECANCELED);
    note("survived");
}

TEST(in_a_frame_that_is_gone) {
    if(under_memcheck()) SKIP("Memcheck reports the mistake");
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = go(leaves_a_frame(-1, now() + 10));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, leaves_a_frame(ch[0], -1)));
    CHECK_OK(bundle_go(b, leaves_a_frame(DILL_REQUEST, -1)));
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_NOTES("survived survived survived");
}

/* The end of a block leaves those that were forgotten inside of it. */
static void forgets_inside(void) {
    CANCEL_SCOPE(sc, -1, -1);
    struct cancel_scope inner;
    CHECK_OK(cancel_enter(&inner, -1, 0));
    CHECK_ERR(msleep(-1), ECANCELED);
}

TEST(one_is_forgotten_inside) {
    for(int i = 0; i != 2; ++i) {
        forgets_inside();
        CHECK_OK(msleep(now() + 1));
    }
}

/* Memory of a scope that was forgotten becomes that of one that is declared. */
TEST(declared_where_one_was_forgotten) {
    int64_t deadlines[] = {0, -1};
    for(int i = 0; i != 2; ++i) {
        struct cancel_scope outer;
        CHECK_OK(cancel_enter(&outer, -1, now() + 100));
        CANCEL_SCOPE(sc, -1, deadlines[i]);
        /* As if the block had begun anew, without an end. */
        CHECK_OK(dill_cancel_begin(&sc, -1, now() + 10));
        CHECK_INT(cancel_fired(&sc), 0);
        CHECK_ERR(msleep(-1), ECANCELED);
        CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
        CHECK_OK(cancel_leave(&outer));
    }
}

TEST(scopes_on_several_channels) {
    int a[2], b[2];
    CHECK_OK(chmake(a));
    CHECK_OK(chmake(b));
    for(int first = 0; first != 2; ++first) {
        CANCEL_SCOPE(outer, a[0], -1);
        CANCEL_SCOPE(inner, b[0], now() + 100);
        CHECK_INT(cancel_fired(&outer), 0);
        CHECK_INT(cancel_fired(&inner), 0);
        CHECK_OK(cancel_leave(&inner));
        CHECK_OK(cancel_enter(&inner, b[0], -1));
        CHECK_OK(cancel_leave(&inner));
        CHECK_OK(cancel_leave(&outer));
    }
    CANCEL_SCOPE(outer, a[0], -1);
    CANCEL_SCOPE(inner, b[0], -1);
    CHECK_OK(chdone(b[1]));
    CHECK_INT(cancel_fired(&outer), 0);
    CHECK_INT(cancel_fired(&inner), ECANCELED);
    CHECK_ERR(cancel_leave(&inner), ECANCELED);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(chdone(a[1]));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(cancel_leave(&outer), ECANCELED);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(a[i]));
        CHECK_OK(hclose(b[i]));
    }
}
