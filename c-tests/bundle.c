/* bundle, bundle_mem, bundle_go, bundle_wait. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

TEST(empty) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(bundle_wait(b, now() + 1000000));
    CHECK_OK(hclose(b));
    CHECK_ERR(hclose(b), EBADF);
    CHECK_ERR(bundle_wait(b, 0), EBADF);
    CHECK_ERR(bundle_go(b, finishes()), EBADF);
    CHECK_ERR(bundle_wait(-1, 0), EBADF);
}

TEST(finished_members) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) CHECK_OK(bundle_go(b, finishes()));
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(hclose(b));
}

TEST(wait_for_all) {
    int b = bundle();
    CHECK_HANDLE(b);
    int64_t start = now();
    CHECK_OK(bundle_go(b, sleeps(20, "20")));
    CHECK_OK(bundle_go(b, sleeps(30, "30")));
    CHECK_OK(bundle_go(b, sleeps(10, "10")));
    CHECK_WAITED(bundle_wait(b, -1));
    CHECK_NOTES("10 20 30");
    CHECK_INT(now() - start, 30);
    /* The bundle can be used again. */
    CHECK_OK(bundle_go(b, sleeps(5, "5")));
    CHECK_WAITED(bundle_wait(b, now() + 1000000));
    CHECK_NOTES("5");
    CHECK_INT(now() - start, 35);
    CHECK_OK(hclose(b));
}

TEST(wait_times_out) {
    int b = go(sleeps(50, "done"));
    CHECK_HANDLE(b);
    int64_t start = now();
    CHECK_ERR(bundle_wait(b, 0), ETIMEDOUT);
    CHECK_ERR(bundle_wait(b, now() - 1), ETIMEDOUT);
    CHECK_ERR(bundle_wait(b, 1), ETIMEDOUT);
    CHECK_INT(now() - start, 0);
    CHECK_ERR(bundle_wait(b, start + 49), ETIMEDOUT);
    CHECK_INT(now() - start, 49);
    /* A wait that timed out has left the bundle as it was. */
    CHECK_NOTES("");
    CHECK_WAITED(bundle_wait(b, start + 51));
    CHECK_INT(now() - start, 50);
    CHECK_NOTES("done");
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(hclose(b));
}

static coroutine void waits(int b, int64_t deadline, int result, int err) {
    CHECK_RESULT(bundle_wait(b, deadline), result, err);
    note("waited");
}

TEST(one_waiter_only) {
    int b = go(sleeps(20, "slept"));
    CHECK_HANDLE(b);
    int w = go(waits(b, -1, 0, 0));
    CHECK_HANDLE(w);
    /* The second is refused, whatever its deadline; the first isn't disturbed. */
    CHECK_ERR(bundle_wait(b, -1), EBUSY);
    CHECK_ERR(bundle_wait(b, 0), EBUSY);
    CHECK_OK(bundle_go(w, waits(b, now() + 10, -1, EBUSY)));
    CHECK_NOTES("waited");
    CHECK_WAITED(bundle_wait(w, -1));
    CHECK_NOTES("slept waited");
    /* Now there is none. */
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(w));
    CHECK_OK(hclose(b));
}

TEST(cancelled_waiter) {
    int b = go(blocks("member"));
    CHECK_HANDLE(b);
    int w = go(waits(b, -1, -1, ECANCELED));
    CHECK_HANDLE(w);
    CHECK_OK(hclose(w));
    CHECK_NOTES("waited");
    /* It has left its place to another. */
    CHECK_ERR(bundle_wait(b, now() + 5), ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_NOTES("member");
}

static coroutine void launches_more(int b, int n) {
    note("%d", n);
    CHECK_OK(yield());
    if(n) CHECK_OK(bundle_go(b, launches_more(b, n - 1)));
    note("end%d", n);
}

TEST(members_that_launch_members) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, launches_more(b, 3)));
    CHECK_WAITED(bundle_wait(b, -1));
    CHECK_NOTES("3 2 end3 1 end2 0 end1 end0");
    CHECK_OK(hclose(b));
}

TEST(go_makes_an_ordinary_bundle) {
    int b = go(blocks("first"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, blocks("second")));
    CHECK_OK(bundle_go(b, finishes()));
    CHECK_ERR(bundle_wait(b, 0), ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_NOTES("first second");
}

TEST(user_storage) {
    static struct bundle_storage mem;
    CHECK_ERR(bundle_mem(NULL), EINVAL);
    /* The same storage again and again; junk in it doesn't matter. */
    for(int i = 0; i != 3; ++i) {
        memset(&mem, 0x5a, sizeof(mem));
        int b = bundle_mem(&mem);
        CHECK_HANDLE(b);
        CHECK_OK(bundle_go(b, sleeps(10, "slept")));
        CHECK_OK(bundle_go(b, blocks("cancelled")));
        CHECK_ERR(bundle_wait(b, now() + 20), ETIMEDOUT);
        CHECK_OK(hclose(b));
        CHECK_NOTES("slept cancelled");
    }
    /* Moving the handle doesn't move the storage. */
    int b = bundle_mem(&mem);
    CHECK_OK(bundle_go(b, blocks("moved")));
    int b2 = hown(b);
    CHECK_HANDLE(b2);
    CHECK_ERR(bundle_wait(b, 0), EBADF);
    CHECK_ERR(bundle_wait(b2, 0), ETIMEDOUT);
    CHECK_OK(hclose(b2));
    CHECK_NOTES("moved");
}

TEST(wrong_type) {
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_ERR(bundle_wait(ch[0], 0), ENOTSUP);
    CHECK_ERR(bundle_go(ch[0], finishes()), ENOTSUP);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Ownership of a running bundle passes to a child (the way servers do it). */
static coroutine void owner(int b) {
    b = hown(b);
    CHECK_HANDLE(b);
    CHECK_WAITED(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    note("closed");
}

TEST(owned_by_another) {
    int b = go(sleeps(10, "slept"));
    CHECK_HANDLE(b);
    int o = go(owner(b));
    CHECK_HANDLE(o);
    CHECK_ERR(hclose(b), EBADF);
    CHECK_WAITED(bundle_wait(o, -1));
    CHECK_NOTES("slept closed");
    CHECK_OK(hclose(o));
}
