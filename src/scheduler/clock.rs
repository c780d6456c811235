//! Time, in milliseconds, as deadlines are given.

use crate::os::{cycles, syscalls};
use core::cell::Cell;
use core::time::Duration;

/// A source of time.
///
/// Contract: `now_ns` never goes back. `jump_to` is for clocks that do not pass by
/// themselves: such a clock moves to the given millisecond and returns true; the
/// scheduler calls it when nothing is ready and no descriptor is. A clock that does
/// pass returns false and the scheduler waits.
pub(crate) trait Clock {
    /// Nanoseconds since some moment in the past; `u64::MAX` also for all that is later.
    fn now_ns(&self) -> u64;

    /// The same in whole milliseconds, up to the last deadline that there can be.
    fn now_ms(&self) -> i64 {
        (self.now_ns() / NS_PER_MS).cast_signed()
    }

    /// The time since the same moment, however late it is.
    fn now(&self) -> Duration {
        Duration::from_nanos(self.now_ns())
    }

    /// Nanoseconds from now to the start of `millisecond`; 0 when that has passed.
    fn ns_until(&self, millisecond: i64) -> u64 {
        in_ns(millisecond).saturating_sub(self.now_ns())
    }

    /// See the contract.
    fn jump_to(&self, millisecond: i64) -> bool;

    /// May `now` be remembered for a fraction of a millisecond?
    fn passes_by_itself(&self) -> bool;
}

/// The system's monotonic clock.
pub(crate) struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now_ns(&self) -> u64 {
        syscalls::monotonic_ns()
    }

    fn jump_to(&self, _: i64) -> bool {
        false
    }

    fn passes_by_itself(&self) -> bool {
        true
    }
}

/// Time that passes only when everybody waits for it, for tests: `DILL_CLOCK=virtual`.
pub(crate) struct VirtualClock {
    now_ms: Cell<i64>,
}

/// Virtual time starts here: deadlines may lie before it, and 0 keeps its meaning.
const VIRTUAL_START_MS: i64 = 1_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// Returns whether a deadline never comes: it is negative.
///
/// A time and a period may add up to more than an `i64` holds. Such a sum, which a program sees as
/// a number near the lowest one, is no such deadline but a very late one: it comes at the end of
/// time, which is `i64::MAX`.
#[inline(always)]
pub(crate) const fn is_never(deadline: i64) -> bool {
    // Both of the upper bits are set.
    deadline & (deadline << 1) < 0
}

/// Returns whether a deadline has come at the time `now`.
#[inline(always)]
pub(crate) fn has_come(deadline: i64, now: i64) -> bool {
    let deadline = if deadline < 0 { i64::MAX } else { deadline };
    deadline <= now
}

/// Milliseconds, if there are any, in nanoseconds.
fn in_ns(millisecond: i64) -> u64 {
    millisecond.max(0).unsigned_abs().saturating_mul(NS_PER_MS)
}

impl VirtualClock {
    pub(crate) fn new() -> VirtualClock {
        VirtualClock { now_ms: Cell::new(VIRTUAL_START_MS) }
    }
}

impl Clock for VirtualClock {
    fn now_ns(&self) -> u64 {
        in_ns(self.now_ms.get())
    }

    fn now_ms(&self) -> i64 {
        self.now_ms.get()
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now_ms.get().unsigned_abs())
    }

    fn ns_until(&self, millisecond: i64) -> u64 {
        in_ns(millisecond.saturating_sub(self.now_ms.get()))
    }

    fn jump_to(&self, millisecond: i64) -> bool {
        self.now_ms.set(millisecond.max(self.now_ms.get()));
        true
    }

    fn passes_by_itself(&self) -> bool {
        false
    }
}

/// A clock read through the processor's cycle counter: for a short time after the last real
/// reading, that one is returned again.
pub(crate) struct CachedClock {
    source: Box<dyn Clock>,
    tolerance: u64,
    read_at: Cell<u64>,
    now_ms: Cell<i64>,
}

/// For so many counts a reading is good: a tenth of a millisecond, and less than a fifth on any
/// processor above 1 GHz.
fn tolerance() -> u64 {
    cycles::per_millisecond() / 10
}

impl CachedClock {
    pub(crate) fn new(source: Box<dyn Clock>) -> CachedClock {
        let tolerance = if source.passes_by_itself() { tolerance() } else { 0 };
        let clock = CachedClock { source, tolerance, read_at: Cell::new(0), now_ms: Cell::new(0) };
        clock.refresh();
        clock
    }

    /// The current millisecond; may lag by a fraction of one, never leads.
    #[inline]
    pub(crate) fn now(&self) -> i64 {
        // A counter that goes back (another processor's) gives a huge difference.
        if cycles::now().wrapping_sub(self.read_at.get()) < self.tolerance {
            return self.now_ms.get();
        }
        self.refresh()
    }

    /// The current millisecond, read anew.
    pub(crate) fn refresh(&self) -> i64 {
        self.read_at.set(cycles::now());
        let now = self.source.now_ms();
        self.now_ms.set(now);
        now
    }

    /// The current millisecond, without a trace: for signal handlers.
    pub(crate) fn peek(&self) -> i64 {
        self.source.now_ms()
    }

    /// The time with full precision, read anew.
    pub(super) fn precise(&self) -> Duration {
        self.source.now()
    }

    /// Returns the time since virtual time began, read anew; `None` if time passes by itself.
    pub(super) fn virtual_time(&self) -> Option<Duration> {
        let begin = Duration::from_millis(VIRTUAL_START_MS.unsigned_abs());
        (!self.passes_by_itself()).then(|| self.precise().saturating_sub(begin))
    }

    /// See [`Clock::ns_until`].
    pub(super) fn ns_until(&self, millisecond: i64) -> u64 {
        self.source.ns_until(millisecond)
    }

    /// See [`Clock::jump_to`].
    pub(super) fn jump_to(&self, millisecond: i64) -> bool {
        self.source.jump_to(millisecond)
    }

    /// See [`Clock::passes_by_itself`].
    pub(super) fn passes_by_itself(&self) -> bool {
        self.source.passes_by_itself()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cached_clock_keeps_up_with_the_real_one() {
        let clock = CachedClock::new(Box::new(MonotonicClock));
        for _ in 0..200_000 {
            let before = syscalls::monotonic_ns() / NS_PER_MS;
            let cached = clock.now().unsigned_abs();
            let after = syscalls::monotonic_ns() / NS_PER_MS;
            assert!(cached <= after);
            assert!(cached + 1 >= before, "{cached} lags behind {before}");
        }
    }

    #[test]
    fn virtual_time_stands_still_until_it_jumps() {
        let clock = CachedClock::new(Box::new(VirtualClock::new()));
        let start = clock.now();
        assert_eq!(clock.now(), start);
        assert!(clock.jump_to(start + 5000));
        assert_eq!(clock.now(), start + 5000);
        assert!(clock.jump_to(start));
        assert_eq!(clock.now(), start + 5000, "time never goes back");
    }

    #[test]
    fn virtual_time_reaches_the_last_deadline() {
        let clock = CachedClock::new(Box::new(VirtualClock::new()));
        for deadline in [1 << 50, i64::MAX - 1, i64::MAX] {
            assert!(clock.ns_until(deadline) > 0);
            assert!(clock.jump_to(deadline));
            assert_eq!(clock.refresh(), deadline);
            assert_eq!(clock.ns_until(deadline), 0);
            assert_eq!(clock.precise(), Duration::from_millis(deadline.unsigned_abs()));
        }
    }

    #[test]
    fn sums_beyond_the_end_of_time_are_late() {
        for never in [-1, -2, -1000, i64::MIN / 2] {
            assert!(is_never(never), "{never}");
        }
        let sums = [i64::MAX.wrapping_add(1), i64::MAX.wrapping_add(1 << 40), i64::MAX - 1, 0, 7];
        for deadline in sums {
            assert!(!is_never(deadline), "{deadline}");
            assert!(has_come(deadline, i64::MAX), "{deadline}");
            assert_eq!(has_come(deadline, i64::MAX - 2), (0..i64::MAX - 1).contains(&deadline));
        }
    }
}
