//! The graceful request: who is told of it besides the members of a bundle, and until when they
//! may go on.

use super::bundle::{self, Bundle};
use super::channel::{self, HalfChannel};
use super::notification;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// `bundle_notify`: `channel` becomes done when the bundle gets the graceful request;
/// at once when it has got it.
pub(crate) fn notify(handle: c_int, channel: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find(context, handle)?;
    notify_half(context, &bundle, channel::find(context, channel)?)
}

/// As [`notify`], when both are at hand.
pub(super) fn notify_half(
    context: &Context,
    bundle: &Bundle,
    half: Ref<HalfChannel>,
) -> Result<()> {
    if bundle.is_requested() {
        return match half.done(context) {
            Err(Errno::EPIPE) => Ok(()), // done already
            result => result,
        };
    }
    half.may_be_done()?;
    bundle.with_notifications(context, |bundle, list| {
        notification::register(context, bundle, list, half)
    })
}

/// `bundle_follow`: the bundle gets the request with the bundle in which the caller runs;
/// at once when that has got it. `ENOTSUP` in a main coroutine, `EDEADLK` when the caller
/// runs in the bundle itself.
pub(crate) fn follow(handle: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find(context, handle)?;
    let own = bundle::of(context.current()).ok_or(Errno::ENOTSUP)?;
    if bundle.contains(context.current()) {
        return Err(Errno::EDEADLK);
    }
    if own.is_requested() {
        bundle::deliver(context, &bundle);
        return Ok(());
    }
    bundle.follow(context, own)
}

/// `bundle_deadline`: when `deadline` (milliseconds; negative: none) passes, the bundle's
/// coroutines are hard-cancelled. Replaces an earlier one.
pub(crate) fn set_deadline(handle: c_int, deadline: i64) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find(context, handle)?;
    bundle.set_deadline(context, deadline)
}
