/* Sockets. */

#include <sys/socket.h>

#include "calls.h"

int fault_socket(int domain, int type, int protocol) {
    FAILS("socket", -1, EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT, EACCES);
    return socket(domain, type, protocol);
}

int fault_socketpair(int domain, int type, int protocol, int fds[2]) {
    FAILS("socketpair", -1, EMFILE, ENFILE, ENOMEM);
    return socketpair(domain, type, protocol, fds);
}

int fault_bind(int fd, const struct sockaddr *addr, socklen_t len) {
    FAILS("bind", -1, EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOMEM);
    return bind(fd, addr, len);
}

int fault_listen(int fd, int backlog) {
    FAILS("listen", -1, EADDRINUSE);
    return listen(fd, backlog);
}

int fault_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags) {
    FAILS("accept4", -1, EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR, EPERM, EPROTO,
        ENETDOWN, EHOSTUNREACH);
    return accept4(fd, addr, len, flags);
}

int fault_accept(int fd, struct sockaddr *addr, socklen_t *len) {
    FAILS("accept", -1, EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR);
    return accept(fd, addr, len);
}

int fault_connect(int fd, const struct sockaddr *addr, socklen_t len) {
    FAILS("connect", -1, ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL, EACCES, EINTR);
    return connect(fd, addr, len);
}

int fault_getsockname(int fd, struct sockaddr *addr, socklen_t *len) {
    FAILS("getsockname", -1, ENOBUFS);
    return getsockname(fd, addr, len);
}

int fault_getpeername(int fd, struct sockaddr *addr, socklen_t *len) {
    FAILS("getpeername", -1, ENOBUFS, ENOTCONN);
    return getpeername(fd, addr, len);
}

int fault_getsockopt(int fd, int level, int name, void *value, socklen_t *len) {
    FAILS("getsockopt", -1, ENOBUFS, ENOMEM);
    return getsockopt(fd, level, name, value, len);
}

int fault_setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
    FAILS("setsockopt", -1, ENOMEM, ENOBUFS, ENOPROTOOPT);
    return setsockopt(fd, level, name, value, len);
}

int fault_shutdown(int fd, int how) {
    FAILS("shutdown", -1, ENOTCONN, ENOBUFS);
    return shutdown(fd, how);
}

ssize_t fault_send(int fd, const void *buf, size_t len, int flags) {
    FAILS("send", -1, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, EINTR, EHOSTUNREACH);
    return send(fd, buf, len, flags);
}

ssize_t fault_sendmsg(int fd, const struct msghdr *msg, int flags) {
    FAILS("sendmsg", -1, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, EINTR, ETOOMANYREFS);
    return sendmsg(fd, msg, flags);
}

ssize_t fault_recv(int fd, void *buf, size_t len, int flags) {
    FAILS("recv", -1, ECONNRESET, ETIMEDOUT, ENOMEM, EINTR, ECONNREFUSED);
    return recv(fd, buf, len, flags);
}

ssize_t fault_recvmsg(int fd, struct msghdr *msg, int flags) {
    FAILS("recvmsg", -1, ECONNRESET, ETIMEDOUT, ENOMEM, EINTR, EMFILE);
    return recvmsg(fd, msg, flags);
}
