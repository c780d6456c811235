/* Calls the functions of the library in random order with random arguments: handles
   that are open, closed, of another kind, of another thread or of nobody; NULL; lengths,
   flags, deadlines and lists of buffers of all sorts. Nothing may crash, hang, leak a
   descriptor or write beyond the memory it was given.

       api_fuzz [-s seconds | -n episodes] [-f first seed]

   Each episode has its own seed, thread and objects, and runs in virtual time; a failure
   names its seed, and `api_fuzz -n 1 -f SEED` plays that again. Without arguments it is
   a short test; `make fuzz-api` runs it for long, with AddressSanitizer. */

#include <fcntl.h>
#include <nss.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <libdillimpl.h>

#include "net.h"

#define BATCH 50        /* episodes in one process */
#define CALLS 400       /* calls in one episode, at most */
#define MEMORY 4000     /* blocks in one episode, at most */
#define NAMES 256
#define HANDLES 8192    /* more than are ever open at once */
#define HANDLES_OF_A_THREAD (1 << 20)

#define CA "c-tests/certs/ca.pem"
#define CERT "c-tests/certs/chain.pem"
#define KEY "c-tests/certs/server.key"

/* What the processes tell each other. */
static struct shared {
    uint64_t seed;              /* of the episode that runs */
    uint64_t episodes, calls;
    uint64_t made[NAMES], succeeded[NAMES];
    char last[16][32];          /* the last calls */
    unsigned next;
} *shared;

/* ------------------------------------------------------------------ chance -- */

static uint64_t state;

static uint32_t rnd(uint32_t n) {
    /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (uint32_t)(z >> 16) % n;
}

/* True once in n times. */
static int once(uint32_t n) {
    return rnd(n) == 0;
}

/* --------------------------------------------------- memory of the episode -- */

/* Storage that the library keeps must outlive all objects: it is freed when the thread
   has ended. Each block has its exact size, so that AddressSanitizer sees its ends. */
static void *blocks[MEMORY];
static int nblocks;

static void *memory(size_t size) {
    CHECK(nblocks < MEMORY);
    unsigned char *block = malloc(size ? size : 1);
    CHECK(block);
    for(size_t i = 0; i != size; i++) block[i] = (unsigned char)(once(4) ? rnd(256) : 0);
    return blocks[nblocks++] = block;
}

/* Memory for one thing, or sometimes NULL. */
#define MEM(type) ((struct type*)(once(20) ? NULL : memory(sizeof(struct type))))

#define BUFFER 300

static size_t length(void) {
    return once(3) ? rnd(4) : rnd(BUFFER + 1);
}

static void *buffer(void) {
    return once(25) ? NULL : memory(BUFFER);
}

/* Names, paths, values and the like. */
static const char *text(void) {
    static const char *const texts[] = {
        "", "a", "GET", "/", "/index.html", "Content-Length", "Transfer-Encoding", "5",
        "chunked", "Connection", "close", "Host", "localhost", "127.0.0.1", "::1",
        "256.1.1.1", "\r\n", "a b", "x: y\r\nz: w", "\xff\xfe", CERT, KEY, "c-tests",
        "/nonexistent/file", "lo", "999999999999999999999999", "user", "pass",
        "dGhlIHNhbXBsZSBub25jZQ==", "HTTP/1.1", "Sec-WebSocket-Protocol", "%s%n"
    };
    if(once(15)) return NULL;
    if(once(10)) {
        size_t len = rnd(3000);
        char *t = memory(len + 1);
        memset(t, once(2) ? 'a' : 1 + (int)rnd(255), len);
        t[len] = '\0';
        return t;
    }
    return texts[rnd(sizeof(texts) / sizeof(texts[0]))];
}

/* --------------------------------------------------------------- arguments -- */

static int handles[48], nhandles;       /* given out in this episode; may be closed */
static char families[48];               /* what each of them is, or was */
static char wanted;                     /* what the present call takes */
static int foreign[8];                  /* open, on another thread */
static int base;                        /* the lowest number of this thread's handles */

static int64_t deadline(void) {
    switch(rnd(10)) {
    case 0: return -1;
    case 1: return now() + rnd(100);
    case 2: return now() - 1;
    case 3: return once(2) ? INT64_MIN : INT64_MAX;
    case 4: return -2;
    case 5: case 6: return now() + 1 + rnd(3);
    default: return 0;
    }
}

static int handle(void) {
    static const int odd[] = {-1, -2, -3, INT32_MIN, INT32_MAX, 1000000, 1 << 30};
    uint32_t r = rnd(40);
    if(r == 0) return odd[rnd(sizeof(odd) / sizeof(odd[0]))];
    if(r == 1) return foreign[rnd(8)];
    if(r < 4 || nhandles == 0) return base + (int)rnd(64);
    if(r < 28) {
        /* One of the right kind, if there is any. */
        int first = (int)rnd((uint32_t)nhandles);
        for(int i = 0; i != nhandles; i++) {
            int h = (first + i) % nhandles;
            if(families[h] == wanted) return handles[h];
            if(wanted == 's' && strchr("tixT", families[h])) return handles[h];
        }
    }
    return handles[(r < 20 ? (uint32_t)nhandles - 1 - rnd(nhandles < 6 ? nhandles : 6) :
        rnd((uint32_t)nhandles)) % 48];
}

static void keep(int h, char family) {
    if(nhandles == 48) {
        memmove(handles, handles + 1, sizeof(handles) - sizeof(handles[0]));
        memmove(families, families + 1, sizeof(families) - sizeof(families[0]));
        nhandles--;
    }
    families[nhandles] = family;
    handles[nhandles++] = h;
}

static int pipes[2];

static int descriptor(void) {
    switch(rnd(6)) {
    case 0: return -1;
    case 1: return 9999;
    case 2: return INT32_MAX;
    case 3: return pipes[1];
    default: return pipes[0];
    }
}

static struct ipaddr *address(void) {
    struct ipaddr *addr = MEM(ipaddr);
    if(addr && !once(5)) (void)ipaddr_local(addr, once(4) ? "::1" : "127.0.0.1", 0, 0);
    return addr;
}

/* A list of buffers, mostly in order; the last one goes to *last. */
static struct iolist *list(struct iolist **last) {
    struct iolist *first = NULL, **link = &first, *end = NULL;
    for(uint32_t n = once(4) ? 0 : 1 + rnd(4); n; n--) {
        end = memory(sizeof(*end));
        end->iol_len = rnd(60);
        end->iol_base = once(8) ? NULL : memory(60);
        end->iol_next = NULL;
        end->iol_rsvd = once(40) ? 1 : 0;
        *link = end;
        link = &end->iol_next;
    }
    if(end && once(40)) end->iol_next = first;      /* a loop */
    *last = once(30) ? NULL : once(40) ? first : end;
    return first;
}

/* ------------------------------------------------------------------- calls -- */

static void done(int id, const char *name, long long result) {
    shared->calls++;
    shared->made[id]++;
    if(result >= 0) shared->succeeded[id]++;
    snprintf(shared->last[shared->next++ % 16], sizeof(shared->last[0]), "%s", name);
    /* A failure has a reason. */
    if(result < 0) CHECK(result == -1 && errno > 0 && errno < 200);
}

enum { PLAIN, MAKES };

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

static const char *file(void);
static const char *name(void);
static const char *path(void);
static int usual_signal(void);

#define CALLS_OF(X) \
    X(PLAIN, fdclean, fdclean(descriptor())) \
    X(PLAIN, fdin, fdin(descriptor(), deadline())) \
    X(PLAIN, fdout, fdout(descriptor(), deadline())) \
    X(PLAIN, msleep, msleep(once(8) ? deadline() : now() + rnd(20))) \
    X(PLAIN, hclose, hclose(handle())) \
    X(MAKES, hown, hown(handle())) \
    X(MAKES, hmake, make_thing()) \
    X(PLAIN, hquery, query()) \
    X(MAKES, bundle, bundle()) \
    X(MAKES, bundle_mem, bundle_mem(MEM(bundle_storage))) \
    X(PLAIN, bundle_wait, bundle_wait(handle(), deadline())) \
    X(PLAIN, bundle_cancel, bundle_cancel(handle(), once(3) ? -3 + (int64_t)rnd(3) : rnd(9))) \
    X(PLAIN, bundle_notify, bundle_notify(handle(), handle())) \
    X(PLAIN, bundle_follow, bundle_follow(handle())) \
    X(PLAIN, bundle_deadline, bundle_deadline(handle(), now() + rnd(30))) \
    X(PLAIN, yield, yield()) \
    X(MAKES, go, launch(depth)) \
    X(PLAIN, chmake, channel(0)) \
    X(PLAIN, chmake_mem, channel(1)) \
    X(PLAIN, chsend, chsend(handle(), buffer(), once(4) ? length() : 4, deadline())) \
    X(PLAIN, chrecv, chrecv(handle(), buffer(), once(4) ? length() : 4, deadline())) \
    X(PLAIN, chdone, chdone(handle())) \
    X(PLAIN, choose, choice()) \
    X(PLAIN, cancel_enter, enter(once(2) ? handle() : -3 + (int)rnd(3))) \
    X(PLAIN, cancel_leave, leave()) \
    X(MAKES, sigchan, signal_channel()) \
    X(PLAIN, bsend, bsend(handle(), buffer(), length(), deadline())) \
    X(PLAIN, brecv, brecv(handle(), buffer(), length(), deadline())) \
    X(PLAIN, bsendl, bsendl(handle(), first, last, deadline())) \
    X(PLAIN, brecvl, brecvl(handle(), first, last, deadline())) \
    X(PLAIN, msend, msend(handle(), buffer(), length(), deadline())) \
    X(PLAIN, mrecv, mrecv(handle(), buffer(), length(), deadline())) \
    X(PLAIN, msendl, msendl(handle(), first, last, deadline())) \
    X(PLAIN, mrecvl, mrecvl(handle(), first, last, deadline())) \
    X(PLAIN, ipaddr, describe()) \
    X(PLAIN, ipaddr_local, ipaddr_local(MEM(ipaddr), text(), (int)rnd(70000) - 2, (int)rnd(6))) \
    X(PLAIN, ipaddr_remote, ipaddr_remote(MEM(ipaddr), name(), (int)rnd(70000) - 2, \
        (int)rnd(6), deadline())) \
    X(PLAIN, ipaddr_remotes, ipaddr_remotes(once(9) ? NULL : memory(4 * sizeof(struct ipaddr)), \
        (int)rnd(6) - 1, name(), (int)rnd(70000) - 2, (int)rnd(6), deadline())) \
    X(MAKES, tcp_listen, tcp_listen(address(), (int)rnd(12) - 1)) \
    X(MAKES, tcp_listen_mem, tcp_listen_mem(address(), 10, MEM(tcp_listener_storage))) \
    X(MAKES, tcp_accept, tcp_accept(handle(), address(), deadline())) \
    X(MAKES, tcp_accept_mem, tcp_accept_mem(handle(), NULL, MEM(tcp_storage), deadline())) \
    X(MAKES, tcp_connect, connected(0)) \
    X(MAKES, tcp_connect_mem, connected(1)) \
    X(MAKES, tcp_pair, tcp_both()) \
    X(PLAIN, tcp_done, tcp_done(handle(), deadline())) \
    X(PLAIN, tcp_close, tcp_close(handle(), deadline())) \
    X(MAKES, tcp_fromfd, take_over(from_tcp, once(4) ? SOCK_DGRAM : SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, tcp_listener_fromfd, take_over(from_tcpl, SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, ipc_listen, ipc_listen(path(), (int)rnd(9) - 1)) \
    X(MAKES, ipc_listen_mem, ipc_listen_mem(path(), 2, MEM(ipc_listener_storage))) \
    X(MAKES, ipc_accept, ipc_accept(handle(), deadline())) \
    X(MAKES, ipc_accept_mem, ipc_accept_mem(handle(), MEM(ipc_storage), deadline())) \
    X(MAKES, ipc_connect, ipc_connect(path(), deadline())) \
    X(MAKES, ipc_connect_mem, ipc_connect_mem(path(), MEM(ipc_storage), deadline())) \
    X(PLAIN, ipc_pair, pair(0)) \
    X(PLAIN, ipc_pair_mem, pair(1)) \
    X(PLAIN, ipc_sendfd, ipc_sendfd(handle(), descriptor(), deadline())) \
    X(PLAIN, ipc_recvfd, receive_descriptor()) \
    X(PLAIN, ipc_done, ipc_done(handle(), deadline())) \
    X(PLAIN, ipc_close, ipc_close(handle(), deadline())) \
    X(MAKES, ipc_fromfd, take_over(from_ipc, SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, ipc_listener_fromfd, take_over(from_ipcl, SOCK_STREAM, (int)rnd(2))) \
    X(MAKES, udp_open, udp_open(address(), address())) \
    X(MAKES, udp_open_mem, udp_open_mem(address(), NULL, MEM(udp_storage))) \
    X(PLAIN, udp_send, udp_send(handle(), address(), buffer(), length())) \
    X(PLAIN, udp_recv, udp_recv(handle(), MEM(ipaddr), buffer(), length(), deadline())) \
    X(PLAIN, udp_sendl, udp_sendl(handle(), address(), first, last)) \
    X(PLAIN, udp_recvl, udp_recvl(handle(), MEM(ipaddr), first, last, deadline())) \
    X(MAKES, prefix_attach, prefix_attach(handle(), rnd(40), (int)rnd(3))) \
    X(MAKES, prefix_attach_mem, prefix_attach_mem(handle(), rnd(9), (int)rnd(2), \
        MEM(prefix_storage))) \
    X(MAKES, prefix_detach, prefix_detach(handle())) \
    X(MAKES, suffix_attach, suffix_attach(handle(), buffer(), rnd(40))) \
    X(MAKES, suffix_attach_mem, suffix_attach_mem(handle(), "\r\n", 2, MEM(suffix_storage))) \
    X(MAKES, suffix_detach, suffix_detach(handle(), deadline())) \
    X(MAKES, term_attach, term_attach(handle(), buffer(), rnd(40))) \
    X(MAKES, term_attach_mem, term_attach_mem(handle(), "STOP", 4, MEM(term_storage))) \
    X(PLAIN, term_done, term_done(handle(), deadline())) \
    X(MAKES, term_detach, term_detach(handle(), deadline())) \
    X(MAKES, happyeyeballs_connect, happyeyeballs_connect(name(), (int)rnd(70000), now() + rnd(9))) \
    X(MAKES, tls_attach_client, once(2) ? tls_attach_client(handle(), deadline()) : \
        tls_attach_client_mem(handle(), MEM(tls_storage), deadline())) \
    X(MAKES, tls_attach_client_verify, once(2) ? \
        tls_attach_client_verify(handle(), text(), file(), deadline()) : \
        tls_attach_client_verify_mem(handle(), "localhost", CA, MEM(tls_storage), deadline())) \
    X(MAKES, tls_attach_server, once(2) ? tls_attach_server(handle(), file(), file(), deadline()) : \
        tls_attach_server_mem(handle(), CERT, KEY, MEM(tls_storage), deadline())) \
    X(MAKES, tls_attach_server_verify, once(2) ? \
        tls_attach_server_verify(handle(), CERT, KEY, file(), deadline()) : \
        tls_attach_server_verify_mem(handle(), CERT, KEY, CA, MEM(tls_storage), deadline())) \
    X(PLAIN, tls_done, tls_done(handle(), deadline())) \
    X(MAKES, tls_detach, tls_detach(handle(), deadline())) \
    X(MAKES, http_attach, http_attach(handle())) \
    X(MAKES, http_attach_mem, http_attach_mem(handle(), MEM(http_storage))) \
    X(PLAIN, http_done, http_done(handle(), deadline())) \
    X(MAKES, http_detach, http_detach(handle(), deadline())) \
    X(PLAIN, http_sendrequest, http_sendrequest(handle(), text(), text(), deadline())) \
    X(PLAIN, http_recvrequest, http_recvrequest(handle(), buffer(), length(), buffer(), \
        length(), deadline())) \
    X(PLAIN, http_sendstatus, http_sendstatus(handle(), (int)rnd(1100) - 50, text(), deadline())) \
    X(PLAIN, http_recvstatus, http_recvstatus(handle(), buffer(), length(), deadline())) \
    X(PLAIN, http_sendfield, http_sendfield(handle(), text(), text(), deadline())) \
    X(PLAIN, http_recvfield, http_recvfield(handle(), buffer(), length(), buffer(), \
        length(), deadline())) \
    X(PLAIN, http_sendbody, http_sendbody(handle(), buffer(), length(), deadline())) \
    X(PLAIN, http_donebody, http_donebody(handle(), deadline())) \
    X(PLAIN, http_recvbody, http_recvbody(handle(), buffer(), length(), deadline())) \
    X(MAKES, ws_attach_client, ws_attach_client(handle(), (int)rnd(5), text(), text(), deadline())) \
    X(MAKES, ws_attach_client_mem, ws_attach_client_mem(handle(), WS_NOHTTP, text(), text(), \
        MEM(ws_storage), deadline())) \
    X(MAKES, ws_attach_server, ws_attach_server(handle(), (int)rnd(5), buffer(), length(), \
        buffer(), length(), deadline())) \
    X(MAKES, ws_attach_server_mem, ws_attach_server_mem(handle(), WS_NOHTTP, buffer(), \
        length(), buffer(), length(), MEM(ws_storage), deadline())) \
    X(PLAIN, ws_send, ws_send(handle(), (int)rnd(3), buffer(), length(), deadline())) \
    X(PLAIN, ws_recv, ws_recv(handle(), memory(sizeof(int)), buffer(), length(), deadline())) \
    X(PLAIN, ws_sendl, ws_sendl(handle(), (int)rnd(3), first, last, deadline())) \
    X(PLAIN, ws_recvl, ws_recvl(handle(), NULL, first, last, deadline())) \
    X(PLAIN, ws_done, ws_done(handle(), (int)rnd(5000) - 1, buffer(), rnd(130), deadline())) \
    X(MAKES, ws_detach, ws_detach(handle(), (int)rnd(5000), buffer(), rnd(130), deadline())) \
    X(PLAIN, ws_status, ws_status(handle(), memory(sizeof(int)), buffer(), length())) \
    X(PLAIN, ws_request_key, ws_request_key(once(9) ? NULL : memory(WS_KEY_SIZE))) \
    X(PLAIN, ws_response_key, ws_response_key(text(), once(9) ? NULL : memory(WS_KEY_SIZE))) \
    X(PLAIN, socks5_client_connect, socks5_client_connect(handle(), text(), text(), \
        address(), deadline())) \
    X(PLAIN, socks5_client_connectbyname, socks5_client_connectbyname(handle(), text(), text(), \
        text(), (int)rnd(70000), deadline())) \
    X(PLAIN, socks5_proxy_auth, socks5_proxy_auth(handle(), once(2) ? NULL : approve, deadline())) \
    X(PLAIN, socks5_proxy_recvcommand, socks5_proxy_recvcommand(handle(), MEM(ipaddr), deadline())) \
    X(PLAIN, socks5_proxy_recvcommandbyname, socks5_proxy_recvcommandbyname(handle(), \
        once(9) ? NULL : memory(256), memory(sizeof(int)), deadline())) \
    X(PLAIN, socks5_proxy_sendreply, socks5_proxy_sendreply(handle(), (int)rnd(12), address(), \
        deadline())) \
    X(PLAIN, both_ends, both_ends()) \
    X(PLAIN, two_ends, both_ends()) \
    X(PLAIN, raise, usual_signal())

static const char *file(void) {
    switch(rnd(4)) {
    case 0: return CERT;
    case 1: return KEY;
    case 2: return CA;
    default: return text();
    }
}

/* Names that are answered without a network. */
static const char *name(void) {
    static const char *const names[] = {
        "localhost", "127.0.0.1", "::1", "", "1.2.3", "not here", "..", "::", NULL
    };
    return names[rnd(9)];
}

static const char *path(void) {
    static char here[2][64];
    uint32_t i = rnd(6);
    if(i > 1) return text();
    snprintf(here[i], sizeof(here[i]), "/tmp/api_fuzz.%d.%u", (int)getpid(), i);
    if(once(3)) unlink(here[i]);
    return here[i];
}

static int usual_signal(void) {
    return raise(SIGUSR1);
}

enum {
#define X(kind, name, expr) ID_##name,
    CALLS_OF(X)
#undef X
    NCALLS
};

static const char *const names[] = {
#define X(kind, name, expr) #name,
    CALLS_OF(X)
#undef X
};

static int starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static int has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

/* The letter of an object's kind from the name of a function that makes it, or 's' for
   any byte stream. */
static char made_by(const char *f) {
    if(has(f, "listen")) return starts(f, "tcp") ? 'L' : 'l';
    if(has(f, "detach")) return 't';
    if(has(f, "signal") || starts(f, "ch") || starts(f, "sigchan")) return 'c';
    if(starts(f, "bundle") || starts(f, "go")) return 'b';
    return has(f, "tcp") || has(f, "happy") ? 't' : starts(f, "ipc") ? 'i' :
        starts(f, "udp") ? 'u' : starts(f, "tls") ? 'T' : starts(f, "http") ? 'h' :
        starts(f, "ws") ? 'w' : starts(f, "prefix") ? 'p' : starts(f, "suffix") ? 'S' :
        starts(f, "term") ? 'e' : 'x';
}

/* The same for what a function takes. */
static char taken_by(const char *f) {
    if(has(f, "attach"))
        /* Terminal messages go over message sockets. */
        return starts(f, "term") ? (once(2) ? 'p' : 'S') : 's';
    if(has(f, "accept")) return starts(f, "tcp") ? 'L' : 'l';
    if(starts(f, "bsend") || starts(f, "brecv") || starts(f, "socks5")) return 's';
    if(starts(f, "msend") || starts(f, "mrecv")) return "pSewu"[rnd(5)];
    if(has(f, "detach") || has(f, "done")) return made_by(has(f, "chdone") ? "ch" : f) == 't' ?
        (starts(f, "tls") ? 'T' : starts(f, "http") ? 'h' : starts(f, "ws") ? 'w' :
        starts(f, "prefix") ? 'p' : starts(f, "suffix") ? 'S' : starts(f, "term") ? 'e' : 't') :
        made_by(f);
    if(starts(f, "choose")) return "cbti"[rnd(4)];
    return made_by(f);
}

static int calls_left;

static void act(int depth) {
    if(calls_left <= 0 || nblocks > MEMORY - 100) return;
    calls_left--;
    long long result = -1;
    int kind = PLAIN, id = (int)rnd(NCALLS), me = self;
    struct iolist *last = NULL, *first = NULL;
    wanted = taken_by(names[id]);
    if(has(names[id], "endl") || has(names[id], "ecvl")) first = list(&last);
    errno = 0;
    switch(id) {
#define X(k, name, expr) case ID_##name: kind = k; result = (long long)(expr); break;
    CALLS_OF(X)
#undef X
    }
    self = me;
    done(id, names[id], result);
    if(kind == MAKES && result >= 0) {
        char family = made_by(names[id]);
        keep((int)result, family);
    }
}

/* --------------------------------------------------------------- episodes -- */

static void *episode(void *arg) {
    state = *(uint64_t*)arg * 0x2545f4914f6cdd1du;
    calls_left = CALLS / 4 + (int)rnd(CALLS * 3 / 4);
    nhandles = nblocks = self = alive = depth_of_close = 0;
    for(int i = 0; i != 64; i++) nscopes[i] = -1;
    CHECK_OK(pipe(pipes));
    CHECK_OK(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
    CHECK_OK(fcntl(pipes[1], F_SETFL, O_NONBLOCK));
    /* The first objects are of some use to those who come after. */
    int b = bundle();
    CHECK_HANDLE(b);
    base = b & ~(HANDLES_OF_A_THREAD - 1);
    keep(b, 'b');
    (void)channel(0);
    (void)pair(0);
    int t = tcp_both();
    if(t >= 0) keep(t, 't');
    while(calls_left > 0) {
        int group = bundle();
        if(group < 0) break;
        keep(group, 'b');
        /* Whatever they wait for, they are cancelled some time. */
        CHECK_OK(bundle_deadline(group, now() + 50));
        for(int i = 0; i != 4; i++)
            (void)bundle_go(group, body(5 + (int)rnd(40), 0));
        (void)bundle_wait(group, now() + 100);
        self = 0;
        (void)bundle_cancel(group, (int64_t)rnd(3));
        /* Somebody may have taken the bundle over; the deadline holds all the same.
           What was launched elsewhere may live on until the thread ends. */
        CHECK_OK(msleep(now() + 20));
        /* Not to be unlucky for ever. */
        calls_left--;
    }
    /* Whoever opens handles closes them, which ends the coroutines, too. Whether an object
       can be closed is its business, but there must be none left behind any handle. */
    for(int h = base; h != base + HANDLES; h++) (void)hclose(h);
    CHECK_INT(alive, 0);
    return NULL;
}

static int open_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    int n = 0;
    while(readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void run_one(uint64_t seed) {
    /* Signals that are left over would be taken by the next one. */
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    shared->seed = seed;
    int before = open_descriptors();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, episode, &seed));
    CHECK_OK(pthread_join(thread, NULL));
    while(nblocks) free(blocks[--nblocks]);
    close(pipes[0]);
    close(pipes[1]);
    /* The threads that look names up have some open for a moment. */
    for(int i = 0; i != 2000 && open_descriptors() != before; i++) usleep(1000);
    CHECK_INT(open_descriptors(), before);
    shared->episodes++;
}

static sem_t made, never;

/* Objects of another thread: their handles are good for nothing here. */
static void *foreigner(void *arg) {
    (void)arg;
    CHECK_OK(chmake(&foreign[0]));
    CHECK_OK(ipc_pair(&foreign[2]));
    foreign[4] = bundle();
    CHECK_OK(chmake(&foreign[5]));
    foreign[7] = bundle();
    sem_post(&made);
    sem_wait(&never);
    return NULL;
}

static void nothing(int signo) {
    (void)signo;
}

/* Runs episodes in a process of their own. */
static int batch(uint64_t first, uint64_t count) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        pthread_t thread;
        alarm(120);
        /* No questions to name servers. */
        CHECK_OK(__nss_configure_lookup("hosts", "files"));
        signal(SIGUSR1, nothing);
        signal(SIGPIPE, SIG_IGN);
        sem_init(&made, 0, 0);
        sem_init(&never, 0, 0);
        CHECK_OK(pthread_create(&thread, NULL, foreigner, NULL));
        sem_wait(&made);
        for(uint64_t i = 0; i != count; i++) run_one(first + i);
        for(unsigned i = 0; i != 2; i++) {
            char name[64];
            snprintf(name, sizeof(name), "/tmp/api_fuzz.%d.%u", (int)getpid(), i);
            unlink(name);
        }
        exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if(status == 0) return 0;
    printf("seed %llu: %s %d%s; play again: api_fuzz -n 1 -f %llu\n",
        (unsigned long long)shared->seed, WIFSIGNALED(status) ? "signal" : "exit status",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
        WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? " (no end)" : "",
        (unsigned long long)shared->seed);
    printf("last calls:");
    for(unsigned i = 0; i != 16; i++) printf(" %s", shared->last[(shared->next + i) % 16]);
    printf("\n");
    return 1;
}

int main(int argc, char *argv[]) {
    uint64_t episodes = 100, seed = 1;
    time_t seconds = 0;
    int opt;
    while((opt = getopt(argc, argv, "s:n:f:")) != -1)
        switch(opt) {
        case 's': seconds = atol(optarg); break;
        case 'n': episodes = strtoull(optarg, NULL, 10); break;
        case 'f': seed = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    int failed = 0;
    time_t end = time(NULL) + seconds;
    for(uint64_t left = episodes; seconds ? time(NULL) < end : left > 0;) {
        uint64_t n = seconds || left > BATCH ? BATCH : left;
        failed += batch(seed, n);
        seed += n;
        left -= n;
        if(failed >= 10) break;
    }
    uint64_t all = 0, good = 0, idle = 0;
    for(int i = 0; i != NCALLS; i++) {
        all += shared->made[i];
        good += shared->succeeded[i];
        if(shared->succeeded[i] == 0) idle++;
    }
    printf("%llu episodes, %llu calls of %d kinds, %llu succeeded; %llu kinds never did; "
        "%d failures\n", (unsigned long long)shared->episodes, (unsigned long long)all,
        NCALLS, (unsigned long long)good, (unsigned long long)idle, failed);
    if(argc > 1)
        for(int i = 0; i != NCALLS; i++)
            printf("  %-32s %10llu calls %10llu succeeded\n", names[i],
                (unsigned long long)shared->made[i],
                (unsigned long long)shared->succeeded[i]);
    /* Each function was called, and most of them had something to do. */
    if(argc == 1) {
        for(int i = 0; i != NCALLS; i++) CHECK(shared->made[i] > 0);
        CHECK(idle < NCALLS / 4);
        CHECK_INT(shared->episodes, episodes);
    }
    return failed != 0;
}
