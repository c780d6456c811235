//! Memory of finished coroutines goes back to the system when it was not needed for a while.
//!
//! Finished coroutines stay on their stacks, ready to be launched again. Time is divided into
//! periods. At the end of each one, those that were not needed in it are surplus, and all that
//! are ready to be launched become candidates:
//!
//! - [`Trimming::idle`]: finished in this period. Launches and ends use only this list, so
//!   that they need not count anything.
//! - [`Trimming::candidates`]: not needed since this period began. Used when `idle` is empty.
//! - [`Trimming::surplus`]: not needed in the period before. Given back in batches.
//!
//! So the coroutines kept are as many as the busiest moment of the last two periods needed. The
//! poller waits no longer than to the end of the period while there is anything to give back,
//! and then without a limit. Under virtual time, which jumps over periods, everything is given
//! back as soon as all coroutines wait.

use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use crate::object_cache::ObjectCache;
use crate::os::{allocation, cycles};
use crate::stack::{self, StackPool};
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
type Finished = Cell<Option<Ref<Coroutine>>>;

/// Finished coroutines, and what is known of those that were not needed lately.
pub(super) struct Trimming {
    pub(super) idle: Finished,
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
            idle: Cell::new(None),
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

impl Trimming {
    /// Makes finished coroutines that were not needed lately ready to be launched, when no others
    /// are.
    #[cold]
    pub(super) fn refill_idle(&self) {
        debug_assert!(self.idle.get().is_none());
        for list in [&self.candidates, &self.surplus] {
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
        let any = self.idle.get().or(self.candidates.get()).or(self.surplus.get());
        any.is_some() && self.has_finished_others(dying)
    }

    fn has_finished_others(&self, dying: Option<Ref<Coroutine>>) -> bool {
        let lists = [&self.idle, &self.candidates, &self.surplus];
        lists.into_iter().any(|list| has_others(list, dying))
    }

    /// Returns the number of finished coroutines that are kept.
    pub(super) fn count(&self) -> usize {
        [&self.idle, &self.candidates, &self.surplus].into_iter().map(count).sum()
    }

    /// Returns how long the poller may wait at most before there is something to give back. To be
    /// called when no coroutine is ready and some have finished.
    pub(super) fn time_to_trim(&self, dying: Option<Ref<Coroutine>>) -> Duration {
        let now = cycles::now();
        self.end_period(now, dying);
        if self.surplus.get().is_some() {
            return Duration::ZERO;
        }
        let passed = now.wrapping_sub(self.began.get()) / cycles::per_millisecond().max(1);
        Duration::from_millis(PERIOD_MS.saturating_sub(passed).max(1))
    }

    /// Prepares for [`Trimming::trim`] to give back all finished coroutines but `dying`, one batch
    /// after the other, whenever they finished. Returns false when all were given back.
    #[cold]
    pub(super) fn condemn(&self, dying: Option<Ref<Coroutine>>) -> bool {
        if self.surplus.get().is_none() {
            // The stack that is in use comes back to `idle`.
            if !self.has_finished(dying) {
                return false;
            }
            self.surplus.set(self.candidates.take().or_else(|| self.idle.take()));
        }
        true
    }

    /// Begins another period if this one has passed, and nothing is left to give back of the
    /// one before. `now` is the cycle counter.
    pub(super) fn end_period(&self, now: u64, dying: Option<Ref<Coroutine>>) {
        // A counter that goes back (another processor's) gives a huge difference.
        let passed = now.wrapping_sub(self.began.get());
        if passed < PERIOD_MS * cycles::per_millisecond() || self.surplus.get().is_some() {
            return;
        }
        self.began.set(now);
        self.surplus.set(self.candidates.replace(self.idle.take()));
        let candidates =
            core::iter::successors(self.candidates.get(), |next| next.next_ready.get());
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

    /// Gives a batch of the surplus back to `stacks`. `dying` is the coroutine on whose stack this
    /// runs, if it has finished. Returns whether memory of objects that were used together with the
    /// coroutines is to be given back, too, as there were many.
    #[cold]
    #[must_use]
    pub(super) fn trim(&self, stacks: &StackPool, dying: Option<Ref<Coroutine>>) -> bool {
        if self.surplus.get().is_none() {
            return false;
        }
        for _ in 0..stacks.batch() {
            let Some(coroutine) = pop(&self.surplus) else { break };
            debug_assert!(coroutine.blocked_on().is_none() && !coroutine.timer.is_armed());
            if dying.is_some_and(|dying| dying == coroutine) {
                push(&self.idle, coroutine);
            } else {
                stacks.keep(coroutine.stack());
                self.given_back.set(self.given_back.get() + 1);
            }
        }
        stacks.give_back();
        let were_many = self.surplus.get().is_none() && self.given_back.replace(0) >= MANY;
        if were_many {
            self.heap_is_due.set(true);
        }
        were_many
    }

    /// Gives the allocator's free memory back after many coroutines came and went, if the
    /// `objects` that came with them were much of it.
    pub(super) fn trim_heap(&self, objects: &ObjectCache) {
        if self.heap_is_due.take() && objects.take_released() >= MUCH {
            allocation::trim_heap();
        }
    }
}
