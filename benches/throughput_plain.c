/* The comparator of throughput.c: the same by blocking sockets of the system.

   Usage: throughput_plain NAME MIBS */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "throughput.h"

static void receive_all(int fd, void *buf, size_t len) {
    for(char *at = buf; len > 0;) {
        ssize_t n = recv(fd, at, len, 0);
        MUST(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

/* A header and a payload. */
static void send_both(int fd, void *head, size_t head_len, void *body, size_t body_len) {
    struct iovec iov[2] = {{head, head_len}, {body, body_len}};
    size_t left = head_len + body_len;
    while(1) {
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);
        MUST(n > 0);
        left -= (size_t)n;
        if(left == 0) return;
        for(int i = 0; i != 2; ++i) {
            size_t gone = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;
            iov[i].iov_base = (char*)iov[i].iov_base + gone;
            iov[i].iov_len -= gone;
            n -= (ssize_t)gone;
        }
    }
}

static void apply_mask(void *to, const void *from, uint32_t mask) {
    uint64_t wide = (uint64_t)mask << 32 | mask, word;
    for(size_t i = 0; i != MESSAGE; i += sizeof(word)) {
        memcpy(&word, (const char*)from + i, sizeof(word));
        word ^= wide;
        memcpy((char*)to + i, &word, sizeof(word));
    }
}

/* A binary frame of this length: 64 KiB, so with a length of eight bytes. */
static void send_frame(int fd) {
    static char masked[MESSAGE];
    unsigned char head[14] = {0x82, 0xFF};
    uint32_t mask;
    for(int i = 0; i != 8; ++i) head[2 + i] = (unsigned char)((uint64_t)MESSAGE >> (8 * (7 - i)));
    MUST(getrandom(&mask, sizeof(mask), 0) == sizeof(mask));
    memcpy(head + 10, &mask, sizeof(mask));
    apply_mask(masked, message, mask);
    send_both(fd, head, sizeof(head), masked, MESSAGE);
}

static void receive_frame(int fd) {
    unsigned char head[14];
    uint64_t len = 0;
    uint32_t mask;
    receive_all(fd, head, 2);
    MUST(head[0] == 0x82 && head[1] == 0xFF);
    receive_all(fd, head + 2, 12);
    for(int i = 0; i != 8; ++i) len = len << 8 | head[2 + i];
    MUST(len == MESSAGE);
    memcpy(&mask, head + 10, sizeof(mask));
    receive_all(fd, message, MESSAGE);
    apply_mask(message, message, mask);
}

static void transfer(int fd, const char *name, int sends) {
    unsigned char head[4] = {0, 1, 0, 0};
    if(!strcmp(name, "ws")) {
        if(sends) send_frame(fd);
        else receive_frame(fd);
    } else if(!strcmp(name, "prefix")) {
        if(sends) {
            send_both(fd, head, sizeof(head), message, MESSAGE);
        } else {
            receive_all(fd, head, sizeof(head));
            MUST((head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3]) == MESSAGE);
            receive_all(fd, message, MESSAGE);
        }
    } else if(sends) {
        send_both(fd, head, 0, message, MESSAGE);
    } else {
        receive_all(fd, message, MESSAGE);
    }
}

int main(int argc, char *argv[]) {
    const char *name = argc > 2 ? argv[1] : "";
    long messages = argc > 2 ? atol(argv[2]) * (1 << 20) / MESSAGE : 0;
    MUST(is_known(name) && strcmp(name, "tls") && messages > 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int local = !strcmp(name, "ipc");
    struct sockaddr *addr = local ? (void*)&un : (void*)&in;
    socklen_t len = local ? sizeof(un) : sizeof(in);
    local_path(un.sun_path, sizeof(un.sun_path));
    int ls = socket(addr->sa_family, SOCK_STREAM, 0);
    MUST(bind(ls, addr, len) == 0 && listen(ls, 1) == 0 && getsockname(ls, addr, &len) == 0);
    pid_t child = fork();
    MUST(child >= 0);
    int fd, yes = 1;
    if(child == 0) {
        MUST((fd = socket(addr->sa_family, SOCK_STREAM, 0)) >= 0);
        MUST(connect(fd, addr, len) == 0);
        if(!local) MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) == 0);
        fill();
        for(long i = 0; i != messages; ++i) transfer(fd, name, 1);
        char c;
        (void)!read(fd, &c, 1);
        return 0;
    }
    MUST((fd = accept(ls, NULL, NULL)) >= 0);
    for(long i = 0; i != messages; ++i) {
        transfer(fd, name, 0);
        if(i == 0) start();
    }
    report();
    MUST(is_filled());
    close(fd);
    return wait_for(child);
}
