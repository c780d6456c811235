/* Children of fork() that don't use the library: they exec or leave, and the
   parent goes on undisturbed. */

#include <sys/socket.h>

#include "fork.h"

ALL_TESTS(BOTH_POLLERS)

/* What goes on in the parent, undisturbed. */
static int b, count;

static coroutine void ticks(void) {
    while(msleep(now() + 1) == 0) count++;
    CHECK_INT(errno, ECANCELED);
}

BEFORE_EACH {
    b = go(ticks());
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 3));
}

/* Timers and descriptors work as before. */
AFTER_EACH {
    int before = count;
    CHECK_OK(msleep(now() + 10));
    CHECK(count > before);
    CHECK_OK(hclose(b));
}

static void leave_in_child(void) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) _exit(7);
    reap(pid, 7);
}

static void exec_in_child(void) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 9", (char*)NULL);
        _exit(1);
    }
    reap(pid, 9);
}

TEST(child_leaves) {
    leave_in_child();
}

TEST(child_execs) {
    exec_in_child();
}

/* The child gets none of the library's own descriptors through exec. */
TEST(nothing_leaks_through_exec) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    CHECK_OK(fdout(fds[0], -1));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        execl("/bin/sh", "sh", "-c",
            "for f in /proc/self/fd/*; do readlink $f; done |"
            "grep -q eventpoll && exit 1; exit 0", (char*)NULL);
        _exit(2);
    }
    reap(pid, 0);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* From a coroutine, whose stack the child then runs on. */
static coroutine void forks(void) {
    leave_in_child();
    CHECK_OK(yield());
    exec_in_child();
}

TEST(from_a_coroutine) {
    int f = go(forks());
    CHECK_HANDLE(f);
    CHECK_OK(bundle_wait(f, -1));
    CHECK_OK(hclose(f));
}

TEST(pipe_from_a_child) {
    int fds[2];
    CHECK_OK(pipe(fds));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        for(int i = 0; i != 3; ++i) if(write(fds[1], "abc", 3) != 3) _exit(1);
        _exit(0);
    }
    CHECK_OK(close(fds[1]));
    char buf[16];
    int total = 0;
    while(1) {
        CHECK_OK(fdin(fds[0], -1));
        ssize_t n = read(fds[0], buf, sizeof(buf));
        CHECK(n >= 0);
        if(n == 0) break;
        total += (int)n;
    }
    CHECK_INT(total, 9);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    reap(pid, 0);
}
