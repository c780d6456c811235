/* How a launch works in C++; nothing in this part is for direct use. */
#if defined __cplusplus && __cplusplus >= 201103L
extern "C++" {

/* The closure runs in a frame of its own on the new stack, where temporary objects can live as
   long as the coroutine does. */
template<typename Body>
__attribute__((noinline)) void dill_run_(const Body &body) noexcept {
    dill_end_of_stack_();
    body();
}

/* What returns twice is in these functions and not in their callers, so that those may be
   functions of any kind: inlined ones, and coroutines of C++20, whose variables are on the heap.
   Compilers are kept from looking into them. Showing the closure to an empty asm statement
   tells that the variables that it refers to may be changed. */
#define dill_launch_closure_with_(launch, ...) \
    __asm__ __volatile__("" : : "r"(&body) : "memory"); \
    int handle = launch(__VA_ARGS__); \
    if(__builtin_expect(handle == DILL_IN_CHILD_, 1)) { \
        dill_leave_frame_() \
        dill_run_(body); \
        dill_end_coroutine_(); \
        __asm__ __volatile__("" : "=r"(handle) : : "memory"); \
    } \
    return handle;

template<typename Body>
__attribute__((dill_opaque_)) int dill_launch_alone_closure_(const Body &body,
        const char *place) {
    dill_launch_closure_with_(dill_launch_alone, place)
}

template<typename Body>
__attribute__((dill_opaque_)) int dill_launch_at_closure_(const Body &body, int bndl,
        const char *place) {
    dill_launch_closure_with_(dill_launch_at, bndl, place)
}

template<typename Body>
__attribute__((dill_opaque_)) int dill_launch_closure_(const Body &body, void *mem, size_t len,
        int bndl, const char *file, int line) {
    dill_launch_closure_with_(dill_launch, mem, len, bndl, file, line)
}

#undef dill_launch_closure_with_

}
#endif
