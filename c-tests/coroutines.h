/* Coroutines that many tests launch. Those with a name note it at their end, unless it is NULL. */

#ifndef COROUTINES_H_INCLUDED
#define COROUTINES_H_INCLUDED

#include "check.h"

__attribute__((unused))
static coroutine void finishes(void) {
}

__attribute__((unused))
static coroutine void sleeps(int64_t ms, const char *name) {
    CHECK_WAITED(msleep(now() + ms));
    if(name) note("%s", name);
}

/* Until it is cancelled. */
__attribute__((unused))
static coroutine void blocks(const char *name) {
    CHECK_ERR(msleep(-1), ECANCELED);
    if(name) note("%s", name);
}

/* Notes "s" and the number that it has sent. */
__attribute__((unused))
static coroutine void sends(int ch, int val) {
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
    note("s%d", val);
}

/* Notes "r" and the number that it has received. */
__attribute__((unused))
static coroutine void receives(int ch, int expected) {
    int val = -1;
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    CHECK_INT(val, expected);
    note("r%d", val);
}

/* When the others have had a turn. */
__attribute__((unused))
static coroutine void sends_later(int ch, int val) {
    CHECK_OK(yield());
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

__attribute__((unused))
static coroutine void receives_later(int ch, int expected) {
    int val = -1;
    CHECK_OK(yield());
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    CHECK_INT(val, expected);
}

#endif
