/* Fetches a page by HTTPS and writes it, with its head, to the standard output.

     https_client HOST PORT PATH [CAFILE]

   The certificate of the server is verified: by the authorities in CAFILE, or by those that
   the system trusts. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdill.h>

int main(int argc, char **argv) {
    if(argc < 4 || argc > 5) {
        fprintf(stderr, "usage: https_client HOST PORT PATH [CAFILE]\n");
        return 2;
    }
    const char *host = argv[1];
    int64_t deadline = now() + 30000;
    /* Whichever address of the host answers first. */
    int s = happyeyeballs_connect(host, atoi(argv[2]), deadline);
    if(s < 0) {
        fprintf(stderr, "cannot connect to %s: %s\n", host, strerror(errno));
        return 1;
    }
    s = tls_attach_client_verify(s, host, argc == 5 ? argv[4] : NULL, deadline);
    if(s < 0) {
        /* EACCES says that the certificate is not the one to expect. */
        fprintf(stderr, "no TLS session with %s: %s\n", host, strerror(errno));
        return 1;
    }
    char request[1024];
    int len = snprintf(request, sizeof(request),
        "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[3], host);
    if(len >= (int)sizeof(request) || bsend(s, request, (size_t)len, deadline) < 0) {
        fprintf(stderr, "cannot ask: %s\n", strerror(errno));
        return 1;
    }
    char c;
    while(brecv(s, &c, 1, deadline) == 0) putchar(c);
    /* Only the server's goodbye says that this was all. */
    if(errno != EPIPE) {
        fprintf(stderr, "the answer is torn: %s\n", strerror(errno));
        return 1;
    }
    hclose(s);
    return 0;
}
