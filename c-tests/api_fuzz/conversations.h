/* What chance alone would hardly ever build: sockets that fit each other, and conversations
   that come to their end unless something intervenes. */

#ifndef CONVERSATIONS_H_INCLUDED
#define CONVERSATIONS_H_INCLUDED

#include "arguments.h"
#include "operations.h"

/* A whole connection, so that there is something to talk through. */
static int tcp_both(void) {
    struct ipaddr addr;
    if(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4) < 0) return -1;
    int ls = tcp_listen(&addr, 8);
    if(ls < 0) return -1;
    keep(ls, 'L');
    int a = tcp_connect(&addr, now() + 10);
    if(a < 0) return -1;
    keep(a, 't');
    int b = tcp_accept(ls, NULL, now() + 10);
    return b;
}

static coroutine void serves_tls(int s) {
    s = tls_attach_server(s, CERT, KEY, now() + 20);
    if(s >= 0) keep(s, 'T');
}

/* Two protocol sockets that fit each other, and perhaps something on its way between them. */
static int both_ends(void) {
    int s[2], h[2] = {-1, -1}, kind = (int)rnd(7), me = self;
    char family = "pSewhTu"[kind];
    struct ipaddr addr[2];
    switch(kind) {
    case 6: /* udp */
        for(int i = 0; i != 2; i++)
            if(ipaddr_local(&addr[i], "127.0.0.1", 0, IPADDR_IPV4) < 0) return -1;
        h[0] = udp_open(&addr[0], NULL);
        if(h[0] >= 0) h[1] = udp_open(&addr[1], &addr[0]);
        if(h[1] >= 0 && once(2)) (void)udp_send(h[1], NULL, "hello", 5);
        break;
    case 5: /* tls */
        if(ipc_pair(s) < 0) return -1;
        keep(go(serves_tls(s[1])), 'b');
        self = me;
        h[0] = tls_attach_client(s[0], now() + 20);
        self = me;
        break;
    default:
        if(ipc_pair(s) < 0) return -1;
        for(int i = 0; i != 2; i++) {
            if(kind == 0) h[i] = prefix_attach(s[i], 2, 0);
            else if(kind == 1) h[i] = suffix_attach(s[i], "\r\n", 2);
            else if(kind == 2) h[i] = term_attach(prefix_attach(s[i], 1, 0), "END", 3);
            else if(kind == 4) h[i] = http_attach(s[i]);
            else h[i] = i ? ws_attach_server(s[i], WS_NOHTTP, NULL, 0, NULL, 0, now() + 9) :
                ws_attach_client(s[i], WS_NOHTTP, "/", "a", now() + 9);
        }
        if(h[0] < 0) break;
        if(kind == 4 && once(2)) {
            (void)http_sendrequest(h[0], "POST", "/", now() + 9);
            (void)http_sendfield(h[0], "Content-Length", "5", now() + 9);
            if(once(2)) (void)http_done(h[0], now() + 9);
            if(once(2)) (void)http_sendbody(h[0], "hello", 5, now() + 9);
        } else if(kind != 4) for(uint32_t i = rnd(3); i; i--)
            (void)msend(h[0], "hello", 5, now() + 9);
    }
    for(int i = 0; i != 2; i++) if(h[i] >= 0) keep(h[i], family);
    return h[0] < 0 ? -1 : 0;
}

/* One side, which keeps to the protocol. Others may close its socket meanwhile. */

static coroutine void http_peer(int s) {
    char a[64], b[64];
    s = http_attach(s);
    if(s < 0) return;
    keep(s, 'h');
    (void)http_recvrequest(s, a, sizeof(a), b, sizeof(b), now() + 20);
    while(http_recvfield(s, a, sizeof(a), b, sizeof(b), now() + 20) == 0);
    while(http_recvbody(s, a, sizeof(a), now() + 20) > 0);
    (void)http_sendstatus(s, 200, "OK", now() + 20);
    (void)http_sendfield(s, "Transfer-Encoding", "chunked", now() + 20);
    (void)http_sendbody(s, "hello", 5, now() + 20);
    (void)http_donebody(s, now() + 20);
    s = http_detach(s, now() + 20);
    if(s >= 0) keep(s, 'i');
}

static coroutine void ws_peer(int s, int flags) {
    char a[64], b[64];
    s = ws_attach_server(s, flags, a, sizeof(a), b, sizeof(b), now() + 20);
    if(s < 0) return;
    keep(s, 'w');
    (void)ws_send(s, WS_TEXT, "hello", 5, now() + 20);
    (void)mrecv(s, a, sizeof(a), now() + 20);
    s = ws_detach(s, 1000, "bye", 3, now() + 20);
    if(s >= 0) keep(s, 'i');
}

static coroutine void tls_peer(int s) {
    char c;
    s = once(9) ? tls_attach_server_verify(s, CERT, KEY, CA, now() + 20) :
        tls_attach_server(s, CERT, KEY, now() + 20);
    if(s < 0) return;
    keep(s, 'T');
    if(brecv(s, &c, 1, now() + 20) == 0) (void)bsend(s, &c, 1, now() + 20);
    s = tls_detach(s, now() + 20);
    if(s >= 0) keep(s, 'i');
}

static coroutine void socks5_peer(int s) {
    struct ipaddr addr;
    char name[256];
    int port;
    (void)socks5_proxy_auth(s, once(2) ? NULL : approve, now() + 20);
    if(once(2)) (void)socks5_proxy_recvcommand(s, &addr, now() + 20);
    else (void)socks5_proxy_recvcommandbyname(s, name, &port, now() + 20);
    (void)ipaddr_local(&addr, "127.0.0.1", 80, 0);
    (void)socks5_proxy_sendreply(s, once(4) ? 1 : 0, &addr, now() + 20);
}

static coroutine void term_peer(int s) {
    char a[64];
    s = term_attach(prefix_attach(s, 1, 0), "END", 3);
    if(s < 0) return;
    keep(s, 'e');
    (void)mrecv(s, a, sizeof(a), now() + 20);
    (void)msend(s, "answer", 6, now() + 20);
    s = prefix_detach(term_detach(s, now() + 20));
    if(s >= 0) keep(s, 'i');
}

/* Between two steps of the other side anything may happen. */
static void meddle(int me) {
    self = me;
    if(once(8)) act(3);
    self = me;
}

static int talk_http(int s, int me) {
    char a[64], b[64];
    s = http_attach(s);
    if(s < 0) return -1;
    keep(s, 'h');
    (void)http_sendrequest(s, "POST", "/", now() + 20);
    meddle(me);
    (void)http_sendfield(s, "Content-Length", "5", now() + 20);
    meddle(me);
    (void)http_sendbody(s, "hello", 5, now() + 20);
    meddle(me);
    (void)http_recvstatus(s, a, sizeof(a), now() + 20);
    meddle(me);
    while(http_recvfield(s, a, sizeof(a), b, sizeof(b), now() + 20) == 0) meddle(me);
    (void)http_recvbody(s, a, sizeof(a), now() + 20);
    meddle(me);
    return http_detach(s, now() + 20);
}

static int talk_ws(int s, int me, int flags) {
    char a[64];
    int status;
    s = ws_attach_client(s, flags, "/", "a", now() + 20);
    if(s < 0) return -1;
    keep(s, 'w');
    meddle(me);
    (void)msend(s, "hello", 5, now() + 20);
    meddle(me);
    (void)mrecv(s, a, sizeof(a), now() + 20);
    meddle(me);
    if(once(2)) (void)ws_done(s, 1001, NULL, 0, now() + 20);
    meddle(me);
    while(mrecv(s, a, sizeof(a), now() + 20) >= 0) meddle(me);
    (void)ws_status(s, &status, a, sizeof(a));
    return ws_detach(s, 1000, NULL, 0, now() + 20);
}

static int talk_tls(int s, int me) {
    char c = 'c';
    s = once(2) ? tls_attach_client(s, now() + 20) :
        tls_attach_client_verify(s, "localhost", CA, now() + 20);
    if(s < 0) return -1;
    keep(s, 'T');
    meddle(me);
    (void)bsend(s, &c, 1, now() + 20);
    meddle(me);
    (void)brecv(s, &c, 1, now() + 20);
    meddle(me);
    return tls_detach(s, now() + 20);
}

static int talk_socks5(int s) {
    struct ipaddr addr;
    const char *user = once(2) ? NULL : "user";
    (void)ipaddr_local(&addr, once(2) ? "::1" : "127.0.0.1", 80, 0);
    if(once(2)) (void)socks5_client_connect(s, user, user, &addr, now() + 20);
    else (void)socks5_client_connectbyname(s, user, user, "example.org", 80, now() + 20);
    return s;
}

static int talk_term(int s, int me) {
    char a[64];
    s = term_attach(prefix_attach(s, 1, 0), "END", 3);
    if(s < 0) return -1;
    keep(s, 'e');
    (void)msend(s, "question", 8, now() + 20);
    meddle(me);
    (void)mrecv(s, a, sizeof(a), now() + 20);
    meddle(me);
    return prefix_detach(term_detach(s, now() + 20));
}

/* A conversation from its beginning to its end; the stream beneath is left for others. */
static int conversation(void) {
    int s[2], me = self, flags = once(2) ? WS_TEXT : WS_BINARY | WS_NOHTTP, peer;
    if(ipc_pair(s) < 0) return -1;
    switch(rnd(5)) {
    case 0: peer = go(http_peer(s[1])); self = me; s[0] = talk_http(s[0], me); break;
    case 1: peer = go(ws_peer(s[1], flags)); self = me; s[0] = talk_ws(s[0], me, flags); break;
    case 2: peer = go(tls_peer(s[1])); self = me; s[0] = talk_tls(s[0], me); break;
    case 3: peer = go(socks5_peer(s[1])); self = me; s[0] = talk_socks5(s[0]); break;
    default: peer = go(term_peer(s[1])); self = me; s[0] = talk_term(s[0], me);
    }
    self = me;
    if(peer >= 0) keep(peer, 'b');
    if(s[0] >= 0) keep(s[0], 'i');
    return s[0] < 0 ? -1 : 0;
}

#endif
