/* The other side of the socket benchmarks: plain C, without any library, so that it is the
   same for all servers. It runs in a process of its own, started by exec: so tools that
   measure the server don't see it. It goes on until the server is gone. */

#ifndef LOAD_H
#define LOAD_H

#include "bench.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE 64
#define CHUNK (64 * 1024)
#define REQUEST "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n"

/* Each side has one processor, where there are two. */
static inline void pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static inline void raise_limits(void) {
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static inline int load_connect(int port) {
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    /* Reset in the end: thousands of connections would wait out their time otherwise. */
    struct linger linger = {1, 0};
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    int on = 1;
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    while(connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) MUST(errno == EINTR);
    return fd;
}

/* Sends `message` on all connections and, on each, again after each answer. */
static inline void load_ask(int port, int connections, const char *message, size_t len, size_t answer) {
    int ep = epoll_create1(EPOLL_CLOEXEC);
    MUST(ep >= 0);
    int *fds = malloc(sizeof(int) * (size_t)connections);
    size_t *missing = malloc(sizeof(size_t) * (size_t)connections);
    MUST(fds && missing);
    for(int i = 0; i != connections; ++i) {
        fds[i] = load_connect(port);
        missing[i] = answer;
        struct epoll_event event = {EPOLLIN, {.u32 = (unsigned)i}};
        MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event) == 0);
    }
    for(int i = 0; i != connections; ++i)
        if(send(fds[i], message, len, MSG_NOSIGNAL) != (ssize_t)len) return;
    struct epoll_event events[256];
    char buffer[4096];
    while(1) {
        int count = epoll_wait(ep, events, 256, -1);
        for(int i = 0; i < count; ++i) {
            unsigned which = events[i].data.u32;
            ssize_t received = recv(fds[which], buffer, sizeof(buffer), 0);
            if(received <= 0) return;
            missing[which] -= (size_t)received;
            if(missing[which] > 0) continue;
            missing[which] = answer;
            if(send(fds[which], message, len, MSG_NOSIGNAL) != (ssize_t)len) return;
        }
    }
}

static inline void load_bulk(int port, int sends) {
    int fd = load_connect(port);
    char *chunk = calloc(1, CHUNK);
    MUST(chunk);
    if(sends) while(send(fd, chunk, CHUNK, MSG_NOSIGNAL) > 0) continue;
    else while(recv(fd, chunk, CHUNK, 0) > 0) continue;
}

/* The process's main function when it is called as PROGRAM --load KIND PORT CONNECTIONS. */
static inline int load_main(char **argv) {
    static char message[MESSAGE];
    const char *kind = argv[2];
    int port = atoi(argv[3]), connections = atoi(argv[4]);
    raise_limits();
    pin(1);
    if(strcmp(kind, "wrk") == 0) {
        char url[64], count[16];
        snprintf(url, sizeof(url), "http://127.0.0.1:%d/hello", port);
        snprintf(count, sizeof(count), "%d", connections);
        MUST(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
        execlp("wrk", "wrk", "-t1", "-c", count, "-d600", url, (char *)NULL);
        return 1;
    }
    if(strcmp(kind, "echo") == 0) load_ask(port, connections, message, MESSAGE, MESSAGE);
    if(strcmp(kind, "http") == 0)
        load_ask(port, connections, REQUEST, strlen(REQUEST), strlen(RESPONSE));
    if(strcmp(kind, "send") == 0) load_bulk(port, 1);
    if(strcmp(kind, "receive") == 0) load_bulk(port, 0);
    return 0;
}

static inline pid_t load_start(const char *kind, int port, int connections) {
    char port_text[16], connections_text[16];
    snprintf(port_text, sizeof(port_text), "%d", port);
    snprintf(connections_text, sizeof(connections_text), "%d", connections);
    pid_t pid = fork();
    MUST(pid >= 0);
    if(pid == 0) {
        const char *self = getenv("BENCH_SELF");
        execl(self ? self : "/proc/self/exe", "load", "--load", kind, port_text, connections_text,
            (char *)NULL);
        _exit(1);
    }
    return pid;
}

static inline void load_stop(pid_t pid) {
    kill(pid, SIGKILL);
    while(waitpid(pid, NULL, 0) < 0) MUST(errno == EINTR);
}

/* The server's own side: it takes the processor time between two requests. */
static long meter_seen, meter_from, meter_to;
static double meter_cpu, meter_result;

static inline double cpu_seconds(void) {
    struct rusage usage;
    MUST(getrusage(RUSAGE_SELF, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static inline void meter_set(long warm, long requests) {
    meter_seen = 0;
    meter_from = warm;
    meter_to = warm + requests;
}

/* Counts a request. Returns true when all are done. */
static inline int meter(void) {
    long seen = ++meter_seen;
    if(seen == meter_from) meter_cpu = cpu_seconds();
    if(seen != meter_to) return seen > meter_to;
    meter_result = (cpu_seconds() - meter_cpu) * 1e9 / (double)(meter_to - meter_from);
    return 1;
}

#endif
