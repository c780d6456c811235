/* Example 17: a library's loop that inherits.
 *
 * "I write a library with an accept loop.  How long do its connections have when the program stops?
 * I know neither the program's period nor how many bundles stand between."  It need not:
 * bundle_cancel(b, DILL_INHERIT) ends with the nearest period that is running above, and where none
 * is it waits: then an owner above has the clock, and cuts when it is time.  The loop has no channel
 * and no deadline; it waits for a connection or for the request.
 *
 * Nor does a lack of descriptors end it, EMFILE or ENFILE: it waits for a moment, in which one may
 * be closed.
 */

#define _POSIX_C_SOURCE 200809L
#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t t0;

static void say(const char *who, const char *what) {
    printf("%5.1f s  %-7s %s\n", (double)(now() - t0) / 1000.0, who, what);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* ---- the library --------------------------------------------------------------------------- */

/* A request is one byte, the seconds that the answer takes. */
static coroutine void connection(int s) {
    unsigned char seconds;
    if(brecv(s, &seconds, 1, now() + 60000) == 0 && msleep(now() + 1000 * seconds) == 0)
        bsend(s, "k", 1, now() + 60000);
    hclose(s);
}

static void serve(int ls) {
    int b = bundle(), is_short = 0;
    if(b < 0) return;
    while(1) {
        struct chclause cl[] = {{CHREQUEST, -1, NULL, 0}, {CHSOCK, ls, NULL, 0}};
        if(choose(cl, 2, -1) != 1) break; /* asked to stop, or hard-cancelled */
        int s = tcp_accept(ls, NULL, 0);
        if(s >= 0) {
            if(is_short) say("library", "has descriptors again");
            is_short = 0;
            if(bundle_go(b, connection(s)) < 0) hclose(s);
        }
        else if(errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            if(!is_short) say("library", "is short of descriptors, and waits");
            is_short = 1;
            /* The listener stays ready, so not for that. */
            if(choose(cl, 1, now() + 100) == 0 || errno != ETIMEDOUT) break;
        }
        else if(errno != ETIMEDOUT && errno != ECONNABORTED) break; /* else: the client has left */
    }
    say("library", "stops accepting");
    bundle_cancel(b, DILL_INHERIT);
}

/* ---- a program that uses it ---------------------------------------------------------------- */

static coroutine void subsystem(int ls) {
    serve(ls);
}

static coroutine void client(const char *who, unsigned char seconds, int s) {
    char c;
    must(bsend(s, &seconds, 1, -1) == 0, "bsend");
    say(who, brecv(s, &c, 1, -1) == 0 ? "gets its answer" : "is cut off");
    hclose(s);
}

/* Leaves the process so many descriptors. */
static void limit_descriptors(int count) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    int first = dup(0);
    must(first >= 0 && close(first) == 0, "dup");
    limit.rlim_cur = (rlim_t)(first + count);
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

int main(void) {
    struct ipaddr addr;
    must(ipaddr_local(&addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(&addr, 100);
    must(ls >= 0, "tcp_listen");
    const char *names[] = {"2 s", "30 s", "1 s"};
    unsigned char seconds[] = {2, 30, 1};
    int s[3];
    for(int i = 0; i != 3; ++i) {
        s[i] = tcp_connect(&addr, -1);
        must(s[i] >= 0, "tcp_connect");
    }
    limit_descriptors(2);
    t0 = now();

    int clients = bundle(), program = bundle();
    must(clients >= 0 && program >= 0, "bundle");
    for(int i = 0; i != 3; ++i)
        must(bundle_go(clients, client(names[i], seconds[i], s[i])) == 0, "bundle_go");
    must(bundle_go(program, subsystem(ls)) == 0, "bundle_go");
    msleep(t0 + 5000);

    say("main", "gives everything 10 s");
    int rc = bundle_cancel(program, 10000);
    must(rc == 0 || errno == ETIMEDOUT, "bundle_cancel");
    say("main", "nothing of the library is left");
    bundle_wait(clients, -1);
    hclose(clients);
    hclose(ls);
    return 0;
}
