/* In a steady state sockets allocate nothing: the allocator is this program's, and counts. */

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static long allocations;

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    allocations++;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    allocations++;
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

static struct ipaddr address;

static coroutine void echoes(int s) {
    char buf[64];
    while(brecv(s, buf, sizeof(buf), now() + 60000) == 0)
        if(bsend(s, buf, sizeof(buf), now() + 60000) < 0) break;
    (void)tcp_close(s, now() + 60000);
}

static coroutine void serves(int listener) {
    while(1) {
        int s = tcp_accept(listener, NULL, -1);
        if(s < 0) return;
        echoes(s);
    }
}

static int client;

static void round_trip(void) {
    char buf[64] = {0};
    CHECK_OK(bsend(client, buf, sizeof(buf), now() + 60000));
    CHECK_OK(brecv(client, buf, sizeof(buf), now() + 60000));
}

/* In pieces and lists, and more than is read ahead. */
static void lists(void) {
    static char big[64 * 50];
    struct iolist second = {big + 10, sizeof(big) - 10, NULL, 0};
    struct iolist first = {big, 10, &second, 0};
    CHECK_OK(bsendl(client, &first, &second, now() + 60000));
    CHECK_OK(brecvl(client, &first, &second, now() + 60000));
    CHECK_OK(bsend(client, big, 64, -1));
    CHECK_OK(brecv(client, NULL, 60, -1));
    CHECK_OK(brecv(client, big, 4, -1));
}

static void times_out(void) {
    char buf[1];
    int s = tcp_connect(&address, -1);
    CHECK_HANDLE(s);
    CHECK_ERR(brecv(s, buf, 1, now() + 1), ETIMEDOUT);
    CHECK_OK(hclose(s));
}

static void connection(void) {
    char buf[64] = {0};
    int s = tcp_connect(&address, -1);
    CHECK_HANDLE(s);
    CHECK_OK(bsend(s, buf, sizeof(buf), -1));
    CHECK_OK(brecv(s, buf, sizeof(buf), -1));
    CHECK_OK(tcp_close(s, -1));
}

static int pair[2];

static void local(void) {
    char buf[16] = {0};
    CHECK_OK(bsend(pair[0], buf, sizeof(buf), -1));
    CHECK_OK(brecv(pair[1], buf, sizeof(buf), -1));
}

static int framed[2];

static coroutine void sends_message(int s) {
    CHECK_OK(msend(s, "message", 7, -1));
}

static void messages(void) {
    char buf[16];
    int b = go(sends_message(framed[0]));
    CHECK_HANDLE(b);
    CHECK_INT(mrecv(framed[1], buf, sizeof(buf), -1), 7);
    CHECK_OK(hclose(b));
}

static int web[2];

static coroutine void answers(void) {
    char name[64], value[64];
    CHECK_OK(http_recvrequest(web[1], name, sizeof(name), value, sizeof(value), -1));
    while(http_recvfield(web[1], name, sizeof(name), value, sizeof(value), -1) == 0) continue;
    CHECK_INT(errno, EPIPE);
    CHECK_OK(http_sendstatus(web[1], 200, "OK", -1));
    CHECK_OK(http_sendfield(web[1], "Content-Length", "5", -1));
    CHECK_OK(http_sendbody(web[1], "hello", 5, -1));
}

static void http(void) {
    char name[64], value[64], body[5];
    int b = go(answers());
    CHECK_HANDLE(b);
    CHECK_OK(http_sendrequest(web[0], "GET", "/", -1));
    CHECK_OK(http_sendfield(web[0], "Host", "here", -1));
    CHECK_OK(http_done(web[0], -1));
    CHECK_INT(http_recvstatus(web[0], name, sizeof(name), -1), 200);
    while(http_recvfield(web[0], name, sizeof(name), value, sizeof(value), -1) == 0) continue;
    CHECK_OK(brecv(web[0], body, sizeof(body), -1));
    CHECK_OK(hclose(b));
}

static int start_server(int *listener) {
    CHECK_OK(ipaddr_local(&address, "127.0.0.1", 0, 0));
    *listener = tcp_listen(&address, 10);
    CHECK_HANDLE(*listener);
    int b = go(serves(*listener));
    CHECK_HANDLE(b);
    return b;
}

/* How much is needed at a time depends on who runs when, so it takes some rounds until nothing
   more is. */
static void steady(void (*action)(void)) {
    long before;
    int rounds = 0;
    do {
        CHECK(rounds++ < 10);
        before = allocations;
        for(int i = 0; i != 200; ++i) action();
    } while(allocations != before);
}

/* The allocator is this one. */
AFTER_EACH {
    CHECK(allocations > 0);
}

TEST(on_one_connection) {
    int listener, b = start_server(&listener);
    client = tcp_connect(&address, -1);
    CHECK_HANDLE(client);
    steady(round_trip);
    steady(lists);
    CHECK_OK(hclose(client));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(listener));
}

TEST(on_many_connections) {
    int listener, b = start_server(&listener);
    steady(times_out);
    steady(connection);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(listener));
}

TEST(on_local_sockets) {
    CHECK_OK(ipc_pair(pair));
    steady(local);
    CHECK_OK(hclose(pair[0]));
    CHECK_OK(hclose(pair[1]));
}

TEST(on_prefixed_messages) {
    CHECK_OK(ipc_pair(pair));
    for(int i = 0; i != 2; ++i) {
        framed[i] = prefix_attach(pair[i], 2, 0);
        CHECK_HANDLE(framed[i]);
    }
    steady(messages);
    CHECK_OK(hclose(framed[0]));
    CHECK_OK(hclose(framed[1]));
}

TEST(on_http) {
    CHECK_OK(ipc_pair(pair));
    for(int i = 0; i != 2; ++i) {
        web[i] = http_attach(pair[i]);
        CHECK_HANDLE(web[i]);
    }
    steady(http);
    CHECK_OK(hclose(web[0]));
    CHECK_OK(hclose(web[1]));
}
