//! PREFIX.

use crate::protocols::prefix;
use crate::safe::sockets::lower::Lower;
use crate::safe::sockets::message_socket;
use crate::safe::sockets::socket::Socket;
use crate::sockets::storage::Storage;
use crate::{ByteStream, Result};
use core::ffi::c_int;

/// Messages over a byte stream, each preceded by its length.
///
/// ```
/// use redill::{Deadline, Prefix, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let (a, b) = (Prefix::attach(a, 2)?, Prefix::attach(b, 2)?);
/// a.send(b"first", Deadline::NEVER)?;
/// a.send(b"second", Deadline::NEVER)?;
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"first");
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"second");
/// # Ok::<(), redill::Error>(())
/// ```
///
/// Once detached it is gone:
///
/// ```compile_fail,E0382
/// use redill::{Deadline, Prefix, UnixStream};
///
/// let (a, _b) = UnixStream::pair().unwrap();
/// let prefix = Prefix::attach(a, 2).unwrap();
/// let stream = prefix.detach().unwrap();
/// prefix.send(b"too late", Deadline::NEVER).unwrap();
/// ```
///
/// and as long as it is not, the stream beneath can't be used up:
///
/// ```compile_fail,E0382
/// use redill::{Deadline, Prefix, UnixStream};
///
/// let (a, _b) = UnixStream::pair().unwrap();
/// let prefix = Prefix::attach(a, 2).unwrap();
/// a.close(Deadline::NEVER).unwrap();
/// ```
pub struct Prefix<S> {
    // Dropped in this order: the core's protocol before what lies beneath.
    socket: Socket,
    lower: Lower<S>,
}

impl<S: ByteStream + 'static> Prefix<S> {
    /// Puts the protocol on top of a byte stream. The length takes `header_size` bytes, from 1 to 32,
    /// the most significant one first.
    ///
    /// # Errors
    ///
    /// [`Error::Os`](crate::Error::Os) with `EINVAL` for another size;
    /// [`Error::Canceled`](crate::Error::Canceled),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The stream is closed then.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// let prefix = redill::Prefix::attach(a, 4)?;
    /// prefix.send(b"hello", redill::Deadline::NEVER)?;
    /// let mut bytes = [0; 9];
    /// b.recv_exact(&mut bytes, redill::Deadline::NEVER)?;
    /// assert_eq!(&bytes, b"\0\0\0\x05hello");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn attach(stream: S, header_size: usize) -> Result<Prefix<S>> {
        Prefix::with_flags(stream, header_size, 0)
    }

    /// As [`attach`](Prefix::attach), with the least significant byte first.
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// let prefix = redill::Prefix::attach_little_endian(a, 4)?;
    /// prefix.send(b"hello", redill::Deadline::NEVER)?;
    /// let mut bytes = [0; 9];
    /// b.recv_exact(&mut bytes, redill::Deadline::NEVER)?;
    /// assert_eq!(&bytes, b"\x05\0\0\0hello");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn attach_little_endian(stream: S, header_size: usize) -> Result<Prefix<S>> {
        Prefix::with_flags(stream, header_size, prefix::LITTLE_ENDIAN)
    }

    fn with_flags(stream: S, header_size: usize, flags: c_int) -> Result<Prefix<S>> {
        let attach = |handle| prefix::attach(handle, header_size, flags, Ok(Storage::Own));
        let (socket, lower) = Lower::attach_to_stream(stream, attach, prefix::beneath)?;
        Ok(Prefix { socket, lower })
    }

    /// Ends the protocol and gives the byte stream back, at the boundary between two messages.
    ///
    /// # Errors
    ///
    /// [`Error::Reset`](crate::Error::Reset) if a call has failed halfway, so that nobody knows
    /// where in the stream that boundary is. The stream is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, Prefix, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (a, b) = (Prefix::attach(a, 2)?, Prefix::attach(b, 2)?);
    /// a.send(b"message", Deadline::NEVER)?;
    /// a.detach()?.send(b"bytes", Deadline::NEVER)?;
    /// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"message");
    /// let mut bytes = [0; 5];
    /// b.detach()?.recv_exact(&mut bytes, Deadline::NEVER)?;
    /// assert_eq!(&bytes, b"bytes");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn detach(self) -> Result<S> {
        self.lower.detach_from_stream(self.socket, prefix::detach)
    }

    /// The stream beneath, for questions such as its peer's address. To send or receive there tears
    /// messages.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let prefix = redill::Prefix::attach(a, 2)?;
    /// let stream: &redill::UnixStream = prefix.get_ref();
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

message_socket!([S] Prefix<S>);
