/* What the operations of a library can't be faster than. */

#define _GNU_SOURCE

#include "bench.h"

#include <sys/syscall.h>
#include <unistd.h>

static double clock_reading(long n) {
    struct timespec t;
    start();
    for(long i = 0; i != n; ++i) clock_gettime(CLOCK_MONOTONIC, &t);
    return stop(n);
}

static double empty_system_call(long n) {
    start();
    for(long i = 0; i != n; ++i) syscall(SYS_getppid);
    return stop(n);
}

static const struct benchmark benchmarks[] = {
    {"clock_gettime", clock_reading},
    {"empty_syscall", empty_system_call},
};

int main(int argc, char **argv) {
    return bench_main(argc, argv, benchmarks, COUNT(benchmarks));
}
