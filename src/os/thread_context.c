/* The little that Rust cannot say on a stable compiler: a thread-local in the
   initial-exec model (one load through fs, also inside a shared library, where
   Rust's thread_local! would cost a call) and weak references to the hooks of
   AddressSanitizer, which exist only when the user's program was built with it. */

#include <stddef.h>

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN __thread void *dill_thread_context __attribute__((tls_model("initial-exec"))) = NULL;

extern void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom,
    size_t size) __attribute__((weak));
extern void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old,
    size_t *size_old) __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *addr, size_t size)
    __attribute__((weak));

extern void __lsan_register_root_region(const void *address, size_t size)
    __attribute__((weak));
extern void __lsan_unregister_root_region(const void *address, size_t size)
    __attribute__((weak));

HIDDEN int dill_asan_present(void) {
    return __sanitizer_start_switch_fiber != NULL && __sanitizer_finish_switch_fiber != NULL;
}

HIDDEN void dill_asan_start_switch(void **save, const void *bottom, size_t size) {
    if(__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(save, bottom, size);
}

HIDDEN void dill_asan_finish_switch(void *saved, const void **bottom_old, size_t *size_old) {
    if(__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(saved, bottom_old, size_old);
}

HIDDEN void dill_asan_unpoison(const void *addr, size_t size) {
    if(__asan_unpoison_memory_region) __asan_unpoison_memory_region(addr, size);
}

HIDDEN void dill_lsan_begin_root(const void *address, size_t size) {
    if(__lsan_register_root_region) __lsan_register_root_region(address, size);
}

HIDDEN void dill_lsan_end_root(const void *address, size_t size) {
    if(__lsan_unregister_root_region) __lsan_unregister_root_region(address, size);
}
