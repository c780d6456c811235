/* Many processes in which coroutines ignore their hard cancellation in all ways, at random: each
   ends within its bounds, with a report or because all have ended, and nothing of it survives.

       last_resort_runs [RUNS [SEED]]

   Prints which run has gone wrong; RUNS 1 and its seed repeat that one. */
/* time limit: 120 */

#include "process.h"
#include "random.h"

#include <fcntl.h>

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#define STATUS 37
/* Processes at a time. */
#define PARALLEL 4
/* No run takes as long on a machine that is merely busy. */
#define BOUND 60

static coroutine void computes(void) {
    for(volatile unsigned i = 0;; ++i) continue;
}

static coroutine void computes_when_cancelled(void) {
    while(msleep(-1) == 0) continue;
    computes();
}

static coroutine void ends_late(unsigned us) {
    struct timespec time = {0, (long)us * 1000};
    while(msleep(-1) == 0) continue;
    nanosleep(&time, NULL);
}

static coroutine void reads(void) {
    int fds[2];
    char byte;
    if(pipe(fds) < 0) _exit(98);
    while(msleep(-1) == 0) continue;
    for(;;) if(read(fds[0], &byte, 1) >= 0) _exit(97);
}

static coroutine void waits_for_a_child(void) {
    struct timespec time = {1000, 0};
    while(msleep(-1) == 0) continue;
    for(;;) nanosleep(&time, NULL);
}

static coroutine void ignores_errors(int ch) {
    int val;
    for(;;) {
        chrecv(ch, &val, sizeof(val), -1);
        yield();
        fdin(0, now() + 1000);
        msleep(-1);
        hclose(bundle());
    }
}

/* Time must be able to pass, also where it is virtual. */
static coroutine void is_good(void) {
    while(msleep(now() + 1) == 0) continue;
}

static coroutine void owns(unsigned depth, unsigned us);

/* Launches one of any kind. */
static void launch(int b, int ch, unsigned depth, unsigned us) {
    switch(rnd(8)) {
    case 0: bundle_go(b, computes_when_cancelled()); break;
    case 1: bundle_go(b, ends_late(us)); break;
    case 2: bundle_go(b, reads()); break;
    case 3: bundle_go(b, waits_for_a_child()); break;
    case 4: bundle_go(b, ignores_errors(ch)); break;
    case 5: if(depth) bundle_go(b, owns(depth - 1, us)); break;
    default: bundle_go(b, is_good());
    }
}

static void populate(int b, unsigned depth, unsigned us) {
    int ch[2];
    if(chmake(ch) < 0) return;
    for(unsigned n = rnd(4) + 1; n; --n) launch(b, ch[0], depth, us);
}

static coroutine void owns(unsigned depth, unsigned us) {
    int b = bundle();
    if(b < 0) return;
    populate(b, depth, us);
    bundle_wait(b, rnd(2) ? -1 : now() + rnd(5));
    bundle_cancel(b, (int64_t)rnd(4) - 1);
}

static void end_bundle(int b) {
    switch(rnd(4)) {
    case 0: hclose(b); break;
    case 1: bundle_cancel(b, rnd(5)); break;
    case 2:
        bundle_deadline(b, now() + rnd(5));
        bundle_wait(b, -1);
        hclose(b);
        break;
    default:
        bundle_deadline(b, now() + rnd(5));
        bundle_cancel(b, -1);
    }
}

static void one_thread(void) {
    int b = bundle();
    populate(b, 2, rnd(3000));
    if(rnd(2)) msleep(now() + rnd(3));
    end_bundle(b);
}

static void *thread_main(void *arg) {
    (void)arg;
    one_thread();
    return NULL;
}

/* One process. It either ends by itself or is ended. */
static void run(void) {
    pthread_t threads[2];
    unsigned n = rnd(3);
    sigset_t all;
    sigfillset(&all);
    if(rnd(2)) pthread_sigmask(SIG_BLOCK, &all, NULL);
    if(rnd(4) == 0) setenv("DILL_CLOCK", "virtual", 1);
    if(dill_last_resort(rnd(20), STATUS) < 0) _exit(96);
    if(rnd(8) == 0 && !UNDER_THREAD_SANITIZER) {
        /* The setting goes along. */
        pid_t parent = getpid(), pid = fork();
        if(pid < 0) _exit(95);
        if(pid == 0) die_with(parent);
        if(pid > 0) {
            int status;
            if(waitpid(pid, &status, 0) != pid) _exit(94);
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 93);
        }
    }
    /* They share the random numbers, and need not repeat exactly. */
    for(unsigned i = 0; i != n; ++i)
        if(pthread_create(&threads[i], NULL, thread_main, NULL) != 0) _exit(92);
    one_thread();
    for(unsigned i = 0; i != n; ++i) pthread_join(threads[i], NULL);
    _exit(0);
}

struct child {
    pid_t pid;
    uint64_t seed;
    int64_t start;
};

static int64_t seconds(void) {
    struct timespec t;
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &t));
    return t.tv_sec;
}

static struct child children[PARALLEL];
static int running;
static long ended, forced;

/* Says what is wrong with a run, and ends all that run. */
static void fail(const struct child *wrong, const char *problem, int status) {
    uint64_t seed = wrong->seed;
    for(struct child *child = children; child != children + PARALLEL; ++child)
        if(child->pid) kill(-child->pid, SIGKILL);
    check_fail(__FILE__, __LINE__, "the run with seed %llu: %s, status %#x",
        (unsigned long long)seed, problem, (unsigned)status);
}

static void start_child(uint64_t seed) {
    struct child *child = children;
    while(child->pid) ++child;
    child->seed = seed;
    child->start = seconds();
    pid_t parent = getpid();
    child->pid = fork();
    CHECK(child->pid >= 0);
    if(child->pid == 0) {
        random_state = seed;
        setpgid(0, 0);
        die_with(parent);
        int null = open("/dev/null", O_WRONLY);
        CHECK(dup2(null, 2) == 2);
        run();
    }
    ++running;
}

/* Waits for one to end. */
static void await_child(void) {
    int status;
    pid_t pid;
    while((pid = waitpid(-1, &status, WNOHANG | __WALL)) == 0) {
        struct timespec pause = {0, 1000000};
        for(struct child *child = children; child != children + PARALLEL; ++child)
            if(child->pid && seconds() - child->start > BOUND) fail(child, "it has not ended", 0);
        nanosleep(&pause, NULL);
    }
    CHECK(pid > 0);
    struct child *child = children;
    while(child != children + PARALLEL && child->pid != pid) ++child;
    /* One that was about to report on a process that has ended by itself just then. */
    if(child == children + PARALLEL) return;
    if(!WIFEXITED(status) || (WEXITSTATUS(status) != STATUS && WEXITSTATUS(status) != 0))
        fail(child, "it has ended in another way", status);
    /* Those of its group that are not dying would be this process's children now. */
    int64_t start = seconds();
    while(waitpid(-pid, NULL, WNOHANG | __WALL) >= 0 || kill(-pid, 0) == 0)
        if(seconds() - start > BOUND / 3) fail(child, "something survives", status);
    ++ended;
    forced += WEXITSTATUS(status) == STATUS;
    child->pid = 0;
    --running;
}

int main(int argc, char **argv) {
    long runs = argc > 1 ? atol(argv[1]) : under_memcheck() ? 10 : 100;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    /* What a run leaves behind is found. */
    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    for(long i = 0; i != runs; ++i) {
        while(running == PARALLEL) await_child();
        start_child(seed + (uint64_t)i);
    }
    while(running) await_child();
    CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
    CHECK_INT(ended, runs);
    /* Both happen, if there are many. */
    if(runs >= 100) CHECK(forced > runs / 4 && forced < runs);
    printf("%ld processes, %ld of them ended by force\n", ended, forced);
    return 0;
}
