/* How a program that was compiled against libdill's own header launches a coroutine on
   x86-64: in one piece of assembly, in one that looks at every register, and in a macro. */

#ifndef LAUNCHES_H_INCLUDED
#define LAUNCHES_H_INCLUDED

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

/* The eight words of a parent, to where rdx leads: it goes on at 1. */
#define STORE_WORDS \
    "    movq %rbx, (%rdx)\n" \
    "    movq %rbp, 8(%rdx)\n" \
    "    movq %r12, 16(%rdx)\n" \
    "    movq %r13, 24(%rdx)\n" \
    "    movq %r14, 32(%rdx)\n" \
    "    movq %r15, 40(%rdx)\n" \
    "    movq %rsp, 48(%rdx)\n" \
    "    leaq 1f(%rip), %rax\n" \
    "    movq %rax, 56(%rdx)\n"

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
    STORE_WORDS
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

/* Where the registers of a parent are when it is resumed. */
struct registers {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rax, rdx;
    /* What they should be: *ctx, and the stack pointer of the parent. */
    uint64_t ctx, stack;
};

/* int old_registers(int bundle, void (*fn)(void*), void *arg, struct registers*):
   has a value of its own in each register that the contract keeps, and another in
   each when the child begins. */
__asm__(
    ".text\n"
    ".type old_registers, @function\n"
    "old_registers:\n"
    "    .cfi_startproc\n"
    "    pushq %rbp\n"
    "    .cfi_adjust_cfa_offset 8\n"
    "    pushq %rbx\n"
    "    .cfi_adjust_cfa_offset 8\n"
    "    pushq %r12\n"
    "    .cfi_adjust_cfa_offset 8\n"
    "    pushq %r13\n"
    "    .cfi_adjust_cfa_offset 8\n"
    "    pushq %r14\n"
    "    .cfi_adjust_cfa_offset 8\n"
    "    pushq %r15\n"
    "    .cfi_adjust_cfa_offset 8\n"
    "    subq $56, %rsp\n"
    "    .cfi_adjust_cfa_offset 56\n"
    "    movq %rsi, 16(%rsp)\n"        /* fn */
    "    movq %rdx, 24(%rsp)\n"        /* arg */
    "    movq %rcx, 32(%rsp)\n"        /* registers */
    "    movq $0, 8(%rsp)\n"           /* ptr */
    "    movl %edi, %ecx\n"            /* bundle */
    "    movq %rsp, %rdi\n"            /* &ctx */
    "    leaq 8(%rsp), %rsi\n"         /* &ptr */
    "    xorl %edx, %edx\n"
    "    leaq old_go_file(%rip), %r8\n"
    "    movl $2, %r9d\n"
    "    call dill_prologue@PLT\n"
    "    movl %eax, 40(%rsp)\n"
    "    testl %eax, %eax\n"
    "    js 2f\n"
    "    movq (%rsp), %rdx\n"
    "    movq 32(%rsp), %rcx\n"
    "    movq %rdx, 72(%rcx)\n"
    "    movq %rsp, 80(%rcx)\n"
    "    movabsq $0x0b0b0b0b0b0b0b0b, %rbx\n"
    "    movabsq $0x0505050505050505, %rbp\n"
    "    movabsq $0x1212121212121212, %r12\n"
    "    movabsq $0x1313131313131313, %r13\n"
    "    movabsq $0x1414141414141414, %r14\n"
    "    movabsq $0x1515151515151515, %r15\n"
    STORE_WORDS
    "    movq 16(%rsp), %rax\n"
    "    movq 24(%rsp), %rdi\n"
    "    movq 8(%rsp), %rsp\n"
    "    notq %rbx\n"
    "    xorl %ebp, %ebp\n"            /* a backtrace ends here */
    "    notq %r12\n"
    "    notq %r13\n"
    "    notq %r14\n"
    "    notq %r15\n"
    "    call *%rax\n"                 /* the stack is aligned to 16 as it came */
    "    call dill_epilogue@PLT\n"
    "    ud2\n"
    "1:  movq 32(%rsp), %rcx\n"
    "    movq %rbx, (%rcx)\n"
    "    movq %rbp, 8(%rcx)\n"
    "    movq %r12, 16(%rcx)\n"
    "    movq %r13, 24(%rcx)\n"
    "    movq %r14, 32(%rcx)\n"
    "    movq %r15, 40(%rcx)\n"
    "    movq %rsp, 48(%rcx)\n"
    "    movq %rax, 56(%rcx)\n"
    "    movq %rdx, 64(%rcx)\n"
    "2:  movl 40(%rsp), %eax\n"
    "    addq $56, %rsp\n"
    "    .cfi_adjust_cfa_offset -56\n"
    "    popq %r15\n"
    "    .cfi_adjust_cfa_offset -8\n"
    "    popq %r14\n"
    "    .cfi_adjust_cfa_offset -8\n"
    "    popq %r13\n"
    "    .cfi_adjust_cfa_offset -8\n"
    "    popq %r12\n"
    "    .cfi_adjust_cfa_offset -8\n"
    "    popq %rbx\n"
    "    .cfi_adjust_cfa_offset -8\n"
    "    popq %rbp\n"
    "    .cfi_adjust_cfa_offset -8\n"
    "    ret\n"
    "    .cfi_endproc\n"
    ".size old_registers, . - old_registers\n");

extern int old_registers(int b, void (*fn)(void *arg), void *arg,
    struct registers *regs);

__attribute__((unused))
static void check_registers(const struct registers *regs) {
    CHECK(regs->rbx == 0x0b0b0b0b0b0b0b0b);
    CHECK(regs->rbp == 0x0505050505050505);
    CHECK(regs->r12 == 0x1212121212121212);
    CHECK(regs->r13 == 0x1313131313131313);
    CHECK(regs->r14 == 0x1414141414141414);
    CHECK(regs->r15 == 0x1515151515151515);
    CHECK(regs->rsp == regs->stack);
    CHECK(regs->rax == 1);
    CHECK(regs->rdx == regs->ctx);
}

/* The macro. It is compiled into the functions below at every level, with whatever the
   compiler keeps in its registers then. */
int dill_prologue(sigjmp_buf **ctx, void **ptr, size_t len, int b, const char *file,
    int line);

/* 0 at once; 1 when somebody goes on with the words. */
#define old_save_(words) __extension__ ({\
    long old_result__;\
    void *old_words__ = (words);\
    __asm__ __volatile__(\
        "movq %%rbx, 0(%%rdx)\n\t"\
        "movq %%rbp, 8(%%rdx)\n\t"\
        "movq %%r12, 16(%%rdx)\n\t"\
        "movq %%r13, 24(%%rdx)\n\t"\
        "movq %%r14, 32(%%rdx)\n\t"\
        "movq %%r15, 40(%%rdx)\n\t"\
        "movq %%rsp, 48(%%rdx)\n\t"\
        "leaq 77f(%%rip), %%rcx\n\t"\
        "movq %%rcx, 56(%%rdx)\n\t"\
        "xorl %%eax, %%eax\n\t"\
        "77:"\
        : "=a"(old_result__)\
        : "d"(old_words__)\
        : "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",\
        "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",\
        "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");\
    old_result__;\
})

/* Memory taken from the stack makes compilers reach their variables by rbp. */
#define OLD_GO(fn, mem, len, bndl) __extension__ ({\
    sigjmp_buf *old_ctx__;\
    void *old_ptr__ = (mem);\
    int old_handle__ = dill_prologue(&old_ctx__, &old_ptr__, (len), (bndl),\
        __FILE__, __LINE__);\
    if(old_handle__ >= 0 && old_save_(*old_ctx__) == 0) {\
        void *old_taken__ = __builtin_alloca(sizeof(size_t));\
        __asm__ __volatile__("" : : "r"(old_taken__));\
        __asm__ __volatile__("movq %0, %%rsp" : : "r"(old_ptr__) : "memory");\
        fn;\
        dill_epilogue();\
    }\
    old_handle__;\
})

#endif
