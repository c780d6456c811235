/* go_mem and bundle_go_mem: coroutines on 4 KiB stacks of the caller's, aligned
   and not, that block on everything there is. The coroutines only record what
   they saw: printing a failure takes more stack than they have. */

#include "net.h"

enum {STACK = 4096, MARGIN = 4096, NSTACKS = 8};

/* The stacks lie between margins that must stay untouched. */
/* Where a stack begins, from an aligned address. */
#define OFFSETS "0 1 3 8 15"
static char area[NSTACKS][MARGIN + STACK + 16 + MARGIN];
static int offset;

BEFORE_EACH {
    static const int offsets[] = {0, 1, 3, 8, 15};
    offset = offsets[variant()];
}

static char *stack(int n) {
    return area[n] + MARGIN + offset;
}

static void paint(void) {
    memset(area, 0x5a, sizeof(area));
}

static void check_margins(void) {
    for(int n = 0; n != NSTACKS; ++n)
        for(size_t i = 0; i != sizeof(area[n]); ++i)
            if(area[n] + i < stack(n) || area[n] + i >= stack(n) + STACK)
                if(area[n][i] != 0x5a)
                    check_fail(__FILE__, __LINE__,
                        "stack %d at offset %d: byte %d has been written", n,
                        offset, (int)(area[n] + i - stack(n)));
}

struct record {
    int rc[8];
    int err[8];
    int val[8];
    int n;
};

static struct record rec[NSTACKS];

#define RECORD(r, expr) do {\
    errno = 0;\
    (r)->rc[(r)->n] = (expr);\
    (r)->err[(r)->n] = errno;\
    (r)->n++;\
} while(0)

#define CHECK_RECORD(r, i, result, error) do {\
    CHECK((r)->n > (i));\
    CHECK_INT((r)->rc[i], result);\
    CHECK_INT((r)->err[i], error);\
} while(0)

static coroutine void on_channels(struct record *r, int ch) {
    RECORD(r, chrecv(ch, &r->val[0], sizeof(int), -1));
    RECORD(r, chsend(ch, &r->val[0], sizeof(int), -1));
    RECORD(r, chrecv(ch, &r->val[1], sizeof(int), now() + 3));
    RECORD(r, chrecv(ch, &r->val[1], sizeof(int), -1));
}

static coroutine void on_timers(struct record *r) {
    RECORD(r, msleep(now() + 5));
    RECORD(r, msleep(0));
    RECORD(r, yield());
    RECORD(r, msleep(-1));
}

static coroutine void on_descriptors(struct record *r, int in, int out) {
    char c;
    RECORD(r, fdin(in, -1));
    RECORD(r, (int)read(in, &c, 1));
    RECORD(r, fdout(out, -1));
    RECORD(r, (int)write(out, &c, 1));
    RECORD(r, fdin(in, now() + 3));
    RECORD(r, fdin(in, -1));
}

static coroutine void on_choose(struct record *r, int ch[][2]) {
    struct chclause cls[12];
    for(int i = 0; i != 12; ++i) {
        cls[i].op = CHRECV;
        cls[i].ch = ch[i][1];
        cls[i].val = &r->val[0];
        cls[i].len = sizeof(int);
    }
    RECORD(r, choose(cls, 12, now() + 3));
    RECORD(r, choose(cls, 12, -1));
    RECORD(r, choose(cls, 2, -1));
}

static coroutine void on_sockets(struct record *r, int ls) {
    RECORD(r, tcp_accept(ls, NULL, -1));
    int s = r->rc[0];
    RECORD(r, brecv(s, &r->val[0], sizeof(int), -1));
    RECORD(r, bsend(s, &r->val[0], sizeof(int), -1));
    RECORD(r, brecv(s, &r->val[1], 1, -1));
    RECORD(r, tcp_close(s, -1));
}

static coroutine void connects(struct record *r, struct ipaddr *addr) {
    RECORD(r, tcp_connect(addr, -1));
    int s = r->rc[0];
    r->val[0] = 1234;
    RECORD(r, bsend(s, &r->val[0], sizeof(int), -1));
    RECORD(r, brecv(s, &r->val[1], sizeof(int), -1));
    RECORD(r, tcp_close(s, -1));
}

static coroutine void child(struct record *r) {
    RECORD(r, msleep(-1));
}

static coroutine void owns(struct record *r, struct record *of_child) {
    int b = go(child(of_child));
    RECORD(r, b >= 0);
    RECORD(r, bundle_wait(b, now() + 3));
    RECORD(r, bundle_wait(b, -1));
    RECORD(r, hclose(b));
}

/* Until the coroutine has recorded n results. */
static void wait_for(const struct record *r, int n) {
    while(r->n < n) CHECK_OK(msleep(now() + 1));
}

TEST(all_kinds_of_waiting, BOTH_POLLERS, VARIANTS(OFFSETS)) {
    int ch[2], many[12][2], in[2], out[2], val;
    struct ipaddr addr;
    memset(rec, 0, sizeof(rec));
    paint();
    int ls = loopback_listener(&addr);
    CHECK_OK(chmake(ch));
    for(int i = 0; i != 12; ++i) CHECK_OK(chmake(many[i]));
    CHECK_OK(pipe(in));
    CHECK_OK(pipe(out));
    int b = go_mem(on_channels(&rec[0], ch[1]), stack(0), STACK);
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go_mem(b, on_timers(&rec[1]), stack(1), STACK));
    CHECK_OK(bundle_go_mem(b, on_descriptors(&rec[2], in[0], out[1]), stack(2),
        STACK));
    CHECK_OK(bundle_go_mem(b, on_choose(&rec[3], many), stack(3), STACK));
    CHECK_OK(bundle_go_mem(b, on_sockets(&rec[4], ls), stack(4), STACK));
    CHECK_OK(bundle_go_mem(b, connects(&rec[5], &addr), stack(5), STACK));
    CHECK_OK(bundle_go_mem(b, owns(&rec[6], &rec[7]), stack(6), STACK));
    val = 77;
    CHECK_OK(chsend(ch[0], &val, sizeof(val), -1));
    val = 0;
    CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
    CHECK_INT(val, 77);
    CHECK_INT(write(in[1], "x", 1), 1);
    CHECK_OK(fdin(out[0], -1));
    wait_for(&rec[3], 1);
    val = 88;
    CHECK_OK(chsend(many[9][0], &val, sizeof(val), -1));
    /* All but the last call of each, which only the end of the bundle ends. */
    int last[] = {3, 3, 5, 2, 5, 4, 2};
    for(int i = 0; i != 7; ++i) wait_for(&rec[i], last[i]);
    CHECK_OK(yield());
    CHECK_OK(hclose(b));
    check_margins();
    CHECK_RECORD(&rec[0], 0, 0, 0);
    CHECK_RECORD(&rec[0], 1, 0, 0);
    CHECK_RECORD(&rec[0], 2, -1, ETIMEDOUT);
    CHECK_RECORD(&rec[0], 3, -1, ECANCELED);
    CHECK_RECORD(&rec[1], 0, 0, 0);
    CHECK_INT(rec[1].rc[1], 0);
    CHECK_INT(rec[1].rc[2], 0);
    CHECK_RECORD(&rec[1], 3, -1, ECANCELED);
    CHECK_RECORD(&rec[2], 0, 0, 0);
    CHECK_INT(rec[2].rc[1], 1);
    CHECK_RECORD(&rec[2], 2, 0, 0);
    CHECK_INT(rec[2].rc[3], 1);
    CHECK_RECORD(&rec[2], 4, -1, ETIMEDOUT);
    CHECK_RECORD(&rec[2], 5, -1, ECANCELED);
    CHECK_RECORD(&rec[3], 0, -1, ETIMEDOUT);
    CHECK_RECORD(&rec[3], 1, 9, 0);
    CHECK_INT(rec[3].val[0], 88);
    CHECK_RECORD(&rec[3], 2, -1, ECANCELED);
    CHECK(rec[4].rc[0] >= 0);
    CHECK_INT(rec[4].rc[1], 0);
    CHECK_INT(rec[4].val[0], 1234);
    CHECK_INT(rec[4].rc[2], 0);
    CHECK_RECORD(&rec[4], 3, -1, EPIPE);
    CHECK_INT(rec[4].rc[4], 0);
    CHECK(rec[5].rc[0] >= 0);
    CHECK_INT(rec[5].rc[1], 0);
    CHECK_INT(rec[5].rc[2], 0);
    CHECK_INT(rec[5].val[1], 1234);
    CHECK_INT(rec[5].rc[3], 0);
    CHECK_RECORD(&rec[6], 0, 1, 0);
    CHECK_RECORD(&rec[6], 1, -1, ETIMEDOUT);
    CHECK_RECORD(&rec[6], 2, -1, ECANCELED);
    CHECK_INT(rec[6].rc[3], 0);
    CHECK_RECORD(&rec[7], 0, -1, ECANCELED);
    CHECK_OK(hclose(ls));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(ch[i]));
        for(int j = 0; j != 12; ++j) CHECK_OK(hclose(many[j][i]));
        CHECK_OK(fdclean(in[i]));
        CHECK_OK(close(in[i]));
        CHECK_OK(fdclean(out[i]));
        CHECK_OK(close(out[i]));
    }
}

static coroutine void finishes(int *count) {
    ++*count;
}

TEST(same_stack_again, BOTH_POLLERS, VARIANTS(OFFSETS)) {
    int count = 0;
    paint();
    for(int i = 0; i != 1000; ++i) {
        int b = go_mem(finishes(&count), stack(0), STACK);
        CHECK_HANDLE(b);
        CHECK_OK(hclose(b));
    }
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 1000; ++i) {
        CHECK_OK(bundle_go_mem(b, finishes(&count), stack(0), STACK));
        CHECK_OK(bundle_wait(b, -1));
    }
    CHECK_OK(hclose(b));
    CHECK_INT(count, 2000);
    check_margins();
}

TEST(too_small, VARIANTS(OFFSETS)) {
    int count = 0;
    size_t sizes[] = {0, 1, 8, 16, 63, 64, 65, 100, 128, 200, 256, 512, 1024, 1500, 2048,
        2560, 3000, STACK - 1};
    int b = bundle();
    CHECK_HANDLE(b);
    paint();
    for(size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i) {
        CHECK_ERR(go_mem(finishes(&count), stack(0), sizes[i]), ENOMEM);
        CHECK_ERR(bundle_go_mem(b, finishes(&count), stack(1), sizes[i]),
            ENOMEM);
    }
    CHECK_INT(count, 0);
    /* A refusal leaves the buffers and the bundle alone. */
    for(int n = 0; n != 2; ++n)
        for(int i = 0; i != STACK; ++i) CHECK_INT(stack(n)[i], 0x5a);
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(bundle_go_mem(b, finishes(&count), stack(1), STACK));
    CHECK_INT(count, 1);
    CHECK_OK(hclose(b));
    CHECK_ERR(bundle_go_mem(b, finishes(&count), stack(1), STACK), EBADF);
}

/* Without memory the stack is one of the library's, whatever the length. */
TEST(no_memory) {
    size_t sizes[] = {0, 1, 65536};
    int count = 0;
    for(int i = 0; i != 3; ++i) {
        int b = go_mem(finishes(&count), NULL, sizes[i]);
        CHECK_HANDLE(b);
        CHECK_OK(bundle_go_mem(b, finishes(&count), NULL, sizes[i]));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    CHECK_INT(count, 6);
}

static coroutine void large_frame(int *ok) {
    char buf[200000];
    memset(buf, 'z', sizeof(buf));
    *ok = yield() == 0;
    for(size_t i = 0; i != sizeof(buf); ++i) if(buf[i] != 'z') *ok = 0;
}

TEST(large_stacks) {
    /* As large as one wants, and the ordinary ones hold 200 KB too. */
    static char big[1 << 20];
    int ok[2] = {0, 0};
    int b = go_mem(large_frame(&ok[0]), big, sizeof(big));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, large_frame(&ok[1])));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(ok[0], 1);
    CHECK_INT(ok[1], 1);
    CHECK_OK(hclose(b));
}
