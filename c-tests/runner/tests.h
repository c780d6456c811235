/* Tests that are run by name, each in a process of its own. Included by check.h.

       TEST(name) {
           CHECK(...);
       }

   defines one. A program that has no main() is linked with tests.c, which has one that runs all
   tests of the program, or those that its arguments name, and reports each. What a test needs
   stands behind its name:

       TEST(name, TIME_LIMIT(60), BOTH_POLLERS) { ... }

   or, for all tests of the program, in

       ALL_TESTS(TIME_LIMIT(60), BOTH_POLLERS)

   ../README.md has more. */

#ifndef TESTS_H_INCLUDED
#define TESTS_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

enum check_need {
    CHECK_NO_NEED,
    CHECK_TIME_LIMIT,
    CHECK_DESCRIPTORS,
    CHECK_BOTH_POLLERS,
    CHECK_VARIANTS
};

struct check_option {
    enum check_need need;
    int value;
    const char *text;
};

struct check_test {
    const char *name;
    const char *file;
    int line;
    void (*run)(void);
    const struct check_option *options;     /* up to CHECK_NO_NEED */
    struct check_test *next;
};

/* These are called before main(). */
void check_register_test(struct check_test *test);
void check_register_options(const struct check_option *options);
void check_register_before(void (*before)(void));
void check_register_after(void (*after)(void));
void check_register_program(struct check_test *program);

/* Returns which of the test's VARIANTS runs, counted from 0. */
int variant(void);

#ifdef __cplusplus
}
#endif

/* Needs this many seconds of an idle machine; 20 if nothing is said. */
#define TIME_LIMIT(seconds) {CHECK_TIME_LIMIT, (seconds), 0}
/* Needs this many descriptors; is skipped where the system doesn't allow them. */
#define DESCRIPTORS(count) {CHECK_DESCRIPTORS, (count), 0}
/* Waits for descriptors, so c-tests/run has it run with io_uring as well. */
#define BOTH_POLLERS {CHECK_BOTH_POLLERS, 1, 0}
/* Runs once for each of these names, which are separated by spaces; variant() tells for which. */
#define VARIANTS(names) {CHECK_VARIANTS, 1, (names)}

#define TEST(...) CHECK_TEST_(__VA_ARGS__, {CHECK_NO_NEED, 0, 0})
#define CHECK_TEST_(name, ...)\
    static void name(void);\
    CHECK_REGISTER_(check_register_##name) {\
        static const struct check_option options[] = {__VA_ARGS__};\
        static struct check_test test = {#name, __FILE__, __LINE__, name, options, 0};\
        check_register_test(&test);\
    }\
    static void name(void)

#define ALL_TESTS(...)\
    CHECK_REGISTER_(check_register_options_) {\
        static const struct check_option options[] = {__VA_ARGS__, {CHECK_NO_NEED, 0, 0}};\
        check_register_options(options);\
    }

/* Runs in each test's process, before the test. */
#define BEFORE_EACH\
    static void check_before_(void);\
    CHECK_REGISTER_(check_register_before_) {\
        check_register_before(check_before_);\
    }\
    static void check_before_(void)

/* Runs in each test's process after the test, if it hasn't failed. */
#define AFTER_EACH\
    static void check_after_(void);\
    CHECK_REGISTER_(check_register_after_) {\
        check_register_after(check_after_);\
    }\
    static void check_after_(void)

/* A program that tests become with run_program("name"). */
#define PROGRAM(name)\
    static void name(void);\
    CHECK_REGISTER_(check_register_##name) {\
        static struct check_test program = {#name, __FILE__, __LINE__, name, 0, 0};\
        check_register_program(&program);\
    }\
    static void name(void)

#define CHECK_REGISTER_(name)\
    __attribute__((constructor)) static void name(void)

#endif
