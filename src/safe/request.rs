//! The graceful request.

use super::{Deadline, Error, Result};
use crate::concurrency::{bundle, choose};
use crate::scheduler::context::Context;
use core::fmt;
use core::marker::PhantomData;

/// Returns the graceful request to the caller's bundle, as something to wait for.
///
/// [`choose!`](crate::choose) needs no such object: its arm `request()` waits for the request
/// beside what the coroutine waits for otherwise. A request that was made before counts, and goes
/// on counting. In a main coroutine none is ever made.
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
    Context::may_start().map_err(Error::immediate)?;
    Ok(Request { not_send: PhantomData })
}

/// Asks the bundle in which the caller runs to finish, and goes on: [`Bundle::request`] for those
/// inside.
///
/// The caller is a member of that bundle and gets the request like the others. How long they have
/// is the owner's decision.
///
/// # Errors
/// [`Error::Unsupported`] in a main coroutine, which runs in no bundle.
///
/// [`Bundle::request`]: crate::Bundle::request
///
/// ```
/// use redill::{Bundle, Deadline, Grace, Outcome};
///
/// let bundle = Bundle::new()?;
/// bundle.go(|| redill::request().unwrap().wait(Deadline::NEVER).unwrap())?;
/// bundle.go(|| {
///     // The last customer has left.
///     redill::request_stop().unwrap();
///     assert!(redill::is_requested());
/// })?;
/// bundle.wait(Deadline::NEVER)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub fn request_stop() -> Result<()> {
    bundle::request_own().map_err(Error::immediate)
}

/// The graceful request to the bundle in which the coroutine that waits for it runs: see
/// [`request`].
///
/// ```
/// let request = redill::request()?;
/// assert_eq!(format!("{request:?}"), "Request { is_made: false }");
/// # Ok::<(), redill::Error>(())
/// ```
///
/// Bundles belong to threads, and so do requests:
///
/// ```compile_fail,E0277
/// let request = redill::request().unwrap();
/// std::thread::spawn(move || drop(request));
/// ```
pub struct Request {
    not_send: PhantomData<*mut ()>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("is_made", &bundle::is_requested()).finish()
    }
}

impl Request {
    /// Waits until the request is made.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`], [`Error::OutOfMemory`].
    ///
    /// ```
    /// # use redill::Error;
    /// let request = redill::request()?;
    /// assert_eq!(request.wait(redill::Deadline::NOW), Err(Error::TimedOut));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> Result<()> {
        choose::await_request(deadline.into().raw()).map_err(Error::immediate)
    }
}
