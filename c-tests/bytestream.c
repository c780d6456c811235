/* bsend, brecv, bsendl, brecvl: scattered buffers, skipping, malformed lists,
   large transfers in pieces of every size. */

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static void chain(struct iolist *iol, int n) {
    for(int i = 0; i != n; ++i) {
        iol[i].iol_next = i == n - 1 ? NULL : &iol[i + 1];
        iol[i].iol_rsvd = 0;
    }
}

TEST(lists) {
    int s[2];
    char a[3] = "ab", c[5] = "cdef", one, four[5] = {0};
    tcp_pair(s);
    struct iolist out[4] = {
        {a, 2, NULL, 0}, {NULL, 0, NULL, 0}, {c, 4, NULL, 0}, {c, 0, NULL, 0}
    };
    chain(out, 4);
    CHECK_OK(bsendl(s[0], &out[0], &out[3], -1));
    struct iolist in[5] = {
        {&one, 1, NULL, 0}, {a, 0, NULL, 0}, {NULL, 1, NULL, 0},
        {four, 4, NULL, 0}, {NULL, 0, NULL, 0}
    };
    chain(in, 5);
    CHECK_OK(brecvl(s[1], &in[0], &in[4], -1));
    CHECK_INT(one, 'a');
    CHECK_STR(four, "cdef");
    /* One buffer as a list, and nothing but an empty one. */
    chain(out, 1);
    CHECK_OK(bsendl(s[1], &out[0], &out[0], -1));
    chain(in + 3, 1);
    in[3].iol_len = 2;
    CHECK_OK(brecvl(s[0], &in[3], &in[3], -1));
    CHECK_STR(four, "abef");
    in[3].iol_len = 0;
    CHECK_OK(brecvl(s[0], &in[3], &in[3], -1));
    CHECK_OK(bsendl(s[0], &in[3], &in[3], -1));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static void unchanged(const struct iolist *iol, const struct iolist *saved,
        int n) {
    for(int i = 0; i != n; ++i) {
        CHECK_PTR(iol[i].iol_base, saved[i].iol_base);
        CHECK_INT(iol[i].iol_len, saved[i].iol_len);
        CHECK_PTR(iol[i].iol_next, saved[i].iol_next);
        CHECK_INT(iol[i].iol_rsvd, saved[i].iol_rsvd);
    }
}

/* Refused by both calls, without a trace in the list or the connection. */
static void refused(int s, struct iolist *iol, int n, struct iolist *first,
        struct iolist *last) {
    struct iolist saved[8];
    memcpy(saved, iol, (size_t)n * sizeof(*iol));
    CHECK_ERR(bsendl(s, first, last, -1), EINVAL);
    unchanged(iol, saved, n);
    CHECK_ERR(brecvl(s, first, last, 0), EINVAL);
    unchanged(iol, saved, n);
}

TEST(malformed_lists) {
    int s[2];
    char buf[8], c;
    struct iolist iol[3], other;
    tcp_pair(s);
    for(int i = 0; i != 3; ++i) {
        iol[i].iol_base = buf + i;
        iol[i].iol_len = 1;
    }
    other = iol[0];
    chain(&other, 1);
    chain(iol, 3);
    refused(s[0], iol, 3, &iol[0], NULL);
    refused(s[0], iol, 3, NULL, &iol[2]);
    /* The last isn't the last. */
    refused(s[0], iol, 3, &iol[0], &iol[1]);
    refused(s[0], iol, 3, &iol[0], &iol[0]);
    /* The ends of two lists. */
    refused(s[0], iol, 3, &iol[0], &other);
    refused(s[0], iol, 3, &other, &iol[2]);
    /* Loops. */
    iol[2].iol_next = &iol[0];
    refused(s[0], iol, 3, &iol[0], &iol[2]);
    iol[2].iol_next = &iol[2];
    refused(s[0], iol, 3, &iol[0], &iol[2]);
    iol[2].iol_next = NULL;
    iol[1].iol_next = &iol[0];
    refused(s[0], iol, 3, &iol[0], &iol[2]);
    iol[1].iol_next = &iol[1];
    refused(s[0], iol, 3, &iol[0], &iol[2]);
    /* The reserved member. */
    for(int i = 0; i != 3; ++i) {
        chain(iol, 3);
        iol[i].iol_rsvd = 1;
        refused(s[0], iol, 3, &iol[0], &iol[2]);
    }
    chain(iol, 3);
    /* Nothing at all to send, and a hole that can't be sent. */
    CHECK_ERR(bsendl(s[0], NULL, NULL, -1), EINVAL);
    iol[1].iol_base = NULL;
    CHECK_ERR(bsendl(s[0], &iol[0], &iol[2], -1), EINVAL);
    CHECK_ERR(bsend(s[0], NULL, 2, -1), EINVAL);
    /* The connection has taken no harm, and no byte has been sent. */
    iol[1].iol_base = buf;
    memcpy(buf, "xyz", 3);
    CHECK_OK(bsendl(s[0], &iol[0], &iol[2], -1));
    CHECK_OK(brecv(s[1], &c, 1, -1));
    CHECK_INT(c, 'x');
    CHECK_OK(brecv(s[1], buf, 2, -1));
    CHECK_OK(memcmp(buf, "xz", 2));
    CHECK_OK(bsend(s[1], "k", 1, -1));
    CHECK_OK(brecv(s[0], &c, 1, -1));
    CHECK_INT(c, 'k');
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static unsigned char pattern(size_t pos) {
    return (unsigned char)(pos * 7 + (pos >> 8) * 13 + (pos >> 16));
}

static coroutine void sends(int s, size_t total, size_t piece, int lists) {
    unsigned char *buf = (unsigned char*)malloc(piece);
    CHECK(buf);
    for(size_t pos = 0; pos != total;) {
        size_t len = total - pos < piece ? total - pos : piece;
        for(size_t i = 0; i != len; ++i) buf[i] = pattern(pos + i);
        if(lists) {
            /* In three parts, the last ones possibly empty. */
            size_t part = len / 3 + 1;
            size_t l0 = len < part ? len : part;
            size_t l1 = len - l0 < part ? len - l0 : part;
            struct iolist iol[3] = {
                {buf, l0, NULL, 0},
                {buf + l0, l1, NULL, 0},
                {buf + l0 + l1, len - l0 - l1, NULL, 0}
            };
            struct iolist saved[3];
            chain(iol, 3);
            memcpy(saved, iol, sizeof(saved));
            CHECK_OK(bsendl(s, &iol[0], &iol[2], -1));
            unchanged(iol, saved, 3);
        }
        else CHECK_OK(bsend(s, buf, len, -1));
        pos += len;
    }
    CHECK_OK(tcp_done(s, -1));
    free(buf);
}

static void receives(int s, size_t total, size_t piece, int lists) {
    unsigned char *buf = (unsigned char*)malloc(piece);
    CHECK(buf);
    for(size_t pos = 0; pos != total;) {
        size_t len = total - pos < piece ? total - pos : piece;
        size_t from = 0, to = 0;
        memset(buf, 0, len);
        if(lists) {
            /* The middle part is skipped. */
            from = len / 4;
            to = len / 2;
            struct iolist iol[3] = {
                {buf, from, NULL, 0},
                {NULL, to - from, NULL, 0},
                {buf + to, len - to, NULL, 0}
            };
            struct iolist saved[3];
            chain(iol, 3);
            memcpy(saved, iol, sizeof(saved));
            CHECK_OK(brecvl(s, &iol[0], &iol[2], -1));
            unchanged(iol, saved, 3);
        }
        else CHECK_OK(brecv(s, buf, len, -1));
        for(size_t i = 0; i != len; ++i)
            if(buf[i] != (i >= from && i < to ? 0 : pattern(pos + i)))
                check_fail(__FILE__, __LINE__, "byte %zu is wrong", pos + i);
        pos += len;
    }
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    free(buf);
}

static void transfer(size_t total, size_t out, size_t in, int lists) {
    int s[2];
    tcp_pair(s);
    int b = go(sends(s[0], total, out, lists));
    CHECK_HANDLE(b);
    receives(s[1], total, in, lists);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(transfers) {
    /* Around the sizes of internal buffers, and far beyond the kernel's. */
    size_t sizes[] = {1, 3, 511, 512, 513, 1983, 1984, 1985, 2000, 4095, 4096,
        4097, 16384, 65536, 70000};
    int n = sizeof(sizes) / sizeof(sizes[0]);
    for(int i = 0; i != n; ++i) {
        transfer(20000, sizes[i], sizes[n - 1 - i], 0);
        transfer(20000, sizes[i], sizes[i], 1);
    }
    transfer(9 << 20, 9 << 20, 9 << 20, 0);
    transfer(9 << 20, 1 << 20, 9 << 20, 1);
    transfer(9 << 20, 9 << 20, 70001, 1);
}

static coroutine void sends_both(int s, size_t len) {
    char *buf = (char*)malloc(len);
    CHECK(buf);
    memset(buf, 'z', len);
    CHECK_OK(bsend(s, buf, len, -1));
    free(buf);
}

static coroutine void receives_both(int s, size_t len) {
    CHECK_OK(brecv(s, NULL, len, -1));
}

/* Both ends send more than fits into the kernel before either has received. */
TEST(both_directions_at_once) {
    int s[2], b = bundle();
    size_t len = 16 << 20;
    CHECK_HANDLE(b);
    tcp_pair(s);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(bundle_go(b, sends_both(s[i], len)));
        CHECK_OK(bundle_go(b, receives_both(s[1 - i], len)));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(everything_to_the_end) {
    int s[2];
    tcp_pair(s);
    int b = go(sends(s[0], 200000, 777, 0));
    CHECK_HANDLE(b);
    CHECK_ERR(brecvl(s[1], NULL, NULL, -1), EPIPE);
    CHECK_ERR(brecvl(s[1], NULL, NULL, 0), EPIPE);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(long_lists) {
    /* Longer than the system takes in one call. */
    enum {N = 3000};
    static struct iolist out[N], in[N];
    static char outbuf[N * 2], inbuf[N * 2];
    int s[2];
    tcp_pair(s);
    for(int i = 0; i != N; ++i) {
        out[i].iol_base = outbuf + i * 2;
        in[i].iol_base = inbuf + i * 2;
        out[i].iol_len = in[i].iol_len = 2;
        outbuf[i * 2] = (char)i;
        outbuf[i * 2 + 1] = (char)(i >> 8);
    }
    chain(out, N);
    chain(in, N);
    CHECK_OK(bsendl(s[0], &out[0], &out[N - 1], -1));
    CHECK_OK(brecvl(s[1], &in[0], &in[N - 1], -1));
    CHECK_OK(memcmp(inbuf, outbuf, sizeof(inbuf)));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}
