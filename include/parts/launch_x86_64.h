/* Some targets (-maccumulate-outgoing-args) have the arguments of calls stored above the
   stack pointer, in an area below which alloca() reserves memory. Its size is that of
   the gap between the two; where it is more than alignment, so much is taken again. */
#define dill_leave_frame_() \
    if(dill_may_take_()) { \
        size_t dill_gap__; \
        __asm__ __volatile__("{subq %%rsp, %0|sub %0, rsp}" \
            : "=r"(dill_gap__) : "0"(__builtin_alloca(16)) : "cc", "memory"); \
        if(__builtin_expect(dill_gap__ >= 32, 0)) \
            __asm__ __volatile__("{subq %0, %%rsp|sub rsp, %0}" \
                : : "r"(dill_gap__ & ~(size_t)15) : "cc", "memory"); \
    }

/* Backtraces of a coroutine end with its launch: what called the launching function has
   nothing to do with it, and may have gone. Where the compiler writes unwind tables, the
   return address is undefined from one to the other of these. (Afterwards it is where it
   always is; .cfi_restore would say so, too, but libgcc's unwinder takes that for lost.) */
#if defined __GCC_HAVE_DWARF2_CFI_ASM
#define dill_end_of_stack_() __asm__ __volatile__(".cfi_undefined 16")
#define dill_not_end_of_stack_() \
    __asm__ __volatile__(".cfi_offset 16, -8" : : "i"(__LINE__))
#else
#define dill_end_of_stack_() ((void)0)
#define dill_not_end_of_stack_() ((void)0)
#endif

/* Jumps to dill_epilogue() rather than calling it: nobody returns from there, and the
   processor's predictions of all returns to come would be out of step. Only debuggers
   look at the return address. The compiler takes it for something that goes on. */
#define dill_end_coroutine_() \
    __asm__ __volatile__( \
        "{leaq .Ldill_end%=(%%rip), %%rcx\n\tpushq %%rcx\n\tjmpq *%0" \
        "|lea rcx, .Ldill_end%=[rip]\n\tpush rcx\n\tjmp %0}\n" \
        ".Ldill_end%=:" \
        : : "a"(&dill_epilogue) : "rcx", "memory")

#define dill_prepare_(fn)
#define dill_run_and_end_(fn) \
    dill_end_of_stack_(); \
    dill_not_inlined_(fn) \
    dill_end_coroutine_(); \
    dill_not_end_of_stack_();
