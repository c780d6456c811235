/* Where waiting itself is refused, calls that wait fail with the system's error, one line on the
   standard error output says why, and nothing spins. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "net.h"
#include "seccomp.h"

static const int errors[] = {EPERM, EACCES, EINVAL, ENOSYS};

static int refused_with;

static void refuse_all(const long *calls, int n) {
    for(int i = 0; i != n; ++i)
        if(refuse_call(calls[i], refused_with) != 0) _exit(CHECK_SKIPPED);
}

static const long epoll_waits[] = {
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait,
};
#define EPOLL_WAITS ((int)(sizeof(epoll_waits) / sizeof(epoll_waits[0])))

static int64_t processor_ms(void) {
    struct timespec t;
    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t));
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static coroutine void waits_for(int fd, int err) {
    CHECK_ERR(fdin(fd, -1), err);
}

/* All that waits for descriptors fails, and time goes on. */
static void fails_honestly(int err) {
    struct ipaddr addr;
    int fds[2], s[2];
    char buf[1];
    int64_t before = processor_ms();
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], -1), err);
    CHECK_ERR(fdin(fds[0], now() + 10000), err);
    int b = go(waits_for(fds[0], err));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    struct chclause clause = {CHFDIN, fds[0], NULL, 0};
    CHECK_RESULT(choose(&clause, 1, -1), 0, err);
    CHECK_OK(ipc_pair(s));
    CHECK_ERR(brecv(s[1], buf, 1, -1), err);
    int ls = loopback_listener(&addr);
    CHECK_ERR(tcp_accept(ls, NULL, -1), err);
    int64_t start = now();
    CHECK_OK(msleep(now() + 30));
    CHECK(now() >= start + 30);
    CHECK_BETWEEN(processor_ms() - before, 0, 25);
    CHECK_OK(hclose(ls));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_OK(fdclean(fds[0]));
}

static void waits_once(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], now() + 1), ETIMEDOUT);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void epoll_from_the_start(void) {
    refuse_all(epoll_waits, EPOLL_WAITS);
    fails_honestly(refused_with);
}

static void epoll_later(void) {
    waits_once();
    refuse_all(epoll_waits, EPOLL_WAITS);
    fails_honestly(refused_with);
}

#ifdef SYS_io_uring_enter
static void io_uring_later(void) {
    CHECK_OK(setenv("DILL_POLLER", "io_uring", 1));
    waits_once();
    long calls[] = {SYS_io_uring_enter};
    refuse_all(calls, 1);
    /* Where there was none, epoll works as ever. */
    int fds[2];
    CHECK_OK(pipe(fds));
    if(fdin(fds[0], now() + 1) != 0 && errno == ETIMEDOUT) {
        if(write(2, "none\n", 5) != 5) _exit(1);
        return;
    }
    fails_honestly(refused_with);
}
#endif

/* Only the newest of the calls, and only after it has been in use. */
static void one_later(void) {
    waits_once();
    refuse_all(epoll_waits, 1);
    waits_once();
    waits_once();
}

static void no_poller(void) {
    long calls[] = {
#ifdef SYS_epoll_create
        SYS_epoll_create,
#endif
        SYS_epoll_create1};
    int fds[2];
    refuse_all(calls, (int)(sizeof(calls) / sizeof(calls[0])));
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], -1), refused_with);
    CHECK_OK(msleep(now() + 3));
}

/* A child can't make a poller of its own. */
static void no_poller_in_child(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    int b = go(waits_for(fds[0], refused_with));
    CHECK_HANDLE(b);
    CHECK_OK(yield());
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        long calls[] = {
#ifdef SYS_epoll_create
            SYS_epoll_create,
#endif
            SYS_epoll_create1};
        refuse_all(calls, (int)(sizeof(calls) / sizeof(calls[0])));
        CHECK_OK(bundle_wait(b, now() + 10000));
        _exit(0);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    if(WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIPPED) _exit(CHECK_SKIPPED);
    CHECK_INT(status, 0);
}

/* The program has closed the poller's descriptor, which it must not. */
static void closed(void) {
    refused_with = EBADF;
    waits_once();
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    struct dirent *entry;
    while((entry = readdir(dir))) {
        char path[300], target[100] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        if(readlink(path, target, sizeof(target) - 1) > 0 &&
                strcmp(target, "anon_inode:[eventpoll]") == 0)
            close(atoi(entry->d_name));
    }
    CHECK_OK(closedir(dir));
    int fds[2];
    CHECK_OK(pipe(fds));
    /* Whether a registration fails or the wait. */
    CHECK_ERR(fdin(fds[0], -1), EBADF);
    CHECK_OK(msleep(now() + 3));
}

static void no_sleep(void) {
    long calls[] = {
#ifdef SYS_poll
        SYS_poll,
#endif
        SYS_ppoll, SYS_nanosleep, SYS_clock_nanosleep};
    refuse_all(calls, (int)(sizeof(calls) / sizeof(calls[0])));
    (void)msleep(now() + 10);
    _exit(3);
}

/* What a scenario in a process of its own writes to the standard error output, and how it ends. */
static int run(void (*scenario)(void), int err, char *text, size_t size) {
    int fds[2], status;
    CHECK_OK(pipe(fds));
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        alarm(15);
        CHECK(dup2(fds[1], 2) == 2);
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
        refused_with = err;
        scenario();
        _exit(0);
    }
    CHECK_OK(close(fds[1]));
    size_t length = 0;
    ssize_t n;
    while((n = read(fds[0], text + length, size - 1 - length)) > 0) length += (size_t)n;
    text[length] = 0;
    CHECK_OK(close(fds[0]));
    CHECK_INT(waitpid(child, &status, 0), child);
    if(WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIPPED)
        SKIP("skip: no system call can be refused here");
    return status;
}

static void says(void (*scenario)(void), int err, const char *what) {
    char text[4096];
    int status = run(scenario, err, text, sizeof(text));
    if(strcmp(text, "none\n") == 0) return;
    if(status != 0) check_fail(__FILE__, __LINE__, "status %d: %s", status, text);
    const char *line = what ? strstr(text, what) : text;
    if(!line || (what ? strchr(line, '\n') != strrchr(line, '\n') || !strstr(line, strerror(err))
            : *text != 0))
        check_fail(__FILE__, __LINE__, "instead of one line with \"%s\": %s",
            what ? what : "nothing", text);
}

int main(void) {
    static const char waiting[] = "libdill: the system refuses to wait for descriptors: ";
    char text[4096];
    if(under_memcheck()) SKIP("skip: valgrind's own calls would be refused");
    CHECK_OK(setenv("DILL_POLLER", "epoll", 1));
    for(int i = 0; i != 4; ++i) {
        says(epoll_from_the_start, errors[i], waiting);
        says(epoll_later, errors[i], waiting);
#ifdef SYS_io_uring_enter
        says(io_uring_later, errors[i], waiting);
#endif
        says(one_later, errors[i], NULL);
        says(no_poller, errors[i], NULL);
        says(no_poller_in_child, errors[i], waiting);
        int status = run(no_sleep, errors[i], text, sizeof(text));
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        CHECK(strstr(text, "libdill: the system refuses to sleep: "));
    }
    CHECK_OK(run(closed, 0, text, sizeof(text)));
    return 0;
}
