/* A SOCKS5 proxy.
 *
 *   socks5_proxy [PORT [USER PASSWORD]]       0 or none: a free port, which is printed
 *
 * Each connection has three coroutines: one that does the exchange with the client and owns the
 * other two, which pass bytes on, one for each direction.  On SIGTERM or ^C no more connections
 * are accepted, and those that are open get 10 s to end by themselves.
 */

#include <libdill.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *user, *password;

static int is_welcome(const char *name, const char *word) {
    return strcmp(name, user) == 0 && strcmp(word, password) == 0;
}

/* Passes bytes on until the end of the stream, which is passed on as well.  A byte stream gives
   as many bytes as it is asked for; as nobody knows how many will come, that is one at a time.
   It reads ahead, so that costs less than it seems. */
static coroutine void pass_on(int from, int to) {
    char buf[4096];
    struct chclause more = {CHSOCK, from, NULL, 0};
    while(1) {
        size_t len = 0;
        do {
            if(brecv(from, buf + len, 1, -1) < 0) {
                if(len) bsend(to, buf, len, -1);
                tcp_done(to, -1);
                return;
            }
            ++len;
        } while(len != sizeof(buf) && choose(&more, 1, 0) == 0);
        if(bsend(to, buf, len, -1) < 0) return;
    }
}

static int reply_to(int error) {
    switch(error) {
        case ECONNREFUSED: return SOCKS5_CONNECTION_REFUSED;
        case ENETUNREACH: return SOCKS5_NETWORK_UNREACHABLE;
        case EADDRNOTAVAIL: case EHOSTUNREACH: return SOCKS5_HOST_UNREACHABLE;
        case ETIMEDOUT: return SOCKS5_TTL_EXPIRED;
        default: return SOCKS5_GENERAL_FAILURE;
    }
}

static int exchange(int s) {
    int64_t deadline = now() + 10000;
    char host[256];
    int port, u = -1, reply = SOCKS5_SUCCESS;
    if(socks5_proxy_auth(s, user ? is_welcome : NULL, deadline) < 0) return -1;
    int command = socks5_proxy_recvcommandbyname(s, host, &port, deadline);
    if(command < 0) return -1;
    struct ipaddr addr;
    if(command != SOCKS5_CONNECT) {
        reply = SOCKS5_COMMAND_NOT_SUPPORTED;
    } else if(ipaddr_remote(&addr, host, port, 0, deadline) < 0
            || (u = tcp_connect(&addr, deadline)) < 0) {
        reply = reply_to(errno);
    }
    printf("%s port %d: %s\n", host, port, reply == SOCKS5_SUCCESS ? "connected" : "failed");
    fflush(stdout);
    if(ipaddr_local(&addr, "0.0.0.0", 0, IPADDR_IPV4) < 0
            || socks5_proxy_sendreply(s, reply, &addr, deadline) < 0) {
        if(u >= 0) hclose(u);
        return -1;
    }
    return u;
}

static coroutine void client(int s) {
    int u = exchange(s);
    if(u < 0) {
        tcp_close(s, now() + 1000);
        return;
    }
    int b = bundle();
    if(b >= 0 && bundle_go(b, pass_on(s, u)) == 0 && bundle_go(b, pass_on(u, s)) == 0)
        bundle_wait(b, -1);
    hclose(b);
    tcp_close(s, now() + 1000);
    tcp_close(u, now() + 1000);
}

int main(int argc, char *argv[]) {
    if(argc > 3) {
        user = argv[2];
        password = argv[3];
    }
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
    int b = bundle();
    if(stop < 0 || ls < 0 || b < 0) {
        perror("socks5_proxy");
        return 1;
    }
    printf("127.0.0.1:%d\n", ipaddr_port(&addr));
    fflush(stdout);
    while(1) {
        int sig;
        struct chclause events[] = {{CHRECV, stop, &sig, sizeof(sig)}, {CHSOCK, ls, NULL, 0}};
        if(choose(events, 2, -1) != 1) break;
        int s = tcp_accept(ls, NULL, 0);
        if(s >= 0 && bundle_go(b, client(s)) == 0) continue;
        if(s >= 0) hclose(s);
        /* Out of descriptors or memory: don't spin on a listener that stays ready. */
        if(errno != ETIMEDOUT) msleep(now() + 100);
    }
    hclose(ls);
    int rc = bundle_cancel(b, 10000);
    printf(rc == 0 ? "all connections have ended\n" : "some connections had to be cut\n");
    hclose(stop);
    return 0;
}
