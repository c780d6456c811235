/* Example 10: a function that creates a bundle and hands its ownership up.
 *
 * "How to start a coroutine that lives in the caller's scope, without the caller passing its own
 * bundle down, where two would own it?"  The function makes a bundle and returns it.  There is
 * always one owner: hown gives the bundle a new number, the old one is void, and so nothing that
 * the function might have kept can reach the coroutines any more.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-7s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* Watching the request itself, it needs no channel from its owner: whoever that is. */
static coroutine void ticker(void) {
    while(1) {
        CANCEL_SCOPE(sc, DILL_REQUEST, -1);
        int rc = msleep(now() + 1000);
        if(cancel_fired(&sc)) break;
        if(rc < 0) return; /* hard-cancelled */
        say("ticker", "tick");
    }
    say("ticker", "asked to stop");
    if(msleep(now() + 500) == 0) say("ticker", "has put its things away");
}

static int kept; /* a copy of the handle that should not have been kept */

static int start_ticker(void) {
    int b = bundle();
    if(b < 0) return -1;
    if(bundle_go(b, ticker()) < 0) {
        hclose(b);
        return -1;
    }
    kept = b;
    return hown(b); /* closes b if it fails: nothing to clean up in either case */
}

int main(void) {
    t0 = now();
    int b = start_ticker();
    must(b >= 0, "start_ticker");
    msleep(now() + 2500);

    say("main", bundle_cancel(kept, 0) < 0 ? strerror(errno) : "THE OLD HANDLE STILL WORKS");
    msleep(now() + 1000);
    say("main", "10 s for the ticker");
    say("main", bundle_cancel(b, 10000) == 0 ? "it has ended by itself" : "it had to be cut");
    return 0;
}
