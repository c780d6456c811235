//! Cancel scopes: stretches of code whose blocking calls end when something happens.
//!
//! A scope is a link of its coroutine's [chain](super::scope_chain), subscribed to the channel or
//! to the bundle's request that it watches.

pub(crate) use super::scope_chain::{Fired, Scope, Watch};

use super::{bundle, channel, scope_chain};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::is_never;
use crate::scheduler::context::Context;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Enters a scope in `place`. `EBADF` and `ENOTSUP` for the channel; `EINVAL` when a scope is
/// entered there already, in this coroutine or another of the thread, or without anything that it
/// could watch. Then nothing has happened; otherwise [`fired`] returns why it has failed.
///
/// # Safety
/// `place` is readable and valid for writes, and stays with the scope until it is left.
pub(crate) unsafe fn enter(
    place: NonNull<Scope>,
    watch: Option<Watch>,
    deadline: i64,
) -> Result<()> {
    // SAFETY: the caller says that it is readable.
    if let Some(context) = Context::existing()
        && unsafe { scope_chain::is_entered(context, place) }
    {
        let what = "enters a cancel scope that is entered already";
        scope_chain::report(context, context.current(), what);
        return Err(Errno::EINVAL);
    }
    // SAFETY: no scope is entered there, and the caller says that it is valid.
    let result =
        watch.ok_or(Errno::EINVAL).and_then(|watch| unsafe { enter_new(place, watch, deadline) });
    // SAFETY: as above; it was not entered now.
    result.inspect_err(|&error| unsafe { scope_chain::note_failure(place, error) })
}

/// As [`enter`], in memory that the caller has got just now: a scope there was forgotten.
///
/// # Safety
/// As for [`enter`].
pub(crate) unsafe fn begin(
    place: NonNull<Scope>,
    watch: Option<Watch>,
    deadline: i64,
) -> Result<()> {
    // SAFETY: the caller says that it is readable and valid for writes.
    unsafe {
        if let Some(context) = Context::existing()
            && scope_chain::is_entered(context, place)
        {
            let what = "declares a cancel scope where one is that it has not left";
            scope_chain::forget(context, place, what);
            scope_chain::note_failure(place, Errno::EINVAL); // whatever it was, it is none now
        }
        enter(place, watch, deadline)
    }
}

/// # Safety
/// As for [`enter`]; no entered scope lies in `place`.
unsafe fn enter_new(place: NonNull<Scope>, watch: Watch, deadline: i64) -> Result<()> {
    let context = Context::get()?;
    let coroutine = context.current();
    let half = match watch {
        Watch::Channel(handle) => {
            let half = channel::find(context, handle)?;
            half.may_be_done()?; // a channel of signals never is
            Some(half)
        }
        Watch::Nothing | Watch::Request | Watch::Shield => None,
    };
    scope_chain::drop_broken(context, coroutine);
    // SAFETY: the caller gives the place to the scope until the coroutine leaves it.
    let mut scope = unsafe { scope_chain::push(context, coroutine, place, (watch, deadline)) };
    let bundle = if watch == Watch::Request { bundle::of(coroutine) } else { None };
    let is_early = half.is_none_or(|half| half.subscribe(scope.for_channel()))
        && bundle.is_none_or(|bundle| match scope.for_request() {
            Some(subscriber) => bundle.subscribe(subscriber),
            None => true,
        });
    if !is_early {
        scope.note_event();
    }
    if !is_never(deadline) {
        scope.start_clock(context, deadline);
    }
    scope_chain::update(coroutine);
    Ok(())
}

/// Leaves the innermost scope, which must be the one in `place` (`EINVAL` otherwise). Returns
/// whether and why it has fired.
///
/// # Safety
/// `place` is readable.
pub(crate) unsafe fn leave(place: NonNull<Scope>) -> Result<Fired> {
    let context = Context::existing().ok_or(Errno::EINVAL)?;
    // SAFETY: the caller says that it is readable.
    unsafe { scope_chain::pop(context, context.current(), place) }.ok_or(Errno::EINVAL)
}

/// Returns what the scope in `place` has watched, after [`leave`] has succeeded and before anything
/// else was written there.
///
/// # Safety
/// `place` is readable.
pub(crate) unsafe fn watched_by_left(place: NonNull<Scope>) -> Watch {
    Context::existing().map_or(Watch::Nothing, |context| {
        // SAFETY: the caller says that it is readable.
        unsafe { scope_chain::watched_by_left(context, place) }
    })
}

/// Leaves the scope in `place`, and with it those inside of it that were forgotten. Nothing happens
/// where no scope of the caller's is entered.
///
/// # Safety
/// `place` is readable.
pub(crate) unsafe fn end(place: NonNull<Scope>) {
    let Some(context) = Context::existing() else { return };
    // SAFETY: the caller says that it is readable.
    unsafe {
        if scope_chain::pop(context, context.current(), place).is_none()
            && scope_chain::is_entered(context, place)
        {
            let what = "has not left a cancel scope inside of one that ends";
            scope_chain::forget(context, place, what);
        }
    }
}

/// Returns whether and why the scope in `place` has fired, also after it was left. `Err` with the
/// reason if it could not be entered, and with `EINVAL` if none is there.
///
/// # Safety
/// `place` is readable.
pub(crate) unsafe fn fired(place: NonNull<Scope>) -> core::result::Result<Fired, c_int> {
    // SAFETY: the caller says that it is readable.
    unsafe { scope_chain::fired(place) }
}

/// Stands for the scope in which [`within`] calls its function.
pub(crate) struct Inside(NonNull<Scope>);

impl Inside {
    /// Returns whether and why the scope has fired.
    pub(crate) fn fired(&self) -> Fired {
        // SAFETY: `within` has made it, in whose frame the scope is.
        unsafe { fired(self.0) }.unwrap_or(Fired::No)
    }
}

/// Calls `function` within a scope. Returns its result, and whether and why
/// the scope has fired. The scope lies in the frame of this call, and is left however the function
/// ends.
pub(crate) fn within<R>(
    watch: Watch,
    deadline: i64,
    function: impl FnOnce(&Inside) -> R,
) -> Result<(R, Fired)> {
    struct Leave(NonNull<Scope>);
    impl Drop for Leave {
        fn drop(&mut self) {
            // SAFETY: it is the place in the frame of `within`.
            unsafe { end(self.0) }
        }
    }
    let mut place = MaybeUninit::<Scope>::uninit();
    let place = NonNull::from(&mut place).cast::<Scope>();
    // SAFETY: the place lasts as long as this call, which leaves the scope, also by a panic. If it
    // never returns, its coroutine and the frame stay for ever.
    unsafe { begin(place, Some(watch), deadline)? };
    let panicking = Leave(place);
    let result = function(&Inside(place));
    core::mem::forget(panicking);
    // SAFETY: as above.
    unsafe { leave(place) }.map(|fired| (result, fired))
}
