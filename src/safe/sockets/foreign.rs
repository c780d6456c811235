//! Sockets that C code has made.

use super::socket::Socket;
use super::{Deadlines, byte_stream, message_socket};
use crate::{ByteStream, FromRawHandle, MessageSocket, RawHandle, Result};

/// A byte stream behind a handle of C's: a socket of this library's C functions, or a protocol
/// written in C with `hmake` and `bsock_vfs`.
///
/// ```
/// use dill::{Deadline, FromRawHandle, IntoRawHandle, RawByteStream, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let handle = a.into_raw_handle(); // now C's, which may do with it what it likes
/// // SAFETY: the handle is open, a byte stream, and nobody else's.
/// let a = unsafe { RawByteStream::from_raw_handle(handle) };
/// a.send(b"hello", Deadline::NEVER)?;
/// let mut buffer = [0; 5];
/// b.recv_exact(&mut buffer, Deadline::NEVER)?;
/// # assert_eq!(&buffer, b"hello");
/// # Ok::<(), dill::Error>(())
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
    /// use dill::{ByteStream, IntoRawHandle, RawByteStream};
    ///
    /// fn for_c(mine: impl ByteStream + 'static) -> dill::Result<dill::RawHandle> {
    ///     Ok(RawByteStream::new(mine)?.into_raw_handle())
    /// }
    /// # let (a, _b) = dill::UnixStream::pair()?;
    /// # assert!(for_c(std::rc::Rc::new(a))? >= 0);
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn new(stream: impl ByteStream + 'static) -> Result<RawByteStream> {
        let socket = Socket::of_stream(stream)?;
        Ok(RawByteStream { socket, deadlines: Deadlines::new() })
    }
}

byte_stream!([] RawByteStream);

/// Protocols written in C fill whole buffers only. So from those
/// [`recv`](crate::ByteStream::recv) gets one byte at a time, as it can't know how many will come.
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
/// use dill::{Deadline, FromRawHandle, IntoRawHandle, Prefix, RawMessageSocket, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let (a, b) = (Prefix::attach(a, 2)?, Prefix::attach(b, 2)?);
/// let handle = a.into_raw_handle(); // now C's, which may do with it what it likes
/// // SAFETY: the handle is open, a message socket, and nobody else's.
/// let a = unsafe { RawMessageSocket::from_raw_handle(handle) };
/// a.send(b"hello", Deadline::NEVER)?;
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"hello");
/// # Ok::<(), dill::Error>(())
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
    /// use dill::{IntoRawHandle, MessageSocket, RawMessageSocket};
    ///
    /// fn for_c(mine: impl MessageSocket + 'static) -> dill::Result<dill::RawHandle> {
    ///     Ok(RawMessageSocket::new(mine)?.into_raw_handle())
    /// }
    /// # let (a, _b) = dill::UnixStream::pair()?;
    /// # assert!(for_c(std::rc::Rc::new(dill::Prefix::attach(a, 2)?))? >= 0);
    /// # Ok::<(), dill::Error>(())
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
