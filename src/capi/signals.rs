//! Signals as messages.

use super::boundary::int;
use crate::concurrency::signals;
use crate::os::errno::Errno;
use core::ffi::c_int;
use nix::sys::signal::SigSet;

/// Makes signals of the system arrive as messages on a channel.
///
/// Each signal of the set is an `int` message, its number, to be received with `chrecv`
/// or `choose` from the new handle. While the handle is open the set is blocked in the
/// calling thread, so its signals wait until somebody receives them; none is lost to
/// whatever else happens at that moment. (As always, a signal that is pending already is
/// not counted again.) `hclose` unblocks what it has blocked,
/// except what another such handle of the thread still waits for; the order doesn't matter.
///
/// A signal to the process goes to any thread that doesn't block it. So open the handle
/// before other threads are started, which then inherit the blocked set.
///
/// # Parameters
///
/// - `signals`: the set, as made by `sigemptyset` and `sigaddset`.
///
/// # Return value
///
/// The new handle, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `signals` is `NULL`.
/// - `EMFILE`: the process has used up its file descriptors, or the thread its handles.
/// - `ENFILE`: the system has used up its file descriptors.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread, whose signal mask is changed.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
/// #include <signal.h>
/// #include <stdio.h>
///
/// int main(void) {
///     sigset_t set;
///     sigemptyset(&set);
///     sigaddset(&set, SIGINT);
///     int signals = sigchan(&set), number;
///     if(signals < 0) return 1;
///     raise(SIGINT);
///     if(chrecv(signals, &number, sizeof(number), -1) == 0 && number == SIGINT)
///         puts("^C");
///     return hclose(signals) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `choose`, `chrecv`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_sigchan(signals: *const libc::sigset_t) -> c_int {
    // SAFETY: null or a set, which is the caller's promise.
    let Some(set) = (unsafe { signals.as_ref() }) else { return int(Err(Errno::EINVAL)) };
    // SAFETY: a set that the user has made is valid.
    int(signals::make(&unsafe { SigSet::from_sigset_t_unchecked(*set) }))
}
