//! `bundle_cancel`: ask, wait for a grace period, then force.

use super::bundle::{self, Bundle, Grace, Inherited};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// How long `bundle_cancel` waits before it forces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Period {
    /// Not at all.
    Zero,
    /// So many milliseconds.
    Within(i64),
    /// As long as it takes.
    Unlimited,
    /// As long as the nearest enclosing grace period: see [`bundle::inherited`].
    Inherit,
}

/// Asks the coroutines of the bundle to finish, waits for them, hard-cancels the rest
/// and closes the handle.
///
/// Errors after which nothing has happened: `EBADF`, `ENOTSUP`, `EDEADLK` (the caller
/// runs in the bundle), `EBUSY` (somebody is cancelling it already). Errors after which
/// the bundle is gone: `ETIMEDOUT` (some had to be hard-cancelled), `ECANCELED` (the
/// caller itself was hard-cancelled).
pub(crate) fn cancel(handle: c_int, period: Period) -> Result<c_int> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find_closable(context, handle)?;
    let ended = end_members(context, &bundle, period);
    let outcome = tell(&bundle, ended);
    bundle.destroy(context);
    context.handles.release(handle);
    if period != Period::Zero {
        context.take_turn(-1); // an empty bundle needs no wait
    }
    outcome
}

/// How the members of the bundle have ended: a cancellation of the caller goes before the error that
/// one of them has reported, and that before all else. The error, or 0.
fn tell(bundle: &Bundle, ended: Result<()>) -> Result<c_int> {
    match bundle.error() {
        Some(error) if ended != Err(Errno::ECANCELED) => Ok(error),
        _ => ended.map(|()| 0),
    }
}

/// Steps 2 to 4 of the contract: afterwards the bundle, which must be closable, is empty.
pub(super) fn end_members(context: &Context, bundle: &Bundle, period: Period) -> Result<()> {
    let waited = match period {
        Period::Zero => Ok(()),
        _ => finish_gracefully(context, bundle, period),
    };
    if !bundle.is_empty() {
        bundle.cancel_members(context);
    }
    match waited {
        // Also when a deadline of the bundle was faster. The other way round, when the
        // period ends just as the last one finishes, nobody was forced.
        Ok(()) | Err(Errno::ETIMEDOUT) if period != Period::Zero && bundle.was_forced() => {
            Err(Errno::ETIMEDOUT)
        }
        Err(Errno::ETIMEDOUT) => Ok(()),
        waited => waited,
    }
}

/// The period as an end on the clock; `None` where one that is inherited has ended.
fn grace(context: &Context, period: Period) -> Option<Grace> {
    match period {
        Period::Zero => None,
        Period::Unlimited => Some(Grace::Unlimited),
        Period::Within(milliseconds) => {
            Some(Grace::Until(context.clock.now().saturating_add(milliseconds)))
        }
        Period::Inherit => match bundle::inherited(context, context.current()) {
            Inherited::Ended => None,
            Inherited::Running(grace) => Some(grace),
        },
    }
}

/// Steps 2 and 3 of the contract: the request and the wait.
fn finish_gracefully(context: &Context, bundle: &Bundle, period: Period) -> Result<()> {
    // A request that has fired a cancel scope here doesn't cut the children's period.
    context.current().may_continue()?;
    let grace = grace(context, period);
    // Whoever was hard-cancelled before doesn't count, except by the bundle's deadline.
    bundle.begin_grace(context, grace.unwrap_or(Grace::None));
    if bundle.is_empty() {
        return Ok(());
    }
    bundle::deliver(context, bundle);
    if grace.is_none() {
        return Err(Errno::ETIMEDOUT);
    }
    // More than one round when coroutines are launched while the last one finishes; then
    // the caller may have been hard-cancelled when it did not wait.
    while !bundle.is_empty() {
        context.current().may_continue()?;
        bundle.wait_in_grace(context)?;
    }
    Ok(())
}
