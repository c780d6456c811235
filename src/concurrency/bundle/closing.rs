//! The end of bundles: their members are hard-cancelled first.

use super::failure::discard;
use super::{Bundle, CLOSING, Cause, FAILED, FORCED, FOREIGN, PackedGrace};
use crate::concurrency::last_resort;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, stop};

impl Bundle {
    /// Hard-cancels the members and frees the bundle, but for its handle.
    #[inline(always)]
    pub(super) fn end(&self, context: &Context) -> Result<()> {
        self.check_closable(context)?;
        if !self.is_empty() {
            self.cancel_all(context);
        }
        self.destroy(context);
        Ok(())
    }

    /// Makes every blocking call of all members fail from now on. The bundle is not being closed.
    pub(in crate::concurrency) fn hard_cancel(&self, context: &Context, cause: Cause) {
        if self.is_empty() {
            return;
        }
        self.note_cause(cause);
        if last_resort::is_on() {
            last_resort::begin(context, &self.members, None);
        }
        self.stop_members(context);
    }

    /// Notes why members are being hard-cancelled, if that has not happened before.
    pub(super) fn note_cause(&self, cause: Cause) {
        if !self.is(CLOSING) && self.cause.get() == Cause::Closing {
            self.cause.set(cause);
        }
    }

    /// Makes every blocking call of all members fail from now on.
    #[inline(always)]
    fn stop_members(&self, context: &Context) {
        context.note_periods();
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
        let watch = last_resort::Watch::begin(context, &self.members);
        self.cancel_all_unwatched(context);
        watch.end(context);
    }

    #[inline(always)]
    fn cancel_all_unwatched(&self, context: &Context) {
        self.state.set(self.state.get() | CLOSING);
        self.grace.set(PackedGrace::NONE);
        self.set_canceller(context);
        self.stop_members(context);
        let current = context.current();
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
            self.report_left_inside(context);
            self.forget_left_open(context);
            self.extras.set(None);
            extras.drop_all(context);
        }
        if self.is(FAILED | FOREIGN) {
            self.drop_rare(context);
        }
        self.in_owner.unlink();
        self.state.set(0);
        self.cause.set(Cause::Closing);
        self.canceller.set(None);
        self.grace.set(PackedGrace::NONE);
        self.give_up(context);
    }

    #[cold]
    #[inline(never)]
    fn drop_rare(&self, context: &Context) {
        if let Some(failure) = self.take_failure() {
            discard(failure);
        }
        if self.is(FOREIGN) {
            self.forget_foreign_canceller(context);
        }
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
