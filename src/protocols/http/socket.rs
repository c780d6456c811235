//! The HTTP socket. It is also a byte stream: that of the bodies of its messages.

use super::framing::{Body, Framing, Unanswered};
use super::sending::{self, BeforeHead};
use super::state::{Exchange, Http, Input, Output, Put};
use super::syntax;
use crate::concurrency::atomicity::SocketCall;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::Lower;
use crate::protocols::taken::Taken;
use crate::scheduler::context::Context;
use crate::scheduler::drafts::Draft;
use crate::scheduler::handles;
use crate::sockets::byte_socket::ByteStream;
use crate::sockets::io_list::{ToFill, ToSend};
use crate::sockets::object::abilities::{self, Abilities};
use crate::sockets::object::{self, Bytes, Counted, Kind, Socket};
use core::cell::{Cell, RefCell};
use core::ffi::c_int;

static HTTP: Kind<Http> = Kind::new("http");

fn find(socket: c_int) -> Result<Counted<Http>> {
    HTTP.find(socket)
}

/// Makes an HTTP socket of a byte stream, which is closed on failure.
pub(crate) fn attach(stream: c_int) -> Result<c_int> {
    let beneath = Lower::attach(stream)?;
    let http = Http {
        beneath: Cell::new(Some(beneath)),
        output: Cell::new(Output::Idle),
        input: Cell::new(Input::Idle),
        sending: Cell::new(false),
        receiving: Cell::new(false),
        pending: RefCell::new(Vec::new()),
        draft: Draft::new(),
        sent: Cell::new(Framing::default()),
        received: Cell::new(Framing::default()),
        head_length: Cell::new(0),
        between: Taken::new(),
        line: Cell::new(Vec::new()),
        asked: Cell::new(Unanswered::default()),
        to_answer: Cell::new(Unanswered::default()),
        has_sent_head: Cell::new(false),
        has_received_head: Cell::new(false),
        head_missed: Cell::new(false),
    };
    HTTP.open_counted(http).inspect_err(|_| beneath.close())
}

/// Would all of these fields, in their order, be accepted for one head, with `start` bytes in its
/// first line? Only the last one may say something about the body's length, if `with_framing`.
/// `EINVAL`, or `EMSGSIZE`.
pub(crate) fn check_fields(
    start: usize,
    fields: &mut dyn Iterator<Item = (&[u8], &[u8])>,
    with_framing: bool,
) -> Result<()> {
    let mut framing = Framing::default();
    // With the empty line at the end.
    let mut length = start.saturating_add(2);
    let mut ended = false;
    for (name, value) in fields {
        let value = syntax::trim(value);
        if ended || !syntax::is_token(name) || !syntax::is_value(value) || value.is_empty() {
            return Err(Errno::EINVAL);
        }
        framing.take(name, value).map_err(|_| Errno::EINVAL)?;
        ended = framing != Framing::default();
        length = length.saturating_add(name.len()).saturating_add(value.len() + 4);
    }
    match () {
        () if ended != with_framing => Err(Errno::EINVAL),
        () if length > sending::LONGEST_HEAD => Err(Errno::EMSGSIZE),
        () => Ok(()),
    }
}

/// What a head that is begun now changes; see [`take_back_head`].
pub(crate) fn before_head(socket: c_int) -> Result<BeforeHead> {
    find(socket).map(|held| held.before_head())
}

/// Drops a head that was begun since `before`, unless some of it was sent.
pub(crate) fn take_back_head(socket: c_int, before: BeforeHead) {
    if let Ok(held) = find(socket) {
        held.take_back_head(before);
    }
}

/// Begins a request.
pub(crate) fn send_request(socket: c_int, method: &[u8], resource: &[u8]) -> Result<()> {
    find(socket)?.send_request(method, resource)
}

/// Begins a response.
pub(crate) fn send_status(socket: c_int, status: c_int, reason: &[u8]) -> Result<()> {
    find(socket)?.send_status(status, reason)
}

/// Adds a field to the head.
pub(crate) fn send_field(socket: c_int, name: &[u8], value: &[u8]) -> Result<()> {
    find(socket)?.send_field(name, value)
}

/// Ends the head and sends it.
pub(crate) fn done(socket: c_int, deadline: i64) -> Result<()> {
    find(socket)?.done(deadline)
}

/// Sends a part of the body, and before it the head.
pub(crate) fn send_body(socket: c_int, list: ToSend<'_>, deadline: i64) -> Result<()> {
    find(socket)?.send_body(list, deadline)
}

/// Ends the body.
pub(crate) fn done_body(socket: c_int, deadline: i64) -> Result<()> {
    find(socket)?.done_body(deadline)
}

/// Receives the first line of a request and hands method and resource over.
pub(crate) fn receive_request(socket: c_int, put: Put<'_>, deadline: i64) -> Result<()> {
    let _call = SocketCall::begin(Context::get()?);
    find(socket)?.receive_request(put, deadline)
}

/// Receives the first line of a response, hands the reason over and returns the status.
pub(crate) fn receive_status(
    socket: c_int,
    put: &mut dyn FnMut(&[u8]) -> Result<()>,
    deadline: i64,
) -> Result<c_int> {
    let _call = SocketCall::begin(Context::get()?);
    find(socket)?.receive_status(put, deadline)
}

/// Receives a field and hands name and value over. `EPIPE` at the end of the head.
pub(crate) fn receive_field(socket: c_int, put: Put<'_>, deadline: i64) -> Result<()> {
    let _call = SocketCall::begin(Context::get()?);
    find(socket)?.receive_field(put, deadline)
}

/// Receives as much of the body as there is room for, and returns how much; less only at
/// its end. `EPIPE` when nothing is left.
pub(crate) fn receive_body(socket: c_int, list: ToFill<'_>, deadline: i64) -> Result<usize> {
    let _call = SocketCall::begin(Context::get()?);
    find(socket)?.receive_body(list, deadline)
}

/// Ends the incoming stream: some of a message was received, and no caller gets it.
pub(crate) fn break_input(socket: c_int) {
    if let Ok(held) = find(socket) {
        held.input.set(Input::Failed);
    }
}

/// The handle of the stream beneath, which stays the socket's.
pub(crate) fn beneath(socket: c_int) -> Result<c_int> {
    find(socket)?.beneath().map(Lower::handle)
}

/// Completes the exchange in both directions, and gives back the stream beneath. On failure
/// everything is closed, unless a call is inside.
pub(crate) fn detach(socket: c_int, exchange: Exchange, deadline: i64) -> Result<c_int> {
    let held = find(socket)?;
    if held.sending.get() || held.receiving.get() {
        return Err(Errno::EBUSY);
    }
    let outcome = held.finish(exchange, deadline);
    let beneath = held.beneath()?;
    if outcome.is_ok() {
        held.beneath.set(None);
    }
    handles::close(socket)?;
    outcome.map(|()| beneath.handle())
}

impl Http {
    fn finish(&self, exchange: Exchange, deadline: i64) -> Result<()> {
        Context::may_block()?;
        if self.output.get() == Output::Failed || self.input.get() == Input::Failed {
            return Err(Errno::ECONNRESET);
        }
        match self.output.get() {
            Output::Head(_) => self.done(deadline)?,
            Output::Body(Body::Chunked, true) => self.done_body(deadline)?,
            // A peer that detaches waits for a head, too.
            Output::Idle
                if exchange == Exchange::Whole
                    && !self.has_sent_head.get()
                    && self.input.get() != Input::Ended =>
            {
                self.send_empty_head(deadline)?;
            }
            _ => {}
        }
        self.finish_receiving(exchange, deadline)
    }
}

impl Socket for Http {
    /// That of the bodies.
    type Table = ByteStream;
    type Hold = Counted<Self>;

    const ABILITIES: Abilities = Abilities {
        digest: Some(abilities::digest::<Self>),
        receive_some: Some(abilities::receive_some::<Self>),
        ..Abilities::NONE
    };

    fn input(&self) -> Result<object::Input> {
        Ok(match (self.beneath.get(), self.input.get()) {
            (None, _) | (_, Input::Ended | Input::Failed) => object::Input::Ready,
            (Some(_), _) if self.has_taken_input() => object::Input::Ready,
            (Some(stream), _) => object::Input::Handle(stream.handle()),
        })
    }

    fn close(&self) {
        self.draft.remove();
        if let Some(beneath) = self.beneath.take() {
            beneath.close();
        }
    }
}

impl Bytes for Http {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        self.send_body(list, deadline)
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<()> {
        self.receive_whole(list, deadline)
    }
}
