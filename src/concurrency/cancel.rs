//! `bundle_cancel`: ask, wait for a grace period, then force.

use super::bundle::{self, Bundle, Grace};
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
    /// As long as the grace period that runs for the caller's own bundle.
    Inherit,
}

/// Asks the coroutines of the bundle to finish, waits for them, hard-cancels the rest
/// and closes the handle.
///
/// Errors after which nothing has happened: `EBADF`, `ENOTSUP`, `EDEADLK` (the caller
/// runs in the bundle), `EBUSY` (somebody is cancelling it already). Errors after which
/// the bundle is gone: `ETIMEDOUT` (some had to be hard-cancelled), `ECANCELED` (the
/// caller itself was hard-cancelled).
pub(crate) fn cancel(handle: c_int, period: Period) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find_closable(context, handle)?;
    let outcome = end_members(context, &bundle, period);
    bundle.destroy(context);
    context.handles.release(handle);
    if period != Period::Zero {
        context.take_turn(-1); // an empty bundle needs no wait
    }
    outcome
}

/// Steps 2 to 4 of the contract: afterwards the bundle, which must be closable, is empty.
pub(super) fn end_members(context: &Context, bundle: &Bundle, period: Period) -> Result<()> {
    let grace = grace(context, period);
    let outcome = match grace {
        Grace::None => Ok(()),
        _ => finish_gracefully(context, bundle, grace),
    };
    if !bundle.is_empty() {
        bundle.cancel_members(context);
    }
    let forced = grace != Grace::None && bundle.was_forced();
    match outcome {
        // Also when a deadline of the bundle was faster. The other way round, when the
        // period ends just as the last one finishes, nobody was forced.
        Ok(()) | Err(Errno::ETIMEDOUT) if forced => Err(Errno::ETIMEDOUT),
        Err(Errno::ETIMEDOUT) => Ok(()),
        outcome => outcome,
    }
}

/// The period as an end on the clock; `Grace::None` to force at once.
fn grace(context: &Context, period: Period) -> Grace {
    match period {
        Period::Zero => Grace::None,
        Period::Unlimited => Grace::Unlimited,
        Period::Within(milliseconds) => {
            Grace::Until(context.clock.now().saturating_add(milliseconds))
        }
        Period::Inherit => {
            bundle::of(context.current()).map_or(Grace::None, |own| match own.grace() {
                Grace::Until(end) if end <= context.clock.now() => Grace::None,
                grace => grace,
            })
        }
    }
}

/// Steps 2 and 3 of the contract: the request and the wait.
fn finish_gracefully(context: &Context, bundle: &Bundle, grace: Grace) -> Result<()> {
    // A request that has fired a cancel scope here doesn't cut the children's period.
    context.current().may_continue()?;
    // Whoever was hard-cancelled before doesn't count.
    bundle.begin_grace(context, grace);
    if bundle.is_empty() {
        return Ok(());
    }
    bundle::deliver(context, bundle);
    // More than one round when coroutines are launched while the last one finishes; then
    // the caller may have been hard-cancelled when it did not wait.
    while !bundle.is_empty() {
        context.current().may_continue()?;
        bundle.wait_in_grace(context)?;
    }
    Ok(())
}
