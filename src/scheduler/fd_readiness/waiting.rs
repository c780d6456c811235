//! The wait of a coroutine for a descriptor.

use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt};

/// Waits with the waiter already in its slot.
#[inline(always)]
pub(super) fn wait(context: &Context, deadline: i64, interrupt: Interrupt) -> Result<()> {
    let coroutine = context.current();
    coroutine.will_block(Blocked::Waiter, interrupt);
    context.arm_deadline(coroutine, deadline);
    match context.park() {
        (0, _) => Ok(()),
        (_, errno) => Err(Errno::from_raw(errno)),
    }
}
