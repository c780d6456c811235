//! Messages, one after the other.

use crate::{Deadline, Receiver};
use core::fmt;

/// What a [`Receiver`] receives, until nothing more comes: see [`Receiver::iter`].
///
/// ```
/// let (tx, rx) = redill::channel::<u8>()?;
/// drop(tx);
/// let mut messages: redill::Messages<'_, u8> = rx.iter();
/// assert_eq!(messages.next(), None);
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Messages<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Receiver<T> {
    /// Receives until nothing more comes: [`Error::Done`] ends the loop, and so does cancellation.
    ///
    /// ```
    /// use redill::{Bundle, Deadline, channel};
    ///
    /// let (tx, rx) = channel()?;
    /// let bundle = Bundle::new()?;
    /// bundle.go(move || {
    ///     for n in 1..=4 {
    ///         tx.send(n, Deadline::NEVER).unwrap();
    ///     }
    /// })?;
    /// for n in &rx {
    ///     assert_eq!(n, 1);
    ///     break;
    /// }
    /// assert_eq!(rx.iter().sum::<i32>(), 2 + 3 + 4);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn iter(&self) -> Messages<'_, T> {
        Messages { receiver: self }
    }
}

impl<T> Iterator for Messages<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv(Deadline::NEVER).ok()
    }
}

/// As [`Messages`], of a receiver that it owns.
///
/// ```
/// use redill::{Bundle, Deadline, channel};
///
/// let (tx, rx) = channel()?;
/// let bundle = Bundle::new()?;
/// let sum = bundle.spawn(|| rx.into_iter().sum::<i32>())?;
/// for n in 1..=4 {
///     tx.send(n, Deadline::NEVER)?;
/// }
/// drop(tx);
/// assert_eq!(sum.join(Deadline::NEVER)?, 10);
/// # Ok::<(), redill::Error>(())
/// ```
pub struct IntoMessages<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for IntoMessages<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv(Deadline::NEVER).ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Messages<'a, T>;

    fn into_iter(self) -> Messages<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoMessages<T>;

    fn into_iter(self) -> IntoMessages<T> {
        IntoMessages { receiver: self }
    }
}

impl<T> fmt::Debug for Messages<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Messages").field(self.receiver).finish()
    }
}

impl<T> fmt::Debug for IntoMessages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoMessages").field(&self.receiver).finish()
    }
}
