/* Example 4: a message handler that stops in band and does the terminal handshake.
 *
 * "What of a connection that has to say goodbye, as WebSocket's CLOSE?"  The handler's messages
 * come through a channel, and so does the stop, as one of its own messages, after everything
 * that was sent before.  No message is torn or lost, the handler leaves its loop at a place that
 * it knows, and every blocking call is allowed, so that the handshake is ordinary code.
 *
 * The wire format is a toy: a length byte and as many bytes; length 0 is CLOSE, which each side
 * sends once and after which it sends nothing.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t t0;

static void say(const char *who, const char *what, const char *arg) {
    printf("%5.1f s  %-8s %s%s\n", (double)(now() - t0) / 1000.0, who, what, arg);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* ---- frames -------------------------------------------------------------------------------- */

static int send_frame(int s, const char *text, int64_t deadline) {
    char frame[256];
    size_t len = strlen(text);
    if(len > 255) {errno = EMSGSIZE; return -1;}
    frame[0] = (char)len;
    memcpy(frame + 1, text, len);
    return bsend(s, frame, len + 1, deadline);
}

/* Returns the length of the text, 0 for CLOSE. */
static int recv_frame(int s, char text[256], int64_t deadline) {
    unsigned char len;
    if(brecv(s, &len, 1, deadline) < 0) return -1;
    if(len > 0 && brecv(s, text, len, deadline) < 0) return -1;
    text[len] = 0;
    return len;
}

static int terminal_handshake(int s, int64_t deadline) {
    char text[256];
    int len;
    if(send_frame(s, "", deadline) < 0) return -1;
    while((len = recv_frame(s, text, deadline)) > 0) say("handler", "still receives: ", text);
    return len;
}

/* ---- the handler --------------------------------------------------------------------------- */

enum kind {TEXT, STOP};

struct message {
    enum kind kind;
    char text[20];
};

static coroutine void handler(int s, int ch) {
    struct message msg;
    while(1) {
        if(chrecv(ch, &msg, sizeof(msg), -1) < 0) break;
        if(msg.kind == STOP) break;
        if(send_frame(s, msg.text, now() + 60000) < 0) break;
    }
    say("handler", "out of its loop, says CLOSE", "");
    /* 60 s is what this protocol allows a peer; the owner's period is none of its business. */
    int rc = terminal_handshake(s, now() + 60000);
    say("handler", rc == 0 ? "the peer has said CLOSE, too" : "no handshake: ",
        rc == 0 ? "" : strerror(errno));
    tcp_close(s, now() + 1000);
}

/* ---- its peer, and main -------------------------------------------------------------------- */

static coroutine void peer(int s, int64_t delay) {
    char text[256];
    while(recv_frame(s, text, -1) > 0) say("peer", "receives: ", text);
    msleep(now() + delay); /* a slow one */
    if(send_frame(s, "one more thing", -1) == 0) send_frame(s, "", -1);
    tcp_close(s, now() + 1000);
}

/* Hands a message to the handler; fails if that has ended, so that nobody waits for a dead one. */
static int tell(int b, int ch, struct message msg, int64_t deadline) {
    struct chclause cl[] = {{CHSEND, ch, &msg, sizeof(msg)}, {CHBUNDLE, b, NULL, 0}};
    return choose(cl, 2, deadline) == 0 && errno == 0 ? 0 : -1;
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

static void run(int64_t peer_delay) {
    int s[2], ch[2];
    connected_pair(s);
    t0 = now();
    int peers = bundle();
    must(peers >= 0, "bundle");
    must(bundle_go(peers, peer(s[1], peer_delay)) == 0, "bundle_go");

    int b = bundle();
    must(b >= 0, "bundle");
    must(chmake(ch) == 0, "chmake");
    must(bundle_go(b, handler(s[0], ch[0])) == 0, "bundle_go");
    struct message msgs[] = {{TEXT, "first"}, {TEXT, "second"}, {TEXT, "third"}};
    for(int i = 0; i != 3; ++i) must(tell(b, ch[1], msgs[i], now() + 1000) == 0, "tell");
    msleep(now() + 1000);

    /* The application's own stop.  Sending it may block while the handler is busy with a message,
       so the period begins here; bundle_cancel gets the rest of it. */
    int64_t end = now() + 10000;
    struct message stop = {STOP, ""};
    tell(b, ch[1], stop, end);
    int rc = bundle_cancel(b, dill_left(end));
    say("main", rc == 0 ? "the handler ended by itself" : "the handler had to be cut", "");
    hclose(ch[0]);
    hclose(ch[1]);

    bundle_wait(peers, -1);
    hclose(peers);
}

int main(void) {
    printf("A peer that answers CLOSE after 2 s:\n");
    run(2000);
    printf("A peer that answers CLOSE after 20 s:\n");
    run(20000);
    return 0;
}
