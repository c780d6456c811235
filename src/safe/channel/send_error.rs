//! Values that were not sent.

use crate::Error;
use core::fmt;

/// A value that could not be sent, and why.
///
/// ```
/// use redill::{Deadline, Error, channel};
///
/// fn send(text: &str) -> redill::Result<()> {
///     let (tx, rx) = channel()?;
///     drop(rx);
///     tx.send(text, Deadline::NEVER)?; // where the value does not matter
///     Ok(())
/// }
///
/// assert_eq!(send("lost"), Err(Error::Done));
/// ```
#[derive(PartialEq)]
pub struct SendError<T> {
    pub(super) value: T,
    pub(super) error: Error,
}

impl<T> SendError<T> {
    /// The value.
    ///
    /// ```
    /// let (tx, rx) = redill::channel()?;
    /// assert_eq!(tx.send(7, redill::Deadline::NOW).unwrap_err().into_inner(), 7);
    /// # drop(rx);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Why it could not be sent.
    ///
    /// ```
    /// let (tx, rx) = redill::channel()?;
    /// drop(rx);
    /// assert_eq!(*tx.send(7, redill::Deadline::NEVER).unwrap_err().error(), redill::Error::Done);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value could not be sent: {}", self.error)
    }
}

impl<T> std::error::Error for SendError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Drops the value, so that `?` works.
impl<T> From<SendError<T>> for Error {
    fn from(error: SendError<T>) -> Error {
        error.error
    }
}
