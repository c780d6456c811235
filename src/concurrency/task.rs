//! One coroutine whose end can be awaited, and that can be cancelled alone.

use super::bundle::{self, Grace};
use super::cancel::{self, Period};
use super::event::Event;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use core::cell::Cell;

/// A coroutine that runs until [`Task::end`]. Pinned from [`Task::init`] on.
pub(crate) struct Task {
    /// The coroutine between [`Task::begin`] and [`Task::end`], so that it is alive.
    coroutine: Cell<Option<Ref<Coroutine>>>,
    ended: Event,
}

impl Task {
    #[inline(always)]
    pub(crate) const fn new() -> Task {
        Task { coroutine: Cell::new(None), ended: Event::new() }
    }

    /// Completes what needs the final address.
    #[inline(always)]
    pub(crate) fn init(&self) {
        self.ended.init();
    }

    /// Notes that the running coroutine is the task.
    #[inline(always)]
    pub(crate) fn begin(&self) {
        self.coroutine.set(Context::existing().map(|context| context.current()));
    }

    /// Notes that the task has nothing more to do. It was the last one to call [`Task::begin`].
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.coroutine.set(None);
        self.ended.happen();
    }

    /// Returns the event that happens when the task has ended.
    #[inline(always)]
    pub(crate) fn ended(&self) -> &Event {
        &self.ended
    }

    /// Waits for the task's end, and hard-cancels it when the period has ended.
    ///
    /// `EDEADLK` where the caller is the task or runs within it: then nothing has happened.
    /// `ECANCELED` where the caller is hard-cancelled: then the task is, too, and is not awaited.
    pub(crate) fn cancel(&self, period: Period) -> Result<()> {
        let Some(context) = Context::existing() else { return Ok(()) };
        let current = context.current();
        match self.coroutine.get() {
            None => return Ok(()),
            Some(task) if bundle::runs_within(current, task) => return Err(Errno::EDEADLK),
            Some(_) => {}
        }
        let end = match cancel::grace(context, period) {
            None => 0,
            Some(Grace::Until(end)) => end,
            Some(_) => -1,
        };
        match self.ended.wait_in_grace(context, end) {
            Ok(()) => Ok(()),
            Err(reason) => {
                if let Some(task) = self.coroutine.get() {
                    bundle::hard_cancel_one(context, task);
                }
                match reason {
                    Errno::ETIMEDOUT => self.ended.wait_in_grace(context, -1),
                    reason => Err(reason),
                }
            }
        }
    }
}
