//! The graceful request.

use super::{Deadline, Error, Result};
use crate::concurrency::typed::{self, End};
use core::fmt;

/// The graceful request to the bundle in which the caller runs, as something to wait for.
///
/// Usually in [`choose!`](crate::choose), beside what the coroutine waits for otherwise.
/// Requests that were made before count. In a main coroutine none is ever made.
///
/// # Errors
/// [`Error::Canceled`] when the caller is hard-cancelled, [`Error::OutOfMemory`].
///
/// ```
/// use redill::{Bundle, Deadline, Grace, Outcome};
///
/// let bundle = Bundle::new()?;
/// bundle.go(|| {
///     redill::request().unwrap().wait(Deadline::NEVER).unwrap();
///     // Asked to finish: finishes.
/// })?;
/// assert_eq!(bundle.cancel(Grace::Unlimited)?, Outcome::Finished);
/// # Ok::<(), redill::Error>(())
/// ```
pub fn request() -> Result<Request> {
    let (receiver, sender) = typed::of_request().map_err(Error::immediate)?;
    Ok(Request { receiver, _sender: sender })
}

/// The graceful request, see [`request`].
///
/// ```
/// let request = redill::request()?;
/// assert_eq!(format!("{request:?}"), "Request { is_made: false }");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Request {
    pub(super) receiver: End<core::convert::Infallible>,
    _sender: End<core::convert::Infallible>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("is_made", &self.receiver.is_over()).finish()
    }
}

impl Request {
    /// Waits until the request is made.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// ```
    /// # use redill::Error;
    /// let request = redill::request()?;
    /// assert_eq!(request.wait(redill::Deadline::NOW), Err(Error::TimedOut));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> Result<()> {
        match self.receiver.receive(deadline.into().raw()).map_err(Error::immediate) {
            Err(Error::Done) => Ok(()),
            Err(error) => Err(error),
            Ok(never) => match never {},
        }
    }
}
