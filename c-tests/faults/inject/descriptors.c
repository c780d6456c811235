/* Descriptors, files and waiting. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

int fault_epoll_create1(int flags) {
    FAILS("epoll_create1", -1, EMFILE, ENFILE, ENOMEM, EPERM);
    return epoll_create1(flags);
}

int fault_epoll_create(int size) {
    FAILS("epoll_create", -1, EMFILE, ENFILE, ENOMEM);
    return epoll_create(size);
}

int fault_epoll_ctl(int ep, int op, int fd, struct epoll_event *event) {
    if(op != EPOLL_CTL_DEL) FAILS("epoll_ctl", -1, ENOMEM, ENOSPC);
    return epoll_ctl(ep, op, fd, event);
}

int fault_epoll_wait(int ep, struct epoll_event *events, int max, int timeout) {
    FAILS("epoll_wait", -1, EINTR);
    return epoll_wait(ep, events, max, timeout);
}

int fault_epoll_pwait(int ep, struct epoll_event *events, int max, int timeout,
        const sigset_t *mask) {
    FAILS("epoll_pwait", -1, EINTR);
    return epoll_pwait(ep, events, max, timeout, mask);
}

int fault_eventfd(unsigned value, int flags) {
    FAILS("eventfd", -1, EMFILE, ENFILE, ENOMEM, ENODEV, EPERM);
    return eventfd(value, flags);
}

int fault_pipe(int fds[2]) {
    FAILS("pipe", -1, EMFILE, ENFILE);
    return pipe(fds);
}

int fault_pipe2(int fds[2], int flags) {
    FAILS("pipe2", -1, EMFILE, ENFILE, EINVAL);
    return pipe2(fds, flags);
}

int fault_fcntl(int fd, int cmd, ...) {
    va_list args;
    va_start(args, cmd);
    long arg = va_arg(args, long);
    va_end(args);
    if(cmd == F_DUPFD_CLOEXEC || cmd == F_DUPFD) FAILS("fcntl dup", -1, EMFILE);
    return fcntl(fd, cmd, arg);
}

/* The descriptor is closed in any case, as Linux does it. */
int fault_close(int fd) {
    static const int errors[] = {EIO, EINTR, 0};
    int error = due_error("close", errors), rc = close(fd);
    if(!error) return rc;
    errno = error;
    return -1;
}

ssize_t fault_read(int fd, void *buf, size_t len) {
    FAILS("read", -1, EIO, EINTR);
    return read(fd, buf, len);
}

ssize_t fault_readv(int fd, const struct iovec *iov, int n) {
    FAILS("readv", -1, EIO, EINTR);
    return readv(fd, iov, n);
}

int fault_poll(struct pollfd *fds, nfds_t n, int timeout) {
    FAILS("poll", -1, EINTR, ENOMEM);
    return poll(fds, n, timeout);
}

int fault_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *s) {
    FAILS("ppoll", -1, EINTR, ENOMEM, EPERM);
    return ppoll(fds, n, t, s);
}

int fault_nanosleep(const struct timespec *time, struct timespec *rest) {
    FAILS("nanosleep", -1, EINTR);
    return nanosleep(time, rest);
}

int fault_open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    FAILS("open", -1, EMFILE, ENFILE, ENOENT, EACCES, EINTR);
    return open(path, flags, mode);
}

int fault_open64(const char *path, int flags, ...) __attribute__((alias("fault_open")));

int fault_fstat64(int fd, struct stat *st) {
    FAILS("fstat", -1, EIO);
    return fstat(fd, st);
}

int fault_stat64(const char *path, struct stat *st) {
    FAILS("stat", -1, ENOENT, EACCES);
    return stat(path, st);
}

int fault_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st) {
    FAILS("statx", -1, ENOENT, EACCES, ENOSYS);
    return statx(dir, path, flags, mask, st);
}

off_t fault_lseek64(int fd, off_t offset, int whence) {
    FAILS("lseek", -1, EINVAL);
    return lseek(fd, offset, whence);
}
