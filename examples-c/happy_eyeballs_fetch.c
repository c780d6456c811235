/* Fetches a page by HTTP from a host that may have many addresses, some of them dead, and
   writes it, with its head, to the standard output.

     happy_eyeballs_fetch HOST PORT PATH */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdill.h>

int main(int argc, char **argv) {
    if(argc != 4) {
        fprintf(stderr, "usage: happy_eyeballs_fetch HOST PORT PATH\n");
        return 2;
    }
    const char *host = argv[1];
    int port = atoi(argv[2]);
    int64_t start = now(), deadline = start + 30000;
    struct ipaddr addrs[16];
    char text[IPADDR_MAXSTRLEN];
    int n = ipaddr_remotes(addrs, 16, host, port, IPADDR_PREF_IPV6, deadline);
    for(int i = 0; i < n; ++i)
        fprintf(stderr, "%s has %s\n", host, ipaddr_str(&addrs[i], text));
    int s = happyeyeballs_connect(host, port, deadline);
    if(s < 0) {
        fprintf(stderr, "cannot connect to %s: %s\n", host, strerror(errno));
        return 1;
    }
    fprintf(stderr, "connected after %d ms\n", (int)(now() - start));
    char request[1024];
    int len = snprintf(request, sizeof(request),
        "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[3], host);
    if(len >= (int)sizeof(request) || bsend(s, request, (size_t)len, deadline) < 0) {
        fprintf(stderr, "cannot ask: %s\n", strerror(errno));
        return 1;
    }
    char c;
    while(brecv(s, &c, 1, deadline) == 0) putchar(c);
    if(errno != EPIPE) {
        fprintf(stderr, "the answer is torn: %s\n", strerror(errno));
        return 1;
    }
    hclose(s);
    return 0;
}
