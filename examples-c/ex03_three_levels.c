/* Example 3: three levels, each with a period of its own.
 *
 * "A launches B, which launches C.  B already ends C gracefully when a request with another
 * deadline comes from A.  Will it take the minimum?  And with five levels?"  There is nothing to
 * compare: main (A) waits for the worker (B) by its own clock, the worker waits for its jobs (C)
 * by its own, 3 s.  When main's period ends first, the worker's wait fails with ECANCELED and
 * the jobs are gone at the same moment, whatever the worker had planned.
 *
 * The worker receives from a socket or a channel: the next job, or the request to stop.
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

/* C: three kinds of jobs. */

static coroutine void short_job(void) {
    say("short job", msleep(now() + 2000) == 0 ? "done" : "hard-cancelled");
}

/* Receiving from its stop channel with a deadline, it works and listens at the same time. */
static coroutine void aware_job(int stop) {
    int rc = chrecv(stop, NULL, 0, now() + 60000);
    if(rc < 0 && errno == EPIPE) {
        say("aware job", "asked to stop, needs 2 s for its checkpoint");
        rc = msleep(now() + 2000);
        say("aware job", rc == 0 ? "checkpoint written" : "hard-cancelled");
    }
}

static coroutine void unaware_job(void) {
    say("unaware job", msleep(now() + 60000) == 0 ? "done" : "hard-cancelled");
}

/* B. */
static coroutine void worker(int s, int stop) {
    int jobs = bundle();
    must(jobs >= 0, "bundle");
    int ask[2];
    must(chmake(ask) == 0, "chmake");
    must(bundle_notify(jobs, ask[1]) == 0, "bundle_notify");
    while(1) {
        struct chclause cl[] = {{CHSOCK, s, NULL, 0}, {CHRECV, stop, NULL, 0}};
        if(choose(cl, 2, -1) != 0) break; /* asked to stop, or hard-cancelled */
        char kind;
        if(brecv(s, &kind, 1, -1) < 0) break;
        int rc = -1;
        if(kind == 's') rc = bundle_go(jobs, short_job());
        if(kind == 'a') rc = bundle_go(jobs, aware_job(ask[0]));
        if(kind == 'u') rc = bundle_go(jobs, unaware_job());
        if(rc < 0) break;
    }
    say("worker", "gives its jobs 3 s");
    int rc = bundle_cancel(jobs, 3000);
    if(rc == 0) say("worker", "all jobs ended by themselves");
    else say("worker", errno == ETIMEDOUT ? "had to cut jobs" : "hard-cancelled while it waited");
    hclose(ask[0]);
    hclose(ask[1]);
    if(bsend(s, ".", 1, -1) == 0) say("worker", "has told its peer goodbye");
    tcp_close(s, now() + 1000);
}

static void connected_pair(int s[2]) {
    struct ipaddr addr;
    must(ipaddr_local(&addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(&addr, 1);
    must(ls >= 0, "tcp_listen");
    s[0] = tcp_connect(&addr, -1);
    must(s[0] >= 0, "tcp_connect");
    s[1] = tcp_accept(ls, NULL, -1);
    must(s[1] >= 0, "tcp_accept");
    hclose(ls);
}

/* The worker's peer: three jobs, and then it listens until the end. */
static coroutine void peer(int s) {
    char c;
    must(bsend(s, "sau", 3, -1) == 0, "bsend");
    while(brecv(s, &c, 1, -1) == 0) {}
    tcp_close(s, now() + 1000);
}

/* A. */
static void run(int64_t grace) {
    int s[2], stop[2];
    connected_pair(s);
    t0 = now();
    int peers = bundle();
    must(peers >= 0, "bundle");
    must(bundle_go(peers, peer(s[1])) == 0, "bundle_go");

    int b = bundle();
    must(b >= 0, "bundle");
    must(chmake(stop) == 0, "chmake");
    must(bundle_notify(b, stop[1]) == 0, "bundle_notify");
    must(bundle_go(b, worker(s[0], stop[0])) == 0, "bundle_go");
    msleep(now() + 1000);
    int rc = bundle_cancel(b, grace);
    say("main", rc == 0 ? "the worker ended by itself" : "the worker had to be cut");
    hclose(stop[0]);
    hclose(stop[1]);

    bundle_wait(peers, -1);
    hclose(peers);
}

int main(void) {
    printf("main gives 10 s, the worker 3 s:\n");
    run(10000);
    printf("main gives 1.5 s, the worker 3 s:\n");
    run(1500);
    return 0;
}
