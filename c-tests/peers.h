/* What the tests share that put the cases of other projects' suites anew (peers_*.c): times since
   the beginning of the test, and coroutines that note when something happened to them. */

#ifndef PEERS_H_INCLUDED
#define PEERS_H_INCLUDED

#include "elapsed.h"

/* First in each test, and later where times are counted anew. */
__attribute__((unused))
static void begin(void) {
    start = now();
}

__attribute__((unused))
static void make_channel(int ch[2]) {
    CHECK_OK(chmake(ch));
}

__attribute__((unused))
static void close_channel(const int ch[2]) {
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Works for some time and ends by itself. */
__attribute__((unused))
static coroutine void works(int64_t ms, const char *name) {
    CHECK_WAITED(msleep(now() + ms));
    note("%s@%d", name, elapsed());
}

/* Works for some time and reports a failure then. */
__attribute__((unused))
static coroutine void fails(int64_t ms, int err) {
    CHECK_OK(msleep(now() + ms));
    CHECK_OK(bundle_fail(err));
}

/* Until the bundle in which it runs is asked. */
__attribute__((unused))
static coroutine void is_asked(const char *name) {
    struct chclause cl = {CHREQUEST, -1, NULL, 0};
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    note("%s@%d", name, elapsed());
}

__attribute__((unused))
static coroutine void ends_channel(int ch, int64_t ms) {
    CHECK_OK(msleep(now() + ms));
    CHECK_OK(chdone(ch));
}

#endif
