//! Sockets that C code has made.

use super::socket::Socket;
use super::{Deadlines, byte_stream, message_socket};
use crate::{ByteStream, FromRawHandle, MessageSocket, RawHandle, Result};

/// A byte stream behind a handle of C's: a socket of this library's C functions, or a protocol
/// written in C with `hmake` and `bsock_vfs`.
///
/// A protocol written in C fills whole buffers, or breaks: there is no way to ask it for what is
/// there. To ask for more than is certain to come could wait for ever, for bytes that the peer does
/// not send before it gets an answer to those that are here already. So [`recv`](RawByteStream::recv)
/// and [`Read::read`](std::io::Read::read), which return what is there, get one byte from it; and,
/// from one that implements `struct input_vfs`, those that it says it has in its buffer, one by one.
/// Who knows how much will come receives that in one call, with
/// [`recv_exact`](RawByteStream::recv_exact) or [`read_exact`](std::io::Read::read_exact), as all
/// protocols of this library do. For sockets of this library's C functions none of this matters.
///
/// ```
/// use redill::{Deadline, FromRawHandle, IntoRawHandle, RawByteStream, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let handle = a.into_raw_handle(); // now C's, which may do with it what it likes
/// // SAFETY: the handle is open, a byte stream, and nobody else's.
/// let a = unsafe { RawByteStream::from_raw_handle(handle) };
/// a.send(b"hello", Deadline::NEVER)?;
/// let mut buffer = [0; 5];
/// b.recv_exact(&mut buffer, Deadline::NEVER)?;
/// # assert_eq!(&buffer, b"hello");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct RawByteStream {
    socket: Socket,
    deadlines: Deadlines,
}

impl RawByteStream {
    /// Puts a byte stream of your own making behind a handle, for use by C.
    ///
    /// A panic in it goes on in the Rust code that has called C. Where that is C alone, the process
    /// ends.
    ///
    /// # Errors
    ///
    /// [`Error::Canceled`](crate::Error::Canceled),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The stream is dropped then.
    ///
    /// ```
    /// use redill::{ByteStream, IntoRawHandle, RawByteStream};
    ///
    /// fn for_c(mine: impl ByteStream + 'static) -> redill::Result<redill::RawHandle> {
    ///     Ok(RawByteStream::new(mine)?.into_raw_handle())
    /// }
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// # assert!(for_c(std::rc::Rc::new(a))? >= 0);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new(stream: impl ByteStream + 'static) -> Result<RawByteStream> {
        let socket = Socket::of_stream(stream)?;
        Ok(RawByteStream { socket, deadlines: Deadlines::new() })
    }
}

byte_stream!([] RawByteStream);

impl FromRawHandle for RawByteStream {
    #[allow(unsafe_code)] // a declaration
    unsafe fn from_raw_handle(handle: RawHandle) -> RawByteStream {
        RawByteStream { socket: Socket::new(handle), deadlines: Deadlines::new() }
    }
}

/// A message socket behind a handle of C's: one of this library's C functions, or a protocol
/// written in C with `hmake` and `msock_vfs`.
///
/// ```
/// use redill::{Deadline, FromRawHandle, IntoRawHandle, Prefix, RawMessageSocket, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let (a, b) = (Prefix::attach(a, 2)?, Prefix::attach(b, 2)?);
/// let handle = a.into_raw_handle(); // now C's, which may do with it what it likes
/// // SAFETY: the handle is open, a message socket, and nobody else's.
/// let a = unsafe { RawMessageSocket::from_raw_handle(handle) };
/// a.send(b"hello", Deadline::NEVER)?;
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"hello");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct RawMessageSocket {
    socket: Socket,
}

impl RawMessageSocket {
    /// Puts a message socket of your own making behind a handle, for use by C. See
    /// [`RawByteStream::new`].
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// use redill::{IntoRawHandle, MessageSocket, RawMessageSocket};
    ///
    /// fn for_c(mine: impl MessageSocket + 'static) -> redill::Result<redill::RawHandle> {
    ///     Ok(RawMessageSocket::new(mine)?.into_raw_handle())
    /// }
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// # assert!(for_c(std::rc::Rc::new(redill::Prefix::attach(a, 2)?))? >= 0);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new(socket: impl MessageSocket + 'static) -> Result<RawMessageSocket> {
        Ok(RawMessageSocket { socket: Socket::of_messages(socket)? })
    }
}

message_socket!([] RawMessageSocket);

impl FromRawHandle for RawMessageSocket {
    #[allow(unsafe_code)] // a declaration
    unsafe fn from_raw_handle(handle: RawHandle) -> RawMessageSocket {
        RawMessageSocket { socket: Socket::new(handle) }
    }
}
