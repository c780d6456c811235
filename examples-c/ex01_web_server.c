/* Example 1: the web server that opens the thread.
 *
 * "60 s idle deadline per connection; when the server is shut down it stops accepting, gives
 * the open connections 10 s, and cuts what is left.  Do all blocking calls of a connection now
 * need the minimum of two deadlines?"  No: a connection knows its own deadlines only, and hears
 * of the shutdown as one more thing to wait for.  The 10 s stand in one place, in main.
 *
 * A request is one byte, the seconds that the answer takes; the answer is one byte.  The clients
 * are part of this file.  Run it with DILL_CLOCK=virtual to see the 80 seconds at once.
 */

#define _POSIX_C_SOURCE 200809L
#include <libdill.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IDLE 60000    /* ms that a client may keep silent */
#define LINGER 2000   /* ms that a client may take to close its side */
#define GRACE 10000   /* ms that a shutdown may take */

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-7s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* ---- the server ---------------------------------------------------------------------------- */

static coroutine void connection(int s, int stop) {
    while(1) {
        /* The next request, or the request to stop.  A stop that has arrived goes first. */
        struct chclause cl[] = {{CHRECV, stop, NULL, 0}, {CHSOCK, s, NULL, 0}};
        if(choose(cl, 2, now() + IDLE) != 1) break; /* asked to stop, idle, or hard-cancelled */
        unsigned char seconds;
        if(brecv(s, &seconds, 1, now() + IDLE) < 0) break; /* the client has left */
        if(msleep(now() + 1000 * seconds) < 0 || bsend(s, "k", 1, now() + IDLE) < 0) {
            hclose(s); /* cut in the middle of an answer: a reset, which the client can tell */
            return;
        }
    }
    tcp_close(s, now() + LINGER);
}

static void serve(int ls, int sig) {
    int b = bundle();
    must(b >= 0, "bundle");
    int stop[2]; /* one channel for all connections: when it is done, each of them sees it */
    must(chmake(stop) == 0, "chmake");
    must(bundle_notify(b, stop[1]) == 0, "bundle_notify");
    while(1) {
        int signo;
        struct chclause cl[] = {{CHRECV, sig, &signo, sizeof(signo)}, {CHSOCK, ls, NULL, 0}};
        if(choose(cl, 2, -1) != 1) break;
        int s = tcp_accept(ls, NULL, 0);
        if(s >= 0 && bundle_go(b, connection(s, stop[0])) == 0) continue;
        if(s >= 0) hclose(s);
        else if(errno == ETIMEDOUT) continue; /* this client has given up already */
        /* Out of descriptors or memory: don't spin on a listener that stays ready. */
        if(choose(cl, 1, now() + 100) == 0) break;
    }
    hclose(ls);
    say("server", "SIGTERM: accepts no more, gives open connections 10 s");
    int rc = bundle_cancel(b, GRACE);
    say("server", rc == 0 ? "all connections ended by themselves" : "had to cut connections");
    hclose(stop[0]);
    hclose(stop[1]);
}

/* ---- its clients, and whoever sends SIGTERM ------------------------------------------------ */

static coroutine void client(const char *who, int64_t at, int request, const struct ipaddr *addr) {
    msleep(t0 + at);
    int s = tcp_connect(addr, now() + LINGER);
    if(s < 0) {
        say(who, errno == ECONNREFUSED ? "is refused" : "cannot connect");
        return;
    }
    unsigned char c = (unsigned char)request;
    if(request >= 0) must(bsend(s, &c, 1, -1) == 0, "bsend");
    while(brecv(s, &c, 1, -1) == 0) say(who, "gets its answer");
    say(who, errno == EPIPE ? "is closed cleanly" : "is cut off");
    tcp_close(s, now() + LINGER);
}

static coroutine void admin(int64_t at) {
    msleep(t0 + at);
    kill(getpid(), SIGTERM);
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int sig = sigchan(&set);
    must(sig >= 0, "sigchan");
    struct ipaddr addr;
    must(ipaddr_local(&addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(&addr, 100);
    must(ls >= 0, "tcp_listen");

    t0 = now();
    int outside = bundle();
    must(outside >= 0, "bundle");
    must(bundle_go(outside, client("silent", 0, -1, &addr)) == 0, "bundle_go");
    must(bundle_go(outside, client("quick", 68000, 0, &addr)) == 0, "bundle_go");
    must(bundle_go(outside, client("slow", 69000, 5, &addr)) == 0, "bundle_go");
    must(bundle_go(outside, client("stuck", 69000, 60, &addr)) == 0, "bundle_go");
    must(bundle_go(outside, admin(70000)) == 0, "bundle_go");
    must(bundle_go(outside, client("late", 71000, 0, &addr)) == 0, "bundle_go");

    serve(ls, sig);

    bundle_wait(outside, -1);
    hclose(outside);
    hclose(sig);
    return 0;
}
