/* In real time: timers, descriptors and cancellations come through while a coroutine does
   nothing but launch, in every way that there is, whether the launches succeed or fail; and
   coroutines each of which launches the next. The child still runs first, with no other
   coroutine in between. Where others never come to run, the test's time limit ends it. */

#include <sys/socket.h>

#include "check.h"

#if defined __x86_64__
#include "libdill_binary/launches_x86_64.h"
#elif defined __aarch64__
#include "libdill_binary/launches_aarch64.h"
#endif

static volatile int came;
static int fds[2];
static char stack[16384];

static coroutine void reads(void) {
    char c;
    CHECK_OK(fdin(fds[0], -1));
    CHECK_INT(read(fds[0], &c, 1), 1);
    came = 1;
}

static coroutine void writes(void) {
    CHECK_OK(msleep(now() + 2));
    CHECK_INT(write(fds[1], "x", 1), 1);
}

/* Launches those for whom time and descriptors must not stand still. */
static int others(void) {
    came = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, reads()));
    CHECK_OK(bundle_go(b, writes()));
    return b;
}

#define LOOP(launch) do {\
    int others__ = others();\
    while(!came) launch;\
    CHECK_OK(bundle_wait(others__, -1));\
    CHECK_OK(hclose(others__));\
} while(0)

static int children;

static coroutine void ends(void) {
    children++;
}

static coroutine void blocks(int ch) {
    int val;
    children++;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
}

static void alone(int b) {
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
}

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

TEST(children_that_end) {
    int b = bundle();
    CHECK_HANDLE(b);
    LOOP(CHECK_OK(bundle_go(b, ends())));
    LOOP(CHECK_OK(bundle_go_mem(b, ends(), stack, sizeof(stack))));
    LOOP(alone(go(ends())));
    LOOP(alone(go_mem(ends(), stack, sizeof(stack))));
    CHECK_OK(hclose(b));
}

/* Each is cancelled before the next is launched. */
TEST(children_that_block) {
    int ch[2];
    CHECK_OK(chmake(ch));
    LOOP(alone(go(blocks(ch[0]))));
    LOOP(alone(go_mem(blocks(ch[0]), stack, sizeof(stack))));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

#if defined LAUNCHES_H_INCLUDED

static void old_ends(void *arg) {
    (void)arg;
    children++;
}

TEST(children_of_old_programs) {
    int b = bundle();
    CHECK_HANDLE(b);
    LOOP(CHECK_OK(old_go(b, NULL, 0, old_ends, NULL)));
    LOOP(CHECK_OK(old_go(b, stack, sizeof(stack), old_ends, NULL)));
    LOOP(alone(old_go(-1, NULL, 0, old_ends, NULL)));
    CHECK_OK(hclose(b));
}

#else
TEST(children_of_old_programs) {
    SKIP("there are no old programs for this processor");
}
#endif

TEST(launches_that_fail) {
    int seen = children;
    LOOP(CHECK_ERR(bundle_go(INT32_MAX, ends()), EBADF));
    LOOP(CHECK_ERR(bundle_go(fds[0] + 100000, ends()), EBADF));
    LOOP(CHECK_ERR(go_mem(ends(), stack, 100), ENOMEM));
    LOOP(CHECK_ERR(bundle_go(-1, ends()), EBADF));
    CHECK_INT(children, seen);
}

/* A deadline hard-cancels the bundle that a loop launches into, the loop itself in it. */
static coroutine void launches_until_cut(int own, int b) {
    CHECK_OK(bundle_deadline(own, now() + 3));
    while(bundle_go(b, ends()) == 0) continue;
    CHECK_INT(errno, ECANCELED);
}

TEST(cut_by_a_deadline) {
    int b = bundle(), inner = bundle();
    CHECK_HANDLE(b);
    CHECK_HANDLE(inner);
    CHECK_OK(bundle_go(b, launches_until_cut(b, inner)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(inner));
    CHECK_OK(hclose(b));
}

static coroutine void link_of_chain(int b, int depth) {
    if(!came && depth != 0) {
        /* Stacks are the limit for this. */
        int err = bundle_go(b, link_of_chain(b, depth - 1));
        CHECK(err == 0 || errno == ENOMEM);
    }
}

TEST(chain) {
    int b = bundle(), c = others();
    CHECK_HANDLE(b);
    while(!came) CHECK_OK(bundle_go(b, link_of_chain(b, 100000)));
    CHECK_OK(bundle_wait(c, -1));
    CHECK_OK(hclose(c));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* Within one chain. */
static coroutine void endless_link(int b, long *depth) {
    ++*depth;
    if(came || *depth == 100000) return;
    CHECK_OK(bundle_go(b, endless_link(b, depth)));
}

TEST(endless_chain) {
    long depth = 0;
    int b = bundle(), c = others();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, endless_link(b, &depth)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    /* A chain ends itself at that depth. A machine that gets there in 2 ms is yet to be built. */
    CHECK(depth < 100000);
    CHECK_OK(bundle_wait(c, -1));
    CHECK_OK(hclose(c));
}

static long turns;

static coroutine void spins(void) {
    while(yield() == 0) turns++;
}

static coroutine void compares(long seen) {
    children++;
    CHECK_INT(turns, seen);
}

TEST(child_runs_first) {
    int spinning = bundle(), b = bundle();
    CHECK_HANDLE(spinning);
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(spinning, spins()));
    int others_ = others(), before = children;
    int i = 0;
    for(; i < 2000 || !came; ++i) {
        CHECK_OK(bundle_go(b, compares(turns)));
        CHECK_INT(children, before + i + 1);
    }
    CHECK(turns >= i);
    CHECK_OK(hclose(others_));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(spinning));
}
