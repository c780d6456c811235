/* What the environment asks for, as a person writes it; what can't be understood is told of. */

#include <pthread.h>
#include <signal.h>

#include "coroutines.h"
#include "net.h"
#include "process.h"

static void *use(void *unused) {
    int fds[2];
    int b = go(finishes());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], now() + 1), ETIMEDOUT);
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    return unused;
}

/* Returns what a process with this setting writes to the standard error output. */
static const char *run(const char *name, const char *value, int signo) {
    static char text[65536];
    int fd;
    about("%s=%s", name, value);
    pid_t child = fork_heard(&fd);
    if(child == 0) {
        CHECK_OK(setenv(name, value, 1));
        use(NULL);
        /* Each thread has a scheduler of its own. */
        pthread_t thread;
        CHECK_OK(pthread_create(&thread, NULL, use, NULL));
        CHECK_OK(pthread_join(thread, NULL));
        if(signo) CHECK_OK(raise(signo));
        CHECK_OK(msleep(now() + 1));
        _exit(0);
    }
    int result = hear(child, fd, text, sizeof(text));
    if(result) check_fail(__FILE__, __LINE__, "result %d: %s", result, text);
    return text;
}

static void silent(const char *name, const char *value) {
    CHECK_STR(run(name, value, 0), "");
}

static void told(const char *name, const char *value, const char *shown, const char *what,
        const char *wanted, const char *instead) {
    char expected[4096];
    snprintf(expected, sizeof(expected), "libdill: %s=%s %s, it may be %s; used instead: %s\n",
        name, shown, what, wanted, instead);
    CHECK_STR(run(name, value, 0), expected);
}

#define NOT_UNDERSTOOD "is not understood"

static const char *const all[] = {"DILL_CHECK", "DILL_CLOCK", "DILL_DUMP_SIGNAL", "DILL_HANDLES",
    "DILL_OVERFLOW_MESSAGE", "DILL_POLLER", "DILL_STACK_SIZE"};

TEST(nothing_asked_for) {
    for(size_t i = 0; i != sizeof(all) / sizeof(all[0]); ++i) {
        silent(all[i], "");
        silent(all[i], "  ");
    }
}

TEST(check) {
    silent("DILL_CHECK", "0");
    silent("DILL_CHECK", "on");
    told("DILL_CHECK", "2", "2", NOT_UNDERSTOOD, "0 or 1", "0");
}

static void sleeps_an_hour(void) {
    CHECK_OK(msleep(now() + 3600000));
}

static void virtual_time(const char *value) {
    about("DILL_CLOCK=%s", value);
    CHECK_OK(setenv("DILL_CLOCK", value, 1));
    CHECK_OK(in_child(sleeps_an_hour));
    CHECK_OK(unsetenv("DILL_CLOCK"));
}

TEST(clock_kind) {
    silent("DILL_CLOCK", "real");
    virtual_time("virtual");
    virtual_time(" Virtual ");
    told("DILL_CLOCK", "vitual", "vitual", NOT_UNDERSTOOD, "virtual or real", "real");
}

TEST(poller) {
    silent("DILL_POLLER", "epoll");
    silent("DILL_POLLER", "IO_URING ");
    told("DILL_POLLER", "kqueue", "kqueue", NOT_UNDERSTOOD, "epoll or io_uring", "epoll");
    told("DILL_POLLER", "io\nuring\xff", "io?uring?", NOT_UNDERSTOOD, "epoll or io_uring",
        "epoll");
}

TEST(handles) {
    silent("DILL_HANDLES", "low");
    silent("DILL_HANDLES", "HIGH");
    told("DILL_HANDLES", "tall", "tall", NOT_UNDERSTOOD, "low or high", "low");
}

TEST(overflow_message) {
    silent("DILL_OVERFLOW_MESSAGE", "0");
    silent("DILL_OVERFLOW_MESSAGE", "No");
    told("DILL_OVERFLOW_MESSAGE", "maybe", "maybe", NOT_UNDERSTOOD, "0 or 1", "1");
}

/* The signal is the library's: it dumps, and does not end the process. */
static void dumps(const char *value, int signo) {
    const char *text = run("DILL_DUMP_SIGNAL", value, signo);
    if(!strstr(text, "libdill: coroutines of thread"))
        check_fail(__FILE__, __LINE__, "no dump: %s", text);
}

TEST(dump_signal) {
    static const char signals[] = "a signal that can be handled, such as USR1, RTMIN+1 or 10";
    dumps("USR1", SIGUSR1);
    dumps("usr1", SIGUSR1);
    dumps(" SigUsr2 ", SIGUSR2);
    dumps("rtmin+2", SIGRTMIN + 2);
    dumps("12", SIGUSR2);
    told("DILL_DUMP_SIGNAL", "user1", "user1", NOT_UNDERSTOOD, signals, "no signal");
    told("DILL_DUMP_SIGNAL", "KILL", "KILL", NOT_UNDERSTOOD, signals, "no signal");
    told("DILL_DUMP_SIGNAL", "-1", "-1", NOT_UNDERSTOOD, signals, "no signal");
}

static coroutine void uses_stack(size_t size) {
    char room[size];
    memset(room, 1, size);
    __asm__ volatile("" : : "r"(room) : "memory");
}

static void uses_900_kib(void) {
    make_no_core_file();
    int b = go(uses_stack(900 << 10));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
}

/* Returns how a process ends that uses 900 KiB of a stack of the size. */
static int stack_of(const char *size) {
    about("DILL_STACK_SIZE=%s", size);
    CHECK_OK(setenv("DILL_STACK_SIZE", size, 1));
    CHECK_OK(setenv("DILL_OVERFLOW_MESSAGE", "off", 1));
    int result = in_child(uses_900_kib);
    CHECK_OK(unsetenv("DILL_STACK_SIZE"));
    CHECK_OK(unsetenv("DILL_OVERFLOW_MESSAGE"));
    return result;
}

TEST(stack_size) {
    static const char sizes[] = "a number of bytes, such as 262144, 256K or 1M";
    silent("DILL_STACK_SIZE", "65536");
    CHECK_OK(stack_of("1M"));
    CHECK_OK(stack_of(" 1 mib"));
    CHECK_OK(stack_of("0x100000"));
    if(!under_memcheck()) CHECK_INT(stack_of("512K"), -SIGSEGV);
    told("DILL_STACK_SIZE", "1X", "1X", NOT_UNDERSTOOD, sizes, "262144");
    told("DILL_STACK_SIZE", "-1", "-1", NOT_UNDERSTOOD, sizes, "262144");
    told("DILL_STACK_SIZE", "5", "5", "is out of range", sizes, "16384");
    /* Valgrind has no room for so large a stack. */
    if(!under_memcheck())
        told("DILL_STACK_SIZE", "99999999999999999999", "99999999999999999999",
            "is out of range", sizes, "1099511627776");
}
