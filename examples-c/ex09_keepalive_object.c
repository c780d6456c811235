/* Example 9: an object on the heap that owns a coroutine.
 *
 * "A network connection may contain a coroutine that sends keep-alives; a function creates the
 * object and hands it to its caller.  Its lifetime is bound to no block."  The bundle is a member
 * of the object, and the destructor ends it.  It does so gracefully, so that a message under way
 * is not torn and the last thing on the wire is a proper goodbye.  The users of the object never
 * see that there is a coroutine in it.
 *
 * The coroutine is the only one that writes to the socket.  It receives with a deadline: a message
 * is sent, a deadline means that a keep-alive is due, the end of the channel means goodbye.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEPALIVE 10000

static int64_t t0;

static void say(const char *who, const char *what, const char *arg) {
    printf("%5.1f s  %-6s %s%s\n", (double)(now() - t0) / 1000.0, who, what, arg);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

/* ---- the object ---------------------------------------------------------------------------- */

struct line {char text[16];};

struct connection {
    int sock;
    int out[2]; /* [1] is where the object's users send to, [0] where its coroutine receives */
    int bundle;
};

static coroutine void writer(struct connection *c) {
    while(1) {
        struct line line;
        int rc = chrecv(c->out[0], &line, sizeof(line), now() + KEEPALIVE);
        int last = rc < 0 && errno == EPIPE;
        if(rc < 0 && !last && errno != ETIMEDOUT) break; /* hard-cancelled */
        if(rc < 0) {
            memset(&line, 0, sizeof(line));
            strcpy(line.text, last ? "goodbye" : "keep-alive");
        }
        if(bsend(c->sock, &line, sizeof(line), now() + KEEPALIVE) < 0) break;
        if(last) return;
    }
    chdone(c->out[1]); /* whoever wants to send now fails instead of waiting for ever */
}

static struct connection *connection_new(const struct ipaddr *addr, int64_t deadline) {
    struct connection *c = (struct connection*)malloc(sizeof(*c));
    if(!c) return NULL;
    c->sock = tcp_connect(addr, deadline);
    if(c->sock < 0) goto error1;
    if(chmake(c->out) < 0) goto error2;
    c->bundle = bundle();
    if(c->bundle < 0) goto error3;
    if(bundle_notify(c->bundle, c->out[1]) < 0) goto error4;
    if(bundle_go(c->bundle, writer(c)) < 0) goto error4;
    return c;
error4:
    hclose(c->bundle);
error3:
    hclose(c->out[0]);
    hclose(c->out[1]);
error2:
    hclose(c->sock);
error1:
    free(c);
    return NULL;
}

static int connection_send(struct connection *c, const char *text, int64_t deadline) {
    struct line line;
    memset(&line, 0, sizeof(line));
    strncat(line.text, text, sizeof(line.text) - 1);
    return chsend(c->out[1], &line, sizeof(line), deadline);
}

/* In a caller that is hard-cancelled all of this happens at once. */
static void connection_free(struct connection *c) {
    bundle_cancel(c->bundle, 1000);
    hclose(c->out[0]);
    hclose(c->out[1]);
    tcp_close(c->sock, now() + 1000);
    free(c);
}

/* ---- its peer and its user ----------------------------------------------------------------- */

static coroutine void peer(int ls) {
    int s = tcp_accept(ls, NULL, -1);
    must(s >= 0, "tcp_accept");
    struct line line;
    while(brecv(s, &line, sizeof(line), -1) == 0) say("peer", "receives: ", line.text);
    say("peer", errno == EPIPE ? "the stream ends cleanly" : "the stream is cut", "");
    tcp_close(s, now() + 1000);
}

int main(void) {
    struct ipaddr addr;
    must(ipaddr_local(&addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(&addr, 1);
    must(ls >= 0, "tcp_listen");
    t0 = now();
    int peers = bundle();
    must(peers >= 0, "bundle");
    must(bundle_go(peers, peer(ls)) == 0, "bundle_go");

    struct connection *c = connection_new(&addr, now() + 1000);
    must(c != NULL, "connection_new");
    must(connection_send(c, "hello", now() + 1000) == 0, "connection_send");
    msleep(now() + 25000);
    must(connection_send(c, "still here", now() + 1000) == 0, "connection_send");
    msleep(now() + 14000);
    must(connection_send(c, "last words", now() + 1000) == 0, "connection_send");
    connection_free(c);

    bundle_wait(peers, -1);
    hclose(peers);
    hclose(ls);
    return 0;
}
