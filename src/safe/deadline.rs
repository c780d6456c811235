//! When to give up.

use crate::concurrency::time_left;
use crate::scheduler::time;
use core::fmt;
use core::time::Duration;
use std::time::Instant;

/// The moment at which a call gives up with [`Error::TimedOut`](crate::Error::TimedOut).
///
/// A deadline is absolute: made once it can be passed to any number of calls, which then have
/// to be done together by that time. It is kept with the precision of a millisecond, and never
/// early. Calls take `impl Into<Deadline>`, so a [`Duration`] (from now on), an [`Instant`] or an
/// `Option` of either will do.
///
/// ```
/// use redill::{Deadline, Error, channel};
/// use std::time::Duration;
///
/// let (tx, rx) = channel::<u8>()?;
/// assert_eq!(rx.recv(Duration::from_millis(1)), Err(Error::TimedOut));
///
/// // Both together in a second.
/// let deadline = Deadline::after(Duration::from_secs(1));
/// assert!(deadline < Deadline::NEVER);
/// # drop(tx);
/// assert_eq!(rx.recv(deadline), Err(Error::Done));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(i64);

impl Deadline {
    /// No deadline: the call waits as long as it takes.
    ///
    /// ```
    /// assert_eq!(redill::Deadline::from(None::<std::time::Duration>), redill::Deadline::NEVER);
    /// ```
    pub const NEVER: Deadline = Deadline(i64::MAX);

    /// The last deadline that comes.
    const LAST: Deadline = Deadline(i64::MAX - 1);

    /// The call does what can be done at once, and otherwise gives up.
    ///
    /// ```
    /// assert_eq!(redill::Deadline::from(std::time::Duration::ZERO), redill::Deadline::NOW);
    /// ```
    pub const NOW: Deadline = Deadline(0);

    /// So long from now on.
    ///
    /// ```
    /// use redill::Deadline;
    /// use std::time::Duration;
    ///
    /// assert!(Deadline::after(Duration::from_secs(60)) > Deadline::NOW);
    /// assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
    /// ```
    #[must_use]
    pub fn after(duration: Duration) -> Deadline {
        if duration.is_zero() {
            return Deadline::NOW;
        }
        let end = time::precise().saturating_add(duration);
        let milliseconds = end.as_nanos().div_ceil(1_000_000);
        if let Ok(milliseconds) = i64::try_from(milliseconds) {
            return Deadline(milliseconds);
        }
        // Virtual time may have come near its end: a short time from then on is no wait for ever.
        let is_long = duration.as_millis() > u128::from(u64::MAX / 4);
        if is_long { Self::NEVER } else { Self::LAST }
    }

    /// The nearest of all deadlines that are on the caller: of its cancel scopes, and of its bundle
    /// and those of the owners above it, with the grace periods that run there. [`Deadline::NEVER`]
    /// if there is none. It is what to hand to code that takes a deadline and knows nothing of
    /// bundles.
    ///
    /// Where the caller was hard-cancelled, or an owner above it, it is the time now.
    ///
    /// ```
    /// use redill::Deadline;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Deadline::current(), Deadline::NEVER);
    /// let inside = redill::timeout(Duration::from_secs(5), || Ok(Deadline::current()))?;
    /// assert!(inside < Deadline::NEVER);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn current() -> Deadline {
        time_left::nearest_deadline().map_or(Deadline::NEVER, Deadline)
    }

    /// This deadline, but earlier by `margin`: the time for one's own clean-up.
    /// [`Deadline::NEVER`] stays what it is.
    ///
    /// ```
    /// use redill::{Deadline, Grace};
    /// use std::time::Duration;
    ///
    /// let deadline = Deadline::after(Duration::from_secs(10));
    /// assert!(deadline.earlier_by(Duration::from_millis(500)) < deadline);
    /// // The period for `Bundle::cancel` that ends then.
    /// let grace = Grace::from(deadline.earlier_by(Duration::from_millis(500)));
    /// assert!(matches!(grace, Grace::Within(period) if period <= Duration::from_millis(9501)));
    /// ```
    #[must_use]
    pub fn earlier_by(self, margin: Duration) -> Deadline {
        if self == Deadline::NEVER {
            return self;
        }
        let margin = i64::try_from(margin.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        Deadline(self.0.saturating_sub(margin).max(0))
    }

    /// At this moment.
    ///
    /// ```
    /// use redill::Deadline;
    /// use std::time::Duration;
    ///
    /// let deadline = Deadline::at(redill::now() + Duration::from_secs(1));
    /// assert!(deadline.remaining().unwrap() <= Duration::from_millis(1001));
    /// ```
    #[must_use]
    pub fn at(instant: Instant) -> Deadline {
        Deadline::after(instant.saturating_duration_since(now()))
    }

    /// The time left; `None` for [`Deadline::NEVER`].
    ///
    /// ```
    /// use redill::Deadline;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Deadline::NOW.remaining(), Some(Duration::ZERO));
    /// assert_eq!(Deadline::NEVER.remaining(), None);
    /// ```
    #[must_use]
    pub fn remaining(self) -> Option<Duration> {
        if self == Deadline::NEVER {
            return None;
        }
        Some(Duration::from_millis(self.0.unsigned_abs()).saturating_sub(time::precise()))
    }

    /// Has it passed?
    ///
    /// ```
    /// assert!(redill::Deadline::NOW.has_passed());
    /// assert!(!redill::Deadline::NEVER.has_passed());
    /// ```
    #[must_use]
    pub fn has_passed(self) -> bool {
        self != Deadline::NEVER && self.0 <= time::now()
    }

    /// What the core has: milliseconds, negative for never.
    #[cfg(feature = "sockets")]
    pub(crate) fn from_raw(milliseconds: i64) -> Deadline {
        if milliseconds < 0 { Deadline::NEVER } else { Deadline(milliseconds) }
    }

    /// As the core takes it: milliseconds, negative for never.
    #[allow(dead_code)]
    #[inline(always)]
    pub(crate) fn raw(self) -> i64 {
        if self.0 == i64::MAX { -1 } else { self.0 }
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.remaining()) {
            (Deadline::NOW, _) => f.write_str("Deadline(now)"),
            (_, None) => f.write_str("Deadline(never)"),
            (_, Some(remaining)) => write!(f, "Deadline(in {remaining:?})"),
        }
    }
}

impl From<Duration> for Deadline {
    fn from(duration: Duration) -> Deadline {
        Deadline::after(duration)
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Deadline {
        Deadline::at(instant)
    }
}

/// `None`: no deadline.
impl<T: Into<Deadline>> From<Option<T>> for Deadline {
    fn from(option: Option<T>) -> Deadline {
        option.map_or(Deadline::NEVER, Into::into)
    }
}

/// The current time of the calling thread's scheduler: that of the system, or the virtual one with
/// the environment variable `DILL_CLOCK=virtual`, where time passes only while everybody waits.
///
/// ```
/// let start = redill::now();
/// redill::sleep(std::time::Duration::from_millis(2))?;
/// assert!(start.elapsed().as_millis() >= 2 || redill::now() >= start);
/// # Ok::<(), redill::Error>(())
/// ```
#[must_use]
pub fn now() -> Instant {
    time::instant()
}
