/* Moves MIBS mebibytes from a process to another one on the loopback interface, in
   messages of 64 KiB, by one of the protocols of the library; throughput_plain.c does the
   same with blocking sockets, rustls_throughput.rs with those and rustls.

   Usage: throughput NAME MIBS; the receiver prints the seconds from its first byte on. */

#include <libdill.h>

#include "throughput.h"

static int encrypted;

/* Nothing here waits for anything but its peer. */
static int sender(int s, const char *name) {
    if(!strcmp(name, "prefix")) return prefix_attach(s, 4, 0);
    if(!strcmp(name, "ws")) return ws_attach_client(s, WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
    if(encrypted) return tls_attach_client_verify(s, "localhost", CERTIFICATES "ca.pem", -1);
    return s;
}

static int receiver(int s, const char *name) {
    if(!strcmp(name, "prefix")) return prefix_attach(s, 4, 0);
    if(!strcmp(name, "ws"))
        return ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    if(encrypted)
        return tls_attach_server(s, CERTIFICATES "chain.pem", CERTIFICATES "server.key", -1);
    return s;
}

int main(int argc, char *argv[]) {
    const char *name = argc > 2 ? argv[1] : "";
    long messages = argc > 2 ? atol(argv[2]) * (1 << 20) / MESSAGE : 0;
    MUST(is_known(name) && messages > 0);
    int local = !strcmp(name, "ipc");
    int as_messages = !strcmp(name, "prefix") || !strcmp(name, "ws");
    encrypted = !strcmp(name, "tls");
    struct ipaddr addr;
    char path[64];
    local_path(path, sizeof(path));
    /* Before the library is used: what it has of the system would be shared. */
    int ready[2];
    MUST(pipe(ready) == 0);
    pid_t child = fork();
    MUST(child >= 0);
    if(child == 0) {
        MUST(read(ready[0], &addr, sizeof(addr)) == sizeof(addr));
        int s = sender(local ? ipc_connect(path, -1) : tcp_connect(&addr, -1), name);
        MUST(s >= 0);
        fill();
        for(long i = 0; i != messages; ++i)
            MUST((as_messages ? msend(s, message, MESSAGE, -1) :
                bsend(s, message, MESSAGE, -1)) == 0);
        if(encrypted) MUST(tls_done(s, -1) == 0);
        /* Waits for the peer's end, so that nothing is lost. */
        char c;
        (void)(as_messages ? mrecv(s, &c, 1, -1) : brecv(s, &c, 1, -1));
        return 0;
    }
    MUST(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4) == 0);
    int ls = local ? ipc_listen(path, 1) : tcp_listen(&addr, 1);
    MUST(ls >= 0);
    MUST(write(ready[1], &addr, sizeof(addr)) == sizeof(addr));
    int s = receiver(local ? ipc_accept(ls, -1) : tcp_accept(ls, NULL, -1), name);
    MUST(s >= 0);
    for(long i = 0; i != messages; ++i) {
        if(as_messages) MUST(mrecv(s, message, MESSAGE, -1) == MESSAGE);
        else MUST(brecv(s, message, MESSAGE, -1) == 0);
        if(i == 0) start();
    }
    report();
    MUST(is_filled());
    /* Closed before the peer's goodbye, the connection could be reset under it. */
    char c;
    if(encrypted) MUST(brecv(s, &c, 1, -1) == -1 && errno == EPIPE);
    MUST(hclose(s) == 0);
    return wait_for(child);
}
