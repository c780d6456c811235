//! Byte streams.

pub(super) mod methods;

use super::socket::{Private, Socket};
use crate::{Deadline, Error, Input, Result};
use std::io::IoSlice;

/// A stream of bytes in both directions: a connection, or a protocol on top of one.
///
/// [`TcpStream`](crate::TcpStream), [`UnixStream`](crate::UnixStream) and [`Tls`](crate::Tls) are
/// such, and so is whatever implements the two functions here. All protocols of this library take
/// any of them, so those of your own making can lie beneath ours and on top of them. One coroutine
/// at a time may send, and one receive.
///
/// ```
/// use redill::{ByteStream, Deadline, Prefix, Result, UnixStream};
/// use std::io::IoSlice;
///
/// /// Nobody will ever be able to read this.
/// struct Rot128<S>(S);
///
/// impl<S: ByteStream> ByteStream for Rot128<S> {
///     fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
///         let turned: Vec<u8> =
///             buffers.iter().flat_map(|it| it.iter()).map(|byte| byte ^ 128).collect();
///         self.0.send(&turned, deadline)
///     }
///
///     fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
///         let count = self.0.recv(buffer, deadline)?;
///         buffer[..count].iter_mut().for_each(|byte| *byte ^= 128);
///         Ok(count)
///     }
///
///     fn input(&self) -> redill::Input<'_> {
///         self.0.input()
///     }
/// }
///
/// let (a, b) = UnixStream::pair()?;
/// let (a, b) = (Prefix::attach(Rot128(a), 2)?, Prefix::attach(Rot128(b), 2)?);
/// a.send(b"hush", Deadline::NEVER)?;
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"hush");
/// let Rot128(b) = b.detach()?;
/// b.send(b"no secret", Deadline::NEVER)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub trait ByteStream {
    /// Sends all bytes of the buffers, in their order, or fails. A stream of this library that fails
    /// before the first one has gone, because of the deadline or a cancellation, has changed
    /// nothing: the next call works. After a later failure it is unknown how many have gone.
    ///
    /// # Errors
    ///
    /// Those of the stream; among them [`Error::Canceled`], [`Error::TimedOut`], [`Error::Busy`]
    /// when another coroutine is sending, [`Error::Done`] after the own half has been closed, and
    /// [`Error::Reset`] when the connection is broken or an earlier call has failed halfway.
    fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()>;

    /// Receives what is there: waits for at least one byte, and returns how many have been put to
    /// the beginning of `buffer`. 0 is the end of the stream (or an empty buffer).
    ///
    /// A call that fails with [`Error::TimedOut`] or [`Error::Canceled`] has received nothing, and
    /// the next one works.
    ///
    /// # Errors
    ///
    /// Those of the stream; among them [`Error::Canceled`], [`Error::TimedOut`], [`Error::Busy`]
    /// when another coroutine is receiving, and [`Error::Reset`] when the connection is broken or
    /// an earlier call has failed halfway.
    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize>;

    /// As [`send_vectored`](ByteStream::send_vectored), with one buffer.
    ///
    /// # Errors
    ///
    /// The same.
    fn send(&self, bytes: &[u8], deadline: Deadline) -> Result<()> {
        self.send_vectored(&[IoSlice::new(bytes)], deadline)
    }

    /// Fills the whole buffer, or fails. A stream of this library that fails before the first byte,
    /// because of the deadline or a cancellation, has changed nothing: the next call works. After a
    /// later failure it is unknown how many bytes of the stream have gone.
    ///
    /// # Errors
    ///
    /// As [`recv`](ByteStream::recv), and [`Error::Done`] when the stream ends before that.
    fn recv_exact(&self, buffer: &mut [u8], deadline: Deadline) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.recv(&mut buffer[filled..], deadline)? {
                0 => return Err(Error::Done),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Where the input comes from, for those who wait until a receive would not block. For a
    /// protocol without any buffer of its own that is the [`input`](ByteStream::input) of the
    /// stream beneath.
    fn input(&self) -> Input<'_> {
        Input::unknown()
    }

    /// Not for use outside of this library, whose sockets need no adapter beneath its protocols.
    #[doc(hidden)]
    fn socket(&mut self, _: Private) -> Option<&mut Socket> {
        None
    }
}

super::pointers::forward!(for ByteStream {
    fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()>;
    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize>;
    fn send(&self, bytes: &[u8], deadline: Deadline) -> Result<()>;
    fn recv_exact(&self, buffer: &mut [u8], deadline: Deadline) -> Result<()>;
});
