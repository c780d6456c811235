/* Walks through the scenarios with faults: each call of each scenario fails once in each of
   its ways, in a process of its own. After the fault the scenario runs again without any:
   then it must succeed like one that never met a fault, and the library must hold no more.

       walk [-s scenario,...] [-q N] [-p part/parts] [-r repeat] [-t call [-v variant]]

       walk -u

   -q: every Nth call only of the large scenarios, all calls of the others. -u: is io_uring
   used where DILL_POLLER asks for it? Exit status 77 where the system has none. */

#include <dirent.h>
#include <fcntl.h>
#include <nss.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <libdillimpl.h>

#include "../check.h"
#include "inject.h"
#include "scenarios.h"

static const char *program;
static int verbose;

static long entries(const char *path) {
    long n = 0;
    DIR *dir = opendir(path);
    CHECK(dir);
    while(readdir(dir)) n++;
    closedir(dir);
    return n;
}

/* Counts the open descriptors. Rust's standard library opens /dev/urandom once getrandom was not
   permitted, and keeps it for all threads until the process ends: that one is left out. */
static long descriptors(void) {
    long n = entries("/proc/self/fd"), devices = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    for(struct dirent *entry; (entry = readdir(dir));) {
        char target[64] = {0};
        if(readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0
            && strcmp(target, "/dev/urandom") == 0) devices = 1;
    }
    closedir(dir);
    return n - devices;
}

/* ---------------------------------------------------------------- the child -- */

#define ONE_THREAD 3 /* entries of a directory with one: itself and its parent, too */

static int more(const struct alive *a, const struct alive *most) {
    return a->blocks > most->blocks || a->maps > most->maps || a->descriptors > most->descriptors
        || a->threads > most->threads || a->handles > most->handles;
}

static void aborted(int signo) {
    (void)signo;
    record->aborted = 1;
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
}

static void nothing(int signo) {
    (void)signo;
}

struct job {
    const struct scenario *scenario;
    int faults;
};

/* On a thread of its own, whose end frees all that belongs to it. */
static void *perform(void *arg) {
    const struct job *job = arg;
    record->errors = record->successes = 0;
    if(job->faults) inject_begin();
    job->scenario->run();
    if(job->faults) inject_end();
    /* No handle is left open. The first thread's numbers start at 0, others' higher up. */
    static const int nobody = 0;
    int first = bundle();
    if(first >= 0) {
        CHECK_OK(hclose(first));
        int base = first & ~((1 << 20) - 1);
        for(int h = base; h != base + 5000; h++)
            if(!hquery(h, &nobody) && errno != EBADF) record->alive.handles++;
    }
    return NULL;
}

static void run(const struct job *job) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, perform, (void*)job));
    CHECK_OK(pthread_join(thread, NULL));
}

static void child(const struct scenario *scenario) {
    struct job with = {scenario, 1}, without = {scenario, 0};
    unsetenv("RUST_BACKTRACE");
    signal(SIGABRT, aborted);
    signal(SIGUSR1, nothing);
    signal(SIGPIPE, SIG_DFL); /* none may arise */
    alarm(30);
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    CHECK_OK(__nss_configure_lookup("hosts", "files"));
    run(&with);
    uint64_t errors = record->errors;
    run(&without);
    /* The faults are over, and so is all that they did; some things are made only once. */
    run(&without);
    if(record->target == 0) CHECK_INT(record->errors, errors);
    /* The threads that look names up have more time than we have: what nobody waits for any
       more they finish, and they end when idle. */
    long helpers = ONE_THREAD;
    for(int i = 0; i != 400; i++) {
        struct held held = inject_held();
        record->alive.blocks = held.blocks;
        record->alive.maps = held.maps;
        record->alive.descriptors = descriptors();
        record->alive.threads = entries("/proc/self/task");
        if(i == 0) helpers = record->alive.threads;
        if(record->target == 0 ? record->alive.threads == ONE_THREAD :
                !more(&record->alive, &record->most)) break;
        usleep(10000);
    }
    /* Those that wait for more work are no leak, and not to be waited for each time. */
    if(record->target == 0) record->alive.threads = helpers;
    _exit(0);
}

/* --------------------------------------------------------------- the parent -- */

/* Runs the child; its status. What it says goes to `log`. */
static int spawn(const struct scenario *scenario, const struct alive *most, uint64_t target,
        unsigned variant, unsigned repeat, FILE *log) {
    unsigned char variants[MOST_POINTS];
    memcpy(variants, record->variants, sizeof(variants));
    memset(record, 0, sizeof(*record));
    memcpy(record->variants, variants, sizeof(variants));
    record->target = target;
    record->variant = variant;
    record->repeat = repeat;
    if(most) record->most = *most;
    CHECK_OK(ftruncate(fileno(log), 0));
    rewind(log);
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        CHECK(dup2(fileno(log), 1) == 1 && dup2(fileno(log), 2) == 2);
        child(scenario);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

/* Those whose allocations abort the process when they fail, for there is no other way in
   Rust's standard library: the TLS library, and what starts a thread or opens a file. */
static const char *const infallible[] = {
    "rustls", "webpki", "ring::", "ring_", "pki_types", "std::fs", "std::io", "std::sys",
    "redill::protocols::tls::config" /* hands rustls what it wants, in its pointers */
};

/* Whose allocation failed? NULL: ours. */
static const char *owner(void) {
    char command[4096];
    int len = snprintf(command, sizeof(command), "addr2line -f -i -C -e %s", program);
    for(int i = 0; i != record->nframes; i++)
        len += snprintf(command + len, sizeof(command) - (size_t)len, " %p", record->frames[i]);
    FILE *names = popen(command, "r");
    CHECK(names);
    char line[1024];
    const char *found = NULL;
    /* The innermost frames are those of the allocator; past the first function of ours
       nobody else counts. */
    while(!found && fgets(line, sizeof(line), names)) {
        for(size_t i = 0; i != sizeof(infallible) / sizeof(infallible[0]); i++)
            if(strstr(line, infallible[i]) && !strstr(line, "alloc::")) {
                found = infallible[i];
                break;
            }
        if(strncmp(line, "redill::", 8) == 0 || strncmp(line, "<redill::", 9) == 0) break;
    }
    while(fgets(line, sizeof(line), names)) {}
    pclose(names);
    return found;
}

static struct {
    uint64_t points, faults, failed_calls, continued, documented, failures;
} sum;

static void complain(const struct scenario *scenario, uint64_t target, unsigned variant,
        unsigned repeat, const char *what, FILE *log) {
    sum.failures++;
    printf("%s: call %llu (%s fails with %s): %s\n    again: %s -s %s -t %llu -v %u -r %u\n",
        scenario->name, (unsigned long long)target, record->name ? record->name : "none",
        strerror(record->error), what, program, scenario->name, (unsigned long long)target,
        variant, repeat);
    char line[500];
    rewind(log);
    for(int i = 0; i != (verbose ? 200 : 12) && fgets(line, sizeof(line), log); i++)
        printf("    | %s", line);
    if(verbose || record->aborted) {
        char command[4096];
        int len = snprintf(command, sizeof(command), "addr2line -f -i -p -C -e %s", program);
        for(int i = 0; i != record->nframes; i++)
            len += snprintf(command + len, sizeof(command) - (size_t)len, " %p",
                record->frames[i]);
        fflush(stdout);
        if(system(command) != 0) return;
    }
}

static void check(const struct scenario *scenario, const struct record *clean, uint64_t target,
        unsigned variant, unsigned repeat, FILE *log) {
    char text[200];
    int status = spawn(scenario, &clean->alive, target, variant, repeat, log);
    sum.faults += record->injected;
    if(record->injected == 0 && status == 0) return; /* another order of calls this time */
    if(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && record->aborted
            && record->error == ENOMEM && owner()) {
        sum.documented++;
        return;
    }
    if(WIFSIGNALED(status)) {
        snprintf(text, sizeof(text), WTERMSIG(status) == SIGALRM ? "it hangs" :
            "killed by signal %d", WTERMSIG(status));
        complain(scenario, target, variant, repeat, text, log);
        return;
    }
    if(WEXITSTATUS(status) != 0) {
        complain(scenario, target, variant, repeat, "a check fails", log);
        return;
    }
    if(record->errors != clean->errors) {
        snprintf(text, sizeof(text), "afterwards %llu calls fail, not %llu",
            (unsigned long long)record->errors, (unsigned long long)clean->errors);
        complain(scenario, target, variant, repeat, text, log);
    }
    const struct {
        const char *name;
        long seen, expected;
    } held[] = {
        {"blocks of memory", record->alive.blocks, clean->alive.blocks},
        {"bytes mapped", record->alive.maps, clean->alive.maps},
        {"descriptors", record->alive.descriptors, clean->alive.descriptors},
        {"threads", record->alive.threads, clean->alive.threads},
        {"handles", record->alive.handles, clean->alive.handles}
    };
    for(int i = 0; i != 5; i++)
        if(held[i].seen > held[i].expected) {
            snprintf(text, sizeof(text), "%s leak: %ld, not %ld", held[i].name, held[i].seen,
                held[i].expected);
            complain(scenario, target, variant, repeat, text, log);
        }
}

static int uses_uring(void) {
    int s[2], found = 0;
    char byte;
    CHECK_OK(setenv("DILL_POLLER", "io_uring", 1));
    CHECK_OK(ipc_pair(s));
    CHECK_ERR(brecv(s[1], &byte, 1, now() + 1), ETIMEDOUT);
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    for(struct dirent *entry; (entry = readdir(dir));) {
        char target[64] = {0};
        if(readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0
            && strstr(target, "io_uring")) found = 1;
    }
    closedir(dir);
    if(found) return 0;
    unsigned char parameters[120] = {0};
    return syscall(SYS_io_uring_setup, 8, parameters) < 0 && errno != EFAULT ? 77 : 1;
}

/* Has the list, separated by commas, this name? */
static int listed(const char *list, const char *name) {
    size_t len = strlen(name);
    for(const char *at = list; (at = strstr(at, name)); at += len)
        if((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == 0)) return 1;
    return 0;
}

int main(int argc, char *argv[]) {
    const char *only = NULL;
    uint64_t sampling = 1, one = 0;
    unsigned variant = 0, repeat = 0, part = 0, parts = 1;
    int opt;
    program = argv[0];
    while((opt = getopt(argc, argv, "s:q:p:r:t:uv:")) != -1)
        switch(opt) {
        case 'u': return uses_uring();
        case 's': only = optarg; break;
        case 'q': sampling = strtoull(optarg, NULL, 10); break;
        case 'p': CHECK_INT(sscanf(optarg, "%u/%u", &part, &parts), 2); break;
        case 'r': repeat = (unsigned)atoi(optarg); break;
        case 't': one = strtoull(optarg, NULL, 10); verbose = 1; break;
        case 'v': variant = (unsigned)atoi(optarg); break;
        default: return 2;
        }
    struct rlimit no_core = {0, 0};
    CHECK_OK(setrlimit(RLIMIT_CORE, &no_core));
    record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
        -1, 0);
    CHECK(record != MAP_FAILED);
    FILE *log = tmpfile();
    CHECK(log);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for(int i = 0; i != nscenarios; i++) {
        const struct scenario *scenario = &scenarios[i];
        uint64_t stride = scenario->large ? sampling : 1;
        if(only && !listed(only, scenario->name)) continue;
        uint64_t faults = sum.faults, documented = sum.documented, failures = sum.failures;
        int status = spawn(scenario, NULL, 0, 0, 0, log);
        if(status != 0) {
            complain(scenario, 0, 0, 0, "it fails without a fault", log);
            continue;
        }
        struct record clean = *record;
        if(clean.alive.handles > 0) complain(scenario, 0, 0, 0, "handles stay open", log);
        CHECK(clean.calls > 0 && clean.calls < MOST_POINTS);
        /* Where other threads take part the order differs a little from run to run. */
        for(uint64_t call = 1; call <= clean.calls; call++) {
            if(one ? call != one : (call + (uint64_t)i) % stride != 0) continue;
            if(parts > 1 && call / stride % parts != part) continue;
            unsigned ways = clean.variants[call];
            if(ways) sum.points++;
            for(unsigned way = 0; way < ways; way++) {
                if(one ? way != variant : stride > 1 && way != call / stride % ways) continue;
                check(scenario, &clean, call, way, repeat, log);
            }
        }
        printf("%-16s %6llu calls %6llu faults, %llu documented aborts, %llu failures\n",
            scenario->name, (unsigned long long)clean.calls,
            (unsigned long long)(sum.faults - faults),
            (unsigned long long)(sum.documented - documented),
            (unsigned long long)(sum.failures - failures));
    }
    printf("%llu calls made to fail, %llu faults injected, %llu documented aborts, "
        "%llu failures\n", (unsigned long long)sum.points, (unsigned long long)sum.faults,
        (unsigned long long)sum.documented, (unsigned long long)sum.failures);
    return sum.failures != 0 || sum.faults == 0;
}
