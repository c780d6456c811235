/* Times one operation of the core. */

#include "bench.h"

#include <libdill.h>

static coroutine void yields(int gate, long n) {
    int val;
    MUST(chrecv(gate, &val, sizeof(val), -1) < 0 && errno == EPIPE);
    while(n--) yield();
}

/* All begin at the same time: otherwise the first would be done before the last is there. */
static double yield_among(int coroutines, long n) {
    int gate[2], b = bundle();
    MUST(b >= 0 && chmake(gate) == 0);
    for(int i = 0; i != coroutines; ++i)
        MUST(bundle_go(b, yields(gate[0], n / coroutines)) == 0);
    start();
    MUST(chdone(gate[1]) == 0);
    MUST(bundle_wait(b, -1) == 0);
    double result = stop(n);
    MUST(hclose(b) == 0 && hclose(gate[0]) == 0 && hclose(gate[1]) == 0);
    return result;
}

static double yield_2(long n) { return yield_among(2, n); }
static double yield_1000(long n) { return yield_among(1000, n); }

static coroutine void nothing(void) {
}

static double go_finish(long n) {
    int b = bundle();
    MUST(b >= 0);
    start();
    for(long i = 0; i != n; ++i) MUST(bundle_go(b, nothing()) == 0);
    double result = stop(n);
    MUST(hclose(b) == 0);
    return result;
}

static double go_finish_close(long n) {
    start();
    for(long i = 0; i != n; ++i) {
        int b = go(nothing());
        MUST(hclose(b) == 0);
    }
    return stop(n);
}

static coroutine void echoes(int ch) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0)
        if(chsend(ch, &val, sizeof(val), -1) < 0) return;
}

static double channel_message(long n) {
    int ch[2], val = 1;
    MUST(chmake(ch) == 0);
    int b = go(echoes(ch[1]));
    MUST(b >= 0);
    start();
    for(long i = 0; i != n / 2; ++i) {
        MUST(chsend(ch[0], &val, sizeof(val), -1) == 0);
        MUST(chrecv(ch[0], &val, sizeof(val), -1) == 0);
    }
    double result = stop(n);
    MUST(hclose(b) == 0 && hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return result;
}

static coroutine void receives(int ch) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0) continue;
}

static double go_cancel_blocked(long n) {
    int ch[2];
    MUST(chmake(ch) == 0);
    start();
    for(long i = 0; i != n; ++i) {
        int b = go(receives(ch[1]));
        MUST(hclose(b) == 0);
    }
    double result = stop(n);
    MUST(hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return result;
}

static coroutine void sleeps(int64_t deadline) {
    msleep(deadline);
}

static coroutine void sends(int ch) {
    int val = 1;
    while(chsend(ch, &val, sizeof(val), -1) == 0) continue;
}

static double deadline_among(int timers, long n) {
    int ch[2], val;
    MUST(chmake(ch) == 0);
    int b = bundle();
    MUST(b >= 0);
    for(int i = 0; i != timers; ++i) MUST(bundle_go(b, sleeps(now() + 1000000 + i)) == 0);
    MUST(bundle_go(b, sends(ch[1])) == 0);
    start();
    for(long i = 0; i != n; ++i) MUST(chrecv(ch[0], &val, sizeof(val), now() + 60000) == 0);
    double result = stop(n);
    MUST(hclose(b) == 0 && hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return result;
}

static double deadline_0(long n) { return deadline_among(0, n); }
static double deadline_10000(long n) { return deadline_among(10000, n); }

static double choose_among(int clauses, long n) {
    enum {MOST = 64};
    static int ch[MOST][2];
    static struct chclause list[MOST];
    int val;
    for(int i = 0; i != clauses; ++i) {
        MUST(chmake(ch[i]) == 0);
        list[i].op = CHRECV;
        list[i].ch = ch[i][0];
        list[i].val = &val;
        list[i].len = sizeof(val);
    }
    /* Each call blocks: its message comes from the sender that it makes way for. */
    int b = bundle();
    MUST(b >= 0);
    MUST(bundle_go(b, sends(ch[clauses - 1][1])) == 0);
    start();
    for(long i = 0; i != n; ++i) MUST(choose(list, clauses, -1) == clauses - 1);
    double result = stop(n);
    MUST(hclose(b) == 0);
    for(int i = 0; i != clauses; ++i) MUST(hclose(ch[i][0]) == 0 && hclose(ch[i][1]) == 0);
    return result;
}

static double choose_2(long n) { return choose_among(2, n); }
static double choose_8(long n) { return choose_among(8, n); }
static double choose_64(long n) { return choose_among(64, n); }

#if defined DILL_INHERIT /* what libdill has nothing for */

static double deadline_100000(long n) { return deadline_among(100000, n); }

/* The timers of so many bundles: libdill can't have as many coroutines either. */
static double deadline_1000000(long n) {
    enum {TIMERS = 1000000};
    int *bundles = malloc(TIMERS * sizeof(int));
    MUST(bundles);
    for(int i = 0; i != TIMERS; ++i) {
        bundles[i] = bundle();
        MUST(bundles[i] >= 0 && bundle_deadline(bundles[i], now() + 1000000 + i) == 0);
    }
    double result = deadline_among(0, n);
    for(int i = 0; i != TIMERS; ++i) MUST(hclose(bundles[i]) == 0);
    free(bundles);
    return result;
}

/* Per coroutine: bundle_cancel of 10,000 that wait for the request. */
static double cancel_aware(long n) {
    enum {MEMBERS = 10000};
    double total = 0;
    long rounds = (n + MEMBERS - 1) / MEMBERS;
    for(long i = 0; i != rounds; ++i) {
        int ch[2], b = bundle();
        MUST(b >= 0 && chmake(ch) == 0 && bundle_notify(b, ch[0]) == 0);
        for(int j = 0; j != MEMBERS; ++j) MUST(bundle_go(b, receives(ch[1])) == 0);
        start();
        MUST(bundle_cancel(b, -1) == 0);
        total += stop(MEMBERS);
        MUST(hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    }
    return total / (double)rounds;
}

#endif

static const struct benchmark benchmarks[] = {
    {"yield_2", yield_2},
    {"yield_1000", yield_1000},
    {"go_finish", go_finish},
    {"go_finish_close", go_finish_close},
    {"channel_message", channel_message},
    {"go_cancel_blocked", go_cancel_blocked},
    {"deadline_0", deadline_0},
    {"deadline_10000", deadline_10000},
    {"choose_2", choose_2},
    {"choose_8", choose_8},
    {"choose_64", choose_64},
#if defined DILL_INHERIT
    {"deadline_100000", deadline_100000},
    {"deadline_1000000", deadline_1000000},
    {"cancel_aware_10000", cancel_aware},
#endif
};

int main(int argc, char **argv) {
    return bench_main(argc, argv, benchmarks, COUNT(benchmarks));
}
