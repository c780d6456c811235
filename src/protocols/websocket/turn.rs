//! Whose turn it is to send: a frame must not be cut by another one.

use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Slot};
use core::cell::Cell;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Nobody,
    /// A call of the user's.
    User,
    /// A receive that answers a ping.
    Answer,
}

/// The right to send. Users' calls exclude each other with `EBUSY`; but what the socket
/// sends by itself they don't know of, so they wait for that.
pub(super) struct Turn {
    holder: Cell<Holder>,
    waiting: Slot,
}

impl Turn {
    pub(super) const fn new() -> Turn {
        Turn { holder: Cell::new(Holder::Nobody), waiting: Slot::new() }
    }

    /// Takes the turn for a user's call.
    pub(super) fn take(&self, deadline: i64) -> Result<()> {
        while self.holder.get() == Holder::Answer {
            self.wait(deadline)?;
        }
        if self.is_users() {
            return Err(Errno::EBUSY);
        }
        self.holder.set(Holder::User);
        Ok(())
    }

    fn wait(&self, deadline: i64) -> Result<()> {
        if !self.waiting.is_empty() {
            return Err(Errno::EBUSY);
        }
        let context = Context::may_block()?;
        let coroutine = context.current();
        self.waiting.put(coroutine.waiter_ref());
        coroutine.will_block(Blocked::Waiter, Interrupt::Any);
        context.arm_deadline(coroutine, deadline);
        match context.park() {
            (_, 0) => Ok(()),
            (_, error) => Err(Errno::from_raw(error)),
        }
    }

    pub(super) fn is_users(&self) -> bool {
        self.holder.get() == Holder::User
    }

    /// Takes the turn for an answer if nobody has it.
    pub(super) fn take_for_answer(&self) -> bool {
        let free = self.holder.get() == Holder::Nobody;
        if free {
            self.holder.set(Holder::Answer);
        }
        free
    }

    /// Gives it back.
    pub(super) fn give_back(&self) {
        self.holder.set(Holder::Nobody);
        self.end_wait(0);
    }

    /// The socket is being closed.
    pub(super) fn close(&self) {
        self.end_wait(Errno::EBADF as i32);
    }

    fn end_wait(&self, errno: i32) {
        if let Some(waiter) = self.waiting.get()
            && let Some(context) = Context::existing()
        {
            waiter.complete(context, errno);
        }
    }
}
