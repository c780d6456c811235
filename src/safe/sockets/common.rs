//! What the sockets of this library have in common: handles for C, and the traits of the standard
//! library.

use crate::{Deadline, Error, Result};
use core::cell::Cell;
use std::io;

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

/// How a buffer has been filled, for `Read`: the end of the stream has a kind of its own there.
pub(crate) fn filled(result: Result<()>) -> io::Result<()> {
    result.map_err(|error| match error {
        Error::Done => io::Error::new(io::ErrorKind::UnexpectedEof, error),
        error => error.into(),
    })
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
                // Without the type beneath.
                let name = stringify!($type).split('<').next().unwrap_or_default();
                f.debug_tuple(name).field(&self.socket.number()).finish()
            }
        }
    };
}

/// The traits of the standard library, for byte streams with `deadlines`. References have them,
/// too, so that one coroutine can read while another one writes.
macro_rules! read_and_write {
    ([$($generics:tt)*] $type:ty) => {
        $crate::safe::sockets::read_and_write!(@for [$($generics)*] $type);
        $crate::safe::sockets::read_and_write!(@for [$($generics)*] &$type);
    };
    (@for [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> std::io::Read for $type {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                Ok(self.recv(buffer, self.deadlines.read.get())?)
            }

            fn read_exact(&mut self, buffer: &mut [u8]) -> std::io::Result<()> {
                let deadline = self.deadlines.read.get();
                $crate::safe::sockets::filled(self.recv_exact(buffer, deadline))
            }
        }

        /// All that is given is written, or nothing more can be.
        impl<$($generics)*> std::io::Write for $type {
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
    };
}

pub(crate) use {handles, read_and_write};
