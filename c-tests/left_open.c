/* DILL_CHECK=1: one line where a coroutine has ended without closing its bundle, and what runs
   there outlives the bundle in which that coroutine ran. */

#include "caught.h"
#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
    CHECK_OK(setenv("DILL_CHECK", "1", 1));
    prepare_to_catch();
}

static int left = -1, inner_line;

static coroutine void leaves_open(void) {
    left = bundle();
    inner_line = __LINE__ + 1;
    CHECK_OK(bundle_go(left, blocks(NULL)));
    CHECK_OK(bundle_go(left, blocks(NULL)));
    CHECK_WAITED(msleep(now() + 1));
}

TEST(outlived) {
    char expected[512];
    int line = __LINE__ + 1;
    int b = go(leaves_open());
    CHECK_OK(bundle_wait(b, -1));
    catch();
    CHECK_OK(hclose(b));
    snprintf(expected, sizeof(expected), "libdill: the coroutine launched at %s:%d has ended without "
        "closing its bundle: the one launched there at %s:%d still runs after the bundle around "
        "them was closed\n", __FILE__, line, __FILE__, inner_line);
    CHECK_STR(caught(), expected);
    /* Once. */
    catch();
    CHECK_OK(hclose(left));
    CHECK_STR(caught(), expected);
}

static coroutine void takes_over(void) {
    left = hown(left);
    CHECK_HANDLE(left);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_OK(hclose(left));
}

static coroutine void leaves_empty(void) {
    left = go(finishes());
    CHECK_WAITED(msleep(now() + 1));
}

/* No mistake: another coroutine has taken it over, or closed it, or nothing runs there. */
TEST(in_order) {
    catch();
    int b = go(leaves_open());
    CHECK_OK(bundle_wait(b, -1));
    int owner = go(takes_over());
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(owner));
    b = go(leaves_open());
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(left));
    CHECK_OK(hclose(b));
    b = go(leaves_empty());
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(left));
    CHECK_STR(caught(), "");
}
