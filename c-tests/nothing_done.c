/* A call that did nothing has done nothing: however it ends before its first byte or message, the
   socket is as it was, and the next call works. Every socket and protocol, both directions, every
   cause. What is cut in the middle is broken; cuts.c has more of that. */

#include <poll.h>

#include "stacks.h"
#include "tls.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

/* The stacks, and how they are made of two connected streams. */

struct stack {
    int local;
    int (*attach)(int s, int server);
    /* For those that need both ends at once. */
    void (*attach_both)(int s[2]);
    int (*put)(int s, int64_t deadline);
    int (*get)(int s, int64_t deadline);
    /* Its own small sends fill it up, and none of them is cut off. */
    int fills_itself;
};

static int put_bytes(int s, int64_t deadline) {
    return bsend(s, "data", 4, deadline);
}

static int get_bytes(int s, int64_t deadline) {
    char buf[4];
    if(brecv(s, buf, 4, deadline) < 0) return -1;
    return memcmp(buf, "data", 4);
}

static int put_message(int s, int64_t deadline) {
    return msend(s, "data", 4, deadline);
}

static int get_message(int s, int64_t deadline) {
    char buf[8];
    ssize_t n = mrecv(s, buf, sizeof(buf), deadline);
    if(n < 0) return -1;
    CHECK_INT(n, 4);
    return memcmp(buf, "data", 4);
}

static int put_text(int s, int64_t deadline) {
    return ws_send(s, WS_TEXT, "data", 4, deadline);
}

static int get_text(int s, int64_t deadline) {
    char buf[8];
    int flags = -1;
    ssize_t n = ws_recv(s, &flags, buf, sizeof(buf), deadline);
    if(n < 0) return -1;
    CHECK_INT(n, 4);
    CHECK_INT(flags, WS_TEXT);
    return memcmp(buf, "data", 4);
}

static int put_body(int s, int64_t deadline) {
    return http_sendbody(s, "data", 4, deadline);
}

static int get_body(int s, int64_t deadline) {
    char buf[4];
    ssize_t n = http_recvbody(s, buf, 4, deadline);
    if(n < 0) return -1;
    CHECK_INT(n, 4);
    return memcmp(buf, "data", 4);
}

static int attach_trickle(int s, int server) {
    (void)server;
    return trickle_attach(s);
}

static int attach_prefix(int s, int server) {
    (void)server;
    return prefix_attach(s, 4, 0);
}

static int attach_suffix(int s, int server) {
    (void)server;
    return suffix_attach(s, "\r\n", 2);
}

static int attach_term(int s, int server) {
    return term_attach(attach_prefix(s, server), "STOP", 4);
}

static int attach_ws(int s, int server) {
    if(server) return ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    return ws_attach_client(s, WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
}

static int attach_term_ws(int s, int server) {
    return term_attach(attach_ws(s, server), "STOP", 4);
}

static int attach_prefix_trickle(int s, int server) {
    return attach_prefix(trickle_attach(s), server);
}

static int attach_ws_trickle(int s, int server) {
    return attach_ws(trickle_attach(s), server);
}

static void attach_tls_twice(int s[2]) {
    tls_pair_on(s);
    tls_pair_on(s);
}

/* As the other one of the pair. */
static void attach_tls_server(int s[2]) {
    int swapped[2] = {s[1], s[0]};
    tls_pair_on(swapped);
    s[0] = swapped[1];
    s[1] = swapped[0];
}

static void attach_to_tls(int s[2], int (*attach)(int s, int server)) {
    tls_pair_on(s);
    for(int i = 0; i != 2; ++i) CHECK_HANDLE(s[i] = attach(s[i], i));
}

static void attach_prefix_tls(int s[2]) {
    attach_to_tls(s, attach_prefix);
}

static void attach_ws_tls(int s[2]) {
    attach_to_tls(s, attach_ws);
}

static void receive_fields(int s) {
    char name[64], value[64];
    while(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1) == 0);
    CHECK_INT(errno, EPIPE);
}

/* The body of a request and that of its response are under way; of that length, or in chunks. */
static void begin_bodies(int s[2], const char *field, const char *value) {
    char text[64], resource[64];
    for(int i = 0; i != 2; ++i) CHECK_HANDLE(s[i] = http_attach(s[i]));
    CHECK_OK(http_sendrequest(s[0], "POST", "/", -1));
    CHECK_OK(http_sendfield(s[0], field, value, -1));
    CHECK_OK(http_done(s[0], -1));
    CHECK_OK(http_recvrequest(s[1], text, sizeof(text), resource, sizeof(resource), -1));
    receive_fields(s[1]);
    CHECK_OK(http_sendstatus(s[1], 200, "OK", -1));
    CHECK_OK(http_sendfield(s[1], field, value, -1));
    CHECK_OK(http_done(s[1], -1));
    CHECK_INT(http_recvstatus(s[0], text, sizeof(text), -1), 200);
    receive_fields(s[0]);
}

static void attach_http_chunks(int s[2]) {
    begin_bodies(s, "Transfer-Encoding", "chunked");
}

static void attach_http_length(int s[2]) {
    begin_bodies(s, "Content-Length", "100000");
}

static void attach_http_tls(int s[2]) {
    tls_pair_on(s);
    attach_http_chunks(s);
}

#define STACKS "tcp ipc trickle prefix prefix_ipc prefix_trickle suffix term ws_text " \
    "ws_binary ws_ipc ws_trickle term_ws tls tls_server tls_ipc tls_tls prefix_tls ws_tls " \
    "http_chunks http_length http_stream http_tls"

static const struct stack stacks[] = {
    {0, NULL, NULL, put_bytes, get_bytes, 0},
    {1, NULL, NULL, put_bytes, get_bytes, 0},
    {0, attach_trickle, NULL, put_bytes, get_bytes, 0},
    {0, attach_prefix, NULL, put_message, get_message, 0},
    {1, attach_prefix, NULL, put_message, get_message, 0},
    {0, attach_prefix_trickle, NULL, put_message, get_message, 0},
    {0, attach_suffix, NULL, put_message, get_message, 0},
    {0, attach_term, NULL, put_message, get_message, 0},
    {0, attach_ws, NULL, put_text, get_text, 0},
    {0, attach_ws, NULL, put_message, get_message, 0},
    {1, attach_ws, NULL, put_text, get_text, 0},
    {0, attach_ws_trickle, NULL, put_message, get_message, 0},
    {0, attach_term_ws, NULL, put_message, get_message, 0},
    {0, NULL, tls_pair_on, put_bytes, get_bytes, 1},
    {0, NULL, attach_tls_server, put_bytes, get_bytes, 1},
    {1, NULL, tls_pair_on, put_bytes, get_bytes, 1},
    {0, NULL, attach_tls_twice, put_bytes, get_bytes, 1},
    {0, NULL, attach_prefix_tls, put_message, get_message, 1},
    {0, NULL, attach_ws_tls, put_message, get_message, 1},
    {0, NULL, attach_http_chunks, put_body, get_body, 0},
    {0, NULL, attach_http_length, put_body, get_body, 0},
    {0, NULL, attach_http_chunks, put_bytes, get_bytes, 0},
    {0, NULL, attach_http_tls, put_body, get_body, 1},
};

/* The stack that is tested, on descriptors of which these are others. */
static const struct stack *stack;
static int s[2], raw[2];

static void warm_up(void) {
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(stack->put(s[i], -1));
        CHECK_OK(stack->get(s[!i], -1));
    }
}

static void open_stack(void) {
    stack = &stacks[variant()];
    int fd[2], small = 4608;
    if(stack->local) CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
    else raw_tcp_pair(fd);
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
        CHECK_OK(setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
        CHECK((raw[i] = dup(fd[i])) >= 0);
        CHECK_HANDLE(s[i] = stack->local ? ipc_fromfd(fd[i]) : tcp_fromfd(fd[i]));
    }
    if(stack->attach_both) stack->attach_both(s);
    if(stack->attach)
        for(int i = 0; i != 2; ++i) CHECK_HANDLE(s[i] = stack->attach(s[i], i));
    warm_up();
}

static void close_stack(void) {
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(s[i]));
        CHECK_OK(close(raw[i]));
    }
}

/* The causes. */

enum cause {AT_ONCE, BY_DEADLINE, BY_SCOPE, BY_REQUEST, BY_CANCEL, CAUSES};

static int ended, ended_errno;

static coroutine void tries(int (*call)(int s, int64_t deadline), enum cause cause) {
    struct cancel_scope sc;
    int64_t deadline = cause == AT_ONCE ? 0 : cause == BY_DEADLINE ? now() + 10 : -1;
    if(cause == BY_SCOPE) CHECK_OK(cancel_enter(&sc, -1, now() + 10));
    if(cause == BY_REQUEST) CHECK_OK(cancel_enter(&sc, DILL_REQUEST, -1));
    ended = call(s[0], deadline);
    ended_errno = errno;
    if(cause == BY_SCOPE || cause == BY_REQUEST) CHECK_INT(cancel_leave(&sc), -1);
}

/* The call waits, and is ended. */
static void ends(int (*call)(int s, int64_t deadline), enum cause cause) {
    ended = ended_errno = 0;
    int b = go(tries(call, cause));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 5));
    if(cause != AT_ONCE) CHECK_INT(ended, 0);
    if(cause == BY_REQUEST) {
        CHECK_OK(bundle_cancel(b, -1));
    } else {
        if(cause != BY_CANCEL) CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    int err = cause == AT_ONCE || cause == BY_DEADLINE ? ETIMEDOUT : ECANCELED;
    CHECK_RESULT((errno = ended_errno, ended), -1, err);
}

/* The same call again, in vain: too late, as libdill wants it, and right now. */
static void ends_again(int (*call)(int s, int64_t deadline), int late) {
    CHECK_ERR(call(s[0], now() - 1), late);
    CHECK_ERR(call(s[0], now() - 1), late);
    CHECK_ERR(call(s[0], 0), ETIMEDOUT);
}

TEST(receives, VARIANTS(STACKS)) {
    open_stack();
    for(int cause = 0; cause != CAUSES; ++cause) {
        ends(stack->get, (enum cause)cause);
        /* Only a timeout is followed by that. */
        int late = cause == AT_ONCE || cause == BY_DEADLINE ? ECONNRESET : ETIMEDOUT;
        if(cause != AT_ONCE) CHECK_ERR(stack->get(s[0], now() - 1), late);
        ends_again(stack->get, ECONNRESET);
        warm_up();
    }
    close_stack();
}

/* Bytes that were sent behind the stack's back, or messages. */
static int fill(void) {
    int n = 0;
    if(stack->fills_itself) {
        while(stack->put(s[0], now() + 50) == 0) n++;
        CHECK_INT(errno, ETIMEDOUT);
        return n;
    }
    /* The other end's window may still have to be found full. */
    for(int pause = 0; pause != 20; ++pause) {
        while(send(raw[0], "#", 1, MSG_DONTWAIT) == 1) n++;
        CHECK_INT(errno, EAGAIN);
        CHECK_OK(msleep(now() + 1));
    }
    return n;
}

static void drain(int n) {
    char c;
    struct pollfd arrives = {raw[1], POLLIN, 0};
    for(int i = 0; i != n; ++i)
        if(stack->fills_itself) {
            CHECK_OK(stack->get(s[1], -1));
        } else {
            CHECK_INT(poll(&arrives, 1, 10000), 1);
            CHECK_INT(recv(raw[1], &c, 1, 0), 1);
        }
}

TEST(sends, VARIANTS(STACKS)) {
    open_stack();
    for(int cause = 0; cause != CAUSES; ++cause) {
        int n = fill();
        ends(stack->put, (enum cause)cause);
        if(cause == BY_DEADLINE) ends_again(stack->put, ECONNRESET);
        /* The other direction has not noticed. */
        CHECK_OK(stack->put(s[1], -1));
        CHECK_OK(stack->get(s[0], -1));
        drain(n);
        warm_up();
    }
    close_stack();
}

TEST(udp) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4));
    stack = &(const struct stack){0, NULL, NULL, put_message, get_message, 0};
    CHECK_HANDLE(s[0] = udp_open(&addr, NULL));
    CHECK_HANDLE(s[1] = udp_open(NULL, &addr));
    for(int cause = 0; cause != CAUSES; ++cause) {
        ends(stack->get, (enum cause)cause);
        /* In libdill, too, a datagram is there or not. */
        ends_again(stack->get, ETIMEDOUT);
        CHECK_OK(stack->put(s[1], -1));
        CHECK_OK(stack->get(s[0], -1));
    }
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
}

/* Descriptors that are passed. */

static int passed;

static int put_descriptor(int s, int64_t deadline) {
    return ipc_sendfd(s, 0, deadline);
}

static int get_descriptor(int s, int64_t deadline) {
    passed = ipc_recvfd(s, deadline);
    if(passed < 0) return -1;
    return close(passed);
}

TEST(descriptors) {
    int n, fd[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
    for(int i = 0; i != 2; ++i) {
        CHECK((raw[i] = dup(fd[i])) >= 0);
        CHECK_HANDLE(s[i] = ipc_fromfd(fd[i]));
    }
    stack = &(const struct stack){1, NULL, NULL, put_descriptor, get_descriptor, 0};
    for(int cause = 0; cause != CAUSES; ++cause) {
        ends(get_descriptor, (enum cause)cause);
        CHECK_ERR(get_descriptor(s[0], now() - 1), ETIMEDOUT);
        warm_up();
        n = fill();
        ends(put_descriptor, (enum cause)cause);
        drain(n);
        warm_up();
    }
    close_stack();
}

/* All ways to call. */

static int get_list(int s, int64_t deadline) {
    char buf[4];
    struct iolist tail = {buf + 1, 3, NULL, 0}, hole = {NULL, 1, &tail, 0};
    return brecvl(s, &hole, &tail, deadline);
}

static int skip(int s, int64_t deadline) {
    return brecv(s, NULL, 4, deadline);
}

static int get_message_list(int s, int64_t deadline) {
    char buf[4];
    struct iolist tail = {buf + 1, 3, NULL, 0}, hole = {NULL, 1, &tail, 0};
    return mrecvl(s, &hole, &tail, deadline) < 0 ? -1 : 0;
}

static int drop_message(int s, int64_t deadline) {
    return mrecv(s, NULL, 4, deadline) < 0 ? -1 : 0;
}

static int drop_everything(int s, int64_t deadline) {
    return brecvl(s, NULL, NULL, deadline);
}

static int put_list(int s, int64_t deadline) {
    struct iolist tail = {(char*)"ata", 3, NULL, 0}, head = {(char*)"d", 1, &tail, 0};
    return bsendl(s, &head, &tail, deadline);
}

static int put_message_list(int s, int64_t deadline) {
    struct iolist tail = {(char*)"ata", 3, NULL, 0}, head = {(char*)"d", 1, &tail, 0};
    return msendl(s, &head, &tail, deadline);
}

TEST(lists_and_holes, VARIANTS("tcp ipc trickle prefix prefix_ipc prefix_trickle suffix")) {
    open_stack();
    int messages = stack->put == put_message;
    for(int cause = 0; cause != CAUSES; ++cause) {
        int (*list)(int s, int64_t deadline) = messages ? get_message_list : get_list;
        int (*hole)(int s, int64_t deadline) = messages ? drop_message : skip;
        ends(list, (enum cause)cause);
        ends(hole, (enum cause)cause);
        if(!messages) {
            ends(drop_everything, (enum cause)cause);
            /* Nothing is asked for, so nothing is missing. */
            CHECK_OK(brecv(s[0], NULL, 0, now() - 1));
            CHECK_OK(bsend(s[0], NULL, 0, now() - 1));
        }
        CHECK_OK(stack->put(s[1], -1));
        CHECK_OK(list(s[0], -1));
        CHECK_OK(stack->put(s[1], -1));
        CHECK_OK(hole(s[0], -1));
        int n = fill();
        ends(messages ? put_message_list : put_list, (enum cause)cause);
        drain(n);
        CHECK_OK((messages ? put_message_list : put_list)(s[0], -1));
        CHECK_OK(stack->get(s[1], -1));
        warm_up();
    }
    close_stack();
}

/* libdill's own tests, tests/tcp.c and tests/ipc.c. */
TEST(libdill_wants_a_reset, VARIANTS("tcp ipc")) {
    char buf[16];
    open_stack();
    int64_t deadline = now() + 30;
    CHECK_ERR(brecv(s[0], buf, sizeof(buf), deadline), ETIMEDOUT);
    CHECK_ERR(brecv(s[0], buf, sizeof(buf), deadline), ECONNRESET);
    warm_up();
    /* There was no timeout just before this one. */
    CHECK_ERR(brecv(s[0], buf, sizeof(buf), deadline), ETIMEDOUT);
    /* What is there is received, be it too late. */
    CHECK_OK(bsend(s[1], "data", 4, -1));
    CHECK_OK(get_bytes(s[0], deadline));
    close_stack();
}

/* A heartbeat: a message after each period in which nothing has come. */

static coroutine void answers_late(int peer, int periods) {
    for(int i = 0; i != periods; ++i) CHECK_OK(get_text(peer, -1));
    CHECK_OK(put_text(peer, -1));
    CHECK_OK(get_text(peer, -1));
}

TEST(heartbeat, VARIANTS("tcp tls")) {
    int idle = 0;
    tcp_pair(s);
    if(variant()) tls_pair_on(s);
    for(int i = 0; i != 2; ++i) CHECK_HANDLE(s[i] = attach_ws(s[i], i));
    int b = go(answers_late(s[1], 5));
    CHECK_HANDLE(b);
    while(get_text(s[0], now() + 30000) < 0) {
        CHECK_INT(errno, ETIMEDOUT);
        CHECK_OK(put_text(s[0], -1));
        idle++;
    }
    CHECK_INT(idle, 5);
    CHECK_OK(put_text(s[0], -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
}

/* What is cut in the middle, and what only seems so. The peer writes bytes itself. */

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

/* What was read ahead counts as soon as a call takes it. */

static int get_much(int s, int64_t deadline) {
    char buf[8];
    return brecv(s, buf, sizeof(buf), deadline);
}

TEST(read_ahead, VARIANTS("receives skips drops")) {
    int (*const calls[])(int s, int64_t deadline) = {get_much, get_list, drop_everything};
    char buf[4];
    for(int cause = 0; cause != CAUSES; ++cause) {
        if(cause == BY_REQUEST) continue;
        tcp_pair(s);
        CHECK_OK(bsend(s[1], "1234567", variant() == 1 ? 3 : 7, -1));
        CHECK_OK(brecv(s[0], buf, 2, -1));
        ends(calls[variant()], (enum cause)cause);
        CHECK_OK(bsend(s[1], "data", 4, -1));
        CHECK_ERR(brecv(s[0], buf, 1, -1), ECONNRESET);
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
