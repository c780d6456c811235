/*
 * A small HTTP/1.1 server that shuts down gracefully.
 *
 *     graceful_server [-a address] [-p port] [-i idle seconds] [-g grace seconds] [-r] [-v]
 *
 *     GET /              is answered at once
 *     GET /slow?ms=N     is answered after N milliseconds
 *
 * On SIGTERM or ^C it stops accepting connections at once. Connections without a
 * request are closed, running requests are finished; what still runs when the
 * grace period is over is cut. A second signal kills.
 *
 * With -r the next server can start on the same port while this one runs, and nobody
 * notices: start the next one, wait until it says that it listens, then stop this one.
 *
 * Exit status: 0 all requests were finished, 3 some were cut, 1 no start, 2 usage.
 *
 * Who knows what is the point of it all. main knows how long a shutdown may take, and
 * nothing about HTTP; the signal reaches it as a message. The accept loop and the
 * connections know that they may be asked to stop: one more thing to wait for, at the
 * one place where each of them waits anyway. They know neither by whom nor how long
 * they have. When the grace period ends, each of their blocking calls fails with
 * ECANCELED, and they unwind by their usual error path.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <libdill.h>

#if defined __linux__
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#define BACKLOG 128
#define LAST_CHANCE 500         /* ms for one more request, or connection, on a hand-over */
#define HEAD_MAX 8192           /* longest request head */
#define LINGER 1000             /* ms for a client to take the last answer and close */

static int verbose;
static int handover;            /* there will be another server on this port */
static int64_t idle = 60 * 1000; /* ms that a client may keep a connection waiting */

/* A log for demonstrations. Writing it blocks all coroutines if nobody reads. */
static void say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if(verbose) vprintf(format, args);
    va_end(args);
}

/* ------------------------------------------------------------------ HTTP -- */

struct request {
    const char *target;
    int head_only, keep_alive;
};

/* True if a field value such as "keep-alive, Close" contains the token. */
static int has_token(const char *value, const char *token) {
    size_t len = strlen(token);
    for(; *value; value += strcspn(value, ",")) {
        value += strspn(value, " \t,");
        if(strncasecmp(value, token, len) == 0 && strchr(" \t,", value[len])) return 1;
    }
    return 0;
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
        /* No method that we know has any use for a body. */
        else if(strcasecmp(line, "Content-Length") == 0) {
            if(strcmp(value, "0") != 0) return 413;
        }
        else if(strcasecmp(line, "Transfer-Encoding") == 0) return 501;
        else if(strcasecmp(line, "Expect") == 0) return 417;
    }
    if(persistent && hosts != 1) return 400;
    return rq->head_only || strcmp(head, "GET") == 0 ? 0 : 501;
}

/* Reads a request. Returns 0 or the HTTP status of an error in it; -1 if none has come. */
static int read_request(int s, char *head, struct request *rq) {
    int64_t deadline = now() + idle;
    size_t len = 0;
    do {
        if(len == HEAD_MAX) return 431;
        /* Byte by byte costs nothing much: the socket reads ahead. */
        if(brecv(s, head + len, 1, deadline) < 0) return -1;
        /* Empty lines before a request are to be ignored. */
        if(len > 0 || (head[0] != '\r' && head[0] != '\n')) len++;
    } while(len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0);
    head[len] = '\0';
    if(strlen(head) != len) return 400;
    return parse_head(head, rq);
}

static int respond(int s, int status, const char *text, int head_only, int keep_alive) {
    char head[256], date[64];
    time_t t = time(NULL);
    struct tm tm;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    int len = snprintf(head, sizeof(head),
        "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain\r\n"
        "Content-Length: %zu\r\n%s\r\n", status, status == 200 ? "OK" : "Error", date,
        strlen(text), keep_alive ? "" : "Connection: close\r\n");
    struct iolist body = {(void*)text, strlen(text), NULL, 0};
    struct iolist first = {head, (size_t)len, head_only ? NULL : &body, 0};
    return bsendl(s, &first, head_only ? &first : &body, now() + idle);
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
        if(len == 0 || len > 7 || digits[len]) return 400;
        /* Stands for any work that takes its time and never heard of shutting down. */
        if(msleep(now() + strtol(digits, NULL, 10)) < 0) return -1;
        *text = "slow\n";
        return 200;
    }
    return 404;
}

/* ----------------------------------------------------------- connections -- */

enum { INPUT, STOP }; /* what a connection waits for, in this order of precedence */

/* Waits for the next request or the request to stop; -1 when neither has come. Nothing
   is ever sent to `stop`: it gets done. A request that is here goes before. */
static int next_event(int s, int stop, int64_t deadline) {
    struct chclause clauses[] = {{CHSOCK, s, NULL, 0}, {CHRECV, stop, NULL, 0}};
    int event = choose(clauses, 2, deadline);
    /* While we waited, the one may have come first and the other still be in time. */
    if(event == STOP && choose(clauses, 1, 0) == INPUT) return INPUT;
    return event;
}

/* Reads a request and answers it. Returns 1 if the next one may follow, 0 if this was
   the last, -1 if the client has gone or we were cancelled. */
static int serve(int id, int s, int stop) {
    char head[HEAD_MAX + 1];
    struct request rq = {"?", 0, 0};
    const char *text = "error\n";
    int status = read_request(s, head, &rq);
    if(status < 0) return -1;
    int keep_alive = status == 0 && rq.keep_alive;
    say("connection %d: request %s\n", id, rq.target);
    if(status == 0) status = handle(&rq, &text);
    if(status < 0) return -1;
    /* If we have been asked to stop, the client learns it with its last answer. */
    if(keep_alive && next_event(s, stop, 0) == STOP) keep_alive = 0;
    if(respond(s, status, text, rq.head_only, keep_alive) < 0) return -1;
    say("connection %d: answered %d%s\n", id, status,
        keep_alive ? "" : ", with \"Connection: close\"");
    return keep_alive;
}

static coroutine void connection(int id, int s, int stop) {
    int event;
    do event = next_event(s, stop, now() + idle);
    while(event == INPUT && serve(id, s, stop) == 1);
    if(event == STOP && handover) {
        /* A client may be sending its next request at this very moment, and would have to
           take the end of the connection for a failure. So it is told with an answer. */
        struct chclause input = {CHSOCK, s, NULL, 0};
        if(choose(&input, 1, now() + LAST_CHANCE) == 0) serve(id, s, stop);
    }
    if(event == STOP) say("connection %d: asked to stop, closing\n", id);
    else if(yield() == 0) say("connection %d: closing\n", id);
    else {
        say("connection %d: cut\n", id);
        hclose(s); /* resets it, so that nobody takes half an answer for all of it */
        return;
    }
    tcp_close(s, now() + LINGER);
}

/* ---------------------------------------------------------------- server -- */

/* Accepts a connection that has come, and launches it. */
static int accept_one(int ls, int connections, int stop) {
    static int id;
    int s = tcp_accept(ls, NULL, 0);
    if(s < 0) return -1;
    int rc = bundle_go(connections, connection(++id, s, stop));
    if(rc < 0) hclose(s);
    return rc;
}

/* Accepts connections until it's asked to stop, then asks the same of them. */
static coroutine void accept_loop(int ls, int stop) {
    /* The bundle of all connections. When it is asked to stop, the channel gets done,
       and each of them, present or future, finds it so. */
    int connections = bundle(), stop_them[2];
    if(connections < 0 || chmake(stop_them) < 0
            || bundle_notify(connections, stop_them[1]) < 0) {
        perror("accept loop");
        return;
    }
    struct chclause clauses[] = {{CHRECV, stop, NULL, 0}, {CHSOCK, ls, NULL, 0}};
    while(choose(clauses, 2, -1) == 1) {
        /* ETIMEDOUT: the client has given up meanwhile. */
        if(accept_one(ls, connections, stop_them[0]) == 0 || errno == ETIMEDOUT) continue;
        /* No descriptors or no memory left: some connection has to end first. */
        if(choose(clauses, 1, now() + 100) == 0) break;
    }
    /* Connections that the kernel has completed already are clients like all others. It
       resets those that are in the queue of a listener when that is closed. */
    struct chclause client = {CHSOCK, ls, NULL, 0};
    for(int i = 0; handover || i != BACKLOG; i++) {
        /* All new ones go to the next server; only those can still come here that had begun
           before that was there. */
        if(handover && choose(&client, 1, now() + LAST_CHANCE) < 0) break;
        if(accept_one(ls, connections, stop_them[0]) < 0) break;
    }
    hclose(ls);
    say("stopping: no new connections\n");
    /* Without a limit: whoever has launched us has one, and ends this wait with it. */
    bundle_cancel(connections, -1);
    hclose(stop_them[0]);
    hclose(stop_them[1]);
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

/* A listener on a port that may have another one already. Between two the kernel divides
   the connections, which would be fine, were it not that a listener that is closed takes
   those along that it got after its last accept. (There is net.ipv4.tcp_migrate_req against
   that, but who has it on?) So the newer one has the kernel give all of them to itself, by a
   filter that always answers "the second listener": the first goes idle, empties its
   queue, and can be closed. Then the second is the only one, for which the kernel needs no
   answer, until the next one comes and is the second. */
static int listen_beside(struct ipaddr *addr) {
#if defined SO_ATTACH_REUSEPORT_CBPF
    int fd = socket(ipaddr_family(addr), SOCK_STREAM, 0), on = 1;
    if(fd < 0) return -1;
    struct sock_filter second[] = {{BPF_RET | BPF_K, 0, 0, 1}};
    struct sock_fprog filter = {1, second};
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    int ls = -1;
    if(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
            && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0
            && bind(fd, ipaddr_sockaddr(addr), (socklen_t)ipaddr_len(addr)) == 0
            && listen(fd, BACKLOG) == 0
            && setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter,
                sizeof(filter)) == 0
            && getsockname(fd, (struct sockaddr*)&bound, &len) == 0)
        ls = tcp_listener_fromfd(fd);
    if(ls < 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    /* For those who let the kernel choose: the port is at the same place in both families. */
    ipaddr_setport(addr, ntohs(((struct sockaddr_in*)&bound)->sin_port));
    return ls;
#else
    (void)addr;
    errno = ENOTSUP;
    return -1;
#endif
}

static int failed(const char *what) {
    perror(what);
    return 1;
}

int main(int argc, char *argv[]) {
    const char *address = "127.0.0.1";
    int port = 8080, option;
    int64_t grace = 10 * 1000;
    while((option = getopt(argc, argv, "a:p:i:g:rv")) != -1) {
        switch(option) {
        case 'a': address = optarg; break;
        case 'p': port = (int)number(optarg, 65535); break;
        case 'i': idle = number(optarg, 1000000) * 1000; break;
        case 'g': grace = number(optarg, 1000000) * 1000; break;
        case 'r': handover = 1; break;
        case 'v': verbose = 1; break;
        default:
            fprintf(stderr, "usage: %s [-a address] [-p port] [-i idle seconds] "
                "[-g grace seconds] [-r] [-v]\n", argv[0]);
            return 2;
        }
    }
    /* Both ways to ask for an end arrive as messages. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int signals = sigchan(&set);
    if(signals < 0) return failed("signals");
    struct ipaddr addr;
    if(ipaddr_local(&addr, address, port, 0) < 0) return failed(address);
    int ls = handover ? listen_beside(&addr) : tcp_listen(&addr, BACKLOG);
    if(ls < 0) return failed("listen");

    int server = bundle(), stop[2];
    if(server < 0 || chmake(stop) < 0 || bundle_notify(server, stop[1]) < 0
            || bundle_go(server, accept_loop(ls, stop[0])) < 0)
        return failed("start");
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening on %s port %d\n", address, ipaddr_port(&addr));

    int signo;
    struct chclause clauses[] = {
        {CHRECV, signals, &signo, sizeof(signo)},
        {CHBUNDLE, server, NULL, 0}
    };
    if(choose(clauses, 2, -1) != 0) return 1; /* the server has ended, and said why */
    /* One request to stop is enough: the next signal does what it always does. */
    hclose(signals);
    say("got signal %d: %lld ms of grace\n", signo, (long long)grace);
    if(bundle_cancel(server, grace) == 0) {
        say("stopped: all requests were finished\n");
        return 0;
    }
    if(errno != ETIMEDOUT) return failed("stop");
    say("stopped: some requests were cut\n");
    return 3;
}
