//! How bundles are ended, and how they have ended.

use super::Deadline;
use crate::concurrency::cancel::Period;
use core::time::Duration;

/// How long [`Bundle::cancel`](crate::Bundle::cancel) waits after it has asked the coroutines to finish, and before it
/// hard-cancels those that still run.
///
/// ```
/// use redill::Grace;
/// use std::time::Duration;
///
/// assert_eq!(Grace::from(Duration::from_secs(10)), Grace::Within(Duration::from_secs(10)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Grace {
    /// Not at all: everything is hard-cancelled at once, and nobody is asked.
    Now,
    /// So long.
    Within(Duration),
    /// As long as it takes.
    Unlimited,
    /// As long as is left of the nearest enclosing grace period: that of the bundle in which the
    /// caller runs, or else of the bundle in which that one's owner runs, and so on. Where none is
    /// running, as long as it takes.
    Inherit,
}

impl Grace {
    pub(super) fn period(self) -> Period {
        match self {
            Grace::Now => Period::Zero,
            Grace::Within(duration) => match duration.as_nanos().div_ceil(1_000_000) {
                0 => Period::Zero,
                ms => i64::try_from(ms).map_or(Period::Unlimited, Period::Within),
            },
            Grace::Unlimited => Period::Unlimited,
            Grace::Inherit => Period::Inherit,
        }
    }
}

impl From<Duration> for Grace {
    fn from(duration: Duration) -> Grace {
        Grace::Within(duration)
    }
}

/// The period that ends with the deadline: without limit for [`Deadline::NEVER`], and none for one
/// that has passed.
impl From<Deadline> for Grace {
    fn from(deadline: Deadline) -> Grace {
        match deadline.remaining() {
            None => Grace::Unlimited,
            Some(Duration::ZERO) => Grace::Now,
            Some(period) => Grace::Within(period),
        }
    }
}

/// How the coroutines of a bundle have ended.
///
/// ```
/// use redill::{Bundle, Grace, Outcome};
///
/// let exit_code = match Bundle::new()?.cancel(Grace::Unlimited)? {
///     Outcome::Finished => 0,
///     Outcome::Forced => 3,
/// };
/// assert_eq!(exit_code, 0);
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All by themselves.
    Finished,
    /// Some had to be hard-cancelled.
    Forced,
}
