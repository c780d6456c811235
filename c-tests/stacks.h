/* Pairs of connected sockets of every kind, and a bytestream protocol in C that gives
   way before each byte. */

#ifndef STACKS_H_INCLUDED
#define STACKS_H_INCLUDED

#include <libdillimpl.h>

#include "net.h"

#define CONT(ptr, type, member) ((type*)((char*)(ptr) - offsetof(type, member)))

/* Transfers one byte at a time, so that whoever is on top meets every boundary. */
struct trickle {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under;
};

static const int trickle_type = 0;

static void *trickle_query(struct hvfs *hvfs, const void *type) {
    struct trickle *self = CONT(hvfs, struct trickle, hvfs);
    if(type == bsock_type) return &self->bvfs;
    if(type == &trickle_type) return self;
    return NULL;
}

static void trickle_close(struct hvfs *hvfs) {
    struct trickle *self = CONT(hvfs, struct trickle, hvfs);
    CHECK_OK(hclose(self->under));
    free(self);
}

static int trickle_transfer(struct bsock_vfs *bvfs, struct iolist *first,
        int64_t deadline, int out) {
    /* The object may be closed while a call is in it. */
    int under = CONT(bvfs, struct trickle, bvfs)->under;
    for(struct iolist *it = first; it; it = it->iol_next)
        for(size_t i = 0; i != it->iol_len; ++i) {
            char *byte = it->iol_base ? (char*)it->iol_base + i : NULL;
            int rc = out ? bsend(under, byte, 1, deadline) :
                brecv(under, byte, 1, deadline);
            if(rc < 0 || yield() < 0) return -1;
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
    CHECK(last && !last->iol_next);
    return trickle_transfer(bvfs, first, deadline, 0);
}

__attribute__((unused))
static int trickle_attach(int s) {
    struct trickle *self = (struct trickle*)malloc(sizeof(struct trickle));
    CHECK(self);
    self->hvfs.query = trickle_query;
    self->hvfs.close = trickle_close;
    self->bvfs.bsendl = trickle_bsendl;
    self->bvfs.brecvl = trickle_brecvl;
    self->under = hown(s);
    CHECK_HANDLE(self->under);
    int h = hmake(&self->hvfs);
    CHECK_HANDLE(h);
    return h;
}

/* The transports. */
enum transport {OVER_TCP, OVER_IPC, OVER_TRICKLE, TRANSPORTS};

__attribute__((unused))
static void transport_pair(enum transport transport, int s[2]) {
    /* The trickle over TCP, as local sockets have room for few bytes sent singly. */
    if(transport != OVER_IPC) tcp_pair(s);
    else CHECK_OK(ipc_pair(s));
    if(transport == OVER_TRICKLE)
        for(int i = 0; i != 2; ++i) s[i] = trickle_attach(s[i]);
}

__attribute__((unused))
static int stream_done(enum transport transport, int s) {
    return transport == OVER_TCP ? tcp_done(s, -1) : ipc_done(s, -1);
}

__attribute__((unused))
static int stream_close(enum transport transport, int s, int64_t deadline) {
    return transport == OVER_TCP ? tcp_close(s, deadline) :
        ipc_close(s, deadline);
}

#endif
