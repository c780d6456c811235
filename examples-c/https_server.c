/* An HTTPS server that shuts down gracefully.

     https_server PORT CERT KEY

   It answers each GET with a line of text, and keeps connections open for further requests.
   CERT is a PEM file with the certificate of the server and those that lead to its authority,
   KEY its private key. On SIGTERM or ^C it accepts no more, gives open connections 10 seconds
   to finish what they are at, and ends. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdill.h>

struct config {
    const char *cert;
    const char *key;
};

/* Reads a line without its end; its length, or -1. */
static int read_line(int s, char *line, size_t size, int64_t deadline) {
    size_t len = 0;
    while(1) {
        char c;
        if(brecv(s, &c, 1, deadline) < 0) return -1;
        if(c == '\n') break;
        if(c == '\r') continue;
        if(len + 1 == size) {errno = EMSGSIZE; return -1;}
        line[len++] = c;
    }
    line[len] = 0;
    return (int)len;
}

/* Answers one request; 0 when another one may follow. */
static int answer(int s, int64_t deadline) {
    char request[512], field[1024], response[256];
    if(read_line(s, request, sizeof(request), deadline) < 0) return -1;
    int len;
    do {
        len = read_line(s, field, sizeof(field), deadline);
        if(len < 0) return -1;
    } while(len > 0);
    int known = strncmp(request, "GET ", 4) == 0;
    const char *body = known ? "Hello over TLS\n" : "Only GET is known here\n";
    int n = snprintf(response, sizeof(response),
        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
        known ? "200 OK" : "405 Method Not Allowed", (int)strlen(body), body);
    return bsend(s, response, (size_t)n, deadline);
}

static coroutine void serve(int s, struct config config) {
    s = tls_attach_server(s, config.cert, config.key, now() + 10000);
    if(s < 0) {
        fprintf(stderr, "no TLS session: %s\n", strerror(errno));
        return;
    }
    /* A request to stop ends the wait for the next request, but not an answer. */
    int rc;
    do {
        struct chclause next = {CHSOCK, s, NULL, 0};
        CANCEL_SCOPE(scope, DILL_REQUEST, -1);
        rc = choose(&next, 1, now() + 60000);
        cancel_leave(&scope);
        if(rc == 0) rc = answer(s, now() + 10000);
    } while(rc == 0);
    /* Say goodbye in an orderly way, on both layers. */
    s = tls_detach(s, now() + 1000);
    if(s >= 0) tcp_close(s, now() + 1000);
}

static coroutine void accept_connections(int ls, struct config config) {
    int connections = bundle();
    if(connections < 0) return;
    /* The connections are told when we are. */
    bundle_follow(connections);
    CANCEL_SCOPE(scope, DILL_REQUEST, -1);
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        if(s >= 0 && bundle_go(connections, serve(s, config)) == 0) continue;
        if(s >= 0) hclose(s);
        /* Out of descriptors or memory, or asked to stop: then this fails, too. */
        if(msleep(now() + 100) < 0) break;
    }
    cancel_leave(&scope);
    hclose(ls);
    bundle_wait(connections, -1);
    hclose(connections);
}

int main(int argc, char **argv) {
    if(argc != 4) {
        fprintf(stderr, "usage: https_server PORT CERT KEY\n");
        return 2;
    }
    struct config config = {argv[2], argv[3]};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int signals = sigchan(&set);
    struct ipaddr addr;
    if(signals < 0 || ipaddr_local(&addr, NULL, atoi(argv[1]), 0) < 0) {
        perror("start");
        return 1;
    }
    int ls = tcp_listen(&addr, 128);
    if(ls < 0) {
        perror("listen");
        return 1;
    }
    printf("listening on port %d\n", ipaddr_port(&addr));
    fflush(stdout);
    int server = go(accept_connections(ls, config));
    if(server < 0) {
        perror("go");
        return 1;
    }
    int signal;
    chrecv(signals, &signal, sizeof(signal), -1);
    int rc = bundle_cancel(server, 10000);
    puts(rc == 0 ? "all connections have ended" : "had to cut connections");
    hclose(signals);
    return 0;
}
