//! What the sockets of this library have in common, as macros: the methods that take a deadline,
//! the traits of the standard library, and handles for C.

use crate::{Deadline, Error, Result};
use core::cell::Cell;

/// When `Read` and `Write`, which take none, give up.
pub(crate) struct Deadlines {
    pub(crate) read: Cell<Deadline>,
    pub(crate) write: Cell<Deadline>,
}

impl Deadlines {
    pub(crate) const fn new() -> Deadlines {
        Deadlines { read: Cell::new(Deadline::NEVER), write: Cell::new(Deadline::NEVER) }
    }
}

/// What a call of the core has received: the end of the stream is no error.
pub(crate) fn received(result: crate::os::errno::Result<usize>) -> Result<usize> {
    match result {
        Err(crate::os::errno::Errno::EPIPE) => Ok(0),
        result => result.map_err(Error::of),
    }
}

/// Handles, for sockets with a field `socket`.
macro_rules! handles {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::AsRawHandle for $type {
            fn as_raw_handle(&self) -> $crate::RawHandle {
                self.socket.number()
            }
        }

        impl<$($generics)*> $crate::AsInput for $type {
            fn as_input(&self) -> $crate::Input<'_> {
                $crate::Input::of(self)
            }
        }

        impl<$($generics)*> $crate::IntoRawHandle for $type {
            fn into_raw_handle(self) -> $crate::RawHandle {
                self.socket.into_number()
            }
        }

        impl<$($generics)*> core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.socket.number()).finish()
            }
        }
    };
}

/// A byte stream with the fields `socket` and `deadlines`.
macro_rules! byte_stream {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Sends all bytes, or fails.
            ///
            /// # Errors
            ///
            /// See [`ByteStream::send_vectored`](crate::ByteStream::send_vectored).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// use dill::Deadline;
            ///
            /// a.send(b"hello", Deadline::NEVER)?;
            /// # let mut buffer = [0; 5];
            /// # b.recv_exact(&mut buffer, Deadline::NEVER)?;
            /// # assert_eq!(&buffer, b"hello");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn send(
                &self,
                bytes: &[u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                self.send_vectored(&[std::io::IoSlice::new(bytes)], deadline)
            }

            /// Sends all bytes of the buffers, or fails.
            ///
            /// # Errors
            ///
            /// See [`ByteStream::send_vectored`](crate::ByteStream::send_vectored).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// use dill::Deadline;
            /// use std::io::IoSlice;
            ///
            /// a.send_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")], Deadline::NEVER)?;
            /// # let mut buffer = [0; 8];
            /// # b.recv_exact(&mut buffer, Deadline::NEVER)?;
            /// # assert_eq!(&buffer, b"headbody");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn send_vectored(
                &self,
                buffers: &[std::io::IoSlice<'_>],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                let deadline = deadline.into().raw();
                let number = self.socket.number();
                $crate::sockets::adapter::carry(|| {
                    $crate::sockets::slices::send_bytes(number, buffers, deadline)
                })
                .map_err($crate::Error::of)
            }

            /// Receives what is there, at least one byte, and returns how many. 0 is the end of the
            /// stream.
            ///
            /// # Errors
            ///
            /// See [`ByteStream::recv`](crate::ByteStream::recv).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// # a.send(b"hello", dill::Deadline::NEVER)?;
            /// use dill::{Deadline, Error};
            /// use std::time::Duration;
            ///
            /// let mut buffer = [0; 100];
            /// let count = b.recv(&mut buffer, Duration::from_secs(10))?;
            /// # assert_eq!(&buffer[..count], b"hello");
            /// // There is no more, and a call that comes to nothing does no harm.
            /// assert_eq!(b.recv(&mut buffer, Deadline::NOW), Err(Error::TimedOut));
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn recv(
                &self,
                buffer: &mut [u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<usize> {
                let deadline = deadline.into().raw();
                let number = self.socket.number();
                $crate::safe::sockets::received($crate::sockets::adapter::carry(|| {
                    $crate::sockets::slices::receive_some(number, buffer, deadline)
                }))
            }

            /// Fills the whole buffer, or fails.
            ///
            /// # Errors
            ///
            /// See [`ByteStream::recv_exact`](crate::ByteStream::recv_exact). After a failure,
            /// other than by a cancel scope before the first byte, nothing more can be received.
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// # a.send(b"hello", dill::Deadline::NEVER)?;
            /// let mut buffer = [0; 5];
            /// b.recv_exact(&mut buffer, std::time::Duration::from_secs(10))?;
            /// # assert_eq!(&buffer, b"hello");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn recv_exact(
                &self,
                buffer: &mut [u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                let deadline = deadline.into().raw();
                let number = self.socket.number();
                $crate::sockets::adapter::carry(|| {
                    $crate::sockets::slices::receive_bytes(number, buffer, deadline)
                })
                .map_err($crate::Error::of)
            }

            /// When the functions of [`Read`](std::io::Read), which take no deadline, give up:
            /// never, unless this is called.
            ///
            /// ```
            /// # let (mut a, _b) = dill::UnixStream::pair()?;
            /// use std::io::{ErrorKind, Read};
            /// use std::time::Duration;
            ///
            /// a.set_read_deadline(Duration::from_millis(1));
            /// assert_eq!(a.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn set_read_deadline(&self, deadline: impl Into<$crate::Deadline>) {
                self.deadlines.read.set(deadline.into());
            }

            /// When the functions of [`Write`](std::io::Write), which take no deadline, give up:
            /// never, unless this is called.
            ///
            /// ```
            /// # let (mut a, _b) = dill::UnixStream::pair()?;
            /// use std::io::{ErrorKind, Write};
            /// use std::time::Duration;
            ///
            /// a.set_write_deadline(Duration::from_millis(1));
            /// // Nobody reads that, and it is more than fits on the way.
            /// assert_eq!(a.write_all(&[0; 10_000_000]).unwrap_err().kind(), ErrorKind::TimedOut);
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn set_write_deadline(&self, deadline: impl Into<$crate::Deadline>) {
                self.deadlines.write.set(deadline.into());
            }
        }

        impl<$($generics)*> $crate::ByteStream for $type {
            fn send_vectored(
                &self,
                buffers: &[std::io::IoSlice<'_>],
                deadline: $crate::Deadline,
            ) -> $crate::Result<()> {
                self.send_vectored(buffers, deadline)
            }

            fn recv(&self, buffer: &mut [u8], deadline: $crate::Deadline) -> $crate::Result<usize> {
                self.recv(buffer, deadline)
            }

            fn recv_exact(
                &self,
                buffer: &mut [u8],
                deadline: $crate::Deadline,
            ) -> $crate::Result<()> {
                self.recv_exact(buffer, deadline)
            }

            fn input(&self) -> $crate::Input<'_> {
                $crate::Input::of(self)
            }

            fn socket(
                &mut self,
                _: $crate::safe::sockets::socket::Private,
            ) -> Option<&mut $crate::safe::sockets::socket::Socket> {
                Some(&mut self.socket)
            }
        }

        $crate::safe::sockets::read_and_write!([$($generics)*] $type);
        $crate::safe::sockets::handles!([$($generics)*] $type);
    };
}

/// The traits of the standard library, for what has `recv`, `send_vectored` and `deadlines`.
macro_rules! read_and_write {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> std::io::Read for &$type {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                Ok(self.recv(buffer, self.deadlines.read.get())?)
            }
        }

        /// All that is given is written, or nothing more can be.
        impl<$($generics)*> std::io::Write for &$type {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.send(bytes, self.deadlines.write.get())?;
                Ok(bytes.len())
            }

            fn write_vectored(
                &mut self,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::io::Result<usize> {
                self.send_vectored(buffers, self.deadlines.write.get())?;
                Ok(buffers.iter().map(|buffer| buffer.len()).sum())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        impl<$($generics)*> std::io::Read for $type {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                (&*self).read(buffer)
            }
        }

        /// All that is given is written, or nothing more can be.
        impl<$($generics)*> std::io::Write for $type {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                (&*self).write(bytes)
            }

            fn write_vectored(
                &mut self,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::io::Result<usize> {
                (&*self).write_vectored(buffers)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    };
}

/// A message socket with the field `socket`.
macro_rules! message_socket {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Sends a message.
            ///
            /// # Errors
            ///
            /// See [`MessageSocket::send_vectored`](crate::MessageSocket::send_vectored).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// # let (a, b) = (dill::Prefix::attach(a, 2)?, dill::Prefix::attach(b, 2)?);
            /// a.send(b"hello", dill::Deadline::NEVER)?;
            /// # assert_eq!(b.recv_vec(100, dill::Deadline::NEVER)?, b"hello");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn send(
                &self,
                message: &[u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                self.send_vectored(&[std::io::IoSlice::new(message)], deadline)
            }

            /// Sends the parts as one message.
            ///
            /// # Errors
            ///
            /// See [`MessageSocket::send_vectored`](crate::MessageSocket::send_vectored).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// # let (a, b) = (dill::Prefix::attach(a, 2)?, dill::Prefix::attach(b, 2)?);
            /// use std::io::IoSlice;
            ///
            /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
            /// a.send_vectored(&parts, dill::Deadline::NEVER)?;
            /// # assert_eq!(b.recv_vec(100, dill::Deadline::NEVER)?, b"headbody");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn send_vectored(
                &self,
                parts: &[std::io::IoSlice<'_>],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                let deadline = deadline.into().raw();
                let number = self.socket.number();
                $crate::sockets::adapter::carry(|| {
                    $crate::sockets::slices::send_message(number, parts, deadline)
                })
                .map_err($crate::Error::of)
            }

            /// Receives a message into the buffer, and returns its length.
            ///
            /// # Errors
            ///
            /// See [`MessageSocket::recv`](crate::MessageSocket::recv).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// # let (a, b) = (dill::Prefix::attach(a, 2)?, dill::Prefix::attach(b, 2)?);
            /// # a.send(b"hello", dill::Deadline::NEVER)?;
            /// let mut buffer = [0; 100];
            /// let length = b.recv(&mut buffer, dill::Deadline::NEVER)?;
            /// # assert_eq!(&buffer[..length], b"hello");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn recv(
                &self,
                buffer: &mut [u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<usize> {
                let deadline = deadline.into().raw();
                let number = self.socket.number();
                $crate::sockets::adapter::carry(|| {
                    $crate::sockets::slices::receive_message(number, buffer, deadline)
                })
                .map_err($crate::Error::of)
            }

            /// Receives a message of at most `limit` bytes. Memory that the message does not need is
            /// not touched.
            ///
            /// # Errors
            ///
            /// See [`MessageSocket::recv`](crate::MessageSocket::recv).
            ///
            /// ```
            /// # let (a, b) = dill::UnixStream::pair()?;
            /// # let (a, b) = (dill::Prefix::attach(a, 2)?, dill::Prefix::attach(b, 2)?);
            /// # a.send(b"hello", dill::Deadline::NEVER)?;
            /// let message = b.recv_vec(1_000_000, dill::Deadline::NEVER)?;
            /// # assert_eq!(message, b"hello");
            /// # Ok::<(), dill::Error>(())
            /// ```
            pub fn recv_vec(
                &self,
                limit: usize,
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<Vec<u8>> {
                let deadline = deadline.into().raw();
                let number = self.socket.number();
                $crate::sockets::adapter::carry(|| {
                    $crate::sockets::slices::receive_message_vec(number, limit, deadline)
                })
                .map_err($crate::Error::of)
            }
        }

        impl<$($generics)*> $crate::MessageSocket for $type {
            fn send_vectored(
                &self,
                parts: &[std::io::IoSlice<'_>],
                deadline: $crate::Deadline,
            ) -> $crate::Result<()> {
                self.send_vectored(parts, deadline)
            }

            fn recv(&self, buffer: &mut [u8], deadline: $crate::Deadline) -> $crate::Result<usize> {
                self.recv(buffer, deadline)
            }

            fn recv_vec(
                &self,
                limit: usize,
                deadline: $crate::Deadline,
            ) -> $crate::Result<Vec<u8>> {
                self.recv_vec(limit, deadline)
            }

            fn input(&self) -> $crate::Input<'_> {
                $crate::Input::of(self)
            }

            fn socket(
                &mut self,
                _: $crate::safe::sockets::socket::Private,
            ) -> Option<&mut $crate::safe::sockets::socket::Socket> {
                Some(&mut self.socket)
            }
        }

        $crate::safe::sockets::handles!([$($generics)*] $type);
    };
}

pub(crate) use {byte_stream, handles, message_socket, read_and_write};
