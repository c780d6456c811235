//! Asking bundles to finish without waiting for them, being asked, and reporting failure.

use super::boundary::immediate;
use crate::concurrency::bundle;
use core::ffi::c_int;

/// Asks the coroutines of a bundle to finish, without waiting for them.
///
/// It delivers the graceful request as `bundle_cancel` does, to an empty bundle, too: coroutines
/// that are launched later find it. Then it returns; the bundle stays open. So an owner can ask
/// several bundles and then wait for all of them in one period, or go on receiving the last
/// reports of its workers. The period is still the owner's, who gives it with `bundle_cancel`.
///
/// Any coroutine may call it, one that runs in the bundle at any depth and one that was cancelled
/// included. If the bundle has been asked already nothing changes.
///
/// # Parameters
///
/// - `b`: the bundle; -1 is the one in which the caller runs.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ENOTSUP`: the handle is no bundle, or `b` is -1 and the caller is the main coroutine, which
///   runs in none.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int a = bundle(), b = bundle();
/// // Both are asked at the same time, and have ten seconds together.
/// int64_t end = now() + 10000;
/// bundle_request(a);
/// bundle_request(b);
/// int64_t left = end - now();
/// bundle_cancel(a, left > 0 ? left : 0);
/// left = end - now();
/// bundle_cancel(b, left > 0 ? left : 0);
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_follow`, `bundle_notify`, `bundle_requested`, `choose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_request(b: c_int) -> c_int {
    immediate::unit(bundle::request(b))
}

/// Returns whether the caller should finish.
///
/// That is so once the bundle in which the caller runs has got a graceful request, and when the
/// caller is hard-cancelled. It does not wait and lets no other coroutine run, so that a loop of
/// computations can ask. To wait for the request, use the clause `CHREQUEST` of `choose`, a channel
/// that was registered with `bundle_notify`, or a cancel scope.
///
/// # Return value
///
/// 1 or 0. In the main coroutine, which runs in no bundle, 0.
///
/// # Thread safety
///
/// Concerns the calling coroutine.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
///
/// static coroutine void worker(void) {
///     while(!bundle_requested()) msleep(now() + 10);
/// }
///
/// int main(void) {
///     return bundle_cancel(go(worker()), 1000) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_request`, `cancel_enter`, `choose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_requested() -> c_int {
    bundle::is_requested().into()
}

/// Reports that the work of the bundle in which the caller runs has failed.
///
/// The error is kept if it is the first one; later ones are ignored. The other coroutines of the
/// bundle are hard-cancelled, which also ends a grace period for them, and nothing can be launched
/// into the bundle any more. The caller itself goes on, and should finish soon.
///
/// Once all have finished, `bundle_wait` and `bundle_cancel` return the error, a positive number, as
/// often as they are called; `hclose` returns 0. A program that never calls this function gets
/// no such result.
///
/// # Parameters
///
/// - `err`: the error, above 0: an `errno`, or a number of the program's own.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the caller is hard-cancelled. To be cut off is no failure, so it is ignored.
/// - `EINVAL`: `err` is 0 or negative.
/// - `ENOTSUP`: the caller is the main coroutine, which runs in no bundle.
///
/// # Thread safety
///
/// Concerns the bundle in which the calling coroutine runs.
///
/// # Example
///
/// ```c
/// #include <errno.h>
/// #include <libdill.h>
///
/// static coroutine void waits(void) {
///     msleep(-1);
/// }
///
/// static coroutine void fails(void) {
///     bundle_fail(EPROTO);
/// }
///
/// int main(void) {
///     int b = bundle();
///     bundle_go(b, waits());
///     bundle_go(b, fails());
///     // The first failure ends both.
///     int err = bundle_wait(b, -1);
///     hclose(b);
///     return err == EPROTO ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_deadline`, `bundle_wait`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_fail(err: c_int) -> c_int {
    immediate::unit(bundle::fail(err))
}
