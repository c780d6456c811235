/* What is cut in the middle is broken, in each way that there is, and what only seems to be in the
   middle is not. cuts.c has more of that. */

#include "nothing_done.h"

/* The peer writes bytes itself. */

static int as_it_is(int s) {
    return s;
}

static int ws_client(int s) {
    return attach_ws(s, 0);
}

static int prefix(int s) {
    return attach_prefix(s, 0);
}

static int suffix(int s) {
    return attach_suffix(s, 0);
}

static int chunked_body(int s) {
    char buf[64];
    s = http_attach(s);
    CHECK_HANDLE(s);
    CHECK_INT(http_recvstatus(s, buf, sizeof(buf), -1), 200);
    receive_fields(s);
    return s;
}

/* As far as the first chunk. */
static int after_a_chunk(int s) {
    s = chunked_body(s);
    CHECK_OK(get_body(s, -1));
    return s;
}

static int get_request(int s, int64_t deadline) {
    char command[8], resource[8];
    return http_recvrequest(s, command, sizeof(command), resource, sizeof(resource), deadline);
}

static int in_the_head(int s) {
    s = http_attach(s);
    CHECK_HANDLE(s);
    CHECK_OK(get_request(s, -1));
    return s;
}

static int get_field(int s, int64_t deadline) {
    char name[8], value[8];
    return http_recvfield(s, name, sizeof(name), value, sizeof(value), deadline);
}

#define BYTES(text) text, sizeof(text) - 1
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Name; what comes before the socket is attached; how it is; what comes before the call that
   ends, and after it; the call; how it fails then. */
#define SCRIPTS(X)\
    X(bytes, "", as_it_is, "da", "ta", get_bytes, ECONNRESET)\
    X(prefix_header, "", prefix, "\0\0", "\0\4data", get_message, ECONNRESET)\
    X(prefix_body, "", prefix, "\0\0\0\4", "data", get_message, ECONNRESET)\
    X(suffix_text, "", suffix, "da", "ta\r\n", get_message, ECONNRESET)\
    X(ws_header, "", ws_client, "\x82", "\4data", get_message, ECONNRESET)\
    X(ws_payload, "", ws_client, "\x82\4", "data", get_message, ECONNRESET)\
    X(ws_fragment, "", ws_client, "\2\2da", "\x80\2ta", get_message, ECONNRESET)\
    X(ws_fragment_and_ping, "", ws_client, "\2\2da\x89\0", "\x80\2ta", get_message, ECONNRESET)\
    X(ws_ping, "", ws_client, "\x89\1x", "\x82\4data", get_message, 0)\
    X(ws_pings, "", ws_client, "\x89\1x\x89\1y\x8A\0", "\x82\4data", get_message, 0)\
    X(ws_half_a_ping, "", ws_client, "\x89\4pi", "ng\x82\4data", get_message, 0)\
    X(ws_a_byte_of_a_ping, "", ws_client, "\x89", "\0\x82\4data", get_message, 0)\
    X(ws_half_a_pong, "", ws_client, "\x8A\1x\x8A\4po", "ng\x82\4data", get_message, 0)\
    X(http_line, "", http_attach, "GE", "T / HTTP/1.1\r\n\r\n", get_request, ECONNRESET)\
    X(http_empty_line, "", http_attach, "\r\n", "GET / HTTP/1.1\r\n\r\n", get_request, 0)\
    X(http_field, "GET / HTTP/1.1\r\n", in_the_head, "a", ": b\r\n", get_field, ECONNRESET)\
    X(http_no_field_yet, "GET / HTTP/1.1\r\n", in_the_head, "", "a: b\r\n", get_field, 0)\
    X(http_part, CHUNKED "4\r\n", chunked_body, "da", "ta\r\n", get_body, ECONNRESET)\
    X(http_chunks, CHUNKED, chunked_body, "2\r\nda\r\n", "2\r\nta\r\n", get_body, ECONNRESET)\
    X(http_first_size, CHUNKED, chunked_body, "4\r\n", "data\r\n", get_body, 0)\
    X(http_between, CHUNKED "4\r\ndata\r\n", after_a_chunk, "", "4\r\ndata\r\n", get_body, 0)\
    X(http_half_a_size, CHUNKED "4\r\ndata", after_a_chunk, "\r\n4", "\r\ndata\r\n", get_body, 0)\
    X(http_size, CHUNKED "4\r\ndata\r\n", after_a_chunk, "4\r\n", "data\r\n", get_body, 0)

#define ROW(name, before, attach, first, rest, get, err)\
    {BYTES(before), attach, BYTES(first), BYTES(rest), get, err},
#define NAME(name, before, attach, first, rest, get, err) " " #name

static const struct row {
    const char *before;
    size_t before_len;
    int (*attach)(int s);
    const char *first;
    size_t first_len;
    const char *rest;
    size_t rest_len;
    int (*get)(int s, int64_t deadline);
    int err;
} rows[] = {SCRIPTS(ROW)};

TEST(in_the_middle, VARIANTS(SCRIPTS(NAME))) {
    const struct row *row = &rows[variant()];
    for(int cause = AT_ONCE; cause != CAUSES; ++cause) {
        /* What has begun is not interrupted by that. */
        if(cause == BY_REQUEST && row->err) continue;
        tcp_pair(s);
        CHECK_OK(bsend(s[1], row->before, row->before_len, -1));
        CHECK_HANDLE(s[0] = row->attach(s[0]));
        CHECK_OK(bsend(s[1], row->first, row->first_len, -1));
        CHECK_OK(msleep(now() + 1));
        ends(row->get, (enum cause)cause);
        CHECK_OK(bsend(s[1], row->rest, row->rest_len, -1));
        if(row->err) CHECK_ERR(row->get(s[0], -1), row->err);
        else CHECK_OK(row->get(s[0], -1));
        for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
    }
}

/* A TLS receive that has got some of its bytes, out of a record that is there. */
TEST(tls_in_the_middle) {
    char buf[8];
    for(int cause = 0; cause != CAUSES; ++cause) {
        if(cause == BY_REQUEST) continue;
        tls_pair(s);
        CHECK_OK(bsend(s[1], "12da", 4, -1));
        CHECK_OK(brecv(s[0], buf, 2, -1));
        ends(get_bytes, (enum cause)cause);
        CHECK_OK(bsend(s[1], "ta", 2, -1));
        CHECK_ERR(brecv(s[0], buf, 1, -1), ECONNRESET);
        for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
    }
}

/* A send that was cut off ends its direction, and no other. */
TEST(sends_in_the_middle, VARIANTS(STACKS)) {
    static char much[1 << 20];
    open_stack();
    int messages = stack->put != put_bytes && stack->put != put_body;
    /* More than that does not fit in one of these. */
    struct iolist all = {much, stack->put == put_body ? 90000 : sizeof(much), NULL, 0};
    CHECK_ERR((messages ? msendl : bsendl)(s[0], &all, &all, now() + 10), ETIMEDOUT);
    CHECK_ERR(stack->put(s[0], -1), ECONNRESET);
    CHECK_OK(stack->put(s[1], -1));
    CHECK_OK(stack->get(s[0], -1));
    close_stack();
}

/* Heads of HTTP. */

TEST(http_head_is_kept) {
    int fd[2], small = 4608;
    stack = &stacks[0];
    raw_tcp_pair(fd);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
        CHECK_OK(setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
        CHECK((raw[i] = dup(fd[i])) >= 0);
        CHECK_HANDLE(s[i] = tcp_fromfd(fd[i]));
        CHECK_HANDLE(s[i] = http_attach(s[i]));
    }
    CHECK_OK(http_sendrequest(s[0], "GET", "/", -1));
    int n = fill();
    for(int cause = 0; cause != CAUSES; ++cause) {
        ends(http_done, (enum cause)cause);
        CHECK_OK(http_sendfield(s[0], "a", "b", -1));
    }
    drain(n);
    CHECK_OK(http_done(s[0], -1));
    CHECK_OK(get_request(s[1], -1));
    for(int cause = 0; cause != CAUSES; ++cause) CHECK_OK(get_field(s[1], -1));
    CHECK_ERR(get_field(s[1], -1), EPIPE);
    close_stack();
}

TEST(http_heads) {
    char buf[64];
    tcp_pair(s);
    for(int i = 0; i != 2; ++i) CHECK_HANDLE(s[i] = http_attach(s[i]));
    for(int cause = 0; cause != CAUSES; ++cause) {
        ends(get_request, (enum cause)cause);
        CHECK_OK(http_sendrequest(s[1], "GET", "/", -1));
        CHECK_OK(http_sendfield(s[1], "a", "b", -1));
        CHECK_OK(http_done(s[1], -1));
        CHECK_OK(get_request(s[0], -1));
        CHECK_OK(get_field(s[0], -1));
        CHECK_ERR(get_field(s[0], -1), EPIPE);
        CHECK_OK(http_sendstatus(s[0], 204, "-", -1));
        CHECK_OK(http_done(s[0], -1));
        CHECK_INT(http_recvstatus(s[1], buf, sizeof(buf), -1), 204);
        receive_fields(s[1]);
    }
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
}

/* A body whose head was not looked at has not begun with that. */
TEST(http_body_behind_a_head) {
    for(int cause = 0; cause != CAUSES; ++cause) {
        tcp_pair(s);
        CHECK_HANDLE(s[0] = http_attach(s[0]));
        CHECK_OK(bsend(s[1], BYTES("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n"), -1));
        CHECK_OK(get_request(s[0], -1));
        ends(get_body, (enum cause)cause);
        CHECK_OK(bsend(s[1], "data", 4, -1));
        CHECK_OK(get_body(s[0], -1));
        for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
    }
}

/* A part of a record that choose has taken is kept by a call that gets no more of it. */

static coroutine void forwards(int from, int to) {
    char c;
    while(brecv(from, &c, 1, -1) == 0) CHECK_OK(bsend(to, &c, 1, -1));
    CHECK_INT(errno, ECANCELED);
}

TEST(tls_record_in_pieces) {
    int far[2], b = bundle(), n = 0;
    char record[64];
    tcp_pair(s);
    tcp_pair(far);
    /* The session is between s[0] and far[0]; what it sends goes through s[1] and far[1]. */
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, forwards(s[1], far[1])));
    CHECK_OK(bundle_go(b, forwards(far[1], s[1])));
    int ends_of_session[2] = {s[0], far[0]};
    tls_pair_on(ends_of_session);
    s[0] = ends_of_session[0];
    far[0] = ends_of_session[1];
    CHECK_OK(put_bytes(s[0], -1));
    CHECK_OK(get_bytes(far[0], -1));
    CHECK_OK(put_bytes(far[0], -1));
    CHECK_OK(get_bytes(s[0], -1));
    CHECK_OK(hclose(b));
    for(int cut = 1; !n || cut != n; ++cut) {
        CHECK_OK(put_bytes(far[0], -1));
        CHECK_OK(brecv(far[1], record, 5, -1));
        n = 5 + record[4];
        CHECK_BETWEEN(n, 10, sizeof(record));
        CHECK_OK(brecv(far[1], record + 5, (size_t)n - 5, -1));
        CHECK_OK(bsend(s[1], record, (size_t)cut, -1));
        struct chclause input = {CHSOCK, s[0], NULL, 0};
        CHECK_RESULT(choose(&input, 1, now() + 10), -1, ETIMEDOUT);
        for(int cause = 0; cause != CAUSES; ++cause) ends(get_bytes, (enum cause)cause);
        CHECK_OK(bsend(s[1], record + cut, (size_t)(n - cut), -1));
        CHECK_OK(get_bytes(s[0], -1));
    }
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(s[i]));
        CHECK_OK(hclose(far[i]));
    }
}
