/* How late timers are while 1,000 coroutines do nothing but yield: prints the median, the
   99th percentile and the worst of 1,000 sleeps, in milliseconds.

   Usage: timer_lateness [COROUTINES] */

#include <libdill.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {SLEEPS = 1000};

static double late[SLEEPS];
static volatile int over;

static double milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static coroutine void yields(void) {
    while(!over) yield();
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    int b = bundle();
    if(b < 0) return 1;
    for(int i = argc > 1 ? atoi(argv[1]) : 1000; i > 0; --i)
        if(bundle_go(b, yields()) < 0) return 1;
    for(int i = 0; i != SLEEPS; ++i) {
        int64_t deadline = now() + 1 + i % 7;
        if(msleep(deadline) < 0) return 1;
        late[i] = milliseconds() - (double)deadline;
    }
    over = 1;
    if(hclose(b) < 0) return 1;
    qsort(late, SLEEPS, sizeof(late[0]), by_value);
    printf("median %.3f p99 %.3f worst %.3f\n", late[SLEEPS / 2], late[SLEEPS * 99 / 100],
        late[SLEEPS - 1]);
    return 0;
}
