//! Turns: nobody starves behind a coroutine whose calls never have to wait, as a peer sends, reads
//! or connects so fast.

use super::context::Context;
use super::park::{Leaving, poll_interval};
use crate::os::cycles;
use crate::os::errno::Result;

/// Operations that may succeed without a wait since the poller was asked, before it is asked
/// whether others have waited for too long.
const TURN: i32 = 64;
/// The same in virtual time, where they are always given way to then: what happens shall not
/// depend on the speed of the machine. So many that only a peer that never tires gets there.
const VIRTUAL_TURN: i32 = 1 << 20;

impl Context {
    /// To be asked before operations that may succeed without a wait, time and again, if a peer
    /// wants it so. False when there were so many that it is time for [`Context::give_way`]. A
    /// call that must not wait at all, with the deadline 0, never lets others run.
    #[inline(always)]
    pub(crate) fn has_turn(&self, deadline: i64) -> bool {
        let left = self.turn.get().wrapping_sub(1);
        self.turn.set(left);
        left >= 0 || deadline == 0
    }

    /// As [`Context::has_turn`], and gives way if it is time.
    #[inline(always)]
    pub(crate) fn take_turn(&self, deadline: i64) {
        if !self.has_turn(deadline) {
            self.give_way();
        }
    }

    /// Within an operation, between two steps that may need no wait: gives way if it is time.
    /// `ECANCELED` when the operation must end.
    pub(crate) fn next_turn(&self, deadline: i64) -> Result<()> {
        if self.has_turn(deadline) {
            return Ok(());
        }
        self.give_way();
        self.current().may_block()
    }

    pub(super) fn begin_turns(&self) {
        self.turn.set(if self.clock.passes_by_itself() { TURN } else { VIRTUAL_TURN });
    }

    /// As [`Context::may_block_at_once`], for operations that take turns.
    #[inline(always)]
    pub(crate) fn may_block_in_turn(deadline: i64) -> Option<&'static Context> {
        let context = Self::may_block_at_once()?;
        if !context.has_turn(deadline) {
            context.give_way();
            return Self::may_block_at_once();
        }
        Some(context)
    }

    /// Lets run who is ready, and whose timers are due or whose descriptors are ready, if that
    /// was not looked at for a while. Whoever uses a handle looks it up after that, and then
    /// asks whether it may block, as the coroutine may have been cancelled. Where that is so
    /// already nobody else runs.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_way(&self) {
        self.begin_turns();
        if self.current().may_block().is_err() {
            return;
        }
        let is_real = self.clock.passes_by_itself();
        if !is_real || cycles::now().wrapping_sub(self.polled_at.get()) >= poll_interval() {
            self.budget.set(-1);
            self.carry_out(self.next_slowly(Leaving::Ready));
        }
    }
}
