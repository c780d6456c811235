/* Bytestream protocols written in C (bsock_vfs), alone and stacked on TCP. */

#include <libdillimpl.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

/* A protocol that inverts every byte on its way, and counts calls. */
struct inverter {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under;
    int sends;
    int closes;
    int64_t deadline;
    int nitems;
};

static const int inverter_type = 0;

#define cont(ptr, type, member) ((type*)((char*)(ptr) - offsetof(type, member)))

static void *inverter_query(struct hvfs *hvfs, const void *type) {
    struct inverter *self = (struct inverter*)hvfs;
    if(type == bsock_type) return &self->bvfs;
    if(type == &inverter_type) return self;
    errno = ENOTSUP;
    return NULL;
}

static void inverter_close(struct hvfs *hvfs) {
    struct inverter *self = (struct inverter*)hvfs;
    self->closes++;
    if(self->under >= 0) CHECK_OK(hclose(self->under));
}

static int inverter_bsendl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct inverter *self = cont(bvfs, struct inverter, bvfs);
    self->sends++;
    self->deadline = deadline;
    self->nitems = 0;
    char buf[64];
    size_t len = 0;
    for(struct iolist *it = first; it; it = it->iol_next) {
        self->nitems++;
        CHECK((it == last) == (it->iol_next == NULL));
        CHECK(len + it->iol_len <= sizeof(buf));
        for(size_t i = 0; i != it->iol_len; ++i)
            buf[len++] = (char)~((char*)it->iol_base)[i];
    }
    return bsend(self->under, buf, len, deadline);
}

static int inverter_brecvl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct inverter *self = cont(bvfs, struct inverter, bvfs);
    if(brecvl(self->under, first, last, deadline) < 0) return -1;
    for(struct iolist *it = first; it; it = it->iol_next)
        for(size_t i = 0; i != it->iol_len; ++i)
            ((char*)it->iol_base)[i] = (char)~((char*)it->iol_base)[i];
    return 0;
}

static int inverter_attach(struct inverter *self, int s) {
    memset(self, 0, sizeof(*self));
    self->hvfs.query = inverter_query;
    self->hvfs.close = inverter_close;
    self->bvfs.bsendl = inverter_bsendl;
    self->bvfs.brecvl = inverter_brecvl;
    /* As every protocol: take the handle, so that the old number is dead. */
    self->under = hown(s);
    CHECK_HANDLE(self->under);
    return hmake(&self->hvfs);
}

TEST(calls_reach_the_protocol) {
    int s[2];
    tcp_pair(s);
    struct inverter inv;
    int h = inverter_attach(&inv, s[0]);
    CHECK_HANDLE(h);
    CHECK_ERR(bsend(s[0], "x", 1, -1), EBADF);
    CHECK_OK(bsend(h, "abc", 3, 123456789000));
    CHECK_INT(inv.sends, 1);
    CHECK_INT(inv.nitems, 1);
    CHECK_INT(inv.deadline, 123456789000);
    struct iolist tail = {(char*)"ef", 2, NULL, 0};
    struct iolist head = {(char*)"d", 1, &tail, 0};
    CHECK_OK(bsendl(h, &head, &tail, -1));
    CHECK_INT(inv.nitems, 2);
    CHECK_INT(inv.deadline, -1);
    char buf[6];
    CHECK_OK(brecv(s[1], buf, 6, -1));
    for(int i = 0; i != 6; ++i) CHECK_INT((char)~buf[i], 'a' + i);
    /* A malformed list doesn't reach the protocol. */
    CHECK_ERR(bsendl(h, NULL, &tail, -1), EINVAL);
    CHECK_ERR(bsendl(h, &head, NULL, -1), EINVAL);
    CHECK_ERR(bsendl(h, &head, &head, -1), EINVAL);
    CHECK_ERR(bsendl(h, NULL, NULL, -1), EINVAL);
    CHECK_ERR(brecvl(h, &head, NULL, -1), EINVAL);
    CHECK_ERR(brecvl(h, NULL, &tail, -1), EINVAL);
    CHECK_ERR(brecvl(h, &head, &head, -1), EINVAL);
    CHECK_INT(inv.sends, 2);
    /* The error is the protocol's. */
    CHECK_ERR(brecv(h, buf, 1, 0), ETIMEDOUT);
    CHECK_OK(hclose(h));
    CHECK_INT(inv.closes, 1);
    /* Closing the top closed the socket below it. */
    CHECK_ERR(hclose(inv.under), EBADF);
    CHECK(brecv(s[1], buf, 1, -1) == -1);
    CHECK_OK(hclose(s[1]));
}

static coroutine void echo_five(int s) {
    char c;
    for(int i = 0; i != 5; ++i) {
        CHECK_OK(brecv(s, &c, 1, -1));
        CHECK_OK(bsend(s, &c, 1, -1));
    }
}

TEST(stacks_of_protocols) {
    int s[2];
    tcp_pair(s);
    struct inverter low, high;
    int h = inverter_attach(&low, s[0]);
    CHECK_HANDLE(h);
    h = inverter_attach(&high, h);
    CHECK_HANDLE(h);
    int b = go(echo_five(s[1]));
    CHECK_HANDLE(b);
    /* Inverted twice is plain again; the other end sees what was sent. */
    char buf[5];
    CHECK_OK(bsend(h, "Hello", 5, -1));
    CHECK_OK(brecv(h, buf, 5, -1));
    CHECK(memcmp(buf, "Hello", 5) == 0);
    CHECK_INT(low.sends, 1);
    CHECK_INT(high.sends, 1);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(h));
    CHECK_INT(low.closes, 1);
    CHECK_INT(high.closes, 1);
    CHECK_OK(hclose(s[1]));
}

TEST(no_bytestream) {
    int ch[2];
    CHECK_OK(chmake(ch));
    struct iolist iol = {(char*)"x", 1, NULL, 0};
    char c;
    CHECK_ERR(bsend(ch[0], "x", 1, -1), ENOTSUP);
    CHECK_ERR(brecv(ch[0], &c, 1, -1), ENOTSUP);
    CHECK_ERR(bsendl(ch[0], &iol, &iol, -1), ENOTSUP);
    CHECK_ERR(brecvl(ch[0], &iol, &iol, -1), ENOTSUP);
    CHECK_NULL(hquery(ch[0], bsock_type), ENOTSUP);
    CHECK_OK(hclose(ch[0]));
    CHECK_ERR(bsend(ch[0], "x", 1, -1), EBADF);
    CHECK_ERR(brecv(ch[0], &c, 1, -1), EBADF);
    CHECK_ERR(bsendl(ch[0], &iol, &iol, -1), EBADF);
    CHECK_ERR(brecvl(ch[0], &iol, &iol, -1), EBADF);
    CHECK_OK(hclose(ch[1]));
}
