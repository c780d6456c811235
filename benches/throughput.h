/* What both of the throughput programs in C need. */

#ifndef THROUGHPUT_H_INCLUDED
#define THROUGHPUT_H_INCLUDED

#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { MESSAGE = 64 * 1024 };
static char message[MESSAGE];

#define CERTIFICATES "c-tests/certs/"

/* Prints the seconds since start(). */
static void report(void) {
    printf("%.4f\n", stop(1) / 1e9);
    fflush(stdout);
}

static int is_known(const char *name) {
    static const char *const names[] = {"tcp", "ipc", "prefix", "ws", "tls"};
    for(size_t i = 0; i != sizeof(names) / sizeof(names[0]); ++i)
        if(!strcmp(name, names[i])) return 1;
    return 0;
}

static void local_path(char *path, size_t size) {
    snprintf(path, size, "/tmp/throughput-%d", (int)getpid());
}

static void fill(void) {
    for(int i = 0; i != MESSAGE; ++i) message[i] = (char)(i * 31);
}

static int is_filled(void) {
    for(int i = 0; i != MESSAGE; ++i)
        if(message[i] != (char)(i * 31)) return 0;
    return 1;
}

/* The end of the other process; returns the status to exit with. */
static int wait_for(pid_t child) {
    char path[64];
    local_path(path, sizeof(path));
    unlink(path);
    int status;
    MUST(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#endif
