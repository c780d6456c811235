/* Runs a process with a time limit that scales with the machine: for limit.c and tests.c.

   Limits are seconds of an idle machine. While a process runs, its parent measures again and again
   how long a known piece of work takes and how many tasks each processor has to do, and its clock
   goes slower by as much as the machine is slower than REFERENCE_NS: because it is a slower one, or
   because it is busy with other work. So a busy machine fails no test, and a test that hangs still
   ends. */

#ifndef LIMIT_H_INCLUDED
#define LIMIT_H_INCLUDED

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What WORK_ROUNDS take on the machine that the limits were chosen on. It must be more than one
   turn on the processor: the scheduler prefers tasks that have slept for the first one. */
#define WORK_ROUNDS 9000000
#define REFERENCE_NS 22000000.0
/* How often the machine is measured. */
#define INTERVAL_NS 1000000000
/* However busy the machine is, time goes on. */
#define SLOWEST 60.0

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Returns how many tasks that could run there are for each processor, or 0 where unknown. */
static double tasks_each(void) {
    int runnable = 0;
    FILE *file = fopen("/proc/loadavg", "r");
    if(file) {
        if(fscanf(file, "%*f %*f %*f %d/", &runnable) != 1) runnable = 0;
        fclose(file);
    }
    return (double)runnable / (double)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Returns how many times as slow the machine is as the one of REFERENCE_NS is when idle. */
static double slowness(void) {
    static volatile uint64_t seed = 88172645463325252u;
    double start = now_ns();
    uint64_t x = seed;
    for(int i = 0; i != WORK_ROUNDS; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    seed = x;
    double slow = (now_ns() - start) / REFERENCE_NS, tasks = tasks_each();
    if(tasks > slow) slow = tasks;
    return slow < 1 ? 1 : slow > SLOWEST ? SLOWEST : slow;
}

/* The process group that runs, or 0; and the last signal that was passed on to one. */
static volatile sig_atomic_t limited_group, limit_signal;
static sigset_t limit_sigchld, limit_old_mask;
static const int limit_signals[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction limit_old_actions[3];

static void pass_signal_on(int signo) {
    limit_signal = signo;
    if(limited_group > 0) kill(-(pid_t)limited_group, signo);
}

/* Must be called once before fork_limited(). What is sent to this process to end it goes to the
   limited one from then on. */
static void prepare_limits(void) {
    struct sigaction action;
    sigemptyset(&limit_sigchld);
    sigaddset(&limit_sigchld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &limit_sigchld, &limit_old_mask);
    memset(&action, 0, sizeof(action));
    action.sa_handler = pass_signal_on;
    action.sa_flags = SA_RESTART;
    for(int i = 0; i != 3; ++i) sigaction(limit_signals[i], &action, &limit_old_actions[i]);
}

/* Forks. The child has a process group of its own, and its signals are as they were before
   prepare_limits(). */
static pid_t fork_limited(void) {
    pid_t pid = fork();
    if(pid == 0) {
        setpgid(0, 0);
        for(int i = 0; i != 3; ++i) sigaction(limit_signals[i], &limit_old_actions[i], NULL);
        sigprocmask(SIG_SETMASK, &limit_old_mask, NULL);
    }
    else if(pid > 0) {
        setpgid(pid, pid);
        limited_group = pid;
    }
    return pid;
}

/* Waits for SIGCHLD for at most `ns`. */
static void wait_ns(long ns) {
    struct timespec ts = {ns / 1000000000, ns % 1000000000};
    sigtimedwait(&limit_sigchld, NULL, &ts);
}

/* Waits for the end of the process. At the limit its group gets SIGTERM and, two seconds later,
   SIGKILL. Returns whether it ended in time, its status, and the seconds by the clock. What the
   process has left behind in its group is killed. */
static int wait_limited(pid_t pid, double limit, int *status, double *took) {
    double start = now_ns(), last = start, used = 0;
    int in_time = 1;
    while(waitpid(pid, status, WNOHANG) == 0) {
        if(used >= limit * 1e9) {
            in_time = 0;
            kill(-pid, SIGTERM);
            double end = now_ns() + 2e9;
            int ended = 0;
            while(!ended && now_ns() < end) {
                wait_ns(50000000);
                ended = waitpid(pid, status, WNOHANG) == pid;
            }
            if(!ended) {
                kill(-pid, SIGKILL);
                waitpid(pid, status, 0);
            }
            break;
        }
        wait_ns(INTERVAL_NS);
        /* Measuring takes time that a process that has just ended need not pay. */
        if(waitpid(pid, status, WNOHANG) == pid) break;
        double slow = slowness(), now = now_ns();
        used += (now - last) / slow;
        last = now;
    }
    kill(-pid, SIGKILL);
    limited_group = 0;
    *took = (now_ns() - start) / 1e9;
    return in_time;
}

/* The name of a signal, such as "SIGSEGV", or NULL. */
static const char *signal_name(int signo) {
    static const struct {
        int signo;
        const char *name;
    } names[] = {
        {SIGABRT, "SIGABRT"}, {SIGALRM, "SIGALRM"}, {SIGBUS, "SIGBUS"}, {SIGCHLD, "SIGCHLD"},
        {SIGCONT, "SIGCONT"}, {SIGFPE, "SIGFPE"}, {SIGHUP, "SIGHUP"}, {SIGILL, "SIGILL"},
        {SIGINT, "SIGINT"}, {SIGKILL, "SIGKILL"}, {SIGPIPE, "SIGPIPE"}, {SIGQUIT, "SIGQUIT"},
        {SIGSEGV, "SIGSEGV"}, {SIGSYS, "SIGSYS"}, {SIGTERM, "SIGTERM"}, {SIGTRAP, "SIGTRAP"},
        {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGVTALRM, "SIGVTALRM"},
        {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"},
    };
    for(size_t i = 0; i != sizeof(names) / sizeof(names[0]); ++i)
        if(names[i].signo == signo) return names[i].name;
    return NULL;
}

/* Writes why a process has failed; nothing if it hasn't. */
static void describe_end(char *text, size_t size, int in_time, double limit, int status,
        double took) {
    if(!in_time)
        snprintf(text, size, "timeout: no end within %g s of an idle machine (%.0f s by the clock)",
            limit, took);
    else if(WIFSIGNALED(status)) {
        const char *name = signal_name(WTERMSIG(status));
        snprintf(text, size, "killed by signal %d (%s%s%s)", WTERMSIG(status), name ? name : "",
            name ? ", " : "", strsignal(WTERMSIG(status)));
    }
    else if(WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77)
        snprintf(text, size, "exit status %d", WEXITSTATUS(status));
    else text[0] = 0;
}

#endif
