//! Coroutines come and go; their stacks and bookkeeping are used again.

use super::coroutine::{Coroutine, Launch};
use super::overflow;
use super::run::Run;
use super::trimming::Trimming;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation;
use crate::stack::{StackPool, StackRange};
use core::cell::Cell;
use core::ffi::c_char;

/// So many stacks are not used again at once under AddressSanitizer, so that uses of what lay
/// there are found.
const MOST_QUARANTINED: usize = 64;
/// But no more than this many bytes of them: their shadow takes memory, an eighth of it.
const LARGEST_QUARANTINE: usize = 1 << 30;

/// Coroutines that have finished under AddressSanitizer, linked by `next_ready`: it reports
/// uses of their locals for as long as they are here.
struct Quarantine {
    oldest: Cell<Option<Ref<Coroutine>>>,
    newest: Cell<Option<Ref<Coroutine>>>,
    count: Cell<usize>,
}

impl Quarantine {
    const fn new() -> Quarantine {
        Quarantine { oldest: Cell::new(None), newest: Cell::new(None), count: Cell::new(0) }
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

/// Coroutines that have finished or can be launched, with the stacks on which they lie.
pub(super) struct CoroutinePool {
    /// Of finished coroutines, with AddressSanitizer. Before `stacks`, on which they lie.
    quarantine: Quarantine,
    pub(super) trimming: Trimming,
    pub(super) stacks: StackPool,
}

impl CoroutinePool {
    pub(super) fn new() -> CoroutinePool {
        CoroutinePool {
            quarantine: Quarantine::new(),
            trimming: Trimming::new(),
            stacks: StackPool::new(),
        }
    }

    /// Returns how many finished coroutines there are.
    pub(super) fn count(&self) -> usize {
        self.trimming.count() + self.quarantine.count.get()
    }

    /// Returns whether [`CoroutinePool::reuse`] has a coroutine.
    #[inline(always)]
    pub(super) fn has_idle(&self) -> bool {
        self.trimming.idle.get().is_some()
    }

    /// A coroutine on a warm stack that has not begun, if there is one.
    #[inline(always)]
    pub(super) fn reuse(&self, place: *const c_char) -> Option<Ref<Coroutine>> {
        let coroutine = self.trimming.idle.get()?;
        // None is kept under AddressSanitizer (see `recycle`).
        debug_assert!(!coroutine.execution.is_instrumented());
        self.trimming.idle.set(coroutine.next_ready.get());
        coroutine.relaunch(place);
        Some(coroutine)
    }

    /// As [`CoroutinePool::reuse`]; also finds one that was not needed lately.
    fn reuse_any(&self, place: *const c_char) -> Option<Ref<Coroutine>> {
        if !self.has_idle() {
            self.trimming.refill_idle();
        }
        self.reuse(place)
    }

    /// A coroutine on a stack of the library that has not begun, of the thread whose own one is
    /// `main`.
    pub(super) fn make(&self, launch: Launch, main: &Coroutine) -> Result<Ref<Coroutine>> {
        overflow::renew();
        if let Some(coroutine) = self.reuse_any(launch.file) {
            coroutine.note_line(launch.line);
            coroutine.rewind();
            return Ok(coroutine);
        }
        let stack = self.stacks.allocate().or_else(|error| self.quarantine.take().ok_or(error))?;
        Ok(make_on(stack, launch, main))
    }

    /// Keeps a finished coroutine, which is about to leave its stack, ready to be launched.
    #[inline(always)]
    pub(super) fn keep_idle(&self, coroutine: Ref<Coroutine>) {
        debug_assert!(coroutine.blocked_on().is_none() && !coroutine.has_user_stack());
        coroutine.next_ready.set(self.trimming.idle.replace(Some(coroutine)));
    }

    /// Takes back the running coroutine, which is about to leave its stack for good.
    pub(super) fn recycle(&self, coroutine: Ref<Coroutine>) {
        coroutine.end();
        if coroutine.has_user_stack() {
            return coroutine.return_stack();
        }
        // Under AddressSanitizer every launch starts with a clean stack.
        if coroutine.execution.is_instrumented() {
            self.recycle_instrumented(coroutine);
        } else {
            self.keep_idle(coroutine);
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
        if self.quarantine.count.get() >= most
            && let Some(oldest) = self.quarantine.take()
        {
            self.stacks.free(oldest);
        }
        self.quarantine.put(coroutine);
    }
}

/// A coroutine on the user's memory that has not begun. `ENOMEM`: too little of it.
pub(super) fn make_in(
    memory: (*mut u8, usize),
    launch: Launch,
    main: &Coroutine,
) -> Result<Ref<Coroutine>> {
    let stack = StackRange::from_user(memory.0, memory.1).ok_or(Errno::ENOMEM)?;
    Ok(make_on(stack, launch, main))
}

#[cold]
fn make_on(stack: StackRange, launch: Launch, main: &Coroutine) -> Ref<Coroutine> {
    let errno_location = main.execution.errno_location();
    let coroutine = Coroutine::place_on(stack, errno_location, launch, Run::time_out);
    if main.execution.is_instrumented() {
        coroutine.instrument();
        if !coroutine.has_user_stack() {
            instrumentation::lsan_begin_root(stack.bottom(), stack.size());
        }
    }
    coroutine
}
