/* DILL_CHECK=1: a line for each cancel scope that is seen to be forgotten. */

#include "caught.h"
#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
    CHECK_OK(setenv("DILL_CHECK", "1", 1));
    prepare_to_catch();
}

static void check_caught(int line, const char *what) {
    char expected[512];
    snprintf(expected, sizeof(expected), "libdill: the coroutine launched at %s:%d %s\n", __FILE__,
        line, what);
    CHECK_STR(caught(), expected);
}

static coroutine void ends_inside(void) {
    struct cancel_scope outer, inner;
    CHECK_OK(cancel_enter(&outer, -1, -1));
    CHECK_OK(cancel_enter(&inner, -1, -1));
    catch();
}

TEST(an_end_inside) {
    int line = __LINE__ + 1;
    int b = go(ends_inside());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    check_caught(line, "has ended in a cancel scope that it has not left");
    CHECK_OK(hclose(b));
}

static coroutine void enters_again(void) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, -1));
    catch();
    CHECK_ERR(cancel_enter(&sc, -1, -1), EINVAL);
    CHECK_OK(cancel_leave(&sc));
}

TEST(a_second_entry) {
    int line = __LINE__ + 1;
    int b = go(enters_again());
    CHECK_HANDLE(b);
    check_caught(line, "enters a cancel scope that is entered already");
    CHECK_OK(hclose(b));
}

static coroutine void overwrites(void) {
    struct cancel_scope *sc = malloc(sizeof(*sc));
    CHECK(sc != NULL);
    CHECK_OK(cancel_enter(sc, -1, -1));
    memset(sc, 0xff, sizeof(*sc));
    catch();
    CANCEL_SCOPE(next, -1, -1);
    CHECK_INT(cancel_fired(&next), 0);
    free(sc);
}

TEST(memory_that_was_overwritten) {
    int line = __LINE__ + 1;
    int b = go(overwrites());
    CHECK_HANDLE(b);
    check_caught(line, "has not left a cancel scope whose memory was overwritten");
    CHECK_OK(hclose(b));
}

static coroutine void forgets_inside(void) {
    CANCEL_SCOPE(sc, -1, -1);
    struct cancel_scope inner;
    CHECK_OK(cancel_enter(&inner, -1, -1));
    catch();
}

TEST(an_end_of_a_block) {
    int line = __LINE__ + 1;
    int b = go(forgets_inside());
    CHECK_HANDLE(b);
    check_caught(line, "has not left a cancel scope inside of one that ends");
    CHECK_OK(hclose(b));
}

static coroutine void makes_no_mistake(void) {
    catch();
    for(int i = 0; i != 3; ++i) {
        CANCEL_SCOPE(sc, DILL_REQUEST, now() + 1);
        CANCEL_SCOPE(inner, -1, -1);
        msleep(-1);
        if(i == 1) CHECK_OK(cancel_leave(&inner));
    }
}

TEST(nothing_without_a_mistake) {
    int b = go(makes_no_mistake());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_STR(caught(), "");
    CHECK_OK(hclose(b));
}
