/* Where waiting itself is refused, calls that wait fail with the system's error, one line on the
   standard error output says why, and nothing spins. */

#include <signal.h>

#include "net.h"
#include "process.h"
#include "seccomp.h"

/* What the system says when it refuses. */
ALL_TESTS(VARIANTS("EPERM EACCES EINVAL ENOSYS"))

static const int errors[] = {EPERM, EACCES, EINVAL, ENOSYS};

static int refused_with;

BEFORE_EACH {
    refused_with = errors[variant()];
    CHECK_OK(setenv("DILL_POLLER", "epoll", 1));
}

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

static const long epoll_creations[] = {
#ifdef SYS_epoll_create
    SYS_epoll_create,
#endif
    SYS_epoll_create1,
};
#define EPOLL_CREATIONS ((int)(sizeof(epoll_creations) / sizeof(epoll_creations[0])))

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

/* Runs a scenario in a process of its own. Returns how it ends, and what it writes to the standard
   error output. */
static int run(void (*scenario)(void), char *text, size_t size) {
    int fd;
    pid_t child = fork_heard(&fd);
    if(child == 0) {
        scenario();
        _exit(0);
    }
    int result = hear(child, fd, text, size);
    if(result == CHECK_SKIPPED) SKIP("no system call can be refused here");
    return result;
}

/* The scenario succeeds and writes one line with this text and the error, or nothing: NULL. */
static void says(void (*scenario)(void), const char *what) {
    char text[4096];
    int result = run(scenario, text, sizeof(text));
    if(strcmp(text, "none\n") == 0) SKIP("no io_uring here");
    if(result != 0) check_fail(__FILE__, __LINE__, "result %d: %s", result, text);
    const char *line = what ? strstr(text, what) : text;
    int fits = !what ? *text == 0 : line && strchr(line, '\n') == strrchr(line, '\n') &&
        strstr(line, strerror(refused_with));
    if(!fits)
        check_fail(__FILE__, __LINE__, "instead of one line with \"%s\": %s",
            what ? what : "nothing", text);
}

static const char waiting[] = "libdill: the system refuses to wait for descriptors: ";

static void begins_without_epoll(void) {
    refuse_all(epoll_waits, EPOLL_WAITS);
    fails_honestly(refused_with);
}

TEST(epoll_from_the_start) {
    says(begins_without_epoll, waiting);
}

static void loses_epoll(void) {
    waits_once();
    refuse_all(epoll_waits, EPOLL_WAITS);
    fails_honestly(refused_with);
}

TEST(epoll_later) {
    says(loses_epoll, waiting);
}

#ifdef SYS_io_uring_enter
static void loses_io_uring(void) {
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

TEST(io_uring_later) {
    says(loses_io_uring, waiting);
}
#endif

/* Only the newest of the calls, and only after it has been in use. */
static void loses_the_newest_call(void) {
    waits_once();
    refuse_all(epoll_waits, 1);
    waits_once();
    waits_once();
}

TEST(one_later) {
    says(loses_the_newest_call, NULL);
}

static void makes_no_poller(void) {
    int fds[2];
    refuse_all(epoll_creations, EPOLL_CREATIONS);
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], -1), refused_with);
    CHECK_OK(msleep(now() + 3));
}

TEST(no_poller) {
    says(makes_no_poller, NULL);
}

/* A child can't make a poller of its own. */
static void makes_none_in_child(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    int b = go(waits_for(fds[0], refused_with));
    CHECK_HANDLE(b);
    CHECK_OK(yield());
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        refuse_all(epoll_creations, EPOLL_CREATIONS);
        CHECK_OK(bundle_wait(b, now() + 10000));
        _exit(0);
    }
    int result = result_of(child);
    if(result == CHECK_SKIPPED) _exit(CHECK_SKIPPED);
    CHECK_OK(result);
}

TEST(no_poller_in_child) {
    says(makes_none_in_child, waiting);
}

static void can_not_sleep(void) {
    long calls[] = {
#ifdef SYS_poll
        SYS_poll,
#endif
        SYS_ppoll, SYS_nanosleep, SYS_clock_nanosleep};
    refuse_all(calls, (int)(sizeof(calls) / sizeof(calls[0])));
    (void)msleep(now() + 10);
    _exit(3);
}

TEST(no_sleep) {
    make_no_core_file();
    char text[4096];
    CHECK_INT(run(can_not_sleep, text, sizeof(text)), -SIGABRT);
    CHECK(strstr(text, "libdill: the system refuses to sleep: "));
}

/* The program has closed the poller's descriptor, which it must not. */
TEST(closed_poller, VARIANTS("epoll")) {
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
