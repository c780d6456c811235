//! Messages, one after the other.

use crate::{Deadline, Receiver};

/// What a [`Receiver`] receives, until nothing more comes: see [`Receiver::iter`].
///
/// ```
/// let (tx, rx) = dill::channel::<u8>()?;
/// drop(tx);
/// let mut messages: dill::Iter<'_, u8> = rx.iter();
/// assert_eq!(messages.next(), None);
/// # Ok::<(), dill::Error>(())
/// ```
#[derive(Debug)]
pub struct Iter<'a, T> {
    pub(super) receiver: &'a Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv(Deadline::NEVER).ok()
    }
}

/// As [`Iter`], of a receiver that it owns.
///
/// ```
/// use dill::{Bundle, Deadline, channel};
///
/// let (tx, rx) = channel()?;
/// let bundle = Bundle::new()?;
/// let sum = bundle.spawn(|| rx.into_iter().sum::<i32>())?;
/// for n in 1..=4 {
///     tx.send(n, Deadline::NEVER)?;
/// }
/// drop(tx);
/// assert_eq!(sum.join(Deadline::NEVER)?, 10);
/// # Ok::<(), dill::Error>(())
/// ```
#[derive(Debug)]
pub struct IntoIter<T> {
    pub(super) receiver: Receiver<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv(Deadline::NEVER).ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
