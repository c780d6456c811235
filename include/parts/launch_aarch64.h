/* What alloca() takes is not needed: that it is called makes compilers use a frame pointer. */
#define dill_leave_frame_() \
    if(dill_may_take_()) \
        __asm__ __volatile__("" : : "r"(__builtin_alloca(16)) : "memory");

/* Backtraces of a coroutine end with its launch: what called the launching function has
   nothing to do with it, and may have gone. Where the compiler writes unwind tables, the
   return address (x30) is undefined from here to the end of the function. */
#if defined __GCC_HAVE_DWARF2_CFI_ASM
#define dill_end_of_stack_() __asm__ __volatile__(".cfi_undefined 30")
#else
#define dill_end_of_stack_() ((void)0)
#endif

#define dill_end_coroutine_() dill_epilogue()

/* A structure larger than 16 bytes is passed as the address of a copy, which the compiler makes
   in the frame of the function that contains the call. That must be the coroutine's, so
   `fn` becomes a function within the function: in C++ a closure, for gcc a nested function. The
   empty statement behind it keeps the call from becoming a jump, after which the
   frame would be gone. */
#define dill_fn_(fn) { \
        dill_end_of_stack_(); \
        fn; \
        __asm__ __volatile__("" : : : "memory"); \
    }
#if !defined __clang__
#define dill_prepare_(fn) \
    __attribute__((noinline, noclone)) void dill_fn__(void) dill_fn_(fn)
#define dill_run_and_end_(fn) \
    dill_fn__(); \
    dill_end_coroutine_();
#else
/* Clang knows nested functions in C by this name only. The label, of which the address is
   taken, keeps it from putting the function's body back to where it came from. */
#define dill_prepare_(fn)
#define dill_run_and_end_(fn) \
    _Pragma("clang __debug captured") \
    { \
        __label__ dill_here__; \
    dill_here__: \
        __asm__ __volatile__("" : : "r"(&&dill_here__)); \
        dill_fn_(fn) \
    } \
    dill_end_coroutine_();
#endif
