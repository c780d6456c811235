//! Cancel scopes.

use super::boundary::immediate;
use crate::concurrency::cancel_scope::{self, Fired, Scope, Watch};
use crate::os::errno::Errno;
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
/// Nothing is torn by that: a request or a channel interrupts a socket operation only
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
/// none may be left.
///
/// # Errors
///
/// - `EBADF`: the channel is not open.
/// - `EINVAL`: `sc` is `NULL`, or a scope that the calling coroutine is in already (a `cancel_leave` was
///   left out), or `ch` is negative with no meaning.
/// - `ENOMEM`: no memory for the thread's scheduler.
/// - `ENOTSUP`: `ch` is no channel.
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
/// `bundle_cancel`, `bundle_deadline`, `cancel_leave`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_enter(
    sc: *mut dill_cancel_scope,
    ch: c_int,
    deadline: i64,
) -> c_int {
    let watch = match ch {
        0.. => Watch::Channel(ch),
        -1 => Watch::Nothing,
        DILL_REQUEST => Watch::Request,
        DILL_SHIELD => Watch::Shield,
        _ => return immediate::unit(Err(Errno::EINVAL)),
    };
    let place = NonNull::new(sc.cast::<Scope>()).ok_or(Errno::EINVAL);
    // SAFETY: the memory is large enough and stays until the scope is left; both are the
    // caller's promise.
    immediate::unit(place.and_then(|place| unsafe { cancel_scope::enter(place, watch, deadline) }))
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
/// - `EINVAL`: `sc` is `NULL` or not the innermost scope of the calling coroutine.
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
/// `cancel_enter`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_cancel_leave(sc: *mut dill_cancel_scope) -> c_int {
    let place = NonNull::new(sc.cast::<Scope>()).ok_or(Errno::EINVAL);
    immediate::unit(place.and_then(cancel_scope::leave).and_then(|fired| match fired {
        Fired::No => Ok(()),
        Fired::ByDeadline => Err(Errno::ETIMEDOUT),
        Fired::ByRequest => Err(Errno::ECANCELED),
    }))
}
