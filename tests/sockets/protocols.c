/*
 * Protocols written in C: one turns each bit of a byte stream around, the other one sends it in
 * chunks. The test that loads them gives them the functions of the library.
 */

#include <errno.h>
#include <stdlib.h>

#define DILL_DISABLE_RAW_NAMES
#include <libdillimpl.h>

struct api {
    int (*hmake)(struct dill_hvfs *vfs);
    void *(*hquery)(int h, const void *type);
    int (*hclose)(int h);
    int (*hown)(int h);
    int (*bsend)(int s, const void *buf, size_t len, int64_t deadline);
    int (*brecv)(int s, void *buf, size_t len, int64_t deadline);
    const void *bsock_type;
    const void *input_type;
};

/* What protocols begin with. */
struct head {
    struct dill_hvfs hvfs;
    struct dill_bsock_vfs bvfs;
    const struct api *api;
    int s;
};

static void close_head(struct dill_hvfs *hvfs) {
    struct head *self = (struct head*)hvfs;
    self->api->hclose(self->s);
    free(self);
}

/* A protocol of so many bytes that owns the byte stream s; NULL on failure. */
static void *make(const struct api *api, int s, size_t size) {
    if(!api->hquery(s, api->bsock_type)) return NULL;
    struct head *self = calloc(1, size);
    if(!self) return NULL;
    self->hvfs.close = close_head;
    self->api = api;
    self->s = api->hown(s);
    if(self->s < 0) {
        free(self);
        return NULL;
    }
    return self;
}

static void *of(struct dill_bsock_vfs *bvfs) {
    return (char*)bvfs - offsetof(struct head, bvfs);
}

struct turned {
    struct head head;
};

static const char turned_type;

static void *turned_query(struct dill_hvfs *hvfs, const void *type) {
    struct turned *self = (struct turned*)hvfs;
    if(type == self->head.api->bsock_type) return &self->head.bvfs;
    if(type == &turned_type) return self;
    errno = ENOTSUP;
    return NULL;
}

static int turned_send(struct dill_bsock_vfs *bvfs, struct dill_iolist *first,
        struct dill_iolist *last, int64_t deadline) {
    struct turned *self = of(bvfs);
    (void)last;
    for(; first; first = first->iol_next) {
        const unsigned char *bytes = first->iol_base;
        for(size_t i = 0; i != first->iol_len; i++) {
            unsigned char byte = (unsigned char)~bytes[i];
            if(self->head.api->bsend(self->head.s, &byte, 1, deadline) < 0) return -1;
        }
    }
    return 0;
}

static int turned_receive(struct dill_bsock_vfs *bvfs, struct dill_iolist *first,
        struct dill_iolist *last, int64_t deadline) {
    struct turned *self = of(bvfs);
    (void)last;
    for(; first; first = first->iol_next) {
        if(first->iol_len == 0) continue;
        if(self->head.api->brecv(self->head.s, first->iol_base, first->iol_len, deadline) < 0) return -1;
        unsigned char *bytes = first->iol_base;
        for(size_t i = 0; bytes && i != first->iol_len; i++) bytes[i] = (unsigned char)~bytes[i];
    }
    return 0;
}

/* Takes the byte stream s over and returns the protocol's handle, or -1. */
int turned_attach(const struct api *api, int s) {
    struct turned *self = make(api, s, sizeof(*self));
    if(!self) return -1;
    self->head.hvfs.query = turned_query;
    self->head.bvfs.bsendl = turned_send;
    self->head.bvfs.brecvl = turned_receive;
    return api->hmake(&self->head.hvfs);
}

/* Each chunk is a byte that says how long it is, and so many bytes. Only whole ones are taken. */
struct chunks {
    struct head head;
    struct dill_input_vfs ivfs;
    unsigned char chunk[255];
    size_t start, end;
};

static void *chunks_query(struct dill_hvfs *hvfs, const void *type) {
    struct chunks *self = (struct chunks*)hvfs;
    if(type == self->head.api->bsock_type) return &self->head.bvfs;
    if(type == self->head.api->input_type) return &self->ivfs;
    errno = ENOTSUP;
    return NULL;
}

static int chunks_send(struct dill_bsock_vfs *bvfs, struct dill_iolist *first,
        struct dill_iolist *last, int64_t deadline) {
    struct chunks *self = of(bvfs);
    (void)last;
    for(; first; first = first->iol_next) {
        const unsigned char *bytes = first->iol_base;
        for(size_t sent = 0; sent != first->iol_len;) {
            size_t left = first->iol_len - sent;
            unsigned char length = (unsigned char)(left < 255 ? left : 255);
            if(self->head.api->bsend(self->head.s, &length, 1, deadline) < 0) return -1;
            if(self->head.api->bsend(self->head.s, bytes + sent, length, deadline) < 0) return -1;
            sent += length;
        }
    }
    return 0;
}

static int chunks_receive(struct dill_bsock_vfs *bvfs, struct dill_iolist *first,
        struct dill_iolist *last, int64_t deadline) {
    struct chunks *self = of(bvfs);
    (void)last;
    for(; first; first = first->iol_next) {
        unsigned char *bytes = first->iol_base;
        for(size_t i = 0; i != first->iol_len; i++) {
            while(self->start == self->end) {
                unsigned char length;
                if(self->head.api->brecv(self->head.s, &length, 1, deadline) < 0) return -1;
                if(self->head.api->brecv(self->head.s, self->chunk, length, deadline) < 0) return -1;
                self->start = 0;
                self->end = length;
            }
            unsigned char byte = self->chunk[self->start++];
            if(bytes) bytes[i] = byte;
        }
    }
    return 0;
}

/* A byte beneath does not mean that there is a whole chunk. */
static int chunks_input(struct dill_input_vfs *ivfs, int *beneath) {
    struct chunks *self = (struct chunks*)((char*)ivfs - offsetof(struct chunks, ivfs));
    *beneath = self->head.s;
    return self->start != self->end ? DILL_INPUT_BUFFERED : DILL_INPUT_BENEATH;
}

/* As turned_attach. */
int chunks_attach(const struct api *api, int s) {
    struct chunks *self = make(api, s, sizeof(*self));
    if(!self) return -1;
    self->head.hvfs.query = chunks_query;
    self->head.bvfs.bsendl = chunks_send;
    self->head.bvfs.brecvl = chunks_receive;
    self->ivfs.input = chunks_input;
    return api->hmake(&self->head.hvfs);
}
