//! Turns: nobody starves behind a coroutine whose calls never have to wait, as a peer sends, reads
//! or connects so fast, or as all it does is to launch.

use super::context::Context;
use super::coroutine::Coroutine;
use super::park::{Leaving, poll_interval};
use crate::intrusive::Ref;
use crate::os::cycles;
use crate::os::errno::Result;
use core::cell::Cell;
use core::ptr;

/// Operations that may succeed without a wait since the poller was asked, before it is asked
/// whether others have waited for too long.
const TURN: i32 = 64;
/// The same in virtual time, where they are always given way to then: what happens shall not
/// depend on the speed of the machine. So many that only a peer that never tires gets there.
const VIRTUAL_TURN: i32 = 1 << 20;

/// The last look around of a launch. Addresses to compare with; they may be out of date.
pub(super) struct LaunchTurn {
    /// The coroutine that launched, and the one that headed the ready queue then.
    launcher: Cell<*const Coroutine>,
    next: Cell<*const Coroutine>,
}

impl LaunchTurn {
    pub(super) const fn new() -> LaunchTurn {
        LaunchTurn { launcher: Cell::new(ptr::null()), next: Cell::new(ptr::null()) }
    }

    /// Notes a look around. Returns whether only launches have happened since the last one: a
    /// chain of coroutines each of which launches the next before it blocks. In any other
    /// order those who were ready have run, as a launch puts its parent behind them.
    fn repeats(&self, launcher: Ref<Coroutine>, next: Option<Ref<Coroutine>>) -> bool {
        let next = next.map_or(ptr::null(), |next| next.as_ptr().cast_const());
        let launcher = launcher.as_ptr().cast_const();
        let same_next = self.next.replace(next) == next && !next.is_null();
        self.launcher.replace(launcher) != launcher && same_next
    }
}

impl Context {
    /// Spends one of the budget of quick switches for a launch, which is a switch to the child.
    /// Returns false when it is time for [`Context::take_launch_turn`].
    #[inline(always)]
    pub(crate) fn may_launch_quickly(&self) -> bool {
        let budget = self.budget.get() - 1;
        self.budget.set(budget);
        budget >= 0
    }

    /// Call before a launch. When it is time, wakes those whose timers are due or whose
    /// descriptors are ready. They run before the parent goes on: the child runs first, and the
    /// parent is queued behind all. Returns whether that was done.
    pub(crate) fn take_launch_turn(&self) -> bool {
        !self.may_launch_quickly() && self.look_around_in_launch()
    }

    #[cold]
    #[inline(never)]
    fn look_around_in_launch(&self) -> bool {
        if !self.look_again_if_due() {
            return false;
        }
        let is_chain = self.launch_turn.repeats(self.current(), self.ready.next());
        if is_chain && self.clock.passes_by_itself() {
            self.give_way_now();
        }
        true
    }

    /// Call after a launch has failed, with what [`Context::take_launch_turn`] has returned:
    /// no child has run, so the parent itself gives way if it is time.
    #[cold]
    #[inline(never)]
    pub(crate) fn end_failed_launch(&self, has_looked: bool) {
        if has_looked && self.clock.passes_by_itself() {
            self.give_way_now();
        } else {
            self.take_turn(-1);
        }
    }

    /// Lets those run who are ready, unless the caller may not block.
    fn give_way_now(&self) {
        if self.current().may_block().is_ok() {
            self.budget.set(-1);
            self.carry_out(self.next_slowly(Leaving::Ready));
        }
    }

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
        let is_real = self.clock.passes_by_itself();
        if !is_real || cycles::now().wrapping_sub(self.polled_at.get()) >= poll_interval() {
            self.give_way_now();
        }
    }
}
