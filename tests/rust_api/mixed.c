/* The C half of mixed.rs. */

#include <errno.h>
#include <libdill.h>

static coroutine void adds(int in, int out, int *ended) {
    int val;
    while(chrecv(in, &val, sizeof(val), -1) == 0) {
        val += 1000;
        if(chsend(out, &val, sizeof(val), -1) != 0) break;
    }
    /* The graceful request is the end of the channel. */
    *ended = errno;
    chdone(out);
}

/* Launches a C coroutine in a bundle, which may be Rust's. */
int mixed_launch(int bndl, int in, int out, int *ended);
int mixed_launch(int bndl, int in, int out, int *ended) {
    return bundle_go(bndl, adds(in, out, ended));
}

static coroutine void sleeps(int *ended) {
    msleep(-1);
    *ended = errno;
}

/* Launches a C coroutine that knows of no request. */
int mixed_launch_unaware(int bndl, int *ended);
int mixed_launch_unaware(int bndl, int *ended) {
    return bundle_go(bndl, sleeps(ended));
}
