/* Calls the functions of the library in random order with random arguments: handles
   that are open, closed, of another kind, of another thread or of nobody; NULL; lengths,
   flags, deadlines and lists of buffers of all sorts. Nothing may crash, hang, leak a
   descriptor or write beyond the memory it was given.

       api_fuzz [-s seconds | -n episodes] [-f first seed]

   Each episode has its own seed, thread and objects, and runs in virtual time; a failure
   says how to play its episode again. Without arguments it is a short test; `make fuzz-api`
   runs it for long, with AddressSanitizer. */

#include <dirent.h>
#include <fcntl.h>
#include <nss.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "api_fuzz/arguments.h"
#include "api_fuzz/calls.h"
#include "api_fuzz/operations.h"

#define BATCH 50        /* episodes in one process */
#define CALLS 400       /* calls in one episode, at most */
#define NAMES 256
#define HANDLES 8192    /* more than are ever open at once */
#define HANDLES_OF_A_THREAD (1 << 20)

/* What the processes tell each other. */
static struct shared {
    uint64_t seed;              /* of the episode that runs */
    uint64_t episodes, calls;
    uint64_t made[NAMES], succeeded[NAMES];
    char last[16][32];          /* the last calls */
    unsigned next;
} *shared;

/* ------------------------------------------------------------------- calls -- */

static void done(int id, const char *name, long long result) {
    shared->calls++;
    shared->made[id]++;
    if(result >= 0) shared->succeeded[id]++;
    snprintf(shared->last[shared->next++ % 16], sizeof(shared->last[0]), "%s", name);
    /* A failure has a reason. */
    if(result < 0) CHECK(result == -1 && errno > 0 && errno < 200);
}

static int calls_left;

static void act(int depth) {
    if(calls_left <= 0 || nblocks > MEMORY - 100) return;
    calls_left--;
    long long result = -1;
    int kind = PLAIN, id = (int)rnd(NCALLS), me = self;
    struct iolist *last = NULL, *first = NULL;
    wanted = taken_by(names[id]);
    takes_over = takes_over_handle(names[id]);
    if(has(names[id], "endl") || has(names[id], "ecvl")) first = list(&last);
    errno = 0;
    switch(id) {
#define X(k, name, expr) case ID_##name: kind = k; result = (long long)(expr); break;
    CALLS_OF(X)
#undef X
    }
    self = me;
    done(id, names[id], result);
    if(kind == MAKES && result >= 0) {
        char family = made_by(names[id]);
        keep((int)result, family);
    }
}

/* --------------------------------------------------------------- episodes -- */

static void *episode(void *arg) {
    random_state = *(uint64_t*)arg * 0x2545f4914f6cdd1du;
    calls_left = CALLS / 4 + (int)rnd(CALLS * 3 / 4);
    nhandles = nblocks = self = alive = depth_of_close = 0;
    for(int i = 0; i != 64; i++) nscopes[i] = -1;
    CHECK_OK(pipe(pipes));
    CHECK_OK(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
    CHECK_OK(fcntl(pipes[1], F_SETFL, O_NONBLOCK));
    /* The first objects are of some use to those who come after. */
    int b = bundle();
    CHECK_HANDLE(b);
    base = b & ~(HANDLES_OF_A_THREAD - 1);
    keep(b, 'b');
    (void)channel(0);
    (void)pair(0);
    int t = tcp_both();
    if(t >= 0) keep(t, 't');
    while(calls_left > 0) {
        int group = bundle();
        if(group < 0) break;
        keep(group, 'b');
        /* Whatever they wait for, they are cancelled some time. */
        CHECK_OK(bundle_deadline(group, now() + 50));
        for(int i = 0; i != 4; i++)
            (void)bundle_go(group, body(5 + (int)rnd(40), 0));
        (void)bundle_wait(group, now() + 100);
        self = 0;
        (void)bundle_cancel(group, (int64_t)rnd(3));
        /* Somebody may have taken the bundle over; the deadline holds all the same.
           What was launched elsewhere may live on until the thread ends. */
        CHECK_OK(msleep(now() + 20));
        /* Not to be unlucky for ever. */
        calls_left--;
    }
    /* Whoever opens handles closes them, which ends the coroutines, too. Whether an object
       can be closed is its business, but there must be none left behind any handle. */
    for(int h = base; h != base + HANDLES; h++) (void)hclose(h);
    CHECK_INT(alive, 0);
    return NULL;
}

static int open_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    int n = 0;
    while(readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void empty_directory(void) {
    DIR *dir = opendir(directory);
    CHECK(dir);
    for(struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if(strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            CHECK_OK(unlinkat(dirfd(dir), entry->d_name, 0));
    CHECK_OK(closedir(dir));
}

static void run_one(uint64_t seed) {
    empty_directory();
    /* Signals that are left over would be taken by the next one. */
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    shared->seed = seed;
    int before = open_descriptors();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, episode, &seed));
    CHECK_OK(pthread_join(thread, NULL));
    while(nblocks) free(blocks[--nblocks]);
    close(pipes[0]);
    close(pipes[1]);
    /* The threads that look names up have some open for a moment. */
    for(int i = 0; i != 2000 && open_descriptors() != before; i++) usleep(1000);
    CHECK_INT(open_descriptors(), before);
    shared->episodes++;
}

static sem_t made, never;

/* Objects of another thread: their handles are good for nothing here. */
static void *foreigner(void *arg) {
    (void)arg;
    CHECK_OK(chmake(&foreign[0]));
    CHECK_OK(ipc_pair(&foreign[2]));
    foreign[4] = bundle();
    CHECK_OK(chmake(&foreign[5]));
    foreign[7] = bundle();
    sem_post(&made);
    sem_wait(&never);
    return NULL;
}

static void nothing(int signo) {
    (void)signo;
}

/* Runs episodes in a process of their own, in turn with the pollers that there are. */
static int batch(uint64_t first, uint64_t count) {
    static int other;
    const char *poller = getenv("DILL_POLLER");
    if(!poller) poller = other ? "io_uring" : "epoll";
    /* Valgrind does not know io_uring. */
    other = !other && !under_memcheck();
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        pthread_t thread;
        alarm(120);
        CHECK_OK(setenv("DILL_POLLER", poller, 1));
        /* No questions to name servers. */
        CHECK_OK(__nss_configure_lookup("hosts", "files"));
        signal(SIGUSR1, nothing);
        signal(SIGPIPE, SIG_IGN);
        sem_init(&made, 0, 0);
        sem_init(&never, 0, 0);
        CHECK_OK(pthread_create(&thread, NULL, foreigner, NULL));
        sem_wait(&made);
        for(uint64_t i = 0; i != count; i++) run_one(first + i);
        exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if(status == 0) return 0;
    printf("seed %llu: %s %d%s; play again: DILL_POLLER=%s api_fuzz -n 1 -f %llu\n",
        (unsigned long long)shared->seed, WIFSIGNALED(status) ? "signal" : "exit status",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
        WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? " (no end)" : "", poller,
        (unsigned long long)shared->seed);
    printf("last calls:");
    for(unsigned i = 0; i != 16; i++) printf(" %s", shared->last[(shared->next + i) % 16]);
    printf("\n");
    return 1;
}

int main(int argc, char *argv[]) {
    uint64_t episodes = 100, seed = 1;
    time_t seconds = 0;
    int opt;
    while((opt = getopt(argc, argv, "s:n:f:")) != -1)
        switch(opt) {
        case 's': seconds = atol(optarg); break;
        case 'n': episodes = strtoull(optarg, NULL, 10); break;
        case 'f': seed = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    temporary_path(directory, sizeof(directory), "api_fuzz");
    CHECK_OK(mkdir(directory, 0700));
    int failed = 0;
    time_t end = time(NULL) + seconds;
    for(uint64_t left = episodes; seconds ? time(NULL) < end : left > 0;) {
        uint64_t n = seconds || left > BATCH ? BATCH : left;
        failed += batch(seed, n);
        seed += n;
        left -= n;
        if(failed >= 10) break;
    }
    empty_directory();
    CHECK_OK(rmdir(directory));
    uint64_t all = 0, good = 0, idle = 0;
    for(int i = 0; i != NCALLS; i++) {
        all += shared->made[i];
        good += shared->succeeded[i];
        if(shared->succeeded[i] == 0) idle++;
    }
    printf("%llu episodes, %llu calls of %d kinds, %llu succeeded; %llu kinds never did; "
        "%d failures\n", (unsigned long long)shared->episodes, (unsigned long long)all,
        NCALLS, (unsigned long long)good, (unsigned long long)idle, failed);
    if(argc > 1)
        for(int i = 0; i != NCALLS; i++)
            printf("  %-32s %10llu calls %10llu succeeded\n", names[i],
                (unsigned long long)shared->made[i],
                (unsigned long long)shared->succeeded[i]);
    /* Each function was called, and most of them had something to do. */
    if(argc == 1) {
        for(int i = 0; i != NCALLS; i++) CHECK(shared->made[i] > 0);
        CHECK(idle < NCALLS / 4);
        CHECK(shared->succeeded[ID_conversation] > shared->made[ID_conversation] / 4);
        CHECK_INT(shared->episodes, episodes);
    }
    return failed != 0;
}
