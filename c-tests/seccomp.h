/* Filters that refuse system calls, as those of containers do. */

#ifndef SECCOMP_H_INCLUDED
#define SECCOMP_H_INCLUDED

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "check.h"

/* A system call, of which only those are meant whose argument has one of the bits. */
struct refusal {
    const char *name;
    long number;
    int argument; /* -1: all calls are meant */
    uint32_t bits;
};

static int seccomp_install(struct sock_filter *filter, size_t length) {
    struct sock_fprog program = {(unsigned short)length, filter};
    if(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* From now on such calls of this thread fail with the error. -1: no filters here. */
__attribute__((unused))
static int refuse(const struct refusal *what, int err) {
    uint32_t number = (uint32_t)offsetof(struct seccomp_data, nr);
    /* The lower half, as these machines have it. */
    uint32_t argument = (uint32_t)(offsetof(struct seccomp_data, args)) +
        (uint32_t)(what->argument < 0 ? 0 : what->argument) * 8;
    uint32_t bits = what->argument < 0 ? 0 : what->bits;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)what->number, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JA | BPF_K, what->argument < 0 ? 0 : 1, 0, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return seccomp_install(filter, sizeof(filter) / sizeof(filter[0]));
}

/* The same for all calls with this number. */
__attribute__((unused))
static int refuse_call(long number, int err) {
    struct refusal what = {"", number, -1, 0};
    return refuse(&what, err);
}

#endif
