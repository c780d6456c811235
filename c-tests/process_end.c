/* Ways for a process to end: with coroutines still blocked, from within one, by a
   stack overflow; and what the environment says about stacks. Each in a child; the
   parent itself never uses the library. */

#include <signal.h>

#include "net.h"
#include "process.h"

ALL_TESTS(BOTH_POLLERS)

static coroutine void blocks(void) {
    (void)msleep(-1);
    /* No request cancels it: the process just ends. */
    _exit(99);
}

static coroutine void blocks_on(int fd) {
    (void)fdin(fd, -1);
    _exit(99);
}

static void leave_things_open(void) {
    int ch[2], fds[2];
    struct ipaddr addr;
    loopback_listener(&addr);
    CHECK_HANDLE(tcp_connect(&addr, -1));
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(fds));
    for(int i = 0; i != 100; ++i) CHECK_HANDLE(go(blocks()));
    CHECK_HANDLE(go(blocks_on(fds[0])));
    CHECK_OK(msleep(now() + 1));
}

static void exits(void) {
    leave_things_open();
    exit(6);
}

TEST(with_blocked_coroutines) {
    CHECK_INT(in_child(exits), 6);
}

static coroutine void exits_inside(void) {
    CHECK_OK(yield());
    exit(7);
}

static void exits_in_a_coroutine(void) {
    leave_things_open();
    CHECK_HANDLE(go(exits_inside()));
    CHECK_OK(msleep(-1));
}

TEST(in_a_coroutine) {
    CHECK_INT(in_child(exits_in_a_coroutine), 7);
}

/* Handlers run after main; the library is still there for them. */
static void uses_the_library(void) {
    int b = bundle();
    _exit(b >= 0 && msleep(now() + 1) == 0 && hclose(b) == 0 ? 8 : 98);
}

static void exits_with_a_handler(void) {
    CHECK_OK(atexit(uses_the_library));
    leave_things_open();
    exit(97);
}

TEST(with_a_handler) {
    CHECK_INT(in_child(exits_with_a_handler), 8);
}

static __attribute__((noinline)) int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    frame[1023] = (char)(depth + 1);
    int deeper = depth > 1 << 20 ? 0 : recurse(depth + 1);
    return deeper + frame[0] + frame[1023];
}

static coroutine void overflows(int *result) {
    *result = recurse(0);
}

static void overflows_a_stack(void) {
    make_no_core_file();
    int result, b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10; ++i) CHECK_OK(bundle_go(b, blocks()));
    CHECK_OK(bundle_go(b, overflows(&result)));
}

/* The guard page turns it into a crash, instead of a neighbour's damage. */
TEST(by_a_stack_overflow) {
    CHECK_INT(in_child(overflows_a_stack), -SIGSEGV);
}

static coroutine void uses_stack(int depth, int *result) {
    *result = depth;
    *result += recurse((1 << 20) - depth) != 12345;
}

/* Uses more than 256 KiB of stack, with a frame of a bit over 1 KiB a call. */
TEST(large_stack) {
    int result = 0;
    CHECK_OK(setenv("DILL_STACK_SIZE", "4194304", 1));
    int b = go(uses_stack(2000, &result));
    CHECK_HANDLE(b);
    CHECK_INT(result, 2001);
    CHECK_OK(hclose(b));
}

static void uses_a_stack_of_some_size(void) {
    int result = 0, b = go(uses_stack(1, &result));
    if(b < 0) CHECK_INT(errno, ENOMEM);
    else CHECK_INT(result, 2);
}

TEST(strange_stack_sizes) {
    static const char *const sizes[] = {"", "0", "1", "-1", "many", "100",
        "18446744073709551615", "99999999999999999999999"};
    for(size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i) {
        about("DILL_STACK_SIZE=%s", sizes[i]);
        CHECK_OK(setenv("DILL_STACK_SIZE", sizes[i], 1));
        CHECK_OK(in_child(uses_a_stack_of_some_size));
    }
}
