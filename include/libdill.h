/*
 * libdill.h: structured concurrency for C, with graceful shutdown.
 *
 * This file is generated: `make header` makes it from the Rust sources in src/capi
 * and from the parts in include/parts. Change those.
 *
 * Conventions that hold for all functions:
 *
 * - Coroutines of one thread take turns; one runs until it calls a blocking function
 *   or `yield`, or launches another. A call says in its description when it blocks.
 * - Most functions return 0 or a handle, or -1 with `errno` set. The values of `errno`
 *   listed with a function are all that it sets by itself. A blocking call that
 *   succeeded after it had to wait sets `errno` to 0.
 * - Handles are numbers from 0 up. They belong to the thread that made them: on any
 *   other thread they are not open (`EBADF`). Each thread has a scheduler of its own,
 *   made by the first call that needs one; that call fails with `ENOMEM` if there is no
 *   memory for it.
 * - A *deadline* is a point in time in milliseconds on the clock of `now`, such as
 *   `now() + 1000`. 0 means: succeed at once or fail with `ETIMEDOUT`. -1 (any negative
 *   value) means: no deadline. A deadline is never early.
 * - Once a coroutine has been cancelled, every blocking call in it fails with
 *   `ECANCELED` until it returns. So does every call that would start or make something.
 * - A signal handler that interrupts a blocking call does not end it: there is no
 *   `EINTR`.
 * - `NULL` where a function needs memory is `EINVAL`.
 * - A function whose name ends in `_mem` works as the one without, with memory of the
 *   caller's. Only what differs is said of it.
 * - With the environment variable DILL_CLOCK=virtual, time passes only while everybody
 *   waits for it: it jumps to the next deadline when no coroutine and no descriptor is
 *   ready. Programs that test their timeouts run in no time so.
 * - With DILL_DUMP_SIGNAL=USR1, or another signal, the process writes what its coroutines do
 *   to the standard error output when it gets that signal; see `dill_dump`.
 *
 * Every name is there with the prefix `dill_` and, unless DILL_DISABLE_RAW_NAMES is
 * defined, without it. A few functions whose short names many programs use for
 * themselves, such as `dill_left`, have those only where DILL_RAW_NAMES is defined as 2.
 * DILL_DISABLE_SOCKETS leaves the sockets out, DILL_DISABLE_TLS only TLS.
 */

#ifndef LIBDILL_H_INCLUDED
#define LIBDILL_H_INCLUDED

#include <errno.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/select.h> /* for sigset_t, which <signal.h> hides from strict C99 */
#include <unistd.h>

#if defined __linux__
#include <alloca.h>
#endif

/* Version of the binary interface, in libtool's terms: the shared library is
   libdill.so.20, which is CURRENT - AGE; in full libdill.so.20.AGE.REVISION. libdill
   2.14 has 25:0:5. */
#define DILL_VERSION_CURRENT 26
#define DILL_VERSION_REVISION 0
#define DILL_VERSION_AGE 6

#if !defined __GNUC__
#error "libdill.h needs GCC, clang or a compiler that is compatible with them"
#endif

/* Calls of the shared library go straight to their target where the compiler can have it so:
   that is faster, and needs no stack for looking functions up. */
#if defined __has_attribute
#if __has_attribute(noplt)
#define DILL_NO_STUB_ __attribute__((noplt))
#endif
#endif
#if !defined DILL_NO_STUB_
#define DILL_NO_STUB_
#endif

#if defined DILL_NO_EXPORTS
#define DILL_EXPORT DILL_NO_STUB_
#define DILL_EXPORT_DATA
#else
#define DILL_EXPORT __attribute__((visibility("default"))) DILL_NO_STUB_
#define DILL_EXPORT_DATA __attribute__((visibility("default")))
#endif

/* How libdill's header aligns structures on processors that are not those of this one. */
#define DILL_ALIGN

#if defined __cplusplus
extern "C" {
#endif

/* ============================================================================
 * Time and descriptors
 * ========================================================================= */

/**
 * Forgets what is known of a file descriptor.
 *
 * Call it before a descriptor that `fdin`, `fdout` or `choose` waited for is closed, or
 * handed to code that waits for it by other means: a descriptor with the same number
 * may come to life later. Descriptors inside of library sockets are not concerned.
 *
 * # Parameters
 *
 * - `fd`: a file descriptor of the system, not a handle.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below. A descriptor that nothing is
 * known of is no error.
 *
 * # Errors
 *
 * - `EBADF`: `fd` is negative.
 * - `EBUSY`: a coroutine is waiting for the descriptor.
 *
 * # Thread safety
 *
 * Each thread has knowledge of its own, and forgets its own only.
 *
 * # Example
 *
 * ```c
 * int fds[2];
 * if(pipe(fds) < 0) return;
 * fdin(fds[0], now() + 10);
 * fdclean(fds[0]);
 * close(fds[0]);
 * close(fds[1]);
 * ```
 *
 * # See also
 *
 * `choose`, `fdin`, `fdout`
 */
DILL_EXPORT int dill_fdclean(int fd);

/**
 * Waits until a file descriptor can be read from.
 *
 * It returns when there is something to read, and also when the descriptor is at its
 * end or in an error state: the read that follows tells. Set the descriptor to
 * non-blocking mode, as what was there may be gone by the time of the read.
 *
 * # Parameters
 *
 * - `fd`: a file descriptor of the system, not a handle.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the wait fails; 0
 *   looks without waiting, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: not a file descriptor.
 * - `EBUSY`: another coroutine is waiting to read from the descriptor, or it belongs to
 *   a library socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EMFILE`, `ENFILE`: no file descriptor was left to watch this one with.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the descriptor is of a kind that can't be waited for, such as a regular
 *   file.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * Several threads may wait for the same descriptor.
 *
 * # Example
 *
 * ```c
 * char buf[1024];
 * while(fdin(STDIN_FILENO, -1) == 0) {
 *     ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
 *     if(n <= 0) break;
 * }
 * ```
 *
 * # See also
 *
 * `choose`, `fdclean`, `fdout`, `now`
 */
DILL_EXPORT int dill_fdin(int fd, int64_t deadline);

/**
 * Waits until a file descriptor can be written to.
 *
 * It returns when there is room to write, and also when the descriptor is in an error
 * state: the write that follows tells. Set the descriptor to non-blocking mode, as a
 * write of more than there is room for would block the whole thread.
 *
 * # Parameters
 *
 * - `fd`: a file descriptor of the system, not a handle.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the wait fails; 0
 *   looks without waiting, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: not a file descriptor.
 * - `EBUSY`: another coroutine is waiting to write to the descriptor, or it belongs to a
 *   library socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EMFILE`, `ENFILE`: no file descriptor was left to watch this one with.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the descriptor is of a kind that can't be waited for, such as a regular
 *   file.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * Several threads may wait for the same descriptor.
 *
 * # Example
 *
 * ```c
 * const char text[] = "hello\n";
 * if(fdout(STDOUT_FILENO, now() + 1000) == 0)
 *     if(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0) return;
 * ```
 *
 * # See also
 *
 * `choose`, `fdclean`, `fdin`, `now`
 */
DILL_EXPORT int dill_fdout(int fd, int64_t deadline);

/**
 * The current time, for making deadlines.
 *
 * The clock is monotonic: it never goes back, and setting the time of day does not
 * change it. It starts at some moment in the past, on Linux that of `CLOCK_MONOTONIC`,
 * so points in time can be compared between processes but mean nothing after a reboot.
 * It is right to the millisecond, and cheap enough to be called for every operation.
 *
 * # Return value
 *
 * The time in milliseconds. It is never 0 or -1, which have a meaning as deadlines.
 *
 * # Thread safety
 *
 * All threads see the same clock, unless time is virtual: then each has its own.
 *
 * # Example
 *
 * ```c
 * int ch[2], val;
 * if(chmake(ch) < 0) return;
 * if(chrecv(ch[0], &val, sizeof(val), now() + 100) < 0 && errno == ETIMEDOUT)
 *     puts("nobody has sent anything for 100 ms");
 * ```
 *
 * # See also
 *
 * `msleep`
 */
DILL_EXPORT int64_t dill_now(void);

/**
 * Waits until a point in time.
 *
 * With a time that has passed already, 0 included, all coroutines that are ready have a
 * turn, then it returns.
 *
 * # Parameters
 *
 * - `deadline`: the time to wait for, in milliseconds as given by `now`; -1 waits for
 *   ever, that is, until the coroutine is cancelled.
 *
 * # Return value
 *
 * 0 when the time has come, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ENOMEM`: no memory for the thread's scheduler.
 *
 * # Thread safety
 *
 * Blocks the calling coroutine only; the others of its thread go on.
 *
 * # Example
 *
 * ```c
 * if(msleep(now() + 1000) == 0) puts("one second later");
 * ```
 *
 * # See also
 *
 * `now`, `yield`
 */
DILL_EXPORT int dill_msleep(int64_t deadline);

/* ============================================================================
 * Handles
 * ========================================================================= */

/**
 * Closes a handle and frees its object.
 *
 * What that means depends on the object. A bundle: all its coroutines are cancelled
 * first, then all are awaited; no coroutine of it is alive on return. A channel: see
 * `chmake`; nobody who waits at the other end is disturbed. A socket: the connection is
 * dropped, together with all protocols beneath; data that are still on their way out
 * may be lost, for an orderly end see `tcp_close`.
 *
 * It also works in a coroutine that has been cancelled. It waits only for the coroutines
 * of a bundle, which have no reason to take long as none of their calls blocks any more.
 *
 * # Parameters
 *
 * - `h`: the handle.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below. Then nothing has happened and
 * the handle, if there is one, is still open.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: somebody else is closing or cancelling the bundle already.
 * - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
 *   caller's bundle does.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int ch[2];
 * if(chmake(ch) < 0) return;
 * hclose(ch[0]);
 * hclose(ch[1]);
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `chdone`, `hown`, `tcp_close`
 */
DILL_EXPORT int dill_hclose(int h);

/**
 * Passes a handle on: gives its object a new handle and invalidates the old one.
 *
 * A function that takes an object over calls this first, so that the former owner can't
 * use it any more, not even by mistake: the old number is `EBADF` from now on. A bundle
 * then belongs to the calling coroutine, which matters to `bundle_cancel` with
 * `DILL_INHERIT` and to who is inside of whom.
 *
 * # Parameters
 *
 * - `h`: the handle.
 *
 * # Return value
 *
 * The new handle, or -1 with `errno` set to one of the values below. With `ECANCELED`,
 * `EMFILE` and `ENOMEM` the object has been closed: the new owner can't have it, and the
 * old one has given it away. With the others nothing has happened.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: somebody is closing or cancelling the bundle.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
 *   caller's bundle does.
 * - `EMFILE`: the thread has used up its handles.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int b = bundle();
 * int mine = hown(b);
 * if(hclose(b) < 0 && errno == EBADF) puts("the old handle is gone");
 * hclose(mine);
 * ```
 *
 * # See also
 *
 * `hclose`, `hmake`
 */
DILL_EXPORT int dill_hown(int h);

/* ============================================================================
 * Coroutines
 * ========================================================================= */

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
#elif defined __aarch64__ && defined __LP64__ && !defined __AARCH64EB__
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

/**
 * Memory for a bundle, for `bundle_mem`.
 *
 */
struct dill_bundle_storage {
    char _[64];
};

/**
 * Makes an empty bundle.
 *
 * A bundle holds coroutines and bounds their lives: none of them is alive any more when
 * the bundle has been closed. Every coroutine is in a bundle; `go` makes one for a
 * single coroutine.
 *
 * `hclose` cancels what still runs in the bundle, `bundle_cancel` asks it to finish
 * first, `bundle_wait` only waits.
 *
 * # Return value
 *
 * The handle of the new bundle, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EMFILE`: the thread has used up its handles.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread, on which the coroutines will run.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void worker(int ch) {
 *     int job;
 *     while(chrecv(ch, &job, sizeof(job), -1) == 0) msleep(now() + job);
 * }
 *
 * int main(void) {
 *     int ch[2];
 *     if(chmake(ch) < 0) return 1;
 *     int workers = bundle();
 *     for(int i = 0; i != 3; ++i) bundle_go(workers, worker(ch[1]));
 *     for(int job = 1; job != 10; ++job) chsend(ch[0], &job, sizeof(job), -1);
 *     chdone(ch[0]);
 *     bundle_wait(workers, now() + 1000);
 *     hclose(workers);
 *     hclose(ch[0]);
 *     hclose(ch[1]);
 *     return 0;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_go`, `bundle_mem`, `bundle_notify`, `bundle_wait`, `go`,
 * `hclose`
 */
DILL_EXPORT int dill_bundle(void);

/**
 * Makes an empty bundle, in memory of the caller's.
 *
 * Works as `bundle`. It is there for programs written for libdill, where it saves an
 * allocation; `bundle` itself is as fast here.
 *
 * # Parameters
 *
 * - `mem`: memory for the bundle, which must stay in place until it has been closed. It
 *   needs no alignment.
 *
 * # Errors
 *
 * Those of `bundle`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct bundle_storage mem;
 * int b = bundle_mem(&mem);
 * if(b >= 0) hclose(b);
 * ```
 *
 * # See also
 *
 * `bundle`, `go_mem`
 */
DILL_EXPORT int dill_bundle_mem(struct dill_bundle_storage *mem);

/**
 * Waits until all coroutines of a bundle have finished.
 *
 * The bundle stays open and can be launched into again. If it is empty the function
 * returns at once. Coroutines launched during the wait are awaited, too, while others in
 * the bundle are still running. The wait ends when the last one finishes: what is launched
 * after that, before the caller has its turn, is not awaited any more.
 *
 * # Parameters
 *
 * - `bndl`: the bundle.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the wait fails; 0
 *   fails unless the bundle is empty, -1 waits for ever.
 *
 * # Return value
 *
 * 0; or, if a coroutine of the bundle has reported an error with `bundle_fail`, that error, a
 * positive number, to which `errno` is set, too; or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: another coroutine is waiting for the bundle.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EDEADLK`: the caller itself runs in the bundle, at any depth.
 * - `ENOTSUP`: the handle is no bundle.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <stdio.h>
 *
 * static coroutine void worker(int ms) {
 *     msleep(now() + ms);
 * }
 *
 * int main(void) {
 *     int b = bundle();
 *     bundle_go(b, worker(10));
 *     bundle_go(b, worker(2000));
 *     if(bundle_wait(b, now() + 100) < 0 && errno == ETIMEDOUT)
 *         puts("not all of them have finished in time");
 *     return hclose(b) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle`, `bundle_cancel`, `bundle_fail`, `choose`, `hclose`
 */
DILL_EXPORT int dill_bundle_wait(int bndl, int64_t deadline);

/**
 * Lets all coroutines that are ready have a turn.
 *
 * Call it in long computations, which block everything else on their thread. If no coroutine
 * is ready it returns at once. In a coroutine that was cancelled the others run, too, before it
 * fails.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled. Then a computation should be given up.
 * - `ENOMEM`: no memory for the thread's scheduler.
 *
 * # Thread safety
 *
 * Concerns the coroutines of the calling thread only.
 *
 * # Example
 *
 * ```c
 * double sum = 0;
 * for(int i = 1; i != 1000000; ++i) {
 *     sum += 1.0 / i;
 *     if(i % 1000 == 0 && yield() < 0) return;
 * }
 * printf("%f\n", sum);
 * ```
 *
 * # See also
 *
 * `go`, `msleep`
 */
DILL_EXPORT int dill_yield(void);

/**
 * Part of `go_mem` and `bundle_go_mem`; not for direct use. Returns twice: see the macro.
 *
 */
DILL_EXPORT
int dill_launch(void *stk,
                size_t len,
                int bndl,
                const char *file,
                int line)
__attribute__((returns_twice));

/**
 * Part of `go`; not for direct use. Returns twice: see the macro. `place` is the source file
 * and line.
 *
 */
DILL_EXPORT int dill_launch_alone(const char *place) __attribute__((returns_twice));

/**
 * Part of `bundle_go`; not for direct use. Returns twice: see the macro. `place` is the
 * source file and line.
 *
 */
DILL_EXPORT int dill_launch_at(int bndl, const char *place) __attribute__((returns_twice));

/**
 * Part of `go` and the like; not for direct use. Ends the calling coroutine.
 */
DILL_EXPORT void dill_epilogue(void);

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

/* ============================================================================
 * Channels
 * ========================================================================= */

/**
 * Clause of `choose`: send the message in `val`.
 */
#define DILL_CHSEND 1

/**
 * Clause of `choose`: receive a message into `val`.
 */
#define DILL_CHRECV 2

/**
 * Clause of `choose`: wait until the file descriptor `ch` can be read from.
 */
#define DILL_CHFDIN 3

/**
 * Clause of `choose`: wait until the file descriptor `ch` can be written to.
 */
#define DILL_CHFDOUT 4

/**
 * Clause of `choose`: wait until the next receive from the socket `ch`, or the next
 * accept if it is a listener, would not block before its first byte. Input that a
 * protocol has buffered counts; what is only TLS's own business (a session ticket, a part
 * of a record) does not.
 */
#define DILL_CHSOCK 5

/**
 * Clause of `choose`: wait until the last coroutine of the bundle `ch` has finished. An
 * empty bundle is ready at once.
 */
#define DILL_CHBUNDLE 6

/**
 * Clause of `choose`: wait until the bundle in which the caller runs has got a graceful request;
 * from then on the clause is ready. `ch` is -1. In the main coroutine it never is.
 */
#define DILL_CHREQUEST 7

/**
 * Memory for a channel, for `chmake_mem`.
 *
 */
struct dill_chstorage {
    char _[144];
};

/**
 * One of the operations that `choose` selects from.
 */
struct dill_chclause {
    /**
     * What to do: `CHSEND`, `CHRECV`, `CHFDIN`, `CHFDOUT`, `CHSOCK`, `CHBUNDLE` or `CHREQUEST`.
     */
    int op;
    /**
     * The handle of the channel, socket or bundle; or the file descriptor; -1 for `CHREQUEST`.
     */
    int ch;
    /**
     * The message to send, or where to put the one received. `NULL` for what is no
     * operation on a channel.
     */
    void *val;
    /**
     * Its size in bytes. 0 for what is no operation on a channel.
     */
    size_t len;
};

/**
 * Makes a channel.
 *
 * A channel has two ends. What is sent to one end is received from the other, in both
 * directions. It stores nothing: the sender waits until somebody receives. Any number
 * of coroutines may use the same end; they are served in the order in which they came.
 *
 * Each end is closed with `hclose`, and the channel is gone when both are. Closing one
 * end wakes nobody at the other; call `chdone` first to do that. When the second end is
 * closed, calls that still wait on the channel fail with `EPIPE`.
 *
 * # Parameters
 *
 * - `chv`: where the handles of the two ends go.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `chv` is `NULL`.
 * - `EMFILE`: the thread has used up its handles.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handles belong to the calling thread: a channel doesn't connect threads.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <stdio.h>
 *
 * static coroutine void producer(int ch) {
 *     for(int i = 0; i != 10; ++i)
 *         if(chsend(ch, &i, sizeof(i), -1) < 0) return;
 *     chdone(ch);
 * }
 *
 * int main(void) {
 *     int ch[2], val;
 *     if(chmake(ch) < 0) return 1;
 *     int b = go(producer(ch[0]));
 *     while(chrecv(ch[1], &val, sizeof(val), -1) == 0) printf("%d\n", val);
 *     hclose(b);
 *     hclose(ch[0]);
 *     hclose(ch[1]);
 *     return 0;
 * }
 * ```
 *
 * # See also
 *
 * `chdone`, `chmake_mem`, `choose`, `chrecv`, `chsend`, `hclose`
 *
 */
DILL_EXPORT int dill_chmake(int chv[2]);

/**
 * Makes a channel, in memory of the caller's.
 *
 * Works as `chmake`.
 *
 * # Parameters
 *
 * - `mem`: memory for the channel, which must stay in place until both ends have been
 *   closed. It needs no alignment, but it is used only when it is aligned as a pointer.
 *
 * # Errors
 *
 * Those of `chmake`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct chstorage mem;
 * int ch[2];
 * if(chmake_mem(&mem, ch) < 0) return;
 * hclose(ch[0]);
 * hclose(ch[1]);
 * ```
 *
 * # See also
 *
 * `chmake`
 *
 */
DILL_EXPORT int dill_chmake_mem(struct dill_chstorage *mem, int chv[2]);

/**
 * Sends a message to a channel.
 *
 * If somebody waits to receive at the other end, the message is copied and the call
 * returns at once; the receiver goes on when it is its turn. Otherwise the call waits
 * for a receiver. Sizes must match, else both sides fail with `EMSGSIZE`.
 *
 * # Parameters
 *
 * - `ch`: one end of the channel.
 * - `val`: the message. May be `NULL` if `len` is 0.
 * - `len`: its size in bytes.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the call fails; 0
 *   sends only if somebody is waiting to receive, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below. Then the message has not been
 * received by anybody.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `val` is `NULL` though `len` is not 0.
 * - `EMSGSIZE`: the receiver wanted a message of another size. It fails, too.
 * - `ENOTSUP`: the handle is no channel.
 * - `EPIPE`: `chdone` was called on this end, before or during the call, or both ends
 *   were closed during the call.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int ch[2], val = 42;
 * if(chmake(ch) < 0) return;
 * if(chsend(ch[0], &val, sizeof(val), now() + 100) < 0) perror("chsend");
 * ```
 *
 * # See also
 *
 * `chdone`, `chmake`, `choose`, `chrecv`
 */
DILL_EXPORT int dill_chsend(int ch, const void *val, size_t len, int64_t deadline);

/**
 * Receives a message from a channel.
 *
 * If somebody waits to send at the other end, the message is copied and the call returns
 * at once; the sender goes on when it is its turn. Otherwise the call waits for a
 * sender. Sizes must match, else both sides fail with `EMSGSIZE`.
 *
 * # Parameters
 *
 * - `ch`: one end of the channel.
 * - `val`: where the message goes. May be `NULL` if `len` is 0.
 * - `len`: its size in bytes.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the call fails; 0
 *   receives only if somebody is waiting to send, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below. Then no message has been lost.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `val` is `NULL` though `len` is not 0.
 * - `EMSGSIZE`: the message of the sender has another size. It fails, too.
 * - `ENOTSUP`: the handle is no channel.
 * - `EPIPE`: `chdone` was called on the other end, before or during the call, or both
 *   ends were closed during the call.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int ch[2], val;
 * if(chmake(ch) < 0) return;
 * if(chrecv(ch[1], &val, sizeof(val), now() + 100) < 0) perror("chrecv");
 * ```
 *
 * # See also
 *
 * `chdone`, `chmake`, `choose`, `chsend`
 */
DILL_EXPORT int dill_chrecv(int ch, void *val, size_t len, int64_t deadline);

/**
 * Says that nothing more will be sent to a channel from this end.
 *
 * From now on receiving at the other end fails with `EPIPE`, and so does sending at this
 * one. Calls that wait to do either fail at once. The opposite direction is not
 * concerned. This is how the end of a stream of messages is passed on.
 *
 * # Parameters
 *
 * - `ch`: one end of the channel.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ENOTSUP`: the handle is no channel.
 * - `EPIPE`: this end is done already.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int ch[2], val;
 * if(chmake(ch) < 0) return;
 * chdone(ch[0]);
 * if(chrecv(ch[1], &val, sizeof(val), -1) < 0 && errno == EPIPE) puts("that was all");
 * ```
 *
 * # See also
 *
 * `bundle_notify`, `chmake`, `choose`, `chrecv`, `chsend`
 */
DILL_EXPORT int dill_chdone(int ch);

/**
 * Does whichever of several operations can be done first.
 *
 * The clauses are looked at in their order. The first one that can be done, or that is
 * in error, is carried out and ends the call; so earlier clauses have precedence. If
 * there is none, the call waits for the first. Exactly one of the operations takes
 * place, or none: a message is never lost to a clause that was not chosen.
 *
 * Clauses on channels send or receive. The others only wait: the descriptor, the socket
 * or the bundle is then ready for the call that follows. `CHREQUEST` is ready once the bundle in
 * which the caller runs has got a graceful request; put it behind the channels that are to be
 * drained first. A descriptor that never blocks, of
 * a regular file for instance, is always ready; it is not an error, as it is for `fdin`.
 *
 * A socket is ready when the next receive or accept on it would not block before its first
 * byte, or would fail at once. What a protocol keeps to itself does not count, such as the pings
 * of a WebSocket, which are answered meanwhile, or what stands between the chunks of an HTTP
 * body. There are two exceptions: on byte streams of the program's own all that comes counts, and
 * so does the size of a body's first chunk.
 *
 * An end of a channel, a socket or a descriptor may appear in several clauses. With no clause at all the function
 * waits for the deadline.
 *
 * # Parameters
 *
 * - `clauses`: the operations. May be `NULL` if `nclauses` is 0.
 * - `nclauses`: their number.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the call fails; 0
 *   looks without waiting, -1 waits for ever.
 *
 * # Return value
 *
 * The index of the clause that ended the call, with `errno` set to 0 if its operation has
 * succeeded and to its error otherwise; or -1 with `errno` set if the call as a whole
 * has failed.
 *
 * # Errors
 *
 * Together with -1:
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `nclauses` is negative, or `clauses` is `NULL` though there are some.
 * - `ENOMEM`: out of memory.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * Together with the index of a clause:
 *
 * - `EBADF`: its handle is not open, or its `ch` is no file descriptor.
 * - `EBUSY`: another coroutine waits for the same descriptor or socket already.
 * - `EDEADLK`: the caller itself runs in its bundle, at any depth.
 * - `EINVAL`: its `op` is unknown; or `val` is `NULL` though `len` is not 0; or one of
 *   them is set though the operation has no message; or `ch` is not -1 with `CHREQUEST`.
 * - `EMFILE`, `ENFILE`, `ENOMEM`: the system has refused to watch its descriptor.
 * - `EMSGSIZE`: the other side's message has another size. It fails, too.
 * - `ENOTSUP`: its handle is not of a kind that the operation works with.
 * - `EPIPE`: nothing more is sent in that direction: see `chdone`.
 *
 * # Thread safety
 *
 * The handles belong to the thread that made them. On another one they are `EBADF`.
 *
 * # Example
 *
 * ```c
 * int jobs[2], stop[2], job;
 * if(chmake(jobs) < 0 || chmake(stop) < 0) return;
 * struct chclause clauses[] = {
 *     {CHRECV, stop[0], NULL, 0},
 *     {CHRECV, jobs[0], &job, sizeof(job)},
 *     {CHFDIN, STDIN_FILENO, NULL, 0}
 * };
 * switch(choose(clauses, 3, now() + 1000)) {
 * case 0:
 *     puts("asked to stop");
 *     break;
 * case 1:
 *     if(errno == 0) printf("job %d\n", job);
 *     break;
 * case 2:
 *     puts("somebody has typed something");
 *     break;
 * default:
 *     perror("choose");
 * }
 * ```
 *
 * # See also
 *
 * `bundle_requested`, `bundle_wait`, `chdone`, `chmake`, `chrecv`, `chsend`, `fdin`, `fdout`
 */
DILL_EXPORT
int dill_choose(struct dill_chclause *clauses,
                int nclauses,
                int64_t deadline);

/* ============================================================================
 * Graceful shutdown
 * ========================================================================= */

/**
 * A period for `bundle_cancel`: what is left of the nearest enclosing grace period.
 */
#define DILL_INHERIT -2

/**
 * Asks the coroutines of a bundle to finish, waits for them, cancels the rest.
 *
 * It is `hclose` with a grace period. First the graceful request is delivered: each
 * channel that was registered with `bundle_notify` becomes done. A request is no more
 * than that: it forbids nothing, and it knows no deadline. Bundles that follow this one
 * (`bundle_follow`) get it, too, and cancel scopes that watch for it fire. It is left
 * out when the period is 0, when the bundle is empty and when the caller has been
 * cancelled itself.
 *
 * Then the call waits until the last coroutine has finished or the period ends, or until
 * the caller is cancelled or the deadline of one of its cancel scopes passes. Meanwhile
 * coroutines may still be launched into the bundle.
 *
 * Last, what still runs is hard-cancelled, all of it first, then all of it awaited: its
 * blocking calls fail with `ECANCELED` until it returns. Nothing can be launched into
 * the bundle any more. The bundle is closed.
 *
 * # Parameters
 *
 * - `b`: the bundle.
 * - `timeout`: the grace period, in milliseconds from now, not a deadline. 0 cancels at
 *   once, -1 waits without limit. `DILL_INHERIT` ends with the nearest enclosing grace
 *   period that is running at the time of the call: that of the bundle in which the caller
 *   runs, or else of the bundle in which that one's owner runs, and so on up. One without
 *   limit is a period, too. A bundle that is being hard-cancelled counts as one whose period
 *   has ended: then all are cancelled at once. The search ends with the main coroutine, and
 *   with an owner that has ended. Where no period is running, the call waits without a limit
 *   of its own; one that begins further up during the wait ends it by a hard cancellation of
 *   the caller.
 *
 * # Return value
 *
 * 0 if all coroutines have finished by themselves, and always with a period of 0, unless one
 * of them has reported an error with `bundle_fail`; then that error, a positive number, to
 * which `errno` is set, too. Or -1 with `errno` set to one of the values below. With
 * `ETIMEDOUT` and `ECANCELED` the bundle has been closed all the same; with the others nothing
 * has happened, and the handle is still open if it was.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: somebody else is cancelling or closing the bundle already.
 * - `ECANCELED`: the caller was cancelled, before the call or during its wait. What was
 *   still running in the bundle was cancelled then. It goes before a reported error.
 * - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
 *   caller's bundle does.
 * - `EINVAL`: `timeout` is negative, but neither -1 nor `DILL_INHERIT`.
 * - `ENOTSUP`: the handle is no bundle.
 * - `ETIMEDOUT`: some coroutines had to be cancelled, by the end of the period or by the
 *   deadline that `bundle_deadline` has set.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <stdio.h>
 *
 * static coroutine void worker(int jobs) {
 *     int job;
 *     while(chrecv(jobs, &job, sizeof(job), -1) == 0) msleep(now() + job);
 *     if(errno == EPIPE) puts("asked to finish, and done with all jobs");
 * }
 *
 * int main(void) {
 *     int jobs[2], job = 50;
 *     if(chmake(jobs) < 0) return 1;
 *     int b = go(worker(jobs[1]));
 *     bundle_notify(b, jobs[0]);
 *     chsend(jobs[0], &job, sizeof(job), -1);
 *     // Ten seconds to finish what they have begun.
 *     if(bundle_cancel(b, 10000) < 0) perror("some work was cut off");
 *     hclose(jobs[0]);
 *     hclose(jobs[1]);
 *     return 0;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_deadline`, `bundle_fail`, `bundle_follow`, `bundle_notify`, `bundle_request`,
 * `bundle_wait`, `cancel_enter`, `hclose`
 */
DILL_EXPORT int dill_bundle_cancel(int b, int64_t timeout);

/**
 * Has a channel done when a bundle gets the graceful request.
 *
 * What happens then is what `chdone(ch)` does: whoever receives at the other end gets
 * all messages that were sent before, then `EPIPE`. So a worker that takes its work from
 * a channel learns about the request there, in order. A request that has been delivered
 * already takes effect at once.
 *
 * The channel remains the caller's: it can be used as before, and closing it ends the
 * registration. Any number of channels may be registered; their order is kept. Registering one
 * again changes nothing.
 *
 * Register the end that sends, not the one from which the coroutines of the bundle receive:
 * a channel works in both directions, so that is no error, but it ends the other direction and
 * asks none of them. `dump` lists which channels are registered with which bundle.
 *
 * # Parameters
 *
 * - `b`: the bundle.
 * - `ch`: the end of a channel from which nothing will be sent after the request.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: one of the handles is not open.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: `b` is no bundle, or `ch` is no channel or one made by `sigchan`.
 *
 * # Thread safety
 *
 * The handles belong to the thread that made them. On another one they are `EBADF`.
 *
 * # Example
 *
 * ```c
 * int b = bundle(), ch[2];
 * if(b < 0 || chmake(ch) < 0) return;
 * if(bundle_notify(b, ch[0]) < 0) perror("bundle_notify");
 * // Coroutines that get ch[1] find EPIPE on it after bundle_cancel was called.
 * bundle_cancel(b, 1000);
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_follow`, `bundle_request`, `chdone`
 */
DILL_EXPORT int dill_bundle_notify(int b, int ch);

/**
 * Passes the graceful request on to a bundle of one's own.
 *
 * By default a request stops at the bundle that it was sent to, and the owner of a
 * nested bundle decides when to pass it on. After this call the bundle gets the request
 * whenever the bundle in which the caller runs gets one, through any number of bundles
 * that follow each other, and at once if that has got one already.
 *
 * The request carries no deadline: whoever owns the bundle still has to end it, by its
 * own clock. A bundle may follow several others: those that the callers run in.
 *
 * # Parameters
 *
 * - `b`: the bundle that shall follow.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
 *   caller's bundle does.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bundle, or the caller is the main coroutine, which runs
 *   in none.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void helper(int stop) {
 *     if(chrecv(stop, NULL, 0, -1) < 0 && errno == EPIPE) return;
 * }
 *
 * // Knows nothing of a request to its own bundle, but has its helper asked.
 * static coroutine void worker(void) {
 *     int stop[2];
 *     if(chmake(stop) < 0) return;
 *     int b = bundle();
 *     bundle_notify(b, stop[0]);
 *     bundle_follow(b);
 *     bundle_go(b, helper(stop[1]));
 *     bundle_wait(b, -1);
 *     hclose(b);
 *     hclose(stop[0]);
 *     hclose(stop[1]);
 * }
 *
 * int main(void) {
 *     return bundle_cancel(go(worker()), 1000) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_notify`
 */
DILL_EXPORT int dill_bundle_follow(int b);

/**
 * Limits the time that the coroutines of a bundle may take.
 *
 * When the deadline passes they are hard-cancelled, wherever the bundle's owner is at
 * that moment: their blocking calls fail with `ECANCELED` until they return. The bundle
 * stays open, but from then on nothing can be launched into it (`ECANCELED`, once the scheduler
 * has noticed that the time has come) until a later call replaces the deadline or removes it.
 * So what is left of a time budget can be handed down, be it a millisecond or none. It is a
 * limit for a piece of work, not a part of a shutdown: no request is sent.
 *
 * If it has cut coroutines off, `bundle_cancel` fails with `ETIMEDOUT`, also if they have finished
 * since, unless the deadline was replaced or removed meanwhile. Coroutines of the bundle itself
 * may set its deadline. A bundle whose coroutines are being hard-cancelled because it is closed
 * takes none.
 *
 * # Parameters
 *
 * - `b`: the bundle.
 * - `deadline`: the time, in milliseconds as given by `now`. It replaces an earlier one;
 *   -1 removes that. A time that has passed, 0 included, takes effect at once.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bundle.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int b = bundle();
 * // Whatever is launched into it has 30 seconds.
 * bundle_deadline(b, now() + 30000);
 * bundle_wait(b, -1);
 * hclose(b);
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_fail`, `bundle_wait`, `cancel_enter`
 */
DILL_EXPORT int dill_bundle_deadline(int b, int64_t deadline);

/**
 * Asks the coroutines of a bundle to finish, without waiting for them.
 *
 * It delivers the graceful request as `bundle_cancel` does, to an empty bundle, too: coroutines
 * that are launched later find it. Then it returns; the bundle stays open. So an owner can ask
 * several bundles and then wait for all of them in one period, or go on receiving the last
 * reports of its workers. The period is still the owner's, who gives it with `bundle_cancel`.
 *
 * Any coroutine may call it, one that runs in the bundle at any depth and one that was cancelled
 * included. If the bundle has been asked already nothing changes.
 *
 * # Parameters
 *
 * - `b`: the bundle; -1 is the one in which the caller runs.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ENOTSUP`: the handle is no bundle, or `b` is -1 and the caller is the main coroutine, which
 *   runs in none.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int a = bundle(), b = bundle();
 * // Both are asked at the same time, and have ten seconds together.
 * int64_t end = now() + 10000;
 * bundle_request(a);
 * bundle_request(b);
 * int64_t left = end - now();
 * bundle_cancel(a, left > 0 ? left : 0);
 * left = end - now();
 * bundle_cancel(b, left > 0 ? left : 0);
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_follow`, `bundle_notify`, `bundle_requested`, `choose`
 */
DILL_EXPORT int dill_bundle_request(int b);

/**
 * Returns whether the caller should finish.
 *
 * That is so once the bundle in which the caller runs has got a graceful request, and when the
 * caller is hard-cancelled. It does not wait and lets no other coroutine run, so that a loop of
 * computations can ask. To wait for the request, use the clause `CHREQUEST` of `choose`, a channel
 * that was registered with `bundle_notify`, or a cancel scope.
 *
 * # Return value
 *
 * 1 or 0. In the main coroutine, which runs in no bundle, 0.
 *
 * # Thread safety
 *
 * Concerns the calling coroutine.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void worker(void) {
 *     while(!bundle_requested()) msleep(now() + 10);
 * }
 *
 * int main(void) {
 *     return bundle_cancel(go(worker()), 1000) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_request`, `cancel_enter`, `choose`
 */
DILL_EXPORT int dill_bundle_requested(void);

/**
 * Reports that the work of the bundle in which the caller runs has failed.
 *
 * The error is kept if it is the first one; later ones are ignored. The other coroutines of the
 * bundle are hard-cancelled, which also ends a grace period for them, and nothing can be launched
 * into the bundle any more. The caller itself goes on, and should finish soon.
 *
 * Once all have finished, `bundle_wait` and `bundle_cancel` return the error, a positive number, as
 * often as they are called; `hclose` returns 0. A program that never calls this function gets
 * no such result.
 *
 * # Parameters
 *
 * - `err`: the error, above 0: an `errno`, or a number of the program's own.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the caller is hard-cancelled. To be cut off is no failure, so it is ignored.
 * - `EINVAL`: `err` is 0 or negative.
 * - `ENOTSUP`: the caller is the main coroutine, which runs in no bundle.
 *
 * # Thread safety
 *
 * Concerns the bundle in which the calling coroutine runs.
 *
 * # Example
 *
 * ```c
 * #include <errno.h>
 * #include <libdill.h>
 *
 * static coroutine void waits(void) {
 *     msleep(-1);
 * }
 *
 * static coroutine void fails(void) {
 *     bundle_fail(EPROTO);
 * }
 *
 * int main(void) {
 *     int b = bundle();
 *     bundle_go(b, waits());
 *     bundle_go(b, fails());
 *     // The first failure ends both.
 *     int err = bundle_wait(b, -1);
 *     hclose(b);
 *     return err == EPROTO ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_deadline`, `bundle_wait`
 */
DILL_EXPORT int dill_bundle_fail(int err);

/**
 * Returns the nearest of all deadlines that are on the caller.
 *
 * These are the deadlines of its cancel scopes, up to a shield; the deadline of the bundle in
 * which it runs and the end of the grace period that runs there; and those of the bundle in which
 * the owner of that one runs, and so on up. Where the one that waits in `bundle_cancel` is in a
 * cancel scope, the deadline of that scope counts, too. When one of them passes, the caller's
 * blocking calls will fail, or it is hard-cancelled soon.
 *
 * It is what to hand to code that takes a deadline and knows nothing of bundles: a request to
 * another process, for example. Code that waits with the functions of this library doesn't need
 * it, as its calls are ended anyway.
 *
 * A time for one's own clean-up can be kept back:
 * `bundle_cancel(b, dill_left(dill_deadline() - 500))`.
 *
 * # Return value
 *
 * The deadline, in milliseconds as given by `now`, or -1 if there is none. Where a cancel scope
 * has passed its deadline, or the caller or an owner above it was hard-cancelled, it is the time
 * now.
 *
 * # Thread safety
 *
 * Looks at the calling thread's bundles only.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <stdio.h>
 *
 * static coroutine void worker(void) {
 *     // At most 10 seconds from now.
 *     printf("%d seconds are left\n", (int)(dill_left(dill_deadline()) / 1000));
 * }
 *
 * int main(void) {
 *     int b = bundle();
 *     if(b < 0 || bundle_deadline(b, now() + 10000) < 0) return 1;
 *     bundle_go(b, worker());
 *     return bundle_cancel(b, 20000) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_deadline`, `cancel_enter`, `dill_left`
 */
DILL_EXPORT int64_t dill_deadline(void);

/**
 * Makes a period of a deadline.
 *
 * `bundle_cancel` takes a period, most other functions take deadlines. This function is
 * `deadline - now()` without its traps: a deadline that has passed gives no negative period, which
 * would mean something else, and no deadline gives no limit.
 *
 * # Parameters
 *
 * - `deadline`: the time, in milliseconds as given by `now`; negative if there is none.
 *
 * # Return value
 *
 * The milliseconds from now to the deadline: 0 if it has passed, and -1 if it is negative.
 *
 * # Thread safety
 *
 * Uses the clock of the calling thread.
 *
 * # Example
 *
 * ```c
 * int64_t deadline = now() + 10000;
 * int b = bundle();
 * if(b < 0) return;
 * // ... a part of the ten seconds is used otherwise ...
 * bundle_cancel(b, dill_left(deadline));
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `dill_deadline`, `now`
 */
DILL_EXPORT int64_t dill_left(int64_t deadline);

/**
 * Returns why the last call of the calling coroutine has failed, in words.
 *
 * Something is known after `ECANCELED`: whether the coroutine was hard-cancelled, and who has
 * closed its bundle or what else was the reason; or which cancel scope has fired. A coroutine
 * is named by the place of its launch, as in
 *
 * - `hard-cancelled: its bundle was closed by the coroutine launched at server.c:120`
 * - `hard-cancelled: the deadline of its bundle has passed`
 * - `the bundle was asked to finish by the main coroutine`
 * - `the deadline of the cancel scope has passed`
 *
 * The text is for people: for a log, after `strerror(errno)`. Its form may change. It is made when
 * this function is called, from the state of the coroutine at that time, and a call that succeeds
 * costs nothing.
 *
 * The function looks at `errno` to know how the last call has failed, and does not change it. So
 * call it before anything else that sets `errno`.
 *
 * # Return value
 *
 * The text, or `NULL` if no more is known than `errno` says. It stays until the coroutine's next
 * call that blocks, fails, or asks again.
 *
 * # Thread safety
 *
 * Each thread has a text of its own.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <stdio.h>
 * #include <string.h>
 *
 * static coroutine void worker(int ch) {
 *     int job;
 *     while(chrecv(ch, &job, sizeof(job), -1) == 0) continue;
 *     const char *reason = dill_reason();
 *     fprintf(stderr, "chrecv: %s%s%s\n", strerror(errno), reason ? ": " : "",
 *         reason ? reason : "");
 * }
 *
 * int main(void) {
 *     int ch[2];
 *     if(chmake(ch) < 0) return 1;
 *     // Says "hard-cancelled: its bundle was closed by the main coroutine".
 *     return hclose(go(worker(ch[0]))) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `cancel_leave`, `dill_dump`
 */
DILL_EXPORT const char *dill_reason(void);

/**
 * Ends the process when a hard cancellation is not completed in time.
 *
 * It is the third stage of a shutdown, for coroutines that ignore both the request and the hard
 * cancellation: one that computes for ever, blocks in a call of another library, or goes on
 * although every blocking call fails. So a process that is told to stop ends within the sum of its
 * bounds, whatever its coroutines do.
 *
 * A hard cancellation begins when `hclose` or `bundle_cancel` cancels the coroutines of a bundle,
 * in any thread, when the deadline of a bundle passes, or when a coroutine in Rust panics. It is
 * completed when all of those coroutines have ended and, for `hclose` and `bundle_cancel`, the
 * caller goes on. If that takes longer than `timeout`, the process writes to the standard error
 * output who is in the way, then what all coroutines do, as `dill_dump` shows it, and ends with
 * `_exit(status)`: no handler of `atexit` runs and no stream is flushed. It ends in any case. If
 * the text can't be written or takes too long, it ends without it, at most five seconds later.
 *
 * A thread of the library's own, `dill-watchdog`, sees to that, independent of all schedulers. It
 * is started by the first call that needs it, blocks all signals, sleeps while nothing is being
 * cancelled, and stays. The text is written by a child process with a copy of the memory.
 *
 * The time is the system's monotonic one, also with DILL_CLOCK=virtual. A process made by `fork`
 * inherits the setting, and its first hard cancellation starts such a thread there; what was under
 * way at the fork does not count in it. A hard cancellation that began while the setting was off
 * isn't watched.
 *
 * # Parameters
 *
 * - `timeout`: how long a hard cancellation may take, in milliseconds; it replaces an earlier one,
 *   for what is under way, too. -1, which is the default, turns the limit off.
 * - `status`: the exit status of the process.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below; then nothing has changed.
 *
 * # Errors
 *
 * - `EAGAIN`: no thread can be started at present; or the system's own error where it refuses
 *   threads.
 * - `EINVAL`: `timeout` is negative, but not -1.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The setting is one for the whole process. Any thread may change it.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * static coroutine void computes(void) {
 *     for(volatile int i = 0; i != 1000; ++i) continue;
 * }
 *
 * int main(void) {
 *     // Ask, and cut after 10 seconds; end the process a second after that if need be.
 *     if(dill_last_resort(1000, 3) < 0) return 1;
 *     return bundle_cancel(go(computes()), 10000) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `bundle_deadline`, `dill_dump`, `hclose`
 */
DILL_EXPORT int dill_last_resort(int64_t timeout, int status);

/* ============================================================================
 * Cancel scopes
 * ========================================================================= */

/**
 * In place of a channel, for `cancel_enter`: the graceful request to the bundle in which
 * the coroutine runs.
 */
#define DILL_REQUEST -2

/**
 * In place of a channel, for `cancel_enter`: scopes outside do not interrupt inside.
 */
#define DILL_SHIELD -3

/**
 * A cancel scope, in the caller's memory. Opaque; it must stay in place from
 * `cancel_enter` to `cancel_leave`.
 *
 */
struct dill_cancel_scope {
    void *_[16];
};

/**
 * Enters a cancel scope: from here on something may interrupt the blocking calls.
 *
 * `CANCEL_SCOPE` does the same and can't be forgotten to leave; prefer it.
 *
 * It is for code that was written without a thought of being stopped. Between this call
 * and `cancel_leave`, every blocking call of the calling coroutine fails with `ECANCELED`
 * once the scope has fired. After `cancel_leave` blocking calls work again. Coroutines
 * that are launched inside are not affected.
 *
 * The scope fires when its deadline passes, or when what it watches happens: a channel
 * has become done or has been closed by its peer, or the bundle in which the coroutine
 * runs gets a graceful request. What has happened before counts. Scopes may be nested.
 *
 * Nobody looks at the clock while a coroutine computes. A call inside notices a deadline
 * that has passed meanwhile once it has to wait; one that can be done at once may still
 * succeed. `cancel_leave` looks at the clock itself.
 *
 * A coroutine that doesn't leave a scope is mistaken. The library survives it: the scopes end with
 * the coroutine, or when their memory is seen to be overwritten, and `cancel_leave` fails with
 * `EINVAL` then. With the environment variable DILL_CHECK=1 a line on the standard error output
 * tells of it.
 *
 * No operation is torn: a request or a channel interrupts a socket operation only
 * before its first byte has been transferred, and one that is under way completes,
 * unless its own deadline, that of a scope or a hard cancellation ends it. Operations
 * on channels take place whole or not at all.
 *
 * # Parameters
 *
 * - `sc`: memory for the scope.
 * - `ch`: what to watch. An end of a channel, which fires the scope when receiving from
 *   it would fail with `EPIPE`; or `DILL_REQUEST`, the graceful request; or -1, nothing;
 *   or `DILL_SHIELD`, nothing, and scopes outside don't interrupt inside. A hard
 *   cancellation always does.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the scope fires; -1
 *   for none.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below. Then no scope was entered, and
 * none may be left; `cancel_fired` returns the error, too.
 *
 * # Errors
 *
 * - `EBADF`: the channel is not open.
 * - `EINVAL`: `sc` is `NULL`, or a scope that is entered already, by this coroutine (a `cancel_leave`
 *   was left out) or by another one of the thread, or `ch` is negative with no meaning.
 * - `ENOMEM`: no memory for the thread's scheduler.
 * - `ENOTSUP`: `ch` is no channel, or one made by `sigchan`, which never becomes done.
 *
 * # Thread safety
 *
 * A scope belongs to the coroutine that has entered it.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * // Knows nothing of requests.
 * static void foreign_code(int ch) {
 *     int val;
 *     while(chrecv(ch, &val, sizeof(val), -1) == 0) continue;
 * }
 *
 * static coroutine void worker(int ch) {
 *     struct cancel_scope sc;
 *     if(cancel_enter(&sc, DILL_REQUEST, -1) < 0) return;
 *     foreign_code(ch);
 *     if(cancel_leave(&sc) < 0 && errno == ECANCELED) {
 *         // Asked to finish. Blocking calls work again.
 *         msleep(now() + 10);
 *     }
 * }
 *
 * int main(void) {
 *     int ch[2];
 *     if(chmake(ch) < 0) return 1;
 *     return bundle_cancel(go(worker(ch[0])), 1000) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `CANCEL_SCOPE`, `bundle_cancel`, `bundle_deadline`, `cancel_fired`, `cancel_leave`
 */
DILL_EXPORT
int dill_cancel_enter(struct dill_cancel_scope *sc,
                      int ch,
                      int64_t deadline);

/**
 * Leaves a cancel scope and tells whether it has fired.
 *
 * Scopes are left in the opposite order in which they were entered. Look at the results
 * of the calls inside first: what they have received is not lost when the scope has
 * fired meanwhile.
 *
 * # Parameters
 *
 * - `sc`: the scope entered last.
 *
 * # Return value
 *
 * 0 if the scope has not fired, or -1 with `errno` set to one of the values below. The
 * scope is left in any case, but for `EINVAL`.
 *
 * # Errors
 *
 * - `ECANCELED`: what the scope watched has happened.
 * - `EINVAL`: `sc` is `NULL` or not the innermost scope of the calling coroutine, or its memory was
 *   overwritten.
 * - `ETIMEDOUT`: the scope's deadline has passed.
 *
 * # Thread safety
 *
 * A scope belongs to the coroutine that has entered it.
 *
 * # Example
 *
 * ```c
 * struct cancel_scope sc;
 * if(cancel_enter(&sc, -1, now() + 100) < 0) return;
 * msleep(-1);
 * if(cancel_leave(&sc) < 0 && errno == ETIMEDOUT) puts("interrupted after 100 ms");
 * ```
 *
 * # See also
 *
 * `CANCEL_SCOPE`, `cancel_enter`, `cancel_fired`
 */
DILL_EXPORT int dill_cancel_leave(struct dill_cancel_scope *sc);

/**
 * Tells inside of a cancel scope whether it has fired.
 *
 * It looks at the clock, as `cancel_leave` does. After the scope was left it still tells the
 * same, until the memory is used for something else.
 *
 * # Parameters
 *
 * - `sc`: a scope of the calling coroutine that `cancel_enter` or `CANCEL_SCOPE` has made.
 *
 * # Return value
 *
 * 0 if the scope has not fired; `ECANCELED` if what it watches has happened; `ETIMEDOUT` if its
 * deadline has passed. If the scope could not be entered, the error of that, such as `EBADF`;
 * `EINVAL` if `sc` is `NULL` or was never a scope. `errno` is not changed.
 *
 * # Thread safety
 *
 * A scope belongs to the coroutine that has entered it.
 *
 * # Example
 *
 * ```c
 * CANCEL_SCOPE(sc, DILL_REQUEST, now() + 1000);
 * msleep(-1);
 * if(cancel_fired(&sc) == ECANCELED) puts("asked to finish");
 * ```
 *
 * # See also
 *
 * `CANCEL_SCOPE`, `cancel_enter`, `cancel_leave`
 */
DILL_EXPORT int dill_cancel_fired(const struct dill_cancel_scope *sc);

/**
 * A part of `CANCEL_SCOPE`, not for direct use: enters the scope, in memory that is new.
 */
DILL_EXPORT int dill_cancel_begin(struct dill_cancel_scope *sc, int ch, int64_t deadline);

/**
 * A part of `CANCEL_SCOPE`, not for direct use: leaves the scope, if it is still entered, and
 * keeps errno.
 */
DILL_EXPORT void dill_cancel_end(struct dill_cancel_scope *sc);

/**
 * Declares a cancel scope that is left by itself at the end of the block.
 *
 * It enters the scope as `cancel_enter` does. It is left at the end of the block in which it
 * stands, however that ends: by `return`, `break`, `continue` or `goto`, and in C++ by an
 * exception. That keeps `errno`. So leaving it can't be forgotten; `cancel_fired` tells inside
 * whether it has fired. It may be left before the end with `cancel_leave`, which tells the same.
 *
 * It is a declaration, and a `case` or label can't stand right before it. Code that jumps out of the
 * block with `longjmp` doesn't leave the scope.
 *
 * # Parameters
 *
 * - `name`: the name of the variable, a `struct cancel_scope`.
 * - `ch`: what to watch. See `cancel_enter`.
 * - `deadline`: the time at which the scope fires; -1 for none.
 *
 * # Return value
 *
 * None, as it is a declaration. A scope that could not be entered is one that has fired:
 * `cancel_fired` returns why, one of the errors of `cancel_enter`. Blocking calls inside are not
 * interrupted then.
 *
 * # Thread safety
 *
 * The scope belongs to the calling coroutine.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * // Receives until the request comes, or one second passes without a message.
 * static int receive(int ch) {
 *     int val;
 *     for(;;) {
 *         CANCEL_SCOPE(sc, DILL_REQUEST, now() + 1000);
 *         if(chrecv(ch, &val, sizeof(val), -1) < 0) return cancel_fired(&sc);
 *     }
 * }
 *
 * int main(void) {
 *     int ch[2];
 *     if(chmake(ch) < 0) return 1;
 *     return receive(ch[0]) == ETIMEDOUT ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `cancel_enter`, `cancel_fired`, `cancel_leave`
 */
#define DILL_CANCEL_SCOPE(name, ch, deadline) \
    dill_cancel_scope_(name, ch, deadline)

#if defined __cplusplus

struct dill_cancel_guard_ : dill_cancel_scope {
    dill_cancel_guard_(int ch, int64_t deadline) {
        dill_cancel_begin(this, ch, deadline);
    }
    ~dill_cancel_guard_() {
        dill_cancel_end(this);
    }
private:
    dill_cancel_guard_(const dill_cancel_guard_&);
    dill_cancel_guard_ &operator=(const dill_cancel_guard_&);
};

#define dill_cancel_scope_(name, ch, deadline) \
    dill_cancel_guard_ name((ch), (deadline))

#else

/* One declaration, so that it may stand wherever one may. */
#define dill_cancel_scope_(name, ch, deadline) \
    struct dill_cancel_scope name __attribute__((__cleanup__(dill_cancel_end))), \
        *dill_entered_##name __attribute__((__unused__)) = \
            (dill_cancel_begin(&name, (ch), (deadline)), &name)

#endif

/* ============================================================================
 * Signals
 * ========================================================================= */

/**
 * Makes signals of the system arrive as messages on a channel.
 *
 * Each signal of the set is an `int` message, its number, to be received with `chrecv`
 * or `choose` from the new handle, in the order of arrival. While the handle is open the signals
 * are caught, whichever thread they come to, and kept until they are received; none is lost to
 * whatever else happens at that moment. Real-time signals are counted; of the others, as always,
 * one that waits already is not counted again. Each of several channels for one signal gets it.
 *
 * A signal that was ignored stays ignored and never arrives. One that the calling thread had
 * blocked arrives nevertheless. `hclose` restores the action and the mask, unless the program
 * has changed them meanwhile; a signal that no channel has received then takes its ordinary
 * effect.
 *
 * Programs that are started meanwhile see none of it: their signals are neither blocked nor
 * ignored because of it. In a child of `fork` the signals have their ordinary effect until the
 * child itself receives from its copy of the handle.
 *
 * The signals are caught by a handler with `SA_RESTART`. Calls of the program's own that the
 * system never restarts, such as `nanosleep`, `poll` and `epoll_wait`, end early with `EINTR` in
 * the thread that a signal comes to; functions of the library never do.
 *
 * # Parameters
 *
 * - `signals`: the set, as made by `sigemptyset` and `sigaddset`.
 *
 * # Return value
 *
 * The new handle, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `signals` is `NULL`, or contains a signal that can't be a message: `SIGKILL`,
 *   `SIGSTOP`, or one that tells of a fault of an instruction (`SIGSEGV`, `SIGBUS`, `SIGFPE`,
 *   `SIGILL`, `SIGTRAP`, `SIGSYS`).
 * - `EMFILE`: the process has used up its file descriptors, or the thread its handles.
 * - `ENFILE`: the system has used up its file descriptors.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread, and the signals to the whole process.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 * #include <signal.h>
 * #include <stdio.h>
 *
 * int main(void) {
 *     sigset_t set;
 *     sigemptyset(&set);
 *     sigaddset(&set, SIGINT);
 *     int signals = sigchan(&set), number;
 *     if(signals < 0) return 1;
 *     raise(SIGINT);
 *     if(chrecv(signals, &number, sizeof(number), -1) == 0 && number == SIGINT)
 *         puts("^C");
 *     return hclose(signals) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bundle_cancel`, `choose`, `chrecv`, `hclose`
 */
DILL_EXPORT int dill_sigchan(const sigset_t *signals);

/* ============================================================================
 * Debugging
 * ========================================================================= */

/**
 * Writes what all coroutines of the calling thread are doing.
 *
 * The text is for people, and its form may change. It shows the bundles and coroutines as
 * a tree: which coroutine made or took over which bundle, and which coroutines run
 * in it. A bundle is named by its handle, and it is said whether it was asked to finish, how
 * much is left of its grace period (what `DILL_INHERIT` means inside), and whether
 * it was hard-cancelled. A coroutine is named by the place of its launch, and it is said
 * whether it runs, is ready or what it is blocked in, when its deadline passes, whether
 * it was cancelled, and in what cancel scopes it is.
 *
 * The same text is written to the standard error output, for all threads of the process
 * that use the library, when the process gets the signal that the environment variable
 * DILL_DUMP_SIGNAL names: `USR1`, for example. The handler is installed when the first
 * thread begins to use the library, unless the signal has one already.
 *
 * This function has no name without the prefix: it is for debugging, and `dump` is likely
 * to be a name of the program's.
 *
 * # Parameters
 *
 * - `fd`: the file descriptor to write to, such as 2.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: `fd` is not open for writing.
 * - `ENOMEM`: no memory for the thread's scheduler.
 *
 * Any other error of `write`, too. A non-blocking descriptor whose reader takes nothing for a
 * second fails with `EAGAIN`.
 *
 * # Thread safety
 *
 * Writes about the calling thread only. The function neither blocks the coroutine nor
 * allocates memory. It must not be called by a signal handler.
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
 *     int ch[2];
 *     if(chmake(ch) < 0) return 1;
 *     int b = bundle();
 *     for(int i = 0; i != 3; ++i) bundle_go(b, worker(ch[1]));
 *     // Shows three coroutines that are blocked in chrecv.
 *     dill_dump(2);
 *     hclose(b);
 *     hclose(ch[0]);
 *     hclose(ch[1]);
 *     return 0;
 * }
 * ```
 *
 * # See also
 *
 * `bundle`, `go`
 */
DILL_EXPORT int dill_dump(int fd);

#if !defined DILL_DISABLE_SOCKETS

/* ============================================================================
 * Gather and scatter lists
 * ========================================================================= */

/**
 * One buffer of a list, as sent by `bsendl` and filled by `brecvl`.
 *
 * The buffers of a list are transferred one after another, as if they were a single
 * one. The list ends with the element whose `iol_next` is `NULL`; the functions that
 * take a list get a pointer to its first and its last element.
 */
struct dill_iolist {
    /**
     * The memory of the buffer. `NULL`, when receiving: read `iol_len` bytes and drop
     * them.
     */
    void *iol_base;
    /**
     * Its length in bytes.
     */
    size_t iol_len;
    /**
     * The next buffer of the list, or `NULL`.
     */
    struct dill_iolist *iol_next;
    /**
     * Reserved; must be 0.
     */
    int iol_rsvd;
};

/* ============================================================================
 * Bytestream sockets
 * ========================================================================= */

/**
 * Sends bytes to a bytestream socket.
 *
 * All `len` bytes are sent, or the function fails. A call that ends before its first byte
 * has gone, because of its deadline, a cancel scope or the cancellation of the coroutine,
 * has changed nothing: the next one works. If a call is cut off later it is not known how
 * many bytes have gone, so nothing more can be sent to the socket: further sends fail with
 * `ECONNRESET`. Invalid arguments and `EBUSY` have no effect on the socket.
 *
 * A call that is made too late (its deadline is not 0, and has passed already) fails with
 * `ECONNRESET` instead of `ETIMEDOUT` if the call before it has timed out and there is still
 * no room, as in libdill. That changes nothing either.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `buf`: the bytes to send. May be `NULL` if `len` is 0.
 * - `len`: their number.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: `buf` is `NULL` though `len` is not 0.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the outgoing stream was ended by `tcp_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * if(bsend(s, "GET / HTTP/1.0\r\n\r\n", 18, now() + 1000) < 0) perror("bsend");
 * ```
 *
 * # See also
 *
 * `brecv`, `bsendl`, `tcp_connect`, `tcp_done`
 */
DILL_EXPORT int dill_bsend(int s, const void *buf, size_t len, int64_t deadline);

/**
 * Receives bytes from a bytestream socket.
 *
 * Exactly `len` bytes are received, or the function fails. A call that ends before it has
 * received its first byte, because of its deadline, a cancel scope or the cancellation of the
 * coroutine, has changed nothing: the next one works. If a call is cut off later it is not
 * known where in the stream a further receive would start, so further receives fail with
 * `ECONNRESET`, or with `EPIPE` if the stream has ended. Invalid arguments and `EBUSY` have no
 * effect on the socket.
 *
 * A call that is made too late (its deadline is not 0, and has passed already) fails with
 * `ECONNRESET` instead of `ETIMEDOUT` if the call before it has timed out and nothing has
 * come since, as in libdill. That changes nothing either.
 *
 * TCP sockets read ahead, so that many small receives cost little. Bytes that were read ahead
 * count as received when a call takes them.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `buf`: where the bytes go. If it is `NULL` they are read and dropped.
 * - `len`: how many bytes to receive.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
 * - `EINVAL`: invalid argument.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the peer has ended its stream, and fewer than `len` bytes were left.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char header[16];
 * if(brecv(s, header, sizeof(header), now() + 1000) < 0) perror("brecv");
 * ```
 *
 * # See also
 *
 * `brecvl`, `bsend`, `tcp_accept`, `tcp_close`
 */
DILL_EXPORT int dill_brecv(int s, void *buf, size_t len, int64_t deadline);

/**
 * Sends a list of buffers to a bytestream socket.
 *
 * The buffers go out one after another, as if `bsend` had been called with all of them
 * in one piece, but without copying them together. The list is not modified. See
 * `bsend` for what an error means to the socket.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `first`: the first buffer of the list.
 * - `last`: the last one; its `iol_next` is `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
 *   loop, an `iol_rsvd` is not 0, a buffer has a length but no memory, or all of them
 *   together are too long.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the outgoing stream was ended by `tcp_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * struct iolist body = {text, strlen(text), NULL, 0};
 * struct iolist head = {header, strlen(header), &body, 0};
 * if(bsendl(s, &head, &body, -1) < 0) perror("bsendl");
 * ```
 *
 * # See also
 *
 * `brecvl`, `bsend`
 */
DILL_EXPORT
int dill_bsendl(int s,
                struct dill_iolist *first,
                struct dill_iolist *last,
                int64_t deadline);

/**
 * Receives bytes from a bytestream socket into a list of buffers.
 *
 * The buffers are filled one after another, all of them, or the function fails. Bytes
 * for a buffer without memory are read and dropped. The list is not modified. See
 * `brecv` for what an error means to the socket.
 *
 * Without any list (`first` and `last` are both `NULL`) everything is read and dropped
 * until that fails; at the end of the stream it fails with `EPIPE`.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `first`: the first buffer of the list, or `NULL`.
 * - `last`: the last one, the `iol_next` of which is `NULL`; or `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
 * - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
 *   loop, an `iol_rsvd` is not 0, or all buffers together are too long.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the peer has ended its stream before the list was full.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char number[4];
 * struct iolist data = {number, sizeof(number), NULL, 0};
 * struct iolist padding = {NULL, 12, &data, 0};
 * if(brecvl(s, &padding, &data, -1) < 0) perror("brecvl");
 * ```
 *
 * # See also
 *
 * `brecv`, `bsendl`
 */
DILL_EXPORT
int dill_brecvl(int s,
                struct dill_iolist *first,
                struct dill_iolist *last,
                int64_t deadline);

/* ============================================================================
 * Message sockets
 * ========================================================================= */

/**
 * Sends a message to a message socket.
 *
 * The message is sent as a whole, or the function fails. A call that ends before its first
 * byte has gone, because of its deadline, a cancel scope or the cancellation of the coroutine,
 * has changed nothing: the next one works. What an error under way means to the socket is up to
 * its protocol: PREFIX and SUFFIX can't send anything more then and fail with `ECONNRESET`, UDP
 * goes on. Invalid arguments, `EBUSY` and `EMSGSIZE` have no effect on the socket. A call that
 * is made too late may fail as with `bsend`.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `buf`: the message. May be `NULL` if `len` is 0.
 * - `len`: its length in bytes.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: `buf` is `NULL` though `len` is not 0, or nothing says where a UDP message
 *   shall go.
 * - `EMSGSIZE`: the protocol can't carry a message of this length. Nothing was sent.
 * - `ENOTSUP`: the handle is no message socket.
 * - `EPIPE`: the outgoing stream was ended, as by `term_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * if(msend(s, "hello", 5, now() + 1000) < 0) perror("msend");
 * ```
 *
 * # See also
 *
 * `mrecv`, `msendl`, `prefix_attach`, `suffix_attach`, `term_attach`, `udp_open`
 */
DILL_EXPORT int dill_msend(int s, const void *buf, size_t len, int64_t deadline);

/**
 * Receives a message from a message socket.
 *
 * One message is received as a whole, or the function fails. A call that ends before the first
 * byte of its message has come, because of its deadline, a cancel scope or the cancellation of
 * the coroutine, has changed nothing: the next one works. What an error under way means to the
 * socket is up to its protocol: PREFIX and SUFFIX can't receive anything more then and fail
 * with `ECONNRESET`, UDP goes on. Invalid arguments and `EBUSY` have no effect on the socket. A
 * call that is made too late may fail as with `brecv`.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `buf`: where the message goes. If it is `NULL` the message is received and dropped.
 * - `len`: how long the message may be.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The length of the message, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, the stream has ended in the middle of a message, or an
 *   earlier receive has failed.
 * - `EINVAL`: `len` is longer than memory can be.
 * - `EMSGSIZE`: the message doesn't fit into the buffer. It is lost. With PREFIX and
 *   SUFFIX the rest of the stream is, too: further receives fail with `ECONNRESET`.
 * - `ENOTSUP`: the handle is no message socket.
 * - `EPIPE`: the peer has ended its stream, and no part of a further message has come.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char buf[256];
 * ssize_t sz = mrecv(s, buf, sizeof(buf), now() + 1000);
 * if(sz < 0) perror("mrecv");
 * ```
 *
 * # See also
 *
 * `mrecvl`, `msend`
 */
DILL_EXPORT ssize_t dill_mrecv(int s, void *buf, size_t len, int64_t deadline);

/**
 * Sends a list of buffers to a message socket, as one message.
 *
 * The buffers go out one after another, as if `msend` had been called with all of them in
 * one piece, but without copying them together. The list is not modified. See `msend` for
 * what an error means to the socket.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `first`: the first buffer of the list.
 * - `last`: the last one; its `iol_next` is `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
 *   loop, an `iol_rsvd` is not 0, a buffer has a length but no memory, or all of them
 *   together are too long; or nothing says where a UDP message shall go.
 * - `EMSGSIZE`: the protocol can't carry a message of this length. Nothing was sent.
 * - `ENOTSUP`: the handle is no message socket.
 * - `EPIPE`: the outgoing stream was ended, as by `term_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * struct iolist body = {text, strlen(text), NULL, 0};
 * struct iolist head = {header, strlen(header), &body, 0};
 * if(msendl(s, &head, &body, -1) < 0) perror("msendl");
 * ```
 *
 * # See also
 *
 * `mrecvl`, `msend`
 */
DILL_EXPORT
int dill_msendl(int s,
                struct dill_iolist *first,
                struct dill_iolist *last,
                int64_t deadline);

/**
 * Receives a message from a message socket into a list of buffers.
 *
 * The buffers are filled one after another, as far as the message reaches. Bytes for a
 * buffer without memory are dropped; such a buffer may be longer than any message. The
 * list is not modified. See `mrecv` for what an error means to the socket.
 *
 * Without any list (`first` and `last` are both `NULL`) the message is dropped, whatever
 * its length.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `first`: the first buffer of the list, or `NULL`.
 * - `last`: the last one, the `iol_next` of which is `NULL`; or `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The length of the message, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, the stream has ended in the middle of a message, or an
 *   earlier receive has failed.
 * - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
 *   loop, or an `iol_rsvd` is not 0.
 * - `EMSGSIZE`: the message doesn't fit into the list. It is lost. With PREFIX and SUFFIX
 *   the rest of the stream is, too: further receives fail with `ECONNRESET`.
 * - `ENOTSUP`: the handle is no message socket.
 * - `EPIPE`: the peer has ended its stream, and no part of a further message has come.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char number[4];
 * struct iolist rest = {NULL, SIZE_MAX, NULL, 0};
 * struct iolist data = {number, sizeof(number), &rest, 0};
 * if(mrecvl(s, &data, &rest, -1) < 0) perror("mrecvl");
 * ```
 *
 * # See also
 *
 * `mrecv`, `msendl`
 */
DILL_EXPORT
ssize_t dill_mrecvl(int s,
                    struct dill_iolist *first,
                    struct dill_iolist *last,
                    int64_t deadline);

/* ============================================================================
 * IP addresses
 * ========================================================================= */

struct sockaddr;

/**
 * Mode of address resolution: IPv4 addresses only.
 */
#define DILL_IPADDR_IPV4 1

/**
 * Mode of address resolution: IPv6 addresses only.
 */
#define DILL_IPADDR_IPV6 2

/**
 * Mode of address resolution: an IPv4 address if there is one, else an IPv6 address.
 */
#define DILL_IPADDR_PREF_IPV4 3

/**
 * Mode of address resolution: an IPv6 address if there is one, else an IPv4 address.
 */
#define DILL_IPADDR_PREF_IPV6 4

/**
 * Size of a buffer that any textual IP address fits into, its NUL included.
 */
#define DILL_IPADDR_MAXSTRLEN 46

/**
 * An IP address and a port. Opaque; it can be copied by assignment.
 *
 */
struct dill_ipaddr {
    char _[32];
};

/**
 * Makes the address of a local network interface, for listening.
 *
 * The name is an IPv4 or IPv6 address in the usual notation, or the name of a network
 * interface, or `NULL` for all interfaces of the machine.
 *
 * After an error the address is all zeros.
 *
 * # Parameters
 *
 * - `addr`: where the address goes.
 * - `name`: an address such as `"127.0.0.1"` or `"::1"`, an interface such as
 *   `"eth0"`, or `NULL`.
 * - `port`: the port, 0 to 65535. With 0, `tcp_listen` chooses a free one.
 * - `mode`: which kind of address is wanted: `IPADDR_IPV4`, `IPADDR_IPV6`,
 *   `IPADDR_PREF_IPV4`, `IPADDR_PREF_IPV6`, or 0, which is `IPADDR_PREF_IPV4`.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EINVAL`: `addr` is `NULL`, or the port or the mode is not valid.
 * - `EMFILE`, `ENFILE`: no file descriptor was left to ask the system with.
 * - `ENODEV`: there is no such interface, or it has no address of the wanted kind.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments. To look up an interface the C library needs a stack
 * of more than 8 KiB.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * if(ipaddr_local(&addr, NULL, 5555, 0) < 0) perror("ipaddr_local");
 * int ls = tcp_listen(&addr, 10);
 * ```
 *
 * # See also
 *
 * `ipaddr_remote`, `ipaddr_port`, `ipaddr_str`, `tcp_listen`
 */
DILL_EXPORT int dill_ipaddr_local(struct dill_ipaddr *addr, const char *name, int port, int mode);

/**
 * Makes the address of a remote host.
 *
 * The name is a host name, or an IPv4 or IPv6 address in the usual notation. Names are
 * looked up as the C library's `getaddrinfo` does it: in the hosts file, by DNS with the
 * configured search domains, and in whatever else the system is set up for. That runs in a
 * helper thread; other coroutines go on, and when the call ends early nobody waits for it.
 * An address is only converted, which never blocks.
 *
 * After an error the address is all zeros.
 *
 * # Parameters
 *
 * - `addr`: where the address goes.
 * - `name`: a name such as `"www.example.org"`, or an address such as `"192.0.2.1"` or
 *   `"2001:db8::1"`.
 * - `port`: the port, 0 to 65535.
 * - `mode`: which kind of address is wanted: `IPADDR_IPV4`, `IPADDR_IPV6`,
 *   `IPADDR_PREF_IPV4`, `IPADDR_PREF_IPV6`, or 0, which is `IPADDR_PREF_IPV4`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the resolution
 *   of a name fails; -1 waits for ever. With 0 it always fails, as it takes a thread.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EADDRNOTAVAIL`: the host is not known, or has no address of the wanted kind, or there
 *   is no name server that would know.
 * - `EAGAIN`: no thread can be started to look the name up.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `addr` or `name` is `NULL`, or the port or the mode is not valid.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENAMETOOLONG`: the name has more than 254 characters.
 * - `ENOMEM`: out of memory.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments. To look up a name takes a stack of more than 8 KiB.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * if(ipaddr_remote(&addr, "www.example.org", 80, 0, now() + 5000) < 0)
 *     perror("ipaddr_remote");
 * int s = tcp_connect(&addr, now() + 5000);
 * ```
 *
 * # See also
 *
 * `ipaddr_remotes`, `ipaddr_local`, `tcp_connect`, `happyeyeballs_connect`
 */
DILL_EXPORT
int dill_ipaddr_remote(struct dill_ipaddr *addr,
                       const char *name,
                       int port,
                       int mode,
                       int64_t deadline);

/**
 * Makes the addresses of a remote host: all that it has, as far as there is room.
 *
 * Works as `ipaddr_remote`, but a host without any address is no error: the function
 * returns 0 then. With a mode that prefers one kind, addresses of that kind come first.
 *
 * # Parameters
 *
 * - `addrs`: an array, where the addresses go.
 * - `naddrs`: the length of the array, at least 1.
 * - `name`: a name such as `"www.example.org"`, or an address such as `"192.0.2.1"` or
 *   `"2001:db8::1"`.
 * - `port`: the port, 0 to 65535.
 * - `mode`: which kind of address is wanted: `IPADDR_IPV4`, `IPADDR_IPV6`,
 *   `IPADDR_PREF_IPV4`, `IPADDR_PREF_IPV6`, or 0, which is `IPADDR_PREF_IPV4`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the resolution
 *   of a name fails; -1 waits for ever. With 0 it always fails, as it takes a thread.
 *
 * # Return value
 *
 * The number of addresses that were stored, or -1 with `errno` set to one of the values
 * below.
 *
 * # Errors
 *
 * - `EAGAIN`: no thread can be started to look the name up.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `addrs` or `name` is `NULL`, `naddrs` is not positive, or the port or the
 *   mode is not valid.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENAMETOOLONG`: the name has more than 254 characters.
 * - `ENOMEM`: out of memory.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments. To look up a name takes a stack of more than 8 KiB.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addrs[8];
 * int n = ipaddr_remotes(addrs, 8, "www.example.org", 80, IPADDR_PREF_IPV6, now() + 1000);
 * ```
 *
 * # See also
 *
 * `ipaddr_remote`, `ipaddr_local`
 */
DILL_EXPORT
int dill_ipaddr_remotes(struct dill_ipaddr *addrs,
                        int naddrs,
                        const char *name,
                        int port,
                        int mode,
                        int64_t deadline);

/**
 * Writes an IP address as text, without its port.
 *
 * # Parameters
 *
 * - `addr`: the address.
 * - `ipstr`: where the text goes: at least `IPADDR_MAXSTRLEN` bytes.
 *
 * # Return value
 *
 * `ipstr`, or `NULL` with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: `addr` holds no IP address.
 * - `EINVAL`: an argument is `NULL`.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments.
 *
 * # Example
 *
 * ```c
 * char text[IPADDR_MAXSTRLEN];
 * printf("%s:%d\n", ipaddr_str(&addr, text), ipaddr_port(&addr));
 * ```
 *
 * # See also
 *
 * `ipaddr_port`, `ipaddr_local`, `ipaddr_remote`
 */
DILL_EXPORT const char *dill_ipaddr_str(const struct dill_ipaddr *addr, char *ipstr);

/**
 * Tells the family of an IP address, for `socket`.
 *
 * # Parameters
 *
 * - `addr`: the address.
 *
 * # Return value
 *
 * `AF_INET` or `AF_INET6`; whatever a structure holds that is no address (`AF_UNSPEC`
 * if it is all zeros); -1 with `errno` set for `NULL`.
 *
 * # Errors
 *
 * - `EINVAL`: `addr` is `NULL`.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments.
 *
 * # Example
 *
 * ```c
 * int fd = socket(ipaddr_family(&addr), SOCK_STREAM, 0);
 * ```
 *
 * # See also
 *
 * `ipaddr_sockaddr`, `ipaddr_len`
 */
DILL_EXPORT int dill_ipaddr_family(const struct dill_ipaddr *addr);

/**
 * Gives an IP address to functions of the system, such as `bind` and `connect`.
 *
 * # Parameters
 *
 * - `addr`: the address.
 *
 * # Return value
 *
 * A pointer into `addr`, valid as long as that is; `NULL` for `NULL`.
 *
 * # Errors
 *
 * None.
 *
 * # Thread safety
 *
 * Uses nothing but its argument.
 *
 * # Example
 *
 * ```c
 * connect(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
 * ```
 *
 * # See also
 *
 * `ipaddr_family`, `ipaddr_len`
 */
DILL_EXPORT const struct sockaddr *dill_ipaddr_sockaddr(const struct dill_ipaddr *addr);

/**
 * Tells the length of an IP address, as functions of the system want it.
 *
 * # Parameters
 *
 * - `addr`: the address.
 *
 * # Return value
 *
 * The length in bytes, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: `addr` holds no IP address.
 * - `EINVAL`: `addr` is `NULL`.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments.
 *
 * # Example
 *
 * ```c
 * connect(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
 * ```
 *
 * # See also
 *
 * `ipaddr_family`, `ipaddr_sockaddr`
 */
DILL_EXPORT int dill_ipaddr_len(const struct dill_ipaddr *addr);

/**
 * Tells the port of an address.
 *
 * # Parameters
 *
 * - `addr`: the address.
 *
 * # Return value
 *
 * The port, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: `addr` holds no IP address.
 * - `EINVAL`: `addr` is `NULL`.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * ipaddr_local(&addr, "127.0.0.1", 0, 0);
 * int ls = tcp_listen(&addr, 10);
 * printf("listening on port %d\n", ipaddr_port(&addr));
 * ```
 *
 * # See also
 *
 * `ipaddr_setport`, `ipaddr_str`
 */
DILL_EXPORT int dill_ipaddr_port(const struct dill_ipaddr *addr);

/**
 * Changes the port of an address.
 *
 * # Parameters
 *
 * - `addr`: the address.
 * - `port`: the new port, 0 to 65535.
 *
 * # Return value
 *
 * None. After one of the errors below the address is as it was.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: `addr` holds no IP address.
 * - `EINVAL`: `addr` is `NULL`, or the port is not valid.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments.
 *
 * # Example
 *
 * ```c
 * ipaddr_setport(&addr, 8080);
 * ```
 *
 * # See also
 *
 * `ipaddr_port`
 */
DILL_EXPORT void dill_ipaddr_setport(struct dill_ipaddr *addr, int port);

/**
 * Tells whether two addresses are equal.
 *
 * # Parameters
 *
 * - `addr1`: an address.
 * - `addr2`: another one.
 * - `ignore_port`: if not 0, addresses that differ in nothing but the port are equal.
 *
 * # Return value
 *
 * 1 if the addresses are equal, 0 if they are not. Also 0, with `errno` set, in case of
 * one of the errors below.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: one of the arguments holds no IP address.
 * - `EINVAL`: an argument is `NULL`.
 *
 * # Thread safety
 *
 * Uses nothing but its arguments.
 *
 * # Example
 *
 * ```c
 * if(ipaddr_equal(&peer, &trusted, 1)) printf("welcome\n");
 * ```
 *
 * # See also
 *
 * `ipaddr_str`, `ipaddr_port`
 */
DILL_EXPORT
int dill_ipaddr_equal(const struct dill_ipaddr *addr1,
                      const struct dill_ipaddr *addr2,
                      int ignore_port);

/* ============================================================================
 * TCP
 * ========================================================================= */

/**
 * Memory for a TCP listener, for the functions whose names end in `_mem`.
 *
 */
struct dill_tcp_listener_storage {
    char _[56];
};

/**
 * Memory for a TCP connection, for the functions whose names end in `_mem`.
 *
 */
struct dill_tcp_storage {
    char _[72];
};

/**
 * Starts to listen for TCP connections.
 *
 * The address may be used again at once after an earlier listener was closed
 * (`SO_REUSEADDR`). The listener is closed by `hclose` or `tcp_close`.
 *
 * # Parameters
 *
 * - `addr`: the address to listen on. If its port is 0, a free one is chosen and stored
 *   in it.
 * - `backlog`: how many connections may wait to be accepted.
 *
 * # Return value
 *
 * The handle of the listener, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EADDRINUSE`: the address is in use already.
 * - `EADDRNOTAVAIL`: this machine has no such address.
 * - `EAFNOSUPPORT`: `addr` holds no IP address.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `addr` is `NULL`.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * ipaddr_local(&addr, NULL, 5555, 0);
 * int ls = tcp_listen(&addr, 10);
 * int s = tcp_accept(ls, NULL, -1);
 * ```
 *
 * # See also
 *
 * `tcp_accept`, `tcp_listen_mem`, `tcp_listener_fromfd`, `ipaddr_local`
 */
DILL_EXPORT int dill_tcp_listen(struct dill_ipaddr *addr, int backlog);

/**
 * Starts to listen for TCP connections, in memory of the caller's.
 *
 * Works as `tcp_listen`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the listener.
 *
 * # Errors
 *
 * Those of `tcp_listen`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tcp_listener_storage mem;
 * int ls = tcp_listen_mem(&addr, 10, &mem);
 * ```
 *
 * # See also
 *
 * `tcp_listen`, `tcp_accept_mem`
 */
DILL_EXPORT
int dill_tcp_listen_mem(struct dill_ipaddr *addr,
                        int backlog,
                        struct dill_tcp_listener_storage *mem);

/**
 * Accepts an incoming TCP connection.
 *
 * After any error the listener can be used as before. Small messages on the connection
 * leave at once (`TCP_NODELAY`).
 *
 * # Parameters
 *
 * - `s`: the listener.
 * - `addr`: where the address of the connection's other end goes, or `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is accepting from the listener.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system. The
 *   connection stays in the queue.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no TCP listener.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_accept(ls, NULL, -1);
 * bsend(s, "hello\n", 6, -1);
 * tcp_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `tcp_listen`, `tcp_accept_mem`, `tcp_close`, `brecv`, `bsend`
 */
DILL_EXPORT int dill_tcp_accept(int s, struct dill_ipaddr *addr, int64_t deadline);

/**
 * Accepts an incoming TCP connection, in memory of the caller's.
 *
 * Works as `tcp_accept`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the connection.
 *
 * # Errors
 *
 * Those of `tcp_accept`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tcp_storage mem;
 * int s = tcp_accept_mem(ls, NULL, &mem, -1);
 * ```
 *
 * # See also
 *
 * `tcp_accept`, `tcp_listen_mem`
 */
DILL_EXPORT
int dill_tcp_accept_mem(int s,
                        struct dill_ipaddr *addr,
                        struct dill_tcp_storage *mem,
                        int64_t deadline);

/**
 * Connects to a remote TCP endpoint.
 *
 * Small messages on the connection leave at once (`TCP_NODELAY`).
 *
 * # Parameters
 *
 * - `addr`: the address to connect to.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: `addr` holds no IP address.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNREFUSED`: nobody listens at the address. That is also so where the system has connected
 *   the socket to itself, as TCP does if the port happens to be its own.
 * - `ECONNRESET`: the peer has reset the connection.
 * - `EHOSTUNREACH`, `ENETDOWN`, `ENETUNREACH`: the host cannot be reached.
 * - `EINVAL`: `addr` is `NULL`.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * ipaddr_remote(&addr, "192.0.2.1", 80, 0, -1);
 * int s = tcp_connect(&addr, now() + 5000);
 * if(s < 0) perror("tcp_connect");
 * ```
 *
 * # See also
 *
 * `tcp_connect_mem`, `tcp_fromfd`, `tcp_close`, `ipaddr_remote`
 */
DILL_EXPORT int dill_tcp_connect(const struct dill_ipaddr *addr, int64_t deadline);

/**
 * Connects to a remote TCP endpoint, in memory of the caller's.
 *
 * Works as `tcp_connect`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the connection.
 *
 * # Errors
 *
 * Those of `tcp_connect`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tcp_storage mem;
 * int s = tcp_connect_mem(&addr, &mem, now() + 5000);
 * ```
 *
 * # See also
 *
 * `tcp_connect`, `tcp_accept_mem`
 */
DILL_EXPORT
int dill_tcp_connect_mem(const struct dill_ipaddr *addr,
                         struct dill_tcp_storage *mem,
                         int64_t deadline);

/**
 * Ends the outgoing stream of a TCP connection.
 *
 * The peer gets all that was sent before, and then the end of the stream. Receiving goes
 * on. The function does not block: the system delivers in the background.
 *
 * # Parameters
 *
 * - `s`: the connection.
 * - `deadline`: not used; for symmetry with other protocols.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: another coroutine is sending to the connection.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `ENOTSUP`: the handle is no TCP connection.
 * - `EPIPE`: the stream was ended before.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * bsend(s, request, sizeof(request), -1);
 * tcp_done(s, -1);
 * brecv(s, reply, sizeof(reply), -1);
 * ```
 *
 * # See also
 *
 * `tcp_close`, `bsend`
 */
DILL_EXPORT int dill_tcp_done(int s, int64_t deadline);

/**
 * Closes a TCP connection in an orderly way.
 *
 * Ends the outgoing stream if that wasn't done yet, and waits for the peer to end its
 * own; what comes until then is dropped. So the peer has got everything that was sent,
 * or has closed knowing that it hasn't. If that fails, the connection is reset.
 *
 * The handle is closed in any case, except for `EBADF` and `ENOTSUP`. `hclose` closes a
 * connection without any of this, and resets it. A listener may be closed by either
 * function.
 *
 * # Parameters
 *
 * - `s`: the connection or listener.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the connection.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `ENOTSUP`: the handle is neither a TCP connection nor a TCP listener.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * bsend(s, "bye\n", 4, -1);
 * if(tcp_close(s, now() + 1000) < 0) perror("tcp_close");
 * ```
 *
 * # See also
 *
 * `tcp_done`, `hclose`
 */
DILL_EXPORT int dill_tcp_close(int s, int64_t deadline);

/**
 * Makes a listener of a file descriptor.
 *
 * On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
 * error it is open and unchanged.
 *
 * # Parameters
 *
 * - `fd`: a listening TCP socket, IPv4 or IPv6.
 *
 * # Return value
 *
 * The handle of the listener, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: `fd` is not open.
 * - `EBUSY`: a coroutine waits for `fd`, in `fdin` or `fdout`.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `fd` is negative or no TCP socket or does not listen.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 * - `ENOTSOCK`: `fd` is no socket.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int fd = socket(AF_INET, SOCK_STREAM, 0);
 * bind(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
 * listen(fd, 10);
 * int s = tcp_listener_fromfd(fd);
 * ```
 *
 * # See also
 *
 * `tcp_listener_fromfd_mem`, `tcp_listen`
 */
DILL_EXPORT int dill_tcp_listener_fromfd(int fd);

/**
 * Makes a listener of a file descriptor, in memory of the caller's.
 *
 * Works as `tcp_listener_fromfd`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the listener.
 *
 * # Errors
 *
 * Those of `tcp_listener_fromfd`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tcp_listener_storage mem;
 * int s = tcp_listener_fromfd_mem(fd, &mem);
 * ```
 *
 * # See also
 *
 * `tcp_listener_fromfd`
 */
DILL_EXPORT int dill_tcp_listener_fromfd_mem(int fd, struct dill_tcp_listener_storage *mem);

/**
 * Makes a connection of a file descriptor.
 *
 * On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
 * error it is open and unchanged.
 *
 * # Parameters
 *
 * - `fd`: a connected TCP socket, IPv4 or IPv6.
 *
 * # Return value
 *
 * The handle of the connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: `fd` is not open.
 * - `EBUSY`: a coroutine waits for `fd`, in `fdin` or `fdout`.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `fd` is negative or no TCP socket or listens.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 * - `ENOTSOCK`: `fd` is no socket.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int fd = socket(AF_INET, SOCK_STREAM, 0);
 * connect(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
 * int s = tcp_fromfd(fd);
 * ```
 *
 * # See also
 *
 * `tcp_fromfd_mem`, `tcp_connect`
 */
DILL_EXPORT int dill_tcp_fromfd(int fd);

/**
 * Makes a connection of a file descriptor, in memory of the caller's.
 *
 * Works as `tcp_fromfd`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the connection.
 *
 * # Errors
 *
 * Those of `tcp_fromfd`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tcp_storage mem;
 * int s = tcp_fromfd_mem(fd, &mem);
 * ```
 *
 * # See also
 *
 * `tcp_fromfd`
 */
DILL_EXPORT int dill_tcp_fromfd_mem(int fd, struct dill_tcp_storage *mem);

/* ============================================================================
 * Local sockets
 * ========================================================================= */

/**
 * Memory for a local listener, for the functions whose names end in `_mem`.
 *
 */
struct dill_ipc_listener_storage {
    char _[24];
};

/**
 * Memory for a local connection, for the functions whose names end in `_mem`.
 *
 */
struct dill_ipc_storage {
    char _[72];
};

/**
 * Memory for two local connections, for the functions whose names end in `_mem`.
 *
 */
struct dill_ipc_pair_storage {
    char _[144];
};

/**
 * Starts to listen for local connections.
 *
 * The file is made by this function and left behind when the listener is closed, as in any
 * use of such sockets: remove it with `unlink`. The listener is closed by `hclose` or
 * `ipc_close`.
 *
 * # Parameters
 *
 * - `addr`: the name of the socket's file.
 * - `backlog`: how many connections may wait to be accepted.
 *
 * # Return value
 *
 * The handle of the listener, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the file may not be made there.
 * - `EADDRINUSE`: the file exists already.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `addr` is `NULL`.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENAMETOOLONG`: the name is longer than the system takes, 107 bytes.
 * - `ENOENT`, `ENOTDIR`: the directory doesn't exist.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * unlink("/tmp/example.sock");
 * int ls = ipc_listen("/tmp/example.sock", 10);
 * int s = ipc_accept(ls, -1);
 * ```
 *
 * # See also
 *
 * `ipc_accept`, `ipc_listen_mem`, `ipc_listener_fromfd`, `ipc_pair`
 */
DILL_EXPORT int dill_ipc_listen(const char *addr, int backlog);

/**
 * Starts to listen for local connections, in memory of the caller's.
 *
 * Works as `ipc_listen`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the listener.
 *
 * # Errors
 *
 * Those of `ipc_listen`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ipc_listener_storage mem;
 * int ls = ipc_listen_mem("/tmp/example.sock", 10, &mem);
 * ```
 *
 * # See also
 *
 * `ipc_listen`, `ipc_accept`, `ipc_listener_fromfd`, `ipc_pair`
 */
DILL_EXPORT
int dill_ipc_listen_mem(const char *addr,
                        int backlog,
                        struct dill_ipc_listener_storage *mem);

/**
 * Accepts an incoming local connection.
 *
 * After any error the listener can be used as before.
 *
 * # Parameters
 *
 * - `s`: the listener.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is accepting from the listener.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system. The
 *   connection stays in the queue.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no local listener.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = ipc_accept(ls, -1);
 * bsend(s, "hello\n", 6, -1);
 * ipc_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `ipc_listen`, `ipc_accept_mem`, `ipc_close`, `brecv`, `bsend`
 */
DILL_EXPORT int dill_ipc_accept(int s, int64_t deadline);

/**
 * Accepts an incoming local connection, in memory of the caller's.
 *
 * Works as `ipc_accept`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the connection.
 *
 * # Errors
 *
 * Those of `ipc_accept`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ipc_storage mem;
 * int s = ipc_accept_mem(ls, &mem, -1);
 * ```
 *
 * # See also
 *
 * `ipc_accept`, `ipc_listen`, `ipc_close`, `brecv`, `bsend`
 */
DILL_EXPORT int dill_ipc_accept_mem(int s, struct dill_ipc_storage *mem, int64_t deadline);

/**
 * Connects to a local listener.
 *
 * If the listener's queue is full the function waits until there is room.
 *
 * # Parameters
 *
 * - `addr`: the name of the socket's file.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the file may not be written.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNREFUSED`: nobody listens at the file any more.
 * - `EINVAL`: `addr` is `NULL`.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENAMETOOLONG`: the name is longer than the system takes, 107 bytes.
 * - `ENOENT`, `ENOTDIR`: there is no such file.
 * - `ENOMEM`: out of memory.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s = ipc_connect("/tmp/example.sock", now() + 1000);
 * if(s < 0) perror("ipc_connect");
 * ```
 *
 * # See also
 *
 * `ipc_connect_mem`, `ipc_listen`, `ipc_fromfd`, `ipc_close`
 */
DILL_EXPORT int dill_ipc_connect(const char *addr, int64_t deadline);

/**
 * Connects to a local listener, in memory of the caller's.
 *
 * Works as `ipc_connect`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the connection.
 *
 * # Errors
 *
 * Those of `ipc_connect`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ipc_storage mem;
 * int s = ipc_connect_mem("/tmp/example.sock", &mem, now() + 1000);
 * ```
 *
 * # See also
 *
 * `ipc_connect`, `ipc_listen`, `ipc_fromfd`, `ipc_close`
 */
DILL_EXPORT
int dill_ipc_connect_mem(const char *addr,
                         struct dill_ipc_storage *mem,
                         int64_t deadline);

/**
 * Passes a file descriptor to the peer of a local connection.
 *
 * The descriptor takes its place in the stream, between the bytes sent before and those
 * sent afterwards: the peer has to call `ipc_recvfd` at that point. The caller keeps `fd`,
 * and may close it at once.
 *
 * After an error other than `ECONNRESET` the connection can be used as before.
 *
 * # Parameters
 *
 * - `s`: the connection.
 * - `fd`: the descriptor to pass.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call, or `fd` is not open.
 * - `EBUSY`: another coroutine is sending to the connection.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: `fd` is negative.
 * - `ENOTSUP`: the handle is no local connection.
 * - `EPIPE`: the outgoing stream was ended by `ipc_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 * - `ETOOMANYREFS`: too many descriptors are on their way already.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int fds[2];
 * pipe(fds);
 * ipc_sendfd(s, fds[0], -1);
 * close(fds[0]);
 * ```
 *
 * # See also
 *
 * `ipc_recvfd`, `ipc_pair`
 */
DILL_EXPORT int dill_ipc_sendfd(int s, int fd, int64_t deadline);

/**
 * Receives a file descriptor from the peer of a local connection.
 *
 * The peer must have sent it, by `ipc_sendfd`, at this point of the stream. A descriptor
 * that is met by `brecv` is lost.
 *
 * After `ETIMEDOUT` and `ECANCELED` the connection can be used as before.
 *
 * # Parameters
 *
 * - `s`: the connection.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The descriptor, which is the caller's to close, or -1 with `errno` set to one of the
 * values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the connection.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
 * - `EMFILE`: the process can't have more descriptors. The one that was sent is lost.
 * - `ENOTSUP`: the handle is no local connection.
 * - `EPIPE`: the peer has ended its stream.
 * - `EPROTO`: the peer has sent something else. Nothing more can be received.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int fd = ipc_recvfd(s, now() + 1000);
 * if(fd < 0) perror("ipc_recvfd");
 * ```
 *
 * # See also
 *
 * `ipc_sendfd`
 */
DILL_EXPORT int dill_ipc_recvfd(int s, int64_t deadline);

/**
 * Ends the outgoing stream of a local connection.
 *
 * The peer gets all that was sent before, and then the end of the stream. Receiving goes
 * on. The function does not block.
 *
 * # Parameters
 *
 * - `s`: the connection.
 * - `deadline`: not used; for symmetry with other protocols.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: another coroutine is sending to the connection.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `ENOTSUP`: the handle is no local connection.
 * - `EPIPE`: the stream was ended before.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * bsend(s, request, sizeof(request), -1);
 * ipc_done(s, -1);
 * brecv(s, reply, sizeof(reply), -1);
 * ```
 *
 * # See also
 *
 * `ipc_close`, `bsend`
 */
DILL_EXPORT int dill_ipc_done(int s, int64_t deadline);

/**
 * Closes a local connection in an orderly way.
 *
 * Ends the outgoing stream if that wasn't done yet, and waits for the peer to end its own;
 * what comes until then is dropped. So the peer has got everything that was sent, or has
 * closed knowing that it hasn't.
 *
 * The handle is closed in any case, except for `EBADF` and `ENOTSUP`. A listener may be
 * closed by this function or by `hclose`.
 *
 * # Parameters
 *
 * - `s`: the connection or listener.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the connection.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `ENOTSUP`: the handle is neither a local connection nor a local listener.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * bsend(s, "bye\n", 4, -1);
 * if(ipc_close(s, now() + 1000) < 0) perror("ipc_close");
 * ```
 *
 * # See also
 *
 * `ipc_done`, `hclose`
 */
DILL_EXPORT int dill_ipc_close(int s, int64_t deadline);

/**
 * Makes a listener of a file descriptor.
 *
 * On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
 * error it is open and unchanged.
 *
 * # Parameters
 *
 * - `fd`: a listening local stream socket.
 *
 * # Return value
 *
 * The handle of the listener, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: `fd` is not open.
 * - `EBUSY`: a coroutine waits for `fd`, in `fdin` or `fdout`.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `fd` is negative or no local stream socket or does not listen.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 * - `ENOTSOCK`: `fd` is no socket.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s = ipc_listener_fromfd(fd);
 * if(s < 0) perror("ipc_listener_fromfd");
 * ```
 *
 * # See also
 *
 * `ipc_listener_fromfd_mem`, `ipc_listen`
 */
DILL_EXPORT int dill_ipc_listener_fromfd(int fd);

/**
 * Makes a listener of a file descriptor, in memory of the caller's.
 *
 * Works as `ipc_listener_fromfd`, but keeps the socket in memory of the caller's, which
 * must stay in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the listener.
 *
 * # Errors
 *
 * Those of `ipc_listener_fromfd`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ipc_listener_storage mem;
 * int s = ipc_listener_fromfd_mem(fd, &mem);
 * ```
 *
 * # See also
 *
 * `ipc_listener_fromfd`, `ipc_listen`
 */
DILL_EXPORT int dill_ipc_listener_fromfd_mem(int fd, struct dill_ipc_listener_storage *mem);

/**
 * Makes a connection of a file descriptor.
 *
 * On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
 * error it is open and unchanged.
 *
 * # Parameters
 *
 * - `fd`: a connected local stream socket.
 *
 * # Return value
 *
 * The handle of the connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: `fd` is not open.
 * - `EBUSY`: a coroutine waits for `fd`, in `fdin` or `fdout`.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `fd` is negative or no local stream socket or listens.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 * - `ENOTSOCK`: `fd` is no socket.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s = ipc_fromfd(fd);
 * if(s < 0) perror("ipc_fromfd");
 * ```
 *
 * # See also
 *
 * `ipc_fromfd_mem`, `ipc_connect`
 */
DILL_EXPORT int dill_ipc_fromfd(int fd);

/**
 * Makes a connection of a file descriptor, in memory of the caller's.
 *
 * Works as `ipc_fromfd`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the connection.
 *
 * # Errors
 *
 * Those of `ipc_fromfd`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ipc_storage mem;
 * int s = ipc_fromfd_mem(fd, &mem);
 * ```
 *
 * # See also
 *
 * `ipc_fromfd`, `ipc_connect`
 */
DILL_EXPORT int dill_ipc_fromfd_mem(int fd, struct dill_ipc_storage *mem);

/**
 * Makes two local connections that are each other's peers.
 *
 * # Parameters
 *
 * - `s`: where the two handles go.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `s` is `NULL`.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handles belong to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s[2];
 * if(ipc_pair(s) < 0) perror("ipc_pair");
 * bsend(s[0], "x", 1, -1);
 * ```
 *
 * # See also
 *
 * `ipc_pair_mem`, `ipc_connect`, `ipc_sendfd`
 */
DILL_EXPORT int dill_ipc_pair(int *s);

/**
 * Makes two local connections that are each other's peers, in memory of the caller's.
 *
 * Works as `ipc_pair`, but keeps the sockets in memory of the caller's, which must stay in
 * place until both handles are closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for both connections.
 *
 * # Errors
 *
 * Those of `ipc_pair`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ipc_pair_storage mem;
 * int s[2];
 * ipc_pair_mem(&mem, s);
 * ```
 *
 * # See also
 *
 * `ipc_pair`, `ipc_connect`, `ipc_sendfd`
 */
DILL_EXPORT int dill_ipc_pair_mem(struct dill_ipc_pair_storage *mem, int *s);

/* ============================================================================
 * UDP
 * ========================================================================= */

/**
 * Memory for a UDP socket, for the functions whose names end in `_mem`.
 *
 */
struct dill_udp_storage {
    char _[72];
};

/**
 * Opens a UDP socket.
 *
 * A single socket can send to different addresses and receive from them. With a `remote`
 * address it is also a message socket for `msend` and `mrecv`; messages from other
 * addresses are dropped then.
 *
 * Messages may be lost, doubled or reordered on their way, and are at most 65,507 bytes
 * long over IPv4. The socket is closed by `hclose`.
 *
 * # Parameters
 *
 * - `local`: the address to receive messages at and to send them from, or `NULL`. If its
 *   port is 0, a free one is chosen and stored in it.
 * - `remote`: the address that messages go to and come from, or `NULL`.
 *
 * # Return value
 *
 * The handle of the socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the port needs a privilege.
 * - `EADDRINUSE`: the local address is in use already.
 * - `EADDRNOTAVAIL`: this machine has no such local address.
 * - `EAFNOSUPPORT`: an address is no IP address.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: one of the addresses is IPv4, the other IPv6.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * struct ipaddr local, remote;
 * ipaddr_local(&local, NULL, 5555, 0);
 * ipaddr_remote(&remote, "192.0.2.1", 5555, 0, -1);
 * int s = udp_open(&local, &remote);
 * msend(s, "ABC", 3, -1);
 * ```
 *
 * # See also
 *
 * `udp_open_mem`, `udp_send`, `udp_recv`, `msend`, `mrecv`, `ipaddr_local`,
 * `ipaddr_remote`
 */
DILL_EXPORT int dill_udp_open(struct dill_ipaddr *local, const struct dill_ipaddr *remote);

/**
 * Opens a UDP socket, in memory of the caller's.
 *
 * Works as `udp_open`, but keeps the socket in memory of the caller's, which must stay in
 * place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `udp_open`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct udp_storage mem;
 * int s = udp_open_mem(&addr, NULL, &mem);
 * ```
 *
 * # See also
 *
 * `udp_open`
 */
DILL_EXPORT
int dill_udp_open_mem(struct dill_ipaddr *local,
                      const struct dill_ipaddr *remote,
                      struct dill_udp_storage *mem);

/**
 * Sends a UDP message.
 *
 * The function doesn't block. If the system has no room for the message it is lost, as it
 * might be anywhere on its way.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `addr`: where the message goes; `NULL` for the remote address of the socket.
 * - `buf`: the message. May be `NULL` if `len` is 0.
 * - `len`: its length in bytes.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: sending to that address is not allowed.
 * - `EAFNOSUPPORT`: `addr` is no IP address, or one of the other family.
 * - `EBADF`: the handle is not open.
 * - `EINVAL`: `buf` is `NULL` though `len` is not 0, or there is neither `addr` nor a
 *   remote address.
 * - `EMSGSIZE`: the message is too long for UDP.
 * - `ENETUNREACH`, `EHOSTUNREACH`: the address cannot be reached.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no UDP socket.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * udp_send(s, &addr, "ABC", 3);
 * ```
 *
 * # See also
 *
 * `udp_sendl`, `udp_recv`, `msend`
 */
DILL_EXPORT int dill_udp_send(int s, const struct dill_ipaddr *addr, const void *buf, size_t len);

/**
 * Receives a UDP message.
 *
 * After any error the socket can be used as before. If it has a remote address, messages
 * from others are dropped.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `addr`: where the address of the sender goes, or `NULL`.
 * - `buf`: where the message goes. If it is `NULL` the message is received and dropped.
 * - `len`: how long the message may be.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The length of the message, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `len` is longer than memory can be.
 * - `EMSGSIZE`: the message doesn't fit into the buffer. It is lost; the next one can be
 *   received.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no UDP socket.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char buf[1500];
 * struct ipaddr from;
 * ssize_t sz = udp_recv(s, &from, buf, sizeof(buf), now() + 1000);
 * ```
 *
 * # See also
 *
 * `udp_recvl`, `udp_send`, `mrecv`
 */
DILL_EXPORT
ssize_t dill_udp_recv(int s,
                      struct dill_ipaddr *addr,
                      void *buf,
                      size_t len,
                      int64_t deadline);

/**
 * Sends a list of buffers as one UDP message.
 *
 * The function doesn't block. If the system has no room for the message it is lost, as it
 * might be anywhere on its way. The list is not modified.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `addr`: where the message goes; `NULL` for the remote address of the socket.
 * - `first`: the first buffer of the list.
 * - `last`: the last one; its `iol_next` is `NULL`.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: sending to that address is not allowed.
 * - `EAFNOSUPPORT`: `addr` is no IP address, or one of the other family.
 * - `EBADF`: the handle is not open.
 * - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
 *   loop, an `iol_rsvd` is not 0, a buffer has a length but no memory, or all of them
 *   together are too long; or there is neither `addr` nor a remote address.
 * - `EMSGSIZE`: the message is too long for UDP.
 * - `ENETUNREACH`, `EHOSTUNREACH`: the address cannot be reached.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no UDP socket.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * struct iolist body = {text, strlen(text), NULL, 0};
 * struct iolist head = {header, strlen(header), &body, 0};
 * udp_sendl(s, &addr, &head, &body);
 * ```
 *
 * # See also
 *
 * `udp_send`, `udp_recvl`, `msendl`
 */
DILL_EXPORT
int dill_udp_sendl(int s,
                   const struct dill_ipaddr *addr,
                   struct dill_iolist *first,
                   struct dill_iolist *last);

/**
 * Receives a UDP message into a list of buffers.
 *
 * Bytes for a buffer without memory are dropped. Without any list (`first` and `last` are
 * both `NULL`) the whole message is. The list is not modified. After any error the socket
 * can be used as before.
 *
 * # Parameters
 *
 * - `s`: the socket.
 * - `addr`: where the address of the sender goes, or `NULL`.
 * - `first`: the first buffer of the list, or `NULL`.
 * - `last`: the last one, the `iol_next` of which is `NULL`; or `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The length of the message, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
 *   loop, or an `iol_rsvd` is not 0.
 * - `EMSGSIZE`: the message doesn't fit into the list. It is lost; the next one can be
 *   received.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no UDP socket.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char number[4];
 * struct iolist rest = {NULL, SIZE_MAX, NULL, 0};
 * struct iolist data = {number, sizeof(number), &rest, 0};
 * ssize_t sz = udp_recvl(s, NULL, &data, &rest, -1);
 * ```
 *
 * # See also
 *
 * `udp_recv`, `udp_sendl`, `mrecvl`
 */
DILL_EXPORT
ssize_t dill_udp_recvl(int s,
                       struct dill_ipaddr *addr,
                       struct dill_iolist *first,
                       struct dill_iolist *last,
                       int64_t deadline);

/* ============================================================================
 * PREFIX: messages with their length in front
 * ========================================================================= */

/**
 * Flag of PREFIX: the most significant byte of the length comes first. The default.
 */
#define DILL_PREFIX_BIG_ENDIAN 0

/**
 * Flag of PREFIX: the least significant byte of the length comes first.
 */
#define DILL_PREFIX_LITTLE_ENDIAN 1

/**
 * Memory for a PREFIX protocol, for the functions whose names end in `_mem`.
 *
 */
struct dill_prefix_storage {
    char _[56];
};

/**
 * Starts the PREFIX protocol on top of a bytestream.
 *
 * Each message is sent with its length in front, a number of `hdrlen` bytes. There is no
 * handshake, neither at the beginning nor at the end.
 *
 * The protocol takes the socket beneath: the handle `s` is not valid any more. If the
 * function fails that socket is closed, except for `EBADF`.
 *
 * # Parameters
 *
 * - `s`: a bytestream socket.
 * - `hdrlen`: the size of the length in bytes, 1 to 32.
 * - `flags`: `PREFIX_BIG_ENDIAN`, which is 0, if the most significant byte comes first, or
 *   `PREFIX_LITTLE_ENDIAN` if the least significant one does.
 *
 * # Return value
 *
 * The handle of the protocol, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `hdrlen` is 0 or too large.
 * - `EMFILE`: no handle is left.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: the socket beneath is no bytestream socket.
 *
 * # Thread safety
 *
 * Handles belong to the thread that made them. On another one they are `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&addr, -1);
 * s = prefix_attach(s, 2, 0);
 * msend(s, "ABC", 3, -1);
 * s = prefix_detach(s);
 * tcp_close(s, -1);
 * ```
 *
 * # See also
 *
 * `prefix_attach_mem`, `prefix_detach`, `msend`, `mrecv`
 */
DILL_EXPORT int dill_prefix_attach(int s, size_t hdrlen, int flags);

/**
 * Starts the PREFIX protocol on top of a bytestream, in memory of the caller's.
 *
 * Works as `prefix_attach`, but keeps the socket in memory of the caller's, which must
 * stay in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the protocol.
 *
 * # Errors
 *
 * Those of `prefix_attach`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct prefix_storage mem;
 * s = prefix_attach_mem(s, 4, PREFIX_LITTLE_ENDIAN, &mem);
 * ```
 *
 * # See also
 *
 * `prefix_attach`
 */
DILL_EXPORT
int dill_prefix_attach_mem(int s,
                           size_t hdrlen,
                           int flags,
                           struct dill_prefix_storage *mem);

/**
 * Ends the PREFIX protocol and gives the bytestream beneath back.
 *
 * The peer is not told. The bytestream is at the end of the last message that was
 * received, and of the last one that was sent.
 *
 * If the function fails, protocol and bytestream are closed, except for `EBADF`.
 *
 * # Parameters
 *
 * - `s`: the protocol.
 *
 * # Return value
 *
 * The handle of the bytestream, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: another coroutine is sending or receiving.
 * - `ECONNRESET`: the connection is broken, or an earlier operation has failed.
 * - `ENOTSUP`: the handle is no PREFIX protocol.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = prefix_detach(s);
 * if(s >= 0) tcp_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `prefix_attach`
 */
DILL_EXPORT int dill_prefix_detach(int s);

/* ============================================================================
 * SUFFIX: messages with a delimiter behind
 * ========================================================================= */

/**
 * Memory for a SUFFIX protocol, for the functions whose names end in `_mem`.
 *
 */
struct dill_suffix_storage {
    char _[128];
};

/**
 * Starts the SUFFIX protocol on top of a bytestream.
 *
 * Each message is followed by the delimiter, as lines of text are by CR and LF. A message
 * that is sent must not contain it: that would make two messages of it. There is no
 * handshake, neither at the beginning nor at the end.
 *
 * The protocol takes the socket beneath: the handle `s` is not valid any more. If the
 * function fails that socket is closed, except for `EBADF`.
 *
 * # Parameters
 *
 * - `s`: a bytestream socket.
 * - `suffix`: the delimiter.
 * - `suffixlen`: its length in bytes, 1 to 32.
 *
 * # Return value
 *
 * The handle of the protocol, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `suffix` is `NULL`, or `suffixlen` is 0 or too large.
 * - `EMFILE`: no handle is left.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: the socket beneath is no bytestream socket.
 *
 * # Thread safety
 *
 * Handles belong to the thread that made them. On another one they are `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&addr, -1);
 * s = suffix_attach(s, "\r\n", 2);
 * msend(s, "NOOP", 4, -1);
 * s = suffix_detach(s, -1);
 * tcp_close(s, -1);
 * ```
 *
 * # See also
 *
 * `suffix_attach_mem`, `suffix_detach`, `msend`, `mrecv`
 */
DILL_EXPORT int dill_suffix_attach(int s, const void *suffix, size_t suffixlen);

/**
 * Starts the SUFFIX protocol on top of a bytestream, in memory of the caller's.
 *
 * Works as `suffix_attach`, but keeps the socket in memory of the caller's, which must
 * stay in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the protocol.
 *
 * # Errors
 *
 * Those of `suffix_attach`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct suffix_storage mem;
 * s = suffix_attach_mem(s, "\n", 1, &mem);
 * ```
 *
 * # See also
 *
 * `suffix_attach`
 */
DILL_EXPORT
int dill_suffix_attach_mem(int s,
                           const void *suffix,
                           size_t suffixlen,
                           struct dill_suffix_storage *mem);

/**
 * Ends the SUFFIX protocol and gives the bytestream beneath back.
 *
 * The peer is not told. The bytestream is behind the delimiter of the last message that
 * was received, and of the last one that was sent.
 *
 * If the function fails, protocol and bytestream are closed, except for `EBADF`.
 *
 * # Parameters
 *
 * - `s`: the protocol.
 * - `deadline`: not used; for symmetry with other protocols.
 *
 * # Return value
 *
 * The handle of the bytestream, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `EBUSY`: another coroutine is sending or receiving.
 * - `ECONNRESET`: the connection is broken, or an earlier operation has failed.
 * - `ENOTSUP`: the handle is no SUFFIX protocol.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = suffix_detach(s, -1);
 * if(s >= 0) tcp_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `suffix_attach`
 */
DILL_EXPORT int dill_suffix_detach(int s, int64_t deadline);

/* ============================================================================
 * TERM: a terminal handshake on top of messages
 * ========================================================================= */

/**
 * Memory for a TERM protocol, for the functions whose names end in `_mem`.
 *
 */
struct dill_term_storage {
    char _[88];
};

/**
 * Starts the TERM protocol on top of a message socket.
 *
 * TERM adds a handshake to a message protocol that has none: each peer ends its messages
 * with the terminal one. When both have done so they agree on where the protocol has
 * ended, and can use what is beneath for something else. The terminal message must not be
 * sent as an ordinary one.
 *
 * The protocol takes the socket beneath: the handle `s` is not valid any more. If the
 * function fails that socket is closed, except for `EBADF`.
 *
 * # Parameters
 *
 * - `s`: a message socket.
 * - `buf`: the terminal message. May be `NULL` if `len` is 0.
 * - `len`: its length in bytes, 0 to 32.
 *
 * # Return value
 *
 * The handle of the protocol, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `buf` is `NULL` though `len` is not 0, or `len` is too large.
 * - `EMFILE`: no handle is left.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: the socket beneath is no message socket.
 *
 * # Thread safety
 *
 * Handles belong to the thread that made them. On another one they are `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = suffix_attach(s, "\r\n", 2);
 * s = term_attach(s, "STOP", 4);
 * msend(s, "ABC", 3, -1);
 * s = term_detach(s, -1);
 * ```
 *
 * # See also
 *
 * `term_attach_mem`, `term_done`, `term_detach`, `msend`, `mrecv`
 */
DILL_EXPORT int dill_term_attach(int s, const void *buf, size_t len);

/**
 * Starts the TERM protocol on top of a message socket, in memory of the caller's.
 *
 * Works as `term_attach`, but keeps the socket in memory of the caller's, which must stay
 * in place until the handle is closed. It needs no alignment.
 *
 * # Parameters
 *
 * - `mem`: memory for the protocol.
 *
 * # Errors
 *
 * Those of `term_attach`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct term_storage mem;
 * s = term_attach_mem(s, "STOP", 4, &mem);
 * ```
 *
 * # See also
 *
 * `term_attach`
 */
DILL_EXPORT
int dill_term_attach_mem(int s,
                         const void *buf,
                         size_t len,
                         struct dill_term_storage *mem);

/**
 * Sends the terminal message of the TERM protocol.
 *
 * Nothing can be sent any more then. Receiving goes on, until `mrecv` fails with `EPIPE`:
 * the peer has sent its own terminal message.
 *
 * # Parameters
 *
 * - `s`: the protocol.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `ENOTSUP`: the handle is no TERM protocol.
 * - `EPIPE`: the terminal message was sent before.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char buf[256];
 * ssize_t sz;
 * term_done(s, -1);
 * while((sz = mrecv(s, buf, sizeof(buf), -1)) >= 0)
 *     printf("%.*s\n", (int)sz, buf);
 * s = term_detach(s, -1);
 * ```
 *
 * # See also
 *
 * `term_detach`, `term_attach`
 */
DILL_EXPORT int dill_term_done(int s, int64_t deadline);

/**
 * Ends the TERM protocol and gives the message socket beneath back.
 *
 * Sends the terminal message if that wasn't done yet, and waits for the one of the peer;
 * messages that come until then are dropped.
 *
 * If the function fails, protocol and message socket are closed, except for `EBADF` and
 * `ENOTSUP`.
 *
 * # Parameters
 *
 * - `s`: the protocol.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the message socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending or receiving.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, an earlier operation has failed, or the peer
 *   has closed it without the terminal message.
 * - `ENOTSUP`: the handle is no TERM protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = term_detach(s, now() + 1000);
 * if(s >= 0) hclose(s);
 * ```
 *
 * # See also
 *
 * `term_done`, `term_attach`
 */
DILL_EXPORT int dill_term_detach(int s, int64_t deadline);

/* ============================================================================
 * Happy eyeballs
 * ========================================================================= */

/**
 * Connects to a host by TCP, whichever of its addresses answers.
 *
 * Works as RFC 8305 has it, so that a host is reached quickly although some of its addresses
 * don't work, such as all IPv6 addresses where the network knows IPv4 only. IPv6 and IPv4
 * addresses are looked up at the same time; IPv4 ones wait up to 50 ms for the others. Then
 * the addresses are tried, IPv6 first and both kinds in turn: the next one 250 ms after the
 * last, or as soon as that has failed. The first connection is the result, and all other
 * attempts end.
 *
 * # Parameters
 *
 * - `name`: the name of the host, or an IPv4 or IPv6 address in the usual notation.
 * - `port`: the port, 1 to 65535.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the TCP connection, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EADDRNOTAVAIL`: the host is not known or has no address.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNREFUSED`, `ECONNRESET`, `EHOSTUNREACH`, `ENETDOWN`, `ENETUNREACH`: no address
 *   answers; this is how the last attempt has failed.
 * - `EINVAL`: `name` is `NULL`, or the port is not valid.
 * - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
 * - `ENAMETOOLONG`: no name is as long as that.
 * - `ENOMEM`, `EAGAIN`: out of memory or threads.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s = happyeyeballs_connect("www.example.org", 80, now() + 10000);
 * if(s < 0) perror("happyeyeballs_connect");
 * ```
 *
 * # See also
 *
 * `tcp_connect`, `ipaddr_remotes`, `tls_attach_client_verify`
 */
DILL_EXPORT int dill_happyeyeballs_connect(const char *name, int port, int64_t deadline);

/* ============================================================================
 * TLS
 * ========================================================================= */

#if !defined DILL_DISABLE_TLS

/**
 * Memory for a TLS socket, for the functions whose names end in `_mem`.
 *
 */
struct dill_tls_storage {
    char _[72];
};

/**
 * Starts a TLS session as client, without verifying the server.
 *
 * WARNING: nobody is verified. The session is encrypted, but whoever answers is taken for
 * the server, so it is no protection from anybody who can get in between. This is what
 * libdill does, and for tests only. Use `tls_attach_client_verify`.
 *
 * TLS 1.2 and 1.3 are spoken. The new socket is a byte stream; one coroutine may send
 * while another one receives. `tls_detach` ends the session in an orderly way and gives
 * the stream back; `hclose` closes both.
 *
 * As with all byte streams a call that did nothing has changed nothing. A send has begun when its
 * first record is encrypted, and waits before that for room in the stream beneath. A stream of the
 * program's own can't tell of room: there a send has begun at once.
 *
 * A TLS handshake needs up to 64 KiB of stack: use coroutines with stacks of the default
 * size, not `go_mem` with a small one.
 *
 * # Parameters
 *
 * - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
 *   more, whether the call succeeds or, for any reason but `EBADF`, fails.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
 *   0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the TLS socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
 * - `EIO`: the system gives no random bytes.
 * - `EMFILE`: no handle is left.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: `s` is no byte stream; or the peer talks something else than TLS 1.2 or 1.3,
 *   breaks the rules or refuses the session.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&addr, -1);
 * s = tls_attach_client(s, now() + 10000);
 * if(s < 0) perror("tls_attach_client");
 * ```
 *
 * # See also
 *
 * `tls_attach_client_verify`, `tls_attach_client_mem`, `tls_done`, `tls_detach`
 */
DILL_EXPORT int dill_tls_attach_client(int s, int64_t deadline);

/**
 * Starts a TLS session as client, without verifying the server, in memory of the caller's.
 *
 * WARNING: the server is not verified, see `tls_attach_client`.
 *
 * Works as `tls_attach_client`, but with memory of the caller's in the place of a block of
 * the library's; it must stay in place until the handle is closed. It needs no alignment.
 * The state of a session is mostly on the heap in any case.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `tls_attach_client`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tls_storage mem;
 * s = tls_attach_client_mem(s, &mem, now() + 10000);
 * ```
 *
 * # See also
 *
 * `tls_attach_client_verify_mem`, `tls_attach_client`
 */
DILL_EXPORT int dill_tls_attach_client_mem(int s, struct dill_tls_storage *mem, int64_t deadline);

/**
 * Starts a TLS session as client, and verifies the server.
 *
 * The certificate of the server must be issued by an authority that is trusted, and be for
 * `hostname`. Otherwise the call fails with `EACCES`.
 *
 * TLS 1.2 and 1.3 are spoken. The new socket is a byte stream; one coroutine may send
 * while another one receives. `tls_detach` ends the session in an orderly way and gives
 * the stream back; `hclose` closes both.
 *
 * As with all byte streams a call that did nothing has changed nothing. A send has begun when its
 * first record is encrypted, and waits before that for room in the stream beneath. A stream of the
 * program's own can't tell of room: there a send has begun at once.
 *
 * What the system trusts is looked up at the first call with `NULL` for `cafile`. The
 * environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` tell of another place.
 *
 * A TLS handshake needs up to 64 KiB of stack: use coroutines with stacks of the default
 * size, not `go_mem` with a small one.
 *
 * # Parameters
 *
 * - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
 *   more, whether the call succeeds or, for any reason but `EBADF`, fails.
 * - `hostname`: the name or the IP address that the certificate of the server must be for.
 *   A name is also sent to the server, which may have several certificates (SNI).
 * - `cafile`: a PEM file with the certificates of the authorities to trust, or `NULL` for
 *   those that the system trusts.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
 *   0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the TLS socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the certificate of the server was refused: nobody trusted has issued it, it
 *   is for another host, not valid yet or not any more, or revoked; or the server has
 *   refused us, which may want a certificate, or a file may not be read.
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
 * - `EINVAL`: `hostname` is `NULL`, or neither a name nor an address; or `cafile` holds no
 *   certificate, or something else than certificates.
 * - `EIO`: the system gives no random bytes.
 * - `EMFILE`, `ENFILE`: no handle is left, or no file descriptor for reading the files.
 * - `ENOENT`: a file does not exist, or the system trusts nobody.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: `s` is no byte stream; or the peer talks something else than TLS 1.2 or 1.3,
 *   breaks the rules or refuses the session.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = happyeyeballs_connect("www.example.org", 443, -1);
 * s = tls_attach_client_verify(s, "www.example.org", NULL, now() + 10000);
 * if(s < 0) perror("tls_attach_client_verify");
 * ```
 *
 * # See also
 *
 * `tls_attach_client_verify_mem`, `tls_attach_server`, `tls_done`, `tls_detach`
 */
DILL_EXPORT
int dill_tls_attach_client_verify(int s,
                                  const char *hostname,
                                  const char *cafile,
                                  int64_t deadline);

/**
 * Starts a TLS session as client, and verifies the server, in memory of the caller's.
 *
 * Works as `tls_attach_client_verify`, but with memory of the caller's in the place of a
 * block of the library's; it must stay in place until the handle is closed. It needs no
 * alignment. The state of a session is mostly on the heap in any case.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `tls_attach_client_verify`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tls_storage mem;
 * s = tls_attach_client_verify_mem(s, "www.example.org", NULL, &mem, -1);
 * ```
 *
 * # See also
 *
 * `tls_attach_client_verify`
 */
DILL_EXPORT
int dill_tls_attach_client_verify_mem(int s,
                                      const char *hostname,
                                      const char *cafile,
                                      struct dill_tls_storage *mem,
                                      int64_t deadline);

/**
 * Starts a TLS session as server.
 *
 * Clients are not asked who they are; `tls_attach_server_verify` does that.
 *
 * TLS 1.2 and 1.3 are spoken. The new socket is a byte stream; one coroutine may send
 * while another one receives. `tls_detach` ends the session in an orderly way and gives
 * the stream back; `hclose` closes both.
 *
 * As with all byte streams a call that did nothing has changed nothing. A send has begun when its
 * first record is encrypted, and waits before that for room in the stream beneath. A stream of the
 * program's own can't tell of room: there a send has begun at once.
 *
 * The files are read at each call, so a renewed certificate is used at once.
 *
 * A TLS handshake needs up to 64 KiB of stack: use coroutines with stacks of the default
 * size, not `go_mem` with a small one.
 *
 * # Parameters
 *
 * - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
 *   more, whether the call succeeds or, for any reason but `EBADF`, fails.
 * - `cert`: a PEM file with the certificate of the server, followed by those that lead
 *   from it to the authority, if there are any.
 * - `pkey`: a PEM file with the private key of the certificate.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
 *   0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the TLS socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the client has refused our certificate, or a file may not be read.
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
 * - `EINVAL`: a name is `NULL`, `cert` or `pkey` is no such file, or the key does not
 *   belong to the certificate.
 * - `EIO`: the system gives no random bytes.
 * - `EMFILE`, `ENFILE`: no handle is left, or no file descriptor for reading the files.
 * - `ENOENT`: a file does not exist.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: `s` is no byte stream; or the peer talks something else than TLS 1.2 or 1.3,
 *   breaks the rules or refuses the session.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_accept(ls, NULL, -1);
 * s = tls_attach_server(s, "chain.pem", "key.pem", now() + 10000);
 * if(s < 0) perror("tls_attach_server");
 * ```
 *
 * # See also
 *
 * `tls_attach_server_verify`, `tls_attach_server_mem`, `tls_done`, `tls_detach`
 */
DILL_EXPORT int dill_tls_attach_server(int s, const char *cert, const char *pkey, int64_t deadline);

/**
 * Starts a TLS session as server, in memory of the caller's.
 *
 * Works as `tls_attach_server`, but with memory of the caller's in the place of a block of
 * the library's; it must stay in place until the handle is closed. It needs no alignment.
 * The state of a session is mostly on the heap in any case.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `tls_attach_server`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tls_storage mem;
 * s = tls_attach_server_mem(s, "chain.pem", "key.pem", &mem, -1);
 * ```
 *
 * # See also
 *
 * `tls_attach_server`
 */
DILL_EXPORT
int dill_tls_attach_server_mem(int s,
                               const char *cert,
                               const char *pkey,
                               struct dill_tls_storage *mem,
                               int64_t deadline);

/**
 * Starts a TLS session as server, and verifies the client.
 *
 * The client must have a certificate that one of the given authorities has issued for a
 * client. Otherwise the call fails with `EACCES`. (In TLS 1.3 the client learns that after
 * its own handshake, from its first receive.)
 *
 * All else is as with `tls_attach_server`.
 *
 * # Parameters
 *
 * - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
 *   more, whether the call succeeds or, for any reason but `EBADF`, fails.
 * - `cert`: a PEM file with the certificate of the server, followed by those that lead
 *   from it to the authority, if there are any.
 * - `pkey`: a PEM file with the private key of the certificate.
 * - `client_cafile`: a PEM file with the certificates of the authorities whose clients are
 *   let in.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
 *   0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the TLS socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the client has no certificate, or one that was refused; or it has refused
 *   ours, or a file may not be read.
 * - `EBADF`: the handle is not open.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
 * - `EINVAL`: a name is `NULL`, a file is not what it should be, or the key does not
 *   belong to the certificate.
 * - `EIO`: the system gives no random bytes.
 * - `EMFILE`, `ENFILE`: no handle is left, or no file descriptor for reading the files.
 * - `ENOENT`: a file does not exist.
 * - `ENOMEM`: out of memory.
 * - `EPROTO`: `s` is no byte stream; or the peer talks something else than TLS 1.2 or 1.3,
 *   breaks the rules or refuses the session.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_accept(ls, NULL, -1);
 * s = tls_attach_server_verify(s, "chain.pem", "key.pem", "clients.pem", -1);
 * ```
 *
 * # See also
 *
 * `tls_attach_server`, `tls_attach_server_verify_mem`
 */
DILL_EXPORT
int dill_tls_attach_server_verify(int s,
                                  const char *cert,
                                  const char *pkey,
                                  const char *client_cafile,
                                  int64_t deadline);

/**
 * Starts a TLS session as server, and verifies the client, in memory of the caller's.
 *
 * Works as `tls_attach_server_verify`, but with memory of the caller's in the place of a
 * block of the library's; it must stay in place until the handle is closed. It needs no
 * alignment. The state of a session is mostly on the heap in any case.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `tls_attach_server_verify`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct tls_storage mem;
 * s = tls_attach_server_verify_mem(s, "chain.pem", "key.pem", "ca.pem", &mem, -1);
 * ```
 *
 * # See also
 *
 * `tls_attach_server_verify`
 */
DILL_EXPORT
int dill_tls_attach_server_verify_mem(int s,
                                      const char *cert,
                                      const char *pkey,
                                      const char *client_cafile,
                                      struct dill_tls_storage *mem,
                                      int64_t deadline);

/**
 * Ends the outgoing half of a TLS session.
 *
 * The peer is told by a `close_notify` that no more will come; after all that was sent
 * before, its receives fail with `EPIPE`. Receiving goes on here. The stream below stays as
 * it is: its own outgoing half is not ended.
 *
 * # Parameters
 *
 * - `s`: the TLS socket.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `ENOTSUP`: the handle is no TLS socket.
 * - `EPIPE`: the outgoing half has been ended already.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * bsend(s, "request", 7, -1);
 * tls_done(s, -1);
 * char answer[6];
 * brecv(s, answer, sizeof(answer), -1);
 * ```
 *
 * # See also
 *
 * `tls_detach`, `tls_attach_client_verify`, `tls_attach_server`
 */
DILL_EXPORT int dill_tls_done(int s, int64_t deadline);

/**
 * Ends a TLS session and gives the stream below back.
 *
 * Says goodbye, as `tls_done` does if it was not called before, and waits for the goodbye of
 * the peer; what else comes before that is dropped. The stream is left at the very byte
 * after it, so that peers can go on with another protocol.
 *
 * If the call fails the stream is closed. In any case the TLS socket is.
 *
 * # Parameters
 *
 * - `s`: the TLS socket.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation
 *   fails; 0 tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the stream below, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the peer has refused our certificate, or that we have none.
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket or receiving from it.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send or receive has failed, or the
 *   peer has ended the stream below without a goodbye.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no TLS socket.
 * - `EPROTO`: the peer has broken the rules.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = tls_detach(s, now() + 1000);
 * if(s >= 0) tcp_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `tls_done`, `tls_attach_client_verify`, `tls_attach_server`, `tcp_close`
 */
DILL_EXPORT int dill_tls_detach(int s, int64_t deadline);

#endif /* !defined DILL_DISABLE_TLS */

/* ============================================================================
 * HTTP
 * ========================================================================= */

/**
 * Memory for an HTTP socket, for the functions whose names end in `_mem`.
 *
 */
struct dill_http_storage {
    char _[1296];
};

/**
 * Makes an HTTP socket of a byte stream.
 *
 * Messages are sent and received one after another, as many as there are, with `http_sendrequest`
 * or `http_sendstatus`, `http_sendfield` and `http_done`, and `http_recvrequest` or
 * `http_recvstatus` and `http_recvfield`.
 *
 * The bodies of messages follow with `http_sendbody`, `http_donebody` and `http_recvbody`. The
 * socket is also a byte stream, that of the bodies, so that `bsend`, `brecv` and other protocols
 * can be used on it. Or take the stream beneath back with `http_detach` and treat the body in any
 * other way.
 *
 * The socket is a strict peer (RFC 9112): folded fields, line ends without CR, and more than one
 * word on a body's length are refused. No line may be longer than 8 KiB and no head longer than
 * 64 KiB.
 *
 * After an error the byte stream is closed, unless `s` was not open at all.
 *
 * # Parameters
 *
 * - `s`: the byte stream, which the HTTP socket takes over.
 *
 * # Return value
 *
 * The handle of the HTTP socket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EMFILE`: no handle is left.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&addr, -1);
 * s = http_attach(s);
 * http_sendrequest(s, "GET", "/", -1);
 * http_sendfield(s, "Host", "www.example.org", -1);
 * http_done(s, -1);
 * ```
 *
 * # See also
 *
 * `http_attach_mem`, `http_detach`, `http_sendrequest`, `http_recvrequest`
 */
DILL_EXPORT int dill_http_attach(int s);

/**
 * Makes an HTTP socket of a byte stream, with memory of the caller's.
 *
 * Works as `http_attach`. The memory is the socket's until the handle is closed; it needs no
 * alignment. The library may keep the socket's state in memory of its own instead.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `http_attach`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct http_storage mem;
 * int s = http_attach_mem(tcp_accept(ls, NULL, -1), &mem);
 * ```
 *
 * # See also
 *
 * `http_attach`, `http_detach`
 */
DILL_EXPORT int dill_http_attach_mem(int s, struct dill_http_storage *mem);

/**
 * Ends the head of a message and sends it.
 *
 * The whole head leaves in one piece. To have the beginning of the body in it too, leave
 * `http_done` out and call `http_sendbody`. A call that ends before the first byte has gone,
 * because of its deadline, a cancel scope or the cancellation of the coroutine, has changed
 * nothing: the head can still be sent.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: the fields do not tell where the body ends.
 * - `EMSGSIZE`: the head is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: no head was begun.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * http_sendstatus(s, 204, "No Content", -1);
 * http_done(s, -1);
 * ```
 *
 * # See also
 *
 * `http_sendfield`, `http_sendbody`, `http_recvfield`
 */
DILL_EXPORT int dill_http_done(int s, int64_t deadline);

/**
 * Ends the use of HTTP on a byte stream and gives that back.
 *
 * The exchange of heads is completed first. An outgoing head is ended, and the rest of an
 * incoming head is dropped, and so is the rest of a body of which a part was received. Where the
 * peer's head was not received yet, the function waits for it and drops it: the response to
 * each request that was sent, or, where no head was received at all, the first head. A socket
 * that has sent no head sends an empty line in place of one, for a peer that waits for it
 * likewise. The stream is left at the byte after that: after a head, at the first byte of the
 * body.
 *
 * On failure socket and stream are closed, except after `EBADF`, `EBUSY` and `ENOTSUP`.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the byte stream, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended within a message or before the peer's head,
 *   or an earlier call has failed.
 * - `EINVAL`: the fields of the head that was begun do not tell where the body ends.
 * - `EMSGSIZE`: the head that was begun, or the rest of what the peer has begun, is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPROTO`: the peer has not sent a proper message.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = http_detach(s, now() + 1000);
 * if(s >= 0) tcp_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `http_attach`, `http_done`, `hclose`
 */
DILL_EXPORT int dill_http_detach(int s, int64_t deadline);

/**
 * Begins a request.
 *
 * Nothing is sent until `http_done` or the first `http_sendbody`; or until the coroutine receives
 * from an HTTP socket, in case that waits for these very lines. A receive from this socket waits
 * until they are sent; one from another socket only sends what there is room for, and on a byte
 * stream of the program's own nothing. More requests may follow before the first one is answered.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `command`: the method, such as `GET`.
 * - `resource`: what is asked for, such as `/index.html`.
 * - `deadline`: not used: nothing is sent yet.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: the method or resource is `NULL` or contains what it may not.
 * - `EMSGSIZE`: the line is too long.
 * - `ENOBUFS`: 32 requests are not answered yet.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: a body was ended of which only the end of the connection can tell.
 * - `EPROTO`: the message before was not completed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * http_sendrequest(s, "GET", "/", -1);
 * http_sendfield(s, "Host", "www.example.org", -1);
 * http_done(s, -1);
 * ```
 *
 * # See also
 *
 * `http_recvrequest`, `http_sendfield`, `http_recvstatus`
 */
DILL_EXPORT
int dill_http_sendrequest(int s,
                          const char *command,
                          const char *resource,
                          int64_t deadline);

/**
 * Receives the first line of a request.
 *
 * What is left of the message before, head or body, is dropped first. A call that ends before the
 * first byte of the line has come, because of its deadline, a cancel scope or the cancellation of
 * the coroutine, has changed nothing: the next one works. An empty line before the request is no
 * part of it. After `EMSGSIZE` because of the memory the rest of the head can be received.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `command`: where the method goes.
 * - `commandlen`: size of that memory, with room for the terminating zero.
 * - `resource`: where the resource goes.
 * - `resourcelen`: size of that memory, with room for the terminating zero.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
 *   failed.
 * - `EINVAL`: `command` or `resource` is `NULL`.
 * - `EMSGSIZE`: a part does not fit, or the line is too long.
 * - `ENOBUFS`: 32 requests are not answered yet.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: the peer has ended the connection, and there is no further request.
 * - `EPROTO`: the peer has not sent a proper request.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char command[16], resource[256];
 * int rc = http_recvrequest(s, command, sizeof(command), resource, sizeof(resource), -1);
 * if(rc == 0) printf("%s %s\n", command, resource);
 * ```
 *
 * # See also
 *
 * `http_recvfield`, `http_recvbody`, `http_sendstatus`, `http_sendrequest`
 */
DILL_EXPORT
int dill_http_recvrequest(int s,
                          char *command,
                          size_t commandlen,
                          char *resource,
                          size_t resourcelen,
                          int64_t deadline);

/**
 * Begins a response.
 *
 * Nothing is sent yet, as with `http_sendrequest`.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `status`: the code, 100 to 599.
 * - `reason`: what it means in words. May be empty.
 * - `deadline`: not used: nothing is sent yet.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: the status is out of range, or the reason is `NULL` or contains what it may not.
 * - `EMSGSIZE`: the line is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: a body was ended of which only the end of the connection can tell.
 * - `EPROTO`: the message before was not completed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * http_sendstatus(s, 200, "OK", -1);
 * http_sendfield(s, "Content-Length", "5", -1);
 * http_sendbody(s, "hello", 5, -1);
 * ```
 *
 * # See also
 *
 * `http_recvstatus`, `http_sendfield`, `http_sendbody`
 */
DILL_EXPORT int dill_http_sendstatus(int s, int status, const char *reason, int64_t deadline);

/**
 * Receives the first line of a response.
 *
 * What is left of the message before, head or body, is dropped first. A call that ends before the
 * first byte of the line has come, because of its deadline, a cancel scope or the cancellation of
 * the coroutine, has changed nothing: the next one works. After `EMSGSIZE` because of the memory
 * the rest of the head can be received.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `reason`: where the status in words goes.
 * - `reasonlen`: size of that memory, with room for the terminating zero.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The status, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
 *   failed.
 * - `EINVAL`: `reason` is `NULL`.
 * - `EMSGSIZE`: the reason does not fit, or the line is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: the peer has ended the connection, and there is no further response.
 * - `EPROTO`: the peer has not sent a proper response.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char reason[64];
 * int status = http_recvstatus(s, reason, sizeof(reason), now() + 5000);
 * if(status == 404) printf("there is no such page\n");
 * ```
 *
 * # See also
 *
 * `http_recvfield`, `http_recvbody`, `http_sendstatus`
 */
DILL_EXPORT int dill_http_recvstatus(int s, char *reason, size_t reasonlen, int64_t deadline);

/**
 * Adds a field to the head of a message.
 *
 * Nothing is sent yet, as with `http_sendrequest`. `Content-Length` or `Transfer-Encoding:
 * chunked` also says how `http_sendbody` sends the body.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `name`: the name of the field.
 * - `value`: its value; blanks around it are dropped.
 * - `deadline`: not used: nothing is sent yet.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: name or value is `NULL` or contains what it may not, or contradicts an earlier
 *   field on the length of the body.
 * - `EMSGSIZE`: the head is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: no head was begun.
 * - `EPROTO`: the value is empty.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * http_sendfield(s, "Transfer-Encoding", "chunked", -1);
 * ```
 *
 * # See also
 *
 * `http_recvfield`, `http_done`, `http_sendbody`
 */
DILL_EXPORT int dill_http_sendfield(int s, const char *name, const char *value, int64_t deadline);

/**
 * Receives a field of a head.
 *
 * A call that ends before the first byte of the field has come has changed nothing, as with
 * `http_recvrequest`. After `EMSGSIZE` because of the memory the next field can be received.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `name`: where the name of the field goes.
 * - `namelen`: size of that memory, with room for the terminating zero.
 * - `value`: where its value goes.
 * - `valuelen`: size of that memory, with room for the terminating zero.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
 *   failed.
 * - `EINVAL`: `name` or `value` is `NULL`.
 * - `EMSGSIZE`: a part does not fit, or line or head is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: that was the last field.
 * - `EPROTO`: the peer has not sent a proper field, or one that contradicts another on the length
 *   of the body.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char name[64], value[256];
 * while(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1) == 0)
 *     printf("%s: %s\n", name, value);
 * if(errno != EPIPE) perror("http_recvfield");
 * ```
 *
 * # See also
 *
 * `http_recvrequest`, `http_recvstatus`, `http_recvbody`, `http_sendfield`
 */
DILL_EXPORT
int dill_http_recvfield(int s,
                        char *name,
                        size_t namelen,
                        char *value,
                        size_t valuelen,
                        int64_t deadline);

/**
 * Sends a part of the body of a message.
 *
 * If the head was not ended by `http_done`, it is now, and leaves in one piece with these bytes.
 * With `Transfer-Encoding: chunked` they become a chunk; with `Content-Length` not more than that
 * many can be sent; a response that has neither ends with the connection. `bsend` and `bsendl` do
 * the same. A call that ends before its first byte has gone, head included, has changed nothing.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `buf`: the bytes to send. May be `NULL` if `len` is 0.
 * - `len`: their number.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: `buf` is `NULL` though `len` is not 0, or the fields of the head do not tell where
 *   the body ends.
 * - `EMSGSIZE`: the message has no body, or less of it is left. Nothing was sent.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: no message was begun.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * http_sendstatus(s, 200, "OK", -1);
 * http_sendfield(s, "Transfer-Encoding", "chunked", -1);
 * http_sendbody(s, "hello ", 6, -1);
 * http_sendbody(s, "world", 5, -1);
 * http_donebody(s, -1);
 * ```
 *
 * # See also
 *
 * `http_donebody`, `http_recvbody`, `http_sendfield`, `bsend`
 */
DILL_EXPORT int dill_http_sendbody(int s, const void *buf, size_t len, int64_t deadline);

/**
 * Ends the body of a message.
 *
 * Needed with `Transfer-Encoding: chunked`, of which the last chunk is sent now. In any case it
 * checks that the message is complete. If the head was not ended yet, it is.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier send has failed.
 * - `EINVAL`: the fields of the head do not tell where the body ends.
 * - `EMSGSIZE`: the body is shorter than its `Content-Length`.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: no message was begun.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * http_sendbody(s, "bye", 3, -1);
 * http_donebody(s, -1);
 * ```
 *
 * # See also
 *
 * `http_sendbody`, `http_recvbody`
 */
DILL_EXPORT int dill_http_donebody(int s, int64_t deadline);

/**
 * Receives a part of the body of a message.
 *
 * `len` bytes are received, or fewer at the end of the body. Fields of the head that were not
 * received are dropped. `brecv` and `brecvl` do the same for programs that know how much is to
 * come, and fail with `EPIPE` if it is less. What stands between chunks is no part of the body: a
 * call that ends before it has received a byte of the body, because of its deadline, a cancel
 * scope or the cancellation of the coroutine, has changed nothing, and the next one works. When `choose` says that the socket is ready, that may
 * be the size of the body's first chunk only, and the bytes are still to come.
 *
 * # Parameters
 *
 * - `s`: the HTTP socket.
 * - `buf`: where the bytes go. If it is `NULL` they are dropped.
 * - `len`: how many bytes to receive.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The number of bytes received, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
 *   failed.
 * - `EINVAL`: invalid argument.
 * - `EMSGSIZE`: a line in a chunked body is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no HTTP socket.
 * - `EPIPE`: the body has ended, or there is none.
 * - `EPROTO`: the peer has not sent a proper body.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char buf[4096];
 * ssize_t len;
 * while((len = http_recvbody(s, buf, sizeof(buf), -1)) >= 0)
 *     fwrite(buf, 1, (size_t)len, stdout);
 * if(errno != EPIPE) perror("http_recvbody");
 * ```
 *
 * # See also
 *
 * `http_sendbody`, `http_recvfield`, `brecv`
 */
DILL_EXPORT
ptrdiff_t dill_http_recvbody(int s,
                             void *buf,
                             size_t len,
                             int64_t deadline);

/* ============================================================================
 * WebSocket
 * ========================================================================= */

/**
 * Binary messages. The default.
 */
#define DILL_WS_BINARY 0

/**
 * Text messages: UTF-8.
 */
#define DILL_WS_TEXT 1

/**
 * Leave out the handshake.
 */
#define DILL_WS_NOHTTP 2

/**
 * Size of the keys of `ws_request_key` and `ws_response_key`, with the terminating zero.
 */
#define DILL_WS_KEY_SIZE 32

/**
 * Memory for a WebSocket, for the functions whose names end in `_mem`.
 *
 */
struct dill_ws_storage {
    char _[176];
};

/**
 * Makes the client's end of a WebSocket of a byte stream.
 *
 * The handshake of RFC 6455 is an HTTP exchange. With `WS_NOHTTP` there is none: both sides just
 * start to send frames, which allows for a handshake of the program's own.
 *
 * While the socket is open, pings are answered in receives, and nothing needs to be done about
 * them. No call waits for room for an answer on the library's own streams: it is kept, and goes
 * in front of what is sent next, or with the next receive; of several pings the last one is
 * answered then. Messages of type text are checked to be UTF-8 on both ways. End the connection
 * with `ws_detach`, or with `hclose` to drop it.
 *
 * After an error the byte stream is closed, unless `s` was not open at all.
 *
 * # Parameters
 *
 * - `s`: the byte stream, which the WebSocket takes over.
 * - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the messages that `msend` sends and `mrecv`
 *   expects; and `WS_NOHTTP` to leave out the handshake.
 * - `resource`: the resource to ask for, such as `/chat`. Not used with `WS_NOHTTP`.
 * - `host`: the virtual host, with a port if it is not the default. Not used with `WS_NOHTTP`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the WebSocket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken.
 * - `EINVAL`: a flag is unknown, or `resource` or `host` is missing or can't stand in a head.
 * - `EIO`: the system gives no random bytes.
 * - `EMFILE`: no handle is left.
 * - `EMSGSIZE`: the server's answer is too long.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPROTO`: the server has not answered as a WebSocket server does.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&addr, -1);
 * s = ws_attach_client(s, WS_TEXT, "/chat", "www.example.org", -1);
 * msend(s, "hello", 5, -1);
 * ```
 *
 * # See also
 *
 * `ws_attach_client_mem`, `ws_attach_server`, `ws_detach`, `ws_send`, `ws_recv`, `msend`, `mrecv`
 */
DILL_EXPORT
int dill_ws_attach_client(int s,
                          int flags,
                          const char *resource,
                          const char *host,
                          int64_t deadline);

/**
 * Makes the client's end of a WebSocket, with memory of the caller's.
 *
 * Works as `ws_attach_client`. The memory is the socket's until the handle is closed; it needs no
 * alignment. The library may keep the socket's state in memory of its own instead.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `ws_attach_client`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ws_storage mem;
 * s = ws_attach_client_mem(s, WS_BINARY | WS_NOHTTP, NULL, NULL, &mem, -1);
 * ```
 *
 * # See also
 *
 * `ws_attach_client`, `ws_attach_server_mem`
 */
DILL_EXPORT
int dill_ws_attach_client_mem(int s,
                              int flags,
                              const char *resource,
                              const char *host,
                              struct dill_ws_storage *mem,
                              int64_t deadline);

/**
 * Makes the server's end of a WebSocket of a byte stream.
 *
 * The handshake of RFC 6455 is an HTTP exchange. With `WS_NOHTTP` there is none: both sides just
 * start to send frames, which allows for a handshake of the program's own.
 *
 * While the socket is open, pings are answered in receives, and nothing needs to be done about
 * them. No call waits for room for an answer on the library's own streams: it is kept, and goes
 * in front of what is sent next, or with the next receive; of several pings the last one is
 * answered then. Messages of type text are checked to be UTF-8 on both ways. End the connection
 * with `ws_detach`, or with `hclose` to drop it.
 *
 * After an error the byte stream is closed, unless `s` was not open at all.
 *
 * # Parameters
 *
 * - `s`: the byte stream, which the WebSocket takes over.
 * - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the messages that `msend` sends and `mrecv`
 *   expects; and `WS_NOHTTP` to leave out the handshake.
 * - `resource`: where the resource that the client asks for goes, or `NULL`.
 * - `resourcelen`: size of that memory, with room for the terminating zero.
 * - `host`: where the virtual host that the client names goes, or `NULL`.
 * - `hostlen`: size of that memory, with room for the terminating zero.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the WebSocket, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken.
 * - `EINVAL`: a flag is unknown.
 * - `EMFILE`: no handle is left.
 * - `EMSGSIZE`: the client's request is too long, or its resource or host does not fit.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPROTO`: the client has not asked for a WebSocket of this version. It was told so.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * char resource[256], host[256];
 * int s = tcp_accept(ls, NULL, -1);
 * s = ws_attach_server(s, WS_TEXT, resource, sizeof(resource), host, sizeof(host), -1);
 * ```
 *
 * # See also
 *
 * `ws_attach_server_mem`, `ws_attach_client`, `ws_detach`, `ws_send`, `ws_recv`
 */
DILL_EXPORT
int dill_ws_attach_server(int s,
                          int flags,
                          char *resource,
                          size_t resourcelen,
                          char *host,
                          size_t hostlen,
                          int64_t deadline);

/**
 * Makes the server's end of a WebSocket, with memory of the caller's.
 *
 * Works as `ws_attach_server`. The memory is the socket's until the handle is closed; it needs no
 * alignment. The library may keep the socket's state in memory of its own instead.
 *
 * # Parameters
 *
 * - `mem`: memory for the socket.
 *
 * # Errors
 *
 * Those of `ws_attach_server`, and `EINVAL` if `mem` is `NULL`.
 *
 * # Example
 *
 * ```c
 * struct ws_storage mem;
 * s = ws_attach_server_mem(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, &mem, -1);
 * ```
 *
 * # See also
 *
 * `ws_attach_server`, `ws_attach_client_mem`
 */
DILL_EXPORT
int dill_ws_attach_server_mem(int s,
                              int flags,
                              char *resource,
                              size_t resourcelen,
                              char *host,
                              size_t hostlen,
                              struct dill_ws_storage *mem,
                              int64_t deadline);

/**
 * Sends a message of a given type to a WebSocket.
 *
 * `msend` does the same with the type that was given to `ws_attach_client` or `ws_attach_server`.
 * A call that ends before its first byte has gone has changed nothing, as with `msend`; after an
 * error under way nothing more can be sent to the socket.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the message.
 * - `buf`: the message. May be `NULL` if `len` is 0.
 * - `len`: its length in bytes.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EILSEQ`: a text message is not UTF-8. Nothing was sent.
 * - `EINVAL`: invalid argument.
 * - `EIO`: the system gives no random bytes.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no WebSocket.
 * - `EPIPE`: the outgoing stream was ended by `ws_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * ws_send(s, WS_TEXT, "hello", 5, -1);
 * ```
 *
 * # See also
 *
 * `ws_sendl`, `ws_recv`, `ws_done`, `msend`
 */
DILL_EXPORT int dill_ws_send(int s, int flags, const void *buf, size_t len, int64_t deadline);

/**
 * Receives a message from a WebSocket, with its type.
 *
 * A message may have come in any number of frames, and pings between them are answered. Pings and
 * pongs are no part of a message: a call that ends before the first byte of one has come, because
 * of its deadline, a cancel scope or the cancellation of the coroutine, has changed nothing, even
 * if it has answered pings. So a connection can be kept alive by a call with a deadline, a message
 * when that has passed, and another call. If a call is cut off in a message, no more can be
 * received. After
 * `EILSEQ`, `EMSGSIZE` or `EPROTO` no more can be received; a following `ws_done` or `ws_detach`
 * without a status tells the peer why.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `flags`: where the type of the message goes, `WS_TEXT` or `WS_BINARY`, or `NULL`.
 * - `buf`: where the message goes. If it is `NULL` the message is dropped.
 * - `len`: size of that memory: the message may not be longer.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The length of the message in bytes, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended without a Close frame, or an earlier
 *   receive has failed.
 * - `EILSEQ`: a text message or the reason of a Close frame is not UTF-8.
 * - `EINVAL`: invalid argument.
 * - `EMSGSIZE`: the message does not fit.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no WebSocket.
 * - `EPIPE`: the peer has ended its stream; see `ws_status`.
 * - `EPROTO`: the peer breaks the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char buf[256];
 * int flags;
 * ssize_t len = ws_recv(s, &flags, buf, sizeof(buf), -1);
 * if(len < 0 && errno == EPIPE) printf("that was all\n");
 * ```
 *
 * # See also
 *
 * `ws_recvl`, `ws_send`, `ws_status`, `mrecv`
 */
DILL_EXPORT ptrdiff_t dill_ws_recv(int s, int *flags, void *buf, size_t len, int64_t deadline);

/**
 * Sends a message of a given type, gathered from a list of buffers, to a WebSocket.
 *
 * Works as `ws_send`.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the message.
 * - `first`: the first buffer of the list.
 * - `last`: the last one, with `iol_next` `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EILSEQ`: a text message is not UTF-8. Nothing was sent.
 * - `EINVAL`: invalid argument.
 * - `EIO`: the system gives no random bytes.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no WebSocket.
 * - `EPIPE`: the outgoing stream was ended by `ws_done`.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * struct iolist tail = {" world", 6, NULL, 0};
 * struct iolist head = {"hello", 5, &tail, 0};
 * ws_sendl(s, WS_TEXT, &head, &tail, -1);
 * ```
 *
 * # See also
 *
 * `ws_send`, `ws_recvl`, `msendl`
 */
DILL_EXPORT
int dill_ws_sendl(int s,
                  int flags,
                  struct dill_iolist *first,
                  struct dill_iolist *last,
                  int64_t deadline);

/**
 * Receives a message from a WebSocket into a list of buffers, with its type.
 *
 * Works as `ws_recv`. What goes to a buffer without memory is dropped. Without any list (both
 * pointers `NULL`) the whole message is.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `flags`: where the type of the message goes, `WS_TEXT` or `WS_BINARY`, or `NULL`.
 * - `first`: the first buffer of the list.
 * - `last`: the last one, with `iol_next` `NULL`.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The length of the message in bytes, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is receiving from the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, has ended without a Close frame, or an earlier
 *   receive has failed.
 * - `EILSEQ`: a text message or the reason of a Close frame is not UTF-8.
 * - `EINVAL`: invalid argument.
 * - `EMSGSIZE`: the message does not fit.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no WebSocket.
 * - `EPIPE`: the peer has ended its stream; see `ws_status`.
 * - `EPROTO`: the peer breaks the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char start[4], rest[60];
 * struct iolist tail = {rest, sizeof(rest), NULL, 0};
 * struct iolist head = {start, sizeof(start), &tail, 0};
 * ssize_t len = ws_recvl(s, NULL, &head, &tail, -1);
 * ```
 *
 * # See also
 *
 * `ws_recv`, `ws_sendl`, `mrecvl`
 */
DILL_EXPORT
ptrdiff_t dill_ws_recvl(int s,
                        int *flags,
                        struct dill_iolist *first,
                        struct dill_iolist *last,
                        int64_t deadline);

/**
 * Ends the outgoing stream of a WebSocket.
 *
 * The peer gets all that was sent before, and then `EPIPE`. Receiving goes on. If a receive has
 * failed because of what the peer has sent, a `status` of 0 stands for the code that says so.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `status`: why: 1000 for a normal end, another code of RFC 6455, one from 3000 to 4999 of the
 *   program's own, or 0 to send none.
 * - `buf`: the reason in words, UTF-8. May be `NULL` if `len` is 0.
 * - `len`: its length, up to 123 bytes; 0 if `status` is 0.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is sending to the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EINVAL`: a Close frame can't say that: the status is none that may be sent, the reason is
 *   too long or not UTF-8, or comes without a status.
 * - `EIO`: the system gives no random bytes.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no WebSocket.
 * - `EPIPE`: the stream was ended before.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * ws_done(s, 1000, "bye", 3, -1);
 * ```
 *
 * # See also
 *
 * `ws_detach`, `ws_status`
 */
DILL_EXPORT int dill_ws_done(int s, int status, const void *buf, size_t len, int64_t deadline);

/**
 * Ends a WebSocket in an orderly way and gives back the stream beneath.
 *
 * Ends the outgoing stream as `ws_done` does, if that wasn't done yet, and waits for the peer to
 * end its own; messages that come until then are dropped. The stream beneath is left at the byte
 * after the peer's Close frame.
 *
 * On failure the WebSocket and the stream are closed, except after `EBADF`, `EBUSY`, `EINVAL` and
 * `ENOTSUP`.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `status`: why: 1000 for a normal end, another code of RFC 6455, one from 3000 to 4999 of the
 *   program's own, or 0 to send none.
 * - `buf`: the reason in words, UTF-8. May be `NULL` if `len` is 0.
 * - `len`: its length, up to 123 bytes; 0 if `status` is 0.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The handle of the byte stream, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EILSEQ`: text from the peer is not UTF-8.
 * - `EINVAL`: a Close frame can't say that: the status is none that may be sent, the reason is
 *   too long or not UTF-8, or comes without a status.
 * - `EIO`: the system gives no random bytes.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no WebSocket.
 * - `EPROTO`: the peer breaks the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * s = ws_detach(s, 1000, "bye", 3, now() + 1000);
 * if(s >= 0) tcp_close(s, now() + 1000);
 * ```
 *
 * # See also
 *
 * `ws_done`, `ws_status`, `hclose`
 */
DILL_EXPORT int dill_ws_detach(int s, int status, const void *buf, size_t len, int64_t deadline);

/**
 * Tells why the peer has ended its stream.
 *
 * # Parameters
 *
 * - `s`: the WebSocket.
 * - `status`: where the code goes, 0 if the peer has given none; or `NULL`.
 * - `buf`: where the reason in words goes, without a terminating zero; or `NULL`.
 * - `len`: size of that memory; 123 bytes are always enough.
 *
 * # Return value
 *
 * The length of the reason in bytes, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EAGAIN`: the peer has not ended its stream yet.
 * - `EBADF`: the handle is not open.
 * - `EINVAL`: `buf` is `NULL` though `len` is not 0.
 * - `EMSGSIZE`: the reason does not fit.
 * - `ENOTSUP`: the handle is no WebSocket.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int status;
 * char reason[123];
 * ssize_t len = ws_status(s, &status, reason, sizeof(reason));
 * if(len >= 0) printf("%d %.*s\n", status, (int)len, reason);
 * ```
 *
 * # See also
 *
 * `ws_recv`, `ws_done`, `ws_detach`
 */
DILL_EXPORT ptrdiff_t dill_ws_status(int s, int *status, void *buf, size_t len);

/**
 * Makes a key for a handshake of the program's own.
 *
 * It goes into the request's field `Sec-WebSocket-Key`.
 *
 * # Parameters
 *
 * - `request_key`: where the key goes: `WS_KEY_SIZE` bytes.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EINVAL`: `request_key` is `NULL`.
 * - `EIO`: the system has no random bytes.
 *
 * # Thread safety
 *
 * May be called on any thread.
 *
 * # Example
 *
 * ```c
 * char key[WS_KEY_SIZE];
 * ws_request_key(key);
 * http_sendfield(s, "Sec-WebSocket-Key", key, -1);
 * ```
 *
 * # See also
 *
 * `ws_response_key`, `ws_attach_client`
 */
DILL_EXPORT int dill_ws_request_key(char *request_key);

/**
 * Makes the answer to the key of a handshake.
 *
 * It goes into the response's field `Sec-WebSocket-Accept`, and a client compares it with what it
 * gets there.
 *
 * # Parameters
 *
 * - `request_key`: the key that came in the request.
 * - `response_key`: where the answer goes: `WS_KEY_SIZE` bytes.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EINVAL`: an argument is `NULL`.
 * - `EPROTO`: `request_key` is no key.
 *
 * # Thread safety
 *
 * May be called on any thread.
 *
 * # Example
 *
 * ```c
 * char answer[WS_KEY_SIZE];
 * if(ws_response_key(text, answer) == 0)
 *     http_sendfield(s, "Sec-WebSocket-Accept", answer, -1);
 * ```
 *
 * # See also
 *
 * `ws_request_key`, `ws_attach_server`
 */
DILL_EXPORT int dill_ws_response_key(const char *request_key, char *response_key);

/* ============================================================================
 * SOCKS5
 * ========================================================================= */

/* Decides whether a user name and a password are right: returns 0 for no. */
typedef int dill_socks5_auth_function(const char *username, const char *password);

/**
 * Connect to the address.
 */
#define DILL_SOCKS5_CONNECT 1

/**
 * Wait for a connection from the address.
 */
#define DILL_SOCKS5_BIND 2

/**
 * Pass datagrams on.
 */
#define DILL_SOCKS5_UDP_ASSOCIATE 3

/**
 * It has been done.
 */
#define DILL_SOCKS5_SUCCESS 0

/**
 * The proxy has failed.
 */
#define DILL_SOCKS5_GENERAL_FAILURE 1

/**
 * The proxy does not allow that.
 */
#define DILL_SOCKS5_CONNECTION_NOT_ALLOWED 2

/**
 * The network cannot be reached.
 */
#define DILL_SOCKS5_NETWORK_UNREACHABLE 3

/**
 * The host cannot be reached.
 */
#define DILL_SOCKS5_HOST_UNREACHABLE 4

/**
 * The host refuses the connection.
 */
#define DILL_SOCKS5_CONNECTION_REFUSED 5

/**
 * It has taken too long.
 */
#define DILL_SOCKS5_TTL_EXPIRED 6

/**
 * The proxy does not know the command.
 */
#define DILL_SOCKS5_COMMAND_NOT_SUPPORTED 7

/**
 * The proxy does not know such addresses.
 */
#define DILL_SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED 8

/**
 * Has a SOCKS5 proxy connect a byte stream to an address.
 *
 * On success the stream is as if it was connected to there itself. After an error it is of no
 * further use, unless the error was `EINVAL`. `ETIMEDOUT` may also come from the proxy.
 *
 * # Parameters
 *
 * - `s`: a byte stream to the proxy.
 * - `username`: the user's name, up to 255 bytes, or `NULL`.
 * - `password`: the password, up to 255 bytes, or `NULL`. Only if there is both, they are
 *   offered.
 * - `addr`: the address to connect to.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the proxy does not accept the user, or does not allow the connection.
 * - `EAFNOSUPPORT`: `addr` holds no IP address, or the proxy does not support its kind.
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNREFUSED`: nobody listens at the address.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EHOSTUNREACH`, `ENETUNREACH`: the host cannot be reached.
 * - `EINVAL`: `addr` is `NULL`, or name or password is too long.
 * - `EIO`: the proxy has failed.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EOPNOTSUPP`: the proxy does not connect anybody.
 * - `EPIPE`: the peer has ended the stream.
 * - `EPROTO`: the proxy does not keep to the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&peer, -1);
 * if(socks5_client_connect(s, NULL, NULL, &addr, now() + 5000) == 0)
 *     bsend(s, "hello", 5, -1);
 * ```
 *
 * # See also
 *
 * `socks5_client_connectbyname`, `socks5_proxy_auth`
 */
DILL_EXPORT
int dill_socks5_client_connect(int s,
                               const char *username,
                               const char *password,
                               struct dill_ipaddr *addr,
                               int64_t deadline);

/**
 * Has a SOCKS5 proxy connect a byte stream to a host.
 *
 * On success the stream is as if it was connected to there itself. After an error it is of no
 * further use, unless the error was `EINVAL`. `ETIMEDOUT` may also come from the proxy.
 *
 * # Parameters
 *
 * - `s`: a byte stream to the proxy.
 * - `username`: the user's name, up to 255 bytes, or `NULL`.
 * - `password`: the password, up to 255 bytes, or `NULL`. Only if there is both, they are
 *   offered.
 * - `hostname`: the host to connect to: a name of up to 255 bytes, which the proxy looks up, or
 *   an address.
 * - `port`: the port, 1 to 65535.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the proxy does not accept the user, or does not allow the connection.
 * - `EAFNOSUPPORT`: the proxy does not support this kind of address.
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNREFUSED`: nobody listens at the address.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EHOSTUNREACH`, `ENETUNREACH`: the host cannot be reached.
 * - `EINVAL`: `hostname` is `NULL`, empty or too long, `port` is out of range, or name or
 *   password is too long.
 * - `EIO`: the proxy has failed.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EOPNOTSUPP`: the proxy does not connect anybody.
 * - `EPIPE`: the peer has ended the stream.
 * - `EPROTO`: the proxy does not keep to the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_connect(&peer, -1);
 * socks5_client_connectbyname(s, "user", "secret", "www.example.org", 80, now() + 5000);
 * ```
 *
 * # See also
 *
 * `socks5_client_connect`, `socks5_proxy_auth`
 */
DILL_EXPORT
int dill_socks5_client_connectbyname(int s,
                                     const char *username,
                                     const char *password,
                                     const char *hostname,
                                     int port,
                                     int64_t deadline);

/**
 * Finds out whom the client of a SOCKS5 proxy is.
 *
 * The first of three steps, each of which is a function: `socks5_proxy_auth`,
 * `socks5_proxy_recvcommand` and `socks5_proxy_sendreply`. `auth_fn` must not block.
 *
 * # Parameters
 *
 * - `s`: a byte stream to the client.
 * - `auth_fn`: decides whether a user name and a password are right: returns 0 for no. If it is
 *   `NULL`, clients are accepted without any.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EACCES`: the client is not accepted, or offers no suitable way to say who it is. It was told
 *   so.
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the peer has ended the stream.
 * - `EPROTO`: the client does not keep to the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int s = tcp_accept(ls, NULL, -1);
 * if(socks5_proxy_auth(s, NULL, now() + 5000) < 0) perror("socks5_proxy_auth");
 * ```
 *
 * # See also
 *
 * `socks5_proxy_recvcommand`, `socks5_proxy_recvcommandbyname`, `socks5_proxy_sendreply`
 */
DILL_EXPORT
int dill_socks5_proxy_auth(int s,
                           int (*auth_fn)(const char *username, const char *password),
                           int64_t deadline);

/**
 * Receives what the client of a SOCKS5 proxy wants, with an address.
 *
 * If the client names a host, its address is looked up, IPv4 first.
 *
 * # Parameters
 *
 * - `s`: a byte stream to the client.
 * - `ipaddr`: where the address that the client wants to reach goes.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The command, `SOCKS5_CONNECT`, `SOCKS5_BIND` or `SOCKS5_UDP_ASSOCIATE`; or -1 with `errno` set
 * to one of the values below.
 *
 * # Errors
 *
 * - `EADDRNOTAVAIL`: the host that the client names has no address.
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EINVAL`: `ipaddr` is `NULL`.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the peer has ended the stream.
 * - `EPROTO`: the client does not keep to the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * if(socks5_proxy_recvcommand(s, &addr, -1) == SOCKS5_CONNECT) {
 *     int u = tcp_connect(&addr, now() + 5000);
 * }
 * ```
 *
 * # See also
 *
 * `socks5_proxy_recvcommandbyname`, `socks5_proxy_auth`, `socks5_proxy_sendreply`
 */
DILL_EXPORT int dill_socks5_proxy_recvcommand(int s, struct dill_ipaddr *ipaddr, int64_t deadline);

/**
 * Receives what the client of a SOCKS5 proxy wants, with a host.
 *
 * # Parameters
 *
 * - `s`: a byte stream to the client.
 * - `host`: where the host that the client wants to reach goes, a name or an address: 256 bytes.
 * - `port`: where the port goes.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * The command, `SOCKS5_CONNECT`, `SOCKS5_BIND` or `SOCKS5_UDP_ASSOCIATE`; or -1 with `errno` set
 * to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EINVAL`: `host` or `port` is `NULL`.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the peer has ended the stream.
 * - `EPROTO`: the client does not keep to the protocol.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * char host[256];
 * int port;
 * int command = socks5_proxy_recvcommandbyname(s, host, &port, -1);
 * if(command == SOCKS5_CONNECT) printf("%s, port %d\n", host, port);
 * ```
 *
 * # See also
 *
 * `socks5_proxy_recvcommand`, `socks5_proxy_auth`, `socks5_proxy_sendreply`
 */
DILL_EXPORT int dill_socks5_proxy_recvcommandbyname(int s, char *host, int *port, int64_t deadline);

/**
 * Tells the client of a SOCKS5 proxy what has come of its command.
 *
 * After success, what the client sends and receives is its own.
 *
 * # Parameters
 *
 * - `s`: a byte stream to the client.
 * - `reply`: what has come of the command: `SOCKS5_SUCCESS`, `SOCKS5_GENERAL_FAILURE`,
 *   `SOCKS5_CONNECTION_NOT_ALLOWED`, `SOCKS5_NETWORK_UNREACHABLE`, `SOCKS5_HOST_UNREACHABLE`,
 *   `SOCKS5_CONNECTION_REFUSED`, `SOCKS5_TTL_EXPIRED`, `SOCKS5_COMMAND_NOT_SUPPORTED` or
 *   `SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED`.
 * - `ipaddr`: the address that the proxy uses for the client, or 0.0.0.0 with port 0.
 * - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
 *   tries without blocking, -1 waits for ever.
 *
 * # Return value
 *
 * 0, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EAFNOSUPPORT`: `ipaddr` holds no IP address.
 * - `EBADF`: the handle is not open, or was closed during the call.
 * - `EBUSY`: another coroutine is using the socket.
 * - `ECANCELED`: the coroutine was cancelled.
 * - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
 * - `EINVAL`: the reply is none, or `ipaddr` is `NULL`.
 * - `ENOMEM`: out of memory.
 * - `ENOTSUP`: the handle is no bytestream socket.
 * - `EPIPE`: the stream was ended before.
 * - `ETIMEDOUT`: the deadline has passed.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * struct ipaddr addr;
 * ipaddr_local(&addr, "0.0.0.0", 0, IPADDR_IPV4);
 * socks5_proxy_sendreply(s, SOCKS5_SUCCESS, &addr, -1);
 * ```
 *
 * # See also
 *
 * `socks5_proxy_recvcommand`, `socks5_proxy_recvcommandbyname`
 */
DILL_EXPORT
int dill_socks5_proxy_sendreply(int s,
                                int reply,
                                struct dill_ipaddr *ipaddr,
                                int64_t deadline);

#endif /* !defined DILL_DISABLE_SOCKETS */

#if defined __cplusplus
}
#endif

#if !defined DILL_DISABLE_RAW_NAMES

/* Words that are also the C++ library's: functions there, as macros would be replaced in its
   headers, too. Templates, so that a program's own function goes before; in the oldest C++
   plain ones. */
#if defined __cplusplus
extern "C++" {
#if __cplusplus >= 201103L
#define DILL_RAW_ template<int = 0> inline
#else
#define DILL_RAW_ inline
#endif
DILL_RAW_ int64_t now() { return dill_now(); }
DILL_RAW_ int yield() { return dill_yield(); }
#undef DILL_RAW_
}
#else
#define now dill_now
#define yield dill_yield
#endif

/* Time and descriptors */
#define fdclean dill_fdclean
#define fdin dill_fdin
#define fdout dill_fdout
#define msleep dill_msleep

/* Handles */
#define hclose dill_hclose
#define hown dill_hown

/* Coroutines */
#define bundle dill_bundle
#define bundle_go dill_bundle_go
#define bundle_go_mem dill_bundle_go_mem
#define bundle_mem dill_bundle_mem
#define bundle_storage dill_bundle_storage
#define bundle_wait dill_bundle_wait
#define coroutine dill_coroutine
#define go dill_go
#define go_mem dill_go_mem

/* Channels */
#define CHBUNDLE DILL_CHBUNDLE
#define CHFDIN DILL_CHFDIN
#define CHFDOUT DILL_CHFDOUT
#define CHRECV DILL_CHRECV
#define CHREQUEST DILL_CHREQUEST
#define CHSEND DILL_CHSEND
#define CHSOCK DILL_CHSOCK
#define chclause dill_chclause
#define chdone dill_chdone
#define chmake dill_chmake
#define chmake_mem dill_chmake_mem
#define choose dill_choose
#define chrecv dill_chrecv
#define chsend dill_chsend
#define chstorage dill_chstorage

/* Graceful shutdown */
#define bundle_cancel dill_bundle_cancel
#define bundle_deadline dill_bundle_deadline
#define bundle_fail dill_bundle_fail
#define bundle_follow dill_bundle_follow
#define bundle_notify dill_bundle_notify
#define bundle_request dill_bundle_request
#define bundle_requested dill_bundle_requested

/* Cancel scopes */
#define CANCEL_SCOPE DILL_CANCEL_SCOPE
#define cancel_enter dill_cancel_enter
#define cancel_fired dill_cancel_fired
#define cancel_leave dill_cancel_leave
#define cancel_scope dill_cancel_scope

/* Signals */
#define sigchan dill_sigchan

/* Words that many programs use already: only where they are asked for. */
#if defined DILL_RAW_NAMES
#if DILL_RAW_NAMES >= 2
#if defined __cplusplus
extern "C++" {
#if __cplusplus >= 201103L
#define DILL_RAW_ template<int = 0> inline
#else
#define DILL_RAW_ inline
#endif
DILL_RAW_ int64_t deadline() { return dill_deadline(); }
DILL_RAW_ int dump(int fd) { return dill_dump(fd); }
DILL_RAW_ int last_resort(int64_t timeout, int status) {
    return dill_last_resort(timeout, status);
}
DILL_RAW_ int64_t left(int64_t deadline) { return dill_left(deadline); }
DILL_RAW_ const char *reason() { return dill_reason(); }
#undef DILL_RAW_
}
#else
#define deadline dill_deadline
#define dump dill_dump
#define last_resort dill_last_resort
#define left dill_left
#define reason dill_reason
#endif
#endif
#endif

#if !defined DILL_DISABLE_SOCKETS

/* Gather and scatter lists */
#define iolist dill_iolist

/* Bytestream sockets */
#define brecv dill_brecv
#define brecvl dill_brecvl
#define bsend dill_bsend
#define bsendl dill_bsendl

/* Message sockets */
#define mrecv dill_mrecv
#define mrecvl dill_mrecvl
#define msend dill_msend
#define msendl dill_msendl

/* IP addresses */
#define IPADDR_IPV4 DILL_IPADDR_IPV4
#define IPADDR_IPV6 DILL_IPADDR_IPV6
#define IPADDR_MAXSTRLEN DILL_IPADDR_MAXSTRLEN
#define IPADDR_PREF_IPV4 DILL_IPADDR_PREF_IPV4
#define IPADDR_PREF_IPV6 DILL_IPADDR_PREF_IPV6
#define ipaddr dill_ipaddr
#define ipaddr_equal dill_ipaddr_equal
#define ipaddr_family dill_ipaddr_family
#define ipaddr_len dill_ipaddr_len
#define ipaddr_local dill_ipaddr_local
#define ipaddr_port dill_ipaddr_port
#define ipaddr_remote dill_ipaddr_remote
#define ipaddr_remotes dill_ipaddr_remotes
#define ipaddr_setport dill_ipaddr_setport
#define ipaddr_sockaddr dill_ipaddr_sockaddr
#define ipaddr_str dill_ipaddr_str

/* TCP */
#define tcp_accept dill_tcp_accept
#define tcp_accept_mem dill_tcp_accept_mem
#define tcp_close dill_tcp_close
#define tcp_connect dill_tcp_connect
#define tcp_connect_mem dill_tcp_connect_mem
#define tcp_done dill_tcp_done
#define tcp_fromfd dill_tcp_fromfd
#define tcp_fromfd_mem dill_tcp_fromfd_mem
#define tcp_listen dill_tcp_listen
#define tcp_listen_mem dill_tcp_listen_mem
#define tcp_listener_fromfd dill_tcp_listener_fromfd
#define tcp_listener_fromfd_mem dill_tcp_listener_fromfd_mem
#define tcp_listener_storage dill_tcp_listener_storage
#define tcp_storage dill_tcp_storage

/* Local sockets */
#define ipc_accept dill_ipc_accept
#define ipc_accept_mem dill_ipc_accept_mem
#define ipc_close dill_ipc_close
#define ipc_connect dill_ipc_connect
#define ipc_connect_mem dill_ipc_connect_mem
#define ipc_done dill_ipc_done
#define ipc_fromfd dill_ipc_fromfd
#define ipc_fromfd_mem dill_ipc_fromfd_mem
#define ipc_listen dill_ipc_listen
#define ipc_listen_mem dill_ipc_listen_mem
#define ipc_listener_fromfd dill_ipc_listener_fromfd
#define ipc_listener_fromfd_mem dill_ipc_listener_fromfd_mem
#define ipc_listener_storage dill_ipc_listener_storage
#define ipc_pair dill_ipc_pair
#define ipc_pair_mem dill_ipc_pair_mem
#define ipc_pair_storage dill_ipc_pair_storage
#define ipc_recvfd dill_ipc_recvfd
#define ipc_sendfd dill_ipc_sendfd
#define ipc_storage dill_ipc_storage

/* UDP */
#define udp_open dill_udp_open
#define udp_open_mem dill_udp_open_mem
#define udp_recv dill_udp_recv
#define udp_recvl dill_udp_recvl
#define udp_send dill_udp_send
#define udp_sendl dill_udp_sendl
#define udp_storage dill_udp_storage

/* PREFIX */
#define PREFIX_BIG_ENDIAN DILL_PREFIX_BIG_ENDIAN
#define PREFIX_LITTLE_ENDIAN DILL_PREFIX_LITTLE_ENDIAN
#define prefix_attach dill_prefix_attach
#define prefix_attach_mem dill_prefix_attach_mem
#define prefix_detach dill_prefix_detach
#define prefix_storage dill_prefix_storage

/* SUFFIX */
#define suffix_attach dill_suffix_attach
#define suffix_attach_mem dill_suffix_attach_mem
#define suffix_detach dill_suffix_detach
#define suffix_storage dill_suffix_storage

/* TERM */
#define term_attach dill_term_attach
#define term_attach_mem dill_term_attach_mem
#define term_detach dill_term_detach
#define term_done dill_term_done
#define term_storage dill_term_storage

/* Happy eyeballs */
#define happyeyeballs_connect dill_happyeyeballs_connect

/* TLS */
#if !defined DILL_DISABLE_TLS
#define tls_attach_client dill_tls_attach_client
#define tls_attach_client_mem dill_tls_attach_client_mem
#define tls_attach_client_verify dill_tls_attach_client_verify
#define tls_attach_client_verify_mem dill_tls_attach_client_verify_mem
#define tls_attach_server dill_tls_attach_server
#define tls_attach_server_mem dill_tls_attach_server_mem
#define tls_attach_server_verify dill_tls_attach_server_verify
#define tls_attach_server_verify_mem dill_tls_attach_server_verify_mem
#define tls_detach dill_tls_detach
#define tls_done dill_tls_done
#define tls_storage dill_tls_storage
#endif

/* HTTP */
#define http_attach dill_http_attach
#define http_attach_mem dill_http_attach_mem
#define http_detach dill_http_detach
#define http_done dill_http_done
#define http_donebody dill_http_donebody
#define http_recvbody dill_http_recvbody
#define http_recvfield dill_http_recvfield
#define http_recvrequest dill_http_recvrequest
#define http_recvstatus dill_http_recvstatus
#define http_sendbody dill_http_sendbody
#define http_sendfield dill_http_sendfield
#define http_sendrequest dill_http_sendrequest
#define http_sendstatus dill_http_sendstatus
#define http_storage dill_http_storage

/* WebSocket */
#define WS_BINARY DILL_WS_BINARY
#define WS_TEXT DILL_WS_TEXT
#define WS_NOHTTP DILL_WS_NOHTTP
#define WS_KEY_SIZE DILL_WS_KEY_SIZE
#define ws_attach_client dill_ws_attach_client
#define ws_attach_client_mem dill_ws_attach_client_mem
#define ws_attach_server dill_ws_attach_server
#define ws_attach_server_mem dill_ws_attach_server_mem
#define ws_detach dill_ws_detach
#define ws_done dill_ws_done
#define ws_recv dill_ws_recv
#define ws_recvl dill_ws_recvl
#define ws_request_key dill_ws_request_key
#define ws_response_key dill_ws_response_key
#define ws_send dill_ws_send
#define ws_sendl dill_ws_sendl
#define ws_status dill_ws_status
#define ws_storage dill_ws_storage

/* SOCKS5 */
#define SOCKS5_CONNECT DILL_SOCKS5_CONNECT
#define SOCKS5_BIND DILL_SOCKS5_BIND
#define SOCKS5_UDP_ASSOCIATE DILL_SOCKS5_UDP_ASSOCIATE
#define SOCKS5_SUCCESS DILL_SOCKS5_SUCCESS
#define SOCKS5_GENERAL_FAILURE DILL_SOCKS5_GENERAL_FAILURE
#define SOCKS5_CONNECTION_NOT_ALLOWED DILL_SOCKS5_CONNECTION_NOT_ALLOWED
#define SOCKS5_NETWORK_UNREACHABLE DILL_SOCKS5_NETWORK_UNREACHABLE
#define SOCKS5_HOST_UNREACHABLE DILL_SOCKS5_HOST_UNREACHABLE
#define SOCKS5_CONNECTION_REFUSED DILL_SOCKS5_CONNECTION_REFUSED
#define SOCKS5_TTL_EXPIRED DILL_SOCKS5_TTL_EXPIRED
#define SOCKS5_COMMAND_NOT_SUPPORTED DILL_SOCKS5_COMMAND_NOT_SUPPORTED
#define SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED DILL_SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED
#define socks5_client_connect dill_socks5_client_connect
#define socks5_client_connectbyname dill_socks5_client_connectbyname
#define socks5_proxy_auth dill_socks5_proxy_auth
#define socks5_proxy_recvcommand dill_socks5_proxy_recvcommand
#define socks5_proxy_recvcommandbyname dill_socks5_proxy_recvcommandbyname
#define socks5_proxy_sendreply dill_socks5_proxy_sendreply

#endif /* !defined DILL_DISABLE_SOCKETS */

#endif /* !defined DILL_DISABLE_RAW_NAMES */

#endif /* LIBDILL_H_INCLUDED */
