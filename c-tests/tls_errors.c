/* TLS when things go wrong: certificates, files, peers that are no TLS peers, torn streams,
   deadlines, cancellation, handles. */

#include <libdillimpl.h>

#include "tls.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

static coroutine void serves(int s, const char *cert, const char *client_ca,
        int err) {
    int h = client_ca ?
        tls_attach_server_verify(s, cert, CERT("server.key"), client_ca, -1) :
        tls_attach_server(s, cert, CERT("server.key"), -1);
    if(err) {
        CHECK_INT(h, -1);
        CHECK_INT(errno, err);
        /* The stream has gone with it. */
        CHECK_ERR(hclose(s), EBADF);
        return;
    }
    CHECK_HANDLE(h);
    CHECK_OK(bsend(h, "x", 1, -1));
    /* Until the client has closed. */
    (void)brecv(h, NULL, 1, -1);
    CHECK_OK(hclose(h));
}

/* A client that verifies: the errno of the attempt, 0 for none. */
static int verifies(const char *cert, const char *hostname, const char *cafile) {
    int s[2], fds = count_fds();
    char c;
    tcp_pair(s);
    /* What the server sees then depends on how quickly the connection ends. */
    int b = bundle();
    CHECK_OK(bundle_go(b, serves(s[1], cert, NULL, 0)));
    int h = tls_attach_client_verify(s[0], hostname, cafile, -1);
    int err = h < 0 ? errno : 0;
    if(h >= 0) {
        CHECK_OK(brecv(h, &c, 1, -1));
        CHECK_INT(c, 'x');
        CHECK_OK(hclose(h));
    }
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(count_fds(), fds);
    return err;
}

static coroutine void fails_to_serve(int s, const char *cert) {
    CHECK_INT(tls_attach_server(s, cert, CERT("server.key"), -1), -1);
    /* Refused by the client, or simply left. */
    CHECK(errno == EACCES || errno == ECONNRESET);
}

static int is_refused(const char *cert, const char *hostname, const char *cafile) {
    int s[2];
    tcp_pair(s);
    int b = go(fails_to_serve(s[1], cert));
    CHECK_HANDLE(b);
    CHECK_INT(tls_attach_client_verify(s[0], hostname, cafile, -1), -1);
    int err = errno;
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    return err;
}

TEST(servers_are_verified) {
    const char *ca = CERT("ca.pem");
    CHECK_INT(verifies(CERT("chain.pem"), "localhost", ca), 0);
    CHECK_INT(verifies(CERT("chain.pem"), "www.redill.test", ca), 0);
    CHECK_INT(verifies(CERT("chain.pem"), "127.0.0.1", ca), 0);
    CHECK_INT(verifies(CERT("chain.pem"), "::1", ca), 0);
    CHECK_INT(is_refused(CERT("chain.pem"), "redill.test", ca), EACCES);
    CHECK_INT(is_refused(CERT("chain.pem"), "127.0.0.2", ca), EACCES);
    CHECK_INT(is_refused(CERT("chain.pem"), "localhost", CERT("other_ca.pem")),
        EACCES);
    CHECK_INT(is_refused(CERT("expired.pem"), "localhost", ca), EACCES);
    /* The intermediate certificate is missing. */
    CHECK_INT(is_refused(CERT("leaf.pem"), "localhost", ca), EACCES);
    /* The system knows nothing of the authority, but this time we are the system. */
    CHECK_OK(setenv("SSL_CERT_FILE", CERT("ca.pem"), 1));
    CHECK_INT(verifies(CERT("chain.pem"), "localhost", NULL), 0);
    CHECK_INT(is_refused(CERT("chain.pem"), "redill.test", NULL), EACCES);
}

TEST(clients_are_verified) {
    int s[2];
    char c;
    tcp_pair(s);
    int b = go(serves(s[1], CERT("chain.pem"), CERT("ca.pem"), EACCES));
    CHECK_HANDLE(b);
    /* In TLS 1.3 the client's handshake is complete before the server has looked. */
    int h = tls_attach_client_verify(s[0], "localhost", CERT("ca.pem"), -1);
    if(h >= 0) {
        CHECK_INT(brecv(h, &c, 1, -1), -1);
        CHECK(errno == EACCES || errno == ECONNRESET);
        CHECK_ERR(brecv(h, &c, 1, -1), ECONNRESET);
        CHECK_INT(tls_detach(h, -1), -1);
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

/* What attaching fails with, with nobody at the other end. The stream is closed. */
static int server_fails(const char *cert, const char *key, const char *client_ca,
        int verify) {
    int s[2];
    tcp_pair(s);
    int h = verify ? tls_attach_server_verify(s[0], cert, key, client_ca, -1) :
        tls_attach_server(s[0], cert, key, -1);
    int err = errno;
    CHECK_INT(h, -1);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
    return err;
}

static int client_fails(const char *hostname, const char *cafile) {
    int s[2];
    tcp_pair(s);
    int h = tls_attach_client_verify(s[0], hostname, cafile, -1);
    int err = errno;
    CHECK_INT(h, -1);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
    return err;
}

TEST(files) {
    const char *chain = CERT("chain.pem"), *key = CERT("server.key");
    CHECK_INT(server_fails(CERT("none.pem"), key, NULL, 0), ENOENT);
    CHECK_INT(server_fails(chain, CERT("none.key"), NULL, 0), ENOENT);
    CHECK_INT(server_fails(chain, key, CERT("none.pem"), 1), ENOENT);
    CHECK_INT(server_fails(NULL, key, NULL, 0), EINVAL);
    CHECK_INT(server_fails(chain, NULL, NULL, 0), EINVAL);
    CHECK_INT(server_fails(chain, key, NULL, 1), EINVAL);
    /* Not what they should be. */
    CHECK_INT(server_fails(key, key, NULL, 0), EINVAL);
    CHECK_INT(server_fails(chain, chain, NULL, 0), EINVAL);
    CHECK_INT(server_fails(chain, key, key, 1), EINVAL);
    CHECK_INT(server_fails(CERT("make.sh"), key, NULL, 0), EINVAL);
    CHECK_INT(server_fails("c-tests", key, NULL, 0), EISDIR);
    CHECK_INT(server_fails("/dev/null", key, NULL, 0), EINVAL);
    /* Another certificate's key. */
    CHECK_INT(server_fails(chain, CERT("client.key"), NULL, 0), EINVAL);
    CHECK_INT(client_fails("localhost", CERT("none.pem")), ENOENT);
    CHECK_INT(client_fails("localhost", key), EINVAL);
    CHECK_INT(client_fails(NULL, CERT("ca.pem")), EINVAL);
    CHECK_INT(client_fails("", CERT("ca.pem")), EINVAL);
    CHECK_INT(client_fails("not a name", CERT("ca.pem")), EINVAL);
}

TEST(handles) {
    int s[2], ch[2];
    struct tls_storage mem;
    CHECK_ERR(tls_attach_client(-1, -1), EBADF);
    CHECK_ERR(tls_attach_server(999, CERT("chain.pem"), CERT("server.key"), -1),
        EBADF);
    CHECK_ERR(tls_attach_client_verify(999, NULL, NULL, -1), EBADF);
    CHECK_ERR(tls_done(999, -1), EBADF);
    CHECK_ERR(tls_detach(999, -1), EBADF);
    tcp_pair(s);
    CHECK_ERR(tls_done(s[0], -1), ENOTSUP);
    CHECK_ERR(tls_detach(s[0], -1), ENOTSUP);
    CHECK_ERR(tls_attach_client_mem(s[0], NULL, -1), EINVAL);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
    /* No byte stream. */
    CHECK_OK(chmake(ch));
    CHECK_ERR(tls_attach_client_mem(ch[0], &mem, -1), EPROTO);
    CHECK_ERR(hclose(ch[0]), EBADF);
    CHECK_OK(hclose(ch[1]));
}

TEST(peer_talks_something_else) {
    static const char *const words[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff..",
        "\x80\x2e\x01\x03\x01..", "\x17\x03\x03\x50\x01.."};
    for(size_t i = 0; i != sizeof(words) / sizeof(words[0]); ++i) {
        int s[2];
        tcp_pair(s);
        /* Nobody waits for all the bytes that this would mean. */
        CHECK_OK(bsend(s[0], words[i], 7, -1));
        CHECK_ERR(tls_attach_server(s[1], CERT("chain.pem"), CERT("server.key"),
            -1), EPROTO);
        CHECK_OK(hclose(s[0]));
        tcp_pair(s);
        CHECK_OK(bsend(s[0], words[i], 7, -1));
        CHECK_ERR(tls_attach_client(s[1], -1), EPROTO);
        CHECK_OK(hclose(s[0]));
    }
}

TEST(handshake_ends_early) {
    int s[2];
    int64_t start = now();
    tcp_pair(s);
    CHECK_ERR(tls_attach_client(s[0], start + 10), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 10, 5000);
    CHECK_OK(hclose(s[1]));
    tcp_pair(s);
    CHECK_OK(tcp_done(s[0], -1));
    CHECK_ERR(tls_attach_server(s[1], CERT("chain.pem"), CERT("server.key"), -1),
        ECONNRESET);
    CHECK_OK(hclose(s[0]));
}

/* A stream that its user can end without a goodbye of TLS. */
struct tap {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under;
    /* Bytes that pass before the stream ends; -1 for all. */
    long left;
};

#define cont(ptr, type, member) ((type*)((char*)(ptr) - offsetof(type, member)))

static void *tap_query(struct hvfs *hvfs, const void *type) {
    struct tap *self = (struct tap*)hvfs;
    if(type == bsock_type) return &self->bvfs;
    errno = ENOTSUP;
    return NULL;
}

static void tap_close(struct hvfs *hvfs) {
    CHECK_OK(hclose(((struct tap*)hvfs)->under));
}

static int tap_bsendl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct tap *self = cont(bvfs, struct tap, bvfs);
    return bsendl(self->under, first, last, deadline);
}

static int tap_brecvl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct tap *self = cont(bvfs, struct tap, bvfs);
    long len = 0;
    for(struct iolist *it = first; it; it = it->iol_next)
        len += (long)it->iol_len;
    if(self->left >= 0 && self->left < len) {
        errno = EPIPE;
        return -1;
    }
    if(self->left >= 0) self->left -= len;
    return brecvl(self->under, first, last, deadline);
}

TEST(end_without_goodbye_is_an_error) {
    /* At a record's end, in its header, in its content. */
    for(long left = 0; left != 40; ++left) {
        int s[2];
        char buf[8];
        struct tap tap = {{tap_query, tap_close}, {tap_bsendl, tap_brecvl}, -1, -1};
        tcp_pair(s);
        tap.under = s[1];
        s[1] = hmake(&tap.hvfs);
        CHECK_HANDLE(s[1]);
        tls_pair_on(s);
        CHECK_OK(bsend(s[0], "abcd", 4, -1));
        CHECK_OK(bsend(s[0], "efgh", 4, -1));
        CHECK_OK(tls_done(s[0], -1));
        tap.left = left;
        CHECK_ERR(brecv(s[1], buf, 8, -1), ECONNRESET);
        CHECK_ERR(brecv(s[1], buf, 1, -1), ECONNRESET);
        CHECK_ERR(tls_detach(s[1], -1), ECONNRESET);
        CHECK_ERR(hclose(s[1]), EBADF);
        CHECK_OK(hclose(s[0]));
    }
}

/* A stream that changes one bit. */
static int flip_brecvl(struct bsock_vfs *bvfs, struct iolist *first,
        struct iolist *last, int64_t deadline) {
    struct tap *self = cont(bvfs, struct tap, bvfs);
    if(brecvl(self->under, first, last, deadline) < 0) return -1;
    /* Content of a record, not its header. */
    if(self->left >= 0 && first->iol_len > 5) ((char*)first->iol_base)[0] ^= 1;
    return 0;
}

TEST(tampering_is_noticed) {
    int s[2];
    char buf[4];
    struct tap tap = {{tap_query, tap_close}, {tap_bsendl, flip_brecvl}, -1, -1};
    tcp_pair(s);
    tap.under = s[1];
    s[1] = hmake(&tap.hvfs);
    CHECK_HANDLE(s[1]);
    tls_pair_on(s);
    tap.left = 0;
    CHECK_OK(bsend(s[0], "abcd", 4, -1));
    CHECK_ERR(brecv(s[1], buf, 4, -1), EPROTO);
    CHECK_ERR(brecv(s[1], buf, 4, -1), ECONNRESET);
    CHECK_ERR(bsend(s[1], buf, 4, -1), ECONNRESET);
    /* The peer was told. */
    CHECK_ERR(brecv(s[0], buf, 4, -1), EPROTO);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(deadlines) {
    /* More than fits in. */
    static char junk[16 << 20];
    int s[2];
    char buf[8];
    tls_pair(s);
    int64_t start = now();
    CHECK_ERR(brecv(s[1], buf, 1, 0), ETIMEDOUT);
    CHECK_OK(bsend(s[0], "x", 1, -1));
    CHECK_OK(brecv(s[1], buf, 1, -1));
    CHECK_OK(bsend(s[1], "abc", 3, -1));
    CHECK_OK(brecv(s[0], buf, 3, -1));
    CHECK_ERR(brecv(s[0], buf, 1, now() + 10), ETIMEDOUT);
    CHECK_ERR(bsend(s[0], junk, sizeof(junk), start + 50), ETIMEDOUT);
    CHECK_ERR(bsend(s[0], "x", 1, -1), ECONNRESET);
    CHECK_ERR(tls_done(s[0], -1), ECONNRESET);
    CHECK_ERR(tls_detach(s[0], -1), ECONNRESET);
    CHECK_OK(hclose(s[1]));
    /* The goodbye of the peer is waited for no longer than that. */
    tls_pair(s);
    start = now();
    CHECK_ERR(tls_detach(s[0], start + 20), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 20, 5000);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(hclose(s[1]));
}

static coroutine void receive_fails(int s, int err) {
    char c;
    CHECK_ERR(brecv(s, &c, 1, -1), err);
    note("failed");
}

TEST(cancelled_and_closed) {
    int s[2];
    char c;
    tls_pair(s);
    int b = go(receive_fails(s[0], ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("failed");
    CHECK_OK(bsend(s[1], "x", 1, -1));
    CHECK_OK(brecv(s[0], &c, 1, -1));
    /* Closed while somebody receives. */
    b = go(receive_fails(s[1], EBADF));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(s[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("failed");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    /* Detached while somebody receives. */
    tls_pair(s);
    b = go(receive_fails(s[0], EBADF));
    CHECK_HANDLE(b);
    CHECK_ERR(tls_detach(s[0], -1), EBUSY);
    CHECK_ERR(hclose(s[0]), EBADF);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("failed");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
}

static coroutine void is_interrupted(int s, int ch) {
    struct cancel_scope scope;
    char buf[4];
    CHECK_OK(cancel_enter(&scope, ch, -1));
    /* Before the first byte: nothing is lost. */
    CHECK_ERR(brecv(s, buf, 4, -1), ECANCELED);
    CHECK_ERR(bsend(s, "x", 1, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
    note("interrupted");
    CHECK_OK(brecv(s, buf, 4, -1));
    CHECK_OK(memcmp(buf, "abcd", 4));
    CHECK_OK(bsend(s, "x", 1, -1));
}

static coroutine void is_not_interrupted(int s, int ch) {
    struct cancel_scope scope;
    char buf[4];
    CHECK_OK(cancel_enter(&scope, ch, -1));
    note("receives");
    /* In the middle: the message is not torn. */
    CHECK_OK(brecv(s, buf, 4, -1));
    CHECK_OK(memcmp(buf, "abcd", 4));
    note("received");
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
}

TEST(requests_tear_nothing) {
    int s[2], ch[2];
    char c;
    tls_pair(s);
    CHECK_OK(chmake(ch));
    int b = go(is_interrupted(s[0], ch[0]));
    CHECK_HANDLE(b);
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(yield());
    CHECK_NOTES("interrupted");
    CHECK_OK(bsend(s[1], "abcd", 4, -1));
    CHECK_OK(brecv(s[1], &c, 1, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_go(b, is_not_interrupted(s[0], ch[0])));
    CHECK_NOTES("receives");
    CHECK_OK(bsend(s[1], "ab", 2, -1));
    /* Until it has got that. */
    CHECK_OK(msleep(now() + 20));
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(yield());
    CHECK_NOTES("");
    CHECK_OK(bsend(s[1], "cd", 2, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("received");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void attach_is_cancelled(int s) {
    CHECK_ERR(tls_attach_client(s, -1), ECANCELED);
    CHECK_ERR(hclose(s), EBADF);
}

TEST(attach_cancelled) {
    int s[2], fds = count_fds();
    tcp_pair(s);
    int b = go(attach_is_cancelled(s[0]));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
    CHECK_INT(count_fds(), fds);
}
