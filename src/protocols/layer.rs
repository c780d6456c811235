//! What all protocols here have in common: they are message sockets on top of another socket,
//! which they own.
//!
//! The socket beneath is used through its C interface only, so it may be anything. An
//! operation may consist of several operations beneath; a graceful request must not come
//! between them, which is what [`Operation`] is for. (Where bytes go through
//! a socket of the system, `atomicity::SocketCall` sees to the same within one of them.)

use super::lower::Operation;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::sockets::byte_socket;
use crate::sockets::direction::Direction;
use crate::sockets::io_list::{Cursor, ToFill, ToSend};
use crate::sockets::message_socket::{self, MessageSocket};
use crate::sockets::object::{Input, Kind, Messages, Object, Placed, Socket};
use crate::sockets::slices;
use crate::sockets::storage::{self, Storage};
use core::cell::Cell;
use core::ffi::{c_int, c_void};

/// What makes a protocol, besides its state.
pub(super) trait Protocol: Sized + 'static {
    /// Why nothing can be sent or received any more when a direction is over.
    const OVER: Errno = Errno::ECONNRESET;

    /// The kind of the protocol's handles.
    fn kind() -> &'static Kind<Layer<Self>>;

    /// The interface that the socket beneath must have.
    fn interface_beneath() -> *const c_void {
        byte_socket::type_id()
    }

    /// Does an operation that has failed with this error end its direction for good?
    fn is_final(_: Errno) -> bool {
        true
    }

    /// Sends the list, of which `cursor` is the beginning, as one message. The protocol may be
    /// gone after an operation beneath has failed with `EBADF`.
    fn send(&self, call: &mut Call<'_>, cursor: Cursor, list: ToSend<'_>) -> Result<()>;

    /// Receives one message into the list and returns its length. `EMSGSIZE` if it doesn't fit.
    /// As for `send`, the protocol may be gone.
    fn receive(&self, call: &mut Call<'_>, list: Cursor) -> Result<usize>;
}

/// Returns whether a protocol's object fits into so many bytes.
pub(super) const fn fits<T: Protocol>(storage: usize) -> bool {
    storage::fits::<Object<Layer<T>>>(storage)
}

/// A protocol's object.
pub(super) struct Layer<T> {
    input: Direction,
    output: Direction,
    beneath: c_int,
    own_memory: bool,
    /// Nothing can be received any more.
    input_over: Cell<bool>,
    /// Nothing can be sent any more.
    output_over: Cell<bool>,
    pub(super) protocol: T,
}

/// A call on a protocol, made of calls on the socket beneath.
pub(super) struct Call<'a> {
    beneath: c_int,
    operation: Operation,
    /// Set when the protocol is closed meanwhile.
    closed: &'a Cell<bool>,
    /// The socket beneath has been used.
    attempted: bool,
}

impl<'a> Call<'a> {
    fn new(beneath: c_int, deadline: i64, closed: &'a Cell<bool>) -> Self {
        Self { beneath, operation: Operation::new(deadline), closed, attempted: false }
    }

    /// See [`Operation::step`].
    pub(super) fn step(&mut self) -> Result<()> {
        let result = self.operation.step();
        if self.closed.get() { Err(Errno::EBADF) } else { result }
    }

    /// Notes a call beneath, and what has come of it.
    fn note<R>(&mut self, result: Result<R>) -> Result<R> {
        self.attempted = true;
        // It may have succeeded all the same.
        if self.closed.get() {
            return Err(Errno::EBADF);
        }
        if result.is_ok() {
            self.operation.begun()?;
        }
        result
    }

    /// Is the direction `over` now that the call has come to `result`? Not if nothing beneath
    /// was touched, or not to any effect.
    fn conclude<T: Protocol, R>(&self, result: &Result<R>, over: &Cell<bool>) {
        if let Err(error) = *result
            && self.attempted
            && !self.operation.was_put_off(error)
            && !self.closed.get() // then the object is gone
            && error != Errno::EBADF
            && T::is_final(error)
        {
            over.set(true);
        }
    }

    pub(super) fn send_bytes(&mut self, list: ToSend<'_>) -> Result<()> {
        let result = byte_socket::send(self.beneath, list, self.operation.deadline);
        self.note(result)
    }

    /// Receives bytes of a message. `ECONNRESET` if the stream ends in the middle of it.
    pub(super) fn receive_bytes(&mut self, list: ToFill<'_>) -> Result<()> {
        let result = byte_socket::receive(self.beneath, list, self.operation.deadline);
        self.note_received(result)
    }

    /// Receives as many bytes as `buffer` has, of a message. `EPIPE` if the stream ends before
    /// the message, `ECONNRESET` if it ends in the middle of it.
    pub(super) fn receive_into(&mut self, buffer: &mut [u8]) -> Result<()> {
        // A byte stream doesn't say how much it has received when it fails. So the first byte of a
        // message is received alone: without it the message had not begun.
        let begun = self.operation.has_begun();
        let (first, rest) = buffer.split_at_mut(if begun { 0 } else { buffer.len().min(1) });
        for part in [first, rest] {
            if !part.is_empty() {
                let result = slices::receive_bytes(self.beneath, part, self.operation.deadline);
                self.note_received(result)?;
            }
        }
        Ok(())
    }

    /// As `note`, for bytes of a message that were to be received.
    fn note_received(&mut self, result: Result<()>) -> Result<()> {
        let begun = self.operation.has_begun();
        self.note(result).map_err(|error| match error {
            Errno::EPIPE if begun => Errno::ECONNRESET,
            error => error,
        })
    }

    pub(super) fn send_message(&mut self, list: ToSend<'_>) -> Result<()> {
        let result = message_socket::send(self.beneath, list, self.operation.deadline);
        self.note(result)
    }

    pub(super) fn receive_message(&mut self, list: ToFill<'_>) -> Result<usize> {
        let result = message_socket::receive(self.beneath, list, self.operation.deadline);
        self.note(result)
    }
}

/// Puts a protocol on top of `socket`, which is its own from then on. In any case the old
/// handle is no longer open: after an error, also one in the protocol's own `parameters`, the
/// socket is closed. `EPROTO` if it can't carry the protocol.
pub(super) fn attach<T: Protocol>(
    socket: c_int,
    parameters: Result<(T, Storage)>,
) -> Result<c_int> {
    let (protocol, storage) = parameters.inspect_err(|_| _ = handles::close(socket))?;
    match Context::get()?.handles.query(socket, T::interface_beneath()) {
        Ok(_) => {}
        Err(error) => {
            let _ = handles::close(socket);
            return Err(if error == Errno::ENOTSUP { Errno::EPROTO } else { error });
        }
    }
    let beneath = handles::own(socket)?;
    let layer = Layer {
        input: Direction::new(),
        output: Direction::new(),
        beneath,
        own_memory: matches!(storage, Storage::Own),
        input_over: Cell::new(false),
        output_over: Cell::new(false),
        protocol,
    };
    T::kind().open_placed(layer, storage).inspect_err(|_| _ = handles::close(beneath))
}

/// The object that a handle stands for.
pub(super) fn find<T: Protocol>(socket: c_int) -> Result<Placed<Layer<T>>> {
    T::kind().find(socket)
}

/// The handle of the socket beneath, which stays the protocol's.
pub(super) fn beneath<T: Protocol>(socket: c_int) -> Result<c_int> {
    find::<T>(socket).map(|layer| layer.beneath)
}

/// Ends the protocol and gives the socket beneath back, which is at the boundary between two
/// messages in both directions. If it isn't, that socket is closed too: `EBUSY` if a call is
/// under way, `ECONNRESET` if one has failed.
pub(super) fn detach<T: Protocol>(socket: c_int) -> Result<c_int> {
    let layer = find::<T>(socket)?;
    let outcome = match () {
        () if layer.input.is_busy() || layer.output.is_busy() => Err(Errno::EBUSY),
        () if layer.input_over.get() || layer.output_over.get() => Err(Errno::ECONNRESET),
        () => Ok(()),
    };
    match outcome {
        Ok(()) => release(socket, layer),
        Err(error) => {
            handles::close(socket)?;
            Err(error)
        }
    }
}

/// Ends the protocol, of which `socket` is the handle, and returns the socket beneath.
pub(super) fn release<T: Protocol>(socket: c_int, layer: Placed<Layer<T>>) -> Result<c_int> {
    let beneath = layer.beneath;
    T::kind().release(socket, layer).map(|()| beneath)
}

impl<T: Protocol> Layer<T> {
    pub(super) fn is_busy(&self) -> bool {
        self.input.is_busy() || self.output.is_busy()
    }

    pub(super) fn is_input_over(&self) -> bool {
        self.input_over.get()
    }

    pub(super) fn is_output_over(&self) -> bool {
        self.output_over.get()
    }

    /// Ends the output for good.
    pub(super) fn end_output(&self) {
        self.output_over.set(true);
    }
}

impl<T: Protocol> Socket for Layer<T> {
    type Table = MessageSocket;
    type Hold = Placed<Self>;

    /// A receive doesn't block where the socket beneath has input, and where it fails at once.
    fn input(&self) -> Result<Input> {
        Ok(if self.input_over.get() { Input::Ready } else { Input::Handle(self.beneath) })
    }

    /// Closes the socket beneath, too.
    fn close(&self) {
        self.input.close();
        self.output.close();
        let _ = handles::close(self.beneath);
    }

    fn owns_memory(&self) -> bool {
        self.own_memory
    }
}

impl<T: Protocol> Messages for Layer<T> {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        Context::may_block()?;
        let cursor = list.cursor()?;
        if !self.output.is_busy() && self.output_over.get() {
            return Err(T::OVER);
        }
        self.output.enter(|closed| {
            let mut call = Call::new(self.beneath, deadline, closed);
            let result = self.protocol.send(&mut call, cursor, list);
            call.conclude::<T, _>(&result, &self.output_over);
            result
        })
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<usize> {
        Context::may_block()?;
        if list.is_none() {
            return ToFill::with_anything(|list| self.receive_to(list.message()?, deadline));
        }
        self.receive_to(list.message()?, deadline)
    }
}

impl<T: Protocol> Layer<T> {
    fn receive_to(&self, list: Cursor, deadline: i64) -> Result<usize> {
        if !self.input.is_busy() && self.input_over.get() {
            return Err(T::OVER);
        }
        self.input.enter(|closed| {
            let mut call = Call::new(self.beneath, deadline, closed);
            let result = self.protocol.receive(&mut call, list);
            call.conclude::<T, _>(&result, &self.input_over);
            result
        })
    }
}
