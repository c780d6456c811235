//! Signals as messages.

use super::boundary::immediate;
use crate::concurrency::signals;
use crate::os::caught_signals::SignalSet;
use crate::os::errno::Errno;
use core::ffi::c_int;

/// Makes signals of the system arrive as messages on a channel.
///
/// Each signal of the set is an `int` message, its number, to be received with `chrecv`
/// or `choose` from the new handle, in the order of arrival. While the handle is open the signals
/// are caught, whichever thread they come to, and kept until they are received; none is lost to
/// whatever else happens at that moment. Real-time signals are counted; of the others, as always,
/// one that waits already is not counted again. Each of several channels for one signal gets it.
///
/// A signal that was ignored stays ignored and never arrives. One that the calling thread had
/// blocked arrives nevertheless. `hclose` restores the action and the mask, unless the program
/// has changed them meanwhile; a signal that no channel has received then takes its ordinary
/// effect.
///
/// Programs that are started meanwhile see none of it: their signals are neither blocked nor
/// ignored because of it. In a child of `fork` the signals have their ordinary effect until the
/// child itself receives from its copy of the handle.
///
/// The signals are caught by a handler with `SA_RESTART`. Calls of the program's own that the
/// system never restarts, such as `nanosleep`, `poll` and `epoll_wait`, end early with `EINTR` in
/// the thread that a signal comes to; functions of the library never do.
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
/// - `EINVAL`: `signals` is `NULL`, or contains a signal that can't be a message: `SIGKILL`,
///   `SIGSTOP`, or one that tells of a fault of an instruction (`SIGSEGV`, `SIGBUS`, `SIGFPE`,
///   `SIGILL`, `SIGTRAP`, `SIGSYS`).
/// - `EMFILE`: the process has used up its file descriptors, or the thread its handles.
/// - `ENFILE`: the system has used up its file descriptors.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread, and the signals to the whole process.
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
    let Some(set) = (unsafe { signals.as_ref() }) else {
        return immediate::int(Err(Errno::EINVAL));
    };
    immediate::int(SignalSet::new(set).and_then(signals::make))
}
