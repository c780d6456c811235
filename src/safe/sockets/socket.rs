//! The handle of a socket, which may have become that of a protocol on top of it.

use crate::os::errno::Errno;
use crate::safe::handle::Handle;
use crate::sockets::{adapter, slices};
use crate::{Deadline, Error, Result};
use core::ffi::c_int;
use core::marker::PhantomData;
use std::io::IoSlice;

/// Makes methods of traits that only this crate can name, so that no other overrides them.
#[derive(Clone, Copy)]
pub struct Private(pub(crate) ());

/// A socket's handle.
#[derive(Debug)]
pub struct Socket {
    /// None while the socket lies beneath a protocol, which owns the handle.
    own: Option<Handle>,
    pub(super) number: c_int,
    not_send: PhantomData<*mut ()>,
}

impl Socket {
    /// Takes over an open handle.
    pub(crate) fn new(number: c_int) -> Socket {
        Socket { own: Some(Handle::new(number)), number, not_send: PhantomData }
    }

    /// Takes over what a function of the core has opened.
    pub(crate) fn opened(handle: Result<c_int, Errno>) -> Result<Socket> {
        handle.map(Socket::new).map_err(Error::of)
    }

    /// The number, for functions of the core.
    #[inline]
    pub(crate) fn number(&self) -> c_int {
        self.own.as_ref().map_or(self.number, Handle::number)
    }

    /// Ends the socket by a function of the core, which closes the handle if it succeeds.
    pub(crate) fn give_up<T>(self, end: impl FnOnce(c_int) -> Result<T, Errno>) -> Result<T> {
        let parts = end(self.number()).map_err(Error::of)?;
        self.into_number();
        Ok(parts)
    }

    /// Gives the handle away.
    pub(crate) fn into_number(mut self) -> c_int {
        self.lend()
    }

    /// Gives the handle to a protocol.
    pub(super) fn lend(&mut self) -> c_int {
        match self.own.take() {
            Some(handle) => handle.into_number(),
            None => self.number,
        }
    }
}

/// What byte streams and message sockets do. What is written in Rust beneath them may panic.
impl Socket {
    fn call<T>(&self, call: impl FnOnce(c_int) -> Result<T, Errno>) -> Result<T> {
        let number = self.number();
        adapter::carry(|| call(number)).map_err(Error::of)
    }

    pub(crate) fn send_bytes(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
        self.call(|number| slices::send_bytes(number, buffers, deadline.raw()))
    }

    /// 0 is the end of the stream.
    pub(crate) fn receive_some(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
        self.call(|number| match slices::receive_some(number, buffer, deadline.raw()) {
            Err(Errno::EPIPE) => Ok(0),
            result => result,
        })
    }

    pub(crate) fn receive_bytes(&self, buffer: &mut [u8], deadline: Deadline) -> Result<()> {
        self.call(|number| slices::receive_bytes(number, buffer, deadline.raw()))
    }

    pub(crate) fn send_message(&self, parts: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
        self.call(|number| slices::send_message(number, parts, deadline.raw()))
    }

    pub(crate) fn receive_message(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
        self.call(|number| slices::receive_message(number, buffer, deadline.raw()))
    }

    pub(crate) fn receive_message_vec(&self, limit: usize, deadline: Deadline) -> Result<Vec<u8>> {
        self.call(|number| slices::receive_message_vec(number, limit, deadline.raw()))
    }
}
