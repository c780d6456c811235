/*
 * A small HTTP/1.1 server that shuts down gracefully.
 *
 *     graceful_server [-a address] [-p port] [-i idle seconds] [-g grace seconds] [-v]
 *
 *     GET /              is answered at once
 *     GET /slow?ms=N     is answered after N milliseconds
 *
 * On SIGTERM or ^C it stops accepting connections at once. Connections without a
 * request are closed, running requests are finished; what still runs when the
 * grace period is over is cut. A second signal kills.
 *
 * Exit status: 0 all requests were finished, 3 some were cut, 1 no start, 2 usage.
 *
 * Who knows what is the point of it all. main knows how long a shutdown may take,
 * and nothing about HTTP. A connection knows how long its client may be silent, and
 * that it may be asked to finish: it hears that on a channel, like any other
 * message. It knows no deadline of the server's. When the grace period ends, each
 * of its blocking calls fails with ECANCELED, and it unwinds by its usual error path.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <libdill.h>

#define BACKLOG 128
#define HEAD_MAX 8192           /* longest request head */
#define BODY_MAX (1024 * 1024)  /* longest request body; it is read and dropped */
#define SLOW_MAX (60 * 60 * 1000)
#define LINGER 1000             /* ms for a client to take the last answer and close */
#define LAST_LOOK 10            /* ms for a request that has come when we're asked to stop */

static int verbose;

/* A log for demonstrations. Writing it blocks all coroutines if nobody reads. */
static void say(const char *format, ...) {
    va_list args;
    if(!verbose) return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* ------------------------------------------------------------------ HTTP -- */

struct request {
    const char *target;
    int head_only;
    int keep_alive;
    long body;
};

/* True if a field value such as "keep-alive, Close" contains the token. */
static int has_token(const char *value, const char *token) {
    size_t len = strlen(token);
    while(*value) {
        value += strspn(value, " \t,");
        if(strncasecmp(value, token, len) == 0 && strchr(" \t,", value[len])) return 1;
        value += strcspn(value, ",");
    }
    return 0;
}

/* Parses the length of a body. Returns 0, or the HTTP status of the error. */
static int parse_length(const char *value, struct request *rq) {
    size_t digits = strspn(value, "0123456789");
    if(!digits || value[digits + strspn(value + digits, " \t")]) return 400;
    long length = digits < 10 ? strtol(value, NULL, 10) : BODY_MAX + 1;
    if(rq->body >= 0 && rq->body != length) return 400;
    rq->body = length;
    return length <= BODY_MAX ? 0 : 413;
}

/* Parses a whole request head in place. Returns 0, or the HTTP status of the error. */
static int parse_head(char *head, struct request *rq) {
    /* The request line: method, target and version, with one space between them. */
    char *end = strstr(head, "\r\n");
    *end = '\0';
    char *target = strchr(head, ' ');
    if(!target || target == head) return 400;
    *target++ = '\0';
    char *version = strchr(target, ' ');
    if(!version || version == target) return 400;
    *version++ = '\0';
    for(const char *p = target; *p; p++)
        if((unsigned char)*p < ' ' || *p == 127) return 400;
    int persistent = strcmp(version, "HTTP/1.1") == 0;
    if(!persistent && strcmp(version, "HTTP/1.0") != 0)
        return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
    rq->target = target;
    rq->head_only = strcmp(head, "HEAD") == 0;
    rq->keep_alive = persistent;
    rq->body = -1;
    int hosts = 0;
    for(char *line = end + 2; (end = strstr(line, "\r\n")) != line; line = end + 2) {
        *end = '\0';
        size_t len = strcspn(line, ": \t\r\n");
        if(!len || line[len] != ':') return 400;
        line[len] = '\0';
        const char *value = line + len + 1;
        value += strspn(value, " \t");
        if(strcasecmp(line, "Host") == 0) hosts++;
        else if(strcasecmp(line, "Connection") == 0) {
            if(has_token(value, "close")) rq->keep_alive = 0;
        }
        else if(strcasecmp(line, "Content-Length") == 0) {
            int error = parse_length(value, rq);
            if(error) return error;
        }
        else if(strcasecmp(line, "Transfer-Encoding") == 0) return 501;
        else if(strcasecmp(line, "Expect") == 0) return 417;
    }
    if(persistent && hosts != 1) return 400;
    return rq->head_only || strcmp(head, "GET") == 0 ? 0 : 501;
}

/* Reads a request, the first byte of which the caller has read already. Returns 0 or
   the HTTP status of an error in it; -1 if the connection is broken. */
static int read_request(int s, int first, char *head, struct request *rq,
        int64_t deadline) {
    size_t len = 0;
    int c = first;
    while(1) {
        /* Empty lines before a request are to be ignored. */
        if(len > 0 || (c != '\r' && c != '\n')) head[len++] = (char)c;
        if(len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) break;
        if(len == HEAD_MAX) return 431;
        /* Byte by byte costs nothing much: the socket reads ahead. */
        unsigned char byte;
        if(brecv(s, &byte, 1, deadline) < 0) return -1;
        c = byte;
    }
    head[len] = '\0';
    if(strlen(head) != len) return 400;
    int status = parse_head(head, rq);
    if(status) return status;
    if(rq->body > 0 && brecv(s, NULL, (size_t)rq->body, deadline) < 0) return -1;
    return 0;
}

static const char *reason(int status) {
    switch(status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: return "";
    }
}

static int respond(int s, int status, const char *text, int head_only, int keep_alive,
        int64_t deadline) {
    char head[256], date[64];
    time_t t = time(NULL);
    struct tm tm;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    int len = snprintf(head, sizeof(head),
        "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain\r\n"
        "Content-Length: %zu\r\n%s\r\n", status, reason(status), date, strlen(text),
        keep_alive ? "" : "Connection: close\r\n");
    struct iolist body = {(void*)text, strlen(text), NULL, 0};
    struct iolist first = {head, (size_t)len, head_only ? NULL : &body, 0};
    return bsendl(s, &first, head_only ? &first : &body, deadline);
}

/* Does the work of one request. Returns the HTTP status, or -1 if cancelled. */
static int handle(const struct request *rq, const char **text) {
    if(strcmp(rq->target, "/") == 0) {
        *text = "hello\n";
        return 200;
    }
    if(strncmp(rq->target, "/slow?ms=", 9) == 0) {
        const char *digits = rq->target + 9;
        size_t len = strspn(digits, "0123456789");
        long ms = len > 0 && len < 9 && !digits[len] ? strtol(digits, NULL, 10) : -1;
        if(ms < 0 || ms > SLOW_MAX) return 400;
        /* Stands for any work that takes its time and never heard of shutting down. */
        if(msleep(now() + ms) < 0) return -1;
        *text = "slow\n";
        return 200;
    }
    return 404;
}

/* ----------------------------------------------------------- connections -- */

/* What a connection learns while it waits: the first byte of a request, or: */
enum {
    NOTHING = -1,  /* too long a silence, or cancelled */
    CLOSED = -2,   /* no request will come any more */
    STOP = -3      /* nothing has come, and we're asked to finish */
};

/* Waits for the first byte of the next request and sends it to the connection, which
   can so wait for something else at the same time. At most one byte is on its way,
   and it waits in the channel until it's taken: no request gets lost. */
static coroutine void watch(int s, int ch) {
    unsigned char byte;
    int event = CLOSED;
    if(brecv(s, &byte, 1, -1) == 0) event = byte;
    chsend(ch, &event, sizeof(event), -1);
}

/* The clause of the socket comes first: a request that is here goes before the
   request to stop. Nothing is ever sent to `stop`; it gets done. */
static int next_event(int first, int stop, int64_t deadline) {
    int event = NOTHING;
    struct chclause clauses[] = {
        {CHRECV, first, &event, sizeof(event)},
        {CHRECV, stop, NULL, 0}
    };
    switch(choose(clauses, 2, deadline)) {
    case 0: return event;
    case 1: return STOP;
    default: return NOTHING;
    }
}

static coroutine void connection(int id, int s, int stop, int64_t idle) {
    char head[HEAD_MAX + 1];
    int first[2] = {-1, -1};
    int watcher = bundle();
    if(watcher < 0 || chmake(first) < 0) {
        hclose(watcher);
        hclose(s);
        return;
    }
    int err = bundle_go(watcher, watch(s, first[1]));
    int event = NOTHING;
    while(err == 0) {
        if(event == NOTHING) event = next_event(first[0], stop, now() + idle);
        /* The request to stop may have been faster than bytes that are here already. */
        if(event == STOP) chrecv(first[0], &event, sizeof(event), now() + LAST_LOOK);
        if(event < 0) break;

        struct request rq = {"?", 0, 0, 0};
        const char *text = "error\n";
        int status = read_request(s, event, head, &rq, now() + idle);
        if(status < 0) break;
        int keep_alive = status == 0 && rq.keep_alive;
        /* From here on the socket is watched again, so that we know, when it comes to
           answering, whether another request has begun. */
        if(keep_alive && bundle_go(watcher, watch(s, first[1])) < 0) break;
        say("connection %d: request %s", id, rq.target);
        if(status == 0) status = handle(&rq, &text);
        if(status < 0) break;
        if(keep_alive) event = next_event(first[0], stop, 0);
        if(event == STOP || event == CLOSED) keep_alive = 0;
        err = respond(s, status, text, rq.head_only, keep_alive, now() + idle);
        if(err == 0) say("connection %d: answered %d", id, status);
        if(!keep_alive) break;
    }
    if(yield() < 0) say("connection %d: cut", id);
    else say("connection %d: %s", id, event == STOP ? "asked to stop, closing" : "closing");

    /* Tell the client at once, and give it a moment to close its side: by then it has
       got everything. If a watcher is still at the socket, it's the one to see that. */
    tcp_done(s, -1);
    chdone(first[1]);
    bundle_wait(watcher, now() + LINGER);
    hclose(watcher);
    tcp_close(s, now() + LINGER);
    hclose(first[0]);
    hclose(first[1]);
}

/* ---------------------------------------------------------------- server -- */

static void serve(int s, int connections, int stop, int64_t idle) {
    static int id;
    if(bundle_go(connections, connection(++id, s, stop, idle)) < 0) hclose(s);
}

static coroutine void acceptor(int ls, int connections, int stop, int64_t idle) {
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        if(s >= 0) {
            serve(s, connections, stop, idle);
            continue;
        }
        if(errno == ECANCELED) return;
        /* No descriptors or no memory left: some connection has to end first. */
        if(msleep(now() + 100) < 0) return;
    }
}

/* Signals become bytes in a pipe, which main can wait for. */
static int signals[2];

static void on_signal(int signo) {
    int err = errno;
    char c = (char)signo;
    /* Fails only if the pipe is full, that is, if there's plenty to read already. */
    ssize_t rc = write(signals[1], &c, 1);
    (void)rc;
    errno = err;
}

static int catch_signals(void) {
    struct sigaction sa;
    if(pipe(signals) < 0) return -1;
    if(fcntl(signals[1], F_SETFL, O_NONBLOCK) < 0) return -1;
    memset(&sa, 0, sizeof(sa));
    sigemptyset(&sa.sa_mask);
    sa.sa_handler = on_signal;
    /* One request to stop is enough: the next signal does what it always does. */
    sa.sa_flags = SA_RESTART | SA_RESETHAND;
    if(sigaction(SIGTERM, &sa, NULL) < 0) return -1;
    return sigaction(SIGINT, &sa, NULL);
}

static long number(const char *text, long max) {
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if(errno || end == text || *end || n < 0 || n > max) {
        fprintf(stderr, "not a number from 0 to %ld: %s\n", max, text);
        exit(2);
    }
    return n;
}

static int failed(const char *what) {
    perror(what);
    return 1;
}

int main(int argc, char *argv[]) {
    const char *address = "127.0.0.1";
    int port = 8080, option;
    int64_t idle = 60 * 1000, grace = 10 * 1000;
    while((option = getopt(argc, argv, "a:p:i:g:v")) != -1) {
        switch(option) {
        case 'a': address = optarg; break;
        case 'p': port = (int)number(optarg, 65535); break;
        case 'i': idle = number(optarg, 1000000) * 1000; break;
        case 'g': grace = number(optarg, 1000000) * 1000; break;
        case 'v': verbose = 1; break;
        default:
            fprintf(stderr, "usage: %s [-a address] [-p port] [-i idle seconds] "
                "[-g grace seconds] [-v]\n", argv[0]);
            return 2;
        }
    }
    if(catch_signals() < 0) return failed("signals");
    struct ipaddr addr;
    if(ipaddr_local(&addr, address, port, 0) < 0) return failed(address);
    int ls = tcp_listen(&addr, BACKLOG);
    if(ls < 0) return failed("listen");

    /* All connections live in one bundle. When that is asked to stop, the channel
       gets done, and every connection, present or future, finds it so. */
    int stop[2];
    int connections = bundle();
    if(connections < 0 || chmake(stop) < 0) return failed("start");
    if(bundle_notify(connections, stop[1]) < 0) return failed("start");
    int accepting = go(acceptor(ls, connections, stop[0], idle));
    if(accepting < 0) return failed("start");
    printf("listening on %s port %d\n", address, ipaddr_port(&addr));
    fflush(stdout);

    if(fdin(signals[0], -1) < 0) return failed("wait");
    /* Connections that the kernel has completed already are clients like all others. */
    hclose(accepting);
    for(int i = 0; i != BACKLOG; i++) {
        int s = tcp_accept(ls, NULL, 0);
        if(s < 0) break;
        serve(s, connections, stop[0], idle);
    }
    hclose(ls);
    say("stopping: no new connections, %lld ms of grace", (long long)grace);

    if(bundle_cancel(connections, grace) == 0) {
        say("stopped: all requests were finished");
        return 0;
    }
    if(errno != ETIMEDOUT) return failed("stop");
    say("stopped: some requests were cut");
    return 3;
}
