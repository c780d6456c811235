/*
 * What demo.sh needs besides a shell: a small HTTP client for machines without curl,
 * one that keeps an idle connection open, and a clock with milliseconds.
 *
 *     demo_client now                  prints the time in milliseconds
 *     demo_client log START WHO FILE   prints each line that it reads with the time since
 *                                      START in front, and appends it to FILE
 *     demo_client pause MS             waits for so long
 *     demo_client get PORT PATH...     sends requests on one connection, prints the
 *                                      status codes; exit status as curl's: 7 refused,
 *                                      52 no answer, 56 broken connection
 *     demo_client idle PORT            sends one request, then says when the server
 *                                      closes the connection
 *
 * It uses plain blocking sockets and not the library: it's there to watch that.
 */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REFUSED = 7, NO_ANSWER = 52, BROKEN = 56 };

static int dial(const char *port) {
    struct sockaddr_in sin;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((unsigned short)atoi(port));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if(fd < 0 || connect(fd, (struct sockaddr*)&sin, sizeof(sin)) < 0) exit(REFUSED);
    return fd;
}

/* Sends a request and reads the answer. Returns its status code, or exits. */
static int request(FILE *in, int fd, const char *path) {
    char line[1024];
    int status = 0;
    long length = 0;
    int len = snprintf(line, sizeof(line),
        "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    if(len < 0 || (size_t)len >= sizeof(line)) exit(2);
    if(send(fd, line, (size_t)len, MSG_NOSIGNAL) != len) exit(BROKEN);
    if(!fgets(line, sizeof(line), in)) exit(ferror(in) ? BROKEN : NO_ANSWER);
    if(sscanf(line, "HTTP/1.1 %d", &status) != 1) exit(BROKEN);
    while(fgets(line, sizeof(line), in) && strcmp(line, "\r\n") != 0)
        if(strncasecmp(line, "Content-Length:", 15) == 0) length = atol(line + 15);
    for(; length > 0; length--)
        if(getc(in) == EOF) exit(BROKEN);
    return status;
}

static long long now_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Passes lines on with a time in front, as demo.sh itself does, only faster: in the
   order in which things happened. */
static int log_lines(long long start, const char *who, const char *path) {
    char line[1024];
    FILE *file = fopen(path, "a");
    if(!file) return 2;
    setvbuf(file, NULL, _IOLBF, 0);
    while(fgets(line, sizeof(line), stdin)) {
        long long ms = now_ms() - start;
        line[strcspn(line, "\n")] = '\0';
        printf("%7lld ms  %-8s %s\n", ms, who, line);
        fprintf(file, "%lld %s: %s\n", ms, who, line);
    }
    return 0;
}

int main(int argc, char *argv[]) {
    const char *command = argc > 1 ? argv[1] : "";
    /* No demonstration takes that long. */
    alarm(120);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if(strcmp(command, "now") == 0) {
        printf("%lld\n", now_ms());
        return 0;
    }
    if(strcmp(command, "log") == 0 && argc == 5)
        return log_lines(atoll(argv[2]), argv[3], argv[4]);
    if(strcmp(command, "pause") == 0 && argc == 3) {
        long ms = atol(argv[2]);
        struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
        while(nanosleep(&ts, &ts) < 0 && errno == EINTR);
        return 0;
    }
    if(strcmp(command, "get") == 0 && argc > 3) {
        int fd = dial(argv[2]);
        FILE *in = fdopen(fd, "r");
        if(!in) return 2;
        for(int i = 3; i != argc; i++)
            printf("%d%s", request(in, fd, argv[i]), i == argc - 1 ? "\n" : " ");
        return 0;
    }
    if(strcmp(command, "idle") == 0 && argc == 3) {
        int fd = dial(argv[2]);
        FILE *in = fdopen(fd, "r");
        if(!in) return 2;
        printf("answered %d\n", request(in, fd, "/"));
        int c = getc(in);
        if(c != EOF) printf("got something that nobody asked for\n");
        else if(ferror(in)) printf("reset by the server\n");
        else printf("closed by the server\n");
        return 0;
    }
    fprintf(stderr, "usage: %s now | log START WHO FILE | pause MS | get PORT PATH... | "
        "idle PORT\n", argv[0]);
    return 2;
}
