//! The hard cancellations that are under way, while `dill_last_resort` limits their time.
//!
//! A scheduler lists the coroutines that were hard-cancelled and have not ended yet, and those that
//! wait until others have, in the order in which that began. The time of the first one is atomic,
//! as the thread that watches over all schedulers reads it.

use super::context::Context;
use super::coroutine::{Coroutine, care};
use super::registry;
use crate::intrusive::{List, Ref, adapter};
use crate::os::{cycles, syscalls};
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

adapter!(
    /// The coroutines whose hard cancellation is under way, the one that began first at the front.
    Cancelling,
    Coroutine,
    cancellation
);

/// A scheduler's list of them.
pub(super) struct CancelWatch {
    list: List<Cancelling>,
    /// When the first of them began, in nanoseconds; 0: there is none.
    oldest: AtomicU64,
}

impl CancelWatch {
    pub(super) const fn new() -> CancelWatch {
        CancelWatch { list: List::new(), oldest: AtomicU64::new(0) }
    }

    /// Completes it at its final address.
    pub(super) fn init(&self) {
        self.list.init();
    }

    fn update(&self) {
        self.oldest.store(self.list.first().map_or(0, |first| first.cancelled_at.get()), SeqCst);
    }
}

/// Returns the time, for [`Context::begin_cancellation`].
pub(crate) fn now() -> u64 {
    syscalls::monotonic_ns().max(1)
}

/// Returns when the first hard cancellation began that is under way in any thread, in nanoseconds.
/// An error: it can't be told just now, as a thread makes or ends its scheduler.
pub(crate) fn oldest() -> Result<Option<u64>, ()> {
    let mut oldest = u64::MAX;
    registry::try_for_each(|context| {
        if let Some(since) = context.oldest_cancellation() {
            oldest = oldest.min(since);
        }
    })
    .ok_or(())?;
    Ok((oldest < u64::MAX).then_some(oldest))
}

/// Calls `action` with all schedulers of the parent, in a child that has a copy of its memory.
pub(crate) fn for_each_scheduler_in_copy(action: impl FnMut(&Context)) {
    registry::for_each_in_copy(action);
}

impl Context {
    /// Notes that the hard cancellation of `coroutine`, or one that it waits for, has begun at
    /// `now`. Returns false, and does nothing, when one has begun before.
    pub(crate) fn begin_cancellation(&self, coroutine: Ref<Coroutine>, now: u64) -> bool {
        if coroutine.takes_care(care::CANCELLATION) {
            return false;
        }
        coroutine.take_care(care::CANCELLATION);
        coroutine.cancelled_at.set(now);
        let is_first = self.cancellations.list.is_empty();
        self.cancellations.list.push_back(coroutine);
        if is_first {
            self.cancellations.update();
        }
        true
    }

    /// Notes that it has been completed.
    pub(crate) fn end_cancellation(&self, coroutine: Ref<Coroutine>) {
        coroutine.forget_care(care::CANCELLATION);
        coroutine.cancellation.unlink();
        self.cancellations.update();
    }

    /// In a forked child: what was under way was the parent's.
    pub(super) fn forget_cancellations(&self) {
        while let Some(coroutine) = self.cancellations.list.first() {
            self.end_cancellation(coroutine);
        }
    }

    /// Returns when the first hard cancellation began that is under way, in nanoseconds. Any thread
    /// may ask.
    pub(crate) fn oldest_cancellation(&self) -> Option<u64> {
        match self.cancellations.oldest.load(SeqCst) {
            0 => None,
            since => Some(since),
        }
    }

    /// Calls `action` with all coroutines whose hard cancellation is under way, and those that wait
    /// for others to end.
    pub(crate) fn for_each_cancellation(&self, mut action: impl FnMut(Ref<Coroutine>)) {
        let mut next = self.cancellations.list.first();
        while let Some(coroutine) = next {
            action(coroutine);
            next = self.cancellations.list.after(coroutine);
        }
    }

    /// Returns the coroutine that runs, for a dump: `None` while the scheduler itself does.
    pub(crate) fn running_coroutine(&self) -> Option<Ref<Coroutine>> {
        let current = self.current();
        (!self.is_at_rest() && !current.same(&raw const self.nobody)).then_some(current)
    }

    /// Returns whether the coroutines of this thread take turns, as it seems: its poller was asked
    /// within the second half of the time since the first hard cancellation began.
    pub(crate) fn takes_turns(&self) -> bool {
        let elapsed = self.oldest_cancellation().map_or(0, |since| now().saturating_sub(since));
        let not_polled = cycles::now().wrapping_sub(self.polled_at.get());
        not_polled / cycles::per_millisecond().max(1) < elapsed / 2_000_000
    }
}
