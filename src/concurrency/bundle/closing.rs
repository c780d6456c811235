//! The end of bundles: their members are hard-cancelled first.

use super::{BUNDLE, Bundle, CLOSING, Cause, FORCED, Grace, discard, find};
use crate::concurrency::last_resort;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, stop};
use core::ffi::c_int;

pub(super) unsafe fn close(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    end(context, unsafe { Ref::from_raw(object.cast()) })
}

/// Hard-cancels the coroutines of the bundle and frees it, but for its handle.
#[inline(always)]
fn end(context: &Context, bundle: Ref<Bundle>) -> Result<()> {
    bundle.check_closable(context)?;
    if !bundle.is_empty() {
        bundle.cancel_all(context);
    }
    bundle.destroy(context);
    Ok(())
}

/// Closes the handle of a bundle; `None` when it is another object's, or none.
pub(in crate::concurrency) fn close_handle(context: &Context, handle: c_int) -> Option<Result<()>> {
    let object = context.handles.find_at_once(handle, &BUNDLE)?;
    // SAFETY: as in `find`.
    Some(close_found(context, unsafe { Ref::from_raw(object.cast()) }, handle))
}

/// Finds the bundle that `handle` is to close. `None`: ask `handle_close::close`.
#[inline(always)]
pub(crate) fn find_to_close(handle: c_int) -> Option<(&'static Context, Ref<Bundle>)> {
    let context = Context::not_closing_at_once()?;
    let object = context.handles.find_at_once(handle, &BUNDLE)?;
    // SAFETY: as in `find`.
    Some((context, unsafe { Ref::from_raw(object.cast()) }))
}

/// Closes a bundle that is empty and that nobody waits for or has asked anything of, in a few
/// instructions. False: nothing has happened.
#[inline(always)]
pub(crate) fn close_at_once(context: &Context, bundle: Ref<Bundle>, handle: c_int) -> bool {
    let idle = bundle.members.is_empty()
        && bundle.state.get() == 0
        && bundle.waiters.is_empty()
        && bundle.extras.get().is_none();
    if !idle || context.spare_bundles.is_full() {
        return false;
    }
    context.handles.release(handle);
    bundle.in_owner.unlink();
    // SAFETY: as in `give_up`.
    unsafe { context.spare_bundles.put(bundle) }
}

/// Closes a bundle in any case.
#[inline(always)]
pub(crate) fn close_found(context: &Context, bundle: Ref<Bundle>, handle: c_int) -> Result<()> {
    end(context, bundle)?;
    context.handles.release(handle);
    Ok(())
}

/// The handle's bundle and what ending it needs, for `bundle_cancel`.
pub(in crate::concurrency) fn find_closable(
    context: &Context,
    handle: c_int,
) -> Result<Ref<Bundle>> {
    let bundle = find(context, handle)?;
    bundle.check_closable(context)?;
    Ok(bundle)
}

impl Bundle {
    /// Makes every blocking call of all members fail from now on. The bundle is not being closed.
    pub(in crate::concurrency) fn hard_cancel(&self, context: &Context, cause: Cause) {
        if self.is_empty() {
            return;
        }
        if !self.is(CLOSING) && self.cause.get() == Cause::Closing {
            self.cause.set(cause);
        }
        if last_resort::is_on() {
            last_resort::begin(context, self);
        }
        self.stop_members(context);
    }

    /// Has every blocking call of all members fail from now on.
    #[inline(always)]
    fn stop_members(&self, context: &Context) {
        let mut next = self.members.first();
        while let Some(member) = next {
            next = self.members.after(member);
            self.state.set(self.state.get() | FORCED);
            member.add_stop(stop::CANCELED);
            context.interrupt(member);
        }
    }

    /// Hard-cancels all members, of which there are some, then waits until the last has finished.
    #[inline(never)]
    pub(in crate::concurrency) fn cancel_members(&self, context: &Context) {
        self.cancel_all(context);
    }

    #[inline(always)]
    fn cancel_all(&self, context: &Context) {
        if last_resort::is_on() {
            return self.cancel_all_watched(context);
        }
        self.cancel_all_unwatched(context);
    }

    /// As [`Bundle::cancel_all`], while `dill_last_resort` limits the time that it takes.
    #[cold]
    #[inline(never)]
    fn cancel_all_watched(&self, context: &Context) {
        let watch = last_resort::Watch::begin(context, self);
        self.cancel_all_unwatched(context);
        watch.end(context);
    }

    #[inline(always)]
    fn cancel_all_unwatched(&self, context: &Context) {
        self.state.set(self.state.get() | CLOSING);
        self.grace.set(Grace::None);
        let current = context.current();
        self.canceller.set(Some(current));
        self.stop_members(context);
        loop {
            self.waiters.push_back(current.waiter_ref());
            current.will_block(Blocked::Waiter, Interrupt::Never);
            context.park();
            if self.members.is_empty() {
                break;
            }
        }
    }

    /// Frees the bundle, which has no members any more. Its handle must be released.
    #[inline(always)]
    pub(in crate::concurrency) fn destroy(&self, context: &Context) {
        debug_assert!(self.members.is_empty());
        if !self.waiters.is_empty() {
            self.end_waits(context);
        }
        if let Some(extras) = self.extras.get() {
            self.extras.set(None);
            extras.drop_all(context);
        }
        if let Some(failure) = self.take_failure() {
            discard(failure);
        }
        self.in_owner.unlink();
        self.state.set(0);
        self.cause.set(Cause::Closing);
        self.canceller.set(None);
        self.grace.set(Grace::None);
        self.give_up(context);
    }

    /// Takes back the memory of a bundle that is as good as new, but for its owner.
    #[inline(always)]
    pub(super) fn give_up(&self, context: &Context) {
        // SAFETY: made by `make_in`; it is in no list any more, and without a handle.
        unsafe {
            let this = Ref::from_raw(self);
            if !context.spare_bundles.put(this) {
                context.objects.free(this);
            }
        }
    }
}
