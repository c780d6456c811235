/* What choose reports: -1 for the call as a whole, else the index of a clause,
   with errno saying how that clause ended. */

#include <limits.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

static coroutine void sends(int ch, size_t len, int result, int err) {
    char buf[64] = {0};
    CHECK_RESULT(chsend(ch, buf, len, -1), result, err);
    note("sent");
}

static coroutine void receives(int ch, size_t len, int result, int err) {
    char buf[64];
    CHECK_RESULT(chrecv(ch, buf, len, -1), result, err);
    note("received");
}

static coroutine void chooses(int op, int ch, int other, size_t len, int err) {
    char buf[64] = {0};
    struct chclause cls[] = {
        {CHRECV, other, buf, sizeof(buf)},
        {op, ch, buf, len}
    };
    CHECK_RESULT(choose(cls, 2, -1), 1, err);
    note("chose");
}

TEST(the_call_as_a_whole) {
    int ch[2], val = 0;
    CHECK_OK(chmake(ch));
    struct chclause cl = {CHRECV, ch[0], &val, sizeof(val)};
    CHECK_ERR(choose(&cl, -1, 0), EINVAL);
    CHECK_ERR(choose(&cl, INT_MIN, -1), EINVAL);
    CHECK_ERR(choose(NULL, 1, 0), EINVAL);
    CHECK_ERR(choose(NULL, -1, -1), EINVAL);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Clause 0 is sound but not ready, clause 1 is as said: index 1 comes back. */
static void bad_clause(struct chclause bad, int err) {
    int ch[2], val = 0;
    CHECK_OK(chmake(ch));
    struct chclause cls[] = {{CHRECV, ch[1], &val, sizeof(val)}, bad};
    CHECK_RESULT(choose(cls, 2, 0), 1, err);
    CHECK_RESULT(choose(cls, 2, -1), 1, err);
    CHECK_RESULT(choose(&bad, 1, -1), 0, err);
    /* It was found before anything was waited for. */
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    /* A clause before it that is ready wins. */
    int b = go(sends(ch[0], sizeof(val), 0, 0));
    CHECK_HANDLE(b);
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("sent");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(bad_clauses) {
    int ch[2], closed[2], val = 0;
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(closed));
    CHECK_OK(hclose(closed[0]));
    CHECK_OK(hclose(closed[1]));
    int b = bundle();
    CHECK_HANDLE(b);
    struct chclause bad[] = {
        {CHRECV, -1, &val, sizeof(val)},
        {CHSEND, closed[0], &val, sizeof(val)},
        {CHRECV, closed[1], &val, sizeof(val)},
        {CHRECV, b, &val, sizeof(val)},
        {CHSEND, b, &val, sizeof(val)},
        {0, ch[0], &val, sizeof(val)},
        {-1, ch[0], &val, sizeof(val)},
        {1000, ch[0], &val, sizeof(val)},
        {CHRECV, ch[0], NULL, sizeof(val)},
        {CHSEND, ch[0], NULL, 1}
    };
    int err[] = {EBADF, EBADF, EBADF, ENOTSUP, ENOTSUP, EINVAL, EINVAL, EINVAL,
        EINVAL, EINVAL};
    for(size_t i = 0; i != sizeof(err) / sizeof(err[0]); ++i)
        bad_clause(bad[i], err[i]);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(done_channels) {
    int ch[2], other[2], val = 0;
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(other));
    CHECK_OK(chdone(ch[0]));
    struct chclause in[] = {
        {CHRECV, other[0], &val, sizeof(val)},
        {CHRECV, ch[1], &val, sizeof(val)}
    };
    for(int i = 0; i != 3; ++i) {
        CHECK_RESULT(choose(in, 2, -1), 1, EPIPE);
        CHECK_RESULT(choose(in, 2, 0), 1, EPIPE);
    }
    struct chclause out[] = {{CHSEND, ch[0], &val, sizeof(val)}};
    CHECK_RESULT(choose(out, 1, -1), 0, EPIPE);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(ch[i]));
        CHECK_OK(hclose(other[i]));
    }
}

TEST(done_while_waiting) {
    int ch[2][2], other[2];
    CHECK_OK(chmake(ch[0]));
    CHECK_OK(chmake(ch[1]));
    CHECK_OK(chmake(other));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, chooses(CHRECV, ch[0][1], other[0], 4, EPIPE)));
    CHECK_OK(bundle_go(b, chooses(CHSEND, ch[1][0], other[0], 4, EPIPE)));
    CHECK_OK(chdone(ch[0][0]));
    CHECK_OK(chdone(ch[1][0]));
    CHECK_OK(yield());
    CHECK_NOTES("chose chose");
    CHECK_OK(hclose(b));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(ch[0][i]));
        CHECK_OK(hclose(ch[1][i]));
        CHECK_OK(hclose(other[i]));
    }
}

TEST(closed_channels) {
    int ch[2], other[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(other));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, chooses(CHRECV, ch[0], other[0], 4, EPIPE)));
    CHECK_OK(bundle_go(b, chooses(CHSEND, ch[0], other[0], 4, EPIPE)));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(yield());
    CHECK_NOTES("chose chose");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(other[0]));
    CHECK_OK(hclose(other[1]));
}

TEST(different_sizes) {
    int ch[2], other[2];
    char buf[64] = {0};
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(other));
    int b = bundle();
    CHECK_HANDLE(b);
    struct chclause cls[] = {
        {CHRECV, other[0], buf, sizeof(buf)},
        {CHRECV, ch[0], buf, 4}
    };
    CHECK_OK(bundle_go(b, sends(ch[1], 5, -1, EMSGSIZE)));
    CHECK_RESULT(choose(cls, 2, -1), 1, EMSGSIZE);
    cls[1].op = CHSEND;
    CHECK_OK(bundle_go(b, receives(ch[1], 3, -1, EMSGSIZE)));
    CHECK_RESULT(choose(cls, 2, 0), 1, EMSGSIZE);
    CHECK_OK(yield());
    CHECK_NOTES("sent received");
    /* The other way round: the choose waits. */
    CHECK_OK(bundle_go(b, chooses(CHRECV, ch[1], other[0], 4, EMSGSIZE)));
    CHECK_ERR(chsend(ch[0], buf, 8, -1), EMSGSIZE);
    CHECK_OK(bundle_go(b, chooses(CHSEND, ch[1], other[0], 4, EMSGSIZE)));
    CHECK_ERR(chrecv(ch[0], buf, 0, -1), EMSGSIZE);
    CHECK_OK(yield());
    CHECK_NOTES("chose chose");
    CHECK_OK(bundle_wait(b, 0));
    CHECK_OK(hclose(b));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(ch[i]));
        CHECK_OK(hclose(other[i]));
    }
}

static coroutine void is_cancelled(int ch) {
    int val = 0;
    struct chclause cls[] = {
        {CHRECV, ch, &val, sizeof(val)},
        {CHSEND, ch, &val, sizeof(val)}
    };
    CHECK_ERR(choose(cls, 2, -1), ECANCELED);
    CHECK_ERR(choose(cls, 2, 0), ECANCELED);
    CHECK_ERR(choose(NULL, 0, 0), ECANCELED);
    /* Before the arguments are looked at. */
    CHECK_ERR(choose(NULL, -1, 0), ECANCELED);
    note("cancelled");
}

TEST(cancelled) {
    int ch[2], val = 0;
    CHECK_OK(chmake(ch));
    int b = go(is_cancelled(ch[1]));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 0), ETIMEDOUT);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(empty_values) {
    int ch[2];
    CHECK_OK(chmake(ch));
    struct chclause in = {CHRECV, ch[0], NULL, 0};
    int b = go(sends(ch[1], 0, 0, 0));
    CHECK_HANDLE(b);
    CHECK_RESULT(choose(&in, 1, -1), 0, 0);
    struct chclause out = {CHSEND, ch[0], NULL, 0};
    CHECK_OK(bundle_go(b, receives(ch[1], 0, 0, 0)));
    CHECK_RESULT(choose(&out, 1, -1), 0, 0);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("sent received");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}
