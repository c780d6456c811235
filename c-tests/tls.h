/* TLS sessions for the tests, with the certificates in c-tests/certs. */

#ifndef TLS_H_INCLUDED
#define TLS_H_INCLUDED

#include "net.h"

#define CERT(name) "c-tests/certs/" name

static coroutine void tls_attaches_server(int s, int *h) {
    *h = tls_attach_server(s, CERT("chain.pem"), CERT("server.key"), -1);
    CHECK_HANDLE(*h);
}

/* A TLS session on two connected byte streams: s[0] becomes the client, s[1] the server. */
__attribute__((unused))
static void tls_pair_on(int s[2]) {
    int server = -1;
    int b = go(tls_attaches_server(s[1], &server));
    CHECK_HANDLE(b);
    s[0] = tls_attach_client_verify(s[0], "localhost", CERT("ca.pem"), -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    s[1] = server;
}

__attribute__((unused))
static void tls_pair(int s[2]) {
    tcp_pair(s);
    tls_pair_on(s);
}

#endif
