/* Programs compiled against libdill's own header keep running: they launch their
   coroutines with dill_prologue and dill_epilogue directly. The parent's registers
   go to *ctx as eight words (rbx rbp r12 r13 r14 r15 rsp rip), rsp moves to *ptr,
   the function runs, dill_epilogue never returns; and whoever resumes the parent
   finds it by the eight words. This does the same by hand, in one piece. */

#include "check.h"

#if defined __x86_64__

/* int old_go(int bundle, void *mem, size_t len, void (*fn)(void*), void *arg); */
__asm__(
    ".text\n"
    ".type old_go, @function\n"
    "old_go:\n"
    "    .cfi_startproc\n"
    "    pushq %rbp\n"
    "    .cfi_def_cfa_offset 16\n"
    "    .cfi_offset %rbp, -16\n"
    "    movq %rsp, %rbp\n"
    "    .cfi_def_cfa_register %rbp\n"
    "    pushq %rbx\n"
    "    pushq %r12\n"
    "    pushq %r13\n"
    "    pushq %r14\n"
    "    subq $32, %rsp\n"
    "    movq %rcx, %r12\n"
    "    movq %r8, %r13\n"
    "    movq %rsi, -48(%rbp)\n"        /* ptr */
    "    movl %edi, %ecx\n"             /* bundle */
    "    leaq -40(%rbp), %rdi\n"        /* &ctx */
    "    leaq -48(%rbp), %rsi\n"        /* &ptr */
    "    leaq old_go_file(%rip), %r8\n"
    "    movl $1, %r9d\n"
    "    call dill_prologue@PLT\n"
    "    movl %eax, %r14d\n"
    "    testl %eax, %eax\n"
    "    js 1f\n"
    "    movq -40(%rbp), %rdx\n"
    "    movq %rbx, (%rdx)\n"
    "    movq %rbp, 8(%rdx)\n"
    "    movq %r12, 16(%rdx)\n"
    "    movq %r13, 24(%rdx)\n"
    "    movq %r14, 32(%rdx)\n"
    "    movq %r15, 40(%rdx)\n"
    "    movq %rsp, 48(%rdx)\n"
    "    leaq 1f(%rip), %rax\n"
    "    movq %rax, 56(%rdx)\n"
    "    movq -48(%rbp), %rsp\n"
    "    andq $-16, %rsp\n"
    "    movq %r13, %rdi\n"
    "    call *%r12\n"
    "    call dill_epilogue@PLT\n"
    "    ud2\n"
    "1:  movl %r14d, %eax\n"
    "    leaq -32(%rbp), %rsp\n"
    "    popq %r14\n"
    "    popq %r13\n"
    "    popq %r12\n"
    "    popq %rbx\n"
    "    popq %rbp\n"
    "    .cfi_def_cfa %rsp, 8\n"
    "    ret\n"
    "    .cfi_endproc\n"
    ".size old_go, . - old_go\n"
    ".section .rodata\n"
    "old_go_file: .string \"old.c\"\n"
    ".text\n");

extern int old_go(int b, void *mem, size_t len, void (*fn)(void *arg),
    void *arg);

struct job {
    int ch;
    int val;
};

static void sends(void *arg) {
    struct job *job = (struct job*)arg;
    note("child%d", job->val);
    CHECK_OK(chsend(job->ch, &job->val, sizeof(int), -1));
    note("sent%d", job->val);
}

static void blocks(void *arg) {
    (void)arg;
    CHECK_ERR(msleep(-1), ECANCELED);
    note("cancelled");
}

static void launches(void *arg) {
    /* An old-style parent that is itself a coroutine. */
    int b = old_go(-1, NULL, 0, sends, arg);
    CHECK_HANDLE(b);
    note("parent");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static void own_bundles(void) {
    int ch[2], val;
    CHECK_OK(chmake(ch));
    struct job job = {ch[0], 1};
    int b = old_go(-1, NULL, 0, sends, &job);
    CHECK_HANDLE(b);
    note("main");
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_INT(val, 1);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child1 main sent1");
    CHECK_OK(hclose(b));
    job.val = 2;
    b = old_go(-1, NULL, 0, launches, &job);
    CHECK_HANDLE(b);
    note("main");
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child2 main parent sent2");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void new_style(void) {
    note("new");
    CHECK_ERR(msleep(-1), ECANCELED);
}

static void given_bundles(void) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_INT(old_go(b, NULL, 0, blocks, NULL), 0);
    /* Both ways of launching side by side. */
    CHECK_OK(bundle_go(b, new_style()));
    CHECK_INT(old_go(b, NULL, 0, blocks, NULL), 0);
    CHECK_OK(hclose(b));
    CHECK_NOTES("new cancelled cancelled");
    CHECK_ERR(old_go(b, NULL, 0, blocks, NULL), EBADF);
}

static void given_stacks(void) {
    static char stack[2][16384 + 3];
    for(int i = 0; i != 3; ++i) {
        int b = old_go(-1, stack[0] + i, 16384, blocks, NULL);
        CHECK_HANDLE(b);
        CHECK_INT(old_go(b, stack[1] + i, 16384, blocks, NULL), 0);
        CHECK_OK(hclose(b));
        CHECK_NOTES("cancelled cancelled");
    }
    CHECK_ERR(old_go(-1, stack[0], 100, blocks, NULL), ENOMEM);
}

static void many(void) {
    int ch[2], val, sum = 0;
    struct job job[100];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) {
        job[i].ch = ch[0];
        job[i].val = i;
        CHECK_INT(old_go(b, NULL, 0, sends, &job[i]), 0);
    }
    for(int i = 0; i != 100; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        sum += val;
    }
    CHECK_INT(sum, 4950);
    CHECK_OK(bundle_wait(b, -1));
    check_notes_[0] = 0;
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

int main(void) {
    own_bundles();
    given_bundles();
    given_stacks();
    many();
    return 0;
}

#else

int main(void) {
    SKIP("for x86-64 only");
}

#endif
