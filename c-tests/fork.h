/* For the tests of fork(): children, and what is blocked when they begin. */

#ifndef FORK_H_INCLUDED
#define FORK_H_INCLUDED

#include "net.h"
#include "process.h"

#define MOST_FDS 64

/* The child must have exited with this status. */
static void reap(pid_t pid, int expected) {
    CHECK_INT(result_of(pid), expected);
}

/* Forks; in the child 1, after a moment in which a timer has fired there. */
__attribute__((unused))
static int child(pid_t *pid) {
    *pid = fork();
    CHECK(*pid >= 0);
    if(*pid == 0) CHECK_OK(msleep(now() + 2));
    return *pid == 0;
}

/* How many descriptors of the process are of this kind. */
__attribute__((unused))
static int of_kind(const char *kind, int *last) {
    int n = 0;
    for(int fd = 3; fd != MOST_FDS; ++fd) {
        char name[64], target[64];
        snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        ssize_t len = readlink(name, target, sizeof(target) - 1);
        if(len < 0) continue;
        target[len] = 0;
        if(!strstr(target, kind)) continue;
        *last = fd;
        n++;
    }
    return n;
}

static int pipes[2], woken_pipe, woken_socket, woken_timer;

__attribute__((unused))
static coroutine void waits_for_pipe(void) {
    char c;
    if(fdin(pipes[0], -1) < 0) {
        CHECK_INT(errno, ECANCELED);
        return;
    }
    CHECK_INT(read(pipes[0], &c, 1), 1);
    woken_pipe++;
}

__attribute__((unused))
static coroutine void waits_for_socket(int s) {
    char c = 0;
    if(brecv(s, &c, 1, -1) < 0) CHECK_INT(errno, ECANCELED);
    woken_socket += c;
}

__attribute__((unused))
static coroutine void waits_for_time(int64_t deadline) {
    if(msleep(deadline) < 0) CHECK_INT(errno, ECANCELED);
    woken_timer++;
}

#endif
