/* The server of the examples, in a process of its own, is told to stop.

   With thousands of idle keep-alive connections each of them gets a clean end, and the
   server finds that all have ended by themselves. The time from SIGTERM to the last
   connection's end is printed and not asserted, as it is the machine's as much as ours.
   The number of connections may be given as an argument.

   Requests that have come before the signal, even in part, are answered before the
   end, also those of connections that were not accepted yet. */
/* both pollers */

#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "process.h"

#define main graceful_server
#include "../examples-c/graceful_server.c"
#undef main

#define CONNECTIONS 10000
#define OTHER_FDS 64 /* what a process needs besides */
#define BATCH (BACKLOG / 2)

#define HALF_A_REQUEST "GET / HTTP/1.1\r\nHo"
#define OTHER_HALF "st: localhost\r\n\r\n"
#define REQUEST HALF_A_REQUEST OTHER_HALF

static double ms_since(const struct timespec *start) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)(ts.tv_sec - start->tv_sec) * 1e3
        + (double)(ts.tv_nsec - start->tv_nsec) / 1e6;
}

/* As many connections as wanted, or as the limit allows. */
static int allowed(int wanted) {
    struct rlimit limit;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    rlim_t most = limit.rlim_cur;
    if(most >= (rlim_t)wanted + OTHER_FDS) return wanted;
    CHECK(most > 2 * OTHER_FDS);
    return (int)most - OTHER_FDS;
}

/* Starts the server; its port is stored. */
static pid_t start_server(int *port) {
    int out[2];
    CHECK_OK(pipe(out));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        char *argv[] = {(char*)"graceful_server", (char*)"-p", (char*)"0", NULL};
        CHECK(dup2(out[1], 1) == 1);
        close(out[0]);
        close(out[1]);
        _exit(graceful_server(3, argv));
    }
    close(out[1]);
    FILE *in = fdopen(out[0], "r");
    CHECK(in);
    CHECK_INT(fscanf(in, "listening on %*s port %d", port), 1);
    fclose(in);
    return pid;
}

/* Connects; -1 if that is refused. */
static int dial(int port) {
    struct sockaddr_in sin;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t)port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    if(connect(fd, (struct sockaddr*)&sin, sizeof(sin)) == 0) return fd;
    /* The latter if the listener is closed at this very moment. */
    CHECK(errno == ECONNREFUSED || errno == ECONNRESET);
    CHECK_OK(close(fd));
    return -1;
}

static void ask(int fd, const char *text) {
    CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Receives an answer. Returns 1 if the server has said that it's the last one. */
static int get_answer(int fd) {
    char text[1024];
    size_t len = 0;
    do {
        CHECK(len < sizeof(text) - 1);
        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        CHECK(n > 0);
        len += (size_t)n;
        text[len] = '\0';
    } while(!strstr(text, "\r\n\r\nhello\n"));
    CHECK(strncmp(text, "HTTP/1.1 200 ", 13) == 0);
    return strstr(text, "\r\nConnection: close\r\n") != NULL;
}

/* Opens the connections, a batch at a time so that the backlog can hold it. */
static int open_connections(int port, int count) {
    int ep = epoll_create1(0), fds[BATCH];
    CHECK(ep >= 0);
    for(int done = 0; done != count;) {
        int n = count - done < BATCH ? count - done : BATCH;
        for(int i = 0; i != n; i++) {
            fds[i] = dial(port);
            ask(fds[i], REQUEST);
        }
        for(int i = 0; i != n; i++) {
            CHECK_INT(get_answer(fds[i]), 0);
            struct epoll_event ev = {EPOLLIN, {.fd = fds[i]}};
            CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev));
        }
        done += n;
    }
    return ep;
}

/* The connection's end has come, and it is a clean one. */
static void get_end(int fd) {
    char byte;
    /* -1 with ECONNRESET if it was reset, 1 if it is something else. */
    CHECK_INT(recv(fd, &byte, 1, 0), 0);
    CHECK_OK(close(fd));
}

/* Closes each connection when its end has come. */
static void await_ends(int ep, int count) {
    struct epoll_event events[256];
    while(count > 0) {
        int n = epoll_wait(ep, events, 256, -1);
        CHECK(n > 0);
        for(int i = 0; i != n; i++) get_end(events[i].data.fd);
        count -= n;
    }
    CHECK_OK(close(ep));
}

/* Waits for the server to end, which it does with all requests finished. */
static void await_server(pid_t pid) {
    CHECK_OK(result_of(pid));
}

static void close_idle_connections(int count) {
    int port;
    pid_t pid = start_server(&port);
    int ep = open_connections(port, count);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK_OK(kill(pid, SIGTERM));
    await_ends(ep, count);
    double last = ms_since(&start);
    await_server(pid);
    printf("%d idle connections: the last was closed %.1f ms after SIGTERM, "
        "the server ended after %.1f ms\n", count, last, ms_since(&start));
}

/* The server finds requests, new connections and the signal all at the same time. */
TEST(requests_in_time) {
    int port, status, old[BATCH], new[BATCH];
    pid_t pid = start_server(&port);
    for(int i = 0; i != BATCH; i++) {
        old[i] = dial(port);
        ask(old[i], REQUEST);
        CHECK_INT(get_answer(old[i]), 0);
    }
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_INT(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_OK(kill(pid, SIGTERM));
    for(int i = 0; i != BATCH; i++) {
        ask(old[i], REQUEST);
        new[i] = dial(port);
        ask(new[i], REQUEST);
    }
    CHECK_OK(kill(pid, SIGCONT));
    for(int i = 0; i != BATCH; i++) {
        get_answer(old[i]);
        get_end(old[i]);
        get_answer(new[i]);
        get_end(new[i]);
    }
    await_server(pid);
}

/* Half of a request has come. Its client learns with the answer that it is the last. */
TEST(request_under_way) {
    int port, late;
    pid_t pid = start_server(&port);
    int fd = dial(port);
    ask(fd, HALF_A_REQUEST);
    CHECK_OK(kill(pid, SIGTERM));
    while((late = dial(port)) >= 0) CHECK_OK(close(late));
    ask(fd, OTHER_HALF);
    CHECK_INT(get_answer(fd), 1);
    get_end(fd);
    await_server(pid);
}

TEST(idle_connections) {
    close_idle_connections(allowed(CONNECTIONS));
}
