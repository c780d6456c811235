/* DILL_CHECK=1: one line where thousands of members of a bundle were launched at one place and
   none has finished, as by a launch that blocks in its arguments; none where members finish. */

#include "check.h"

static int ch[2];

static coroutine void takes(int result) {
    (void)result;
}

static int received(void) {
    int val;
    return chrecv(ch[1], &val, sizeof(val), -1);
}

TEST(many_launches_from_one_place) {
    char text[4096];
    CHECK_OK(setenv("DILL_CHECK", "1", 1));
    FILE *file = tmpfile();
    CHECK(file != NULL);
    int err = dup(2);
    CHECK(err >= 0 && dup2(fileno(file), 2) == 2);
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10000; ++i) CHECK_OK(bundle_go(b, takes(0)));
    CHECK_OK(hclose(b));
    b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10000; ++i) CHECK_OK(bundle_go(b, takes(received())));
    CHECK_OK(hclose(b));
    CHECK(dup2(err, 2) == 2);
    rewind(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = 0;
    CHECK(strstr(text, "launched at ") && strstr(text, "launch_site.c:"));
    CHECK(strchr(text, '\n') == text + len - 1);
}
