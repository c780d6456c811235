/* One end of a TLS connection on loopback, for the peer_tls_*.sh scripts. It prints what
   happens, one word a line.

     tls_peer server CERT KEY [CLIENT_CA]     prints its port first
     tls_peer client PORT HOSTNAME CA

   The server sends back what it receives, in capitals, until the client's goodbye; then it
   sends "bye" and its own goodbye, and detaches. After a line "over" its own goodbye comes
   first. The client waits for a while for input, which there should be none, although the
   server may send session tickets; then it sends "hello\n", its goodbye, and
   prints what it receives until the server's goodbye; then it detaches. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdill.h>

static int fails(const char *what) {
    const char *name = errno == EACCES ? "EACCES" : errno == EPROTO ? "EPROTO" :
        errno == ECONNRESET ? "ECONNRESET" : strerror(errno);
    printf("%s: %s\n", what, name);
    return 1;
}

static int serve(int argc, char **argv) {
    struct ipaddr addr;
    ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4);
    int ls = tcp_listen(&addr, 1);
    if(ls < 0) return fails("listen");
    printf("port %d\n", ipaddr_port(&addr));
    fflush(stdout);
    int64_t deadline = now() + 10000;
    int s = tcp_accept(ls, NULL, deadline);
    if(s < 0) return fails("accept");
    s = argc > 4 ? tls_attach_server_verify(s, argv[2], argv[3], argv[4], deadline) :
        tls_attach_server(s, argv[2], argv[3], deadline);
    if(s < 0) return fails("attach");
    puts("attached");
    char c, last[5] = {0};
    int first = 0;
    while(brecv(s, &c, 1, deadline) == 0) {
        memmove(last, last + 1, sizeof(last) - 1);
        last[sizeof(last) - 1] = c;
        c = (char)toupper((unsigned char)c);
        if(bsend(s, &c, 1, deadline) < 0) return fails("send");
        if(memcmp(last, "over\n", sizeof(last)) == 0) {
            first = 1;
            if(tls_done(s, deadline) < 0) return fails("done");
            puts("done");
        }
    }
    if(errno != EPIPE) return fails("receive");
    puts("goodbye");
    if(!first && bsend(s, "bye\n", 4, deadline) < 0) return fails("send");
    if(!first && tls_done(s, deadline) < 0) return fails("done");
    s = tls_detach(s, deadline);
    if(s < 0) return fails("detach");
    puts("detached");
    tcp_close(s, deadline);
    return 0;
}

static int connects(char **argv) {
    struct ipaddr addr;
    int64_t deadline = now() + 10000;
    if(ipaddr_remote(&addr, "127.0.0.1", atoi(argv[2]), 0, deadline) < 0)
        return fails("address");
    int s = tcp_connect(&addr, deadline);
    if(s < 0) return fails("connect");
    s = tls_attach_client_verify(s, argv[3], argv[4], deadline);
    if(s < 0) return fails("attach");
    puts("attached");
    struct chclause input = {CHSOCK, s, NULL, 0};
    char c;
    if(choose(&input, 1, now() + 100) == 0) {
        if(brecv(s, &c, 1, deadline) < 0) return fails("receive");
        puts("input");
    }
    if(bsend(s, "hello\n", 6, deadline) < 0) return fails("send");
    if(choose(&input, 1, deadline) != 0) return fails("choose");
    if(tls_done(s, deadline) < 0) return fails("done");
    while(brecv(s, &c, 1, deadline) == 0) putchar(c);
    if(errno != EPIPE) return fails("receive");
    puts("goodbye");
    s = tls_detach(s, deadline);
    if(s < 0) return fails("detach");
    puts("detached");
    hclose(s);
    return 0;
}

int main(int argc, char **argv) {
    if(argc >= 4 && strcmp(argv[1], "server") == 0) return serve(argc, argv);
    if(argc == 5 && strcmp(argv[1], "client") == 0) return connects(argv);
    return 2;
}
