/* Example 16: a heartbeat over WebSocket.
 *
 * "Every 10 s without a message I send a heartbeat; after three of them without a sign of life the
 * peer is gone.  Is the socket any good after a receive that has timed out?"  It is: a receive that
 * ends before the first byte of a message has done nothing, and the next one goes on.  That holds for
 * any end: here it is its own deadline, and for the request a scope's.  So one loop is enough, without
 * a second coroutine for the clock.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL 10000 /* ms of silence before a heartbeat */
#define MOST 3         /* heartbeats that stay without an answer */

static int64_t t0;

static void say(const char *who, const char *what, const char *arg) {
    printf("%5.1f s  %-6s %s%s\n", (double)(now() - t0) / 1000.0, who, what, arg);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* A message, or -1. A request interrupts the wait for one, and never tears one. */
static ssize_t receive(int s, char *text, size_t size, int64_t deadline) {
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    ssize_t len = mrecv(s, text, size - 1, deadline);
    if(len >= 0) text[len] = 0;
    return len;
}

static coroutine void connection(int s) {
    char text[64];
    int silent = 0;
    while(silent <= MOST) {
        ssize_t len = receive(s, text, sizeof(text), now() + INTERVAL);
        if(len >= 0) {
            silent = 0;
            if(strcmp(text, "alive") != 0) say("server", "receives: ", text);
        }
        else if(errno == ETIMEDOUT) {
            if(++silent > MOST) break;
            say("server", "sends a heartbeat", "");
            if(msend(s, "alive?", 6, now() + INTERVAL) < 0) break;
        }
        else {
            /* Asked to finish: the socket is whole, and says goodbye. */
            say("server", errno == ECANCELED ? "says goodbye" : "has lost the peer", "");
            s = ws_detach(s, 1001, "bye", 3, now() + 1000);
            if(s >= 0) hclose(s);
            return;
        }
    }
    say("server", "gives the peer up", "");
    hclose(s);
}

/* Says two things, answers heartbeats until `dies`, and is silent from then on. */
static coroutine void peer(int s, int64_t dies) {
    char text[64];
    must(msleep(t0 + 5000) == 0 && msend(s, "hello", 5, -1) == 0, "msend");
    while(1) {
        ssize_t len = mrecv(s, text, sizeof(text), -1);
        if(len < 0) {
            /* The server's goodbye, or a lost connection. */
            say("peer", errno == EPIPE ? "is told goodbye" : "finds its connection cut", "");
            s = ws_detach(s, 1000, NULL, 0, now() + 1000);
            if(s >= 0) hclose(s);
            return;
        }
        if(now() < dies) must(msend(s, "alive", 5, -1) == 0, "msend");
    }
}

static void run(int64_t dies, int64_t request_at) {
    int s[2];
    must(ipc_pair(s) == 0, "ipc_pair");
    t0 = now();
    int ends = bundle(), connections = bundle();
    must(ends >= 0 && connections >= 0, "bundle");
    /* Without HTTP the two ends need no handshake. */
    s[0] = ws_attach_server(s[0], WS_TEXT | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    s[1] = ws_attach_client(s[1], WS_TEXT | WS_NOHTTP, NULL, NULL, -1);
    must(s[0] >= 0 && s[1] >= 0, "ws_attach");
    must(bundle_go(connections, connection(s[0])) == 0, "bundle_go");
    must(bundle_go(ends, peer(s[1], t0 + dies)) == 0, "bundle_go");
    if(request_at > 0) msleep(t0 + request_at);
    else bundle_wait(connections, -1);
    must(bundle_cancel(connections, 5000) == 0, "bundle_cancel");
    bundle_wait(ends, -1);
    hclose(ends);
}

int main(void) {
    printf("A peer that is alive, and a request after 40 s:\n");
    run(100000, 40000);
    printf("A peer that dies after 30 s:\n");
    run(30000, 0);
    return 0;
}
