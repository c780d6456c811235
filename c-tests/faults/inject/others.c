/* Names, threads, random numbers, and what is called by its number. */

#include <ifaddrs.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

int fault_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
        struct addrinfo **found) {
    static const int errors[] = {EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_NONAME, EAI_SYSTEM, 0};
    int error = due_error("getaddrinfo", errors);
    if(error) {
        errno = EMFILE;
        return error;
    }
    int rc = getaddrinfo(name, service, hints, found);
    if(rc == 0) hold(1, 0, 0);
    return rc;
}

void fault_freeaddrinfo(struct addrinfo *found) {
    hold(-1, 0, 0);
    freeaddrinfo(found);
}

int fault_getifaddrs(struct ifaddrs **found) {
    FAILS("getifaddrs", -1, ENOMEM, EMFILE, ENOBUFS);
    int rc = getifaddrs(found);
    if(rc == 0) hold(1, 0, 0);
    return rc;
}

void fault_freeifaddrs(struct ifaddrs *found) {
    if(found) hold(-1, 0, 0);
    freeifaddrs(found);
}

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
