//! What byte streams of this library can do, as a macro: the methods that take a deadline, and the
//! trait.

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
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// use redill::Deadline;
            ///
            /// a.send(b"hello", Deadline::NEVER)?;
            /// # let mut buffer = [0; 5];
            /// # b.recv_exact(&mut buffer, Deadline::NEVER)?;
            /// # assert_eq!(&buffer, b"hello");
            /// # Ok::<(), redill::Error>(())
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
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// use redill::Deadline;
            /// use std::io::IoSlice;
            ///
            /// a.send_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")], Deadline::NEVER)?;
            /// # let mut buffer = [0; 8];
            /// # b.recv_exact(&mut buffer, Deadline::NEVER)?;
            /// # assert_eq!(&buffer, b"headbody");
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn send_vectored(
                &self,
                buffers: &[std::io::IoSlice<'_>],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                self.socket.send_bytes(buffers, deadline.into())
            }

            /// Receives what is there, at least one byte, and returns how many. 0 is the end of the
            /// stream.
            ///
            /// # Errors
            ///
            /// See [`ByteStream::recv`](crate::ByteStream::recv).
            ///
            /// ```
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// # a.send(b"hello", redill::Deadline::NEVER)?;
            /// use redill::{Deadline, Error};
            /// use std::time::Duration;
            ///
            /// let mut buffer = [0; 100];
            /// let count = b.recv(&mut buffer, Duration::from_secs(10))?;
            /// # assert_eq!(&buffer[..count], b"hello");
            /// // There is no more, and a call that comes to nothing does no harm.
            /// assert_eq!(b.recv(&mut buffer, Deadline::NOW), Err(Error::TimedOut));
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn recv(
                &self,
                buffer: &mut [u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<usize> {
                self.socket.receive_some(buffer, deadline.into())
            }

            /// Fills the whole buffer, or fails.
            ///
            /// # Errors
            ///
            /// See [`ByteStream::recv_exact`](crate::ByteStream::recv_exact). After a failure
            /// before the first byte, by a deadline or a cancellation, the next call works; after
            /// a later one nothing more can be received.
            ///
            /// ```
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// # a.send(b"hello", redill::Deadline::NEVER)?;
            /// let mut buffer = [0; 5];
            /// b.recv_exact(&mut buffer, std::time::Duration::from_secs(10))?;
            /// # assert_eq!(&buffer, b"hello");
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn recv_exact(
                &self,
                buffer: &mut [u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                self.socket.receive_bytes(buffer, deadline.into())
            }

            /// When the functions of [`Read`](std::io::Read), which take no deadline, give up:
            /// never, unless this is called.
            ///
            /// ```
            /// # let (mut a, _b) = redill::UnixStream::pair()?;
            /// use std::io::{ErrorKind, Read};
            /// use std::time::Duration;
            ///
            /// a.set_read_deadline(Duration::from_millis(1));
            /// assert_eq!(a.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn set_read_deadline(&self, deadline: impl Into<$crate::Deadline>) {
                self.deadlines.read.set(deadline.into());
            }

            /// When the functions of [`Write`](std::io::Write), which take no deadline, give up:
            /// never, unless this is called.
            ///
            /// ```
            /// # let (mut a, _b) = redill::UnixStream::pair()?;
            /// use std::io::{ErrorKind, Write};
            /// use std::time::Duration;
            ///
            /// a.set_write_deadline(Duration::from_millis(1));
            /// // Nobody reads that, and it is more than fits on the way.
            /// assert_eq!(a.write_all(&[0; 10_000_000]).unwrap_err().kind(), ErrorKind::TimedOut);
            /// # Ok::<(), redill::Error>(())
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

pub(crate) use byte_stream;
