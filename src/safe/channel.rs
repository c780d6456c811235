//! Channels of typed messages.

mod messages;
mod send_error;

pub use messages::{IntoMessages, Messages};
pub use send_error::SendError;

use super::{AsRawHandle, Deadline, Error, FromRawHandle, RawHandle, Result};
use crate::concurrency::typed::End;
use crate::os::errno::Errno;
use crate::scheduler::shared::Shared;
use core::fmt;

/// Makes a channel: what is sent to one end is received from the other one.
///
/// Sending and receiving are a rendezvous: both wait for each other, and the value is moved from
/// one to the other without being stored in between. A deadline of [`Deadline::NOW`] makes either
/// of them a mere attempt.
///
/// # Errors
/// [`Error::Canceled`] when the caller is hard-cancelled, [`Error::OutOfMemory`].
///
/// ```
/// use redill::{Bundle, Deadline, Error, channel};
///
/// let (tx, rx) = channel::<String>()?;
/// let bundle = Bundle::new()?;
/// bundle.go(move || {
///     for word in ["bread", "butter"] {
///         tx.send(word.to_owned(), Deadline::NEVER).unwrap();
///     }
///     // The end of the sender is the end of the channel.
/// })?;
/// assert_eq!(rx.recv(Deadline::NEVER)?, "bread");
/// assert_eq!(rx.recv(Deadline::NEVER)?, "butter");
/// assert_eq!(rx.recv(Deadline::NEVER), Err(Error::Done));
/// # Ok::<(), Error>(())
/// ```
pub fn channel<T>() -> Result<(Sender<T>, Receiver<T>)> {
    let (first, second) = End::pair().map_err(Error::immediate)?;
    let sender = Sender { end: Shared::new(first).map_err(Error::immediate)? };
    Ok((sender, Receiver { end: Shared::new(second).map_err(Error::immediate)? }))
}

/// The sending end of a [`channel`].
///
/// Any number of coroutines may use it, by reference or by clones. When the last clone is
/// dropped, receivers see [`Error::Done`]. It belongs to its thread:
///
/// ```compile_fail,E0277
/// let (tx, rx) = redill::channel::<u8>().unwrap();
/// std::thread::spawn(move || tx.send(1, redill::Deadline::NEVER));
/// ```
pub struct Sender<T> {
    pub(super) end: Shared<End<T>>,
}

/// The receiving end of a [`channel`].
///
/// Any number of coroutines may use it, by reference or by clones: each value goes to one of
/// them, in the order in which they began to wait. When the last clone is dropped, senders get
/// their values back with [`Error::Done`]. It belongs to its thread:
///
/// ```compile_fail,E0277
/// let (tx, rx) = redill::channel::<u8>().unwrap();
/// std::thread::spawn(move || rx.recv(redill::Deadline::NEVER));
/// ```
pub struct Receiver<T> {
    pub(super) end: Shared<End<T>>,
}

impl<T> Sender<T> {
    /// Sends `value`; waits until somebody receives it.
    ///
    /// # Errors
    /// The value comes back with [`Error::Done`] when nobody will receive it, with
    /// [`Error::TimedOut`], or with [`Error::Canceled`].
    ///
    /// ```
    /// use redill::{Deadline, Error, channel};
    ///
    /// let (tx, rx) = channel()?;
    /// let failure = tx.send("hello", Deadline::NOW).unwrap_err();
    /// assert_eq!(*failure.error(), Error::TimedOut);
    /// assert_eq!(failure.into_inner(), "hello");
    ///
    /// drop(rx);
    /// assert_eq!(*tx.send("hello", Deadline::NEVER).unwrap_err().error(), Error::Done);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn send(&self, value: T, deadline: impl Into<Deadline>) -> Result<(), SendError<T>> {
        self.end
            .send(value, deadline.into().raw())
            .map_err(|(value, errno)| SendError { value, error: Error::immediate(errno) })
    }

    /// Nothing more will be sent: receivers see [`Error::Done`], and whoever still waits to send
    /// gets its value back. Also done by dropping the last sender.
    ///
    /// ```
    /// use redill::{Deadline, Error, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// tx.done();
    /// assert_eq!(rx.recv(Deadline::NEVER), Err(Error::Done));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn done(&self) {
        self.end.done();
    }
}

impl<T> Receiver<T> {
    /// Receives a value; waits until one is sent.
    ///
    /// # Errors
    /// [`Error::Done`] when nothing more will come, [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// ```
    /// use redill::{Deadline, Error, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// assert_eq!(rx.recv(Deadline::NOW), Err(Error::TimedOut));
    /// # drop(tx);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn recv(&self, deadline: impl Into<Deadline>) -> Result<T> {
        self.end.receive(deadline.into().raw()).map_err(Error::immediate)
    }

    /// Will nothing more come?
    ///
    /// ```
    /// let (tx, rx) = redill::channel::<u8>()?;
    /// assert!(!rx.is_done());
    /// drop(tx);
    /// assert!(rx.is_done());
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.end.is_over()
    }
}

impl<T: Copy> Sender<T> {
    /// Gives the handle away to C code, which has to close it with `hclose`. Comes back when
    /// there are clones, which would use what that closes.
    ///
    /// ```
    /// let (tx, rx) = redill::channel::<i32>()?;
    /// let other = tx.clone();
    /// let tx = tx.try_into_raw_handle().unwrap_err();
    /// drop(other);
    /// let handle = tx.try_into_raw_handle().unwrap();
    /// assert!(handle >= 0); // for C's chsend
    /// # drop(rx);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn try_into_raw_handle(self) -> Result<RawHandle, Self> {
        match self.end.into_inner() {
            Ok(end) => Ok(end.into_number()),
            Err(end) => Err(Sender { end }),
        }
    }
}

impl<T: Copy> Receiver<T> {
    /// Gives the handle away to C code, which has to close it with `hclose`. Comes back when
    /// there are clones, which would use what that closes.
    ///
    /// ```
    /// let (tx, rx) = redill::channel::<i32>()?;
    /// let handle = rx.try_into_raw_handle().unwrap();
    /// assert!(handle >= 0); // for C's chrecv
    /// # drop(tx);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn try_into_raw_handle(self) -> Result<RawHandle, Self> {
        match self.end.into_inner() {
            Ok(end) => Ok(end.into_number()),
            Err(end) => Err(Receiver { end }),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { end: self.end.clone() }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver { end: self.end.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.end.number()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.end.number()).finish()
    }
}

impl<T> AsRawHandle for Sender<T> {
    fn as_raw_handle(&self) -> RawHandle {
        self.end.number()
    }
}

impl<T> AsRawHandle for Receiver<T> {
    fn as_raw_handle(&self) -> RawHandle {
        self.end.number()
    }
}

/// For channels that carry plain data. Panics when the handle is no channel's.
impl<T: Copy + 'static> FromRawHandle for Sender<T> {
    #[allow(unsafe_code)]
    unsafe fn from_raw_handle(handle: RawHandle) -> Self {
        // SAFETY: by the caller's promise.
        Sender { end: take_over(unsafe { End::from_handle(handle) }) }
    }
}

/// For channels that carry plain data. Panics when the handle is no channel's.
impl<T: Copy + 'static> FromRawHandle for Receiver<T> {
    #[allow(unsafe_code)]
    unsafe fn from_raw_handle(handle: RawHandle) -> Self {
        // SAFETY: by the caller's promise.
        Receiver { end: take_over(unsafe { End::from_handle(handle) }) }
    }
}

fn take_over<T>(end: Result<End<T>, Errno>) -> Shared<End<T>> {
    end.and_then(Shared::new).unwrap_or_else(|error| panic!("not a channel's handle: {error}"))
}
