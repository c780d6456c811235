//! Coroutines come and go; their stacks and bookkeeping are used again.

use super::context::Context;
use super::coroutine::{Coroutine, Launch};
use super::overflow;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation;
use crate::stack::StackRange;
use core::cell::Cell;
use core::ffi::c_char;

/// So many stacks are not used again at once under AddressSanitizer, so that uses of what lay
/// there are found.
const MOST_QUARANTINED: usize = 64;
/// But no more than this many bytes of them: their shadow takes memory, an eighth of it.
const LARGEST_QUARANTINE: usize = 1 << 30;

/// Coroutines that have finished under AddressSanitizer, linked by `next_ready`: it reports
/// uses of their locals for as long as they are here.
pub(super) struct Quarantine {
    oldest: Cell<Option<Ref<Coroutine>>>,
    newest: Cell<Option<Ref<Coroutine>>>,
    count: Cell<usize>,
}

impl Quarantine {
    pub(super) const fn new() -> Quarantine {
        Quarantine { oldest: Cell::new(None), newest: Cell::new(None), count: Cell::new(0) }
    }

    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    fn put(&self, coroutine: Ref<Coroutine>) {
        coroutine.next_ready.set(None);
        match self.newest.replace(Some(coroutine)) {
            Some(newest) => newest.next_ready.set(Some(coroutine)),
            None => self.oldest.set(Some(coroutine)),
        }
        self.count.set(self.count.get() + 1);
    }

    /// The stack of the oldest. It stays poisoned until it is used again or unmapped.
    fn take(&self) -> Option<StackRange> {
        let oldest = self.oldest.get()?;
        self.oldest.set(oldest.next_ready.get());
        if self.oldest.get().is_none() {
            self.newest.set(None);
        }
        self.count.set(self.count.get() - 1);
        oldest.execution.forget_fake_stack();
        Some(oldest.stack())
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

impl Context {
    /// Does [`Context::reuse_coroutine`] have one?
    #[inline(always)]
    pub(crate) fn has_idle_coroutine(&self) -> bool {
        self.idle.get().is_some()
    }

    /// A coroutine on a warm stack that has not begun, if there is one.
    #[inline(always)]
    pub(crate) fn reuse_coroutine(&self, place: *const c_char) -> Option<Ref<Coroutine>> {
        let coroutine = self.idle.get()?;
        // None is kept under AddressSanitizer (see `recycle`).
        debug_assert!(!self.is_instrumented());
        self.idle.set(coroutine.next_ready.get());
        coroutine.relaunch(place);
        Some(coroutine)
    }

    /// As [`Context::reuse_coroutine`]; also finds one that was not needed lately.
    fn reuse_any_coroutine(&self, place: *const c_char) -> Option<Ref<Coroutine>> {
        if !self.has_idle_coroutine() {
            self.refill_idle();
        }
        self.reuse_coroutine(place)
    }

    /// A coroutine on a stack of the library that has not begun.
    pub(crate) fn make_coroutine(&self, launch: Launch) -> Result<Ref<Coroutine>> {
        overflow::renew();
        if let Some(coroutine) = self.reuse_any_coroutine(launch.file) {
            coroutine.note_line(launch.line);
            coroutine.rewind();
            return Ok(coroutine);
        }
        let stack = self.stacks.allocate().or_else(|error| self.quarantine.take().ok_or(error))?;
        Ok(self.make_coroutine_on(stack, launch))
    }

    /// A coroutine on the user's memory that has not begun. `ENOMEM`: too little of it.
    pub(crate) fn make_coroutine_in(
        &self,
        memory: (*mut u8, usize),
        launch: Launch,
    ) -> Result<Ref<Coroutine>> {
        let stack = StackRange::from_user(memory.0, memory.1).ok_or(Errno::ENOMEM)?;
        Ok(self.make_coroutine_on(stack, launch))
    }

    #[cold]
    fn make_coroutine_on(&self, stack: StackRange, launch: Launch) -> Ref<Coroutine> {
        let coroutine = Coroutine::place_on(stack, self.errno_location(), launch);
        if self.is_instrumented() {
            coroutine.instrument();
            if !coroutine.has_user_stack() {
                instrumentation::lsan_begin_root(stack.bottom(), stack.size());
            }
        }
        coroutine
    }

    /// Takes back the running coroutine, which has nothing to see to, and has the next one
    /// run, which is to be resumed, if that needs no more than a few instructions: one is
    /// ready. `None`: nothing has happened.
    #[inline(always)]
    pub(crate) fn leave_warm(&self, coroutine: Ref<Coroutine>) -> Option<Ref<Coroutine>> {
        let next = self.next_at_once()?;
        self.ready.advance(next);
        coroutine.next_ready.set(self.idle.replace(Some(coroutine)));
        Some(next)
    }

    /// Takes back the running coroutine, which is about to leave its stack for good.
    pub(super) fn recycle(&self, coroutine: Ref<Coroutine>) {
        coroutine.end();
        if coroutine.has_user_stack() {
            return coroutine.return_stack();
        }
        // Under AddressSanitizer every launch starts with a clean stack.
        if self.is_instrumented() {
            self.recycle_instrumented(coroutine);
        } else {
            coroutine.next_ready.set(self.idle.replace(Some(coroutine)));
        }
    }

    #[cold]
    fn recycle_instrumented(&self, coroutine: Ref<Coroutine>) {
        let stack = coroutine.stack();
        instrumentation::lsan_end_root(stack.bottom(), stack.size());
        if !instrumentation::asan_present() {
            return self.stacks.free(stack);
        }
        let most = (LARGEST_QUARANTINE / stack.size()).clamp(1, MOST_QUARANTINED);
        if self.quarantine.count() >= most
            && let Some(oldest) = self.quarantine.take()
        {
            self.stacks.free(oldest);
        }
        self.quarantine.put(coroutine);
    }
}
