//! The hard cancellations that are under way, while `dill_last_resort` limits their time.
//!
//! A scheduler lists the coroutines that were hard-cancelled and have not ended yet, and those that
//! wait until others have, in the order in which that began. The time of the first one is atomic,
//! as the thread that watches over all schedulers reads it.

use super::coroutine::{Coroutine, care};
use crate::intrusive::{List, Ref, adapter};
use crate::os::syscalls;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

adapter!(
    /// The coroutines whose hard cancellation is under way, the one that began first at the front.
    Cancelling,
    Coroutine,
    cancellation
);

/// A scheduler's list of them.
pub(crate) struct Cancellations {
    list: List<Cancelling>,
    /// When the first of them began, in nanoseconds; 0: there is none.
    oldest: AtomicU64,
}

/// Returns the time, for [`Cancellations::begin`].
pub(crate) fn now() -> u64 {
    syscalls::monotonic_ns().max(1)
}

impl Cancellations {
    pub(super) const fn new() -> Cancellations {
        Cancellations { list: List::new(), oldest: AtomicU64::new(0) }
    }

    /// Completes it at its final address.
    pub(super) fn init(&self) {
        self.list.init();
    }

    fn update(&self) {
        // SAFETY: `begin`, which puts coroutines into the list, notes the time first.
        #[allow(unsafe_code)]
        let oldest = self.list.first().map_or(0, |first| unsafe { first.cancelled_at() });
        self.oldest.store(oldest, SeqCst);
    }

    /// Notes that the hard cancellation of `coroutine`, or one that it waits for, has begun at
    /// `now`. Returns false, and does nothing, when one has begun before.
    pub(crate) fn begin(&self, coroutine: Ref<Coroutine>, now: u64) -> bool {
        if coroutine.takes_care(care::CANCELLATION) {
            return false;
        }
        coroutine.take_care(care::CANCELLATION);
        coroutine.set_cancelled_at(now);
        let is_first = self.list.is_empty();
        self.list.push_back(coroutine);
        if is_first {
            self.update();
        }
        true
    }

    /// Notes that it has been completed.
    pub(crate) fn end(&self, coroutine: Ref<Coroutine>) {
        coroutine.forget_care(care::CANCELLATION);
        coroutine.cancellation.unlink();
        self.update();
    }

    /// In a forked child: what was under way was the parent's.
    pub(super) fn forget(&self) {
        while let Some(coroutine) = self.list.first() {
            self.end(coroutine);
        }
    }

    /// Returns when the first hard cancellation began that is under way, in nanoseconds. Any thread
    /// may ask.
    pub(crate) fn oldest(&self) -> Option<u64> {
        match self.oldest.load(SeqCst) {
            0 => None,
            since => Some(since),
        }
    }

    /// Calls `action` with all coroutines whose hard cancellation is under way, and those that wait
    /// for others to end.
    pub(crate) fn for_each(&self, mut action: impl FnMut(Ref<Coroutine>)) {
        let mut next = self.list.first();
        while let Some(coroutine) = next {
            action(coroutine);
            next = self.list.after(coroutine);
        }
    }
}
