/* Sockets and protocols in all kinds of stacks, and all ways to end a call that waits. */

#ifndef NOTHING_DONE_H_INCLUDED
#define NOTHING_DONE_H_INCLUDED

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

/* Bytes that were sent behind the stack's back, or messages. */
static int fill(void) {
    int n = 0;
    if(stack->fills_itself) {
        while(stack->put(s[0], now() + 50) == 0) n++;
        CHECK_INT(errno, ETIMEDOUT);
        return n;
    }
    /* The other end's window may still have to be found full, on a busy machine later. */
    for(int pause = 0; pause != 20; ++pause) {
        while(send(raw[0], "#", 1, MSG_DONTWAIT) == 1) {
            n++;
            pause = 0;
        }
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

#endif
