/* Example 11: the tree with the uninterrupted chain.
 *
 *            A            A starts the shutdown and gives 10 s.
 *          / | \          B passes the request on, C knows it: A-B-C is an uninterrupted chain.
 *         B  D  F         D has never heard of requests, so E under it gets none, though it
 *         |  |            would understand.  F has never heard of them either.
 *         C  E
 *
 * "What becomes of each?"  C ends gracefully, and then B.  E is hard-cancelled, as part of D, at
 * the end of the period.  F notices nothing of the shutdown at all, and completes its work.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %s  %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* C and E: the same code.  Works until it is asked, then takes 2 s to finish. */
static coroutine void aware(const char *who) {
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    msleep(-1);
    if(cancel_leave(&sc) == 0) {
        say(who, "hard-cancelled; nobody has asked it");
        return;
    }
    say(who, "asked to stop");
    say(who, msleep(now() + 2000) == 0 ? "ends gracefully" : "hard-cancelled");
}

static coroutine void B(void) {
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_follow(b) == 0, "bundle_follow");
    must(bundle_go(b, aware("C")) == 0, "bundle_go");
    int rc = bundle_wait(b, -1);
    hclose(b);
    say("B", rc == 0 ? "C has ended, so does B" : "hard-cancelled");
}

static coroutine void D(void) {
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_go(b, aware("E")) == 0, "bundle_go");
    int rc = bundle_wait(b, -1);
    say("D", rc == 0 ? "E has ended" : "hard-cancelled, takes E with it");
    hclose(b);
}

static coroutine void F(void) {
    say("F", msleep(now() + 8000) == 0 ? "its 8 s of work are done" : "hard-cancelled");
}

int main(void) {
    t0 = now();
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_go(b, B()) == 0, "bundle_go");
    must(bundle_go(b, D()) == 0, "bundle_go");
    must(bundle_go(b, F()) == 0, "bundle_go");
    msleep(now() + 3000);
    say("A", "10 s for everybody");
    int rc = bundle_cancel(b, 10000);
    say("A", rc == 0 ? "all ended by themselves" : "the rest had to be cut");
    return 0;
}
