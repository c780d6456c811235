/* A head that a coroutine has left unfinished is sent before the coroutine receives, from whatever
   HTTP socket; but nobody waits for another socket's peer, and nothing is torn or forgotten. */

#include <sys/ioctl.h>

#include <libdillimpl.h>

#include "tls.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

static char buf[4096];

/* An HTTP socket on a local connection of which the output is full, the other end as a
   descriptor, and how many bytes are on their way there. */
struct slow {
    int http;
    int peer;
    size_t ahead;
};

static void open_slow(struct slow *x) {
    int fd[2];
    x->ahead = raw_full_pair(fd);
    x->peer = fd[1];
    x->http = http_attach(ipc_fromfd(fd[0]));
    CHECK_HANDLE(x->http);
}

static void close_slow(struct slow *x) {
    CHECK_INT(read(x->peer, buf, 1), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_OK(hclose(x->http));
    CHECK_OK(close(x->peer));
}

/* The peer reads so much of what was sent before. */
static void drain(struct slow *x, size_t len) {
    while(len) {
        ssize_t n = read(x->peer, buf, len < sizeof(buf) ? len : sizeof(buf));
        CHECK(n > 0);
        x->ahead -= (size_t)n;
        len -= (size_t)n;
    }
}

static void get(struct slow *x, const char *text) {
    char bytes[256];
    size_t len = strlen(text);
    CHECK(len < sizeof(bytes));
    for(size_t done = 0; done != len;) {
        ssize_t n = read(x->peer, bytes + done, len - done);
        CHECK(n > 0);
        done += (size_t)n;
    }
    bytes[len] = 0;
    CHECK_STR(bytes, text);
}

/* The other socket, from which the coroutine receives. */
static void open_other(int *y, int *raw) {
    int p[2];
    CHECK_OK(ipc_pair(p));
    *y = http_attach(p[0]);
    CHECK_HANDLE(*y);
    *raw = p[1];
}

static int receive(int y, int64_t deadline) {
    char name[16], value[16];
    return http_recvrequest(y, name, sizeof(name), value, sizeof(value), deadline);
}

static const char request[] = "GET / HTTP/1.1\r\n\r\n";
static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";

static void begin(struct slow *x) {
    CHECK_OK(http_sendstatus(x->http, 200, "OK", -1));
    CHECK_OK(http_sendfield(x->http, "Content-Length", "0", -1));
}

/* A receive takes no longer because another socket has no room, and that one is none the worse. */
static void not_waited_for(int64_t (*deadline)(void)) {
    struct slow x;
    int y, raw;
    open_slow(&x);
    open_other(&y, &raw);
    begin(&x);
    CHECK_OK(bsend(raw, request, sizeof(request) - 1, -1));
    CHECK_OK(receive(y, deadline()));
    drain(&x, x.ahead);
    CHECK_OK(http_done(x.http, now() + 10000));
    get(&x, head);
    get(&x, "\r\n");
    CHECK_OK(hclose(y));
    CHECK_OK(hclose(raw));
    close_slow(&x);
}

static int64_t at_once(void) { return 0; }
static int64_t some_time(void) { return now() + 20; }

TEST(not_waited_for_at_once) {
    not_waited_for(at_once);
}

TEST(not_waited_for_some_time) {
    not_waited_for(some_time);
}

/* As soon as there is room, the next receive does it. */
TEST(sent_by_the_next) {
    struct slow x;
    int y, raw;
    open_slow(&x);
    open_other(&y, &raw);
    begin(&x);
    CHECK_OK(bsend(raw, request, sizeof(request) - 1, -1));
    CHECK_OK(receive(y, now() + 10000));
    drain(&x, x.ahead);
    CHECK_ERR(http_recvfield(y, buf, 16, buf + 16, 16, now() + 10000), EPIPE);
    get(&x, head);
    CHECK_OK(http_done(x.http, now() + 10000));
    get(&x, "\r\n");
    CHECK_OK(hclose(y));
    CHECK_OK(hclose(raw));
    close_slow(&x);
}

static coroutine void set_done(int ch) {
    CHECK_OK(yield());
    CHECK_OK(chdone(ch));
}

/* A receive from the same socket does wait for room, as the peer may wait for the head; and when
   it is interrupted meanwhile, the head is not forgotten. */
TEST(interrupted) {
    struct slow x;
    int ch[2];
    open_slow(&x);
    CHECK_OK(http_sendrequest(x.http, "GET", "/", -1));
    CHECK_OK(chmake(ch));
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, ch[1], -1));
    int b = go(set_done(ch[0]));
    CHECK_HANDLE(b);
    CHECK_ERR(http_recvstatus(x.http, buf, sizeof(buf), now() + 10000), ECANCELED);
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
    drain(&x, x.ahead);
    CHECK_INT(write(x.peer, "HTTP/1.1 200 OK\r\n", 17), 17);
    CHECK_INT(http_recvstatus(x.http, buf, sizeof(buf), now() + 10000), 200);
    get(&x, "GET / HTTP/1.1\r\n");
    CHECK_OK(http_done(x.http, now() + 10000));
    get(&x, "\r\n");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    close_slow(&x);
}

/* A head of which a part was sent goes on where it has stopped, whoever does it. */
TEST(in_parts, VARIANTS("by_sends by_receives")) {
    int by_receives = variant();
    enum { FIELDS = 15, LENGTH = 4000 };
    static char value[LENGTH + 1], expected[65536], seen[65536];
    struct slow x;
    int y, raw, queued;
    open_slow(&x);
    open_other(&y, &raw);
    size_t len = (size_t)sprintf(expected, "HTTP/1.1 200 OK\r\n"), got = 0;
    CHECK_OK(http_sendstatus(x.http, 200, "OK", -1));
    for(int i = 0; i != FIELDS; ++i) {
        memset(value, 'a' + i, LENGTH);
        CHECK_OK(http_sendfield(x.http, "X", value, -1));
        len += (size_t)sprintf(expected + len, "X: %s\r\n", value);
    }
    do {
        drain(&x, 10000);
        CHECK_ERR(http_recvfield(y, buf, 1, buf, 1, now() + 10000), EPIPE);
        CHECK_OK(ioctl(x.peer, FIONREAD, &queued));
    } while((size_t)queued == x.ahead);
    /* The rest of it is still here. */
    CHECK_BETWEEN(queued - x.ahead, 1, len - 1);
    drain(&x, x.ahead);
    if(by_receives) CHECK_ERR(http_recvfield(y, buf, 1, buf, 1, now() + 10000), EPIPE);
    CHECK_OK(http_sendfield(x.http, "Content-Length", "0", -1));
    CHECK_OK(http_done(x.http, now() + 10000));
    len += (size_t)sprintf(expected + len, "Content-Length: 0\r\n\r\n");
    for(ssize_t n; (n = read(x.peer, seen + got, sizeof(seen) - got)) > 0;) got += (size_t)n;
    CHECK_INT(got, len);
    CHECK(memcmp(seen, expected, len) == 0);
    CHECK_OK(hclose(y));
    CHECK_OK(hclose(raw));
    close_slow(&x);
}

/* ---- a stream of somebody else's ---------------------------------------------------------- */

struct busy {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under, busy, sends;
};

static void *busy_query(struct hvfs *hvfs, const void *type) {
    struct busy *self = (struct busy*)hvfs;
    if(type == bsock_type) return &self->bvfs;
    errno = ENOTSUP;
    return NULL;
}

static void busy_close(struct hvfs *hvfs) {
    hclose(((struct busy*)hvfs)->under);
}

static struct busy *busy_of(struct bsock_vfs *vfs) {
    return (struct busy*)((char*)vfs - offsetof(struct busy, bvfs));
}

static int busy_send(struct bsock_vfs *vfs, struct iolist *first, struct iolist *last,
        int64_t deadline) {
    struct busy *self = busy_of(vfs);
    self->sends++;
    if(self->busy) {
        errno = EBUSY;
        return -1;
    }
    return bsendl(self->under, first, last, deadline);
}

static int busy_recv(struct bsock_vfs *vfs, struct iolist *first, struct iolist *last,
        int64_t deadline) {
    return brecvl(busy_of(vfs)->under, first, last, deadline);
}

/* It is tried once for each receive from this socket, and never for another one, as nobody can
   tell how long that takes. */
TEST(busy_stream) {
    int p[2], y, raw;
    CHECK_OK(ipc_pair(p));
    open_other(&y, &raw);
    struct busy self = {{busy_query, busy_close}, {busy_send, busy_recv}, p[0], 1, 0};
    int s = hmake(&self.hvfs);
    CHECK_HANDLE(s);
    s = http_attach(s);
    CHECK_HANDLE(s);
    CHECK_OK(http_sendrequest(s, "GET", "/", -1));
    CHECK_ERR(http_recvfield(y, buf, 1, buf, 1, now() + 10000), EPIPE);
    CHECK_INT(self.sends, 0);
    CHECK_OK(bsend(p[1], "HTTP/1.1 200 OK\r\nA: b\r\n", 23, -1));
    CHECK_INT(http_recvstatus(s, buf, sizeof(buf), now() + 10000), 200);
    CHECK_INT(self.sends, 1);
    self.busy = 0;
    CHECK_OK(http_recvfield(s, buf, 16, buf + 16, 16, now() + 10000));
    CHECK_INT(self.sends, 2);
    CHECK_OK(brecv(p[1], buf, 16, now() + 10000));
    CHECK(memcmp(buf, "GET / HTTP/1.1\r\n", 16) == 0);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(p[1]));
    CHECK_OK(hclose(y));
    CHECK_OK(hclose(raw));
}

/* TLS beneath can do without waiting, too. */
TEST(over_tls) {
    int p[2];
    tls_pair(p);
    int a = http_attach(p[0]), b = http_attach(p[1]);
    CHECK_OK(http_sendrequest(a, "GET", "/", -1));
    CHECK_OK(receive(b, now() + 10000));
    CHECK_OK(http_sendfield(a, "foo", "bar", -1));
    CHECK_OK(http_recvfield(b, buf, 16, buf + 16, 16, now() + 10000));
    CHECK_STR(buf, "foo");
    CHECK_OK(http_done(a, -1));
    CHECK_ERR(http_recvfield(b, buf, 16, buf + 16, 16, now() + 10000), EPIPE);
    CHECK_OK(hclose(a));
    CHECK_OK(hclose(b));
}
