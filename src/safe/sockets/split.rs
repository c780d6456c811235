//! A byte stream for two coroutines: one that receives, and one that sends.

use super::filled;
use crate::scheduler::shared::Shared;
use crate::{AsInput, ByteStream, Deadline, Error, Input, Result};
use core::cell::Cell;
use core::fmt;
use std::io::{self, IoSlice, Read, Write};

/// Splits a byte stream in two, which different coroutines can own: one that receives and one that
/// sends. Within a [`scope`](crate::scope) there is no need, as both can borrow the stream.
///
/// # Errors
///
/// [`Error::OutOfMemory`]. The stream is dropped then.
///
/// ```
/// use redill::{Bundle, Deadline, UnixStream};
/// use std::io::{BufRead, BufReader, Write};
///
/// let (a, b) = UnixStream::pair()?;
/// let (reader, mut writer) = redill::split(b)?;
/// let bundle = Bundle::new()?;
/// let line = bundle.spawn(move || {
///     let mut line = String::new();
///     BufReader::new(reader).read_line(&mut line).map(|_| line)
/// })?;
/// writer.write_all(b"sent while the other one is receiving\n")?;
/// writer.get_ref().done()?; // it is the stream of both
/// a.send(b"hello\n", Deadline::NEVER)?;
/// assert_eq!(line.join(Deadline::NEVER)??, "hello\n");
/// # Ok::<(), redill::Error>(())
/// ```
pub fn split<S: ByteStream>(stream: S) -> Result<(ReadHalf<S>, WriteHalf<S>)> {
    let stream = Shared::new(stream).map_err(Error::immediate)?;
    let deadline = || Cell::new(Deadline::NEVER);
    let writer = WriteHalf { stream: stream.clone(), deadline: deadline() };
    Ok((ReadHalf { stream, deadline: deadline() }, writer))
}

/// The half of a byte stream that receives: see [`split`].
///
/// ```
/// use std::io::Read;
///
/// let (a, b) = redill::UnixStream::pair()?;
/// let (mut reader, _writer) = redill::split(b)?;
/// a.send(b"hello", redill::Deadline::NEVER)?;
/// a.done()?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct ReadHalf<S> {
    stream: Shared<S>,
    deadline: Cell<Deadline>,
}

/// The half of a byte stream that sends: see [`split`]. When it is dropped the peer is told
/// nothing; that is what `writer.get_ref().done()` is for.
///
/// ```
/// use std::io::Write;
///
/// let (a, b) = redill::UnixStream::pair()?;
/// let (_reader, mut writer) = redill::split(b)?;
/// writer.write_all(b"hello")?;
/// # let mut buffer = [0; 5];
/// # a.recv_exact(&mut buffer, redill::Deadline::NEVER)?;
/// # assert_eq!(&buffer, b"hello");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct WriteHalf<S> {
    stream: Shared<S>,
    deadline: Cell<Deadline>,
}

impl<S> ReadHalf<S> {
    /// The whole stream.
    ///
    /// ```
    /// # let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = redill::TcpStream::connect(listener.local_addr()?, redill::Deadline::NEVER)?;
    /// let (reader, writer) = redill::split(stream)?;
    /// assert_eq!(reader.get_ref().peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Makes the stream whole again. Both halves come back if they are of different streams.
    ///
    /// ```
    /// let (a, b) = redill::UnixStream::pair()?;
    /// let (reader, writer) = redill::split(a)?;
    /// let (other, _writer) = redill::split(b)?;
    /// let (_other, writer) = other.reunite(writer).unwrap_err();
    /// let a: redill::UnixStream = reader.reunite(writer).unwrap();
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn reunite(self, writer: WriteHalf<S>) -> Result<S, (Self, WriteHalf<S>)> {
        if !self.stream.same(&writer.stream) {
            return Err((self, writer));
        }
        let WriteHalf { stream: other, deadline } = writer;
        drop(other);
        self.stream.into_inner().map_err(|stream| {
            let other = stream.clone();
            let reader = ReadHalf { stream, deadline: self.deadline };
            (reader, WriteHalf { stream: other, deadline })
        })
    }

    /// When the functions of [`Read`], which take no deadline, give up: never, unless this is called.
    ///
    /// ```
    /// # use std::io::{ErrorKind, Read};
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let (mut reader, _writer) = redill::split(a)?;
    /// reader.set_read_deadline(std::time::Duration::from_millis(1));
    /// assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn set_read_deadline(&self, deadline: impl Into<Deadline>) {
        self.deadline.set(deadline.into());
    }
}

impl<S: ByteStream> ReadHalf<S> {
    /// Receives what is there: see [`ByteStream::recv`].
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// # a.send(b"hello", redill::Deadline::NEVER)?;
    /// let (reader, _writer) = redill::split(b)?;
    /// let mut buffer = [0; 100];
    /// let count = reader.recv(&mut buffer, std::time::Duration::from_secs(10))?;
    /// # assert_eq!(&buffer[..count], b"hello");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv(&self, buffer: &mut [u8], deadline: impl Into<Deadline>) -> Result<usize> {
        self.stream.recv(buffer, deadline.into())
    }

    /// Fills the whole buffer: see [`ByteStream::recv_exact`].
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// # a.send(b"hello", redill::Deadline::NEVER)?;
    /// let (reader, _writer) = redill::split(b)?;
    /// let mut buffer = [0; 5];
    /// reader.recv_exact(&mut buffer, redill::Deadline::NEVER)?;
    /// # assert_eq!(&buffer, b"hello");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv_exact(&self, buffer: &mut [u8], deadline: impl Into<Deadline>) -> Result<()> {
        self.stream.recv_exact(buffer, deadline.into())
    }
}

impl<S> WriteHalf<S> {
    /// The whole stream.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// let (_reader, writer) = redill::split(a)?;
    /// writer.get_ref().done()?;
    /// # assert_eq!(b.recv(&mut [0], redill::Deadline::NEVER)?, 0);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// When the functions of [`Write`], which take no deadline, give up: never, unless this is called.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let (_reader, writer) = redill::split(a)?;
    /// writer.set_write_deadline(std::time::Duration::from_secs(10));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn set_write_deadline(&self, deadline: impl Into<Deadline>) {
        self.deadline.set(deadline.into());
    }
}

impl<S: ByteStream> WriteHalf<S> {
    /// Sends all bytes: see [`ByteStream::send`].
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let (_reader, writer) = redill::split(a)?;
    /// writer.send(b"hello", redill::Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send(&self, bytes: &[u8], deadline: impl Into<Deadline>) -> Result<()> {
        self.stream.send(bytes, deadline.into())
    }

    /// Sends all bytes of the buffers: see [`ByteStream::send_vectored`].
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// # use std::io::IoSlice;
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let (_reader, writer) = redill::split(a)?;
    /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    /// writer.send_vectored(&parts, redill::Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_vectored(
        &self,
        buffers: &[IoSlice<'_>],
        deadline: impl Into<Deadline>,
    ) -> Result<()> {
        self.stream.send_vectored(buffers, deadline.into())
    }
}

impl<S: ByteStream> Read for ReadHalf<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv(buffer, self.deadline.get())?)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        filled(self.recv_exact(buffer, self.deadline.get()))
    }
}

/// All that is given is written, or nothing more can be.
impl<S: ByteStream> Write for WriteHalf<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes, self.deadline.get())?;
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_vectored(buffers, self.deadline.get())?;
        Ok(buffers.iter().map(|buffer| buffer.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: ByteStream> AsInput for ReadHalf<S> {
    fn as_input(&self) -> Input<'_> {
        self.stream.input()
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(self.get_ref()).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(self.get_ref()).finish()
    }
}
