#include "inject.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct record *record;

static atomic_int armed;
static atomic_uint_fast64_t calls;
static atomic_long blocks, bytes, maps;
static const char *failing; /* after the first fault: the function that goes on failing */
static unsigned remaining;

void inject_begin(void) {
    /* The first backtrace() allocates memory and opens a library. */
    void *frame[1];
    (void)backtrace(frame, 1);
    atomic_store(&calls, 0);
    failing = NULL;
    atomic_store(&armed, 1);
}

void inject_end(void) {
    atomic_store(&armed, 0);
    record->calls = atomic_load(&calls);
}

struct held inject_held(void) {
    return (struct held){atomic_load(&blocks), atomic_load(&bytes), atomic_load(&maps)};
}

/* Counts a call of `name`; the error that it is to fail with, or 0. `errors` ends in 0. */
static int due(const char *name, const int *errors) {
    if(!atomic_load_explicit(&armed, memory_order_relaxed)) return 0;
    uint64_t call = atomic_fetch_add(&calls, 1) + 1;
    unsigned n = 0;
    while(errors[n]) n++;
    if(record->target == 0) {
        if(call < MOST_POINTS) record->variants[call] = (unsigned char)n;
        return 0;
    }
    if(call == record->target) {
        if(n == 0) return 0;
        failing = name;
        remaining = record->repeat;
        record->name = name;
        record->error = errors[record->variant % n];
        record->nframes = backtrace(record->frames, MOST_FRAMES);
        record->injected++;
        return record->error;
    }
    if(failing && call > record->target && remaining > 0 && strcmp(name, failing) == 0) {
        remaining--;
        record->injected++;
        record->nframes = backtrace(record->frames, MOST_FRAMES);
        return record->error;
    }
    return 0;
}

#define FAILS(name, result, ...) do {\
    static const int errors[] = {__VA_ARGS__, 0};\
    int error = due(name, errors);\
    if(error) {\
        errno = error;\
        return result;\
    }\
} while(0)

/* ------------------------------------------------------------------ memory -- */

static void *made(void *block) {
    if(block) {
        atomic_fetch_add(&blocks, 1);
        atomic_fetch_add(&bytes, (long)malloc_usable_size(block));
    }
    return block;
}

static void gone(void *block) {
    if(block) {
        atomic_fetch_sub(&blocks, 1);
        atomic_fetch_sub(&bytes, (long)malloc_usable_size(block));
    }
}

void *fault_malloc(size_t size) {
    FAILS("malloc", NULL, ENOMEM);
    return made(malloc(size));
}

void *fault_calloc(size_t n, size_t size) {
    FAILS("calloc", NULL, ENOMEM);
    return made(calloc(n, size));
}

void *fault_realloc(void *block, size_t size) {
    FAILS("realloc", NULL, ENOMEM);
    size_t before = block ? malloc_usable_size(block) : 0;
    void *moved = realloc(block, size);
    if(moved) {
        if(!block) atomic_fetch_add(&blocks, 1);
        atomic_fetch_add(&bytes, (long)malloc_usable_size(moved) - (long)before);
    }
    return moved;
}

int fault_posix_memalign(void **place, size_t alignment, size_t size) {
    FAILS("posix_memalign", ENOMEM, ENOMEM);
    int rc = posix_memalign(place, alignment, size);
    if(rc == 0) made(*place);
    return rc;
}

void fault_free(void *block) {
    gone(block);
    free(block);
}

void *fault_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t at) {
    FAILS("mmap", MAP_FAILED, ENOMEM);
    void *map = mmap(addr, len, prot, flags, fd, at);
    if(map != MAP_FAILED) atomic_fetch_add(&maps, (long)len);
    return map;
}

int fault_munmap(void *addr, size_t len) {
    int rc = munmap(addr, len);
    if(rc == 0) atomic_fetch_sub(&maps, (long)len);
    return rc;
}

int fault_mprotect(void *addr, size_t len, int prot) {
    FAILS("mprotect", -1, ENOMEM);
    return mprotect(addr, len, prot);
}

int fault_madvise(void *addr, size_t len, int advice) {
    /* EINVAL: a kernel that doesn't know the advice. */
    FAILS("madvise", -1, EINVAL, ENOMEM);
    return madvise(addr, len, advice);
}

/* ------------------------------------------------------------- descriptors -- */

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
    int error = due("close", errors), rc = close(fd);
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

/* ----------------------------------------------------------------- sockets -- */

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

/* ------------------------------------------------------------------- names -- */

int fault_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
        struct addrinfo **found) {
    static const int errors[] = {EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_NONAME, EAI_SYSTEM, 0};
    int error = due("getaddrinfo", errors);
    if(error) {
        errno = EMFILE;
        return error;
    }
    int rc = getaddrinfo(name, service, hints, found);
    if(rc == 0) atomic_fetch_add(&blocks, 1);
    return rc;
}

void fault_freeaddrinfo(struct addrinfo *found) {
    atomic_fetch_sub(&blocks, 1);
    freeaddrinfo(found);
}

int fault_getifaddrs(struct ifaddrs **found) {
    FAILS("getifaddrs", -1, ENOMEM, EMFILE, ENOBUFS);
    int rc = getifaddrs(found);
    if(rc == 0) atomic_fetch_add(&blocks, 1);
    return rc;
}

void fault_freeifaddrs(struct ifaddrs *found) {
    if(found) atomic_fetch_sub(&blocks, 1);
    freeifaddrs(found);
}

/* --------------------------------------------------- threads and the rest -- */

int fault_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    FAILS("pthread_atfork", ENOMEM, ENOMEM);
    return pthread_atfork(prepare, parent, child);
}

int fault_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
        void *(*start)(void*), void *arg) {
    FAILS("pthread_create", EAGAIN, EAGAIN);
    return pthread_create(thread, attr, start, arg);
}

int fault_pthread_key_create(pthread_key_t *key, void (*destroy)(void*)) {
    FAILS("pthread_key_create", EAGAIN, EAGAIN);
    return pthread_key_create(key, destroy);
}

int fault_pthread_setspecific(pthread_key_t key, const void *value) {
    FAILS("pthread_setspecific", ENOMEM, ENOMEM);
    return pthread_setspecific(key, value);
}

ssize_t fault_getrandom(void *buf, size_t len, unsigned flags) {
    FAILS("getrandom", -1, EINTR, EPERM);
    return getrandom(buf, len, flags);
}

/* epoll_pwait2 and io_uring's; futex is the locks', which know no failure. */
long fault_syscall(long number, ...) {
    va_list args;
    long a[6];
    va_start(args, number);
    for(int i = 0; i != 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    switch(number) {
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2: FAILS("epoll_pwait2", -1, EINTR, ENOSYS, EPERM, EINVAL); break;
#endif
#ifdef SYS_io_uring_setup
    case SYS_io_uring_setup: FAILS("io_uring_setup", -1, ENOSYS, EPERM, ENOMEM, EMFILE); break;
    case SYS_io_uring_enter: FAILS("io_uring_enter", -1, EINTR, EAGAIN, EBUSY); break;
    case SYS_io_uring_register: FAILS("io_uring_register", -1, EINVAL, ENOMEM); break;
#endif
    case SYS_getrandom: FAILS("getrandom", -1, EINTR); break;
    case SYS_futex: break;
    default: FAILS("syscall", -1, ENOSYS);
    }
    return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
