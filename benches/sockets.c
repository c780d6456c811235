/* Processor time of a server, user and system, per operation: an echo of 64 bytes, an HTTP
   request, a chunk of 64 KiB. With RAW defined the server is a loop around epoll and
   nothing else: the limit of what a library can reach. */

#define _GNU_SOURCE

#include "load.h"

#include <limits.h>

#ifndef RAW

#include <libdill.h>

static int over[2]; /* a channel: all is measured */

static void count_request(void) {
    if(meter() && over[0] >= 0) {
        int h = over[0];
        over[0] = -1;
        chdone(h);
    }
}

static coroutine void echoes(int s) {
    char message[MESSAGE];
    while(brecv(s, message, sizeof(message), -1) == 0 && bsend(s, message, sizeof(message), -1) == 0)
        count_request();
    hclose(s);
}

static coroutine void echoes_in_time(int s) {
    char message[MESSAGE];
    while(brecv(s, message, sizeof(message), now() + 60000) == 0 &&
        bsend(s, message, sizeof(message), now() + 60000) == 0)
        count_request();
    hclose(s);
}

static coroutine void answers(int s) {
    char name[64], value[256];
#ifndef PEER
    s = http_attach(s);
    MUST(s >= 0);
#endif
    while(1) {
        int64_t deadline = now() + 60000;
#ifdef PEER /* one request for one attach */
        s = http_attach(s);
        MUST(s >= 0);
#endif
        if(http_recvrequest(s, name, sizeof(name), value, sizeof(value), deadline) < 0) break;
        while(http_recvfield(s, name, sizeof(name), value, sizeof(value), deadline) == 0) continue;
        if(errno != EPIPE) break;
#ifdef PEER
        if(http_sendstatus(s, 200, "OK", deadline) < 0) break;
        if(http_sendfield(s, "Content-Length", "14", deadline) < 0) break;
        s = http_detach(s, deadline);
        if(s < 0) return;
        if(bsend(s, "Hello, world!\n", 14, deadline) < 0) break;
#else
        if(http_sendstatus(s, 200, "OK", deadline) < 0) break;
        if(http_sendfield(s, "Content-Length", "14", deadline) < 0) break;
        if(http_sendbody(s, "Hello, world!\n", 14, deadline) < 0) break;
#endif
        count_request();
    }
    hclose(s);
}

static coroutine void receives(int s) {
    static char chunk[CHUNK];
    while(brecv(s, chunk, CHUNK, -1) == 0) count_request();
    hclose(s);
}

static coroutine void sends(int s) {
    static char chunk[CHUNK];
    while(bsend(s, chunk, CHUNK, -1) == 0) count_request();
    hclose(s);
}

static coroutine void accepts(int listener, int b, void (*serve)(int s)) {
    while(1) {
        int s = tcp_accept(listener, NULL, -1);
        if(s < 0) return;
        MUST(bundle_go(b, serve(s)) == 0);
    }
}

static double serve(const char *load, int connections, void (*worker)(int s)) {
    struct ipaddr address;
    MUST(ipaddr_local(&address, "127.0.0.1", 0, 0) == 0);
    int listener = tcp_listen(&address, 1024);
    MUST(listener >= 0);
    MUST(chmake(over) == 0);
    int b = bundle(), ignored;
    MUST(b >= 0);
    MUST(bundle_go(b, accepts(listener, b, worker)) == 0);
    int other = over[1];
    pid_t client = load_start(load, ipaddr_port(&address), connections);
    MUST(chrecv(other, &ignored, sizeof(ignored), -1) < 0 && errno == EPIPE);
    load_stop(client);
    MUST(hclose(b) == 0);
    MUST(hclose(listener) == 0);
    return meter_result;
}

#define HERE 50

static coroutine void asks(int s, long n) {
    char message[MESSAGE] = {0};
    while(n-- > 0) {
        MUST(bsend(s, message, sizeof(message), -1) == 0);
        MUST(brecv(s, message, sizeof(message), -1) == 0);
    }
}

/* Both sides in this process, so that the same happens in the same order each time: for
   counting instructions. The time is that of both, and not of the processor. Among few
   connections each look at the poller finds all of them ready. */
static double echo_here(int count, long n) {
    raise_limits();
    meter_set(0, LONG_MAX);
    struct ipaddr address;
    MUST(ipaddr_local(&address, "127.0.0.1", 0, 0) == 0);
    int listener = tcp_listen(&address, 1024), servers = bundle(), clients = bundle();
    MUST(listener >= 0 && servers >= 0 && clients >= 0);
    int connections[HERE];
    for(int i = 0; i != count; ++i) {
        connections[i] = tcp_connect(&address, -1);
        int s = tcp_accept(listener, NULL, -1);
        MUST(connections[i] >= 0 && s >= 0 && bundle_go(servers, echoes(s)) == 0);
    }
    start();
    for(int i = 0; i != count; ++i) MUST(bundle_go(clients, asks(connections[i], n / count)) == 0);
    MUST(bundle_wait(clients, -1) == 0);
    double result = stop(n);
    MUST(hclose(clients) == 0 && hclose(servers) == 0 && hclose(listener) == 0);
    for(int i = 0; i != count; ++i) MUST(hclose(connections[i]) == 0);
    return result;
}

static double tcp_echo_here(long n) { return echo_here(HERE, n); }
static double tcp_echo_here_4(long n) { return echo_here(4, n); }

#define ECHO echoes
#define ECHO_IN_TIME echoes_in_time
#define HTTP answers
#define RECEIVE receives
#define SEND sends

#else /* RAW */

/* Handles a readable (or writable) connection. Returns -1 when it is over. */
typedef int ready(int fd);

static int raw_done;

static int ECHO(int fd) {
    char message[4096];
    ssize_t count = recv(fd, message, sizeof(message), 0);
    if(count <= 0 || send(fd, message, (size_t)count, MSG_NOSIGNAL) != count) return -1;
    raw_done = meter();
    return 0;
}

static int HTTP(int fd) {
    char message[4096];
    ssize_t count = recv(fd, message, sizeof(message), 0);
    if(count <= 0 || !memmem(message, (size_t)count, "\r\n\r\n", 4)) return -1;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n";
    if(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0) return -1;
    raw_done = meter();
    return 0;
}

static char raw_chunk[CHUNK];
static size_t raw_moved;

static int count_bytes(ssize_t count) {
    if(count < 0) return errno == EAGAIN ? 0 : -1;
    for(raw_moved += (size_t)count; raw_moved >= CHUNK; raw_moved -= CHUNK) raw_done |= meter();
    return count > 0 ? 0 : -1;
}

static int RECEIVE(int fd) {
    return count_bytes(recv(fd, raw_chunk, CHUNK, 0));
}

static int SEND(int fd) {
    return count_bytes(send(fd, raw_chunk, CHUNK, MSG_NOSIGNAL));
}

static double serve(const char *load, int connections, ready *handle) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    MUST(listener >= 0);
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    MUST(listen(listener, 1024) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN, {.fd = listener}}, events[256];
    MUST(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event) == 0);
    unsigned interest = handle == SEND ? EPOLLOUT : EPOLLIN;
    pid_t client = load_start(load, ntohs(address.sin_port), connections);
    while(!raw_done) {
        int count = epoll_wait(ep, events, 256, -1);
        for(int i = 0; i < count; ++i) {
            int fd = events[i].data.fd;
            if(fd != listener) {
                if(handle(fd) < 0) close(fd);
                continue;
            }
            while((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                int on = 1;
                MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
                event = (struct epoll_event){interest, {.fd = fd}};
                MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
            }
        }
    }
    load_stop(client);
    return meter_result;
}

#define ECHO_IN_TIME ECHO

#endif

static double run(const char *load, int connections, long warm, long n, void *worker) {
    raise_limits();
    pin(0);
    signal(SIGPIPE, SIG_IGN);
    meter_set(warm, n);
#ifdef RAW
    return serve(load, connections, (ready *)worker);
#else
    return serve(load, connections, (void (*)(int))worker);
#endif
}

static double echo(int connections, long n, void *worker) {
    return run("echo", connections, 10L * connections, n, worker);
}

static double tcp_echo_50(long n) { return echo(50, n, (void *)ECHO); }
static double tcp_echo_50_deadline(long n) { return echo(50, n, (void *)ECHO_IN_TIME); }
static double tcp_echo_500(long n) { return echo(500, n, (void *)ECHO); }
static double tcp_echo_10000(long n) { return echo(10000, n, (void *)ECHO); }
static double http_hello(long n) { return run("http", 50, 500, n, (void *)HTTP); }
static double http_hello_wrk(long n) { return run("wrk", 50, 500, n, (void *)HTTP); }
static double bulk_receive(long n) { return run("send", 1, 100, n, (void *)RECEIVE); }
static double bulk_send(long n) { return run("receive", 1, 100, n, (void *)SEND); }

static const struct benchmark benchmarks[] = {
    {"tcp_echo_50", tcp_echo_50},
    {"tcp_echo_50_deadline", tcp_echo_50_deadline},
    {"tcp_echo_500", tcp_echo_500},
    {"tcp_echo_10000", tcp_echo_10000},
    {"http_hello", http_hello},
    {"http_hello_wrk", http_hello_wrk},
    {"bulk_receive", bulk_receive},
    {"bulk_send", bulk_send},
#ifndef RAW
    {"tcp_echo_here", tcp_echo_here},
    {"tcp_echo_here_4", tcp_echo_here_4},
#endif
};

int main(int argc, char **argv) {
    if(argc == 5 && strcmp(argv[1], "--load") == 0) return load_main(argv);
    return bench_main(argc, argv, benchmarks, COUNT(benchmarks));
}
