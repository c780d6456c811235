/* The little that Rust cannot say on a stable compiler: a thread-local in the
   initial-exec model (one load through fs, also inside a shared library, where
   Rust's thread_local! would cost a call) and weak references: to the hooks of
   AddressSanitizer, ThreadSanitizer and split stacks, which exist only when the user's program
   was built with them, and to what a program's own allocator does not have. */

#include "symbols.h"
#include <stddef.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* In place of the scheduler of a thread that has none. It begins like one, with the
   address of the coroutine that runs, and that is one that has every reason not to
   block. So the hot paths need no test of their own for a thread without a scheduler. */
struct no_scheduler {
    const void *running;
    unsigned char coroutine[64];
};
HIDDEN extern const struct no_scheduler SYMBOL(dill_no_scheduler);
HIDDEN const struct no_scheduler SYMBOL(dill_no_scheduler) = {
    SYMBOL(dill_no_scheduler).coroutine, {[0 ... 63] = 0xff}
};

HIDDEN __thread const void *SYMBOL(dill_thread_context)
    __attribute__((tls_model("initial-exec"))) = &SYMBOL(dill_no_scheduler);

#if defined __aarch64__
#include <sys/auxv.h>

#ifndef HWCAP2_BTI
#define HWCAP2_BTI (1 << 17)
#endif

/* May a switch end in a jump? Where the processor and the system know landing pads, the
   program may have pages that want them; then only a return gets behind a call. Programs may
   load such code at any time, and not know that they will, so the hardware decides. Whoever
   comes before the constructor finds what is always right. */
HIDDEN unsigned char SYMBOL(dill_may_jump);

__attribute__((constructor)) static void look_for_landing_pads(void) {
    SYMBOL(dill_may_jump) = (getauxval(AT_HWCAP2) & HWCAP2_BTI) == 0;
}
#endif

extern int malloc_trim(size_t pad) __attribute__((weak));

HIDDEN void SYMBOL(dill_trim_heap)(void) {
    if(malloc_trim) malloc_trim(0);
}

extern void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom,
    size_t size) __attribute__((weak));
extern void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old,
    size_t *size_old) __attribute__((weak));
extern void __asan_poison_memory_region(const volatile void *addr, size_t size)
    __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *addr, size_t size)
    __attribute__((weak));

extern void __lsan_register_root_region(const void *address, size_t size)
    __attribute__((weak));
extern void __lsan_unregister_root_region(const void *address, size_t size)
    __attribute__((weak));

HIDDEN int SYMBOL(dill_asan_present)(void) {
    return __sanitizer_start_switch_fiber != NULL && __sanitizer_finish_switch_fiber != NULL;
}

HIDDEN void SYMBOL(dill_asan_start_switch)(void **save, const void *bottom, size_t size) {
    if(__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(save, bottom, size);
}

HIDDEN void SYMBOL(dill_asan_finish_switch)(void *saved, const void **bottom_old,
    size_t *size_old) {
    if(__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(saved, bottom_old, size_old);
}

/* A fake stack is only destroyed when it is left, so it is that of the running code for a moment.
   No function with a frame of its own is called meanwhile. */
HIDDEN void SYMBOL(dill_asan_destroy_fake_stack)(void *dead) {
    void *own;
    const void *bottom;
    size_t size;
    if(!SYMBOL(dill_asan_present)()) return;
    __sanitizer_start_switch_fiber(&own, NULL, 0);
    __sanitizer_finish_switch_fiber(dead, &bottom, &size);
    __sanitizer_start_switch_fiber(NULL, bottom, size);
    __sanitizer_finish_switch_fiber(own, NULL, NULL);
}

HIDDEN void SYMBOL(dill_asan_poison)(const void *addr, size_t size) {
    if(__asan_poison_memory_region) __asan_poison_memory_region(addr, size);
}

HIDDEN void SYMBOL(dill_asan_unpoison)(const void *addr, size_t size) {
    if(__asan_unpoison_memory_region) __asan_unpoison_memory_region(addr, size);
}

HIDDEN void SYMBOL(dill_lsan_begin_root)(const void *address, size_t size) {
    if(__lsan_register_root_region) __lsan_register_root_region(address, size);
}

HIDDEN void SYMBOL(dill_lsan_end_root)(const void *address, size_t size) {
    if(__lsan_unregister_root_region) __lsan_unregister_root_region(address, size);
}

extern void *__tsan_get_current_fiber(void) __attribute__((weak));
extern void *__tsan_create_fiber(unsigned flags) __attribute__((weak));
extern void __tsan_destroy_fiber(void *fiber) __attribute__((weak));
extern void __tsan_switch_to_fiber(void *fiber, unsigned flags) __attribute__((weak));
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

HIDDEN int SYMBOL(dill_tsan_present)(void) {
    return __tsan_get_current_fiber && __tsan_create_fiber && __tsan_destroy_fiber &&
        __tsan_switch_to_fiber;
}

HIDDEN void *SYMBOL(dill_tsan_current_fiber)(void) {
    return SYMBOL(dill_tsan_present)() ? __tsan_get_current_fiber() : NULL;
}

HIDDEN void *SYMBOL(dill_tsan_create_fiber)(void) {
    return SYMBOL(dill_tsan_present)() ? __tsan_create_fiber(0) : NULL;
}

HIDDEN void SYMBOL(dill_tsan_destroy_fiber)(void *fiber) {
    __tsan_destroy_fiber(fiber);
}

HIDDEN void SYMBOL(dill_tsan_switch_to_fiber)(void *fiber) {
    __tsan_switch_to_fiber(fiber, 1 /* the order of events is told otherwise */);
}

HIDDEN void SYMBOL(dill_tsan_acquire)(void *address) {
    if(__tsan_acquire) __tsan_acquire(address);
}

HIDDEN void SYMBOL(dill_tsan_release)(void *address) {
    if(__tsan_release) __tsan_release(address);
}

/* Programs compiled with gcc's -fsplit-stack: libgcc keeps a list of segments for each thread,
   and a limit that every function compares the stack pointer with. */
extern void __splitstack_getcontext(void *context[10]) __attribute__((weak));
extern void __splitstack_setcontext(void *context[10]) __attribute__((weak));

HIDDEN int SYMBOL(dill_split_stack_present)(void) {
    return __splitstack_getcontext && __splitstack_setcontext;
}

/* Of the thread's own stack. */
static __thread void *split_stack_of_thread[10];

/* NULL stands for that. */
HIDDEN void SYMBOL(dill_split_stack_save)(void *context[10]) {
    if(__splitstack_getcontext)
        __splitstack_getcontext(context ? context : split_stack_of_thread);
}

HIDDEN void SYMBOL(dill_split_stack_load)(void *context[10]) {
    if(__splitstack_setcontext)
        __splitstack_setcontext(context ? context : split_stack_of_thread);
}
