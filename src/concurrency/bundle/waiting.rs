//! Waiting until the last member has finished.

use super::handle::find;
use super::{Bundle, ERROR, Grace};
use crate::context_switch::Transfer;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Waiter};
use core::ffi::c_int;

/// Begin function of `bundle_wait`. `EBUSY` when somebody waits already.
pub(crate) fn begin_wait(handle: c_int, deadline: i64) -> Result<Transfer> {
    let context = Context::may_block()?;
    begin_wait_for(context, find(context, handle)?, deadline)
}

/// As [`begin_wait`], when the bundle is at hand and the caller may block.
pub(in crate::concurrency) fn begin_wait_for(
    context: &Context,
    bundle: Ref<Bundle>,
    deadline: i64,
) -> Result<Transfer> {
    if bundle.members.is_empty() {
        context.take_turn(deadline);
        return Ok(Transfer::complete(bundle.tell_error()));
    }
    let current = context.current();
    if bundle.contains(current) {
        return Err(Errno::EDEADLK);
    }
    if bundle.has_waiter() {
        return Err(Errno::EBUSY);
    }
    let waiter: Ref<Waiter> = current.waiter_ref();
    bundle.waiters.push_back(waiter);
    current.will_block(Blocked::Waiter, Interrupt::Any);
    context.arm_deadline(current, deadline);
    Ok(context.block())
}

impl Bundle {
    /// Waits until the last member has finished, for the caller of `bundle_cancel`.
    pub(in crate::concurrency) fn wait_in_grace(&self, context: &Context) -> Result<()> {
        let current = context.current();
        self.waiters.push_back(current.waiter_ref());
        current.will_block(Blocked::Waiter, Interrupt::UnderWay);
        if let Grace::Until(deadline) = self.grace() {
            context.arm_deadline(current, deadline);
        }
        match context.park() {
            (-1, errno) => Err(Errno::from_raw(errno)),
            // The last member has finished; a number above 0 is the error that one has reported.
            _ => Ok(()),
        }
    }

    #[inline(never)]
    pub(super) fn end_waits(&self, context: &Context) {
        while let Some(waiter) = self.waiters.first() {
            let waits = waiter.waits();
            if self.is(ERROR) && !waiter.is_clause() {
                self.end_wait_with_error(context, waiter.coroutine());
            } else if waits.is_alone() {
                waits.complete(context, false);
            } else {
                waiter.complete(context, 0);
            }
        }
    }

    /// Has `waiter` wait until the last member has finished.
    pub(in crate::concurrency) fn enqueue(&self, waiter: Ref<Waiter>) {
        self.waiters.push_back(waiter);
    }

    /// Somebody is in `bundle_wait` already: not in a `choose`, nor the canceller.
    fn has_waiter(&self) -> bool {
        let mut next = self.waiters.first();
        while let Some(waiter) = next {
            if !waiter.is_clause() && Some(waiter.coroutine()) != self.canceller.get() {
                return true;
            }
            next = self.waiters.after(waiter);
        }
        false
    }
}
