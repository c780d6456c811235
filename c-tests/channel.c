/* chmake, chsend, chrecv: rendezvous in both directions, FIFO order, sizes. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

static void make(int ch[2], int b[1]) {
    CHECK_OK(chmake(ch));
    CHECK(ch[0] >= 0 && ch[1] >= 0 && ch[0] != ch[1]);
    *b = bundle();
    CHECK_HANDLE(*b);
}

static void unmake(int ch[2], int b) {
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(both_ways) {
    int ch[2], b, val;
    for(int end = 0; end != 2; ++end) {
        make(ch, &b);
        /* The sender waits for the receiver ... */
        CHECK_OK(bundle_go(b, sends(ch[end], 1)));
        CHECK_NOTES("");
        CHECK_OK(chrecv(ch[1 - end], &val, sizeof(val), -1));
        CHECK_INT(val, 1);
        CHECK_OK(yield());
        CHECK_NOTES("s1");
        /* ... and the receiver for the sender. */
        CHECK_OK(bundle_go(b, receives(ch[end], 2)));
        CHECK_NOTES("");
        val = 2;
        CHECK_OK(chsend(ch[1 - end], &val, sizeof(val), -1));
        /* The caller that waits gets errno 0. */
        CHECK_OK(bundle_go(b, sends(ch[end], 3)));
        CHECK_OK(chrecv(ch[1 - end], &val, sizeof(val), -1));
        CHECK_INT(val, 3);
        unmake(ch, b);
        CHECK_NOTES("r2 s3");
    }
}

TEST(waiting_clears_errno) {
    int ch[2], b, val = 0;
    make(ch, &b);
    CHECK_OK(bundle_go(b, sends_later(ch[0], 7)));
    CHECK_WAITED(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_INT(val, 7);
    CHECK_OK(bundle_go(b, receives_later(ch[0], 8)));
    val = 8;
    CHECK_WAITED(chsend(ch[1], &val, sizeof(val), -1));
    CHECK_OK(bundle_go(b, sends_later(ch[0], 9)));
    CHECK_WAITED(chrecv(ch[1], &val, sizeof(val), now() + 1000000));
    unmake(ch, b);
}

TEST(both_directions_are_apart) {
    int ch[2], b, val = 100;
    make(ch, &b);
    /* Two senders, one on each end: they don't meet each other. */
    CHECK_OK(bundle_go(b, sends(ch[0], 1)));
    CHECK_OK(bundle_go(b, sends(ch[1], 2)));
    CHECK_OK(yield());
    CHECK_NOTES("");
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
    CHECK_INT(val, 2);
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_INT(val, 1);
    /* And two receivers. */
    CHECK_OK(bundle_go(b, receives(ch[0], 3)));
    CHECK_OK(bundle_go(b, receives(ch[1], 4)));
    val = 4;
    CHECK_OK(chsend(ch[0], &val, sizeof(val), -1));
    val = 3;
    CHECK_OK(chsend(ch[1], &val, sizeof(val), -1));
    unmake(ch, b);
    CHECK_NOTES("s2 s1 r4 r3");
}

TEST(waiters_are_served_in_order) {
    int ch[2], b, val;
    make(ch, &b);
    for(int i = 0; i != 5; ++i) CHECK_OK(bundle_go(b, sends(ch[0], i)));
    for(int i = 0; i != 5; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        CHECK_INT(val, i);
    }
    for(int i = 0; i != 5; ++i) CHECK_OK(bundle_go(b, receives(ch[1], i)));
    for(int i = 0; i != 5; ++i)
        CHECK_OK(chsend(ch[0], &i, sizeof(i), -1));
    unmake(ch, b);
    CHECK_NOTES("s0 s1 s2 s3 s4 r0 r1 r2 r3 r4");
}

static coroutine void sends_bytes(int ch, size_t len, char fill, int result,
        int err) {
    static char buf[100000];
    memset(buf, fill, len);
    CHECK_RESULT(chsend(ch, buf, len, -1), result, err);
    note("sent");
}

static coroutine void receives_bytes(int ch, size_t len, int result, int err) {
    static char buf[100000];
    memset(buf, 0, sizeof(buf));
    CHECK_RESULT(chrecv(ch, buf, len, -1), result, err);
    if(result == 0) for(size_t i = 0; i != len; ++i) CHECK_INT(buf[i], 'f');
    note("received");
}

TEST(sizes) {
    size_t lens[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 400, 4096, 100000};
    int ch[2], b;
    static char buf[100000];
    make(ch, &b);
    for(size_t i = 0; i != sizeof(lens) / sizeof(lens[0]); ++i) {
        memset(buf, 0, sizeof(buf));
        CHECK_OK(bundle_go(b, sends_bytes(ch[0], lens[i], 'e', 0, 0)));
        CHECK_OK(chrecv(ch[1], buf, lens[i], -1));
        for(size_t j = 0; j != sizeof(buf); ++j)
            CHECK_INT(buf[j], j < lens[i] ? 'e' : 0);
        CHECK_OK(bundle_go(b, receives_bytes(ch[0], lens[i], 0, 0)));
        memset(buf, 'f', lens[i]);
        CHECK_OK(chsend(ch[1], buf, lens[i], -1));
        CHECK_OK(yield());
        CHECK_NOTES("sent received");
    }
    unmake(ch, b);
}

TEST(empty_messages) {
    int ch[2], b;
    char c = 'c';
    make(ch, &b);
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 0, 'x', 0, 0)));
    CHECK_OK(chrecv(ch[1], NULL, 0, -1));
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 0, 'x', 0, 0)));
    CHECK_OK(chrecv(ch[1], &c, 0, -1));
    CHECK_INT(c, 'c');
    CHECK_OK(bundle_go(b, receives_bytes(ch[0], 0, 0, 0)));
    CHECK_OK(chsend(ch[1], NULL, 0, -1));
    unmake(ch, b);
    CHECK_NOTES("sent sent received");
}

TEST(different_sizes_fail_on_both_sides) {
    int ch[2], b;
    char buf[16] = "untouched";
    make(ch, &b);
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 4, 'x', -1, EMSGSIZE)));
    CHECK_ERR(chrecv(ch[1], buf, 5, -1), EMSGSIZE);
    CHECK_OK(yield());
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 4, 'x', -1, EMSGSIZE)));
    CHECK_ERR(chrecv(ch[1], buf, 3, 0), EMSGSIZE);
    CHECK_STR(buf, "untouched");
    CHECK_OK(bundle_go(b, receives_bytes(ch[0], 4, -1, EMSGSIZE)));
    CHECK_ERR(chsend(ch[1], buf, 8, -1), EMSGSIZE);
    CHECK_OK(bundle_go(b, receives_bytes(ch[0], 4, -1, EMSGSIZE)));
    CHECK_ERR(chsend(ch[1], NULL, 0, 0), EMSGSIZE);
    /* The channel is as good as before: nobody waits, and it works. */
    CHECK_OK(yield());
    CHECK_ERR(chsend(ch[1], buf, 8, 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[1], buf, 8, 0), ETIMEDOUT);
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 4, 'x', 0, 0)));
    CHECK_OK(chrecv(ch[1], buf, 4, -1));
    unmake(ch, b);
    CHECK_NOTES("sent sent received received sent");
}

TEST(only_the_first_waiter_has_the_wrong_size) {
    int ch[2], b;
    char buf[16];
    make(ch, &b);
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 4, 'x', -1, EMSGSIZE)));
    CHECK_OK(bundle_go(b, sends_bytes(ch[0], 8, 'y', 0, 0)));
    CHECK_ERR(chrecv(ch[1], buf, 8, -1), EMSGSIZE);
    CHECK_OK(chrecv(ch[1], buf, 8, -1));
    CHECK(memcmp(buf, "yyyyyyyy", 8) == 0);
    unmake(ch, b);
    CHECK_NOTES("sent sent");
}

TEST(user_storage) {
    static struct chstorage mem;
    int ch[2], val, b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) {
        memset(&mem, 0x5a, sizeof(mem));
        CHECK_OK(chmake_mem(&mem, ch));
        CHECK_OK(bundle_go(b, sends(ch[i % 2], i)));
        CHECK_OK(chrecv(ch[1 - i % 2], &val, sizeof(val), -1));
        CHECK_INT(val, i);
        CHECK_ERR(chrecv(ch[0], &val, sizeof(val), now() + 5), ETIMEDOUT);
        /* In either order. */
        CHECK_OK(hclose(ch[i % 2]));
        CHECK_OK(hclose(ch[1 - i % 2]));
    }
    CHECK_OK(hclose(b));
    CHECK_NOTES("s0 s1 s2");
}

/* Workers hand a token round a ring, thousands of times. */
static coroutine void ring_node(int from, int to) {
    int val;
    while(chrecv(from, &val, sizeof(val), -1) == 0) {
        val++;
        if(chsend(to, &val, sizeof(val), -1) != 0) break;
    }
    CHECK_INT(errno, ECANCELED);
}

TEST(ring) {
    enum {N = 50};
    int ch[N + 1][2], b = bundle(), val;
    CHECK_HANDLE(b);
    for(int i = 0; i != N + 1; ++i) CHECK_OK(chmake(ch[i]));
    for(int i = 0; i != N; ++i)
        CHECK_OK(bundle_go(b, ring_node(ch[i][1], ch[i + 1][0])));
    for(int i = 0; i != 200; ++i) {
        CHECK_OK(chsend(ch[0][0], &i, sizeof(i), -1));
        CHECK_OK(chrecv(ch[N][1], &val, sizeof(val), -1));
        CHECK_INT(val, i + N);
    }
    CHECK_OK(hclose(b));
    for(int i = 0; i != N + 1; ++i) {
        CHECK_OK(hclose(ch[i][0]));
        CHECK_OK(hclose(ch[i][1]));
    }
}
