/* Pairs of connected sockets of every kind, and a bytestream protocol in C that gives
   way before each byte. */

#ifndef STACKS_H_INCLUDED
#define STACKS_H_INCLUDED

#include <libdillimpl.h>

#include "net.h"

#define CONT(ptr, type, member) ((type*)((char*)(ptr) - offsetof(type, member)))

/* Lets some bytes pass and then no more until it is opened, to see what an operation does
   that is stuck in the middle. One direction of one trickle at a time. */
struct valve {
    /* Bytes that may still pass; -1: all. */
    long left;
    /* An end of a channel that is done when the valve is opened. */
    int gate[2];
};

__attribute__((unused))
static void valve_init(struct valve *valve, long bytes) {
    valve->left = bytes;
    CHECK_OK(chmake(valve->gate));
}

__attribute__((unused))
static void valve_open(struct valve *valve) {
    if(valve->left < 0) return;
    valve->left = -1;
    CHECK_OK(chdone(valve->gate[1]));
}

__attribute__((unused))
static void valve_term(struct valve *valve) {
    CHECK_OK(hclose(valve->gate[0]));
    CHECK_OK(hclose(valve->gate[1]));
}

static int valve_pass(struct valve *valve, int64_t deadline) {
    char c;
    if(valve->left == 0 && !(chrecv(valve->gate[0], &c, 1, deadline) < 0 && errno == EPIPE))
        return -1;
    if(valve->left > 0) valve->left--;
    return 0;
}

/* Transfers one byte at a time, so that whoever is on top meets every boundary. */
struct trickle {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under;
    /* NULL where there is none. */
    struct valve *in;
    struct valve *out;
    /* A call has failed in the middle: by direction, in and out. */
    int torn[2];
};

static const int trickle_type = 0;

static void *trickle_query(struct hvfs *hvfs, const void *type) {
    struct trickle *self = CONT(hvfs, struct trickle, hvfs);
    if(type == bsock_type) return &self->bvfs;
    if(type == &trickle_type) return self;
    errno = ENOTSUP;
    return NULL;
}

static void trickle_close(struct hvfs *hvfs) {
    struct trickle *self = CONT(hvfs, struct trickle, hvfs);
    /* Who is stuck shall meet the socket's end. */
    if(self->in) valve_open(self->in);
    if(self->out) valve_open(self->out);
    if(self->under >= 0) CHECK_OK(hclose(self->under));
    free(self);
}

static int trickle_transfer(struct bsock_vfs *bvfs, struct iolist *first,
        int64_t deadline, int out) {
    struct trickle *self = CONT(bvfs, struct trickle, bvfs);
    int under = self->under, begun = 0;
    struct valve *valve = out ? self->out : self->in;
    if(self->torn[out]) {
        errno = ECONNRESET;
        return -1;
    }
    for(struct iolist *it = first; it; it = it->iol_next)
        for(size_t i = 0; i != it->iol_len; ++i) {
            char *byte = it->iol_base ? (char*)it->iol_base + i : NULL;
            int rc = valve ? valve_pass(valve, deadline) : 0;
            if(rc == 0)
                rc = out ? bsend(under, byte, 1, deadline) : brecv(under, byte, 1, deadline);
            begun |= rc == 0;
            if(rc == 0) rc = yield();
            if(rc < 0) {
                /* The object has gone if the socket was closed meanwhile. */
                if(begun && errno != EBADF) self->torn[out] = 1;
                return -1;
            }
        }
    return 0;
}

static int trickle_bsendl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    CHECK(last && !last->iol_next);
    return trickle_transfer(bvfs, first, deadline, 1);
}

static int trickle_brecvl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct iolist byte = {NULL, 1, NULL, 0};
    CHECK(!first == !last && !(last && last->iol_next));
    if(first) return trickle_transfer(bvfs, first, deadline, 0);
    while(trickle_transfer(bvfs, &byte, deadline, 0) == 0);
    return -1;
}

__attribute__((unused))
static int valves_attach(int s, struct valve *in, struct valve *out) {
    struct trickle *self = (struct trickle*)malloc(sizeof(struct trickle));
    CHECK(self);
    self->hvfs.query = trickle_query;
    self->hvfs.close = trickle_close;
    self->bvfs.bsendl = trickle_bsendl;
    self->bvfs.brecvl = trickle_brecvl;
    self->in = in;
    self->out = out;
    self->torn[0] = self->torn[1] = 0;
    self->under = hown(s);
    CHECK_HANDLE(self->under);
    int h = hmake(&self->hvfs);
    CHECK_HANDLE(h);
    return h;
}

__attribute__((unused))
static int trickle_attach(int s) {
    return valves_attach(s, NULL, NULL);
}

/* The socket beneath, which the trickle gives back. */
__attribute__((unused))
static int trickle_detach(int s) {
    struct trickle *self = (struct trickle*)hquery(s, &trickle_type);
    CHECK(self);
    int under = self->under;
    self->under = -1;
    CHECK_OK(hclose(s));
    return under;
}

/* The transports. */
enum transport {OVER_TCP, OVER_IPC, OVER_TRICKLE, TRANSPORTS};

/* The names of VARIANTS: something over each of them, variant() % TRANSPORTS. */
#define OVER_EACH(what) what "tcp " what "ipc " what "trickle "
/* Those that tell choose() whether there is input. */
#define OVER_KNOWN(what) what "tcp " what "ipc "
enum {KNOWN_TRANSPORTS = OVER_TRICKLE};

__attribute__((unused))
static void transport_pair(enum transport transport, int s[2]) {
    if(transport == OVER_TCP) tcp_pair(s);
    if(transport == OVER_IPC) CHECK_OK(ipc_pair(s));
    if(transport != OVER_TRICKLE) return;
    /* Over TCP, as local sockets have room for few bytes sent singly; but not for many, as
       it takes long to fill that. */
    int fd[2], room = 1 << 15;
    raw_tcp_pair(fd);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
        CHECK_OK(setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
        s[i] = tcp_fromfd(fd[i]);
        CHECK_HANDLE(s[i]);
        s[i] = trickle_attach(s[i]);
    }
}

#endif
