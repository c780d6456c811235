//! The WebSocket: a message socket that also tells text from binary messages.

use super::closing::Closing;
use super::random::Masks;
use super::state::{Stream, WebSocket};
use super::turn::Turn;
use super::{Content, Role};
use crate::concurrency::atomicity::SocketCall;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{Lower, Operation};
use crate::protocols::taken::Taken;
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::sockets::io_list::{ToFill, ToSend};
use crate::sockets::message_socket::MessageSocket;
use crate::sockets::object::abilities::{self, Abilities};
use crate::sockets::object::{Counted, Input, Kind, Messages, Socket};
use crate::sockets::slices;
use core::cell::{Cell, RefCell};
use core::ffi::c_int;
use std::io::IoSlice;

static WEBSOCKET: Kind<WebSocket> = Kind::new("ws");

pub(super) fn open(beneath: Lower, role: Role, content: Content) -> Result<c_int> {
    let socket = WebSocket {
        beneath: Cell::new(Some(beneath)),
        role,
        content: Cell::new(content),
        input: Cell::new(Stream::Open),
        output: Cell::new(Stream::Open),
        receiving: Cell::new(false),
        turn: Turn::new(),
        complaint: Cell::new(0),
        farewell: RefCell::new(Vec::new()),
        ping: RefCell::new(None),
        torn_pong: RefCell::new(Vec::new()),
        masks: Masks::new(),
        taken: Taken::new(),
    };
    WEBSOCKET.open_counted(socket)
}

fn find(socket: c_int) -> Result<Counted<WebSocket>> {
    WEBSOCKET.find(socket)
}

/// Sends a message.
pub(crate) fn send(socket: c_int, content: Content, list: ToSend<'_>, deadline: i64) -> Result<()> {
    find(socket)?.send_message(content, list, deadline)
}

/// Receives a message: its length, and what it holds.
pub(crate) fn receive(socket: c_int, list: ToFill<'_>, deadline: i64) -> Result<(usize, Content)> {
    let _call = SocketCall::begin(Context::get()?);
    find(socket)?.receive_message(list, deadline)
}

/// Sends the parts as one message.
pub(crate) fn send_slices(
    socket: c_int,
    content: Content,
    parts: &[IoSlice<'_>],
    deadline: i64,
) -> Result<()> {
    slices::with_list(parts, |list| send(socket, content, list, deadline))
}

/// Receives a message of `limit` bytes at most, and what it holds.
pub(crate) fn receive_vec(
    socket: c_int,
    limit: usize,
    deadline: i64,
) -> Result<(Vec<u8>, Content)> {
    slices::receive_vec(limit, |list| receive(socket, list, deadline))
}

/// Sends a ping.
pub(crate) fn ping(socket: c_int, payload: &[u8], deadline: i64) -> Result<()> {
    find(socket)?.send_ping(payload, deadline)
}

/// Sets what the socket sends and expects where its messages are just bytes.
pub(crate) fn set_content(socket: c_int, content: Content) -> Result<()> {
    find(socket).map(|held| held.content.set(content))
}

/// Ends the outgoing stream. A status of 0 stands for none, unless receiving has failed:
/// then the peer is told why.
pub(crate) fn done(socket: c_int, status: c_int, reason: &[u8], deadline: i64) -> Result<()> {
    let status = u16::try_from(status).map_err(|_| Errno::EINVAL)?;
    let closing = Closing::new(status, reason)?;
    find(socket)?.end(closing, deadline)
}

/// Ends the outgoing stream if that wasn't done, waits for the peer to do so, and gives back
/// the stream beneath. On failure everything is closed, unless the arguments were wrong or
/// another call is inside.
pub(crate) fn detach(socket: c_int, status: c_int, reason: &[u8], deadline: i64) -> Result<c_int> {
    let held = find(socket)?;
    let status = u16::try_from(status).map_err(|_| Errno::EINVAL)?;
    let closing = Closing::new(status, reason)?;
    if held.receiving.get() || held.turn.is_users() {
        return Err(Errno::EBUSY);
    }
    let outcome = held.shake_hands(closing, deadline);
    let beneath = held.beneath()?;
    if outcome.is_ok() {
        held.beneath.set(None);
    }
    handles::close(socket)?;
    outcome.map(|()| beneath.handle())
}

/// The handle of the stream beneath, which stays the socket's.
pub(crate) fn beneath(socket: c_int) -> Result<c_int> {
    find(socket)?.beneath().map(Lower::handle)
}

/// The status of the peer's Close frame and the length of its reason, which is written to
/// `reason`. `EAGAIN` before there was one.
pub(crate) fn status(socket: c_int, reason: Option<&mut [u8]>) -> Result<(u16, usize)> {
    let held = find(socket)?;
    if held.input.get() != Stream::Ended {
        return Err(Errno::EAGAIN);
    }
    let closing = Closing::decode(&held.farewell.borrow())?;
    let text = closing.reason();
    if let Some(memory) = reason {
        memory.get_mut(..text.len()).ok_or(Errno::EMSGSIZE)?.copy_from_slice(text);
    }
    Ok((closing.status, text.len()))
}

impl WebSocket {
    fn end(&self, closing: Closing, deadline: i64) -> Result<()> {
        Context::may_block()?;
        self.output.get().check_open()?;
        let closing = match self.complaint.get() {
            complaint if closing.status == 0 && complaint != 0 => Closing::new(complaint, b"")?,
            _ => closing,
        };
        self.send_close(&closing, deadline)
    }

    fn shake_hands(&self, closing: Closing, deadline: i64) -> Result<()> {
        match self.end(closing, deadline) {
            Ok(()) => {}
            Err(Errno::EPIPE) if self.output.get() == Stream::Ended => {}
            Err(error) => return Err(error),
        }
        // From here on the operation is under way: the peer has been told.
        let mut operation = Operation::new(deadline);
        operation.begun()?;
        loop {
            match self.receive_message(ToFill::NONE, deadline) {
                Ok(_) => operation.step()?,
                Err(Errno::EPIPE) if self.input.get() == Stream::Ended => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Socket for WebSocket {
    type Table = MessageSocket;
    type Hold = Counted<Self>;

    const ABILITIES: Abilities =
        Abilities { digest: Some(abilities::digest::<Self>), ..Abilities::NONE };

    fn input(&self) -> Result<Input> {
        Ok(match self.beneath.get() {
            Some(stream) if self.input.get() == Stream::Open && !self.has_taken_input() => {
                Input::Handle(stream.handle())
            }
            _ => Input::Ready,
        })
    }

    fn close(&self) {
        self.turn.close();
        if let Some(beneath) = self.beneath.take() {
            beneath.close();
        }
    }
}

impl Messages for WebSocket {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        self.send_message(self.content.get(), list, deadline)
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<usize> {
        let (length, content) = self.receive_message(list, deadline)?;
        if content == self.content.get() { Ok(length) } else { Err(Errno::EPROTO) }
    }
}
