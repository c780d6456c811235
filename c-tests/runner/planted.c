/* Tests that end in every way: for ../runner.sh, which looks at what is reported of them. */

#include "../check.h"

#include <signal.h>

static int state = 1;

BEFORE_EACH {
    note("before");
}

AFTER_EACH {
    CHECK_INT(state, 2);
}

TEST(passes) {
    CHECK_NOTES("before");
    CHECK_INT(state, 1);
    state = 2;
}

/* Would fail in the process of the one before. */
TEST(has_its_own_state) {
    CHECK_INT(state, 1);
    state = 2;
}

TEST(fails) {
    printf("<&> \"quoted\" \x01 \xff \xc3\xa4 ]]>\n");
    CHECK_INT(2 * 2, 5);
}

TEST(crashes) {
    printf("about to crash\n");
    raise(SIGSEGV);
}

TEST(hangs, TIME_LIMIT(1)) {
    printf("about to hang\n");
    for(;;) pause();
}

TEST(leaves_in_silence) {
    exit(3);
}

TEST(leaves_with_success) {
    exit(0);
}

TEST(fails_afterwards) {
}

TEST(is_skipped) {
    printf("looked for it\n");
    SKIP("skip: not on this machine");
}

TEST(says_much) {
    for(int i = 1; i <= 10000; ++i) printf("line %d\n", i);
    CHECK(!"said enough");
}

static coroutine void fails_inside(void) {
    CHECK_ERR(msleep(-1), EPIPE);
}

TEST(fails_in_a_coroutine) {
    int b = go(fails_inside());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
}

TEST(leaves_a_process_behind) {
    if(fork() == 0) for(;;) pause();
    state = 2;
}

TEST(has_descriptors, DESCRIPTORS(300)) {
    CHECK(sysconf(_SC_OPEN_MAX) >= 300);
    state = 2;
}

TEST(has_variants, VARIANTS("one two")) {
    CHECK_INT(variant(), 0);
    state = 2;
}

TEST(knows_its_poller, TIME_LIMIT(5), BOTH_POLLERS) {
    const char *poller = getenv("DILL_POLLER");
    printf("poller: %s\n", poller ? poller : "as ever");
    CHECK(poller != NULL);
    state = 2;
}

PROGRAM(a_new_one) {
    exit(state + 40);
}

TEST(becomes_a_program) {
    state = 2;
    run_program("a_new_one");
}
