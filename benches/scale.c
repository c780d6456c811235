/* What an operation costs beside so many others: scale yield|deadline NUMBER prints
   nanoseconds per operation. benches/plot.py draws it. */

#include "bench.h"

#include <libdill.h>

static long missing;
static double result;

static coroutine void yields(int gate, int done, long n, long all) {
    int val;
    MUST(chrecv(gate, &val, sizeof(val), -1) < 0 && errno == EPIPE);
    for(long i = 0; i != n; ++i) MUST(yield() == 0);
    if(--missing == 0) {
        result = stop(all);
        MUST(chdone(done) == 0);
    }
    /* The ends are not a part of it. */
    (void)msleep(-1);
}

/* A yield among so many coroutines, all of which start at the same time. */
static double yield_among(long coroutines) {
    long turns = 10 + 2000000 / coroutines;
    int gate[2], done[2], val, b = bundle();
    MUST(b >= 0 && chmake(gate) == 0 && chmake(done) == 0);
    missing = coroutines;
    for(long i = 0; i != coroutines; ++i)
        MUST(bundle_go(b, yields(gate[0], done[1], turns, coroutines * turns)) == 0);
    start();
    MUST(chdone(gate[1]) == 0);
    MUST(chrecv(done[0], &val, sizeof(val), -1) < 0 && errno == EPIPE);
    MUST(hclose(b) == 0 && hclose(gate[0]) == 0 && hclose(gate[1]) == 0);
    MUST(hclose(done[0]) == 0 && hclose(done[1]) == 0);
    return result;
}

static coroutine void sends(int ch) {
    int val = 1;
    while(chsend(ch, &val, sizeof(val), -1) == 0) continue;
}

/* A receive with a deadline that never comes, beside so many coroutines that sleep. */
static double deadline_among(long timers) {
    int ch[2], val;
    long n = 500000;
    MUST(chmake(ch) == 0);
    int b = bundle();
    MUST(b >= 0);
    for(long i = 0; i != timers; ++i) MUST(bundle_go(b, (void)msleep(now() + 1000000 + i)) == 0);
    MUST(bundle_go(b, sends(ch[1])) == 0);
    start();
    for(long i = 0; i != n; ++i) MUST(chrecv(ch[0], &val, sizeof(val), now() + 60000) == 0);
    double spent = stop(n);
    MUST(hclose(b) == 0 && hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return spent;
}

int main(int argc, char **argv) {
    long number = argc == 3 ? atol(argv[2]) : 0;
    if(number < 1) return 2;
    if(strcmp(argv[1], "yield") == 0) printf("%.1f\n", yield_among(number));
    else if(strcmp(argv[1], "deadline") == 0) printf("%.1f\n", deadline_among(number));
    else return 2;
    return 0;
}
