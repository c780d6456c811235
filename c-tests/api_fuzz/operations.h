/* Operations of more than one call, objects of our own, and what the library calls back. */

#ifndef OPERATIONS_H_INCLUDED
#define OPERATIONS_H_INCLUDED

#include <pthread.h>
#include <signal.h>
#include <sys/un.h>

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
        clauses[i].op = once(15) ? (int)rnd(20) - 5 : 1 + (int)rnd(7);
        int fd = clauses[i].op == CHFDIN || clauses[i].op == CHFDOUT;
        clauses[i].ch = fd ? descriptor() : clauses[i].op == CHREQUEST ? -1 : handle();
        int message = clauses[i].op == CHSEND || clauses[i].op == CHRECV;
        clauses[i].val = message ? buffer() : NULL;
        clauses[i].len = message ? (once(8) ? rnd(BUFFER) : 4) : 0;
    }
    return choose(once(30) ? NULL : clauses, once(30) ? -1 : n, deadline());
}

static int socket_of(int type, int listening) {
    int local = once(3);
    int fd = socket(local ? AF_UNIX : AF_INET, type, 0);
    if(fd < 0 || !listening) return fd;
    struct sockaddr_un un = {AF_UNIX, ""};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s/c", directory);
    unlink(un.sun_path);
    if(local) (void)bind(fd, (struct sockaddr*)&un, sizeof(un));
    (void)listen(fd, 1);
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

static int port;    /* of the last listener */

static int listens(int own) {
    struct ipaddr *addr = address();
    int h = own ? tcp_listen_mem(addr, 10, MEM(tcp_listener_storage)) :
        tcp_listen(addr, (int)rnd(12) - 1);
    if(h >= 0) port = ipaddr_port(addr);
    return h;
}

static int connected(int own) {
    struct ipaddr *addr = address();
    if(addr && !once(4)) ipaddr_setport(addr, once(4) ? (int)rnd(65536) : port);
    return own ? tcp_connect_mem(addr, MEM(tcp_storage), deadline()) :
        tcp_connect(addr, deadline());
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
