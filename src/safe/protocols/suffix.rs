//! SUFFIX.

use crate::protocols::suffix;
use crate::safe::sockets::lower::Lower;
use crate::safe::sockets::message_socket;
use crate::safe::sockets::socket::Socket;
use crate::sockets::storage::Storage;
use crate::{ByteStream, Result};

/// Messages over a byte stream, each followed by a delimiter, such as the end of a line.
///
/// ```
/// use redill::{Deadline, Suffix, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let lines = Suffix::attach(a, b"\r\n")?;
/// b.send(b"one\r\ntwo\r\n", Deadline::NEVER)?;
/// assert_eq!(lines.recv_vec(100, Deadline::NEVER)?, b"one");
/// assert_eq!(lines.recv_vec(100, Deadline::NEVER)?, b"two");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Suffix<S> {
    // Dropped in this order: the core's protocol before what lies beneath.
    socket: Socket,
    lower: Lower<S>,
}

impl<S: ByteStream + 'static> Suffix<S> {
    /// Puts the protocol on top of a byte stream. The delimiter has from 1 to 32 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Os`](crate::Error::Os) with `EINVAL` for another delimiter;
    /// [`Error::Canceled`](crate::Error::Canceled),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The stream is closed then.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// let lines = redill::Suffix::attach(a, b"\n")?;
    /// lines.send(b"hello", redill::Deadline::NEVER)?;
    /// let mut bytes = [0; 6];
    /// b.recv_exact(&mut bytes, redill::Deadline::NEVER)?;
    /// assert_eq!(&bytes, b"hello\n");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn attach(stream: S, delimiter: &[u8]) -> Result<Suffix<S>> {
        let attach = |handle| suffix::attach(handle, Some(delimiter), Ok(Storage::Own));
        let (socket, lower) = Lower::attach_to_stream(stream, attach, suffix::beneath)?;
        Ok(Suffix { socket, lower })
    }

    /// Ends the protocol and gives the byte stream back, at the boundary between two messages.
    ///
    /// # Errors
    ///
    /// [`Error::Reset`](crate::Error::Reset) if a call has failed halfway, so that nobody knows
    /// where in the stream that boundary is. The stream is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, Suffix, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let lines = Suffix::attach(a, b"\n")?;
    /// b.send(b"head\nbody", Deadline::NEVER)?;
    /// assert_eq!(lines.recv_vec(100, Deadline::NEVER)?, b"head");
    /// let mut bytes = [0; 4];
    /// lines.detach()?.recv_exact(&mut bytes, Deadline::NEVER)?;
    /// assert_eq!(&bytes, b"body");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn detach(self) -> Result<S> {
        self.lower.detach_from_stream(self.socket, suffix::detach)
    }

    /// The stream beneath, for questions such as its peer's address. To send or receive there tears
    /// messages.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let lines = redill::Suffix::attach(a, b"\n")?;
    /// let stream: &redill::UnixStream = lines.get_ref();
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

message_socket!([S] Suffix<S>);
