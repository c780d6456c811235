/* When things happened, in milliseconds since a test began to count. */

#ifndef ELAPSED_H_INCLUDED
#define ELAPSED_H_INCLUDED

#include "coroutines.h"

static int64_t start;

__attribute__((unused))
static int elapsed(void) {
    return (int)(now() - start);
}

/* Notes when it was hard-cancelled. */
__attribute__((unused))
static coroutine void is_cut(const char *name) {
    CHECK_ERR(msleep(-1), ECANCELED);
    note("%s@%d", name, elapsed());
}

#endif
