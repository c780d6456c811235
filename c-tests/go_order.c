/* Scheduling order: the child runs first, ready coroutines run in FIFO order. */

#include "check.h"

static coroutine void finishes(const char *name) {
    note("%s", name);
}

static coroutine void yields(const char *name, int times) {
    for(int i = 0; i != times; ++i) {
        note("%s%d", name, i);
        CHECK_OK(yield());
    }
    note("%s.", name);
}

TEST(child_runs_first) {
    note("before");
    int b = go(finishes("child"));
    CHECK_HANDLE(b);
    note("parent");
    CHECK_NOTES("before child parent");
    CHECK_OK(hclose(b));
    /* The same in a bundle of the caller's. */
    b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, finishes("one")));
    note("parent");
    CHECK_OK(bundle_go(b, finishes("two")));
    note("parent");
    CHECK_NOTES("one parent two parent");
    CHECK_OK(hclose(b));
}

static coroutine void parent_of_two(void) {
    int b1 = go(yields("x", 1));
    CHECK_HANDLE(b1);
    note("between");
    int b2 = go(yields("y", 1));
    CHECK_HANDLE(b2);
    note("after");
    CHECK_OK(bundle_wait(b2, -1));
    CHECK_OK(hclose(b1));
    CHECK_OK(hclose(b2));
}

TEST(grandchildren) {
    int b = go(parent_of_two());
    CHECK_HANDLE(b);
    /* Each launch puts its parent behind what is ready already. */
    note("main");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("x0 main between y0 x. after y.");
    CHECK_OK(hclose(b));
}

TEST(ready_queue_is_fifo) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, yields("a", 3)));
    CHECK_OK(bundle_go(b, yields("b", 3)));
    CHECK_OK(bundle_go(b, yields("c", 3)));
    note("main");
    CHECK_OK(yield());
    note("main");
    CHECK_OK(bundle_wait(b, -1));
    /* b is launched while a waits for its second turn, and so on: main was put
       behind a by the launch of b, behind b by the launch of c. */
    CHECK_NOTES("a0 b0 a1 c0 b1 a2 main c1 b2 a. main c2 b. c.");
    CHECK_OK(hclose(b));
}

static coroutine void receives(int ch, const char *name) {
    int val;
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    note("%s%d", name, val);
}

TEST(waking_does_not_switch) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, receives(ch[1], "a")));
    CHECK_OK(bundle_go(b, receives(ch[1], "b")));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(chsend(ch[0], &i, sizeof(i), -1));
        note("sent%d", i);
    }
    CHECK_OK(yield());
    CHECK_NOTES("sent0 sent1 a0 b1");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(yield_with_nobody_else) {
    for(int i = 0; i != 1000; ++i) CHECK_OK(yield());
}

TEST(yield_clears_errno) {
    int b = go(yields("z", 1));
    CHECK_HANDLE(b);
    CHECK_WAITED(yield());
    CHECK_NOTES("z0 z.");
    CHECK_OK(hclose(b));
}

TEST(finished_keeps_its_handle) {
    int b[10];
    for(int i = 0; i != 10; ++i) {
        b[i] = go(finishes("f"));
        CHECK_HANDLE(b[i]);
    }
    CHECK_NOTES("f f f f f f f f f f");
    CHECK_OK(yield());
    for(int i = 0; i != 10; ++i) {
        for(int j = i + 1; j != 10; ++j) CHECK(b[i] != b[j]);
        CHECK_OK(bundle_wait(b[i], 0));
        CHECK_OK(hclose(b[i]));
        CHECK_ERR(hclose(b[i]), EBADF);
    }
}

static coroutine void chain(int depth) {
    if(depth == 0) {
        note("bottom");
        return;
    }
    int b = go(chain(depth - 1));
    CHECK_HANDLE(b);
    note("%d", depth);
    CHECK_OK(hclose(b));
}

TEST(recursive_launches) {
    int b = go(chain(4));
    CHECK_HANDLE(b);
    note("main");
    CHECK_OK(bundle_wait(b, -1));
    /* The parents were queued outermost first. */
    CHECK_NOTES("bottom main 4 3 2 1");
    CHECK_OK(hclose(b));
}
