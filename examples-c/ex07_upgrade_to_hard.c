/* Example 7: "upgrade graceful to hard" around somebody else's accept loop.
 *
 * "A signal handler at the top of the program wants to stop all of it gracefully.  How does it
 * find all the accept loops to cancel them?"  It doesn't: it sends one request to one bundle.
 * Each accept loop stands in a cancel scope that watches for the request that reaches its own
 * bundle; inside, the request looks like a cancellation, so that even a loop that was written for
 * none of this returns.  Neither end knows the other, and the connections are not touched: the
 * scope is the accepting coroutine's own.
 *
 * The admin service sits one level deeper: a bundle that follows passes the request down.
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
    printf("%5.1f s  %-13s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* ---- third-party code, which has never heard of requests ----------------------------------- */

static coroutine void echo(int s) {
    char c;
    while(brecv(s, &c, 1, now() + 60000) == 0) {
        if(bsend(s, &c, 1, now() + 60000) < 0) break;
    }
    tcp_close(s, now() + 1000);
}

static void foreign_accept_loop(int ls, int b) {
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        if(s < 0) {
            if((errno == EMFILE || errno == ENFILE) && msleep(now() + 100) == 0) continue;
            return;
        }
        if(bundle_go(b, echo(s)) < 0) hclose(s);
    }
}

/* ---- our program --------------------------------------------------------------------------- */

static coroutine void service(const char *name, int ls) {
    int b = bundle();
    must(b >= 0, "bundle");
    int asked;
    {
        CANCEL_SCOPE(sc, DILL_REQUEST, -1);
        foreign_accept_loop(ls, b);
        asked = cancel_fired(&sc) == ECANCELED;
    }
    say(name, asked ? "its accept loop has returned" : "its accept loop has failed");
    hclose(ls);
    /* No limit of its own for its connections: whoever stands above has one. */
    bundle_cancel(b, -1);
}

static coroutine void admin_subsystem(int ls) {
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_follow(b) == 0, "bundle_follow");
    must(bundle_go(b, service("admin service", ls)) == 0, "bundle_go");
    bundle_wait(b, -1);
    hclose(b);
}

/* Talks to the service once a second. */
static coroutine void client(const char *who, const struct ipaddr *addr, int64_t leaves) {
    int s = tcp_connect(addr, now() + 1000);
    must(s >= 0, "tcp_connect");
    char c = 'x';
    while(now() < t0 + leaves) {
        if(bsend(s, &c, 1, -1) < 0 || brecv(s, &c, 1, -1) < 0) break;
        if(msleep(now() + 1000) < 0) break;
    }
    say(who, now() < t0 + leaves ? "finds its connection cut" : "has what it wanted");
    tcp_close(s, now() + 1000);
}

/* Presses ^C, and finds that nobody accepts any more. */
static coroutine void user(int64_t at, const struct ipaddr *web, const struct ipaddr *admin) {
    msleep(t0 + at);
    kill(getpid(), SIGINT);
    msleep(t0 + at + 100);
    int refused = tcp_connect(web, -1) < 0 && tcp_connect(admin, -1) < 0;
    say("user", refused ? "is refused by both services" : "HAS CONNECTED");
}

static int listen_on(struct ipaddr *addr) {
    must(ipaddr_local(addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(addr, 100);
    must(ls >= 0, "tcp_listen");
    return ls;
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    int sig = sigchan(&set);
    must(sig >= 0, "sigchan");
    struct ipaddr web, admin;
    int web_ls = listen_on(&web), admin_ls = listen_on(&admin);
    t0 = now();

    int program = bundle();
    must(program >= 0, "bundle");
    must(bundle_go(program, service("web service", web_ls)) == 0, "bundle_go");
    must(bundle_go(program, admin_subsystem(admin_ls)) == 0, "bundle_go");

    int outside = bundle();
    must(outside >= 0, "bundle");
    must(bundle_go(outside, client("web client", &web, 6500)) == 0, "bundle_go");
    must(bundle_go(outside, client("admin client", &admin, 99500)) == 0, "bundle_go");
    must(bundle_go(outside, user(3500, &web, &admin)) == 0, "bundle_go");

    /* The whole signal handling. */
    int signo;
    must(chrecv(sig, &signo, sizeof(signo), -1) == 0, "chrecv");
    say("main", "^C: everybody gets 10 s");
    int rc = bundle_cancel(program, 10000);
    say("main", rc == 0 ? "all ended by themselves" : "the rest had to be cut");

    bundle_wait(outside, -1);
    hclose(outside);
    hclose(sig);
    return 0;
}
