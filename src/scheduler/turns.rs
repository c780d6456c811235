//! Turns: no coroutine starves behind one whose calls never have to wait, as a peer sends, reads
//! or connects so fast, or as all it does is to launch, or behind one whose calls only fail.

use super::context::Context;
use super::coroutine::stop;
use super::park::Leaving;
use crate::os::cycles;
use crate::os::errno::Result;

impl Context {
    /// Fast path: the thread's scheduler, if it may launch a coroutine that is at hand. `None`: a
    /// launch has more to see to.
    #[inline(always)]
    pub(crate) fn may_launch_at_once() -> Option<&'static Context> {
        Self::may_start_at_once().filter(|context| context.may_launch_quickly())
    }

    /// Spends one of the budget of quick switches for a launch, which is a switch to the child.
    /// Returns false when it is time for [`Context::take_launch_turn`].
    #[inline(always)]
    fn may_launch_quickly(&self) -> bool {
        self.budget.spend()
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
        if self.failures.count_launch(self.current(), &self.budget) {
            self.end_failures(has_looked);
        }
    }

    /// Call after a call that may wait has failed, before its error is stored in `errno`: runs
    /// other coroutines if the caller does nothing but fail. It may be cancelled: then all its
    /// calls fail, and a loop that ignores the errors would stop the thread's clock. Close
    /// callbacks are the exception: no other coroutine runs within them.
    #[cold]
    #[inline(never)]
    pub(crate) fn end_failed_call() {
        if let Some(context) = Context::existing()
            && context.failures.count(context.current(), &context.budget)
        {
            context.end_failures(false);
        }
    }

    /// As [`Context::end_failed_call`], for calls on channels: with the deadline 0 no other
    /// coroutine runs.
    #[inline(always)]
    pub(crate) fn end_call<T>(deadline: i64, result: Result<T>) -> Result<T> {
        if result.is_err() && deadline != 0 {
            Self::end_failed_call();
        }
        result
    }

    /// After many failures in a row. `has_looked`: timers and descriptors were looked at just now,
    /// and no other coroutine has run since.
    #[cold]
    #[inline(never)]
    fn end_failures(&self, has_looked: bool) {
        if self.current().unless_stopped(stop::CLOSING).is_err() {
            return;
        }
        let is_real = self.clock.passes_by_itself();
        let is_over = self.failures.is_turn_over(is_real);
        if is_over && (!is_real || has_looked || self.budget.poll_is_due(cycles::now())) {
            self.run_others();
        }
    }

    /// Lets those run who are ready, unless the caller may not block.
    fn give_way_now(&self) {
        if self.current().may_block().is_ok() {
            self.run_others();
        }
    }

    fn run_others(&self) {
        self.budget.use_up();
        self.carry_out(self.next_slowly(Leaving::Ready));
    }

    /// Call before an operation that a fast peer could keep ready for ever. Returns false when there were so many that it is time for [`Context::give_way`]. A
    /// call that must not wait at all, with the deadline 0, never lets others run.
    #[inline(always)]
    pub(crate) fn has_turn(&self, deadline: i64) -> bool {
        self.budget.spend_operation() || deadline == 0
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
        self.budget.begin_turn(self.clock.passes_by_itself());
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

    /// Runs the coroutines that are ready, and those whose timers are due or whose descriptors are
    /// ready, if that was not looked at for a while. Handles are looked up after that, and then the
    /// caller asks whether it may block, as the coroutine may have been cancelled. Where that is so
    /// already no other coroutine runs.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_way(&self) {
        self.begin_turns();
        let is_real = self.clock.passes_by_itself();
        if !is_real || self.budget.poll_is_due(cycles::now()) {
            self.give_way_now();
        }
    }
}
