// DILL_RAW_NAMES=2 in C++: functions, which leave the words to others that mean something else.

#define DILL_RAW_NAMES 2

#include "check.h"

#include <ios>
#include <sstream>

TEST(short_names) {
    CHECK_INT(deadline(), -1);
    CHECK_INT(left(-1), -1);
    CHECK(left(now() + 100000) > 0);
    CHECK(!reason());
    CHECK_OK(last_resort(-1, 1));
    CHECK_ERR(dump(-1), EBADF);
}

static int64_t left_of(int64_t left) {
    return left;
}

TEST(the_same_words_elsewhere) {
    std::ostringstream out;
    out << std::left << left_of(3);
    CHECK_STR(out.str().c_str(), "3");
}
