/* TLS between two coroutines: data both ways, half-close, detach, lists, concurrent use,
   storage of the caller's, sessions inside sessions, on a stream that delivers by bytes. */

#include <libdillimpl.h>

#include "tls.h"

#define cont(ptr, type, member) ((type*)((char*)(ptr) - offsetof(type, member)))

static void simple_exchange(void) {
    int s[2];
    char buf[3];
    tls_pair(s);
    CHECK_OK(bsend(s[0], "ABC", 3, -1));
    CHECK_OK(bsend(s[0], NULL, 0, -1));
    CHECK_OK(tls_done(s[0], -1));
    CHECK_ERR(bsend(s[0], "x", 1, -1), EPIPE);
    CHECK_ERR(tls_done(s[0], -1), EPIPE);
    CHECK_OK(brecv(s[1], buf, 2, -1));
    CHECK_OK(brecv(s[1], buf + 2, 1, -1));
    CHECK_OK(memcmp(buf, "ABC", 3));
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    /* One half is closed, the other one isn't. */
    CHECK_OK(bsend(s[1], "DEF", 3, -1));
    CHECK_OK(brecv(s[0], buf, 3, -1));
    CHECK_OK(memcmp(buf, "DEF", 3));
    CHECK_OK(tls_done(s[1], -1));
    CHECK_ERR(brecv(s[0], buf, 1, -1), EPIPE);
    for(int i = 0; i != 2; ++i) {
        int u = tls_detach(s[i], -1);
        CHECK_HANDLE(u);
        CHECK_ERR(hclose(s[i]), EBADF);
        CHECK_OK(hclose(u));
    }
}

static coroutine void detaches(int s, int *u) {
    *u = tls_detach(s, -1);
    CHECK_HANDLE(*u);
    /* At once, so that it arrives together with the goodbye. */
    CHECK_OK(bsend(*u, "plain", 5, -1));
}

static void detach_leaves_no_byte_behind(void) {
    int s[2], u = -1;
    char buf[5];
    tls_pair(s);
    /* Not received, so dropped. */
    CHECK_OK(bsend(s[0], "lost", 4, -1));
    int b = go(detaches(s[0], &u));
    CHECK_HANDLE(b);
    s[1] = tls_detach(s[1], -1);
    CHECK_HANDLE(s[1]);
    CHECK_OK(brecv(s[1], buf, 5, -1));
    CHECK_OK(memcmp(buf, "plain", 5));
    CHECK_OK(bsend(s[1], "again", 5, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(brecv(u, buf, 5, -1));
    CHECK_OK(memcmp(buf, "again", 5));
    /* And once more TLS on the same connection. */
    int again[2] = {u, s[1]};
    tls_pair_on(again);
    CHECK_OK(bsend(again[0], "third", 5, -1));
    CHECK_OK(brecv(again[1], buf, 5, -1));
    CHECK_OK(memcmp(buf, "third", 5));
    CHECK_OK(hclose(again[0]));
    CHECK_OK(hclose(again[1]));
}

static void lists(void) {
    int s[2];
    char one[3] = "", two[5] = "";
    tls_pair(s);
    struct iolist c = {(char*)"ghi", 3, NULL, 0};
    struct iolist b = {NULL, 0, &c, 0};
    struct iolist a = {(char*)"abcdef", 6, &b, 0};
    CHECK_OK(bsendl(s[0], &a, &c, -1));
    struct iolist z = {two, 5, NULL, 0};
    struct iolist y = {NULL, 2, &z, 0};
    struct iolist x = {one, 2, &y, 0};
    CHECK_OK(brecvl(s[1], &x, &z, -1));
    CHECK_OK(memcmp(one, "ab", 2));
    CHECK_OK(memcmp(two, "efghi", 5));
    /* Malformed ones have no effect. */
    CHECK_ERR(bsendl(s[0], &a, &b, -1), EINVAL);
    CHECK_ERR(bsendl(s[0], NULL, &c, -1), EINVAL);
    CHECK_ERR(bsend(s[0], NULL, 1, -1), EINVAL);
    CHECK_ERR(brecvl(s[1], &x, &y, -1), EINVAL);
    CHECK_OK(bsend(s[0], "x", 1, -1));
    CHECK_OK(tls_done(s[0], -1));
    /* Everything up to the end. */
    CHECK_ERR(brecvl(s[1], NULL, NULL, -1), EPIPE);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

/* Pieces of all sizes around those of records, in both directions at once. */
static coroutine void sends_pieces(int s, size_t total) {
    unsigned char *buf = (unsigned char*)malloc(70000);
    CHECK(buf);
    size_t sent = 0, size = 1;
    while(sent < total) {
        if(size > total - sent) size = total - sent;
        for(size_t i = 0; i != size; ++i)
            buf[i] = (unsigned char)((sent + i) * 31 >> 3);
        CHECK_OK(bsend(s, buf, size, -1));
        sent += size;
        size = size * 7 % 70000 + 1;
    }
    CHECK_OK(tls_done(s, -1));
    free(buf);
}

static coroutine void receives_pieces(int s, size_t total) {
    unsigned char *buf = (unsigned char*)malloc(50000);
    CHECK(buf);
    size_t received = 0, size = 1;
    while(received < total) {
        if(size > total - received) size = total - received;
        CHECK_OK(brecv(s, buf, size, -1));
        for(size_t i = 0; i != size; ++i)
            CHECK_INT(buf[i], (unsigned char)((received + i) * 31 >> 3));
        received += size;
        size = size * 5 % 50000 + 1;
    }
    CHECK_ERR(brecv(s, buf, 1, -1), EPIPE);
    free(buf);
}

static void both_ways_at_once(int s[2], size_t total) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(bundle_go(b, sends_pieces(s[i], total)));
        CHECK_OK(bundle_go(b, receives_pieces(s[i], total)));
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static coroutine void receives_one(int s, char expected) {
    char c;
    CHECK_OK(brecv(s, &c, 1, -1));
    CHECK_INT(c, expected);
}

static void one_user_a_direction(void) {
    int s[2];
    char c;
    tls_pair(s);
    int b = go(receives_one(s[0], 'x'));
    CHECK_HANDLE(b);
    CHECK_ERR(brecv(s[0], &c, 1, -1), EBUSY);
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

/* A byte stream that moves one byte in each call of what lies below it. */
struct trickle {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under;
};

static void *trickle_query(struct hvfs *hvfs, const void *type) {
    struct trickle *self = (struct trickle*)hvfs;
    if(type == bsock_type) return &self->bvfs;
    errno = ENOTSUP;
    return NULL;
}

static void trickle_close(struct hvfs *hvfs) {
    struct trickle *self = (struct trickle*)hvfs;
    CHECK_OK(hclose(self->under));
}

static int trickle_bsendl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct trickle *self = cont(bvfs, struct trickle, bvfs);
    for(struct iolist *it = first; it; it = it->iol_next) {
        CHECK((it == last) == (it->iol_next == NULL));
        for(size_t i = 0; i != it->iol_len; ++i)
            if(bsend(self->under, (char*)it->iol_base + i, 1, deadline) < 0)
                return -1;
    }
    return 0;
}

static int trickle_brecvl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct trickle *self = cont(bvfs, struct trickle, bvfs);
    for(struct iolist *it = first; it; it = it->iol_next) {
        CHECK((it == last) == (it->iol_next == NULL));
        CHECK(it->iol_base && it->iol_len > 0);
        for(size_t i = 0; i != it->iol_len; ++i) {
            if(brecv(self->under, (char*)it->iol_base + i, 1, deadline) < 0)
                return -1;
            /* Others come in between at every byte. */
            CHECK_OK(yield());
        }
    }
    return 0;
}

static void on_a_protocol_of_the_program(void) {
    int s[2];
    struct trickle trickles[2];
    tcp_pair(s);
    for(int i = 0; i != 2; ++i) {
        trickles[i].hvfs.query = trickle_query;
        trickles[i].hvfs.close = trickle_close;
        trickles[i].bvfs.bsendl = trickle_bsendl;
        trickles[i].bvfs.brecvl = trickle_brecvl;
        trickles[i].under = s[i];
        s[i] = hmake(&trickles[i].hvfs);
        CHECK_HANDLE(s[i]);
    }
    tls_pair_on(s);
    both_ways_at_once(s, 40000);
    int b = go(detaches(s[0], &s[0]));
    CHECK_HANDLE(b);
    s[1] = tls_detach(s[1], -1);
    CHECK_HANDLE(s[1]);
    char buf[5];
    CHECK_OK(brecv(s[1], buf, 5, -1));
    CHECK_OK(memcmp(buf, "plain", 5));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void attaches_mem(int s, struct tls_storage *mem, int *h) {
    *h = tls_attach_server_mem(s, CERT("chain.pem"), CERT("server.key"), mem, -1);
    CHECK_HANDLE(*h);
}

static void in_storage_of_the_caller(void) {
    struct tls_storage mem[2];
    int s[2], server = -1;
    tcp_pair(s);
    int b = go(attaches_mem(s[1], &mem[1], &server));
    CHECK_HANDLE(b);
    s[0] = tls_attach_client_mem(s[0], &mem[0], -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    s[1] = server;
    both_ways_at_once(s, 300000);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    /* Nobody is verified: it works with anybody's certificate. */
    tcp_pair(s);
    b = go(tls_attaches_server(s[1], &server));
    s[0] = tls_attach_client_verify_mem(s[0], "www.redill.test", CERT("ca.pem"),
        &mem[0], -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(server));
}

static void inside_another_session(void) {
    int s[2];
    tls_pair(s);
    tls_pair_on(s);
    both_ways_at_once(s, 200000);
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
}

static void choose_sees_input(void) {
    int s[2], ch[2];
    char buf[4];
    tls_pair(s);
    CHECK_OK(chmake(ch));
    struct chclause clauses[] = {{CHSOCK, s[1], NULL, 0}, {CHRECV, ch[0], buf, 1}};
    CHECK_RESULT(choose(clauses, 2, now() + 10), -1, ETIMEDOUT);
    CHECK_OK(bsend(s[0], "abcd", 4, -1));
    CHECK_INT(choose(clauses, 2, -1), 0);
    CHECK_OK(brecv(s[1], buf, 1, -1));
    /* The rest is decrypted already, so nothing is left below. */
    CHECK_RESULT(choose(clauses, 2, 0), 0, 0);
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_RESULT(choose(clauses, 2, 0), -1, ETIMEDOUT);
    CHECK_OK(tls_done(s[0], -1));
    CHECK_RESULT(choose(clauses, 2, -1), 0, 0);
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_RESULT(choose(clauses, 2, 0), 0, 0);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

int main(void) {
    int s[2], fds = count_fds();
    simple_exchange();
    detach_leaves_no_byte_behind();
    lists();
    one_user_a_direction();
    tls_pair(s);
    both_ways_at_once(s, 3 << 20);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    on_a_protocol_of_the_program();
    in_storage_of_the_caller();
    inside_another_session();
    choose_sees_input();
    CHECK_INT(count_fds(), fds);
    return 0;
}
