/* Runs a command with a time limit that scales with the machine; limit.h tells how.

       limit SECONDS COMMAND [ARGUMENT...]

   The exit status is that of the command (128 + N if signal N ended it), or 124 at the limit. The
   last line on standard error gives the reason wherever the status is neither 0 nor 77. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "limit.h"

int main(int argc, char **argv) {
    double limit = argc > 2 ? atof(argv[1]) : 0, took;
    if(limit <= 0) {
        fprintf(stderr, "usage: limit SECONDS COMMAND [ARGUMENT...]\n");
        return 125;
    }
    prepare_limits();
    pid_t pid = fork_limited();
    if(pid < 0) {
        perror("limit: fork");
        return 125;
    }
    if(pid == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    int status, in_time = wait_limited(pid, limit, &status, &took);
    char reason[200];
    describe_end(reason, sizeof(reason), in_time, limit, status, took);
    if(reason[0]) fprintf(stderr, "%s\n", reason);
    if(!in_time) return 124;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
