/* Pongs are sent by whatever call comes along, but none waits for room for them, and nothing
   that comes after them is lost or torn. */

#include <sys/syscall.h>
#include <sys/uio.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS, VARIANTS("server client"))

BEFORE_EACH_KEEPING_FDS {}

static char buf[4096];

/* A WebSocket without handshake on a local connection of which the output is full, the other
   end as a descriptor, and how many bytes are on their way there. */
struct full {
    int ws;
    int peer;
    int masked;
    size_t ahead;
};

static void attach(struct full *f, int client, int fd) {
    int s = ipc_fromfd(fd);
    CHECK_HANDLE(s);
    f->masked = client;
    f->ws = client ? ws_attach_client(s, WS_BINARY | WS_NOHTTP, NULL, NULL, -1)
        : ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    CHECK_HANDLE(f->ws);
}

static void open_full(struct full *f, int client) {
    int fd[2];
    f->ahead = raw_full_pair(fd);
    f->peer = fd[1];
    attach(f, client, fd[0]);
}

static void close_full(struct full *f) {
    CHECK_INT(read(f->peer, buf, 1), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_OK(hclose(f->ws));
    CHECK_OK(close(f->peer));
}

/* The peer reads what was sent before, so that there is room again. */
static void drain(struct full *f) {
    while(f->ahead) {
        size_t size = f->ahead < sizeof(buf) ? f->ahead : sizeof(buf);
        ssize_t n = read(f->peer, buf, size);
        CHECK(n > 0);
        f->ahead -= (size_t)n;
    }
}

/* The peer sends a frame. */
static void put(struct full *f, int first, const char *payload) {
    char frame[64] = {(char)first};
    size_t len = strlen(payload), size = 2;
    frame[1] = (char)len;
    if(!f->masked) {
        frame[1] = (char)(len | 0x80);
        size += 4;
    }
    memcpy(frame + size, payload, len);
    CHECK_INT(write(f->peer, frame, size + len), (ssize_t)(size + len));
}

static void get_bytes(struct full *f, void *data, size_t len) {
    for(size_t done = 0; done != len;) {
        ssize_t n = read(f->peer, (char*)data + done, len - done);
        CHECK(n > 0);
        done += (size_t)n;
    }
}

/* The peer receives a frame, which must be this one. */
static void get(struct full *f, int first, const char *payload) {
    unsigned char head[6];
    char data[128];
    size_t len = strlen(payload);
    get_bytes(f, head, f->masked ? 6 : 2);
    CHECK_INT(head[0], first);
    CHECK_INT(head[1], (f->masked ? 0x80 : 0) | len);
    get_bytes(f, data, len);
    for(size_t i = 0; f->masked && i != len; ++i) data[i] ^= (char)head[2 + i % 4];
    CHECK(memcmp(data, payload, len) == 0);
}

/* A poll meets pings while nothing can be sent. */
TEST(kept_by_a_poll) {
    struct full f;
    open_full(&f, variant());
    put(&f, 0x89, "first");
    put(&f, 0x89, "last");
    put(&f, 0x82, "message");
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 7);
    drain(&f);
    CHECK_OK(msend(f.ws, "answer", 6, now() + 10000));
    get(&f, 0x8A, "last");
    get(&f, 0x82, "answer");
    close_full(&f);
}

static coroutine void set_done(int ch) {
    CHECK_OK(yield());
    CHECK_OK(chdone(ch));
}

/* A send that is put off has sent nothing of the pong either. */
TEST(kept_by_a_send) {
    struct full f;
    open_full(&f, variant());
    put(&f, 0x89, "first");
    put(&f, 0x82, "1");
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 1);
    int ch[2];
    CHECK_OK(chmake(ch));
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, ch[1], -1));
    int b = go(set_done(ch[0]));
    CHECK_HANDLE(b);
    CHECK_ERR(msend(f.ws, "lost", 4, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
    put(&f, 0x89, "last");
    put(&f, 0x82, "2");
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 1);
    drain(&f);
    CHECK_OK(ws_send(f.ws, WS_TEXT, "text", 4, now() + 10000));
    get(&f, 0x8A, "last");
    get(&f, 0x81, "text");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    close_full(&f);
}

/* Receives alone do it as well, and so does the end of the stream. */
TEST(sent_by_others) {
    struct full f;
    open_full(&f, variant());
    put(&f, 0x89, "one");
    put(&f, 0x82, "1");
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 1);
    drain(&f);
    put(&f, 0x82, "2");
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), now() + 10000), 1);
    put(&f, 0x89, "two");
    put(&f, 0x88, "\x03\xE8");
    CHECK_ERR(mrecv(f.ws, buf, sizeof(buf), now() + 10000), EPIPE);
    CHECK_OK(ws_done(f.ws, 1000, NULL, 0, now() + 10000));
    get(&f, 0x8A, "one");
    get(&f, 0x8A, "two");
    get(&f, 0x88, "\x03\xE8");
    close_full(&f);
}

/* ---- a pong that is torn ------------------------------------------------------------------ */

/* How many bytes the system takes of what the library sends; then it has no room any more. */
static size_t room = SIZE_MAX;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    struct msghdr copy = *message;
    struct iovec part;
    if(room != SIZE_MAX && message->msg_iovlen > 0) {
        if(room == 0) {
            errno = EAGAIN;
            return -1;
        }
        part = message->msg_iov[0];
        if(part.iov_len > room) part.iov_len = room;
        room -= part.iov_len;
        copy.msg_iov = &part;
        copy.msg_iovlen = 1;
    }
    return syscall(SYS_sendmsg, fd, &copy, flags);
}

/* There was room for some bytes of a pong: the rest comes next, then the answer to the last
   ping, then whatever is sent. */
static void torn(int client, size_t taken) {
    int fd[2];
    struct full f = {.ahead = 0};
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
    f.peer = fd[1];
    attach(&f, client, fd[0]);
    put(&f, 0x89, "torn");
    put(&f, 0x82, "1");
    room = taken;
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 1);
    CHECK_INT(room, 0);
    put(&f, 0x89, "first");
    put(&f, 0x89, "last");
    put(&f, 0x82, "2");
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 1);
    room = SIZE_MAX;
    /* Whatever happens to the connection, the system tells of the room that there is. */
    put(&f, 0x82, "3");
    CHECK_OK(msend(f.ws, "answer", 6, now() + 10000));
    CHECK_INT(mrecv(f.ws, buf, sizeof(buf), 0), 1);
    if(taken) get(&f, 0x8A, "torn");
    get(&f, 0x8A, "last");
    get(&f, 0x82, "answer");
    close_full(&f);
}

#define CUTS "0_bytes 1_byte 2_bytes 3_bytes 4_bytes 5_bytes 6_bytes"

TEST(torn_server, VARIANTS(CUTS)) {
    torn(0, (size_t)variant());
}

TEST(torn_client, VARIANTS(CUTS)) {
    torn(1, (size_t)variant());
}
