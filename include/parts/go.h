/**
 * Marks a function that is launched as a coroutine: `static coroutine void f(int ch)`.
 *
 * Every function that is launched must be marked.
 *
 * It keeps the compiler from inlining the function into the launch, where its frame
 * would be the caller's and not the coroutine's. The compiler is also kept from looking
 * into the function, lest it conclude that a variable of the caller, whose address the
 * coroutine was given, can't change once the launch is over.
 *
 * Clang, in C, has no other way to do so than not to optimise the coroutine's own body;
 * functions that it calls are not affected. With DILL_OPTIMISE_COROUTINES defined before
 * the header is included, the body is optimised there, too: then a local variable of
 * the caller that coroutines change through a pointer must be volatile.
 */
#define dill_coroutine __attribute__((dill_opaque_))

/**
 * Launches a coroutine in a bundle of its own.
 *
 * The coroutine runs at once, until it blocks or finishes; then the caller goes on,
 * behind all coroutines that were ready before. What the function returns is dropped.
 * The coroutine ends when its function returns; it is cancelled when the bundle is
 * closed with `hclose` or ended with `bundle_cancel`. It may end the process with `exit`,
 * but must end neither its thread, with `pthread_exit` or `pthread_cancel`, nor itself by a
 * `longjmp` out of its function.
 *
 * The stack has 256 KiB of address space, of which only what is used takes memory. A
 * guard page lies below it: an overflow is a segmentation fault, with a message that says
 * where the coroutine was launched. The environment variable DILL_STACK_SIZE sets another
 * size, in bytes.
 *
 * The arguments may be any expressions, results of calls and large structures by value
 * included. They are evaluated in the new coroutine, on its stack, before the caller
 * goes on. This has a few consequences:
 *
 * - Arguments must not block, launch or yield; the caller would go on while they are
 *   still being evaluated in its variables. A loop around `go(serve(tcp_accept(ls, NULL, -1)))`
 *   never waits: it launches for ever. Evaluate such an argument before the launch:
 *   `int s = tcp_accept(ls, NULL, -1);`, then `go(serve(s))`.
 * - A local variable of the caller that is changed by the arguments must be volatile, as
 *   with `setjmp`, or the caller may not see the change: `go(worker(i++))` is wrong
 *   otherwise. Objects elsewhere may be changed freely. In C++ locals may, too.
 * - In C the function returns nothing, a number or a pointer, but no structure.
 * - The function must be marked with `coroutine`. Otherwise compilers may make it a part of
 *   the caller, and the variables of several coroutines be the same.
 * - Pointers to local variables of the caller may be passed, as long as those live.
 * - In C++ an exception must not leave the function: it ends in `std::terminate`. Nor may
 *   a coroutine block while it handles one: see the page `libdill`.
 *
 * # Parameters
 *
 * - `fn`: the call, such as `worker(ch, 5)`.
 *
 * # Return value
 *
 * The handle of the new bundle, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the calling coroutine was cancelled.
 * - `EMFILE`: the thread has used up its handles.
 * - `ENOMEM`: no memory for the stack or the bundle.
 *
 * # Thread safety
 *
 * The coroutine runs on the calling thread, to which the new handle belongs.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <stdio.h>
 *
 * static coroutine void add(int a, int b) {
 *     printf("%d + %d = %d\n", a, b, a + b);
 * }
 *
 * int main(void) {
 *     int b = go(add(1, 2));
 *     if(b < 0) return 1;
 *     bundle_wait(b, -1);
 *     return hclose(b) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle`, `bundle_cancel`, `bundle_go`, `bundle_wait`, `go_mem`, `hclose`, `yield`
 */
#define dill_go(fn) dill_go_(fn, dill_launch_alone, (DILL_PLACE_))

/**
 * Launches a coroutine in a bundle of its own, on a stack of the caller's.
 *
 * Works as `go`, but the stack lies in the caller's memory, the bookkeeping of the
 * coroutine included. There is no guard page: an overflow overwrites what lies below.
 * The memory needs no alignment. It must stay in place until the coroutine has finished.
 *
 * # Parameters
 *
 * - `mem`: memory for the stack. With `NULL` this is `go`, and `len` is ignored.
 * - `len`: its size in bytes, at least 4096. These are enough to wait on channels, timers,
 *   descriptors and sockets, in a program that is linked statically or with `-z now` (the
 *   dynamic linker takes more when it looks a function up at its first call, as does
 *   `printf`). HTTP, WebSocket handshakes and the lookup of names (`ipaddr_remote`) take up
 *   to 6 KiB, a TLS handshake up to 64 KiB. What the coroutine's own functions take
 *   comes on top.
 *
 * # Errors
 *
 * Those of `go`, and `ENOMEM` if `len` is less than 4096.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void worker(int ch) {
 *     int job;
 *     while(chrecv(ch, &job, sizeof(job), -1) == 0) continue;
 * }
 *
 * int main(void) {
 *     static char stack[16384];
 *     int ch[2], job = 5;
 *     if(chmake(ch) < 0) return 1;
 *     int b = go_mem(worker(ch[1]), stack, sizeof(stack));
 *     if(b < 0) return 1;
 *     chsend(ch[0], &job, sizeof(job), -1);
 *     return hclose(b) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_go_mem`, `bundle_mem`, `go`
 */
#define dill_go_mem(fn, mem, len) \
    dill_go_(fn, dill_launch, ((mem), (len), DILL_NEW_BUNDLE_, __FILE__, __LINE__))

/**
 * Launches a coroutine in an existing bundle.
 *
 * Works as `go` but for the bundle. Whoever has the bundle's handle may launch into it,
 * its own coroutines included, also while `bundle_cancel` waits for them to finish.
 *
 * # Parameters
 *
 * - `bndl`: the bundle.
 * - `fn`: the call, such as `worker(ch, 5)`. See `go` for what it may be.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: `bndl` is not open.
 * - `ECANCELED`: the calling coroutine was cancelled, or the coroutines of the bundle
 *   are being hard-cancelled.
 * - `ENOMEM`: no memory for the stack.
 * - `ENOTSUP`: `bndl` is no bundle.
 *
 * # Thread safety
 *
 * The coroutine runs on the calling thread, which must be the one that made the bundle:
 * on another one its handle is `EBADF`.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void worker(int n) {
 *     msleep(now() + n);
 * }
 *
 * int main(void) {
 *     int b = bundle();
 *     for(int i = 0; i != 10; ++i)
 *         if(bundle_go(b, worker(i)) < 0) return 1;
 *     // One second for them to finish, then they are cancelled.
 *     bundle_wait(b, now() + 1000);
 *     return hclose(b) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle`, `bundle_cancel`, `bundle_go_mem`, `bundle_wait`, `go`
 */
#define dill_bundle_go(bndl, fn) \
    dill_go_(fn, dill_launch_at, (dill_existing_(bndl), DILL_PLACE_))

/**
 * Launches a coroutine in an existing bundle, on a stack of the caller's.
 *
 * Works as `bundle_go`, with a stack as for `go_mem`.
 *
 * # Parameters
 *
 * - `mem`: memory for the stack. With `NULL` this is `bundle_go`, and `len` is ignored.
 * - `len`: its size in bytes. See `go_mem`.
 *
 * # Errors
 *
 * Those of `bundle_go`, and `ENOMEM` if `len` is less than 4096.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void worker(int n) {
 *     msleep(now() + n);
 * }
 *
 * int main(void) {
 *     static char stacks[10][8192];
 *     int b = bundle();
 *     for(int i = 0; i != 10; ++i)
 *         if(bundle_go_mem(b, worker(i), stacks[i], sizeof(stacks[i])) < 0) return 1;
 *     bundle_wait(b, -1);
 *     return hclose(b) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_go`, `go_mem`
 */
#define dill_bundle_go_mem(bndl, fn, mem, len) \
    dill_go_(fn, dill_launch, ((mem), (len), dill_existing_(bndl), __FILE__, __LINE__))

/*
 * How a launch works; nothing from here to the end of this part is for direct use.
 *
 * dill_launch_alone(), dill_launch_at() and, for a stack of the caller's, dill_launch()
 * return twice, as setjmp() does. First in the new coroutine, with
 * DILL_IN_CHILD_: all registers are the caller's except for the stack pointer, which is
 * at the top of the new stack. `fn` is evaluated there: the caller's variables are
 * still reached through its frame, while outgoing arguments and the called function's
 * own frame are on the new stack. When that coroutine blocks or finishes, dill_launch()
 * returns for the second time, in the caller, with the result.
 *
 * The compiler must know that this happens (returns_twice), and it must not address
 * the frame relative to the stack pointer. An alloca() of a size that it does not know
 * makes it use a frame pointer. dill_epilogue() never returns but is not declared so:
 * the child's branch seems to go on to the caller's code, and with any handle. So no
 * variable that is live there can share its place in the frame with a temporary of this
 * branch, and what the coroutine does to the caller's variables can't be ruled out. The
 * branch is expected, as gcc optimises unexpected code for size: with divisions.
 */

/* How to keep a compiler from looking into a coroutine. */
#if !defined __clang__ && __GNUC__ >= 8
#define dill_opaque_ noinline, noipa
#elif defined __clang__ && !defined __cplusplus && !defined DILL_OPTIMISE_COROUTINES
#define dill_opaque_ noinline, optnone
#else
#define dill_opaque_ noinline
#endif

/* A call in which a function that is not marked with `coroutine` is not inlined either. Only
   some compilers know this. */
#if defined __clang__ && __clang_major__ >= 17 && !defined __cplusplus
#define dill_not_inlined_(fn) \
    _Pragma("clang diagnostic push") \
    _Pragma("clang diagnostic ignored \"-Wpedantic\"") \
    [[clang::noinline]] fn; \
    _Pragma("clang diagnostic pop")
#else
#define dill_not_inlined_(fn) fn;
#endif

/* What dill_launch() returns in the new coroutine. */
#define DILL_IN_CHILD_ (-2147483647 - 1)

/* Where the launch is. */
#define dill_text_(value) #value
#define dill_text_of_(macro) dill_text_(macro)
#define DILL_PLACE_ (__FILE__ ":" dill_text_of_(__LINE__))

/* In place of a bundle: make a new one. */
#define DILL_NEW_BUNDLE_ (-2147483647 - 1)

/* GCC cannot know that registers are not clobbered by the second return. */
#if !defined __clang__
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

/* AddressSanitizer would note what alloca() takes from the stack in the caller's frame, as
   being there, so with that the branch is never taken; the compiler doesn't know. */
#if defined __SANITIZE_ADDRESS__
#define DILL_ASAN_ 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define DILL_ASAN_ 1
#endif
#endif
#if defined DILL_ASAN_
#define dill_may_take_() \
    __extension__ ({ \
        int dill_may__ = 0; \
        __asm__ __volatile__("" : "+r"(dill_may__)); \
        dill_may__; \
    })
#else
#define dill_may_take_() 1
#endif

/* With safe stacks a function has a second stack, of which nobody here knows. */
#if defined __has_feature
#if __has_feature(safe_stack)
#error "libdill: coroutines don't work with -fsanitize=safe-stack"
#endif
#endif

/* What depends on the processor:
   dill_leave_frame_() has the compiler address the caller's frame as it must;
   dill_end_of_stack_() ends backtraces;
   dill_end_coroutine_() is dill_epilogue();
   dill_prepare_(fn) and dill_run_and_end_(fn) are for C. */
#if defined __x86_64__ && !defined __ILP32__
@part launch_x86_64.h
#elif defined __aarch64__ && defined __LP64__ && !defined __AARCH64EB__
@part launch_aarch64.h
#else
#error "libdill.h does not know how to launch a coroutine on this processor"
#endif

static __inline int dill_existing_(int bndl) {
    return bndl | (bndl >> 31); /* any negative number: -1 */
}

#if defined __cplusplus && __cplusplus >= 201103L

/* In C++ `fn` becomes a closure, and a function of its own does the rest: see below. */
#define dill_arguments_(...) __VA_ARGS__
#define dill_go_(fn, launch, arguments) \
    launch##_closure_([&]() { fn; }, dill_arguments_ arguments)

#else

#define dill_go_(fn, launch, arguments) \
    __extension__ ({ \
        dill_prepare_(fn) \
        int dill_handle__ = launch arguments; \
        if(__builtin_expect(dill_handle__ == DILL_IN_CHILD_, 1)) { \
            dill_leave_frame_() \
            dill_run_and_end_(fn) \
            __asm__ __volatile__("" : "=r"(dill_handle__) : : "memory"); \
        } \
        dill_handle__; \
    })

#endif
