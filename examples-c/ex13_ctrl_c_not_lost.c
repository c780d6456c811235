/* Example 13: ^C while a sibling fails at the same moment.
 *
 * "One coroutine gets the interrupt, another one fails with an unrelated error.  If the error
 * reaches the parent first, it cancels the coroutine that was dealing with ^C, and ^C is lost.
 * Could it not always be routed to the main one?"  It is: sigchan makes of a signal a message,
 * which waits until it is received.  Below, the failure does come first, and dealing with it takes
 * 3 s in which nobody listens.  ^C is received afterwards.
 */

#define _POSIX_C_SOURCE 200809L
#include <libdill.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-9s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* Works until it is asked to stop. */
static coroutine void worker(const char *who, int stop) {
    int rc = chrecv(stop, NULL, 0, -1);
    say(who, rc < 0 && errno == EPIPE ? "asked to stop" : "hard-cancelled");
    if(msleep(now() + 1000) == 0) say(who, "has finished");
}

/* Fails in the very moment in which the user presses ^C: nothing can come between the two. */
static coroutine void unlucky(int failures) {
    if(msleep(now() + 2000) < 0) return;
    kill(getpid(), SIGINT);
    int err = EIO;
    chsend(failures, &err, sizeof(err), -1);
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    int sig = sigchan(&set);
    must(sig >= 0, "sigchan");
    int failures[2], stop[2];
    must(chmake(failures) == 0 && chmake(stop) == 0, "chmake");
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_notify(b, stop[1]) == 0, "bundle_notify");

    t0 = now();
    must(bundle_go(b, worker("worker 1", stop[0])) == 0, "bundle_go");
    must(bundle_go(b, unlucky(failures[1])) == 0, "bundle_go");
    while(1) {
        int err, signo;
        struct chclause cl[] = {
            {CHRECV, failures[0], &err, sizeof(err)}, /* first: a failure goes before ^C here */
            {CHRECV, sig, &signo, sizeof(signo)},
            {CHBUNDLE, b, NULL, 0},
        };
        int rc = choose(cl, 3, -1);
        if(rc == 0) {
            say("main", "a worker has failed; the report takes 3 s");
            msleep(now() + 3000);
            must(bundle_go(b, worker("worker 2", stop[0])) == 0, "bundle_go");
            say("main", "and here is its replacement");
            continue;
        }
        say("main", rc == 1 ? "^C: 10 s for everybody" : "nobody is left");
        break;
    }
    int rc = bundle_cancel(b, 10000);
    say("main", rc == 0 ? "all ended by themselves" : "had to cut");

    for(int i = 0; i != 2; ++i) {
        hclose(failures[i]);
        hclose(stop[i]);
    }
    hclose(sig);
    return 0;
}
