/* Fault injection: what the library calls of the system, with a countdown. The library's
   own references are renamed for this test (see `run`), so that its memory and system
   calls go through the functions in inject/ while the test's own do not. */

#ifndef INJECT_H_INCLUDED
#define INJECT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#define MOST_POINTS 20000
#define MOST_FRAMES 48

struct alive {
    long blocks, maps, descriptors, threads, handles;
};

/* Shared with the parent, which reads it when the child has ended. */
struct record {
    /* What to do: the call with this number fails (0: none), in this of its ways, and so do
       the same kind's next ones. */
    uint64_t target;
    unsigned variant, repeat;
    /* What happened. */
    uint64_t calls;             /* counted so far */
    uint64_t injected;          /* faults */
    const char *name;           /* of the function that failed */
    int error;                  /* its errno */
    void *frames[MOST_FRAMES];  /* where the last one came from */
    int nframes;
    unsigned char variants[MOST_POINTS]; /* of each call */
    int aborted;
    uint64_t errors, successes; /* of the scenario's calls */
    struct alive alive;         /* in the end */
    struct alive most;          /* of that, without a leak */
};

extern struct record *record;

/* From now on calls are counted and may fail; and not any more. */
void inject_begin(void);
void inject_end(void);

/* What the library holds. */
struct held {
    long blocks, bytes, maps;
};
struct held inject_held(void);

#endif
