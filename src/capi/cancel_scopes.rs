//! Cancel scopes.

use super::boundary::immediate;
use crate::concurrency::cancel_scope::{self, Fired, Scope, Watch};
use crate::concurrency::reason;
use crate::os::errno::{self, Errno};
use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

/// In place of a channel, for `cancel_enter`: the graceful request to the bundle in which
/// the coroutine runs.
pub const DILL_REQUEST: c_int = -2;

/// In place of a channel, for `cancel_enter`: scopes outside do not interrupt inside.
pub const DILL_SHIELD: c_int = -3;

/// A cancel scope, in the caller's memory. Opaque; it must stay in place from
/// `cancel_enter` to `cancel_leave`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_cancel_scope {
    words: [*mut c_void; 16],
}

const _: () = assert!(size_of::<Scope>() <= size_of::<dill_cancel_scope>());
const _: () = assert!(align_of::<Scope>() <= align_of::<dill_cancel_scope>());

/// Enters a cancel scope: from here on something may interrupt the blocking calls.
///
/// `CANCEL_SCOPE` does the same and can't be forgotten to leave; prefer it.
///
/// It is for code that was written without a thought of being stopped. Between this call
/// and `cancel_leave`, every blocking call of the calling coroutine fails with `ECANCELED`
/// once the scope has fired. After `cancel_leave` blocking calls work again. Coroutines
/// that are launched inside are not affected.
///
/// The scope fires when its deadline passes, or when what it watches happens: a channel
/// has become done or has been closed by its peer, or the bundle in which the coroutine
/// runs gets a graceful request. What has happened before counts. Scopes may be nested.
///
/// Nobody looks at the clock while a coroutine computes. A call inside notices a deadline
/// that has passed meanwhile once it has to wait; one that can be done at once may still
/// succeed. `cancel_leave` looks at the clock itself.
///
/// A coroutine that doesn't leave a scope is mistaken. The library survives it: the scopes end with
/// the coroutine, or when their memory is seen to be overwritten, and `cancel_leave` fails with
/// `EINVAL` then. With the environment variable DILL_CHECK=1 a line on the standard error output
/// tells of it.
///
/// No operation is torn: a request or a channel interrupts a socket operation only
/// before its first byte has been transferred, and one that is under way completes,
/// unless its own deadline, that of a scope or a hard cancellation ends it. Operations
/// on channels take place whole or not at all.
///
/// # Parameters
///
/// - `sc`: memory for the scope.
/// - `ch`: what to watch. An end of a channel, which fires the scope when receiving from
///   it would fail with `EPIPE`; or `DILL_REQUEST`, the graceful request; or -1, nothing;
///   or `DILL_SHIELD`, nothing, and scopes outside don't interrupt inside. A hard
///   cancellation always does.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the scope fires; -1
///   for none.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below. Then no scope was entered, and
/// none may be left; `cancel_fired` returns the error, too.
///
/// # Errors
///
/// - `EBADF`: the channel is not open.
/// - `EINVAL`: `sc` is `NULL`, or a scope that is entered already, by this coroutine (a `cancel_leave`
///   was left out) or by another one of the thread, or `ch` is negative with no meaning.
/// - `ENOMEM`: no memory for the thread's scheduler.
/// - `ENOTSUP`: `ch` is no channel, or one made by `sigchan`, which never becomes done.
///
/// # Thread safety
///
/// A scope belongs to the coroutine that has entered it.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
///
/// // Knows nothing of requests.
/// static void foreign_code(int ch) {
///     int val;
///     while(chrecv(ch, &val, sizeof(val), -1) == 0) continue;
/// }
///
/// static coroutine void worker(int ch) {
///     struct cancel_scope sc;
///     if(cancel_enter(&sc, DILL_REQUEST, -1) < 0) return;
///     foreign_code(ch);
///     if(cancel_leave(&sc) < 0 && errno == ECANCELED) {
///         // Asked to finish. Blocking calls work again.
///         msleep(now() + 10);
///     }
/// }
///
/// int main(void) {
///     int ch[2];
///     if(chmake(ch) < 0) return 1;
///     return bundle_cancel(go(worker(ch[0])), 1000) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `CANCEL_SCOPE`, `bundle_cancel`, `bundle_deadline`, `cancel_fired`, `cancel_leave`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_enter(
    sc: *mut dill_cancel_scope,
    ch: c_int,
    deadline: i64,
) -> c_int {
    let place = NonNull::new(sc.cast::<Scope>()).ok_or(Errno::EINVAL);
    // SAFETY: the memory is large enough and stays until the scope is left; both are the
    // caller's promise.
    immediate::unit(
        place.and_then(|place| unsafe { cancel_scope::enter(place, watch(ch), deadline) }),
    )
}

fn watch(ch: c_int) -> Option<Watch> {
    match ch {
        0.. => Some(Watch::Channel(ch)),
        -1 => Some(Watch::Nothing),
        DILL_REQUEST => Some(Watch::Request),
        DILL_SHIELD => Some(Watch::Shield),
        _ => None,
    }
}

/// Leaves a cancel scope and tells whether it has fired.
///
/// Scopes are left in the opposite order in which they were entered. Look at the results
/// of the calls inside first: what they have received is not lost when the scope has
/// fired meanwhile.
///
/// # Parameters
///
/// - `sc`: the scope entered last.
///
/// # Return value
///
/// 0 if the scope has not fired, or -1 with `errno` set to one of the values below. The
/// scope is left in any case, but for `EINVAL`.
///
/// # Errors
///
/// - `ECANCELED`: what the scope watched has happened.
/// - `EINVAL`: `sc` is `NULL` or not the innermost scope of the calling coroutine, or its memory was
///   overwritten.
/// - `ETIMEDOUT`: the scope's deadline has passed.
///
/// # Thread safety
///
/// A scope belongs to the coroutine that has entered it.
///
/// # Example
///
/// ```c
/// struct cancel_scope sc;
/// if(cancel_enter(&sc, -1, now() + 100) < 0) return;
/// msleep(-1);
/// if(cancel_leave(&sc) < 0 && errno == ETIMEDOUT) puts("interrupted after 100 ms");
/// ```
///
/// # See also
///
/// `CANCEL_SCOPE`, `cancel_enter`, `cancel_fired`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_leave(sc: *mut dill_cancel_scope) -> c_int {
    let place = NonNull::new(sc.cast::<Scope>()).ok_or(Errno::EINVAL);
    // SAFETY: the caller's promise is that the memory is that of a scope.
    immediate::unit(place.and_then(|place| match unsafe { cancel_scope::leave(place) }? {
        Fired::No => Ok(()),
        Fired::ByDeadline => Err(Errno::ETIMEDOUT),
        Fired::ByRequest => {
            // SAFETY: as above.
            reason::note_left_scope(unsafe { cancel_scope::watched_by_left(place) });
            Err(Errno::ECANCELED)
        }
    }))
}

/// Tells inside of a cancel scope whether it has fired.
///
/// It looks at the clock, as `cancel_leave` does. After the scope was left it still tells the
/// same, until the memory is used for something else.
///
/// # Parameters
///
/// - `sc`: a scope of the calling coroutine that `cancel_enter` or `CANCEL_SCOPE` has made.
///
/// # Return value
///
/// 0 if the scope has not fired; `ECANCELED` if what it watches has happened; `ETIMEDOUT` if its
/// deadline has passed. If the scope could not be entered, the error of that, such as `EBADF`;
/// `EINVAL` if `sc` is `NULL` or was never a scope. `errno` is not changed.
///
/// # Thread safety
///
/// A scope belongs to the coroutine that has entered it.
///
/// # Example
///
/// ```c
/// CANCEL_SCOPE(sc, DILL_REQUEST, now() + 1000);
/// msleep(-1);
/// if(cancel_fired(&sc) == ECANCELED) puts("asked to finish");
/// ```
///
/// # See also
///
/// `CANCEL_SCOPE`, `cancel_enter`, `cancel_leave`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_fired(sc: *const dill_cancel_scope) -> c_int {
    let Some(place) = NonNull::new(sc.cast_mut().cast::<Scope>()) else {
        return Errno::EINVAL as c_int;
    };
    // SAFETY: the caller's promise is that the memory is that of a scope.
    match unsafe { cancel_scope::fired(place) } {
        Ok(Fired::No) => 0,
        Ok(Fired::ByDeadline) => Errno::ETIMEDOUT as c_int,
        Ok(Fired::ByRequest) => Errno::ECANCELED as c_int,
        Err(error) => error,
    }
}

/// A part of `CANCEL_SCOPE`, not for direct use: enters the scope, in memory that is new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_begin(
    sc: *mut dill_cancel_scope,
    ch: c_int,
    deadline: i64,
) -> c_int {
    let place = NonNull::new(sc.cast::<Scope>()).ok_or(Errno::EINVAL);
    // SAFETY: the macro declares the memory, and has the scope left at the end of its block.
    immediate::unit(
        place.and_then(|place| unsafe { cancel_scope::begin(place, watch(ch), deadline) }),
    )
}

/// A part of `CANCEL_SCOPE`, not for direct use: leaves the scope, if it is still entered, and
/// keeps errno.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_end(sc: *mut dill_cancel_scope) {
    if let Some(place) = NonNull::new(sc.cast::<Scope>()) {
        // SAFETY: the macro has declared the memory; `errno` is the thread's.
        unsafe {
            let errno = *errno::location();
            cancel_scope::end(place);
            *errno::location() = errno;
        }
    }
}
