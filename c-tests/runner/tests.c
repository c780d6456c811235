/* The main() of programs that consist of tests (tests.h): runs each test in a process of its own,
   with a time limit, and reports it.

       program [--no-fork] [--both-pollers] [--list] [NAME...]

   runs all tests or those with these names (globs). --no-fork runs them in this process, for
   debuggers: at the first failure it ends. --both-pollers runs those that wait for descriptors
   again with io_uring. From the environment: DILL_TEST_TIMEOUT, the seconds that a test has that
   asks for no more (20; what others ask for scales with it). c-tests/run says in DILL_TEST_RESULTS
   where the results are collected, and in DILL_TEST_PROGRAM and DILL_TEST_SETTINGS what runs.

   The exit status is 0 if no test has failed, 1 if one has, 2 if the arguments are wrong. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "limit.h"
#include "report.h"
#include "tests.h"

#define DEFAULT_LIMIT 20
#define SKIPPED 77

static struct check_test *first, **last = &first, *programs;
static const struct check_option *all_options;
static void (*before_each)(void), (*after_each)(void);

void check_register_test(struct check_test *test) {
    *last = test;
    last = &test->next;
}

void check_register_options(const struct check_option *options) {
    all_options = options;
}

void check_register_before(void (*before)(void)) {
    before_each = before;
}

void check_register_after(void (*after)(void)) {
    after_each = after;
}

void check_register_program(struct check_test *program) {
    program->next = programs;
    programs = program;
}

/* Returns what the test needs of this kind, or what all tests do, or NULL. */
static const struct check_option *find_need(const struct check_test *test, enum check_need kind) {
    const struct check_option *lists[2];
    lists[0] = test->options;
    lists[1] = all_options;
    for(int i = 0; i != 2; ++i)
        for(const struct check_option *option = lists[i]; option && option->need; ++option)
            if(option->need == kind) return option;
    return NULL;
}

static int need(const struct check_test *test, enum check_need kind) {
    const struct check_option *option = find_need(test, kind);
    return option ? option->value : 0;
}

static int current_variant;

int variant(void) {
    return current_variant;
}

/* Writes the name of one of the test's variants. Returns whether there is one of this number; a
   test without variants has the first one, without a name. */
static int variant_name(const struct check_test *test, int number, char *name, size_t size) {
    const struct check_option *option = find_need(test, CHECK_VARIANTS);
    const char *text = option ? option->text : "";
    size_t len;
    if(!option && number > 0) return 0;
    for(int i = 0;; ++i) {
        text += strspn(text, " ");
        len = strcspn(text, " ");
        if(option && len == 0) return 0;
        if(i == number) break;
        text += len;
    }
    snprintf(name, size, "%s%s%.*s", test->name, option ? "/" : "", (int)len, text);
    return 1;
}

static double limit_of(const struct check_test *test) {
    const char *timeout = getenv("DILL_TEST_TIMEOUT");
    double usual = timeout ? atof(timeout) : 0;
    if(usual <= 0) usual = DEFAULT_LIMIT;
    int seconds = need(test, CHECK_TIME_LIMIT);
    return seconds ? usual * seconds / DEFAULT_LIMIT : usual;
}

/* Raises the limit of descriptors to what the test needs. */
static void get_descriptors(const struct check_test *test) {
    rlim_t count = (rlim_t)need(test, CHECK_DESCRIPTORS);
    struct rlimit limit;
    if(count == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count) return;
    limit.rlim_cur = count;
    if(limit.rlim_max < count) limit.rlim_max = count;
    if(setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        printf("%ld descriptors are not allowed here\n", (long)count);
        exit(SKIPPED);
    }
}

static void run_here(const struct check_test *test) {
    get_descriptors(test);
    errno = 0;
    if(before_each) before_each();
    test->run();
    if(after_each) after_each();
}

/* Opens a file without a name. */
static int open_output(void) {
    char path[4096];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof(path), "%s/output.XXXXXX", dir && *dir ? dir : "/tmp");
    int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
    if(fd < 0) {
        perror(path);
        exit(2);
    }
    unlink(path);
    return fd;
}

/* In the process of a test: returns from here mean that it has passed. */
static void run_child(const struct check_test *test, int output, volatile int *returned) {
    static char buffer[4096];
    pid_t self = getpid();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    if(null > 2) close(null);
    dup2(output, 1);
    dup2(output, 2);
    close(output);
    /* A crash loses no line, and stdio allocates nothing. */
    setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
    run_here(test);
    /* A child of the test that comes here has nothing to say about it. */
    if(getpid() == self) *returned = 1;
    exit(0);
}

static void run_forked(const struct check_test *test, struct report *report) {
    static char reason[1200], line[1000];
    static volatile int *returned;
    int output = open_output();
    if(!returned) {
        void *page = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
            -1, 0);
        if(page == MAP_FAILED) {
            perror("mmap");
            exit(2);
        }
        returned = (volatile int*)page;
    }
    *returned = 0;
    pid_t pid = fork_limited();
    if(pid < 0) {
        perror("fork");
        exit(2);
    }
    if(pid == 0) run_child(test, output, returned);
    double limit = limit_of(test);
    int status, in_time = wait_limited(pid, limit, &status, &report->seconds);
    report_output(report, output);
    close(output);
    report->result = "ok";
    report->reason = NULL;
    if(in_time && WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        report->result = "skip";
        report_last_line(report, line, sizeof(line), 0);
        report->reason = strncmp(line, "skip: ", 6) == 0 ? line + 6 : line;
        return;
    }
    char end[200];
    describe_end(end, sizeof(end), in_time, limit, status, report->seconds);
    if(!end[0] && !*returned) snprintf(end, sizeof(end), "exit before the end of the test");
    if(!end[0]) return;
    report->result = "FAIL";
    report->reason = reason;
    int exited = in_time && WIFEXITED(status);
    if(exited && report_last_line(report, line, sizeof(line), 1))
        snprintf(reason, sizeof(reason), "%s", line);
    else snprintf(reason, sizeof(reason), "%s:%d: %s", test->file, test->line, end);
}

/* A test is wanted by its own name, and by that of its variant. */
static int wanted(const struct check_test *test, const char *name, char **patterns) {
    if(!*patterns) return 1;
    for(; *patterns; ++patterns)
        if(fnmatch(*patterns, test->name, 0) == 0 || fnmatch(*patterns, name, 0) == 0) return 1;
    return 0;
}

static int start_program(const char *name) {
    for(const struct check_test *program = programs; program; program = program->next) {
        if(strcmp(program->name, name) != 0) continue;
        program->run();
        return 0;
    }
    fprintf(stderr, "no program is named %s\n", name);
    return 2;
}

static const char *program_name(char **argv) {
    const char *name = getenv("DILL_TEST_PROGRAM");
    if(name) return name;
    name = strrchr(argv[0], '/');
    return name ? name + 1 : argv[0];
}

static int passed, failed, skipped;

static void run_one(const struct check_test *test, const char *name, const char *program) {
    struct report report;
    const char *results = getenv("DILL_TEST_RESULTS");
    memset(&report, 0, sizeof(report));
    report.program = program;
    report.settings = getenv("DILL_TEST_SETTINGS");
    report.test = name;
    run_forked(test, &report);
    if(strcmp(report.result, "FAIL") == 0) ++failed;
    else if(strcmp(report.result, "skip") == 0) ++skipped;
    else ++passed;
    /* c-tests/run shows one line for all that have passed. */
    if(!results || strcmp(report.result, "ok") != 0) report_print(&report);
    if(results) report_record(results, &report);
}

enum mode {FORKING, HERE, LISTING};

/* Runs the wanted tests. Returns how many there are. */
static int run_all(enum mode mode, char **patterns, const char *program, int again) {
    int found = 0;
    char name[300];
    for(const struct check_test *test = first; test; test = test->next) {
        if(again && !need(test, CHECK_BOTH_POLLERS)) continue;
        for(int i = 0; variant_name(test, i, name, sizeof(name)) && !limit_signal; ++i) {
            if(again) strncat(name, "/io_uring", sizeof(name) - strlen(name) - 1);
            if(!wanted(test, name, patterns)) continue;
            ++found;
            current_variant = i;
            if(mode == LISTING) printf("%s\n", name);
            else if(mode == HERE) run_here(test);
            else run_one(test, name, program);
        }
    }
    return found;
}

int main(int argc, char **argv) {
    int both_pollers = 0, arg = 1;
    enum mode mode = FORKING;
    if(argc == 3 && strcmp(argv[1], "--program") == 0) return start_program(argv[2]);
    for(; arg != argc && strncmp(argv[arg], "--", 2) == 0; ++arg) {
        if(strcmp(argv[arg], "--no-fork") == 0) mode = HERE;
        else if(strcmp(argv[arg], "--both-pollers") == 0) both_pollers = 1;
        else if(strcmp(argv[arg], "--list") == 0) mode = LISTING;
        else {
            fprintf(stderr, "usage: %s [--no-fork] [--both-pollers] [--list] [NAME...]\n", argv[0]);
            return 2;
        }
    }
    const char *program = program_name(argv);
    if(mode == FORKING) prepare_limits();
    int found = run_all(mode, argv + arg, program, 0);
    if(both_pollers && mode == FORKING && !getenv("DILL_POLLER")) {
        setenv("DILL_POLLER", "io_uring", 1);
        found += run_all(mode, argv + arg, program, 1);
    }
    if(limit_signal) return 128 + limit_signal;
    if(mode == LISTING) return 0;
    if(mode == HERE) printf("%d passed\n", found);
    else if(!getenv("DILL_TEST_RESULTS")) {
        printf("%d passed, %d failed", passed, failed);
        printf(skipped ? ", %d skipped\n" : "\n", skipped);
    }
    else if(passed > 0 && failed == 0) {
        const char *settings = getenv("DILL_TEST_SETTINGS");
        printf("ok   %s [%s] %d test%s\n", program, settings ? settings : "", passed,
            passed == 1 ? "" : "s");
    }
    if(found == 0 && !getenv("DILL_TEST_RESULTS")) {
        fprintf(stderr, "no test has this name\n");
        return 2;
    }
    return failed != 0;
}
