//! Graceful shutdown of bundles.

use super::boundary::{immediate, int};
use crate::concurrency::cancel::{self, Period};
use crate::concurrency::request;
use crate::os::errno::{Errno, Result};
use core::ffi::c_int;

/// A period for `bundle_cancel`: what is left of the nearest enclosing grace period.
pub const DILL_INHERIT: c_int = -2;

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
/// the caller is cancelled or the deadline of one of its cancel scopes passes. Meanwhile
/// coroutines may still be launched into the bundle.
///
/// Last, what still runs is hard-cancelled, all of it first, then all of it awaited: its
/// blocking calls fail with `ECANCELED` until it returns. Nothing can be launched into
/// the bundle any more. The bundle is closed.
///
/// # Parameters
///
/// - `b`: the bundle.
/// - `timeout`: the grace period, in milliseconds from now, not a deadline. 0 cancels at
///   once, -1 waits without limit. `DILL_INHERIT` ends with the nearest enclosing grace
///   period that is running at the time of the call: that of the bundle in which the caller
///   runs, or else of the bundle in which that one's owner runs, and so on up. One without
///   limit is a period, too. A bundle that is being hard-cancelled counts as one whose period
///   has ended: then all are cancelled at once. The search ends with the main coroutine, and
///   with an owner that has ended. Where no period is running, the call waits without a limit
///   of its own; one that begins further up during the wait ends it by a hard cancellation of
///   the caller.
///
/// # Return value
///
/// 0 if all coroutines have finished by themselves, and always with a period of 0, unless one
/// of them has reported an error with `bundle_fail`; then that error, a positive number, to
/// which `errno` is set, too. Or -1 with `errno` set to one of the values below. With
/// `ETIMEDOUT` and `ECANCELED` the bundle has been closed all the same; with the others nothing
/// has happened, and the handle is still open if it was.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: somebody else is cancelling or closing the bundle already.
/// - `ECANCELED`: the caller was cancelled, before the call or during its wait. What was
///   still running in the bundle was cancelled then. It goes before a reported error.
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
///   caller's bundle does.
/// - `EINVAL`: `timeout` is negative, but neither -1 nor `DILL_INHERIT`.
/// - `ENOTSUP`: the handle is no bundle.
/// - `ETIMEDOUT`: some coroutines had to be cancelled, by the end of the period or by the
///   deadline that `bundle_deadline` has set.
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
/// `bundle_deadline`, `bundle_fail`, `bundle_follow`, `bundle_notify`, `bundle_request`,
/// `bundle_wait`, `cancel_enter`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_cancel(b: c_int, timeout: i64) -> c_int {
    let result = period(timeout).and_then(|period| cancel::cancel(b, period));
    if let Ok(error) = result {
        // As after every wait that succeeded; a period that ended just then has left its own.
        Errno::set_raw(error);
    }
    int(result)
}

/// Has a channel done when a bundle gets the graceful request.
///
/// What happens then is what `chdone(ch)` does: whoever receives at the other end gets
/// all messages that were sent before, then `EPIPE`. So a worker that takes its work from
/// a channel learns about the request there, in order. A request that has been delivered
/// already takes effect at once.
///
/// The channel remains the caller's: it can be used as before, and closing it ends the
/// registration. Any number of channels may be registered; their order is kept. Registering one
/// again changes nothing.
///
/// Register the end that sends, not the one from which the coroutines of the bundle receive:
/// a channel works in both directions, so that is no error, but it ends the other direction and
/// asks none of them. `dump` lists which channels are registered with which bundle.
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
/// `bundle_cancel`, `bundle_follow`, `bundle_request`, `chdone`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_notify(b: c_int, ch: c_int) -> c_int {
    immediate::unit(request::notify(b, ch))
}

/// Passes the graceful request on to a bundle of one's own.
///
/// By default a request stops at the bundle that it was sent to, and the owner of a
/// nested bundle decides when to pass it on. After this call the bundle gets the request
/// whenever the bundle in which the caller runs gets one, through any number of bundles
/// that follow each other, and at once if that has got one already.
///
/// The request carries no deadline: whoever owns the bundle still has to end it, by its
/// own clock. A bundle may follow several others: those that the callers run in.
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
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
///   caller's bundle does.
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
    immediate::unit(request::follow(b))
}

/// Limits the time that the coroutines of a bundle may take.
///
/// When the deadline passes they are hard-cancelled, wherever the bundle's owner is at
/// that moment: their blocking calls fail with `ECANCELED` until they return. The bundle
/// stays open, but from then on nothing can be launched into it (`ECANCELED`, once the scheduler
/// has noticed that the time has come) until a later call replaces the deadline or removes it.
/// So what is left of a time budget can be handed down, be it a millisecond or none. It is a
/// limit for a piece of work, not a part of a shutdown: no request is sent.
///
/// If it has cut coroutines off, `bundle_cancel` fails with `ETIMEDOUT`, also if they have finished
/// since, unless the deadline was replaced or removed meanwhile. Coroutines of the bundle itself
/// may set its deadline. A bundle whose coroutines are being hard-cancelled because it is closed
/// takes none.
///
/// # Parameters
///
/// - `b`: the bundle.
/// - `deadline`: the time, in milliseconds as given by `now`. It replaces an earlier one;
///   -1 removes that. A time that has passed, 0 included, takes effect at once.
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
/// `bundle_cancel`, `bundle_fail`, `bundle_wait`, `cancel_enter`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bundle_deadline(b: c_int, deadline: i64) -> c_int {
    immediate::unit(request::set_deadline(b, deadline))
}
