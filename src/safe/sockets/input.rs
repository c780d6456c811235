//! Where the input of a socket is.

use crate::AsRawHandle;
use crate::sockets::adapter;
use std::os::fd::{AsFd, AsRawFd};

/// Where a socket's input comes from: who is to be asked whether a receive would block.
///
/// What [`ByteStream::input`](crate::ByteStream::input) and
/// [`MessageSocket::input`](crate::MessageSocket::input) return. It is taken at the moment of the
/// question, and stands for no longer than the wait that asks.
///
/// ```
/// use dill::{ByteStream, InputSource, UnixStream};
///
/// let (a, _b) = UnixStream::pair()?;
/// assert_eq!(a.input(), InputSource::of(&a));
/// # Ok::<(), dill::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InputSource(pub(crate) adapter::Input);

impl InputSource {
    /// A receive would not block: something has been received already, or it would fail at once.
    ///
    /// ```
    /// assert_ne!(dill::InputSource::ready(), dill::InputSource::unknown());
    /// ```
    #[must_use]
    pub fn ready() -> InputSource {
        InputSource(adapter::Input::Ready)
    }

    /// A receive would block as long as one on this socket of the library would.
    ///
    /// ```
    /// use dill::{InputSource, UnixStream};
    ///
    /// let (a, b) = UnixStream::pair()?;
    /// assert_ne!(InputSource::of(&a), InputSource::of(&b));
    /// # Ok::<(), dill::Error>(())
    /// ```
    #[must_use]
    pub fn of(socket: &impl AsRawHandle) -> InputSource {
        InputSource(adapter::Input::Handle(socket.as_raw_handle()))
    }

    /// A receive would block as long as a read from this descriptor would.
    ///
    /// ```
    /// let input = dill::InputSource::of_fd(&std::io::stdin());
    /// assert_ne!(input, dill::InputSource::ready());
    /// ```
    #[must_use]
    pub fn of_fd(fd: &impl AsFd) -> InputSource {
        InputSource(adapter::Input::Descriptor(fd.as_fd().as_raw_fd()))
    }

    /// Nobody knows: to wait for it fails with [`Error::Unsupported`](crate::Error::Unsupported).
    ///
    /// ```
    /// assert_eq!(dill::InputSource::unknown(), dill::InputSource::unknown());
    /// ```
    #[must_use]
    pub fn unknown() -> InputSource {
        InputSource(adapter::Input::Unknown)
    }
}
