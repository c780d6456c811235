/* Children of fork() that don't use the library: they exec or leave, and the
   parent goes on undisturbed. */
/* both pollers */

#include <sys/socket.h>

#include "fork.h"

static int b;

static int count;

static coroutine void ticks(void) {
    while(msleep(now() + 1) == 0) count++;
    CHECK_INT(errno, ECANCELED);
}

static void child_leaves(void) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) _exit(7);
    reap(pid, 7);
}

static void child_execs(void) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 9", (char*)NULL);
        _exit(1);
    }
    reap(pid, 9);
}

/* The child gets none of the library's own descriptors through exec. */
static void nothing_leaks_through_exec(void) {
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
    child_leaves();
    CHECK_OK(yield());
    child_execs();
}

static void from_a_coroutine(void) {
    int f = go(forks());
    CHECK_HANDLE(f);
    CHECK_OK(bundle_wait(f, -1));
    CHECK_OK(hclose(f));
}

static void pipe_from_a_child(void) {
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

int main(void) {
    b = go(ticks());
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 3));
    child_leaves();
    child_execs();
    nothing_leaks_through_exec();
    from_a_coroutine();
    pipe_from_a_child();
    /* Timers and descriptors work as before. */
    int before = count;
    CHECK_OK(msleep(now() + 10));
    CHECK(count > before);
    CHECK_OK(hclose(b));
    return 0;
}
