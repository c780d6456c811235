/* choose on channels: readiness, priority, order among waiters, both ends,
   many clauses, choose against choose. */

#include "coroutines.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

static int b;

static coroutine void receives_any(int ch) {
    int val = -1;
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    note("r%d", val);
}

static coroutine void chooses_to_send(int ch, int val) {
    struct chclause cl = {CHSEND, ch, &val, sizeof(val)};
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    note("cs%d", val);
}

static coroutine void chooses_to_receive(int ch) {
    int val = -1;
    struct chclause cl = {CHRECV, ch, &val, sizeof(val)};
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    note("cr%d", val);
}

static void make(int n, int ch[][2]) {
    for(int i = 0; i != n; ++i) CHECK_OK(chmake(ch[i]));
    b = bundle();
    CHECK_HANDLE(b);
}

static void unmake(int n, int ch[][2]) {
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    for(int i = 0; i != n; ++i) {
        CHECK_OK(hclose(ch[i][0]));
        CHECK_OK(hclose(ch[i][1]));
    }
}

TEST(one_clause) {
    int ch[1][2], val = -1;
    make(1, ch);
    struct chclause in = {CHRECV, ch[0][1], &val, sizeof(val)};
    struct chclause out = {CHSEND, ch[0][1], &val, sizeof(val)};
    /* Ready at once, with errno 0 although nothing was waited for. */
    CHECK_OK(bundle_go(b, sends(ch[0][0], 1)));
    CHECK_RESULT(choose(&in, 1, -1), 0, 0);
    CHECK_INT(val, 1);
    CHECK_OK(bundle_go(b, receives_any(ch[0][0])));
    val = 2;
    CHECK_RESULT(choose(&out, 1, 0), 0, 0);
    CHECK_OK(bundle_go(b, sends(ch[0][0], 3)));
    CHECK_RESULT(choose(&in, 1, 0), 0, 0);
    CHECK_INT(val, 3);
    CHECK_OK(yield());
    CHECK_NOTES("s1 r2 s3");
    unmake(1, ch);
}

TEST(one_clause_that_waits) {
    int ch[1][2], val = -1;
    make(1, ch);
    struct chclause in = {CHRECV, ch[0][1], &val, sizeof(val)};
    struct chclause out = {CHSEND, ch[0][1], &val, sizeof(val)};
    CHECK_OK(bundle_go(b, sends_later(ch[0][0], 4)));
    CHECK_RESULT(choose(&in, 1, -1), 0, 0);
    CHECK_INT(val, 4);
    CHECK_OK(bundle_go(b, receives_later(ch[0][0], 5)));
    val = 5;
    CHECK_RESULT(choose(&out, 1, now() + 1000000), 0, 0);
    unmake(1, ch);
}

TEST(order_decides_among_the_ready) {
    int ch[3][2], val = 0, sent = 77;
    make(3, ch);
    CHECK_OK(bundle_go(b, sends(ch[0][0], 0)));
    CHECK_OK(bundle_go(b, sends(ch[1][0], 1)));
    CHECK_OK(bundle_go(b, receives_any(ch[2][0])));
    struct chclause cls[] = {
        {CHSEND, ch[2][1], &sent, sizeof(sent)},
        {CHRECV, ch[1][1], &val, sizeof(val)},
        {CHRECV, ch[0][1], &val, sizeof(val)}
    };
    CHECK_RESULT(choose(cls, 3, -1), 0, 0);
    CHECK_INT(val, 0);
    CHECK_RESULT(choose(cls, 3, -1), 1, 0);
    CHECK_INT(val, 1);
    CHECK_RESULT(choose(cls, 3, 0), 2, 0);
    CHECK_INT(val, 0);
    CHECK_RESULT(choose(cls, 3, 0), -1, ETIMEDOUT);
    CHECK_OK(yield());
    CHECK_NOTES("r77 s1 s0");
    unmake(3, ch);
}

TEST(first_to_come_decides_when_waiting) {
    int ch[3][2], val = 0;
    make(3, ch);
    struct chclause cls[3];
    for(int i = 0; i != 3; ++i) {
        cls[i].op = CHRECV;
        cls[i].ch = ch[i][1];
        cls[i].val = &val;
        cls[i].len = sizeof(val);
    }
    for(int i = 2; i >= 0; --i) {
        CHECK_OK(bundle_go(b, sends_later(ch[i][0], 100 + i)));
        CHECK_RESULT(choose(cls, 3, -1), i, 0);
        CHECK_INT(val, 100 + i);
        /* The clauses that lost have left their channels. */
        for(int j = 0; j != 3; ++j)
            CHECK_ERR(chsend(ch[j][0], &val, sizeof(val), 0), ETIMEDOUT);
    }
    unmake(3, ch);
}

TEST(in_line_with_other_waiters) {
    int ch[1][2], val;
    make(1, ch);
    CHECK_OK(bundle_go(b, receives_any(ch[0][1])));
    CHECK_OK(bundle_go(b, chooses_to_receive(ch[0][1])));
    CHECK_OK(bundle_go(b, receives_any(ch[0][1])));
    for(int i = 0; i != 3; ++i)
        CHECK_OK(chsend(ch[0][0], &i, sizeof(i), 0));
    CHECK_OK(yield());
    CHECK_NOTES("r0 cr1 r2");
    CHECK_OK(bundle_go(b, chooses_to_send(ch[0][0], 0)));
    CHECK_OK(bundle_go(b, sends(ch[0][0], 1)));
    CHECK_OK(bundle_go(b, chooses_to_send(ch[0][0], 2)));
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(chrecv(ch[0][1], &val, sizeof(val), 0));
        CHECK_INT(val, i);
    }
    CHECK_OK(yield());
    CHECK_NOTES("cs0 s1 cs2");
    unmake(1, ch);
}

TEST(choose_against_choose) {
    int ch[1][2], val = -1;
    make(1, ch);
    CHECK_OK(bundle_go(b, chooses_to_send(ch[0][0], 1)));
    struct chclause in = {CHRECV, ch[0][1], &val, sizeof(val)};
    CHECK_RESULT(choose(&in, 1, -1), 0, 0);
    CHECK_INT(val, 1);
    CHECK_OK(bundle_go(b, chooses_to_receive(ch[0][0])));
    val = 2;
    struct chclause out = {CHSEND, ch[0][1], &val, sizeof(val)};
    CHECK_RESULT(choose(&out, 1, -1), 0, 0);
    unmake(1, ch);
    CHECK_NOTES("cs1 cr2");
}

/* Two coroutines, each willing to send to or receive from the other. */
static coroutine void trades(int ch, int val, int rounds, int *sent, int *got) {
    for(int i = 0; i != rounds; ++i) {
        int in = -1;
        struct chclause cls[] = {
            {CHSEND, ch, &val, sizeof(val)},
            {CHRECV, ch, &in, sizeof(in)}
        };
        int id = choose(cls, 2, -1);
        CHECK_INT(errno, 0);
        if(id == 0) ++*sent;
        else {
            CHECK_INT(id, 1);
            CHECK(in != val && in >= 0);
            ++*got;
        }
    }
}

TEST(traders) {
    int ch[1][2], sent[2] = {0, 0}, got[2] = {0, 0};
    make(1, ch);
    CHECK_OK(bundle_go(b, trades(ch[0][0], 10, 100, &sent[0], &got[0])));
    CHECK_OK(bundle_go(b, trades(ch[0][1], 20, 100, &sent[1], &got[1])));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(sent[0], got[1]);
    CHECK_INT(sent[1], got[0]);
    CHECK_INT(sent[0] + got[0], 100);
    unmake(1, ch);
}

TEST(the_same_channel_twice) {
    int ch[1][2], val[2] = {-1, -1};
    make(1, ch);
    struct chclause cls[] = {
        {CHRECV, ch[0][1], &val[0], sizeof(int)},
        {CHRECV, ch[0][1], &val[1], sizeof(int)}
    };
    CHECK_ERR(choose(cls, 2, now() + 10), ETIMEDOUT);
    CHECK_OK(bundle_go(b, sends_later(ch[0][0], 5)));
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_INT(val[0], 5);
    CHECK_INT(val[1], -1);
    CHECK_OK(bundle_go(b, sends(ch[0][0], 6)));
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_INT(val[0], 6);
    unmake(1, ch);
    CHECK_NOTES("s6");
}

TEST(both_ends_in_one_choose) {
    int ch[1][2], in = -1, out = 8;
    make(1, ch);
    struct chclause cls[] = {
        {CHSEND, ch[0][0], &out, sizeof(out)},
        {CHRECV, ch[0][1], &in, sizeof(in)}
    };
    /* A coroutine doesn't talk to itself. */
    CHECK_ERR(choose(cls, 2, 0), ETIMEDOUT);
    CHECK_ERR(choose(cls, 2, now() + 10), ETIMEDOUT);
    CHECK_INT(in, -1);
    CHECK_OK(bundle_go(b, receives_later(ch[0][1], 8)));
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_OK(bundle_go(b, sends_later(ch[0][0], 9)));
    CHECK_RESULT(choose(cls, 2, -1), 1, 0);
    CHECK_INT(in, 9);
    unmake(1, ch);
}

TEST(many_clauses) {
    enum {N = 64};
    int ch[N][2], val[N];
    struct chclause cls[N];
    make(N, ch);
    for(int i = 0; i != N; ++i) {
        val[i] = -1;
        cls[i].op = i % 2 ? CHSEND : CHRECV;
        cls[i].ch = ch[i][1];
        cls[i].val = &val[i];
        cls[i].len = sizeof(int);
    }
    CHECK_ERR(choose(cls, N, 0), ETIMEDOUT);
    for(int i = N - 1; i >= 0; i -= 7) {
        val[i] = 1000 + i;
        if(i % 2) CHECK_OK(bundle_go(b, receives_later(ch[i][0], 1000 + i)));
        else CHECK_OK(bundle_go(b, sends_later(ch[i][0], 2000 + i)));
        CHECK_RESULT(choose(cls, N, -1), i, 0);
        CHECK_INT(val[i], i % 2 ? 1000 + i : 2000 + i);
    }
    unmake(N, ch);
}

TEST(deadlines) {
    int ch[1][2], val = 0;
    make(1, ch);
    int64_t start = now();
    struct chclause cl = {CHRECV, ch[0][1], &val, sizeof(val)};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_ERR(choose(&cl, 1, now() - 1), ETIMEDOUT);
    CHECK_INT(now() - start, 0);
    CHECK_ERR(choose(&cl, 1, start + 10), ETIMEDOUT);
    CHECK_INT(now() - start, 10);
    /* Without a clause it is a sleep that times out. */
    CHECK_ERR(choose(NULL, 0, 0), ETIMEDOUT);
    CHECK_ERR(choose(&cl, 0, start + 15), ETIMEDOUT);
    CHECK_ERR(choose(NULL, 0, start + 20), ETIMEDOUT);
    CHECK_INT(now() - start, 20);
    unmake(1, ch);
}
