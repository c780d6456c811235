/* DILL_RAW_NAMES=2: the few functions that otherwise have only the name with the prefix. */

#define DILL_RAW_NAMES 2

#include "check.h"

TEST(short_names) {
    use_virtual_time();
    int b = bundle();
    struct cancel_scope scope;
    CHECK_INT(deadline(), -1);
    CHECK_INT(left(-1), -1);
    CHECK_INT(left(now() + 10), 10);
    CHECK_PTR(reason(), NULL);
    CHECK_OK(last_resort(-1, 1));
    CHECK_ERR(dump(-1), EBADF);
    CHECK_OK(cancel_enter(&scope, -1, now()));
    CHECK_INT(deadline(), now());
    CHECK_ERR(yield(), ECANCELED);
    CHECK_STR(reason(), "the deadline of the cancel scope has passed");
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
    CHECK_OK(hclose(b));
}
