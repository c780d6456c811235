/* Ways for a process to end: with coroutines still blocked, from within one, by a
   stack overflow; and what the environment says about stacks. Each in a child; the
   parent itself never uses the library. */

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "net.h"

static int at_exit_ran;

static coroutine void blocks(void) {
    (void)msleep(-1);
    /* Nobody cancels it: the process just ends. */
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

static int main_returns(void) {
    leave_things_open();
    return 5;
}

static int exits(void) {
    leave_things_open();
    exit(6);
}

static coroutine void exits_inside(void) {
    CHECK_OK(yield());
    exit(7);
}

static int exits_in_a_coroutine(void) {
    leave_things_open();
    CHECK_HANDLE(go(exits_inside()));
    CHECK_OK(msleep(-1));
    return 99;
}

static void uses_the_library(void) {
    /* Handlers run after main; the library is still there for them. */
    int b = bundle();
    if(b >= 0 && msleep(now() + 1) == 0 && hclose(b) == 0) at_exit_ran = 1;
    if(!at_exit_ran) _exit(98);
}

static int with_a_handler(void) {
    CHECK_OK(atexit(uses_the_library));
    leave_things_open();
    return 8;
}

static __attribute__((noinline)) int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    frame[1023] = (char)(depth + 1);
    int below = depth > 1 << 20 ? 0 : recurse(depth + 1);
    return below + frame[0] + frame[1023];
}

static coroutine void overflows(int *result) {
    *result = recurse(0);
}

static int stack_overflow(void) {
    /* No core file for what is wanted here. */
    struct rlimit none = {0, 0};
    CHECK_OK(setrlimit(RLIMIT_CORE, &none));
    int result, b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10; ++i) CHECK_OK(bundle_go(b, blocks()));
    CHECK_OK(bundle_go(b, overflows(&result)));
    return 99;
}

static coroutine void uses_stack(int depth, int *result) {
    *result = depth;
    *result += recurse((1 << 20) - depth) != 12345;
}

/* Uses more than 256 KiB of stack, with a frame of a bit over 1 KiB a call. */
static int large_stack(void) {
    int result = 0;
    CHECK_OK(setenv("DILL_STACK_SIZE", "4194304", 1));
    CHECK_HANDLE(go(uses_stack(2000, &result)));
    CHECK_INT(result, 2001);
    return 9;
}

static int strange_stack_sizes(void) {
    const char *sizes[] = {"", "0", "1", "-1", "many", "100", "18446744073709551615",
        "99999999999999999999999"};
    for(size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if(pid == 0) {
            int result = 0;
            CHECK_OK(setenv("DILL_STACK_SIZE", sizes[i], 1));
            int b = go(uses_stack(1, &result));
            if(b < 0) CHECK_INT(errno, ENOMEM);
            else CHECK_INT(result, 2);
            _exit(0);
        }
        int status;
        CHECK_INT(waitpid(pid, &status, 0), pid);
        if(!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            check_fail(__FILE__, __LINE__, "DILL_STACK_SIZE=%s: status %x",
                sizes[i], status);
    }
    return 10;
}

static int run(int (*what)(void)) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) exit(what());
    CHECK_INT(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int main(void) {
    CHECK_INT(run(main_returns), 5);
    CHECK_INT(run(exits), 6);
    CHECK_INT(run(exits_in_a_coroutine), 7);
    CHECK_INT(run(with_a_handler), 8);
    /* The guard page turns it into a crash, instead of a neighbour's damage. */
    CHECK_INT(run(stack_overflow), -SIGSEGV);
    CHECK_INT(run(large_stack), 9);
    CHECK_INT(run(strange_stack_sizes), 10);
    return 0;
}
