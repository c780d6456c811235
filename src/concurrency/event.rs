//! Something that happens once, or now and then, and that coroutines wait for.

use crate::intrusive::{List, Ref};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Waiter, Waiting};
use core::cell::Cell;

/// The length of the message of a waiter that waits for none, but for an event.
const NO_MESSAGE: usize = usize::MAX;

/// Is it an event that this one waits for? For dumps.
pub(super) fn is_waited_for_by(waiter: &Waiter) -> bool {
    waiter.len.get() == NO_MESSAGE
}

/// An event. Pinned from [`Event::init`] on; whoever waits keeps it alive.
pub(crate) struct Event {
    waiters: List<Waiting>,
    happened: Cell<bool>,
}

impl Event {
    pub(crate) const fn new() -> Event {
        Event { waiters: List::new(), happened: Cell::new(false) }
    }

    /// Completes what needs the final address.
    pub(crate) fn init(&self) {
        self.waiters.init();
    }

    /// It has happened: everybody who waits goes on, and nobody waits from now on.
    pub(crate) fn happen(&self) {
        self.happened.set(true);
        let Some(context) = Context::existing() else { return };
        while let Some(waiter) = self.waiters.first() {
            waiter.complete(context, 0);
        }
    }

    /// It has not happened, after all.
    pub(crate) fn reset(&self) {
        self.happened.set(false);
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.happened.get()
    }

    /// Has `waiter` wait until it happens.
    pub(super) fn enqueue(&self, waiter: Ref<Waiter>) {
        waiter.len.set(NO_MESSAGE);
        self.waiters.push_back(waiter);
    }

    /// Waits until it has happened. `ETIMEDOUT`, `ECANCELED`.
    pub(crate) fn wait(&self, deadline: i64) -> Result<()> {
        self.wait_unless(Context::may_block()?, Interrupt::Any, deadline)
    }

    /// As [`Event::wait`], but neither a request nor a channel that has fired a cancel scope ends it.
    pub(crate) fn wait_in_grace(&self, context: &Context, deadline: i64) -> Result<()> {
        context.current().may_continue()?;
        self.wait_unless(context, Interrupt::UnderWay, deadline)
    }

    fn wait_unless(&self, context: &Context, interrupt: Interrupt, deadline: i64) -> Result<()> {
        if self.happened.get() {
            return Ok(());
        }
        if deadline == 0 {
            return Err(Errno::ETIMEDOUT);
        }
        let current = context.current();
        let waiter: Ref<Waiter> = current.waiter_ref();
        self.enqueue(waiter);
        current.will_block(Blocked::Waiter, interrupt);
        context.arm_deadline(current, deadline);
        let woken = context.park();
        waiter.len.set(0);
        match woken {
            (_, 0) => Ok(()),
            (_, errno) => Err(Errno::from_raw(errno)),
        }
    }
}
