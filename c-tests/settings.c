/* What the environment asks for, as a person writes it; what can't be understood is told of. */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "net.h"

static coroutine void nothing(void) {}

static void *use(void *unused) {
    int fds[2];
    int b = go(nothing());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], now() + 1), ETIMEDOUT);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    return unused;
}

/* What a process with this setting writes to the standard error output. */
static int run(const char *name, const char *value, int signo, char *text, size_t size) {
    int fds[2], status;
    CHECK_OK(pipe(fds));
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        alarm(15);
        CHECK_OK(setenv(name, value, 1));
        CHECK(dup2(fds[1], 2) == 2);
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
        use(NULL);
        /* Each thread has a scheduler of its own. */
        pthread_t thread;
        CHECK_OK(pthread_create(&thread, NULL, use, NULL));
        CHECK_OK(pthread_join(thread, NULL));
        if(signo) CHECK_OK(raise(signo));
        CHECK_OK(msleep(now() + 1));
        _exit(0);
    }
    CHECK_OK(close(fds[1]));
    size_t length = 0;
    ssize_t n;
    while((n = read(fds[0], text + length, size - 1 - length)) > 0) length += (size_t)n;
    text[length] = 0;
    CHECK_OK(close(fds[0]));
    CHECK_INT(waitpid(child, &status, 0), child);
    return status;
}

static void silent(const char *name, const char *value) {
    char text[4096];
    CHECK_OK(run(name, value, 0, text, sizeof(text)));
    if(*text) check_fail(__FILE__, __LINE__, "%s=%s: %s", name, value, text);
}

static void told(const char *name, const char *value, const char *shown, const char *what,
        const char *wanted, const char *instead) {
    char text[4096], expected[4096];
    snprintf(expected, sizeof(expected), "libdill: %s=%s %s, it may be %s; used instead: %s\n",
        name, shown, what, wanted, instead);
    CHECK_OK(run(name, value, 0, text, sizeof(text)));
    CHECK_STR(text, expected);
}

#define NOT_UNDERSTOOD "is not understood"

/* The signal is the library's: it dumps, and does not end the process. */
static void dumps(const char *value, int signo) {
    char text[65536];
    CHECK_OK(run("DILL_DUMP_SIGNAL", value, signo, text, sizeof(text)));
    if(!strstr(text, "libdill: coroutines of thread"))
        check_fail(__FILE__, __LINE__, "%s: %s", value, text);
}

static coroutine void uses_stack(size_t size) {
    char room[size];
    memset(room, 1, size);
    __asm__ volatile("" : : "r"(room) : "memory");
}

/* So much of a stack can be used, and not much more. */
static int fits(const char *value, size_t size) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        CHECK_OK(setenv("DILL_STACK_SIZE", value, 1));
        CHECK_OK(setenv("DILL_OVERFLOW_MESSAGE", "off", 1));
        int b = go(uses_stack(size));
        CHECK_HANDLE(b);
        CHECK_OK(bundle_wait(b, -1));
        _exit(0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(status == 0 || WIFSIGNALED(status));
    return status == 0;
}

static void virtual_time(const char *value) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if(child == 0) {
        alarm(15);
        CHECK_OK(setenv("DILL_CLOCK", value, 1));
        CHECK_OK(msleep(now() + 3600000));
        _exit(0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
}

int main(void) {
    static const char signals[] = "a signal that can be handled, such as USR1, RTMIN+1 or 10";
    static const char sizes[] = "a number of bytes, such as 262144, 256K or 1M";
    static const char *const all[] = {"DILL_CHECK", "DILL_CLOCK", "DILL_DUMP_SIGNAL",
        "DILL_HANDLES", "DILL_OVERFLOW_MESSAGE", "DILL_POLLER", "DILL_STACK_SIZE"};
    for(size_t i = 0; i != sizeof(all) / sizeof(all[0]); ++i) {
        silent(all[i], "");
        silent(all[i], "  ");
    }
    silent("DILL_CHECK", "0");
    silent("DILL_CHECK", "on");
    told("DILL_CHECK", "2", "2", NOT_UNDERSTOOD, "0 or 1", "0");

    silent("DILL_CLOCK", "real");
    virtual_time("virtual");
    virtual_time(" Virtual ");
    told("DILL_CLOCK", "vitual", "vitual", NOT_UNDERSTOOD, "virtual or real", "real");

    silent("DILL_POLLER", "epoll");
    silent("DILL_POLLER", "IO_URING ");
    told("DILL_POLLER", "kqueue", "kqueue", NOT_UNDERSTOOD, "epoll or io_uring", "epoll");
    told("DILL_POLLER", "io\nuring\xff", "io?uring?", NOT_UNDERSTOOD, "epoll or io_uring",
        "epoll");

    silent("DILL_HANDLES", "low");
    silent("DILL_HANDLES", "HIGH");
    told("DILL_HANDLES", "tall", "tall", NOT_UNDERSTOOD, "low or high", "low");

    silent("DILL_OVERFLOW_MESSAGE", "0");
    silent("DILL_OVERFLOW_MESSAGE", "No");
    told("DILL_OVERFLOW_MESSAGE", "maybe", "maybe", NOT_UNDERSTOOD, "0 or 1", "1");

    dumps("USR1", SIGUSR1);
    dumps("usr1", SIGUSR1);
    dumps(" SigUsr2 ", SIGUSR2);
    dumps("rtmin+2", SIGRTMIN + 2);
    dumps("12", SIGUSR2);
    told("DILL_DUMP_SIGNAL", "user1", "user1", NOT_UNDERSTOOD, signals, "no signal");
    told("DILL_DUMP_SIGNAL", "KILL", "KILL", NOT_UNDERSTOOD, signals, "no signal");
    told("DILL_DUMP_SIGNAL", "-1", "-1", NOT_UNDERSTOOD, signals, "no signal");

    silent("DILL_STACK_SIZE", "65536");
    CHECK(fits("1M", 900 << 10));
    CHECK(fits(" 1 mib", 900 << 10));
    CHECK(fits("0x100000", 900 << 10));
    if(!under_memcheck()) CHECK(!fits("512K", 900 << 10));
    told("DILL_STACK_SIZE", "1X", "1X", NOT_UNDERSTOOD, sizes, "262144");
    told("DILL_STACK_SIZE", "-1", "-1", NOT_UNDERSTOOD, sizes, "262144");
    told("DILL_STACK_SIZE", "5", "5", "is out of range", sizes, "16384");
    told("DILL_STACK_SIZE", "99999999999999999999", "99999999999999999999", "is out of range",
        sizes, "1099511627776");
    return 0;
}
