/* PREFIX, SUFFIX and TERM: what is on the wire, lengths that can't be, attaching to what
   doesn't fit, and the terminal handshake. */

#include "stacks.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

static void wire(int s, const void *bytes, size_t len) {
    char seen[64];
    CHECK(len <= sizeof(seen));
    CHECK_OK(brecv(s, seen, len, -1));
    CHECK_OK(memcmp(seen, bytes, len));
}

TEST(prefix_on_the_wire) {
    int s[2];
    char buf[8];
    CHECK_OK(ipc_pair(s));
    s[0] = prefix_attach(s[0], 3, 0);
    CHECK_HANDLE(s[0]);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    wire(s[1], "\0\0\3abc", 6);
    s[0] = prefix_detach(s[0]);
    CHECK_HANDLE(s[0]);
    s[0] = prefix_attach(s[0], 2, PREFIX_LITTLE_ENDIAN);
    CHECK_HANDLE(s[0]);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    wire(s[1], "\3\0abc", 5);
    CHECK_OK(msend(s[0], NULL, 0, -1));
    wire(s[1], "\0\0", 2);
    CHECK_OK(bsend(s[1], "\5\0", 2, -1));
    CHECK_OK(bsend(s[1], "12345", 5, -1));
    CHECK_INT(mrecv(s[0], buf, 8, -1), 5);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(lengths_beyond_the_prefix) {
    static char big[65537];
    int s[2];
    CHECK_OK(ipc_pair(s));
    int p = prefix_attach(s[0], 1, 0);
    CHECK_HANDLE(p);
    CHECK_ERR(msend(p, big, 256, -1), EMSGSIZE);
    CHECK_OK(msend(p, big, 255, -1));
    CHECK_OK(brecv(s[1], NULL, 256, -1));
    p = prefix_attach(prefix_detach(p), 2, 0);
    CHECK_HANDLE(p);
    CHECK_ERR(msend(p, big, 65536, -1), EMSGSIZE);
    /* It did no harm. */
    CHECK_OK(msend(p, "x", 1, -1));
    wire(s[1], "\0\1x", 3);
    CHECK_OK(hclose(p));
    CHECK_OK(hclose(s[1]));
}

/* Lengths that a hostile peer may send. Nothing is allocated for them. */
TEST(impossible_lengths) {
    static const char ones[32] = {
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
    };
    size_t sizes[] = {4, 8, 9, 32};
    for(int i = 0; i != 4; ++i)
        for(int drop = 0; drop != 2; ++drop) {
            int s[2];
            char buf[8];
            /* What is longer than memory isn't even dropped. */
            if(drop && sizes[i] == 4) continue;
            CHECK_OK(ipc_pair(s));
            int p = prefix_attach(s[0], sizes[i], i % 2 ? PREFIX_LITTLE_ENDIAN : 0);
            CHECK_HANDLE(p);
            CHECK_OK(bsend(s[1], ones, sizes[i], -1));
            if(drop) CHECK_ERR(mrecvl(p, NULL, NULL, -1), EMSGSIZE);
            else CHECK_ERR(mrecv(p, buf, sizeof(buf), -1), EMSGSIZE);
            CHECK_ERR(mrecv(p, buf, sizeof(buf), -1), ECONNRESET);
            CHECK_ERR(prefix_detach(p), ECONNRESET);
            CHECK_OK(hclose(s[1]));
        }
}

TEST(suffix_on_the_wire) {
    int s[2];
    char buf[16];
    CHECK_OK(ipc_pair(s));
    s[0] = suffix_attach(s[0], "\r\n", 2);
    CHECK_HANDLE(s[0]);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_OK(msend(s[0], NULL, 0, -1));
    wire(s[1], "abc\r\n\r\n", 7);
    CHECK_OK(bsend(s[1], "\r\r\n\n\r\n\r\nabcdef\r\n", 16, -1));
    CHECK_INT(mrecv(s[0], buf, sizeof(buf), -1), 1);
    CHECK_INT(buf[0], '\r');
    CHECK_INT(mrecv(s[0], buf, sizeof(buf), -1), 1);
    CHECK_INT(buf[0], '\n');
    CHECK_INT(mrecv(s[0], NULL, 0, -1), 0);
    CHECK_INT(mrecv(s[0], buf, 6, -1), 6);
    CHECK_OK(memcmp(buf, "abcdef", 6));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

/* A line that never ends is refused as soon as it is too long. */
TEST(endless_line) {
    static char line[4096];
    int s[2];
    memset(line, 'x', sizeof(line));
    CHECK_OK(ipc_pair(s));
    s[0] = suffix_attach(s[0], "\n", 1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bsend(s[1], line, sizeof(line), -1));
    CHECK_ERR(mrecv(s[0], line, sizeof(line) - 1, -1), EMSGSIZE);
    CHECK_ERR(suffix_detach(s[0], -1), ECONNRESET);
    CHECK_OK(hclose(s[1]));
}

/* After any failure the socket beneath is closed, and nothing is left behind. */
TEST(attaching_to_what_does_not_fit) {
    int s[2], before = count_fds();
    struct prefix_storage pmem;
    for(int i = 0; i != 11; ++i) {
        int rc = -2, err = EINVAL;
        CHECK_OK(ipc_pair(s));
        switch(i) {
        case 0: rc = prefix_attach(s[0], 0, 0); break;
        case 1: rc = prefix_attach(s[0], SIZE_MAX, 0); break;
        case 2: rc = prefix_attach_mem(s[0], 2, 0, NULL); break;
        case 3: rc = suffix_attach(s[0], NULL, 2); break;
        case 4: rc = suffix_attach(s[0], "x", 0); break;
        case 5: rc = suffix_attach(s[0], "x", 33); break;
        case 6: rc = suffix_attach_mem(s[0], "x", 1, NULL); break;
        case 7: rc = term_attach(s[0], "x", 33); break;
        case 8: rc = term_attach(s[0], NULL, 1); break;
        /* A bytestream where messages are wanted, and the other way round. */
        case 9: rc = term_attach(s[0], "x", 1); err = EPROTO; break;
        case 10:
            s[0] = prefix_attach_mem(s[0], 2, 0, &pmem);
            CHECK_HANDLE(s[0]);
            rc = suffix_attach(s[0], "x", 1);
            err = EPROTO;
            break;
        }
        CHECK_INT(rc, -1);
        CHECK_INT(errno, err);
        CHECK_ERR(hclose(s[0]), EBADF);
        CHECK_OK(hclose(s[1]));
        CHECK_INT(count_fds(), before);
    }
    CHECK_ERR(prefix_attach(-1, 2, 0), EBADF);
    CHECK_ERR(suffix_attach(12345, "x", 1), EBADF);
    CHECK_ERR(term_attach(12345, "x", 1), EBADF);
    CHECK_ERR(prefix_detach(12345), EBADF);
    CHECK_ERR(suffix_detach(12345, -1), EBADF);
    CHECK_ERR(term_detach(12345, -1), EBADF);
    CHECK_ERR(term_done(12345, -1), EBADF);
    /* TERM leaves a handle of another kind alone. */
    CHECK_OK(ipc_pair(s));
    CHECK_ERR(term_detach(s[0], -1), ENOTSUP);
    CHECK_ERR(term_done(s[0], -1), ENOTSUP);
    CHECK_ERR(prefix_detach(s[0]), ENOTSUP);
    CHECK_ERR(suffix_detach(s[1], -1), ENOTSUP);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_ERR(hclose(s[1]), EBADF);
}

TEST(user_storage) {
    static struct prefix_storage pmem[2];
    static struct suffix_storage smem[2];
    static struct term_storage tmem[2];
    int s[2];
    char buf[8];
    CHECK_OK(ipc_pair(s));
    for(int i = 0; i != 2; ++i) {
        memset(&pmem[i], 0x5a, sizeof(pmem[i]));
        s[i] = prefix_attach_mem(s[i], 4, 0, &pmem[i]);
        CHECK_HANDLE(s[i]);
    }
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_INT(mrecv(s[1], buf, 8, -1), 3);
    for(int i = 0; i != 2; ++i) {
        s[i] = prefix_detach(s[i]);
        CHECK_HANDLE(s[i]);
        memset(&smem[i], 0x5a, sizeof(smem[i]));
        s[i] = suffix_attach_mem(s[i], "\n", 1, &smem[i]);
        CHECK_HANDLE(s[i]);
        memset(&tmem[i], 0x5a, sizeof(tmem[i]));
        s[i] = term_attach_mem(s[i], "bye", 3, &tmem[i]);
        CHECK_HANDLE(s[i]);
    }
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_INT(mrecv(s[1], buf, 8, -1), 3);
    CHECK_OK(term_done(s[1], -1));
    s[0] = term_detach(s[0], -1);
    CHECK_HANDLE(s[0]);
    s[1] = term_detach(s[1], -1);
    CHECK_HANDLE(s[1]);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static void term_pair(int s[2]) {
    CHECK_OK(ipc_pair(s));
    for(int i = 0; i != 2; ++i) {
        s[i] = term_attach(suffix_attach(s[i], "\n", 1), "STOP", 4);
        CHECK_HANDLE(s[i]);
    }
}

TEST(terminal_handshake) {
    int s[2];
    char buf[8];
    term_pair(s);
    CHECK_OK(msend(s[0], "abc", 3, -1));
    CHECK_OK(term_done(s[0], -1));
    CHECK_ERR(term_done(s[0], -1), EPIPE);
    CHECK_ERR(msend(s[0], "abc", 3, -1), EPIPE);
    CHECK_INT(mrecv(s[1], buf, sizeof(buf), -1), 3);
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), -1), EPIPE);
    /* Again, and not the messages of whatever comes next. */
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), -1), EPIPE);
    struct chclause cl = {CHSOCK, s[1], NULL, 0};
    CHECK_INT(choose(&cl, 1, 0), 0);
    /* The other direction goes on. */
    for(int i = 0; i != 3; ++i) CHECK_OK(msend(s[1], "late", 4, -1));
    CHECK_INT(mrecv(s[0], buf, sizeof(buf), -1), 4);
    s[1] = term_detach(s[1], -1);
    CHECK_HANDLE(s[1]);
    CHECK_OK(msend(s[1], "after", 5, -1));
    s[0] = term_detach(s[0], -1);
    CHECK_HANDLE(s[0]);
    CHECK_INT(mrecv(s[0], buf, sizeof(buf), -1), 5);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(handshake_fails) {
    int s[2], before = count_fds();
    char buf[8];
    term_pair(s);
    int64_t start = now();
    CHECK_ERR(term_detach(s[0], start + 40), ETIMEDOUT);
    CHECK_INT(now(), start + 40);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), -1), EPIPE);
    CHECK_OK(hclose(s[1]));
    /* The stream ends without a goodbye. */
    term_pair(s);
    CHECK_OK(hclose(s[1]));
    CHECK_ERR(mrecv(s[0], buf, sizeof(buf), -1), ECONNRESET);
    CHECK_ERR(term_detach(s[0], -1), ECONNRESET);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_INT(count_fds(), before);
}

static volatile int calls;

static coroutine void detaches(int s) {
    CHECK_ERR(term_detach(s, -1), EBADF);
    calls++;
}

static coroutine void asks(int b) {
    CHECK_OK(bundle_cancel(b, -1));
}

static coroutine void detaches_in_scope(int s) {
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    s = term_detach(s, -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_ERR(cancel_leave(&sc), ECANCELED);
    calls++;
}

TEST(others_during_the_handshake) {
    int s[2];
    char buf[8];
    calls = 0;
    term_pair(s);
    int b = go(detaches(s[0]));
    CHECK_HANDLE(b);
    CHECK_ERR(mrecv(s[0], buf, sizeof(buf), -1), EBUSY);
    CHECK_ERR(msend(s[0], "x", 1, -1), EPIPE);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 1);
    CHECK_OK(hclose(s[1]));
    /* A graceful request lets a handshake that has begun be finished. */
    term_pair(s);
    CHECK_OK(bundle_go(b, detaches_in_scope(s[0])));
    int a = go(asks(b));
    CHECK_HANDLE(a);
    CHECK_OK(msleep(now() + 5));
    CHECK_INT(calls, 1);
    CHECK_OK(term_done(s[1], -1));
    CHECK_OK(bundle_wait(a, -1));
    CHECK_INT(calls, 2);
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(s[1]));
}

static coroutine void receives(int s) {
    char c;
    CHECK_ERR(mrecv(s, &c, 1, -1), EBADF);
    calls++;
}

/* Detaching under a call: nobody knows where the stream is. */
TEST(detach_when_busy) {
    int s[2], before = count_fds();
    for(int i = 0; i != 2; ++i) {
        calls = 0;
        CHECK_OK(ipc_pair(s));
        s[0] = i ? suffix_attach(s[0], "\n", 1) : prefix_attach(s[0], 1, 0);
        CHECK_HANDLE(s[0]);
        int b = go(receives(s[0]));
        CHECK_HANDLE(b);
        CHECK_ERR(i ? suffix_detach(s[0], -1) : prefix_detach(s[0]), EBUSY);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_INT(calls, 1);
        CHECK_ERR(hclose(s[0]), EBADF);
        CHECK_OK(hclose(b));
        CHECK_OK(hclose(s[1]));
    }
    CHECK_INT(count_fds(), before);
}

/* Handles of ended protocols are free again. */
TEST(handles_are_not_lost) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    for(int i = 0; i != 5000; ++i) {
        int p = prefix_attach(s[0], 2, 0);
        CHECK_BETWEEN(p, 0, 400);
        s[0] = prefix_detach(p);
        CHECK_HANDLE(s[0]);
    }
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}
