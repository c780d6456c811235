/* Runs a command with a time limit that scales with the machine.

       limit SECONDS COMMAND [ARGUMENT...]

   SECONDS are those of an idle machine. While the command runs, this program measures again and
   again how long a known piece of work takes and how many tasks each processor has to do, and its
   clock goes slower by as much as the machine is slower than REFERENCE_NS: because it is a slower
   one, or because it is busy with other work. So a busy machine fails no test, and a test that
   hangs still ends.

   The exit status is that of the command (128 + N if signal N ended it), or 124 at the limit. Then
   the command's process group gets SIGTERM and, two seconds later, SIGKILL. The last line on
   standard error gives the reason wherever the status is neither 0 nor 77. */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static volatile sig_atomic_t child;

/* What is sent to this program goes to the command. */
static void pass_on(int signo) {
    if(child > 0) kill(-(pid_t)child, signo);
}

/* Waits for SIGCHLD for at most `ns`. */
static void wait_ns(const sigset_t *sigchld, long ns) {
    struct timespec ts = {ns / 1000000000, ns % 1000000000};
    sigtimedwait(sigchld, NULL, &ts);
}

int main(int argc, char **argv) {
    double limit = argc > 2 ? atof(argv[1]) : 0;
    if(limit <= 0) {
        fprintf(stderr, "usage: limit SECONDS COMMAND [ARGUMENT...]\n");
        return 125;
    }
    sigset_t sigchld, old;
    sigemptyset(&sigchld);
    sigaddset(&sigchld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &sigchld, &old);
    pid_t pid = fork();
    if(pid < 0) {
        perror("limit: fork");
        return 125;
    }
    if(pid == 0) {
        setpgid(0, 0);
        sigprocmask(SIG_SETMASK, &old, NULL);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    setpgid(pid, pid);
    child = pid;
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = pass_on;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);

    double start = now_ns(), last = start, used = 0;
    int status;
    while(waitpid(pid, &status, WNOHANG) == 0) {
        if(used >= limit * 1e9) {
            kill(-pid, SIGTERM);
            double end = now_ns() + 2e9;
            while(waitpid(pid, &status, WNOHANG) == 0 && now_ns() < end)
                wait_ns(&sigchld, 50000000);
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
            double took = (now_ns() - start) / 1e9;
            fprintf(stderr, "timeout: no end within %g s of an idle machine (%.0f s by the clock)\n",
                limit, took);
            return 124;
        }
        wait_ns(&sigchld, INTERVAL_NS);
        double slow = slowness(), now = now_ns();
        used += (now - last) / slow;
        last = now;
    }
    /* What it has left behind goes with it. */
    kill(-pid, SIGKILL);
    if(WIFSIGNALED(status)) {
        fprintf(stderr, "killed by signal %d (%s)\n", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
        return 128 + WTERMSIG(status);
    }
    if(WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77)
        fprintf(stderr, "exit status %d\n", WEXITSTATUS(status));
    return WEXITSTATUS(status);
}
