//! What a coroutine does with its own time.

use super::{Deadline, Error, Result};
use crate::concurrency::{bundle, rest};

/// Lets all coroutines run that are ready, then goes on.
///
/// # Errors
/// [`Error::Canceled`].
///
/// ```
/// use redill::Bundle;
/// use std::{cell::Cell, rc::Rc};
///
/// let steps = Rc::new(Cell::new(0));
/// let bundle = Bundle::new()?;
/// let counter = steps.clone();
/// bundle.go(move || {
///     while redill::yield_now().is_ok() {
///         counter.set(counter.get() + 1);
///     }
/// })?;
/// redill::yield_now()?;
/// assert!(steps.get() >= 1);
/// # Ok::<(), redill::Error>(())
/// ```
#[inline]
pub fn yield_now() -> Result<()> {
    rest::yield_now().map_err(Error::immediate)
}

/// Waits until the deadline, while other coroutines run. With [`Deadline::NEVER`] it waits to be
/// cancelled.
///
/// # Errors
/// [`Error::Canceled`].
///
/// ```
/// use std::time::Duration;
///
/// let end = redill::now() + Duration::from_millis(5);
/// redill::sleep(Duration::from_millis(5))?;
/// assert!(redill::now() >= end);
/// # Ok::<(), redill::Error>(())
/// ```
#[doc(alias = "sleep_until")]
pub fn sleep(deadline: impl Into<Deadline>) -> Result<()> {
    rest::sleep(deadline.into().raw()).map_err(Error::of)
}

/// Returns whether the bundle in which the caller runs has been asked to finish, or the caller has
/// been hard-cancelled.
///
/// To be told of it rather than to ask, use [`request`](crate::request), a cancel scope or
/// [`Bundle::notify`](crate::Bundle::notify).
///
/// ```
/// assert!(!redill::is_requested()); // nobody asks a main coroutine
/// ```
#[must_use]
pub fn is_requested() -> bool {
    bundle::is_requested()
}
