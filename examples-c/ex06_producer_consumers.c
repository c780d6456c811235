/* Example 6: a producer and its consumers, nothing lost.
 *
 * "Interrupt the producer's receive, but not its put; let the queue drain; let the sentinel reach
 * every consumer."  Only the producer hears of the request.  A cancel scope around the one call
 * that waits for the peer makes that call fail; what follows are ordinary blocking calls.  The
 * sentinel is chdone: it comes after the last item, and all consumers get it without passing it
 * on.  Queue and consumers are in the same bundle and know of no request.
 */

#include <libdill.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t t0;

static void say(const char *who, const char *what, int n) {
    printf("%5.1f s  %-9s %s %d\n", (double)(now() - t0) / 1000.0, who, what, n);
}

static void must(int ok, const char *what) {
    if(!ok) {perror(what); exit(1);}
}

static coroutine void producer(int s, int q) {
    int item, count = 0, asked = 0;
    while(!asked) {
        CANCEL_SCOPE(sc, DILL_REQUEST, -1);
        int rc = brecv(s, &item, sizeof(item), -1);
        asked = cancel_leave(&sc) < 0; /* before the next call: that may wait, asked or not */
        /* A receive that succeeded is an item, even if the request has come meanwhile. */
        if(rc == 0) {
            if(chsend(q, &item, sizeof(item), -1) < 0) break;
            ++count;
        }
        else if(!asked) break; /* the peer has left, or we are hard-cancelled */
    }
    if(asked) {
        say("producer", "asked to stop; items so far:", count);
        /* Tell the peer, then take what it sent before it knew: that counts as accepted. */
        tcp_done(s, -1);
        while(brecv(s, &item, sizeof(item), -1) == 0) {
            if(chsend(q, &item, sizeof(item), -1) < 0) break;
            ++count;
        }
        if(errno == EPIPE) say("producer", "the peer has stopped, too; items:", count);
    }
    chdone(q);
    tcp_close(s, now() + 1000);
}

/* A bounded queue between two channels, which themselves hold nothing. */
static coroutine void queue(int in, int out) {
    int items[8], head = 0, count = 0, open = 1;
    while(open || count > 0) {
        struct chclause cl[2];
        int n = 0, item;
        struct chclause get = {CHSEND, out, &items[head], sizeof(item)};
        struct chclause put = {CHRECV, in, &item, sizeof(item)};
        if(count > 0) cl[n++] = get;
        if(open && count < 8) cl[n++] = put;
        int rc = choose(cl, n, -1);
        if(rc < 0) return; /* hard-cancelled */
        if(cl[rc].op == CHSEND) {
            head = (head + 1) % 8;
            --count;
        }
        else if(errno == 0) items[(head + count++) % 8] = item;
        else open = 0; /* EPIPE: that was the producer's last item */
    }
    chdone(out);
}

static coroutine void consumer(const char *who, int q, int *total) {
    int item, count = 0;
    while(chrecv(q, &item, sizeof(item), -1) == 0) {
        if(msleep(now() + 730) < 0) return;
        ++count;
    }
    *total += count;
    say(who, errno == EPIPE ? "the end; items:" : "hard-cancelled; items:", count);
}

/* The outside world: an item every 100 ms until the producer takes no more. */
static coroutine void peer(int s, int *total) {
    struct chclause cl = {CHSOCK, s, NULL, 0};
    do {
        int item = *total + 1;
        if(bsend(s, &item, sizeof(item), -1) < 0) break;
        *total = item;
    } while(choose(&cl, 1, now() + 100) < 0 && errno == ETIMEDOUT);
    say("peer", "sees the end of the stream; items sent:", *total);
    tcp_close(s, now() + 1000);
}

int main(void) {
    struct ipaddr addr;
    must(ipaddr_local(&addr, "127.0.0.1", 0, 0) == 0, "ipaddr_local");
    int ls = tcp_listen(&addr, 1);
    must(ls >= 0, "tcp_listen");
    int outer = tcp_connect(&addr, -1);
    must(outer >= 0, "tcp_connect");
    int inner = tcp_accept(ls, NULL, -1);
    must(inner >= 0, "tcp_accept");
    hclose(ls);
    t0 = now();

    int in[2], out[2], sent = 0, consumed = 0;
    must(chmake(in) == 0 && chmake(out) == 0, "chmake");
    int b = bundle();
    must(b >= 0, "bundle");
    must(bundle_go(b, producer(inner, in[1])) == 0, "bundle_go");
    must(bundle_go(b, queue(in[0], out[1])) == 0, "bundle_go");
    must(bundle_go(b, consumer("consumer1", out[0], &consumed)) == 0, "bundle_go");
    must(bundle_go(b, consumer("consumer2", out[0], &consumed)) == 0, "bundle_go");
    must(bundle_go(b, consumer("consumer3", out[0], &consumed)) == 0, "bundle_go");
    int peers = bundle();
    must(peers >= 0, "bundle");
    must(bundle_go(peers, peer(outer, &sent)) == 0, "bundle_go");

    msleep(now() + 2030);
    int rc = bundle_cancel(b, 10000);
    say("main", "bundle_cancel returned", rc);
    bundle_wait(peers, -1);
    hclose(peers);
    for(int i = 0; i != 2; ++i) {
        hclose(in[i]);
        hclose(out[i]);
    }
    printf("%s\n", sent == consumed ? "Nothing is lost." : "ITEMS ARE LOST!");
    return 0;
}
