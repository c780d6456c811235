//! Cancel scopes: stretches of code whose blocking calls end when something happens.
//!
//! A scope is a link of its coroutine's [chain](super::scope_chain), subscribed to the channel or
//! to the bundle's request that it watches.

pub(crate) use super::scope_chain::{Fired, Scope, Watch};

use super::{bundle, channel, scope_chain};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::is_never;
use crate::scheduler::context::Context;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Enters a scope in `place`. `EBADF` and `ENOTSUP` for the channel; `EINVAL` when the coroutine
/// is in a scope there already.
///
/// # Safety
/// `place` is valid for writes and stays with the scope until it is left; the calling
/// coroutine leaves it before it ends.
pub(crate) unsafe fn enter(place: NonNull<Scope>, watch: Watch, deadline: i64) -> Result<()> {
    let context = Context::get()?;
    let coroutine = context.current();
    if scope_chain::contains(coroutine, place) {
        return Err(Errno::EINVAL);
    }
    let half = match watch {
        Watch::Channel(handle) => {
            let half = channel::find(context, handle)?;
            half.may_be_done()?; // a channel of signals never is
            Some(half)
        }
        Watch::Nothing | Watch::Request | Watch::Shield => None,
    };
    // SAFETY: the caller gives the place to the scope until the coroutine leaves it.
    let scope = unsafe { scope_chain::push(coroutine, place, watch) };
    let bundle = if watch == Watch::Request { bundle::of(coroutine) } else { None };
    let is_early = half.is_none_or(|half| half.subscribe(scope.subscriber_ref()))
        && bundle.is_none_or(|bundle| bundle.subscribe(scope.subscriber_ref()));
    if !is_early {
        scope.note_event();
    }
    if !is_never(deadline) {
        scope.set_deadline(context, deadline);
    }
    scope_chain::update(coroutine);
    Ok(())
}

/// Leaves the innermost scope, which must be the one in `place` (`EINVAL` otherwise).
/// Whether and why it has fired.
pub(crate) fn leave(place: NonNull<Scope>) -> Result<Fired> {
    let context = Context::existing().ok_or(Errno::EINVAL)?;
    scope_chain::pop(context, context.current(), place).ok_or(Errno::EINVAL)
}

/// Calls `function` within a scope; its result, and whether and why the scope has fired. The
/// scope lies in the frame of this call, and is left however the function ends.
pub(crate) fn within<R>(
    watch: Watch,
    deadline: i64,
    function: impl FnOnce() -> R,
) -> Result<(R, Fired)> {
    struct Leave(NonNull<Scope>);
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = leave(self.0);
        }
    }
    let mut place = MaybeUninit::<Scope>::uninit();
    let place = NonNull::from(&mut place).cast::<Scope>();
    // SAFETY: the place lasts as long as this call, which leaves the scope, also by a panic. If it
    // never returns, its coroutine and the frame stay for ever.
    unsafe { enter(place, watch, deadline)? };
    let panicking = Leave(place);
    let result = function();
    core::mem::forget(panicking);
    leave(place).map(|fired| (result, fired))
}
