/* Example 5: an accept loop that knows no deadline.
 *
 * "bundle_cancel(b, 10): where has the accept loop got the number 10 from?  It would be nice if
 * it could be inherited from the parent."  DILL_INHERIT is that: what is left of the nearest period
 * that is running above the caller.  The loop below spends 2 s of it in another way first, runs under
 * a parent that gives 10 s and under one that gives all the time in the world, and needs no change
 * for that.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-12s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* Answers one request, which is the number of seconds that the answer takes.  Not aware of any
   shutdown: it ends after its answer, or when it is hard-cancelled. */
static coroutine void connection(int s) {
    unsigned char seconds;
    if(brecv(s, &seconds, 1, now() + 60000) == 0 && msleep(now() + 1000 * seconds) == 0
            && bsend(s, "k", 1, now() + 60000) == 0)
        tcp_close(s, now() + 1000);
    else hclose(s);
}

static coroutine void accept_loop(int ls, int stop) {
    int b = bundle();
    must(b >= 0, "bundle");
    while(1) {
        struct chclause cl[] = {{CHRECV, stop, NULL, 0}, {CHSOCK, ls, NULL, 0}};
        if(choose(cl, 2, -1) != 1) break; /* asked to stop, or hard-cancelled */
        int s = tcp_accept(ls, NULL, 0);
        if(s < 0 && errno == ETIMEDOUT) continue; /* that client has given up already */
        if(s < 0 && (errno == EMFILE || errno == ENFILE)) {
            choose(cl, 1, now() + 100); /* no descriptor is free: not at full speed */
            continue;
        }
        if(s < 0) break;
        if(bundle_go(b, connection(s)) < 0) hclose(s);
    }
    hclose(ls);
    say("accept loop", "stops, tells the load balancer, which takes 2 s");
    msleep(now() + 2000);
    bundle_cancel(b, DILL_INHERIT);
}

static coroutine void client(const char *who, unsigned char seconds, const struct ipaddr *addr) {
    int s = tcp_connect(addr, now() + 1000);
    must(s >= 0, "tcp_connect");
    char c;
    must(bsend(s, &seconds, 1, -1) == 0, "bsend");
    say(who, brecv(s, &c, 1, -1) == 0 ? "gets its answer" : "is cut off");
    tcp_close(s, now() + 1000);
}

static void run(int64_t grace) {
    struct ipaddr addr;
    must(ipaddr_local(&addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(&addr, 100);
    must(ls >= 0, "tcp_listen");
    t0 = now();

    int b = bundle();
    must(b >= 0, "bundle");
    int stop[2];
    must(chmake(stop) == 0, "chmake");
    must(bundle_notify(b, stop[1]) == 0, "bundle_notify");
    must(bundle_go(b, accept_loop(ls, stop[0])) == 0, "bundle_go");

    int clients = bundle();
    must(clients >= 0, "bundle");
    must(bundle_go(clients, client("5 s client", 5, &addr)) == 0, "bundle_go");
    must(bundle_go(clients, client("30 s client", 30, &addr)) == 0, "bundle_go");
    msleep(now() + 1000);

    /* When it has to cut, both clocks, the loop's and this one, end at the same moment. */
    bundle_cancel(b, grace);
    say("main", "nothing of the accept loop is left");
    hclose(stop[0]);
    hclose(stop[1]);
    bundle_wait(clients, -1);
    hclose(clients);
}

int main(void) {
    printf("A parent that gives 10 s:\n");
    run(10000);
    printf("A parent that waits without limit:\n");
    run(-1);
    return 0;
}
