//! What lies beneath a protocol: a socket of this library, whose handle is the protocol's for the
//! time, or one of the user's own making behind a handle.

use super::adapted;
use super::socket::{Private, Socket};
use crate::os::errno::Errno;
use crate::scheduler::shared::Shared;
use crate::sockets::adapter;
use crate::{ByteStream, Error, MessageSocket, Result};
use core::ffi::c_int;

/// What lies beneath a protocol.
pub(crate) enum Lower<S> {
    /// A socket of this library: it knows the handle, which is the protocol's.
    Native(S),
    /// Another one, behind a handle of its own.
    Foreign(Shared<S>, c_int),
}

impl<S: ByteStream + 'static> Lower<S> {
    /// Puts a protocol on top of a byte stream. `attach` makes the protocol of a handle, which
    /// it closes if it fails, and `beneath` tells the handle that the protocol has for it then.
    pub(crate) fn attach_to_stream(
        mut stream: S,
        attach: impl FnOnce(c_int) -> Result<c_int, Errno>,
        beneath: fn(c_int) -> Result<c_int, Errno>,
    ) -> Result<(Socket, Lower<S>)> {
        let lower = match stream.socket(Private(())) {
            Some(_) => Lower::Native(stream),
            None => {
                let stream = Shared::new(stream).map_err(Error::immediate)?;
                let handle = adapted::open_stream(stream.clone());
                Lower::Foreign(stream, handle.map_err(Error::of)?)
            }
        };
        lower.attach(S::socket, attach, beneath)
    }

    /// Lends a byte stream to a function of the core.
    pub(crate) fn lend<T>(
        mut stream: S,
        action: impl FnOnce(c_int) -> Result<T, Errno>,
    ) -> Result<(S, T)> {
        if let Some(socket) = stream.socket(Private(())) {
            let number = socket.number();
            let result = adapter::carry(|| action(number)).map_err(Error::of)?;
            return Ok((stream, result));
        }
        let stream = Shared::new(stream).map_err(Error::immediate)?;
        let handle = adapted::open_stream(stream.clone());
        let socket = Socket::opened(handle)?;
        let result = adapter::carry(|| action(socket.number())).map_err(Error::of)?;
        // The adapter holds the other reference.
        drop(socket);
        Ok((stream.into_inner().map_err(|_| Error::Busy)?, result))
    }
}

impl<S: MessageSocket + 'static> Lower<S> {
    /// As [`attach_to_stream`](Self::attach_to_stream), to a message socket.
    pub(crate) fn attach_to_messages(
        mut messages: S,
        attach: impl FnOnce(c_int) -> Result<c_int, Errno>,
        beneath: fn(c_int) -> Result<c_int, Errno>,
    ) -> Result<(Socket, Lower<S>)> {
        let lower = match messages.socket(Private(())) {
            Some(_) => Lower::Native(messages),
            None => {
                let messages = Shared::new(messages).map_err(Error::immediate)?;
                let handle = adapted::open_messages(messages.clone());
                Lower::Foreign(messages, handle.map_err(Error::of)?)
            }
        };
        lower.attach(S::socket, attach, beneath)
    }
}

/// The handle of a library socket within an `S`.
type Find<S> = for<'a> fn(&'a mut S, Private) -> Option<&'a mut Socket>;

impl<S> Lower<S> {
    fn attach(
        mut self,
        find: Find<S>,
        attach: impl FnOnce(c_int) -> Result<c_int, Errno>,
        beneath: fn(c_int) -> Result<c_int, Errno>,
    ) -> Result<(Socket, Lower<S>)> {
        let handle = match &mut self {
            Lower::Native(socket) => find(socket, Private(())).map_or(-1, Socket::lend),
            Lower::Foreign(_, handle) => *handle,
        };
        let top = Socket::opened(adapter::carry(|| attach(handle)))?;
        let handle = beneath(top.number()).map_err(Error::of)?;
        match &mut self {
            Lower::Native(socket) => {
                if let Some(socket) = find(socket, Private(())) {
                    socket.number = handle;
                }
            }
            Lower::Foreign(_, number) => *number = handle,
        }
        Ok((top, self))
    }

    /// What lies beneath.
    pub(crate) fn get(&self) -> &S {
        match self {
            Lower::Native(socket) => socket,
            Lower::Foreign(socket, _) => socket,
        }
    }

    /// Ends the protocol `top` by `detach`, which closes everything if it fails.
    fn detach(
        mut self,
        find: Find<S>,
        top: Socket,
        detach: impl FnOnce(c_int) -> Result<c_int, Errno>,
    ) -> Result<S> {
        let number = top.number();
        let outcome = adapter::carry(|| detach(number));
        // Where the core has refused, the handle is still open, and is closed here. Where it has
        // closed the handle itself, nobody else has got the number yet.
        if matches!(outcome, Ok(_) | Err(Errno::EBADF)) {
            top.into_number();
        } else {
            drop(top);
        }
        let handle = outcome.map_err(Error::of)?;
        match &mut self {
            Lower::Native(socket) => {
                if let Some(socket) = find(socket, Private(())) {
                    *socket = Socket::new(handle);
                }
            }
            // Closes the adapter, which holds the other reference.
            Lower::Foreign(..) => drop(Socket::new(handle)),
        }
        match self {
            Lower::Native(socket) => Ok(socket),
            Lower::Foreign(socket, _) => socket.into_inner().map_err(|_| Error::Busy),
        }
    }
}

impl<S: ByteStream> Lower<S> {
    /// Ends the protocol and gives the byte stream back.
    pub(crate) fn detach_from_stream(
        self,
        top: Socket,
        detach: impl FnOnce(c_int) -> Result<c_int, Errno>,
    ) -> Result<S> {
        self.detach(S::socket, top, detach)
    }
}

impl<S: MessageSocket> Lower<S> {
    /// Ends the protocol and gives the message socket back.
    pub(crate) fn detach_from_messages(
        self,
        top: Socket,
        detach: impl FnOnce(c_int) -> Result<c_int, Errno>,
    ) -> Result<S> {
        self.detach(S::socket, top, detach)
    }
}
