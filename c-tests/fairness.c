/* In real time: coroutines that are always ready don't starve timers or descriptors, and nor do
   those whose peers send, receive or connect faster than they can be served. The bound is
   generous, to hold on a busy machine. */

#include <pthread.h>
#include <sys/socket.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static int stop;
static long turns;

static coroutine void spins(void) {
    while(!stop) {
        CHECK_OK(yield());
        turns++;
    }
}

static coroutine void plays_ping_pong(int ch, int first) {
    int val = 0;
    while(!stop) {
        if(first && chsend(ch, &val, sizeof(val), -1) < 0) break;
        if(chrecv(ch, &val, sizeof(val), -1) < 0) break;
        if(!first && chsend(ch, &val, sizeof(val), -1) < 0) break;
    }
}

static void timers(void) {
    int64_t start = now();
    long before = turns;
    CHECK_WAITED(msleep(start + 5));
    CHECK_BETWEEN(now() - start, 5, 1000);
    CHECK(turns > before);
    int ch[2], val;
    CHECK_OK(chmake(ch));
    start = now();
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), start + 5), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 5, 1000);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static void descriptors(void) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    for(int i = 0; i != 3; ++i) {
        char c;
        int64_t start = now();
        CHECK_INT(write(fds[1], "x", 1), 1);
        CHECK_WAITED(fdin(fds[0], -1));
        CHECK_INT(read(fds[0], &c, 1), 1);
        CHECK_WAITED(fdout(fds[0], -1));
        CHECK_BETWEEN(now() - start, 0, 1000);
    }
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(fdclean(fds[i]));
        CHECK_OK(close(fds[i]));
    }
}

static coroutine void sleeps(int64_t deadline, int *woken) {
    CHECK_WAITED(msleep(deadline));
    ++*woken;
}

static void many_timers(void) {
    int woken = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    /* Every launch lets all the others have a turn, so it takes a while until the
       last timer is set; and then not long until all have fired. */
    for(int i = 0; i != 20; ++i)
        CHECK_OK(bundle_go(b, sleeps(now() + 1 + i % 10, &woken)));
    int64_t start = now();
    CHECK_OK(bundle_wait(b, -1));
    CHECK_BETWEEN(now() - start, 0, 1000);
    CHECK_INT(woken, 20);
    CHECK_OK(hclose(b));
}

static void among(int spinners) {
    int b = bundle(), ch[2];
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    stop = 0;
    for(int i = 0; i != spinners; ++i) CHECK_OK(bundle_go(b, spins()));
    CHECK_OK(bundle_go(b, plays_ping_pong(ch[0], 1)));
    CHECK_OK(bundle_go(b, plays_ping_pong(ch[1], 0)));
    timers();
    descriptors();
    many_timers();
    stop = 1;
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* ----------------------------------------------------------- tireless peers -- */

static int flooded; /* the peer's descriptor */

static void *floods(void *arg) {
    /* Frames that never end a WebSocket message; for others just bytes. */
    static const char more[] = {0, (char)0x80, 0, 0, 0, 0};
    static char block[6000];
    (void)arg;
    for(size_t i = 0; i != sizeof(block); ++i) block[i] = more[i % sizeof(more)];
    if(send(flooded, "\x02\x80\0\0\0\0", 6, MSG_NOSIGNAL) == 6)
        while(send(flooded, block, sizeof(block), MSG_NOSIGNAL) > 0);
    return NULL;
}

static void *drains(void *arg) {
    static char block[1 << 16];
    (void)arg;
    while(read(flooded, block, sizeof(block)) > 0);
    return NULL;
}

static void *connects(void *arg) {
    struct ipaddr *addr = (struct ipaddr*)arg;
    struct linger now = {1, 0};
    while(!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if(fd < 0) continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        (void)connect(fd, ipaddr_sockaddr(addr), (socklen_t)ipaddr_len(addr));
        (void)close(fd);
    }
    return NULL;
}

static coroutine void receives_bytes(int s, int asked) {
    (void)asked;
    char c;
    while(brecv(s, &c, 1, -1) == 0) turns++;
    CHECK_INT(errno, ECANCELED);
}

static coroutine void receives_for_ever(int s, int asked) {
    (void)asked;
    CHECK_ERR(brecv(s, NULL, (size_t)1 << 40, -1), ECANCELED);
}

static coroutine void sends(int s, int asked) {
    static char block[100];
    (void)asked;
    while(bsend(s, block, sizeof(block), -1) == 0) turns++;
    CHECK_INT(errno, ECANCELED);
}

static coroutine void receives_message(int s, int asked) {
    (void)asked;
    char buf[10];
    s = ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    CHECK_HANDLE(s);
    CHECK_ERR(mrecv(s, buf, sizeof(buf), -1), ECANCELED);
}

static coroutine void receives_line(int s, int asked) {
    (void)asked;
    s = suffix_attach(s, "\r\n", 2);
    CHECK_HANDLE(s);
    CHECK_ERR(mrecv(s, NULL, (size_t)1 << 40, -1), ECANCELED);
}

static coroutine void says_goodbye(int s, int asked) {
    (void)asked;
    CHECK_ERR(tcp_close(s, -1), ECANCELED);
}

/* Asked in band, between two bytes. */
static int finished;
static coroutine void chooses(int s, int asked) {
    int val;
    char c;
    struct chclause clauses[] = {{CHRECV, asked, &val, sizeof(val)}, {CHSOCK, s, NULL, 0}};
    while(choose(clauses, 2, -1) == 1 && errno == 0) CHECK_OK(brecv(s, &c, 1, -1));
    CHECK_INT(errno, EPIPE);
    finished = 1;
}

typedef void (*worker)(int s, int asked);

static coroutine void runs(worker w, int s, int asked) {
    w(s, asked);
}

/* The request, the end of the grace period and the owner's timers come in time. */
static void with_peer(void *(*peer)(void*), worker w, int patient) {
    int fd[2], ch[2];
    raw_tcp_pair(fd);
    int s = tcp_fromfd(fd[1]);
    CHECK_HANDLE(s);
    CHECK_OK(chmake(ch));
    flooded = fd[0];
    turns = finished = 0;
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, peer, NULL));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_notify(b, ch[0]));
    int64_t start = now();
    CHECK_OK(bundle_go(b, runs(w, s, ch[1])));
    CHECK_BETWEEN(now() - start, 0, 1000);
    CHECK_OK(msleep(start + 5));
    CHECK_BETWEEN(now() - start, 5, 1000);
    if(patient) {
        CHECK_OK(bundle_cancel(b, 10000));
        CHECK_INT(finished, 1);
    } else CHECK_ERR(bundle_cancel(b, 5), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 5, 1000);
    /* Protocols have closed it. */
    if(hclose(s) < 0) CHECK_INT(errno, EBADF);
    (void)shutdown(flooded, SHUT_RDWR);
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(close(flooded));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void accepts(int ls) {
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        if(s < 0) break;
        turns++;
        CHECK_OK(hclose(s));
    }
    CHECK_INT(errno, ECANCELED);
}

TEST(with_clients) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    stop = 0;
    pthread_t threads[3];
    for(int i = 0; i != 3; ++i) CHECK_OK(pthread_create(&threads[i], NULL, connects, &addr));
    int64_t start = now();
    int b = go(accepts(ls));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(start + 20));
    CHECK_OK(hclose(b));
    CHECK_BETWEEN(now() - start, 20, 1000);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for(int i = 0; i != 3; ++i) CHECK_OK(pthread_join(threads[i], NULL));
    CHECK_OK(hclose(ls));
}

TEST(peer_floods_a_receive) {
    with_peer(floods, receives_bytes, 0);
}

TEST(peer_floods_a_long_receive) {
    with_peer(floods, receives_for_ever, 0);
}

TEST(peer_floods_a_message) {
    with_peer(floods, receives_message, 0);
}

TEST(peer_floods_a_line) {
    with_peer(floods, receives_line, 0);
}

TEST(peer_floods_a_close) {
    with_peer(floods, says_goodbye, 0);
}

TEST(peer_drains_a_sender) {
    with_peer(drains, sends, 0);
}

TEST(peer_floods_a_choose) {
    with_peer(floods, chooses, 1);
}

TEST(among_spinners) {
    among(1);
    among(100);
    among(3000);
}
