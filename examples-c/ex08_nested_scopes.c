/* Example 8: nested cancel scopes, one part shielded.
 *
 * The thread's first, second and third: first() wants all that it calls to end at a request;
 * third(), two calls below, knows of requests itself, offers one good point to stop at and wants
 * the rest of its work left alone; second(), between them, knows nothing.  A shield keeps outer
 * scopes out; a scope inside the shield lets the request in again for one call.  Once the shield
 * is gone the outer scope is as fired as before.  A hard cancellation goes through everything.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-7s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

static const char *fired(const struct cancel_scope *sc) {
    switch(cancel_fired(sc)) {
    case 0: return "its scope has not fired";
    case ECANCELED: return "its scope has fired: request";
    case ETIMEDOUT: return "its scope has fired: deadline";
    default: return "ITS SCOPE COULD NOT BE ENTERED";
    }
}

static void third(void) {
    CANCEL_SCOPE(shield, DILL_SHIELD, -1);
    {
        CANCEL_SCOPE(point, DILL_REQUEST, -1);
        int rc = msleep(now() + 10000);
        say("third", rc < 0 ? "interrupted at its stopping point" : "slept well");
        say("third", fired(&point));
    }
    int rc = msleep(now() + 100000);
    say("third", rc < 0 ? "interrupted in its shielded work" : "100 s of shielded work are done");
    say("third", fired(&shield));
}

static void second(void) {
    CANCEL_SCOPE(sc, -1, now() + 1000000); /* a mere deadline */
    third();
    int rc = msleep(now() + 5000);
    say("second", rc < 0 ? "interrupted after the shield" : "slept well");
    say("second", fired(&sc));
}

static coroutine void first(void) {
    {
        CANCEL_SCOPE(sc, DILL_REQUEST, -1);
        second();
        say("first", fired(&sc));
    }
    int rc = msleep(now() + 1000);
    say("first", rc < 0 ? "hard-cancelled: nothing works any more" : "works again, cleans up, 1 s");
}

static void run(int64_t request_at, int64_t grace) {
    t0 = now();
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_go(b, first()) == 0, "bundle_go");
    msleep(t0 + request_at);
    int rc = bundle_cancel(b, grace);
    say("main", rc == 0 ? "ended by itself" : "had to be cut");
}

int main(void) {
    printf("A request after 3 s, all the time in the world:\n");
    run(3000, -1);
    printf("A request after 3 s, and 30 s to comply:\n");
    run(3000, 30000);
    return 0;
}
