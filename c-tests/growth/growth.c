/* Work whose costs must not grow faster than N: bundles that are nested N deep are built and ended,
   or N channels registered with bundles. c-tests/costs counts the instructions.

       growth WORK N */

#include <libdill.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) \
    do { \
        if(!(condition)) { \
            fprintf(stderr, "growth.c:%d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
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

static void registers(long n, int channels, int bundles) {
    int *all = malloc((size_t)n * sizeof(int)), ch[2], b = bundle();
    MUST(all && b >= 0 && chmake(ch) == 0);
    for(long i = 0; i != n; ++i) {
        int end[2] = {ch[0], ch[1]};
        if(channels) {
            MUST(chmake(end) == 0 && hclose(end[1]) == 0);
            all[i] = end[0];
        }
        if(bundles) MUST((all[i] = bundle()) >= 0);
        MUST(bundle_notify(bundles ? all[i] : b, end[0]) == 0);
    }
    MUST(bundle_request(b) == 0);
    for(long i = 0; (channels || bundles) && i != n; ++i) MUST(hclose(all[i]) == 0);
    MUST(hclose(b) == 0 && hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    free(all);
    is_ended = n;
}

int main(int argc, char **argv) {
    if(argc != 3) return 2;
    const char *work = argv[1];
    long n = atol(argv[2]);
    int b = bundle();
    MUST(b >= 0);
    follows = strcmp(work, "follow") == 0;
    if(strcmp(work, "close") == 0 || follows) {
        MUST(bundle_go(b, is_cut(n)) == 0);
        if(follows) MUST(bundle_request(b) == 0);
        MUST(hclose(b) == 0);
    } else if(strcmp(work, "foreign") == 0) {
        MUST(bundle_go(b, is_cut(n)) == 0);
        int other = go(ends(b));
        MUST(bundle_wait(other, -1) == 0 && hclose(other) == 0);
    } else if(strcmp(work, "period") == 0) {
        MUST(bundle_go(b, is_asked(n)) == 0);
        MUST(bundle_cancel(b, 1000) == 0);
    } else if(strcmp(work, "no_period") == 0) {
        MUST(bundle_go(b, is_asked(n)) == 0);
        MUST(bundle_request(b) == 0);
        MUST(bundle_wait(b, -1) == 0 && hclose(b) == 0);
    } else if(strcmp(work, "fail") == 0) {
        MUST(bundle_go(b, waits(n)) == 0);
        MUST(bundle_cancel(b, 1000) == EIO);
    } else if(strcmp(work, "channels") == 0) {
        registers(n, 1, 0);
    } else if(strcmp(work, "bundles") == 0) {
        registers(n, 0, 1);
    } else if(strcmp(work, "again") == 0) {
        registers(n, 0, 0);
    } else {
        return 2;
    }
    MUST(is_ended == n);
    return 0;
}
