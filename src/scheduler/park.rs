//! Blocking, waking, and choosing who goes on.

use super::clock::is_never;
use super::context::Context;
use super::coroutine::{Blocked, Coroutine, Interrupt, Waiter, care, stop};
use super::failing::RETRY;
use super::fd_readiness::Delivery;
use super::overflow;
use super::poller::Poller as _;
use super::timers::Timer;
use crate::context_switch::{self, Transfer};
use crate::intrusive::Ref;
use crate::os::cycles;
use crate::os::errno::{Errno, Result};
use crate::os::refusal::is_refusal;
use core::ffi::c_int;
use core::time::Duration;

/// After so much time, as the cycle counter has it, the poller is asked although coroutines are
/// ready: a quarter of a millisecond, or less.
#[inline(always)]
pub(super) fn poll_interval() -> u64 {
    cycles::per_millisecond() / 4
}

/// The system adds what it is told to wait to its own time, where a very long wait might overflow.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Switches between two looks at the cycle counter, which costs as much as a switch.
const LARGEST_BUDGET: i32 = 128;

impl Coroutine {
    /// The waiter for calls that wait for one thing.
    #[inline(always)]
    pub(crate) fn waiter_ref(&self) -> Ref<Waiter> {
        // SAFETY: part of this pinned coroutine, which detaches it before it ends.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.waiter)
        }
    }

    #[inline(always)]
    fn timer_ref(&self) -> Ref<Timer> {
        // SAFETY: part of this pinned coroutine, which disarms it before it ends.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.timer)
        }
    }
}

impl Context {
    /// Has the coroutine's wait end at `deadline` (milliseconds, negative for never).
    #[inline(always)]
    pub(crate) fn arm_deadline(&self, coroutine: Ref<Coroutine>, deadline: i64) {
        if !is_never(deadline) {
            coroutine.will_time_out(-1);
            self.wheel.arm(coroutine.timer_ref(), deadline);
        }
    }

    /// As [`Context::arm_deadline`], for a call that succeeds when the time comes.
    #[inline(always)]
    pub(crate) fn arm_alarm(&self, coroutine: Ref<Coroutine>, deadline: i64) {
        if !is_never(deadline) {
            coroutine.will_time_out(0);
            self.wheel.arm(coroutine.timer_ref(), deadline);
        }
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
        self.ready.push(coroutine);
    }

    /// Arms a timer that is not a coroutine's own.
    pub(crate) fn arm_timer(&self, timer: Ref<Timer>, deadline: i64) {
        self.wheel.arm(timer, deadline);
    }

    /// Disarms such a timer.
    pub(crate) fn disarm_timer(&self, timer: Ref<Timer>) {
        self.wheel.disarm(timer);
    }

    /// Makes a blocked coroutine ready: its call returns `result` with `errno`.
    #[inline(never)]
    pub(crate) fn wake(&self, coroutine: Ref<Coroutine>, result: c_int, errno: c_int) {
        if coroutine.detach(self) {
            self.wheel.disarm(coroutine.timer_ref());
        }
        coroutine.execution.set_outcome(result, errno);
        self.ready.push(coroutine);
    }

    /// As [`Context::wake`] with success, for one that is registered with nothing any more but
    /// its timer, if that is `armed`.
    #[inline(always)]
    pub(super) fn wake_detached(&self, coroutine: Ref<Coroutine>, armed: bool) {
        if armed {
            self.wheel.disarm(coroutine.timer_ref());
        }
        self.ready.push(coroutine);
    }

    /// Has a launched coroutine run at once; the parent goes on later with `result`.
    pub(crate) fn hand_over_to_child(&self, child: Ref<Coroutine>, result: c_int) -> Transfer {
        let parent = self.current();
        if result != 0 {
            parent.execution.set_outcome(result, 0);
        }
        let transfer = self.hand_over_to_warm_child(parent, child);
        if self.is_instrumented() {
            context_switch::announce(&parent.execution, &child.execution, false);
            return Transfer::announced_launch(&parent.execution, &child.execution);
        }
        transfer
    }

    /// The same for a child of `Context::reuse_coroutine`, when the result is set or 0.
    #[inline(always)]
    pub(crate) fn hand_over_to_warm_child(
        &self,
        parent: Ref<Coroutine>,
        child: Ref<Coroutine>,
    ) -> Transfer {
        self.make_current(parent, child);
        Transfer::switch(&parent.execution, &child.execution)
    }

    /// As [`Context::hand_over_to_child`], for one that begins as if it were resumed.
    pub(crate) fn hand_over_to_prepared_child(&self, child: Ref<Coroutine>) -> Transfer {
        let parent = self.current();
        self.make_current(parent, child);
        context_switch::announce(&parent.execution, &child.execution, false);
        Transfer::switch(&parent.execution, &child.execution)
    }

    /// Has the child run, and queues the parent, which ran.
    #[inline(always)]
    pub(crate) fn make_current(&self, parent: Ref<Coroutine>, child: Ref<Coroutine>) {
        self.ready.run_first(parent, child);
    }

    /// Leaves the running coroutine, which has noted what it waits for.
    #[inline(always)]
    pub(crate) fn block(&self) -> Transfer {
        match self.next_at_once() {
            Some(next) => self.switch(self.current(), next),
            None => self.next_slowly(Leaving::Blocked),
        }
    }

    /// As [`Context::block`], when `from` runs and [`Context::next_at_once`] has named `next`.
    #[inline(always)]
    pub(crate) fn switch(&self, from: Ref<Coroutine>, next: Ref<Coroutine>) -> Transfer {
        self.ready.advance(next);
        Transfer::switch(&from.execution, &next.execution)
    }

    /// Takes the running coroutine back and leaves it for good. Does not return; not declared
    /// so, see [`Execution::resume`](crate::context_switch::Execution::resume).
    #[inline]
    pub(crate) fn leave(&self, coroutine: Ref<Coroutine>) {
        if !coroutine.takes_care(care::STACK) {
            coroutine.end();
            if let Some(next) = self.leave_warm(coroutine) {
                // SAFETY: whoever is ready was left by a switch.
                #[allow(unsafe_code)]
                unsafe {
                    next.execution.resume();
                }
                return;
            }
        } else {
            // Spends what every switch does; timers and descriptors would starve otherwise.
            let _ = self.next_at_once();
        }
        let transfer = self.next_slowly(Leaving::Dying);
        // SAFETY: as in `park`.
        #[allow(unsafe_code)]
        unsafe {
            transfer.leave_for_good();
        }
    }

    /// Like [`Context::block`] for callers that stay on the stack: returns the result
    /// and errno given to [`Context::wake`].
    #[inline]
    pub(crate) fn park(&self) -> (c_int, c_int) {
        self.carry_out(self.block())
    }

    /// As [`Context::park`], when the transfer is at hand, which is not a launch.
    #[inline]
    pub(crate) fn carry_out(&self, transfer: Transfer) -> (c_int, c_int) {
        // SAFETY: begin functions name the running execution and one that was left by a switch
        // or prepared by a launch.
        #[allow(unsafe_code)]
        let result = unsafe { transfer.carry_out() };
        // SAFETY: the address of this thread's `errno`, which was set by whoever resumed us.
        #[cfg(not(dill_thread_switch))]
        #[allow(unsafe_code)]
        let errno = unsafe { self.errno_location().read() };
        #[cfg(dill_thread_switch)]
        let errno = Errno::last_raw();
        (result, errno)
    }

    /// Who is next, unless nobody is ready or it is time for a closer look.
    #[inline(always)]
    pub(crate) fn next_at_once(&self) -> Option<Ref<Coroutine>> {
        let next = self.ready.next()?;
        let budget = self.budget.get() - 1;
        self.budget.set(budget);
        (budget >= 0).then_some(next)
    }

    /// Chooses the next coroutine, after a look at timers and descriptors when it is time,
    /// and waits for them when nobody is ready.
    #[cold]
    #[inline(never)]
    pub(super) fn next_slowly(&self, leaving: Leaving) -> Transfer {
        let from = self.current();
        // Whoever wakes `from` from here on puts it into the queue, so it can't head it.
        self.ready.replace_running(self.nobody_ref());
        match leaving {
            Leaving::Ready => self.ready.push(from),
            Leaving::Blocked => {}
            Leaving::Dying => self.recycle(from),
        }
        let to = self.look_around((leaving == Leaving::Dying).then_some(from));
        if self.is_instrumented() {
            context_switch::announce(&from.execution, &to.execution, leaving == Leaving::Dying);
        }
        self.limit_budget();
        self.ready.advance(to);
        Transfer::switch(&from.execution, &to.execution)
    }

    /// `dying`: the coroutine on whose stack this runs, if it has finished.
    fn look_around(&self, dying: Option<Ref<Coroutine>>) -> Ref<Coroutine> {
        if self.ready.next().is_some() && self.budget.get() < 0 {
            let now = cycles::now();
            if now.wrapping_sub(self.polled_at.get()) >= poll_interval() {
                self.poll(Some(Duration::ZERO));
                self.trim_when_busy(now, dying);
            }
            self.grant_budget(now);
        }
        loop {
            if let Some(coroutine) = self.ready.next() {
                return coroutine;
            }
            self.stacks.give_back();
            self.wait(dying);
            self.grant_budget(cycles::now());
        }
    }

    /// For the running coroutine, which goes on and whose budget is used up: looks at timers and
    /// descriptors if that is due, and returns whether it was.
    pub(super) fn look_again_if_due(&self) -> bool {
        let now = cycles::now();
        let is_due = now.wrapping_sub(self.polled_at.get()) >= poll_interval();
        if is_due {
            // Timers due at once wait until nobody is ready, and the caller is.
            self.wait_for_descriptors(Some(Duration::ZERO));
            self.note_poll();
            self.advance_timers(false);
        }
        self.grant_budget(now);
        self.limit_budget();
        is_due
    }

    /// Waits until a timer is due or a descriptor is ready, or until it is time to give memory
    /// back, and gives it back when no coroutine is ready.
    #[inline]
    fn wait(&self, dying: Option<Ref<Coroutine>>) {
        if !self.has_finished(dying) {
            return self.poll(self.poll_timeout(dying, false));
        }
        let until_trimming = self.time_to_trim(dying);
        let until_timer = self.poll_timeout(dying, true);
        let timeout = match (until_trimming, until_timer) {
            (Some(trimming), Some(timer)) => Some(trimming.min(timer)),
            (trimming, timer) => trimming.or(timer),
        };
        self.poll(timeout);
        if until_trimming == Some(Duration::ZERO) && self.ready.is_empty() {
            self.trim(dying);
            if !self.has_finished(dying) {
                self.trim_heap();
            }
        }
    }

    fn nobody_ref(&self) -> Ref<Coroutine> {
        // SAFETY: part of this pinned context.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.nobody)
        }
    }

    /// Sets the number of switches until the next look at the cycle counter so that it
    /// comes in time at the speed of the last ones.
    fn grant_budget(&self, now: u64) {
        overflow::renew();
        let granted = self.granted.get();
        let elapsed = now.wrapping_sub(self.granted_at.replace(now));
        // What the last grant took is known only when it was used up.
        let used_up = self.budget.get() < 0;
        let next = match used_up {
            true if elapsed > poll_interval() => (granted / 2).max(1),
            true => (granted * 2).min(LARGEST_BUDGET),
            false => granted,
        };
        self.granted.set(next);
        // The switch that is under way is the first of them.
        self.budget.set(next - 1);
    }

    /// Has every switch take the slow way where that must announce or check something.
    fn limit_budget(&self) {
        if self.is_instrumented() || self.checks_misuse() {
            self.budget.set(0);
        }
    }

    /// Wakes those whose descriptors are ready at this moment.
    pub(super) fn look_at_descriptors(&self) {
        self.wait_for_descriptors(Some(Duration::ZERO));
    }

    /// Wakes those whose timers are due or whose descriptors are ready, after waiting for a
    /// descriptor that long; `None` for ever.
    fn poll(&self, timeout: Option<Duration>) {
        self.wait_for_descriptors(timeout);
        self.note_poll();
        self.advance_timers(self.ready.is_empty());
    }

    fn note_poll(&self) {
        self.polled_at.set(cycles::now());
        self.begin_turns();
    }

    fn advance_timers(&self, is_idle: bool) {
        if self.wheel.next_wakeup().is_some() {
            self.wheel.advance(self.clock.refresh(), is_idle);
        }
    }

    /// Returns how long the poller may wait for the next timer: `None` for ever. Under virtual time
    /// it jumps to that timer, unless a descriptor is ready, after finished coroutines were given
    /// back, if there are any.
    fn poll_timeout(&self, dying: Option<Ref<Coroutine>>, has_finished: bool) -> Option<Duration> {
        let wakeup = self.wheel.next_wakeup();
        let remaining = match wakeup {
            Some(wakeup) => self.clock.ns_until(wakeup),
            None if has_finished => u64::MAX,
            None => return None,
        };
        if remaining > 0 && !self.clock.passes_by_itself() {
            // Virtual time: descriptors first, then the jump.
            self.look_at_descriptors();
            if self.ready.is_empty() {
                if has_finished {
                    self.trim_at_once(dying);
                }
                if self.outside_work.get() > 0 {
                    return None;
                }
                self.clock.jump_to(wakeup?);
            }
            return Some(Duration::ZERO);
        }
        wakeup.map(|_| Duration::from_nanos(remaining).min(LONGEST_WAIT))
    }

    fn wait_for_descriptors(&self, timeout: Option<Duration>) {
        self.rest();
        match self.poller.get() {
            Some(poller) => self.note_wait(poller.wait(timeout, &mut Delivery(self)), timeout),
            None if self.poller.inherited().is_some() => self.wait_first_in_child(timeout),
            None => self.sleep(timeout),
        }
        self.stir();
    }

    #[cold]
    #[inline(never)]
    fn wait_first_in_child(&self, timeout: Option<Duration>) {
        match self.poller() {
            Ok(poller) => {
                // Some waits may have ended right away.
                let is_idle = self.ready.is_empty();
                let timeout = if is_idle { timeout } else { Some(Duration::ZERO) };
                self.note_wait(poller.wait(timeout, &mut Delivery(self)), timeout);
            }
            Err(error) if is_refusal(error) => self.fail_waits(error, timeout),
            // No descriptor is free, for instance. Later one may be.
            Err(_) => self.sleep(Some(timeout.map_or(RETRY, |timeout| timeout.min(RETRY)))),
        }
    }

    /// Fails with `ECANCELED` where nothing may be started, with `ENOMEM` when the
    /// thread can't have a scheduler.
    #[inline(always)]
    pub(crate) fn may_start() -> Result<&'static Context> {
        match Self::unless(stop::HARD) {
            Some(context) => Ok(context),
            None => Self::made_unless(stop::HARD),
        }
    }

    /// Fails with `ECANCELED` where a blocking call must, with `ENOMEM` when the thread
    /// can't have a scheduler.
    #[inline(always)]
    pub(crate) fn may_block() -> Result<&'static Context> {
        match Self::may_block_at_once() {
            Some(context) => Ok(context),
            None => Self::made_unless(stop::ANY),
        }
    }

    /// As [`Context::may_block`], without a reason for a failure, and without making a scheduler.
    #[inline(always)]
    pub(crate) fn may_block_at_once() -> Option<&'static Context> {
        Self::unless(stop::ANY)
    }

    /// As [`Context::may_start`], likewise.
    #[inline(always)]
    pub(crate) fn may_start_at_once() -> Option<&'static Context> {
        Self::unless(stop::HARD)
    }

    /// The thread's scheduler, unless a close callback runs; `None` also without a scheduler.
    #[inline(always)]
    pub(crate) fn not_closing_at_once() -> Option<&'static Context> {
        Self::unless(stop::CLOSING)
    }

    #[cold]
    #[inline(never)]
    fn made_unless(reasons: u8) -> Result<&'static Context> {
        let context = Context::get()?;
        context.clear_reason();
        context.current().unless_stopped(reasons)?;
        Ok(context)
    }
}

/// Why the running coroutine is left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It gives way.
    Ready,
    Blocked,
    /// It has ended.
    Dying,
}

/// Gives way to all coroutines that are ready, at once. `None`: ask [`begin_yield`], nothing
/// has happened.
#[inline(always)]
pub(crate) fn yield_at_once() -> Option<Transfer> {
    let context = Context::may_block_at_once()?;
    let current = context.current();
    let next = context.next_at_once()?;
    context.ready.rotate(current, next);
    Some(Transfer::switch(&current.execution, &next.execution))
}

/// Gives way to all coroutines that are ready.
pub(crate) fn begin_yield() -> Result<Transfer> {
    let context = Context::may_block()?;
    if context.ready.is_empty() {
        // Also alone with itself it has the poller asked now and then.
        context.budget.set(context.budget.get() - 1);
    }
    Ok(context.next_slowly(Leaving::Ready))
}

/// Waits until `deadline` (milliseconds, negative: until cancelled). Begin function
/// of `msleep`.
#[inline(always)]
pub(crate) fn begin_sleep(deadline: i64) -> Result<Transfer> {
    let context = Context::may_block()?;
    let current = context.current();
    current.will_block(Blocked::Plain, Interrupt::Any);
    context.arm_alarm(current, deadline);
    Ok(context.block())
}
