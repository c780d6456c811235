//! What the thread that watches over hard cancellations wants to know of all schedulers.

use super::cancellations::now;
use super::context::Context;
use super::coroutine::Coroutine;
use super::registry;
use crate::intrusive::Ref;
use crate::os::cycles;

/// Returns when the first hard cancellation began that is under way in any thread, in nanoseconds.
/// An error: it can't be told just now, as a thread makes or ends its scheduler.
pub(crate) fn oldest() -> Result<Option<u64>, ()> {
    let mut oldest = u64::MAX;
    registry::try_for_each(|place| {
        // SAFETY: in the list, where `making` puts the places of whole schedulers, and which is locked.
        #[allow(unsafe_code)]
        let context = unsafe { Context::of_place(place) };
        if let Some(since) = context.cancellations.oldest() {
            oldest = oldest.min(since);
        }
    })
    .ok_or(())?;
    Ok((oldest < u64::MAX).then_some(oldest))
}

/// Calls `action` with all schedulers of the parent, in a child that has a copy of its memory.
pub(crate) fn for_each_scheduler_in_copy(mut action: impl FnMut(&Context)) {
    registry::for_each_in_copy(|place| {
        // SAFETY: as in `oldest`; no other thread changes the list of a copy.
        #[allow(unsafe_code)]
        action(unsafe { Context::of_place(place) });
    });
}

impl Context {
    /// Returns the coroutine that runs, for a dump: `None` while the scheduler itself does.
    pub(crate) fn running_coroutine(&self) -> Option<Ref<Coroutine>> {
        let current = self.current();
        (!self.is_at_rest() && !current.same(&raw const self.idle_task)).then_some(current)
    }

    /// Returns whether the coroutines of this thread take turns, as it seems: its poller was asked
    /// within the second half of the time since the first hard cancellation began.
    pub(crate) fn takes_turns(&self) -> bool {
        let elapsed = self.cancellations.oldest().map_or(0, |since| now().saturating_sub(since));
        let not_polled = self.budget.since_poll(cycles::now());
        not_polled / cycles::per_millisecond().max(1) < elapsed / 2_000_000
    }
}
