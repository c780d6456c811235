/* Loopback connections and descriptor counting for the socket tests. */

#ifndef NET_H_INCLUDED
#define NET_H_INCLUDED

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "check.h"

/* Opens a listener on a free port of the loopback interface. */
__attribute__((unused))
static int loopback_listener(struct ipaddr *addr) {
    CHECK_OK(ipaddr_local(addr, "127.0.0.1", 0, IPADDR_IPV4));
    int ls = tcp_listen(addr, 16);
    CHECK_HANDLE(ls);
    CHECK(ipaddr_port(addr) > 0);
    return ls;
}

/* Two connected TCP sockets. The kernel completes a loopback connection from the
   listener's backlog, so one coroutine can do both ends. */
__attribute__((unused))
static void tcp_pair(int s[2]) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    s[0] = tcp_connect(&addr, -1);
    CHECK_HANDLE(s[0]);
    s[1] = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(s[1]);
    CHECK_OK(hclose(ls));
}

/* Two connected plain blocking descriptors, also over TCP. */
__attribute__((unused))
static void raw_tcp_pair(int fd[2]) {
    struct sockaddr_in sin;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(sin);
    int ls = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(ls >= 0);
    CHECK_OK(bind(ls, (struct sockaddr*)&sin, sizeof(sin)));
    CHECK_OK(listen(ls, 1));
    CHECK_OK(getsockname(ls, (struct sockaddr*)&sin, &len));
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd[0] >= 0);
    CHECK_OK(connect(fd[0], (struct sockaddr*)&sin, sizeof(sin)));
    fd[1] = accept(ls, NULL, NULL);
    CHECK(fd[1] >= 0);
    CHECK_OK(close(ls));
}

/* Two ends of a local connection, of which the first one's output is full; how many bytes are on
   their way to the other. */
__attribute__((unused))
static size_t raw_full_pair(int fd[2]) {
    static char block[4096];
    size_t ahead = 0;
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
    for(size_t size = sizeof(block); size; size = size > 1 ? 1 : 0) {
        ssize_t n;
        while((n = write(fd[0], block, size)) > 0) ahead += (size_t)n;
    }
    CHECK(errno == EAGAIN && ahead > 0);
    return ahead;
}

/* Number of open descriptors of the process. Those that the library keeps for
   itself are opened at the first wait, so that comes first. */
__attribute__((unused))
static int count_fds(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    (void)fdout(fds[1], 0);
    CHECK_OK(fdclean(fds[1]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    int n = 0;
    while(readdir(dir)) n++;
    CHECK_OK(closedir(dir));
    /* Without ".", ".." and the directory itself. */
    return n - 3;
}

__attribute__((unused))
static int open_before_;

/* As BEFORE_EACH, and each test must end with as many open descriptors as there were behind it. */
#define BEFORE_EACH_KEEPING_FDS\
    static void set_up_(void);\
    BEFORE_EACH {\
        set_up_();\
        open_before_ = count_fds();\
    }\
    AFTER_EACH {\
        CHECK_INT(count_fds(), open_before_);\
    }\
    static void set_up_(void)

#endif
