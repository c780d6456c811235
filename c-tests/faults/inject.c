#include "inject.h"

#include <execinfo.h>
#include <stdatomic.h>
#include <string.h>

#include "inject/calls.h"

struct record *record;

static atomic_int armed;
static atomic_uint_fast64_t calls;
static atomic_long blocks, bytes, maps;
static const char *failing; /* after the first fault: the function that goes on failing */
static unsigned remaining;

void inject_begin(void) {
    /* The first backtrace() allocates memory and opens a library. */
    void *frame[1];
    (void)backtrace(frame, 1);
    atomic_store(&calls, 0);
    failing = NULL;
    atomic_store(&armed, 1);
}

void inject_end(void) {
    atomic_store(&armed, 0);
    record->calls = atomic_load(&calls);
}

struct held inject_held(void) {
    return (struct held){atomic_load(&blocks), atomic_load(&bytes), atomic_load(&maps)};
}

void hold(long more_blocks, long more_bytes, long more_maps) {
    atomic_fetch_add(&blocks, more_blocks);
    atomic_fetch_add(&bytes, more_bytes);
    atomic_fetch_add(&maps, more_maps);
}

int due_error(const char *name, const int *errors) {
    if(!atomic_load_explicit(&armed, memory_order_relaxed)) return 0;
    uint64_t call = atomic_fetch_add(&calls, 1) + 1;
    unsigned n = 0;
    while(errors[n]) n++;
    if(record->target == 0) {
        if(call < MOST_POINTS) record->variants[call] = (unsigned char)n;
        return 0;
    }
    if(call == record->target) {
        if(n == 0) return 0;
        failing = name;
        remaining = record->repeat;
        record->name = name;
        record->error = errors[record->variant % n];
        record->nframes = backtrace(record->frames, MOST_FRAMES);
        record->injected++;
        return record->error;
    }
    if(failing && call > record->target && remaining > 0 && strcmp(name, failing) == 0) {
        remaining--;
        record->injected++;
        record->nframes = backtrace(record->frames, MOST_FRAMES);
        return record->error;
    }
    return 0;
}
