//! Coroutines come and go; their stacks and bookkeeping are used again.

use super::context::Context;
use super::coroutine::{Coroutine, Launch};
use crate::context_switch::Transfer;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation;
use crate::stack::StackRange;
use core::ffi::{c_char, c_int};

/// So many finished coroutines stay as they are, warm in the cache; the stacks of the
/// others go back to the pool, which gives their pages back to the system.
const MOST_IDLE: usize = 256;

impl Context {
    /// Does [`Context::reuse_coroutine`] have one?
    #[inline(always)]
    pub(crate) fn has_idle_coroutine(&self) -> bool {
        self.idle.get().is_some()
    }

    /// A coroutine on a warm stack that has not begun, if there is one.
    #[inline(always)]
    pub(crate) fn reuse_coroutine(
        &self,
        file: *const c_char,
        line: c_int,
    ) -> Option<Ref<Coroutine>> {
        let coroutine = self.idle.get()?;
        // None is kept under AddressSanitizer (see `recycle`).
        debug_assert!(!self.is_instrumented());
        self.idle.set(coroutine.next_ready.get());
        self.idle_count.set(self.idle_count.get() - 1);
        coroutine.relaunch(file, line);
        Some(coroutine)
    }

    /// A coroutine on a stack of the library that has not begun.
    pub(crate) fn make_coroutine(&self, launch: Launch) -> Result<Ref<Coroutine>> {
        match self.reuse_coroutine(launch.file, launch.line) {
            Some(coroutine) => Ok(coroutine),
            None => self.make_coroutine_on(self.stacks.allocate()?, launch),
        }
    }

    /// A coroutine on the user's memory that has not begun. `ENOMEM`: too little of it.
    pub(crate) fn make_coroutine_in(
        &self,
        memory: (*mut u8, usize),
        launch: Launch,
    ) -> Result<Ref<Coroutine>> {
        let stack = StackRange::from_user(memory.0, memory.1).ok_or(Errno::ENOMEM)?;
        self.make_coroutine_on(stack, launch)
    }

    #[cold]
    fn make_coroutine_on(&self, stack: StackRange, launch: Launch) -> Result<Ref<Coroutine>> {
        let coroutine = Coroutine::place_on(stack, self.errno_location(), launch)?;
        if self.is_instrumented() {
            self.instrument(coroutine);
        }
        Ok(coroutine)
    }

    #[cold]
    fn instrument(&self, coroutine: Ref<Coroutine>) {
        let stack = coroutine.stack();
        let of_user = coroutine.has_user_stack();
        coroutine.execution.instrument(stack.bottom(), stack.size(), of_user);
        if !of_user {
            instrumentation::lsan_begin_root(stack.bottom(), stack.size());
        }
    }

    /// Takes back the running coroutine and leaves it for good, if that needs no more than
    /// a few instructions: somebody is ready, and the stack can stay as it is.
    #[inline(always)]
    pub(crate) fn leave_warm(&self, coroutine: Ref<Coroutine>) -> Option<Transfer> {
        let budget = self.budget.get() - 1;
        let warm = budget > 0
            && self.idle_count.get() < MOST_IDLE
            && !coroutine.has_user_stack()
            && !coroutine.execution.is_instrumented();
        if !warm {
            return None;
        }
        let to = self.ready.pop()?;
        self.budget.set(budget);
        self.keep(coroutine);
        self.current.set(to);
        Some(Transfer::unannounced(&coroutine.execution, &to.execution))
    }

    #[inline(always)]
    fn keep(&self, coroutine: Ref<Coroutine>) {
        coroutine.next_ready.set(self.idle.get());
        self.idle.set(Some(coroutine));
        self.idle_count.set(self.idle_count.get() + 1);
    }

    /// Takes back the running coroutine, which is about to leave its stack for good.
    pub(crate) fn recycle(&self, coroutine: Ref<Coroutine>) {
        if coroutine.has_user_stack() {
            return coroutine.return_stack();
        }
        // Under AddressSanitizer every launch starts with a clean stack.
        if self.idle_count.get() < MOST_IDLE && !self.is_instrumented() {
            self.keep(coroutine);
        } else {
            let stack = coroutine.stack();
            if self.is_instrumented() {
                instrumentation::lsan_end_root(stack.bottom(), stack.size());
            }
            self.stacks.free(stack);
        }
    }
}
