//! Blocking, waking, and choosing who goes on.

use super::context::Context;
use super::coroutine::{Blocked, Coroutine, Interrupt, Waiter};
use super::fd_readiness::FdTable;
use super::timers::Timer;
use crate::context_switch::{self, Transfer};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::{cycles, syscalls};
use core::ffi::c_int;
use core::time::Duration;

/// Cycles after which the poller is asked although coroutines are ready: a quarter of
/// a millisecond or less on any processor above 2 GHz.
const POLL_INTERVAL: u64 = 500_000;
/// Switches between two looks at the cycle counter, which costs as much as a switch.
const LARGEST_BUDGET: i32 = 64;

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
        if deadline >= 0 {
            coroutine.set_timeout_result(-1);
            self.wheel.arm(coroutine.timer_ref(), deadline);
        }
    }

    /// As [`Context::arm_deadline`], for a call that succeeds when the time comes.
    #[inline(always)]
    pub(crate) fn arm_alarm(&self, coroutine: Ref<Coroutine>, deadline: i64) {
        if deadline >= 0 {
            coroutine.set_timeout_result(0);
            self.wheel.arm(coroutine.timer_ref(), deadline);
        }
    }

    /// Ends the coroutine's blocked call with `ECANCELED` if there is a reason to.
    pub(crate) fn interrupt(&self, coroutine: Ref<Coroutine>) {
        if coroutine.must_be_interrupted() {
            self.wake(coroutine, -1, Errno::ECANCELED as c_int);
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

    /// Makes a blocked coroutine ready: its call returns `result` with `errno`.
    #[inline(always)]
    pub(crate) fn wake(&self, coroutine: Ref<Coroutine>, result: isize, errno: c_int) {
        coroutine.detach(self);
        if coroutine.timer.is_armed() {
            self.wheel.disarm(coroutine.timer_ref());
        }
        coroutine.execution.set_outcome(result, errno);
        self.ready.push(coroutine);
    }

    /// Has the running coroutine go on later, behind all that are ready now.
    #[inline(always)]
    pub(crate) fn requeue_current(&self, result: isize) {
        let current = self.current.get();
        current.execution.set_outcome(result, 0);
        self.ready.push(current);
    }

    /// Makes a launched coroutine current; the parent goes on later with `result`.
    #[inline(always)]
    pub(crate) fn hand_over_to_child(&self, child: Ref<Coroutine>, result: isize) -> Transfer {
        let parent = self.make_current(child, result);
        Transfer::switch(&parent.execution, &child.execution)
    }

    /// As [`Context::hand_over_to_child`], for a child of `Context::reuse_coroutine`.
    #[inline(always)]
    pub(crate) fn hand_over_to_warm_child(&self, child: Ref<Coroutine>, result: isize) -> Transfer {
        let parent = self.make_current(child, result);
        Transfer::unannounced(&parent.execution, &child.execution)
    }

    /// Queues the parent, and returns it.
    #[inline(always)]
    fn make_current(&self, child: Ref<Coroutine>, result: isize) -> Ref<Coroutine> {
        self.requeue_current(result);
        self.current.replace(child)
    }

    /// Leaves the running coroutine, which has noted what it waits for.
    #[inline(always)]
    pub(crate) fn block(&self) -> Transfer {
        let from = self.current.get();
        let to = self.next();
        self.current.set(to);
        Transfer::switch(&from.execution, &to.execution)
    }

    /// Leaves the running coroutine for good.
    #[inline(always)]
    pub(crate) fn leave(&self) -> Transfer {
        let from = self.current.get();
        let to = self.next();
        self.current.set(to);
        Transfer::finish(&from.execution, &to.execution)
    }

    /// Like [`Context::block`] for callers that stay on the stack: returns the result
    /// and errno given to [`Context::wake`].
    pub(crate) fn park(&self) -> (isize, c_int) {
        let from = self.current.get();
        let transfer = self.block();
        // SAFETY: `block` named the running execution and one that was left by a switch
        // or prepared by a launch.
        #[allow(unsafe_code)]
        unsafe {
            context_switch::switch_by(&transfer);
        }
        from.execution.outcome()
    }

    #[inline(always)]
    fn next(&self) -> Ref<Coroutine> {
        let budget = self.budget.get() - 1;
        self.budget.set(budget);
        if budget > 0
            && let Some(coroutine) = self.ready.pop()
        {
            return coroutine;
        }
        self.next_slowly()
    }

    /// Looks at timers and descriptors first when it is time, and waits for them when
    /// nobody is ready.
    #[cold]
    #[inline(never)]
    fn next_slowly(&self) -> Ref<Coroutine> {
        if !self.ready.is_empty() {
            let now = cycles::now();
            if now.wrapping_sub(self.polled_at.get()) >= POLL_INTERVAL {
                self.poll(false);
            }
            self.grant_budget(now);
        }
        loop {
            if let Some(coroutine) = self.ready.pop() {
                return coroutine;
            }
            self.poll(true);
            self.grant_budget(cycles::now());
        }
    }

    /// Sets the number of switches until the next look at the cycle counter so that it
    /// comes in time at the speed of the last ones.
    fn grant_budget(&self, now: u64) {
        let granted = self.granted.get();
        let elapsed = now.wrapping_sub(self.granted_at.replace(now));
        // What the last grant took is known only when it was used up.
        let used_up = self.budget.get() <= 0;
        let next = match used_up {
            true if elapsed > POLL_INTERVAL => (granted / 2).max(1),
            true => (granted * 2).min(LARGEST_BUDGET),
            false => granted,
        };
        self.granted.set(next);
        self.budget.set(next);
    }

    /// Wakes those whose timers are due or whose descriptors are ready; `wait`: first
    /// waits until there are any.
    fn poll(&self, wait: bool) {
        let timeout = self.poll_timeout(wait);
        self.wait_for_descriptors(timeout);
        self.polled_at.set(cycles::now());
        if self.wheel.next_wakeup().is_some() {
            self.wheel.advance(self.clock.refresh(), self.ready.is_empty());
        }
    }

    /// How long the poller may wait: `None` for ever.
    fn poll_timeout(&self, wait: bool) -> Option<Duration> {
        if !wait {
            return Some(Duration::ZERO);
        }
        let wakeup = self.wheel.next_wakeup()?;
        let remaining = self.clock.ns_until(wakeup);
        if remaining > 0 && !self.clock.passes_by_itself() {
            // Virtual time: descriptors first, then the jump.
            self.wait_for_descriptors(Some(Duration::ZERO));
            if self.ready.is_empty() {
                if self.outside_work.get() > 0 {
                    return None;
                }
                self.clock.jump_to(wakeup);
            }
            return Some(Duration::ZERO);
        }
        Some(Duration::from_nanos(remaining))
    }

    fn wait_for_descriptors(&self, timeout: Option<Duration>) {
        self.rest();
        match self.existing_poller() {
            Some(poller) => poller.wait(timeout, &mut |event| {
                self.stir();
                FdTable::deliver(self, event);
            }),
            None if timeout != Some(Duration::ZERO) => syscalls::sleep(timeout),
            None => {}
        }
        self.stir();
    }

    /// Fails with `ECANCELED` where nothing may be started, with `ENOMEM` when the
    /// thread can't have a scheduler.
    pub(crate) fn may_start() -> Result<&'static Context> {
        let context = Context::get()?;
        context.current().may_start()?;
        Ok(context)
    }

    /// Fails with `ECANCELED` where a blocking call must, with `ENOMEM` when the thread
    /// can't have a scheduler.
    pub(crate) fn may_block() -> Result<&'static Context> {
        let context = Context::get()?;
        context.current().may_block()?;
        Ok(context)
    }
}

/// Gives way to all coroutines that are ready. Begin function of `yield`.
#[inline(always)]
pub(crate) fn begin_yield() -> Result<Transfer> {
    let Some(context) = Context::existing() else {
        Context::get()?; // the first call of the thread: nobody to give way to
        return Ok(Transfer::complete(0));
    };
    context.current().may_block()?;
    context.requeue_current(0);
    Ok(context.block())
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
