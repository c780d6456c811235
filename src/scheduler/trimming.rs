//! Memory of finished coroutines goes back to the system when it was not needed for a while.
//!
//! Finished coroutines stay on their stacks, ready to be launched again. Time is divided into
//! periods. At the end of each one, those that were not needed in it are surplus, and all that
//! are ready to be launched become candidates:
//!
//! - [`Context::idle`]: finished in this period. Launches and ends use only this list, so
//!   that they need not count anything.
//! - [`Trimming::candidates`]: not needed since this period began. Used when `idle` is empty.
//! - [`Trimming::surplus`]: not needed in the period before. Given back in batches.
//!
//! So the coroutines kept are as many as the busiest moment of the last two periods needed. The
//! poller waits no longer than to the end of the period while there is anything to give back,
//! and then without a limit. Under virtual time, which jumps over periods, everything is given
//! back as soon as all coroutines wait.

use super::context::Context;
use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use crate::os::{allocation, cycles};
use crate::stack;
use core::cell::Cell;
use core::time::Duration;

/// Length of a period.
const PERIOD_MS: u64 = 100;
/// Candidates whose deep pages are given back in a period, at most.
const MOST_SHALLOWED: usize = 8;

/// Candidates that are made ready to be launched together, as the first of them is slow.
const REFILL: usize = 64;
/// After so many were given back, other memory is, too, that was used together with them.
const MANY: usize = 1000;
/// The allocator is asked to give its free memory back to the system when it got so many bytes
/// from us before that.
const MUCH: usize = 4 << 20;

/// A list of finished coroutines, linked by `next_ready`.
pub(super) type Finished = Cell<Option<Ref<Coroutine>>>;

/// What is known of finished coroutines that were not needed lately.
pub(super) struct Trimming {
    candidates: Finished,
    surplus: Finished,
    /// The cycle counter when the period began.
    began: Cell<u64>,
    /// Coroutines of this surplus that were given back, see [`MANY`].
    given_back: Cell<usize>,
    /// [`MANY`] were, and no time was found yet to look after the allocator's memory.
    heap_is_due: Cell<bool>,
}

impl Trimming {
    pub(super) const fn new() -> Trimming {
        Trimming {
            candidates: Cell::new(None),
            surplus: Cell::new(None),
            began: Cell::new(0),
            given_back: Cell::new(0),
            heap_is_due: Cell::new(false),
        }
    }
}

/// Takes the first coroutine out of a list.
fn pop(list: &Finished) -> Option<Ref<Coroutine>> {
    let first = list.get()?;
    list.set(first.next_ready.get());
    Some(first)
}

/// Adds a coroutine to a list.
fn push(list: &Finished, coroutine: Ref<Coroutine>) {
    coroutine.next_ready.set(list.replace(Some(coroutine)));
}

/// Returns whether there is another coroutine than `dying` in a list.
fn has_others(list: &Finished, dying: Option<Ref<Coroutine>>) -> bool {
    let first = list.get();
    first.is_some_and(|it| first != dying || it.next_ready.get().is_some())
}

/// Returns the length of a list.
fn count(list: &Finished) -> usize {
    core::iter::successors(list.get(), |coroutine| coroutine.next_ready.get()).count()
}

impl Context {
    /// Makes finished coroutines that were not needed lately ready to be launched, when no others
    /// are.
    #[cold]
    pub(super) fn refill_idle(&self) {
        debug_assert!(self.idle.get().is_none());
        for list in [&self.trimming.candidates, &self.trimming.surplus] {
            let Some(first) = list.get() else { continue };
            let mut last = first;
            for _ in 1..REFILL {
                let Some(next) = last.next_ready.get() else { break };
                last = next;
            }
            list.set(last.next_ready.take());
            return self.idle.set(Some(first));
        }
    }

    /// Returns whether there are finished coroutines that can be given back.
    #[inline]
    pub(super) fn has_finished(&self, dying: Option<Ref<Coroutine>>) -> bool {
        let trimming = &self.trimming;
        let any = self.idle.get().or(trimming.candidates.get()).or(trimming.surplus.get());
        any.is_some() && self.has_finished_others(dying)
    }

    fn has_finished_others(&self, dying: Option<Ref<Coroutine>>) -> bool {
        let trimming = &self.trimming;
        let lists = [&self.idle, &trimming.candidates, &trimming.surplus];
        lists.into_iter().any(|list| has_others(list, dying))
    }

    /// Counts the finished coroutines that are kept.
    pub(super) fn count_finished(&self) -> usize {
        let trimming = &self.trimming;
        [&self.idle, &trimming.candidates, &trimming.surplus].into_iter().map(count).sum()
    }

    /// Returns how long the poller may wait at most before there is something to give back;
    /// `None` under virtual time. To be called when no coroutine is ready and some have finished.
    pub(super) fn time_to_trim(&self, dying: Option<Ref<Coroutine>>) -> Option<Duration> {
        if !self.clock.passes_by_itself() {
            return None; // see `trim_at_once`
        }
        let (trimming, now) = (&self.trimming, cycles::now());
        self.end_period(now, dying);
        if trimming.surplus.get().is_some() {
            return Some(Duration::ZERO);
        }
        let passed = now.wrapping_sub(trimming.began.get()) / cycles::per_millisecond().max(1);
        Some(Duration::from_millis(PERIOD_MS.saturating_sub(passed).max(1)))
    }

    /// Does what there is to do while coroutines are ready. `now` is the cycle counter. Nothing
    /// under virtual time, in which a program does the same in each run.
    pub(super) fn trim_when_busy(&self, now: u64, dying: Option<Ref<Coroutine>>) {
        if self.clock.passes_by_itself() {
            self.end_period(now, dying);
            self.trim(dying);
        }
    }

    /// Gives all finished coroutines back, under virtual time. To be called when time is about
    /// to jump.
    #[cold]
    pub(super) fn trim_at_once(&self, dying: Option<Ref<Coroutine>>) {
        let trimming = &self.trimming;
        loop {
            while trimming.surplus.get().is_some() {
                self.trim(dying);
            }
            // The stack that is in use comes back to `idle`.
            if !self.has_finished(dying) {
                return self.trim_heap();
            }
            let next = trimming.candidates.take().or_else(|| self.idle.take());
            trimming.surplus.set(next);
        }
    }

    /// Begins another period if this one has passed, and nothing is left to give back of the
    /// one before.
    fn end_period(&self, now: u64, dying: Option<Ref<Coroutine>>) {
        let trimming = &self.trimming;
        // A counter that goes back (another processor's) gives a huge difference.
        let passed = now.wrapping_sub(trimming.began.get());
        if passed < PERIOD_MS * cycles::per_millisecond() || trimming.surplus.get().is_some() {
            return;
        }
        trimming.began.set(now);
        trimming.surplus.set(trimming.candidates.replace(self.idle.take()));
        let candidates =
            core::iter::successors(trimming.candidates.get(), |next| next.next_ready.get());
        for candidate in candidates.take(MOST_SHALLOWED) {
            if dying.is_some_and(|dying| dying == candidate) {
                continue;
            }
            // SAFETY: a finished coroutine that is not the one whose stack is still in use.
            #[allow(unsafe_code)]
            if !unsafe { stack::give_deep_pages_back(candidate.stack()) } {
                break;
            }
        }
    }

    /// Gives a batch of the surplus back. `dying` is the coroutine on whose stack this runs,
    /// if it has finished.
    #[cold]
    pub(super) fn trim(&self, dying: Option<Ref<Coroutine>>) {
        let trimming = &self.trimming;
        if trimming.surplus.get().is_none() {
            return;
        }
        for _ in 0..self.stacks.batch() {
            let Some(coroutine) = pop(&trimming.surplus) else { break };
            if dying.is_some_and(|dying| dying == coroutine) {
                push(&self.idle, coroutine);
            } else {
                self.stacks.keep(coroutine.stack());
                trimming.given_back.set(trimming.given_back.get() + 1);
            }
        }
        self.stacks.give_back();
        if trimming.surplus.get().is_none() && trimming.given_back.replace(0) >= MANY {
            self.spare_bundles.purge();
            self.objects.purge();
            trimming.heap_is_due.set(true);
        }
    }

    /// Gives the allocator's free memory back after many coroutines came and went, if the
    /// objects that came with them were much of it.
    pub(super) fn trim_heap(&self) {
        if self.trimming.heap_is_due.take() && self.objects.take_released() >= MUCH {
            allocation::trim_heap();
        }
    }
}
