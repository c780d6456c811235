/* A call that did nothing has done nothing: however it ends before its first byte or message, the
   socket is as it was, and the next call works. Every socket and protocol, both directions, every
   cause. */

#include "nothing_done.h"

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

/* An empty line before a request. */

static int get_request(int s, int64_t deadline) {
    char method[8], resource[8];
    if(http_recvrequest(s, method, sizeof(method), resource, sizeof(resource), deadline) < 0)
        return -1;
    CHECK_STR(method, "GET");
    CHECK_STR(resource, "/");
    return 0;
}

static void send_text(const char *text) {
    CHECK_OK(bsend(s[1], text, strlen(text), -1));
}

TEST(empty_lines, VARIANTS("tcp ipc trickle")) {
    char data[4];
    open_stack();
    CHECK_HANDLE(s[0] = http_attach(s[0]));
    for(int cause = 0; cause != CAUSES; ++cause) {
        send_text("\r");
        ends(get_request, (enum cause)cause);
        ends(get_request, (enum cause)cause);
        send_text("\n");
        ends(get_request, (enum cause)cause);
        send_text("GET / HTTP/1.1\r\n\r\n");
        CHECK_OK(get_request(s[0], -1));
        receive_fields(s[0]);
        CHECK_OK(http_sendstatus(s[0], 204, "No Content", -1));
        CHECK_OK(http_done(s[0], -1));
    }
    /* What comes after the line belongs to whoever gets the stream back. */
    send_text("\r");
    ends(get_request, BY_DEADLINE);
    send_text("\ndata");
    CHECK_HANDLE(s[0] = http_detach(s[0], -1));
    CHECK_OK(brecv(s[0], data, 4, -1));
    CHECK_INT(memcmp(data, "data", 4), 0);
    close_stack();
}

/* The first byte of a head begins it. */
TEST(heads, VARIANTS("tcp ipc trickle")) {
    static const char *const beginnings[] = {"\rG", "G", "\r\n\r"};
    for(int i = 0; i != 3; ++i) {
        open_stack();
        CHECK_HANDLE(s[0] = http_attach(s[0]));
        send_text(beginnings[i]);
        if(i == 0) CHECK_ERR(get_request(s[0], -1), EPROTO);
        else ends(get_request, BY_DEADLINE);
        CHECK_ERR(get_request(s[0], -1), ECONNRESET);
        close_stack();
    }
}
