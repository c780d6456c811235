/* Operations of more than one call, objects of our own, and what the library calls back. */

#ifndef OPERATIONS_H_INCLUDED
#define OPERATIONS_H_INCLUDED

#include <pthread.h>
#include <signal.h>

#include "arguments.h"

/* Makes a random call. */
static void act(int depth);

/* What close callbacks of our own do. */
struct thing {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    struct msock_vfs mvfs;
};

static void *thing_query(struct hvfs *self, const void *type) {
    struct thing *t = (struct thing*)self;
    if(type == bsock_type) return &t->bvfs;
    if(type == msock_type) return &t->mvfs;
    errno = ENOTSUP;
    return NULL;
}

static int depth_of_close;

static void thing_close(struct hvfs *self) {
    (void)self;
    if(depth_of_close > 2) return;
    depth_of_close++;
    if(once(2)) act(3);
    depth_of_close--;
}

static int thing_transfer(struct bsock_vfs *self, struct iolist *first,
        struct iolist *last, int64_t dl) {
    (void)self; (void)first; (void)last; (void)dl;
    if(once(3)) return 0;
    errno = once(2) ? ECONNRESET : EPIPE;
    return -1;
}

static int thing_send(struct msock_vfs *self, struct iolist *first,
        struct iolist *last, int64_t dl) {
    (void)self; (void)first; (void)last; (void)dl;
    if(once(2)) return 0;
    errno = EPIPE;
    return -1;
}

static ssize_t thing_receive(struct msock_vfs *self, struct iolist *first,
        struct iolist *last, int64_t dl) {
    (void)self; (void)first; (void)last; (void)dl;
    if(once(2)) return 0;
    errno = EPIPE;
    return -1;
}

static int make_thing(void) {
    struct thing *t = memory(sizeof(*t));
    t->hvfs.query = once(10) ? NULL : thing_query;
    t->hvfs.close = once(10) ? NULL : thing_close;
    t->bvfs.bsendl = t->bvfs.brecvl = thing_transfer;
    t->mvfs.msendl = thing_send;
    t->mvfs.mrecvl = thing_receive;
    return hmake(once(15) ? NULL : &t->hvfs);
}

/* A scope lives in memory of the episode; a coroutine leaves its own in the end. */
#define SCOPES 4
static struct cancel_scope *scopes[64][SCOPES];
static int nscopes[64];
static int self; /* which coroutine runs */

static int enter(int ch) {
    if(nscopes[self] == SCOPES) return 0;
    struct cancel_scope *sc = memory(sizeof(*sc));
    int rc = cancel_enter(once(20) ? NULL : sc, ch, deadline());
    if(rc == 0) scopes[self][nscopes[self]++] = sc;
    return rc;
}

static int leave(void) {
    if(nscopes[self] == 0 || once(10)) return cancel_leave(MEM(cancel_scope));
    int i = once(8) ? (int)rnd((uint32_t)nscopes[self]) : nscopes[self] - 1;
    int rc = cancel_leave(scopes[self][i]);
    if(rc == 0 || errno != EINVAL) nscopes[self]--;
    return rc;
}

static int alive;

static coroutine void body(int calls, int depth) {
    int me = -1;
    for(int i = 1; i != 64; i++) if(nscopes[i] < 0) { me = i; break; }
    alive++;
    if(me >= 0) {
        nscopes[me] = 0;
        for(int i = 0; i != calls; i++) {
            self = me;
            act(depth);
        }
        self = me;
        while(nscopes[me] > 0) (void)cancel_leave(scopes[me][--nscopes[me]]);
        nscopes[me] = -1;
    }
    alive--;
}

static int launch(int depth) {
    if(depth > 2) return yield();
    int calls = (int)rnd(12);
    int me = self, h;
    size_t size = once(5) ? rnd(500) : 262144;
    switch(rnd(4)) {
    case 0: h = go(body(calls, depth + 1)); break;
    case 1: h = bundle_go(handle(), body(calls, depth + 1)); break;
    case 2: h = go_mem(body(calls, depth + 1), memory(size), size); break;
    default: h = bundle_go_mem(handle(), body(calls, depth + 1), memory(size), size);
    }
    self = me;
    return h;
}

static int channel(int own) {
    int ch[2];
    int rc = own ? chmake_mem(MEM(chstorage), ch) : chmake(once(20) ? NULL : ch);
    if(rc == 0) keep(ch[0], 'c'), keep(ch[1], 'c');
    return rc;
}

static int pair(int own) {
    int s[2];
    int rc = own ? ipc_pair_mem(MEM(ipc_pair_storage), s) : ipc_pair(once(20) ? NULL : s);
    if(rc == 0) keep(s[0], 'i'), keep(s[1], 'i');
    return rc;
}

static int choice(void) {
    struct chclause *clauses = memory(sizeof(*clauses) * 8);
    int n = (int)rnd(9);
    for(int i = 0; i != n; i++) {
        clauses[i].op = once(15) ? (int)rnd(20) - 5 : 1 + (int)rnd(6);
        int fd = clauses[i].op == CHFDIN || clauses[i].op == CHFDOUT;
        clauses[i].ch = fd ? descriptor() : handle();
        int message = clauses[i].op == CHSEND || clauses[i].op == CHRECV;
        clauses[i].val = message ? buffer() : NULL;
        clauses[i].len = message ? (once(8) ? rnd(BUFFER) : 4) : 0;
    }
    return choose(once(30) ? NULL : clauses, once(30) ? -1 : n, deadline());
}

static int socket_of(int type, int listening) {
    int fd = socket(once(3) ? AF_UNIX : AF_INET, type, 0);
    if(fd >= 0 && listening) (void)listen(fd, 1);
    return fd;
}

/* Has the library take over a descriptor; if it doesn't want it, it is ours again. */
static int take_over(int (*from)(int), int type, int listening) {
    int fd = once(10) ? descriptor() : -1, own = -1;
    if(fd < 0) fd = own = socket_of(type, listening);
    int rc = from(fd), err = errno;
    if(rc < 0 && own >= 0) close(own);
    errno = err;
    return rc;
}

static int from_tcp(int fd) { return once(2) ? tcp_fromfd(fd) : tcp_fromfd_mem(fd, MEM(tcp_storage)); }
static int from_tcpl(int fd) {
    return once(2) ? tcp_listener_fromfd(fd) :
        tcp_listener_fromfd_mem(fd, MEM(tcp_listener_storage));
}
static int from_ipc(int fd) { return once(2) ? ipc_fromfd(fd) : ipc_fromfd_mem(fd, MEM(ipc_storage)); }
static int from_ipcl(int fd) {
    return once(2) ? ipc_listener_fromfd(fd) :
        ipc_listener_fromfd_mem(fd, MEM(ipc_listener_storage));
}

static int signal_channel(void) {
    sigset_t set;
    sigemptyset(&set);
    if(!once(10)) sigaddset(&set, SIGUSR1);
    return sigchan(once(20) ? NULL : &set);
}

static int receive_descriptor(void) {
    int fd = ipc_recvfd(handle(), deadline());
    if(fd >= 0) close(fd);
    return fd;
}

static int approve(const char *user, const char *password) {
    CHECK(user && password);
    return (int)rnd(2);
}

static int connected(int own) {
    struct ipaddr *addr = address();
    /* A listener of ours has some port: look for one at random. */
    if(addr && once(2)) ipaddr_setport(addr, (int)rnd(65536));
    return own ? tcp_connect_mem(addr, MEM(tcp_storage), deadline()) :
        tcp_connect(addr, deadline());
}

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

/* Two protocol sockets that fit each other, and perhaps something on its way between them:
   what chance alone would hardly ever build. */
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

/* ipaddr_len() and ipaddr_family() crash for nobody, but take no NULL in libdill. */
static int describe(void) {
    struct ipaddr *addr = address(), *other = address();
    char *str = memory(IPADDR_MAXSTRLEN);
    if(!addr || !other) return 0;
    (void)ipaddr_str(addr, str);
    (void)ipaddr_family(addr);
    (void)ipaddr_len(addr);
    (void)ipaddr_port(addr);
    (void)ipaddr_sockaddr(addr);
    ipaddr_setport(addr, (int)rnd(65536));
    (void)ipaddr_equal(addr, other, (int)rnd(3));
    return 0;
}

static int query(void) {
    static const int nothing = 0;
    const void *types[] = {bsock_type, msock_type, input_type, &nothing, NULL};
    void *found = hquery(handle(), types[rnd(5)]);
    return found ? 0 : -1;
}

static int usual_signal(void) {
    return raise(SIGUSR1);
}

#endif
