/* A chat for browsers: WebSockets with a terminal handshake on graceful stop.
 *
 *   ws_chat [PORT]       0 or none: a free one, which is printed
 *
 * Whatever one client says, all get.  On SIGTERM or ^C no more clients are accepted, and each
 * connection is told goodbye: its writer sends what is still in its channel, and then a Close
 * frame with status 1001; its reader waits for the client's own.  Clients that don't answer
 * within 10 s are cut.
 */

#include <libdill.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS 64

struct line {
    size_t len;
    char text[500];
};

/* The room: a channel to the writer of each client, or -1. */
static int room[CLIENTS];

static int clients; /* the bundle of all connections */

static void tell_all(const struct line *line) {
    for(int i = 0; i != CLIENTS; ++i) {
        /* One that does not keep up misses a line; the others don't wait for it. */
        if(room[i] >= 0) chsend(room[i], line, sizeof(*line), now() + 100);
    }
}

/* Ends in band: when the room's end of the channel is done, after the last line. */
static coroutine void writer(int s, int ch) {
    struct line line;
    while(chrecv(ch, &line, sizeof(line), -1) == 0)
        if(ws_send(s, WS_TEXT, line.text, line.len, now() + 10000) < 0) return;
    ws_done(s, 1001, "bye", 3, now() + 10000);
}

static void reader(int s) {
    struct line line;
    while(1) {
        int type;
        ssize_t len = ws_recv(s, &type, line.text, sizeof(line.text), -1);
        if(len < 0) break;
        if(type != WS_TEXT) continue;
        line.len = (size_t)len;
        tell_all(&line);
    }
    int status;
    if(ws_status(s, &status, NULL, 0) >= 0) printf("a client has left with status %d\n", status);
    else printf("a client is gone: %s\n", strerror(errno));
    fflush(stdout);
}

static coroutine void client(int s) {
    char resource[256], host[256];
    s = ws_attach_server(s, WS_TEXT, resource, sizeof(resource), host, sizeof(host),
        now() + 10000);
    if(s < 0) return;
    int ch[2], place = 0;
    while(place != CLIENTS && room[place] >= 0) place++;
    if(place == CLIENTS || chmake(ch) < 0) {
        hclose(s);
        return;
    }
    int b = bundle();
    if(b < 0 || bundle_go(b, writer(s, ch[1])) < 0) {
        hclose(ch[0]);
        hclose(ch[1]);
        hclose(s);
        return;
    }
    room[place] = ch[0];
    /* The request to stop reaches the writer, through the channel that it reads anyway. */
    bundle_notify(clients, ch[0]);
    reader(s);
    room[place] = -1;
    chdone(ch[0]);
    bundle_wait(b, now() + 10000);
    hclose(b);
    hclose(ch[0]);
    hclose(ch[1]);
    /* Both sides have said all, or the connection is broken. */
    s = ws_detach(s, 0, NULL, 0, now() + 1000);
    if(s >= 0) tcp_close(s, now() + 1000);
}

int main(int argc, char *argv[]) {
    for(int i = 0; i != CLIENTS; ++i) room[i] = -1;
    struct ipaddr addr;
    if(ipaddr_local(&addr, "127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, 0) < 0) {
        perror("address");
        return 1;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int stop = sigchan(&set);
    int ls = tcp_listen(&addr, 16);
    clients = bundle();
    if(stop < 0 || ls < 0 || clients < 0) {
        perror("ws_chat");
        return 1;
    }
    printf("ws://127.0.0.1:%d/\n", ipaddr_port(&addr));
    fflush(stdout);
    while(1) {
        int sig;
        struct chclause events[] = {{CHRECV, stop, &sig, sizeof(sig)}, {CHSOCK, ls, NULL, 0}};
        if(choose(events, 2, -1) != 1) break;
        int s = tcp_accept(ls, NULL, 0);
        if(s >= 0 && bundle_go(clients, client(s)) == 0) continue;
        if(s >= 0) hclose(s);
        /* Out of descriptors or memory: don't spin on a listener that stays ready. */
        if(errno != ETIMEDOUT) msleep(now() + 100);
    }
    hclose(ls);
    int rc = bundle_cancel(clients, 10000);
    printf(rc == 0 ? "all have left\n" : "some had to be cut\n");
    hclose(stop);
    return 0;
}
