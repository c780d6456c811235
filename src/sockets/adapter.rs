//! Sockets written in Rust, behind handles: whatever is on top of them, ours or C's, sees the
//! interfaces of C.

#![allow(unsafe_code)] // Lists of C callers.

mod panics;
mod scatter;
mod user_socket;

pub(crate) use super::object::Input;
pub(crate) use panics::carry;
pub(crate) use user_socket::{Messages, Stream};

use super::byte_socket::ByteStream;
use super::direction::Direction;
use super::io_list::{Cursor, ToFill, ToSend};
use super::message_socket::MessageSocket;
use super::object::abilities::{self, Abilities, ReceivesSome};
use super::object::{self, Counted, Kind, Socket};
use crate::os::errno::Result;
use crate::scheduler::handles;
use core::ffi::c_int;

/// What the handle stands for: `S` is [`dyn Stream`](Stream) or [`dyn Messages`](Messages).
struct Adapter<S: ?Sized> {
    object: Box<S>,
    input: Direction,
    output: Direction,
    _counted: panics::Counted,
}

static STREAM: Kind<Adapter<dyn Stream>> = Kind::new("rust");
static MESSAGES: Kind<Adapter<dyn Messages>> = Kind::new("rust");

/// A handle for a byte stream.
pub(crate) fn open_stream(stream: Box<dyn Stream>) -> Result<c_int> {
    STREAM.open_counted(Adapter::new(stream))
}

/// A handle for a message socket.
pub(crate) fn open_messages(messages: Box<dyn Messages>) -> Result<c_int> {
    MESSAGES.open_counted(Adapter::new(messages))
}

impl<S: ?Sized> Adapter<S> {
    fn new(object: Box<S>) -> Self {
        let (input, output) = (Direction::new(), Direction::new());
        Adapter { object, input, output, _counted: panics::Counted::new() }
    }

    /// Runs an operation of the user's object that sends.
    fn send_by<T>(&self, operation: impl FnOnce(&S) -> Result<T>) -> Result<T> {
        self.output.enter(|_| panics::catch(|| operation(&self.object)))
    }

    /// Runs an operation of the user's object that receives.
    fn receive_by<T>(&self, operation: impl FnOnce(&S) -> Result<T>) -> Result<T> {
        self.input.enter(|_| panics::catch(|| operation(&self.object)))
    }

    fn end_calls(&self) {
        self.input.close();
        self.output.close();
    }
}

/// Runs `end`, which may run the user's code, in a place that must not block.
fn let_go(end: impl FnOnce()) -> Result<()> {
    let end = || {
        end();
        Ok(())
    };
    handles::without_blocking(|| panics::catch(end))
}

impl Socket for Adapter<dyn Stream> {
    type Table = ByteStream;
    type Hold = Counted<Self>;

    const ABILITIES: Abilities =
        Abilities { receive_some: Some(abilities::receive_some::<Self>), ..Abilities::NONE };

    fn input(&self) -> Result<Input> {
        panics::catch(|| Ok(self.object.input()))
    }

    fn close(&self) {
        self.end_calls();
    }

    fn let_go(end: impl FnOnce()) -> Result<()> {
        let_go(end)
    }
}

impl object::Bytes for Adapter<dyn Stream> {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        let (first, last) = (list.first(), list.last());
        // SAFETY: the list's promise.
        self.send_by(|stream| unsafe {
            scatter::with_slices(first, last, |buffers| stream.send(buffers, deadline))
        })
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<()> {
        let (first, last) = (list.first(), list.last());
        self.receive_by(|stream| {
            if first.is_null() && last.is_null() {
                return scatter::receive_all(stream, deadline);
            }
            // SAFETY: the list's promise.
            unsafe { scatter::receive_bytes(stream, first, last, deadline) }
        })
    }
}

impl ReceivesSome for Adapter<dyn Stream> {
    fn receive_some(&self, list: &mut Cursor, deadline: i64) -> Result<()> {
        self.receive_by(|stream| scatter::receive_some(stream, list, deadline))
    }
}

impl Socket for Adapter<dyn Messages> {
    type Table = MessageSocket;
    type Hold = Counted<Self>;

    fn input(&self) -> Result<Input> {
        panics::catch(|| Ok(self.object.input()))
    }

    fn close(&self) {
        self.end_calls();
    }

    fn let_go(end: impl FnOnce()) -> Result<()> {
        let_go(end)
    }
}

impl object::Messages for Adapter<dyn Messages> {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        let (first, last) = (list.first(), list.last());
        // SAFETY: the list's promise.
        self.send_by(|messages| unsafe {
            scatter::with_slices(first, last, |parts| messages.send(parts, deadline))
        })
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<usize> {
        let (first, last) = (list.first(), list.last());
        // SAFETY: the list's promise.
        self.receive_by(|messages| unsafe {
            scatter::receive_message(messages, first, last, deadline)
        })
    }
}
