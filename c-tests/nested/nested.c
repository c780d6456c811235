/* Builds bundles that are nested N deep, and ends them. c-tests/costs counts the instructions.

       nested MODE N */

#include <libdill.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) \
    do { \
        if(!(condition)) { \
            fprintf(stderr, "nested.c:%d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
            exit(1); \
        } \
    } while(0)

static int follows;
static long is_ended;

/* Waits until it is cancelled, and ends what is inside of it. */
static coroutine void is_cut(long n) {
    int b = bundle();
    MUST(b >= 0);
    if(follows) MUST(bundle_follow(b) == 0);
    if(n > 1) MUST(bundle_go(b, is_cut(n - 1)) == 0);
    MUST(msleep(-1) < 0 && errno == ECANCELED);
    MUST(hclose(b) == 0);
    ++is_ended;
}

/* Waits until it is asked, then gives what is inside the time that is left. */
static coroutine void is_asked(long n) {
    struct chclause request = {CHREQUEST, -1, NULL, 0};
    int b = bundle();
    MUST(b >= 0 && bundle_follow(b) == 0);
    if(n > 1) MUST(bundle_go(b, is_asked(n - 1)) == 0);
    MUST(choose(&request, 1, -1) == 0 && bundle_requested() == 1);
    MUST(bundle_cancel(b, DILL_INHERIT) == 0);
    ++is_ended;
}

/* Waits for what is inside. */
static coroutine void waits(long n) {
    int b = bundle();
    MUST(b >= 0);
    if(n > 1) MUST(bundle_go(b, waits(n - 1)) == 0);
    else if(msleep(now() + 10) == 0) bundle_fail(EIO);
    int error = bundle_wait(b, -1);
    MUST(error >= 0 || errno == ECANCELED);
    if(error > 0) MUST(bundle_fail(error) == 0);
    MUST(hclose(b) == 0);
    ++is_ended;
}

static coroutine void ends(int b) {
    MUST(bundle_cancel(b, 10) < 0 && errno == ETIMEDOUT);
}

int main(int argc, char **argv) {
    if(argc != 3) return 2;
    const char *mode = argv[1];
    long n = atol(argv[2]);
    int b = bundle();
    MUST(b >= 0);
    follows = strcmp(mode, "follow") == 0;
    if(strcmp(mode, "close") == 0 || follows) {
        MUST(bundle_go(b, is_cut(n)) == 0);
        if(follows) MUST(bundle_request(b) == 0);
        MUST(hclose(b) == 0);
    } else if(strcmp(mode, "foreign") == 0) {
        MUST(bundle_go(b, is_cut(n)) == 0);
        int other = go(ends(b));
        MUST(bundle_wait(other, -1) == 0 && hclose(other) == 0);
    } else if(strcmp(mode, "period") == 0) {
        MUST(bundle_go(b, is_asked(n)) == 0);
        MUST(bundle_cancel(b, 1000) == 0);
    } else if(strcmp(mode, "no_period") == 0) {
        MUST(bundle_go(b, is_asked(n)) == 0);
        MUST(bundle_request(b) == 0);
        MUST(bundle_wait(b, -1) == 0 && hclose(b) == 0);
    } else if(strcmp(mode, "fail") == 0) {
        MUST(bundle_go(b, waits(n)) == 0);
        MUST(bundle_cancel(b, 1000) == EIO);
    } else {
        return 2;
    }
    MUST(is_ended == n);
    return 0;
}
