/* How a program that was compiled against libdill's own header launches a coroutine on 64-bit
   ARM: it calls sigsetjmp(*ctx, 0) and moves the stack pointer with alloca(). Once in a
   function, in a piece of assembly that looks at every register, and in a macro. */

#ifndef LAUNCHES_H_INCLUDED
#define LAUNCHES_H_INCLUDED

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

int dill_prologue(sigjmp_buf **ctx, void **ptr, size_t len, int b, const char *file,
    int line);
extern volatile void *dill_unoptimisable;

/* Compilers reach their variables by x29 then. What alloca() returns is *ptr, so what
   they keep below that, such as arguments for calls, is on the new stack, too. */
#define old_move_(ptr)\
    dill_unoptimisable =\
        __builtin_alloca((size_t)((char*)__builtin_alloca(sizeof(size_t)) - (char*)(ptr)))

/* The macro. It is compiled into the tests at every level, with whatever the compiler
   keeps in its registers then. */
#define OLD_GO(fn, mem, len, bndl) __extension__ ({\
    sigjmp_buf *old_ctx__;\
    void *old_ptr__ = (mem);\
    int old_handle__ = dill_prologue(&old_ctx__, &old_ptr__, (len), (bndl),\
        __FILE__, __LINE__);\
    if(old_handle__ >= 0) {\
        if(!sigsetjmp(*old_ctx__, 0)) {\
            old_move_(old_ptr__);\
            fn;\
            dill_epilogue();\
        }\
    }\
    old_handle__;\
})

__attribute__((noinline))
static int old_go(int b, void *mem, size_t len, void (*fn)(void *arg), void *arg) {
    return OLD_GO(fn(arg), mem, len, b);
}

/* Where the registers of a parent are when it is resumed. */
struct registers {
    uint64_t x19_to_x28[10], d8_to_d15[8], x29, sp, result;
    /* What the stack pointer should be. */
    uint64_t stack;
};

/* int old_registers(int bundle, void (*fn)(void*), void *arg, struct registers*):
   has a value of its own in each register that calls preserve, and another in each when
   the child begins.

   The frame: x29 x30, at 16 x19 to x28, at 96 d8 to d15, at 160 ctx, ptr, fn, arg, registers,
   and at 200 the handle. */
__asm__(
    ".text\n"
    ".type old_registers, %function\n"
    "old_registers:\n"
    "    .cfi_startproc\n"
    "    stp x29, x30, [sp, #-208]!\n"
    "    .cfi_def_cfa_offset 208\n"
    "    .cfi_offset 29, -208\n"
    "    .cfi_offset 30, -200\n"
    "    stp x19, x20, [sp, #16]\n"
    "    stp x21, x22, [sp, #32]\n"
    "    stp x23, x24, [sp, #48]\n"
    "    stp x25, x26, [sp, #64]\n"
    "    stp x27, x28, [sp, #80]\n"
    "    stp d8, d9, [sp, #96]\n"
    "    stp d10, d11, [sp, #112]\n"
    "    stp d12, d13, [sp, #128]\n"
    "    stp d14, d15, [sp, #144]\n"
    "    stp x1, x2, [sp, #176]\n"
    "    str x3, [sp, #192]\n"
    "    str xzr, [sp, #168]\n"
    "    mov w3, w0\n"                  /* bundle */
    "    add x0, sp, #160\n"            /* &ctx */
    "    add x1, sp, #168\n"            /* &ptr */
    "    mov x2, #0\n"
    "    adrp x4, old_go_file\n"
    "    add x4, x4, :lo12:old_go_file\n"
    "    mov w5, #2\n"
    "    bl dill_prologue\n"
    "    str w0, [sp, #200]\n"
    "    tbnz w0, #31, 2f\n"
    "    ldr x9, [sp, #192]\n"
    "    mov x10, sp\n"
    "    str x10, [x9, #168]\n"         /* stack */
    "    mov x19, #0x1919\n"
    "    mov x20, #0x2020\n"
    "    mov x21, #0x2121\n"
    "    mov x22, #0x2222\n"
    "    mov x23, #0x2323\n"
    "    mov x24, #0x2424\n"
    "    mov x25, #0x2525\n"
    "    mov x26, #0x2626\n"
    "    mov x27, #0x2727\n"
    "    mov x28, #0x2828\n"
    "    mov x29, #0x2929\n"
    "    fmov d8, x19\n"
    "    fmov d9, x20\n"
    "    fmov d10, x21\n"
    "    fmov d11, x22\n"
    "    fmov d12, x23\n"
    "    fmov d13, x24\n"
    "    fmov d14, x25\n"
    "    fmov d15, x26\n"
    "    ldr x0, [sp, #160]\n"
    "    mov w1, #0\n"
    "    bl __sigsetjmp\n"
    "    cbnz w0, 1f\n"
    "    ldp x9, x0, [sp, #176]\n"      /* fn, arg */
    "    ldr x10, [sp, #168]\n"
    "    mov sp, x10\n"
    "    mvn x19, x19\n"
    "    mvn x20, x20\n"
    "    mvn x21, x21\n"
    "    mvn x22, x22\n"
    "    mvn x23, x23\n"
    "    mvn x24, x24\n"
    "    mvn x25, x25\n"
    "    mvn x26, x26\n"
    "    mvn x27, x27\n"
    "    mvn x28, x28\n"
    "    mov x29, #0\n"                 /* a backtrace ends here */
    "    fmov d8, x28\n"
    "    fmov d9, x28\n"
    "    fmov d10, x28\n"
    "    fmov d11, x28\n"
    "    fmov d12, x28\n"
    "    fmov d13, x28\n"
    "    fmov d14, x28\n"
    "    fmov d15, x28\n"
    "    blr x9\n"
    "    bl dill_epilogue\n"
    "    udf #0\n"
    "1:  ldr x9, [sp, #192]\n"
    "    stp x19, x20, [x9]\n"
    "    stp x21, x22, [x9, #16]\n"
    "    stp x23, x24, [x9, #32]\n"
    "    stp x25, x26, [x9, #48]\n"
    "    stp x27, x28, [x9, #64]\n"
    "    stp d8, d9, [x9, #80]\n"
    "    stp d10, d11, [x9, #96]\n"
    "    stp d12, d13, [x9, #112]\n"
    "    stp d14, d15, [x9, #128]\n"
    "    mov x10, sp\n"
    "    stp x29, x10, [x9, #144]\n"
    "    str x0, [x9, #160]\n"
    "2:  ldr w0, [sp, #200]\n"
    "    ldp x19, x20, [sp, #16]\n"
    "    ldp x21, x22, [sp, #32]\n"
    "    ldp x23, x24, [sp, #48]\n"
    "    ldp x25, x26, [sp, #64]\n"
    "    ldp x27, x28, [sp, #80]\n"
    "    ldp d8, d9, [sp, #96]\n"
    "    ldp d10, d11, [sp, #112]\n"
    "    ldp d12, d13, [sp, #128]\n"
    "    ldp d14, d15, [sp, #144]\n"
    "    ldp x29, x30, [sp], #208\n"
    "    .cfi_def_cfa_offset 0\n"
    "    ret\n"
    "    .cfi_endproc\n"
    ".size old_registers, . - old_registers\n"
    ".section .rodata\n"
    "old_go_file: .string \"old.c\"\n"
    ".text\n");

extern int old_registers(int b, void (*fn)(void *arg), void *arg,
    struct registers *regs);

__attribute__((unused))
static void check_registers(const struct registers *regs) {
    for(uint64_t i = 0; i != 10; ++i) {
        uint64_t number = i + 19, digits = number / 10 * 16 + number % 10;
        CHECK(regs->x19_to_x28[i] == digits * 0x101);
        if(i < 8) CHECK(regs->d8_to_d15[i] == digits * 0x101);
    }
    CHECK(regs->x29 == 0x2929);
    CHECK(regs->sp == regs->stack);
    CHECK((int)regs->result == 1);
}

#endif
