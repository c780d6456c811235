/* Times streams of messages, waits that end early, and how late timers are. */

#include "bench.h"

#include <libdill.h>

static coroutine void sends(int ch) {
    int val = 1;
    while(chsend(ch, &val, sizeof(val), -1) == 0) continue;
}

/* One side sends as fast as the other receives. */
static double channel_stream(long n) {
    int ch[2], val;
    MUST(chmake(ch) == 0);
    int b = go(sends(ch[1]));
    MUST(b >= 0);
    start();
    for(long i = 0; i != n; ++i) MUST(chrecv(ch[0], &val, sizeof(val), -1) == 0);
    double result = stop(n);
    MUST(hclose(b) == 0 && hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return result;
}

static coroutine void receives(int ch) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0) continue;
}

/* Closing a bundle of a thousand coroutines that are blocked: the share of each. */
static double cancel_blocked(long n) {
    int ch[2];
    double sum = 0;
    long done = 0;
    MUST(chmake(ch) == 0);
    while(done < n) {
        int b = bundle();
        MUST(b >= 0);
        for(int i = 0; i != 1000; ++i) MUST(bundle_go(b, receives(ch[1])) == 0);
        start();
        MUST(hclose(b) == 0);
        sum += stop(1);
        done += 1000;
    }
    MUST(hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return sum / (double)done;
}

#ifndef PEER
/* A graceful request to ten thousand coroutines, each of which watches for it: the share of
   each, until all have ended. */
static coroutine void obeys(int ch) {
    struct cancel_scope scope;
    int val;
    MUST(cancel_enter(&scope, DILL_REQUEST, -1) == 0);
    MUST(chrecv(ch, &val, sizeof(val), -1) < 0 && errno == ECANCELED);
    (void)cancel_leave(&scope);
}

static double bundle_cancel_10000(long n) {
    int ch[2];
    double sum = 0;
    long done = 0;
    MUST(chmake(ch) == 0);
    while(done < n) {
        int b = bundle();
        MUST(b >= 0);
        for(int i = 0; i != 10000; ++i) MUST(bundle_go(b, obeys(ch[1])) == 0);
        start();
        MUST(bundle_cancel(b, -1) == 0);
        sum += stop(1);
        done += 10000;
    }
    MUST(hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return sum / (double)done;
}
#endif

static coroutine void yields_for_ever(void) {
    while(yield() == 0) continue;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How late a sleep of 2 ms ends while a thousand coroutines do nothing but yield: the 99th
   percentile, in nanoseconds. A sleep's end is the start of a millisecond of the clock. */
static double lateness_p99(long n) {
    long sleeps_made = n > 1000 ? 1000 : n;
    double *late = malloc(sizeof(double) * (size_t)sleeps_made);
    MUST(late);
    int b = bundle();
    MUST(b >= 0);
    for(int i = 0; i != 1000; ++i) MUST(bundle_go(b, yields_for_ever()) == 0);
    for(long i = 0; i != sleeps_made; ++i) {
        int64_t deadline = now() + 2;
        MUST(msleep(deadline) == 0);
        late[i] = (seconds() * 1e3 - (double)deadline) * 1e6;
    }
    MUST(hclose(b) == 0);
    qsort(late, (size_t)sleeps_made, sizeof(double), by_value);
    double result = late[sleeps_made * 99 / 100];
    free(late);
    return result;
}

static const struct benchmark benchmarks[] = {
    {"channel_stream", channel_stream},
    {"cancel_blocked", cancel_blocked},
#ifndef PEER
    {"bundle_cancel_10000", bundle_cancel_10000},
#endif
    {"lateness_p99", lateness_p99},
};

int main(int argc, char **argv) {
    return bench_main(argc, argv, benchmarks, COUNT(benchmarks));
}
