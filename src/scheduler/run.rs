//! The coroutines that run or can, and how the others get there: waking.
//!
//! A [`Run`] is the part of a scheduler that all waits need. It is the beginning of the
//! [`Context`](super::context::Context), so the pointer to the one is that to the other.

use super::budget::Budget;
use super::clock::is_never;
use super::coroutine::blocking::Waits;
use super::coroutine::{Coroutine, Slot, Waiter};
use super::ready_queue::ReadyQueue;
use super::timers::{Timer, TimingWheel};
use crate::context_switch::Transfer;
use crate::intrusive::Ref;
use crate::object_cache::ObjectCache;
use crate::os::errno::{Errno, Result};
use crate::os::thread_context;
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::offset_of;
use core::ptr::NonNull;

/// The ready queue, the timers, and what waking a coroutine needs besides.
#[repr(C)]
pub(crate) struct Run {
    /// First, as the coroutine that runs is read before it is known whether there is a
    /// scheduler: see [`Run::running_of`].
    pub(super) ready: ReadyQueue,
    pub(super) budget: Budget,
    /// The scheduler waits, or is about to: nothing is half changed. For dumps.
    at_rest: Cell<bool>,
    /// Memory for small objects.
    pub(crate) objects: ObjectCache,
    /// Last, as it is large.
    wheel: TimingWheel,
}

const _: () = assert!(offset_of!(Run, ready) == 0);

impl Run {
    /// Nothing but `running`, which runs. Call [`Run::init`] in place.
    pub(super) fn new(running: Ref<Coroutine>) -> Run {
        Run {
            ready: ReadyQueue::new(running),
            budget: Budget::new(),
            at_rest: Cell::new(false),
            objects: ObjectCache::new(),
            wheel: TimingWheel::new(),
        }
    }

    /// Completes what needs the final address; the timers begin at `now`.
    pub(super) fn init(&self, now: i64) {
        self.wheel.init(now);
    }

    /// The part of the calling thread's scheduler that this is, if it has one.
    #[inline(always)]
    pub(super) fn existing() -> Option<&'static Run> {
        // SAFETY: the pointer is that of this thread's context, which begins with its `Run`
        // (asserted at `Context`) and lives until the thread ends. Only shared references are
        // made, and none leaves the thread, as `Run` is not `Sync`.
        #[allow(unsafe_code)]
        thread_context::get().map(|context| unsafe { context.cast::<Run>().as_ref() })
    }

    /// The coroutine that runs, read from what may be no more than the first word of a `Run`.
    ///
    /// # Safety
    /// That word is readable, and an address.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) unsafe fn running_of(this: *const Run) -> *const Coroutine {
        // SAFETY: by the caller's promise; the queue is the first field.
        unsafe { ReadyQueue::running_of(&raw const (*this).ready) }
    }

    /// The coroutine that runs.
    #[inline(always)]
    pub(crate) fn current(&self) -> Ref<Coroutine> {
        self.ready.running()
    }

    /// Ends the coroutine's wait at `deadline` (milliseconds, negative for never).
    #[inline(always)]
    pub(crate) fn arm_deadline(&self, coroutine: Ref<Coroutine>, deadline: i64) {
        if !is_never(deadline) {
            coroutine.will_time_out(-1);
            self.wheel.arm(coroutine.timer_ref(), deadline);
        }
    }

    /// As [`Run::arm_deadline`], for a call that succeeds when the time comes.
    #[inline(always)]
    pub(crate) fn arm_alarm(&self, coroutine: Ref<Coroutine>, deadline: i64) {
        if !is_never(deadline) {
            coroutine.will_time_out(0);
            self.wheel.arm(coroutine.timer_ref(), deadline);
        }
    }

    /// Arms a timer that is not a coroutine's own.
    pub(crate) fn arm_timer(&self, timer: Ref<Timer>, deadline: i64) {
        self.wheel.arm(timer, deadline);
    }

    /// Disarms such a timer.
    pub(crate) fn disarm_timer(&self, timer: Ref<Timer>) {
        self.wheel.disarm(timer);
    }

    /// Returns a lower bound for the earliest deadline of all timers; `None` without timers.
    pub(super) fn next_wakeup(&self) -> Option<i64> {
        self.wheel.next_wakeup()
    }

    /// Fires the timers that are due at `now`. Those that were due when they were armed wait
    /// once if coroutines are ready (`is_idle` is false).
    pub(super) fn advance_timers(&self, now: i64, is_idle: bool) {
        self.wheel.advance(now, is_idle);
    }

    /// Ends the coroutine's blocked call with `ECANCELED` if there is a reason to.
    #[inline(always)]
    pub(crate) fn interrupt(&self, coroutine: Ref<Coroutine>) {
        if coroutine.must_be_interrupted() {
            self.cancel_wait(coroutine);
        }
    }

    #[inline(never)]
    fn cancel_wait(&self, coroutine: Ref<Coroutine>) {
        if !coroutine.leave_only_list() {
            return self.wake(coroutine, -1, Errno::ECANCELED as c_int);
        }
        coroutine.execution.set_outcome(-1, Errno::ECANCELED as c_int);
        self.make_ready(coroutine);
    }

    /// Makes a blocked coroutine ready: its call returns `result` with `errno`.
    #[inline(never)]
    pub(crate) fn wake(&self, coroutine: Ref<Coroutine>, result: c_int, errno: c_int) {
        if coroutine.detach(&self.objects) {
            self.wheel.disarm(coroutine.timer_ref());
        }
        coroutine.execution.set_outcome(result, errno);
        self.make_ready(coroutine);
    }

    /// As [`Run::wake`] with success, for one that is registered with nothing any more but its
    /// timer, if that is `armed`.
    #[inline(always)]
    fn wake_detached(&self, coroutine: Ref<Coroutine>, armed: bool) {
        if armed {
            self.wheel.disarm(coroutine.timer_ref());
        }
        self.make_ready(coroutine);
    }

    #[inline(always)]
    fn make_ready(&self, coroutine: Ref<Coroutine>) {
        debug_assert!(coroutine.blocked_on().is_none() && !coroutine.timer.is_armed());
        debug_assert!(coroutine != self.current(), "the one that runs is not blocked");
        self.ready.push(coroutine);
    }

    /// Ends the wait of a coroutine whose timer has fired: the function of the timers of
    /// coroutines.
    pub(super) fn time_out(timer: Ref<Timer>) {
        // SAFETY: only `Coroutine::timer` has this function: it is given to `Coroutine::new`.
        #[allow(unsafe_code)]
        let coroutine = unsafe { Coroutine::of_timer(timer) };
        let Some(run) = Run::existing() else { return };
        match coroutine.timeout_result() {
            0 => run.wake(coroutine, 0, 0),
            result => run.wake(coroutine, result, Errno::ETIMEDOUT as c_int),
        }
    }

    /// Runs the child, and queues the parent, which ran.
    #[inline(always)]
    pub(crate) fn make_current(&self, parent: Ref<Coroutine>, child: Ref<Coroutine>) {
        self.ready.run_first(parent, child);
    }

    /// Leaves `from`, which runs, for `next`, which [`Run::next_at_once`] has named.
    #[inline(always)]
    pub(crate) fn switch(&self, from: Ref<Coroutine>, next: Ref<Coroutine>) -> Transfer {
        self.ready.advance(next);
        Transfer::switch(&from.execution, &next.execution)
    }

    /// Returns the next coroutine, unless none is ready or it is time for a closer look.
    #[inline(always)]
    pub(crate) fn next_at_once(&self) -> Option<Ref<Coroutine>> {
        let next = self.ready.next()?;
        self.budget.spend().then_some(next)
    }

    /// Notes that the scheduler is about to wait.
    #[inline]
    pub(super) fn rest(&self) {
        self.at_rest.set(true);
    }

    /// Notes that the wait is over.
    #[inline]
    pub(super) fn stir(&self) {
        self.at_rest.set(false);
    }

    /// Returns whether the scheduler waits, so that a signal handler finds nothing half changed.
    pub(super) fn is_at_rest(&self) -> bool {
        self.at_rest.get()
    }

    /// Memory for the clauses of a blocked `choose`, not initialised.
    pub(crate) fn allocate_waiters(&self, count: usize) -> Result<NonNull<Waiter>> {
        Waiter::allocate(&self.objects, count)
    }

    /// Gives up a `choose` that could not begin: detaches the first `made` of its waiters.
    pub(crate) fn abandon_waiters(&self, waiters: NonNull<Waiter>, made: usize, count: usize) {
        debug_assert!(made <= count);
        // SAFETY: these were made by the caller in a block of `allocate_waiters` for `count`.
        #[allow(unsafe_code)]
        unsafe {
            Waiter::detach_all(waiters.as_ptr(), made);
            Waiter::free(&self.objects, waiters.as_ptr(), count);
        }
    }
}

impl Waiter {
    /// Ends the wait: its call returns 0, or the clause's index for a `choose`, with
    /// `errno` 0; or with an error, -1 (again the index for a `choose`).
    #[inline(always)]
    pub(crate) fn complete(&self, run: &Run, errno: c_int) {
        run.wake(self.coroutine(), self.result(errno), errno);
    }
}

impl Slot {
    /// Ends the wait of the coroutine that waits here, if there is one, with success.
    #[inline(always)]
    pub(super) fn wake(&self, run: &Run) {
        let Some(waiter) = self.get() else { return };
        if waiter.is_only_one() {
            let has_timer = waiter.leave_only_slot(self);
            run.wake_detached(waiter.coroutine(), has_timer);
        } else {
            waiter.complete(run, 0); // a `choose`
        }
    }
}

impl Waits<'_> {
    /// As [`Waiter::complete`] with success, in fewer instructions, where [`Waits::is_alone`] or
    /// [`Waits::is_alone_with_timer`] is known.
    #[inline(always)]
    pub(crate) fn complete(self, run: &Run, has_timer: bool) {
        run.wake_detached(self.end(has_timer), has_timer);
    }
}
