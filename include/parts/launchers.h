/*
 * For sources with a launching macro of their own, as they are written for libdill's header;
 * others use `go`. What these do is in this order:
 *
 *     sigjmp_buf *ctx;
 *     void *stack = NULL;
 *     int handle = dill_prologue(&ctx, &stack, 0, -1, __FILE__, __LINE__);
 *     if(handle >= 0 && !dill_setjmp(*ctx)) {
 *         dill_setsp(stack);
 *         function(argument);
 *         dill_epilogue();
 *     }
 *
 * With `dill_prologue` the child runs; the scheduler goes on with the parent, whose registers
 * `dill_setjmp` has saved to `*ctx`, by itself. Afterwards arguments and variables of the caller
 * are as with `setjmp`. The stack is that at `*ptr`, of `len` bytes; NULL stands for one of the
 * library's. A negative `bndl` stands for a new bundle, whose handle the call returns.
 */
DILL_EXPORT __attribute__((noinline)) int dill_prologue(jmp_buf **ctx, void **ptr, size_t len,
    int bndl, const char *file, int line);

/* A place for pointers that compilers must not know to be unused. */
DILL_EXPORT_DATA extern volatile void *dill_unoptimisable;

#if defined __x86_64__

/* What calls do not preserve, as others run until the second return. */
#define DILL_GENERAL_CLOBBERS_ \
    "memory", "cc", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11"
#if defined __SSE__
#define DILL_CALL_CLOBBERS_ DILL_GENERAL_CLOBBERS_, "xmm0", "xmm1", "xmm2", "xmm3", \
    "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
    "xmm13", "xmm14", "xmm15"
#else
#define DILL_CALL_CLOBBERS_ DILL_GENERAL_CLOBBERS_
#endif

/* Saves the registers that calls preserve, and where to go on. Returns 0; 1 when that is gone
   on with. It finds `ctx` in rdx then. */
#define dill_setjmp(ctx) \
    __extension__ ({ \
        int dill_again__; \
        __asm__ __volatile__( \
            "{movq %%rbx, (%%rdx)|mov [rdx], rbx}\n\t" \
            "{movq %%rbp, 8(%%rdx)|mov [rdx + 8], rbp}\n\t" \
            "{movq %%r12, 16(%%rdx)|mov [rdx + 16], r12}\n\t" \
            "{movq %%r13, 24(%%rdx)|mov [rdx + 24], r13}\n\t" \
            "{movq %%r14, 32(%%rdx)|mov [rdx + 32], r14}\n\t" \
            "{movq %%r15, 40(%%rdx)|mov [rdx + 40], r15}\n\t" \
            "{movq %%rsp, 48(%%rdx)|mov [rdx + 48], rsp}\n\t" \
            "{leaq .Ldill_again%=(%%rip), %%rcx|lea rcx, .Ldill_again%=[rip]}\n\t" \
            "{movq %%rcx, 56(%%rdx)|mov [rdx + 56], rcx}\n\t" \
            "{xorl %%eax, %%eax|xor eax, eax}\n" \
            ".Ldill_again%=:" \
            : "=a"(dill_again__) : "d"(ctx) : DILL_CALL_CLOBBERS_); \
        dill_again__; \
    })

/* Goes on where the registers were saved. */
#define dill_longjmp(ctx) \
    __asm__ __volatile__( \
        "{movq (%%rdx), %%rbx|mov rbx, [rdx]}\n\t" \
        "{movq 8(%%rdx), %%rbp|mov rbp, [rdx + 8]}\n\t" \
        "{movq 16(%%rdx), %%r12|mov r12, [rdx + 16]}\n\t" \
        "{movq 24(%%rdx), %%r13|mov r13, [rdx + 24]}\n\t" \
        "{movq 32(%%rdx), %%r14|mov r14, [rdx + 32]}\n\t" \
        "{movq 40(%%rdx), %%r15|mov r15, [rdx + 40]}\n\t" \
        "{movq 48(%%rdx), %%rsp|mov rsp, [rdx + 48]}\n\t" \
        "{jmpq *56(%%rdx)|jmp qword ptr [rdx + 56]}" \
        : : "d"(ctx), "a"(1) : "memory")

/* Moves to another stack. That alloca() is called makes compilers use a frame pointer. */
#define dill_setsp(x) \
    { \
        __asm__ __volatile__("" : : "r"(__builtin_alloca(sizeof(size_t))) : "memory"); \
        __asm__ __volatile__("{movq %0, %%rsp|mov rsp, %0}" : : "r"(x) : "memory"); \
    }

#else

#define dill_setjmp(ctx) sigsetjmp(ctx, 0)
#define dill_longjmp(ctx) siglongjmp(ctx, 1)
#define dill_setsp(x) \
    { \
        __asm__ __volatile__("" : : "r"(__builtin_alloca(sizeof(size_t))) : "memory"); \
        __asm__ __volatile__("mov sp, %0" : : "r"(x) : "memory"); \
    }

#endif
