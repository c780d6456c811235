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

static const struct benchmark benchmarks[] = {
    {"yield_2", yield_2},
    {"yield_1000", yield_1000},
    {"go_finish", go_finish},
    {"go_finish_close", go_finish_close},
    {"channel_message", channel_message},
    {"go_cancel_blocked", go_cancel_blocked},
    {"deadline_0", deadline_0},
    {"deadline_10000", deadline_10000},
};

int main(int argc, char **argv) {
    return bench_main(argc, argv, benchmarks, COUNT(benchmarks));
}
