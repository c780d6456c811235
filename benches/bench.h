/* What the C benchmarks share. Each program is called as

       PROGRAM --list           names of its benchmarks, one a line
       PROGRAM NAME OPERATIONS  runs one, prints nanoseconds per operation

   and is built once with this library and once, for comparison, with a libdill (then
   PEER is defined). */

#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MUST(condition) \
    do { \
        if(!(condition)) { \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
            exit(1); \
        } \
    } while(0)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct benchmark {
    const char *name;
    /* Runs so many operations; returns nanoseconds per operation. */
    double (*run)(long operations);
};

static double bench_start;

static inline double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void start(void) {
    bench_start = seconds();
}

static inline double stop(long operations) {
    return (seconds() - bench_start) * 1e9 / (double)operations;
}

static inline int bench_main(int argc, char **argv, const struct benchmark *all, size_t count) {
    for(size_t i = 0; i != count; ++i) {
        if(argc == 2 && strcmp(argv[1], "--list") == 0) puts(all[i].name);
        if(argc == 3 && strcmp(argv[1], all[i].name) == 0) {
            long operations = atol(argv[2]);
            if(operations < 1) return 2;
            printf("%.1f\n", all[i].run(operations));
            return 0;
        }
    }
    return argc == 2 ? 0 : 2;
}

#endif
