//! Coroutines and bundles. The launching macros are in `include/parts/go.h`.

use super::boundary::immediate;
use super::entry;
use crate::concurrency::{bundle, rest};
use crate::context_switch::launch_entry;
use crate::os::errno::Errno;
use core::ffi::{c_char, c_int, c_void};

/// Memory for a bundle, for `bundle_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_bundle_storage {
    bytes: [c_char; 64],
}

/// Makes an empty bundle.
///
/// A bundle holds coroutines and bounds their lives: none of them is alive any more when
/// the bundle has been closed. Every coroutine is in a bundle; `go` makes one for a
/// single coroutine.
///
/// `hclose` cancels what still runs in the bundle, `bundle_cancel` asks it to finish
/// first, `bundle_wait` only waits.
///
/// # Return value
///
/// The handle of the new bundle, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EMFILE`: the thread has used up its handles.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread, on which the coroutines will run.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
///
/// static coroutine void worker(int ch) {
///     int job;
///     while(chrecv(ch, &job, sizeof(job), -1) == 0) msleep(now() + job);
/// }
///
/// int main(void) {
///     int ch[2];
///     if(chmake(ch) < 0) return 1;
///     int workers = bundle();
///     for(int i = 0; i != 3; ++i) bundle_go(workers, worker(ch[1]));
///     for(int job = 1; job != 10; ++job) chsend(ch[0], &job, sizeof(job), -1);
///     chdone(ch[0]);
///     bundle_wait(workers, now() + 1000);
///     hclose(workers);
///     hclose(ch[0]);
///     hclose(ch[1]);
///     return 0;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_go`, `bundle_mem`, `bundle_notify`, `bundle_wait`, `go`,
/// `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle() -> c_int {
    immediate::int(bundle::make())
}

/// Makes an empty bundle, in memory of the caller's.
///
/// Works as `bundle`. It is there for programs written for libdill, where it saves an
/// allocation; `bundle` itself is as fast here.
///
/// # Parameters
///
/// - `mem`: memory for the bundle, which must stay in place until it has been closed. It
///   needs no alignment.
///
/// # Errors
///
/// Those of `bundle`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct bundle_storage mem;
/// int b = bundle_mem(&mem);
/// if(b >= 0) hclose(b);
/// ```
///
/// # See also
///
/// `bundle`, `go_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_mem(mem: *mut dill_bundle_storage) -> c_int {
    // The memory is not used: a bundle needs more of it, and blocks are at hand anyway.
    immediate::int(if mem.is_null() { Err(Errno::EINVAL) } else { bundle::make() })
}

/// Waits until all coroutines of a bundle have finished.
///
/// The bundle stays open and can be launched into again. If it is empty the function
/// returns at once. Coroutines launched during the wait are awaited, too, while others in
/// the bundle are still running. The wait ends when the last one finishes: what is launched
/// after that, before the caller has its turn, is not awaited any more.
///
/// # Parameters
///
/// - `bndl`: the bundle.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the wait fails; 0
///   fails unless the bundle is empty, -1 waits for ever.
///
/// # Return value
///
/// 0; or, if a coroutine of the bundle has reported an error with `bundle_fail`, that error, a
/// positive number, to which `errno` is set, too; or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: another coroutine is waiting for the bundle.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth.
/// - `ENOTSUP`: the handle is no bundle.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
/// #include <stdio.h>
///
/// static coroutine void worker(int ms) {
///     msleep(now() + ms);
/// }
///
/// int main(void) {
///     int b = bundle();
///     bundle_go(b, worker(10));
///     bundle_go(b, worker(2000));
///     if(bundle_wait(b, now() + 100) < 0 && errno == ETIMEDOUT)
///         puts("not all of them have finished in time");
///     return hclose(b) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle`, `bundle_cancel`, `bundle_fail`, `choose`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_wait(bndl: c_int, deadline: i64) -> c_int {
    entry::bundle_wait(bndl, deadline)
}

/// Lets all coroutines that are ready have a turn.
///
/// Call it in long computations, which block everything else on their thread. If no coroutine
/// is ready it returns at once. In a coroutine that was cancelled the others run, too, before it
/// fails.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled. Then a computation should be given up.
/// - `ENOMEM`: no memory for the thread's scheduler.
///
/// # Thread safety
///
/// Concerns the coroutines of the calling thread only.
///
/// # Example
///
/// ```c
/// double sum = 0;
/// for(int i = 1; i != 1000000; ++i) {
///     sum += 1.0 / i;
///     if(i % 1000 == 0 && yield() < 0) return;
/// }
/// printf("%f\n", sum);
/// ```
///
/// # See also
///
/// `go`, `msleep`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_yield() -> c_int {
    rest::give_way()
}

/// Part of `go_mem` and `bundle_go_mem`; not for direct use. Returns twice: see the macro.
///
/// cbindgen:postfix=__attribute__((returns_twice))
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_launch(
    stk: *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> c_int {
    launch_entry!(entry::begin_launch)
}

/// Part of `go`; not for direct use. Returns twice: see the macro. `place` is the source file
/// and line.
///
/// cbindgen:postfix=__attribute__((returns_twice))
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_launch_alone(place: *const c_char) -> c_int {
    launch_entry!(entry::begin_launch_alone)
}

/// Part of `bundle_go`; not for direct use. Returns twice: see the macro. `place` is the
/// source file and line.
///
/// cbindgen:postfix=__attribute__((returns_twice))
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_launch_at(bndl: c_int, place: *const c_char) -> c_int {
    launch_entry!(entry::begin_launch_at)
}

/// Part of `go` and the like; not for direct use. Ends the calling coroutine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_epilogue() {
    entry::epilogue();
}

/// The first half of a launch by code compiled against libdill's own header. That code
/// then saves its registers to `**ctx`, in a way that depends on the processor, moves to
/// the stack `*ptr` and ends with `dill_epilogue`. `include/parts/launchers.h` declares it.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_prologue(
    ctx: *mut *mut c_void,
    ptr: *mut *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> c_int {
    // SAFETY: libdill's macro passes the addresses of two variables of its own.
    unsafe { entry::prologue(ctx, ptr, len, bndl, file, line) }
}

/// Where code compiled against libdill's own header stores a pointer so that the compiler
/// can't leave out the `alloca` that gave it.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub static mut dill_unoptimisable: *mut c_void = core::ptr::null_mut();
