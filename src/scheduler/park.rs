//! Leaving the coroutine that runs, and choosing the one that goes on.

use super::context::Context;
use super::coroutine::{Blocked, Coroutine, Interrupt, care, stop};
use crate::context_switch::{self, Transfer};
use crate::intrusive::Ref;
#[cfg(dill_thread_switch)]
use crate::os::errno::Errno;
use crate::os::errno::Result;
use core::ffi::c_int;

impl Context {
    /// Runs a launched coroutine at once; the parent goes on later with `result`.
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

    /// Leaves the running coroutine, which has noted what it waits for.
    #[inline(always)]
    pub(crate) fn block(&self) -> Transfer {
        match self.next_at_once() {
            Some(next) => self.switch(self.current(), next),
            None => self.next_slowly(Leaving::Blocked),
        }
    }

    /// Takes the running coroutine back and leaves it for good. Does not return; not declared
    /// so, see [`Execution::resume`](crate::context_switch::Execution::resume).
    #[inline]
    pub(crate) fn leave(&self, coroutine: Ref<Coroutine>) {
        if !coroutine.takes_care(care::STACK) {
            coroutine.end();
            if let Some(next) = self.leave_warm(coroutine) {
                // SAFETY: a coroutine that is ready was left by a switch.
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
    /// and errno given to [`Run::wake`](super::run::Run::wake).
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
        // SAFETY: the address of this thread's `errno`, which was set when the coroutine was resumed.
        #[cfg(not(dill_thread_switch))]
        #[allow(unsafe_code)]
        let errno = unsafe { self.errno_location().read() };
        #[cfg(dill_thread_switch)]
        let errno = Errno::last_raw();
        (result, errno)
    }

    /// Takes back the running coroutine, which needs no cleanup, and makes the next one current,
    /// which is to be resumed, if that needs no more than a few instructions: one is ready.
    /// `None`: nothing has happened.
    #[inline(always)]
    pub(crate) fn leave_warm(&self, coroutine: Ref<Coroutine>) -> Option<Ref<Coroutine>> {
        let next = self.next_at_once()?;
        self.ready.advance(next);
        self.pool.keep_idle(coroutine);
        Some(next)
    }

    /// Chooses the next coroutine, after a look at timers and descriptors when it is time,
    /// and waits for them when no coroutine is ready.
    #[cold]
    #[inline(never)]
    pub(super) fn next_slowly(&self, leaving: Leaving) -> Transfer {
        let from = self.current();
        // If `from` is woken from here on it is put into the queue, so it can't head it.
        self.ready.replace_running(self.idle_task());
        match leaving {
            Leaving::Ready => self.ready.push(from),
            Leaving::Blocked => {}
            Leaving::Dying => self.pool.recycle(from),
        }
        let to = self.look_around((leaving == Leaving::Dying).then_some(from));
        if self.is_instrumented() {
            context_switch::announce(&from.execution, &to.execution, leaving == Leaving::Dying);
        }
        self.limit_budget();
        self.ready.advance(to);
        Transfer::switch(&from.execution, &to.execution)
    }

    fn idle_task(&self) -> Ref<Coroutine> {
        // SAFETY: part of this pinned context.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.idle_task)
        }
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

/// Gives way to all coroutines that are ready. Where the caller is cancelled it fails with
/// `ECANCELED` afterwards, but within a close callback at once.
pub(crate) fn begin_yield() -> Result<Transfer> {
    let context = Context::get()?;
    let current = context.current();
    current.unless_stopped(stop::CLOSING)?;
    if let Err(error) = current.may_block() {
        current.execution.set_outcome(-1, error as c_int);
    }
    if context.ready.is_empty() {
        // Also alone with itself it has the poller asked now and then.
        context.budget.spend();
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
