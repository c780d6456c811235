//! Message sockets.

pub(super) mod methods;

use super::socket::{Private, Socket};
use crate::os::allocation;
use crate::{Deadline, Input, Result};
use std::io::IoSlice;

/// A socket for messages of some length rather than for bytes.
///
/// [`Prefix`](crate::Prefix), [`Suffix`](crate::Suffix), [`Term`](crate::Term), [`Ws`](crate::Ws)
/// and [`UdpSocket`](crate::UdpSocket) are such, and so is whatever implements the two functions
/// here; see [`ByteStream`](crate::ByteStream). One coroutine at a time may send, and one receive.
///
/// ```
/// use redill::{Deadline, MessageSocket, Prefix, Result, Term, UnixStream};
/// use std::cell::Cell;
/// use std::io::IoSlice;
///
/// /// Counts what goes through.
/// struct Counting<S>(S, Cell<u32>);
///
/// impl<S: MessageSocket> MessageSocket for Counting<S> {
///     fn send_vectored(&self, parts: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
///         self.1.set(self.1.get() + 1);
///         self.0.send_vectored(parts, deadline)
///     }
///
///     fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
///         self.0.recv(buffer, deadline)
///     }
/// }
///
/// let (a, b) = UnixStream::pair()?;
/// let (a, b) = (Prefix::attach(a, 2)?, Prefix::attach(b, 2)?);
/// let a = Term::attach(Counting(a, Cell::new(0)), b"bye")?;
/// a.send(b"one", Deadline::NEVER)?;
/// a.send(b"two", Deadline::NEVER)?;
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"one");
/// assert_eq!(a.get_ref().1.get(), 2);
/// # Ok::<(), redill::Error>(())
/// ```
pub trait MessageSocket {
    /// Sends the parts, in their order, as one message. A socket of this library that fails before
    /// the first byte has gone, because of the deadline or a cancellation, has changed nothing: the
    /// next call works.
    ///
    /// # Errors
    ///
    /// Those of the socket; among them [`Error::Canceled`](crate::Error::Canceled),
    /// [`Error::TimedOut`](crate::Error::TimedOut), [`Error::Busy`](crate::Error::Busy) when
    /// another coroutine is sending, [`Error::Done`](crate::Error::Done) after the own half has
    /// been closed, [`Error::MessageSize`](crate::Error::MessageSize), and
    /// [`Error::Reset`](crate::Error::Reset) when the connection is broken or an earlier call has
    /// failed halfway.
    fn send_vectored(&self, parts: &[IoSlice<'_>], deadline: Deadline) -> Result<()>;

    /// Receives a message into `buffer`, and returns its length, which may be 0. A socket of this
    /// library that fails before the first byte of a message has come, because of the deadline or a
    /// cancellation, has changed nothing: the next call works.
    ///
    /// # Errors
    ///
    /// Those of the socket; among them [`Error::Done`](crate::Error::Done) when the peer has sent
    /// its last message, [`Error::MessageSize`](crate::Error::MessageSize) when the message does
    /// not fit, [`Error::Canceled`](crate::Error::Canceled),
    /// [`Error::TimedOut`](crate::Error::TimedOut), [`Error::Busy`](crate::Error::Busy) when
    /// another coroutine is receiving, and [`Error::Reset`](crate::Error::Reset) when the
    /// connection is broken, the stream has ended in the middle of a message, or an earlier call
    /// has failed halfway.
    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize>;

    /// As [`send_vectored`](MessageSocket::send_vectored), in one part.
    ///
    /// # Errors
    ///
    /// The same.
    fn send(&self, message: &[u8], deadline: Deadline) -> Result<()> {
        self.send_vectored(&[IoSlice::new(message)], deadline)
    }

    /// Receives a message of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`recv`](MessageSocket::recv), and [`OutOfMemory`](crate::Error::OutOfMemory).
    fn recv_vec(&self, limit: usize, deadline: Deadline) -> Result<Vec<u8>> {
        let mut message = allocation::zeros(limit).map_err(crate::Error::immediate)?;
        let length = self.recv(&mut message, deadline)?;
        message.truncate(length);
        message.shrink_to_fit();
        Ok(message)
    }

    /// Where the input comes from, for those who wait until a receive would not block. For a
    /// protocol without any buffer of its own that is the [`input`](MessageSocket::input) of the
    /// socket beneath.
    fn input(&self) -> Input<'_> {
        Input::unknown()
    }

    /// Not for use outside of this library, whose sockets need no adapter beneath its protocols.
    #[doc(hidden)]
    fn socket(&mut self, _: Private) -> Option<&mut Socket> {
        None
    }
}

super::pointers::forward!(for MessageSocket {
    fn send_vectored(&self, parts: &[IoSlice<'_>], deadline: Deadline) -> Result<()>;
    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize>;
    fn send(&self, message: &[u8], deadline: Deadline) -> Result<()>;
    fn recv_vec(&self, limit: usize, deadline: Deadline) -> Result<Vec<u8>>;
});
