/* Example 2: the trivial case.
 *
 * The thread's first program: one worker on a socket, and after a minute its owner wants it
 * gone, in 10 s at most.  "Has the worker to do anything for that?"  No: it has no line about
 * shutting down.  If its work ends within the period, well; if not, it is hard-cancelled: its
 * blocking calls fail and it returns.  Either way nothing of it is left behind.
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

static coroutine void worker(int s) {
    char c;
    while(brecv(s, &c, 1, -1) == 0) {
        if(bsend(s, &c, 1, -1) < 0) break;
    }
    say("worker", errno == ECANCELED ? "hard-cancelled" : "the peer has left");
    tcp_close(s, now() + 1000);
}

/* Asks for something every 8 s, for as long as it likes. */
static coroutine void peer(int s, int64_t leaves) {
    char c = 'x';
    while(now() < t0 + leaves) {
        if(bsend(s, &c, 1, -1) < 0 || brecv(s, &c, 1, -1) < 0) {
            say("peer", "finds the connection cut");
            break;
        }
        if(msleep(now() + 8000) < 0) break;
    }
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

static void run(int64_t peer_leaves) {
    int s[2];
    connected_pair(s);
    t0 = now();
    int peers = bundle();
    must(peers >= 0, "bundle");
    must(bundle_go(peers, peer(s[1], peer_leaves)) == 0, "bundle_go");

    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_go(b, worker(s[0])) == 0, "bundle_go");
    msleep(now() + 60000);
    say("main", "has had enough: 10 s");
    if(bundle_cancel(b, 10000) == 0) say("main", "the worker ended by itself");
    else say("main", errno == ETIMEDOUT ? "the worker had to be cut" : "was cancelled itself");

    bundle_wait(peers, -1);
    hclose(peers);
}

int main(void) {
    printf("A peer that leaves after 64 s:\n");
    run(64000);
    printf("A peer that stays:\n");
    run(1000000);
    return 0;
}
