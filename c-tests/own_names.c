/* Without DILL_RAW_NAMES these words are the program's, whatever it uses them for. */

#include "check.h"

static int left(int reason) {
    return reason - 1;
}

static const char *dump(const char *deadline) {
    return deadline;
}

struct reason {
    int last_resort;
};

TEST(words_of_the_program) {
    struct reason reason = {left(3)};
    int64_t deadline = now() + 1000;
    CHECK_INT(reason.last_resort, 2);
    CHECK_STR(dump("text"), "text");
    CHECK(dill_left(deadline) > 0);
    CHECK_PTR(dill_reason(), NULL);
}
