//! The time of the calling thread's scheduler.

use super::clock::{Clock as _, MonotonicClock, has_come, is_never};
use super::context::Context;
use core::time::Duration;
use std::sync::OnceLock;
use std::time::Instant;

/// The current time, in milliseconds.
pub(crate) fn now() -> i64 {
    match Context::existing() {
        Some(context) => context.clock.now(),
        // No scheduler on this thread and no memory for one: real time is right.
        None => {
            Context::get().map_or_else(|_| MonotonicClock.now_ms(), |context| context.clock.now())
        }
    }
}

/// The same with full precision, read anew.
pub(crate) fn precise() -> Duration {
    Context::get().map_or_else(|_| MonotonicClock.now(), |context| context.clock.precise())
}

/// The same as the standard library has it. Virtual time counts from the first call.
pub(crate) fn instant() -> Instant {
    static VIRTUAL_START: OnceLock<Instant> = OnceLock::new();
    match Context::get().ok().and_then(|context| context.clock.virtual_time()) {
        Some(passed) => {
            let start = *VIRTUAL_START.get_or_init(Instant::now);
            // An `Instant` holds every time of this clock.
            start.checked_add(passed).unwrap_or(start)
        }
        None => Instant::now(),
    }
}

/// Returns whether a deadline has passed. One that never comes has not.
#[inline]
pub(crate) fn has_passed(deadline: i64) -> bool {
    !is_never(deadline) && has_come(deadline, now())
}
