//! Graceful shutdown.

use super::boundary::{int, unit};
use crate::concurrency::cancel::{self, Period};
use crate::concurrency::cancel_scope::{self, Fired, Scope, Watch};
use crate::concurrency::{request, signals};
use crate::os::errno::{Errno, Result};
use core::ffi::{c_int, c_void};
use core::ptr::NonNull;
use nix::sys::signal::SigSet;

/// A period for `bundle_cancel`: what is left of the grace period that is running on the
/// bundle in which the caller runs.
pub const DILL_INHERIT: c_int = -2;

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

fn period(timeout: i64) -> Result<Period> {
    const INHERIT: i64 = DILL_INHERIT as i64;
    match timeout {
        0 => Ok(Period::Zero),
        -1 => Ok(Period::Unlimited),
        INHERIT => Ok(Period::Inherit),
        1.. => Ok(Period::Within(timeout)),
        _ => Err(Errno::EINVAL),
    }
}

/// Asks the coroutines of a bundle to finish, waits for them, cancels the rest.
///
/// It is `hclose` with a grace period. First the graceful request is delivered: each
/// channel that was registered with `bundle_notify` becomes done. A request is no more
/// than that: it forbids nothing, and it knows no deadline. Bundles that follow this one
/// (`bundle_follow`) get it, too, and cancel scopes that watch for it fire. It is left
/// out when the period is 0, when the bundle is empty and when the caller has been
/// cancelled itself.
///
/// Then the call waits until the last coroutine has finished or the period ends, or until
/// the caller is cancelled. Meanwhile coroutines may still be launched into the bundle.
///
/// Last, what still runs is hard-cancelled, all of it first, then all of it awaited: its
/// blocking calls fail with `ECANCELED` until it returns. Nothing can be launched into
/// the bundle any more. The bundle is closed.
///
/// # Parameters
///
/// - `b`: the bundle.
/// - `timeout`: the grace period, in milliseconds from now, not a deadline. 0 cancels at
///   once, -1 waits without limit. `DILL_INHERIT` takes what is left of the period of the
///   bundle in which the caller runs: 0 if none is running there, no limit if that one
///   has none.
///
/// # Return value
///
/// 0 if all coroutines have finished by themselves, and always with a period of 0; or -1
/// with `errno` set to one of the values below. With `ETIMEDOUT` and `ECANCELED` the
/// bundle has been closed all the same; with the others nothing has happened, and the
/// handle is still open if it was.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: somebody else is cancelling or closing the bundle already.
/// - `ECANCELED`: the caller was cancelled, before the call or during its wait. What was
///   still running in the bundle was cancelled then.
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth.
/// - `EINVAL`: `timeout` is negative, but neither -1 nor `DILL_INHERIT`.
/// - `ENOTSUP`: the handle is no bundle.
/// - `ETIMEDOUT`: the period has ended and some coroutines had to be cancelled.
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
/// static coroutine void worker(int jobs) {
///     int job;
///     while(chrecv(jobs, &job, sizeof(job), -1) == 0) msleep(now() + job);
///     if(errno == EPIPE) puts("asked to finish, and done with all jobs");
/// }
///
/// int main(void) {
///     int jobs[2], job = 50;
///     if(chmake(jobs) < 0) return 1;
///     int b = go(worker(jobs[1]));
///     bundle_notify(b, jobs[0]);
///     chsend(jobs[0], &job, sizeof(job), -1);
///     // Ten seconds to finish what they have begun.
///     if(bundle_cancel(b, 10000) < 0) perror("some work was cut off");
///     hclose(jobs[0]);
///     hclose(jobs[1]);
///     return 0;
/// }
/// ```
///
/// # See also
///
/// `bundle_deadline`, `bundle_follow`, `bundle_notify`, `bundle_wait`, `cancel_enter`,
/// `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_cancel(b: c_int, timeout: i64) -> c_int {
    unit(period(timeout).and_then(|period| cancel::cancel(b, period)))
}

/// Has a channel done when a bundle gets the graceful request.
///
/// What happens then is what `chdone(ch)` does: whoever receives at the other end gets
/// all messages that were sent before, then `EPIPE`. So a worker that takes its work from
/// a channel learns about the request there, in order. A request that has been delivered
/// already takes effect at once.
///
/// The channel remains the caller's: it can be used as before, and closing it ends the
/// registration. Any number of channels may be registered; their order is kept.
///
/// # Parameters
///
/// - `b`: the bundle.
/// - `ch`: the end of a channel from which nothing will be sent after the request.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: one of the handles is not open.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: `b` is no bundle, or `ch` is no channel or one made by `sigchan`.
///
/// # Thread safety
///
/// The handles belong to the thread that made them. On another one they are `EBADF`.
///
/// # Example
///
/// ```c
/// int b = bundle(), ch[2];
/// if(b < 0 || chmake(ch) < 0) return;
/// if(bundle_notify(b, ch[0]) < 0) perror("bundle_notify");
/// // Coroutines that get ch[1] find EPIPE on it after bundle_cancel was called.
/// bundle_cancel(b, 1000);
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_follow`, `chdone`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_notify(b: c_int, ch: c_int) -> c_int {
    unit(request::notify(b, ch))
}

/// Passes the graceful request on to a bundle of one's own.
///
/// By default a request stops at the bundle that it was sent to, and the owner of a
/// nested bundle decides when to pass it on. After this call the bundle gets the request
/// whenever the bundle in which the caller runs gets one, through any number of bundles
/// that follow each other, and at once if that has got one already.
///
/// The request carries no deadline: whoever owns the bundle still has to end it, by its
/// own clock. A bundle follows one other at most; the last call counts.
///
/// # Parameters
///
/// - `b`: the bundle that shall follow.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bundle, or the caller is the main coroutine, which runs
///   in none.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
///
/// static coroutine void helper(int stop) {
///     if(chrecv(stop, NULL, 0, -1) < 0 && errno == EPIPE) return;
/// }
///
/// // Knows nothing of a request to its own bundle, but has its helper asked.
/// static coroutine void worker(void) {
///     int stop[2];
///     if(chmake(stop) < 0) return;
///     int b = bundle();
///     bundle_notify(b, stop[0]);
///     bundle_follow(b);
///     bundle_go(b, helper(stop[1]));
///     bundle_wait(b, -1);
///     hclose(b);
///     hclose(stop[0]);
///     hclose(stop[1]);
/// }
///
/// int main(void) {
///     return bundle_cancel(go(worker()), 1000) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_notify`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_follow(b: c_int) -> c_int {
    unit(request::follow(b))
}

/// Limits the time that the coroutines of a bundle may take.
///
/// When the deadline passes they are hard-cancelled, wherever the bundle's owner is at
/// that moment: their blocking calls fail with `ECANCELED` until they return. The bundle
/// stays open. It is a limit for a piece of work, not a part of a shutdown: no request
/// is sent.
///
/// # Parameters
///
/// - `b`: the bundle.
/// - `deadline`: the time, in milliseconds as given by `now`. It replaces an earlier one;
///   -1 removes that. A time that has passed, 0 included, cancels at once.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bundle.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int b = bundle();
/// // Whatever is launched into it has 30 seconds.
/// bundle_deadline(b, now() + 30000);
/// bundle_wait(b, -1);
/// hclose(b);
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_wait`, `cancel_enter`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_deadline(b: c_int, deadline: i64) -> c_int {
    unit(request::set_deadline(b, deadline))
}

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
/// - `EINVAL`: `sc` is `NULL`, or `ch` is negative with no meaning.
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
        _ => return unit(Err(Errno::EINVAL)),
    };
    let place = NonNull::new(sc.cast::<Scope>()).ok_or(Errno::EINVAL);
    // SAFETY: the memory is large enough and stays until the scope is left; both are the
    // caller's promise.
    unit(place.and_then(|place| unsafe { cancel_scope::enter(place, watch, deadline) }))
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
    unit(place.and_then(cancel_scope::leave).and_then(|fired| match fired {
        Fired::No => Ok(()),
        Fired::ByDeadline => Err(Errno::ETIMEDOUT),
        Fired::ByRequest => Err(Errno::ECANCELED),
    }))
}

/// Makes signals of the system arrive as messages on a channel.
///
/// Each signal of the set is an `int` message, its number, to be received with `chrecv`
/// or `choose` from the new handle. While the handle is open the set is blocked in the
/// calling thread, so its signals wait until somebody receives them; none is lost to
/// whatever else happens at that moment. (As always, a signal that is pending already is
/// not counted again.) `hclose` restores what was blocked before.
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
