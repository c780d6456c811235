//! What message sockets of this library can do, as a macro: the methods, and the trait.

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
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// # let (a, b) = (redill::Prefix::attach(a, 2)?, redill::Prefix::attach(b, 2)?);
            /// a.send(b"hello", redill::Deadline::NEVER)?;
            /// # assert_eq!(b.recv_vec(100, redill::Deadline::NEVER)?, b"hello");
            /// # Ok::<(), redill::Error>(())
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
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// # let (a, b) = (redill::Prefix::attach(a, 2)?, redill::Prefix::attach(b, 2)?);
            /// use std::io::IoSlice;
            ///
            /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
            /// a.send_vectored(&parts, redill::Deadline::NEVER)?;
            /// # assert_eq!(b.recv_vec(100, redill::Deadline::NEVER)?, b"headbody");
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn send_vectored(
                &self,
                parts: &[std::io::IoSlice<'_>],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<()> {
                self.socket.send_message(parts, deadline.into())
            }

            /// Receives a message into the buffer, and returns its length.
            ///
            /// # Errors
            ///
            /// See [`MessageSocket::recv`](crate::MessageSocket::recv).
            ///
            /// ```
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// # let (a, b) = (redill::Prefix::attach(a, 2)?, redill::Prefix::attach(b, 2)?);
            /// # a.send(b"hello", redill::Deadline::NEVER)?;
            /// let mut buffer = [0; 100];
            /// let length = b.recv(&mut buffer, redill::Deadline::NEVER)?;
            /// # assert_eq!(&buffer[..length], b"hello");
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn recv(
                &self,
                buffer: &mut [u8],
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<usize> {
                self.socket.receive_message(buffer, deadline.into())
            }

            /// Receives a message of at most `limit` bytes. Memory that the message does not need is
            /// not touched.
            ///
            /// # Errors
            ///
            /// See [`MessageSocket::recv`](crate::MessageSocket::recv).
            ///
            /// ```
            /// # let (a, b) = redill::UnixStream::pair()?;
            /// # let (a, b) = (redill::Prefix::attach(a, 2)?, redill::Prefix::attach(b, 2)?);
            /// # a.send(b"hello", redill::Deadline::NEVER)?;
            /// let message = b.recv_vec(1_000_000, redill::Deadline::NEVER)?;
            /// # assert_eq!(message, b"hello");
            /// # Ok::<(), redill::Error>(())
            /// ```
            pub fn recv_vec(
                &self,
                limit: usize,
                deadline: impl Into<$crate::Deadline>,
            ) -> $crate::Result<Vec<u8>> {
                self.socket.receive_message_vec(limit, deadline.into())
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

pub(crate) use message_socket;
