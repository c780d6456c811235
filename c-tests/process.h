/* Child processes of tests, how they end and what they say; and what this process uses. */

#ifndef PROCESS_H_INCLUDED
#define PROCESS_H_INCLUDED

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

/* Waits for the end of the child. Returns its exit status or, if a signal has ended it, the
   signal's negative number. */
__attribute__((unused))
static int result_of(pid_t pid) {
    int status;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Calls the function in a child, which then exits with 0. Returns the child's result. */
__attribute__((unused))
static int in_child(void (*what)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        what();
        exit(0);
    }
    return result_of(pid);
}

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif
#if defined __SANITIZE_THREAD__
#define UNDER_THREAD_SANITIZER 1
#elif !defined UNDER_THREAD_SANITIZER
#define UNDER_THREAD_SANITIZER 0
#endif

/* For a child that might go on for ever: it is killed when the thread of PARENT that has forked
   ends, however that happens. */
__attribute__((unused))
static void die_with(pid_t parent) {
    CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
    if(getppid() != parent) raise(SIGKILL);
}

/* Forks; what the child writes to its standard error output can be read from *fd. */
__attribute__((unused))
static pid_t fork_heard(int *fd) {
    int fds[2];
    CHECK_OK(pipe(fds));
    pid_t parent = getpid(), pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        die_with(parent);
        CHECK(dup2(fds[1], 2) == 2);
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
        return 0;
    }
    CHECK_OK(close(fds[1]));
    *fd = fds[0];
    return pid;
}

/* Reads what such a child has written, up to its end. Returns its result. */
__attribute__((unused))
static int hear(pid_t pid, int fd, char *text, size_t size) {
    size_t length = 0;
    ssize_t n;
    while((n = read(fd, text + length, size - 1 - length)) > 0) length += (size_t)n;
    text[length] = 0;
    CHECK_OK(close(fd));
    return result_of(pid);
}

/* For children that are to crash. */
__attribute__((unused))
static void make_no_core_file(void) {
    struct rlimit none = {0, 0};
    CHECK_OK(setrlimit(RLIMIT_CORE, &none));
}

__attribute__((unused))
static int64_t processor_ms(void) {
    struct timespec t;
    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t));
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

__attribute__((unused))
static long resident_kb(void) {
    long pages = -1, resident = -1;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f);
    CHECK_INT(fscanf(f, "%ld %ld", &pages, &resident), 2);
    CHECK_OK(fclose(f));
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

__attribute__((unused))
static long mappings(void) {
    long count = 0;
    int c;
    FILE *f = fopen("/proc/self/maps", "r");
    CHECK(f);
    while((c = getc(f)) != EOF) count += c == '\n';
    CHECK_OK(fclose(f));
    return count;
}

#endif
