//! Sockets written in Rust as the core wants them.

use super::socket::Socket;
use crate::os::allocation;
use crate::os::errno::Errno;
use crate::safe::alternatives::Source;
use crate::scheduler::shared::Shared;
use crate::sockets::adapter::{self, Input};
use crate::{ByteStream, Deadline, Error, MessageSocket, Result};
use core::ffi::c_int;
use std::io::IoSlice;

/// A socket written in Rust as the core wants it.
struct Adapted<S>(Shared<S>);

impl Socket {
    /// Opens a handle for a byte stream of the user's.
    pub(crate) fn of_stream(stream: impl ByteStream + 'static) -> Result<Socket> {
        Socket::opened(Shared::new(stream).and_then(open_stream))
    }

    /// Opens a handle for a message socket of the user's.
    pub(crate) fn of_messages(messages: impl MessageSocket + 'static) -> Result<Socket> {
        Socket::opened(Shared::new(messages).and_then(open_messages))
    }
}

/// Opens a handle for a byte stream.
pub(super) fn open_stream<S: ByteStream + 'static>(stream: Shared<S>) -> Result<c_int, Errno> {
    adapter::open_stream(allocation::boxed(Adapted(stream))?)
}

/// Opens a handle for a message socket.
pub(super) fn open_messages<S: MessageSocket + 'static>(socket: Shared<S>) -> Result<c_int, Errno> {
    adapter::open_messages(allocation::boxed(Adapted(socket))?)
}

/// The core's number for an error.
fn errno(error: &Error) -> Errno {
    error.errno().map_or(Errno::EIO, Errno::from_raw)
}

/// The input of a socket as the core wants it.
fn input_of(input: &crate::Input<'_>) -> Input {
    match input.source() {
        Source::Ready => Input::Ready,
        Source::Handle(handle) => Input::Handle(handle),
        Source::Descriptor(fd) => Input::Descriptor(fd),
        Source::Unknown => Input::Unknown,
    }
}

impl<S: ByteStream> adapter::Stream for Adapted<S> {
    fn send(&self, buffers: &[IoSlice<'_>], deadline: i64) -> Result<(), Errno> {
        self.0.send_vectored(buffers, Deadline::from_raw(deadline)).map_err(|error| errno(&error))
    }

    fn receive(&self, buffer: &mut [u8], deadline: i64) -> Result<usize, Errno> {
        self.0.recv(buffer, Deadline::from_raw(deadline)).map_err(|error| errno(&error))
    }

    fn receive_exact(&self, buffer: &mut [u8], deadline: i64) -> Result<(), Errno> {
        self.0.recv_exact(buffer, Deadline::from_raw(deadline)).map_err(|error| errno(&error))
    }

    fn input(&self) -> Input {
        input_of(&self.0.input())
    }
}

impl<S: MessageSocket> adapter::Messages for Adapted<S> {
    fn send(&self, parts: &[IoSlice<'_>], deadline: i64) -> Result<(), Errno> {
        self.0.send_vectored(parts, Deadline::from_raw(deadline)).map_err(|error| errno(&error))
    }

    fn receive(&self, buffer: &mut [u8], deadline: i64) -> Result<usize, Errno> {
        self.0.recv(buffer, Deadline::from_raw(deadline)).map_err(|error| errno(&error))
    }

    fn input(&self) -> Input {
        input_of(&self.0.input())
    }
}
