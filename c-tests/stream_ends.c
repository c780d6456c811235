/* A stream of bytes that ends after any number of them: only an end exactly between two
   messages is a clean one (EPIPE); each other one is ECONNRESET, and stays it. */

#include "stacks.h"
#include "tls.h"

ALL_TESTS(BOTH_POLLERS)

enum stack {PREFIX, PREFIX_LITTLE, SUFFIX, SUFFIX_LONG, TERM_PREFIX, TERM_SUFFIX, WS_CLIENT,
    WS_SERVER, HTTP_LENGTH, HTTP_CHUNKED, HTTP_RESPONSE, TLS, PREFIX_TLS, PREFIX_HTTP};
#define STACKS\
    OVER_EACH("prefix_") OVER_EACH("prefix_little_") OVER_EACH("suffix_")\
    OVER_EACH("suffix_long_") OVER_EACH("term_prefix_") OVER_EACH("term_suffix_")\
    OVER_EACH("ws_client_") OVER_EACH("ws_server_") OVER_EACH("http_length_")\
    OVER_EACH("http_chunked_") OVER_EACH("http_response_") OVER_EACH("tls_")\
    OVER_EACH("prefix_tls_") OVER_EACH("prefix_http_")

/* A protocol that passes so many bytes on, then ends the stream and drops the rest. */
struct cutter {
    struct hvfs hvfs;
    struct bsock_vfs bvfs;
    int under, ended;
    /* Bytes that may still pass; -1: all. */
    long left;
    /* Bytes that were sent. */
    long count;
};

#define CUTTER(vfs) CONT(vfs, struct cutter, bvfs)

static void *cutter_query(struct hvfs *hvfs, const void *type) {
    if(type == bsock_type) return &((struct cutter*)hvfs)->bvfs;
    errno = ENOTSUP;
    return NULL;
}

static void cutter_close(struct hvfs *hvfs) {
    CHECK_OK(hclose(((struct cutter*)hvfs)->under));
}

static void cutter_end(struct cutter *self) {
    if(self->ended) return;
    self->ended = 1;
    if(tcp_done(self->under, -1) < 0) CHECK_OK(ipc_done(self->under, -1));
}

static void cutter_limit(struct cutter *self, long left) {
    self->left = left;
    self->count = 0;
    if(left == 0) cutter_end(self);
}

static int cutter_send(struct bsock_vfs *vfs, struct iolist *first, struct iolist *last,
        int64_t deadline) {
    struct cutter *self = CUTTER(vfs);
    (void)last;
    for(struct iolist *it = first; it; it = it->iol_next) {
        size_t len = it->iol_len;
        self->count += (long)len;
        if(self->left >= 0 && len > (size_t)self->left) len = (size_t)self->left;
        if(len) CHECK_OK(bsend(self->under, it->iol_base, len, deadline));
        if(self->left >= 0) self->left -= (long)len;
        if(self->left == 0) cutter_end(self);
    }
    return 0;
}

static int cutter_recv(struct bsock_vfs *vfs, struct iolist *first, struct iolist *last,
        int64_t deadline) {
    return brecvl(CUTTER(vfs)->under, first, last, deadline);
}

/* The test: the kind, what is between its ends, and both ends; s[0] sends through the cutter. */
static enum stack stack;
static enum transport transport;
static struct cutter cutter;
static int s[2];

static int is_http(void) {
    return stack >= HTTP_LENGTH && stack <= HTTP_RESPONSE;
}

static int attach(int h, int sends) {
    switch(stack) {
    case PREFIX: case PREFIX_TLS: return prefix_attach(h, 2, 0);
    case PREFIX_LITTLE: return prefix_attach(h, 8, PREFIX_LITTLE_ENDIAN);
    case PREFIX_HTTP: return h;
    case SUFFIX: return suffix_attach(h, "\n", 1);
    case SUFFIX_LONG: return suffix_attach(h, "-end-", 5);
    case TERM_PREFIX: return term_attach(prefix_attach(h, 1, 0), "STOP", 4);
    case TERM_SUFFIX: return term_attach(suffix_attach(h, "\r\n", 2), "", 0);
    case WS_CLIENT: case WS_SERVER:
        if((stack == WS_CLIENT) == sends)
            return ws_attach_client(h, WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
        return ws_attach_server(h, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    case TLS: return h;
    default: return http_attach(h);
    }
}

static void open_pair(void) {
    transport_pair(transport == OVER_TCP ? OVER_TCP : OVER_IPC, s);
    memset(&cutter, 0, sizeof(cutter));
    cutter.hvfs.query = cutter_query;
    cutter.hvfs.close = cutter_close;
    cutter.bvfs.bsendl = cutter_send;
    cutter.bvfs.brecvl = cutter_recv;
    cutter.under = s[0];
    cutter.left = -1;
    s[0] = hmake(&cutter.hvfs);
    CHECK_HANDLE(s[0]);
    /* A stream in C, which receives byte by byte. */
    if(transport == OVER_TRICKLE) s[1] = trickle_attach(s[1]);
    if(stack == TLS || stack == PREFIX_TLS) tls_pair_on(s);
    for(int i = 0; i != 2; ++i) {
        s[i] = attach(s[i], i == 0);
        CHECK_HANDLE(s[i]);
    }
}

static void send_message(void) {
    switch(stack) {
    case TLS:
        CHECK_OK(bsend(s[0], "abcd", 4, -1));
        break;
    case PREFIX_HTTP:
        /* A body of two messages by PREFIX, made by hand. */
        if(cutter.count == 0)
            CHECK_OK(bsend(s[0], "POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n", 39, -1));
        CHECK_OK(bsend(s[0], "\0\4abcd", 6, -1));
        break;
    case HTTP_LENGTH:
        CHECK_OK(http_sendrequest(s[0], "PUT", "/", -1));
        CHECK_OK(http_sendfield(s[0], "Content-Length", "4", -1));
        CHECK_OK(http_sendbody(s[0], "abcd", 4, -1));
        break;
    case HTTP_CHUNKED:
        CHECK_OK(http_sendrequest(s[0], "PUT", "/", -1));
        CHECK_OK(http_sendfield(s[0], "Transfer-Encoding", "chunked", -1));
        CHECK_OK(http_sendbody(s[0], "ab", 2, -1));
        CHECK_OK(http_sendbody(s[0], "cd", 2, -1));
        CHECK_OK(http_donebody(s[0], -1));
        break;
    case HTTP_RESPONSE:
        CHECK_OK(http_sendstatus(s[0], 200, "OK", -1));
        CHECK_OK(http_sendfield(s[0], "Content-Length", "4", -1));
        CHECK_OK(http_sendbody(s[0], "abcd", 4, -1));
        break;
    default:
        CHECK_OK(msend(s[0], "abcd", 4, -1));
    }
}

/* What tells the peer that this was the last message, where the protocol has such a thing. */
static int send_end(void) {
    switch(stack) {
    case TERM_PREFIX: case TERM_SUFFIX: CHECK_OK(term_done(s[0], -1)); return 1;
    case WS_CLIENT: case WS_SERVER: CHECK_OK(ws_done(s[0], 1000, "bye", 3, -1)); return 1;
    case TLS: CHECK_OK(tls_done(s[0], -1)); return 1;
    default: return 0;
    }
}

static char name[64], value[64];

static int receive_head(void) {
    int rc = stack == HTTP_RESPONSE ? http_recvstatus(s[1], name, sizeof(name), -1) :
        http_recvrequest(s[1], name, sizeof(name), value, sizeof(value), -1);
    return rc < 0 ? -1 : 0;
}

static int receive_field(void) {
    return http_recvfield(s[1], name, sizeof(name), value, sizeof(value), -1);
}

/* 0 for a whole message; part is set when a failure was within one by HTTP. */
static int receive_message(int *part) {
    char buf[8];
    *part = 0;
    if(stack == TLS) return brecv(s[1], buf, 4, -1);
    if(!is_http()) {
        int rc = (int)mrecv(s[1], buf, sizeof(buf), -1);
        if(rc >= 0) CHECK_INT(rc, 4);
        return rc < 0 ? -1 : 0;
    }
    if(receive_head() < 0) return -1;
    *part = 1;
    while(receive_field() == 0);
    if(errno != EPIPE) return -1;
    CHECK(brecv(s[1], buf, 4, -1) == 0 || errno != EPIPE);
    if(errno == ECONNRESET) return -1;
    if(brecv(s[1], buf, 1, -1) == 0 || errno != EPIPE) return -1;
    errno = 0;
    return 0;
}

/* Nothing that is received later looks like an end of anything. */
static void failed_for_good(int err, int part) {
    int ignored;
    if(is_http()) {
        for(int i = 0; i != 2; ++i) {
            CHECK_ERR(receive_field(), ECONNRESET);
            CHECK_ERR(http_recvbody(s[1], value, 1, -1), ECONNRESET);
            CHECK_ERR(brecv(s[1], value, 1, -1), ECONNRESET);
            CHECK_ERR(receive_head(), part ? ECONNRESET : err);
        }
        return;
    }
    for(int i = 0; i != 2; ++i) {
        CHECK_INT(receive_message(&ignored), -1);
        /* As in libdill: those without a mark for the end don't repeat EPIPE. */
        if(err != EPIPE || errno != EPIPE) CHECK_INT(errno, ECONNRESET);
    }
}

static void close_pair(void) {
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

/* What the sender sends, with where its messages end; the last one is where the stream has a
   clean end. */
static int boundaries(long *at) {
    int n = 0;
    open_pair();
    cutter_limit(&cutter, -1);
    at[n++] = 0;
    for(int i = 0; i != 2; ++i) {
        send_message();
        at[n++] = cutter.count;
    }
    if(send_end()) at[n++] = cutter.count;
    close_pair();
    return n;
}

static void cut_at(long cut, const long *at, int n) {
    open_pair();
    if(stack == PREFIX_HTTP) {
        /* The receiver has PREFIX on top of a body. */
        s[1] = http_attach(s[1]);
        CHECK_HANDLE(s[1]);
    }
    cutter_limit(&cutter, cut);
    for(int i = 0; i != 2; ++i) send_message();
    send_end();
    cutter_end(&cutter);
    if(stack == PREFIX_HTTP) {
        if(receive_head() < 0) {
            CHECK_INT(errno, cut == 0 ? EPIPE : ECONNRESET);
            close_pair();
            return;
        }
        s[1] = prefix_attach(s[1], 2, 0);
        CHECK_HANDLE(s[1]);
    }
    int whole = 0, clean = 0, part;
    for(int i = 1; i != 3; ++i) whole += at[i] <= cut;
    /* An end that is marked is clean behind the mark only. */
    for(int i = n == 3 ? 0 : 3; i != n; ++i) clean |= at[i] == cut;
    if(stack == PREFIX_TLS) clean = 0;
    if(stack == PREFIX_HTTP) clean = cut == at[2];
    for(int i = 0; i != whole; ++i) CHECK_OK(receive_message(&part));
    CHECK_INT(receive_message(&part), -1);
    CHECK_INT(errno, clean ? EPIPE : ECONNRESET);
    failed_for_good(errno, part);
    close_pair();
}

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
    transport = (enum transport)(variant() % TRANSPORTS);
}

TEST(at_every_byte, VARIANTS(STACKS)) {
    long at[4];
    stack = (enum stack)(variant() / TRANSPORTS);
    int n = boundaries(at);
    for(long cut = 0; cut <= at[n - 1]; ++cut) {
        about("after %ld bytes", cut);
        cut_at(cut, at, n);
    }
}

/* The encrypted stream ends properly, in the middle of a message. */
TEST(of_an_encrypted_stream, VARIANTS(OVER_EACH(""))) {
    int part;
    for(int len = 0; len != 6; ++len) {
        stack = TLS;
        open_pair();
        CHECK_OK(bsend(s[0], "\0\4abcd", (size_t)len + (len == 0), -1));
        CHECK_OK(tls_done(s[0], -1));
        if(len == 0) CHECK_OK(brecv(s[1], NULL, 1, -1));
        stack = PREFIX;
        s[1] = attach(s[1], 0);
        CHECK_HANDLE(s[1]);
        CHECK_INT(receive_message(&part), -1);
        CHECK_INT(errno, len == 0 ? EPIPE : ECONNRESET);
        close_pair();
    }
}
