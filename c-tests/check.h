/* Assertions for the test programs. They stay in with NDEBUG, print what was
   expected and what was seen, and end the process at once: once the library has
   misbehaved there is no state left worth cleaning up. */

#ifndef CHECK_H_INCLUDED
#define CHECK_H_INCLUDED

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libdill.h>

#include "runner/tests.h"

/* Exit status of a test that cannot run here; its output says why. */
#define CHECK_SKIPPED 77

/* A value that no function under test sets: shows that errno was written. */
#define ERRNO_UNTOUCHED EDOM

/* What a test that goes through many cases is at: failures name it. */
static char check_about_[200];

__attribute__((format(printf, 1, 2), unused))
static void about(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(check_about_, sizeof(check_about_), fmt, args);
    va_end(args);
}

__attribute__((noreturn, noinline, cold, unused, format(printf, 3, 4)))
static void check_fail(const char *file, int line, const char *fmt, ...) {
    int err = errno;
    /* Static, because the failing coroutine may have a tiny stack. */
    static char text[2048];
    int len = snprintf(text, sizeof(text), "%s:%d: %s%s", file, line, check_about_,
        check_about_[0] ? ": " : "");
    va_list args;
    va_start(args, fmt);
    len += vsnprintf(text + len, sizeof(text) - 64 - (size_t)len, fmt, args);
    va_end(args);
    if(len > (int)sizeof(text) - 64) len = (int)sizeof(text) - 64;
    len += snprintf(text + len, sizeof(text) - (size_t)len, " (errno %d: %s)\n",
        err, strerror(err));
    if(write(2, text, (size_t)len) < 0) _exit(2);
    _exit(1);
}

__attribute__((unused))
static void check_int(const char *file, int line, const char *text,
        long long seen, long long expected) {
    if(seen != expected)
        check_fail(file, line, "%s: expected %lld, saw %lld", text, expected,
            seen);
}

__attribute__((unused))
static void check_between(const char *file, int line, const char *text,
        long long seen, long long low, long long high) {
    if(seen < low || seen > high)
        check_fail(file, line, "%s: expected %lld to %lld, saw %lld", text, low,
            high, seen);
}

__attribute__((unused))
static void check_result(const char *file, int line, const char *text,
        long long seen, int seen_errno, long long expected, int err) {
    if(seen != expected || seen_errno != err)
        check_fail(file, line,
            "%s: expected %lld with errno %d, saw %lld with errno %d", text,
            expected, err, seen, seen_errno);
}

__attribute__((unused))
static void check_ptr(const char *file, int line, const char *text,
        const void *seen, const void *expected) {
    if(seen != expected)
        check_fail(file, line, "%s: expected %p, saw %p", text, expected, seen);
}

__attribute__((unused))
static void check_str(const char *file, int line, const char *text,
        const char *seen, const char *expected) {
    if(!seen || strcmp(seen, expected) != 0)
        check_fail(file, line, "%s: expected \"%s\", saw \"%s\"", text,
            expected, seen ? seen : "NULL");
}

/* None of the macros below passes its expression on to another macro: it would be
   expanded on the way, and a failed go() be printed as a page of assembly. */

/* The condition holds. */
#define CHECK(cond) do {\
    if(!(cond)) check_fail(__FILE__, __LINE__, "%s does not hold", #cond);\
} while(0)

/* The integer expression has the expected value. */
#define CHECK_INT(expr, expected)\
    check_int(__FILE__, __LINE__, #expr, (long long)(expr),\
        (long long)(expected))

/* The integer expression lies between two bounds, both included. */
#define CHECK_BETWEEN(expr, low, high)\
    check_between(__FILE__, __LINE__, #expr, (long long)(expr),\
        (long long)(low), (long long)(high))

/* The call returns 0. */
#define CHECK_OK(expr)\
    check_int(__FILE__, __LINE__, #expr, (long long)(expr), 0)

/* The call returns a handle. */
#define CHECK_HANDLE(expr)\
    check_between(__FILE__, __LINE__, #expr, (long long)(expr), 0, INT32_MAX)

/* The call returns the value and sets errno as said (0 included). */
#define CHECK_RESULT(expr, result, err) do {\
    errno = ERRNO_UNTOUCHED;\
    long long check_seen_ = (long long)(expr);\
    check_result(__FILE__, __LINE__, #expr, check_seen_, errno,\
        (long long)(result), err);\
} while(0)

/* The call fails with the error. */
#define CHECK_ERR(expr, err) do {\
    errno = ERRNO_UNTOUCHED;\
    long long check_seen_ = (long long)(expr);\
    check_result(__FILE__, __LINE__, #expr, check_seen_, errno, -1, err);\
} while(0)

/* The call succeeds after having really waited, so it leaves errno at 0. */
#define CHECK_WAITED(expr) do {\
    errno = ERRNO_UNTOUCHED;\
    long long check_seen_ = (long long)(expr);\
    check_result(__FILE__, __LINE__, #expr, check_seen_, errno, 0, 0);\
} while(0)

/* The call returns NULL and sets the error. */
#define CHECK_NULL(expr, err) do {\
    errno = ERRNO_UNTOUCHED;\
    const void *check_seen_ = (const void*)(expr);\
    check_result(__FILE__, __LINE__, #expr, check_seen_ != NULL, errno, 0, err);\
} while(0)

#define CHECK_PTR(expr, expected)\
    check_ptr(__FILE__, __LINE__, #expr, (const void*)(expr),\
        (const void*)(expected))

#define CHECK_STR(expr, expected)\
    check_str(__FILE__, __LINE__, #expr, expr, expected)

/* A record of what happened in which order: note() adds a word, CHECK_NOTES
   compares all words since the last CHECK_NOTES. */
static char check_notes_[8192];

__attribute__((format(printf, 1, 2), unused))
static void note(const char *fmt, ...) {
    size_t len = strlen(check_notes_);
    if(len) check_notes_[len++] = ' ';
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(check_notes_ + len, sizeof(check_notes_) - len, fmt, args);
    va_end(args);
    if(n < 0 || (size_t)n >= sizeof(check_notes_) - len)
        check_fail(__FILE__, __LINE__, "too many notes");
}

#define CHECK_NOTES(expected) do {\
    check_str(__FILE__, __LINE__, "notes", check_notes_, expected);\
    check_notes_[0] = 0;\
} while(0)

/* Says why the test has nothing to test on this machine, and ends it. */
#define SKIP(...) do {\
    printf(__VA_ARGS__);\
    printf("\n");\
    fflush(stdout);\
    _exit(CHECK_SKIPPED);\
} while(0)

/* Becomes one of this program's PROGRAMs, as a new process does, under whatever this one runs
   under. */
__attribute__((noreturn, unused))
static void run_program(const char *name) {
    static char path[4096], wrapper[4096], option[] = "--program";
    char *words[64];
    size_t n = 0;
    const char *given = getenv("DILL_TEST_WRAPPER");
    snprintf(wrapper, sizeof(wrapper), "%s", given ? given : "");
    for(char *word = strtok(wrapper, " \t\n"); word && n < 60; word = strtok(NULL, " \t\n"))
        words[n++] = word;
    if(readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
        check_fail(__FILE__, __LINE__, "readlink failed");
    words[n++] = path;
    words[n++] = option;
    words[n++] = (char*)name;
    words[n] = NULL;
    execvp(words[0], words);
    check_fail(__FILE__, __LINE__, "%s can't be executed", words[0]);
}

/* c-tests/valgrind says so: everything takes many times as long and needs more memory, and
   the limit of descriptors is imitated (what a call gets beyond it is closed, and so lost). */
__attribute__((unused))
static int under_memcheck(void) {
    return getenv("DILL_TEST_MEMCHECK") != NULL;
}

/* A name for this process's use, in the directory for what doesn't stay. Who starts the tests
   gives them one that is removed with all that is in it. */
__attribute__((unused))
static void temporary_path(char *path, size_t size, const char *name) {
    const char *dir = getenv("TMPDIR");
    snprintf(path, size, "%s/%s.%d", dir && *dir ? dir : "/tmp", name, (int)getpid());
}

/* Must come before the first call into the library on any thread. */
__attribute__((unused))
static void use_virtual_time(void) {
    if(setenv("DILL_CLOCK", "virtual", 1) != 0)
        check_fail(__FILE__, __LINE__, "setenv failed");
}

#endif
