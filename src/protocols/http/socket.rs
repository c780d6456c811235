//! The HTTP socket. It is also a byte stream: that of the bodies of its messages.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

use super::digestion::DIGESTION;
use super::framing::{Body, Framing, Unanswered};
use super::sending::{self, BeforeHead};
use super::state::{Exchange, Http, Input, Output, Put};
use super::syntax;
use crate::concurrency::atomicity::SocketCall;
use crate::concurrency::input::{self, Digestion, InputVfs};
use crate::handle_table::{Interface as _, Kind};
use crate::os::errno::{Errno, Result};
use crate::protocols::beneath::Beneath;
use crate::protocols::shared::{self, Held};
use crate::protocols::taken::Taken;
use crate::scheduler::context::Context;
use crate::scheduler::drafts::Draft;
use crate::scheduler::handles;
use crate::sockets::byte_socket::{self, ByteStream};
use crate::sockets::io_list::IoList;
use crate::sockets::partial::Partial;
use core::cell::{Cell, RefCell};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr;

static HTTP: Kind = Kind::new("http", close, query);

fn find(socket: c_int) -> Result<Held<Http>> {
    // SAFETY: handles of this kind are made by `attach`.
    unsafe { Held::find(socket, &HTTP) }
}

/// Makes an HTTP socket of a byte stream, which is closed on failure.
pub(crate) fn attach(stream: c_int) -> Result<c_int> {
    let beneath = Beneath::attach(stream)?;
    let http = Http {
        stream: ByteStream { send: Some(bsend), receive: Some(breceive) },
        readiness: InputVfs { input: Some(input_beneath) },
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
    shared::open(http, &HTTP).inspect_err(|_| beneath.close())
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
///
/// # Safety
/// As for [`byte_socket::send`].
pub(crate) unsafe fn send_body(
    socket: c_int,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> Result<()> {
    // SAFETY: by the caller's promise.
    unsafe { find(socket)?.send_body(first, last, deadline) }
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
///
/// # Safety
/// As for [`byte_socket::receive`].
pub(crate) unsafe fn receive_body(
    socket: c_int,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> Result<usize> {
    let _call = SocketCall::begin(Context::get()?);
    // SAFETY: by the caller's promise.
    unsafe { find(socket)?.receive_body(first, last, deadline) }
}

/// Ends the incoming stream: some of a message was received, and nobody gets it.
pub(crate) fn break_input(socket: c_int) {
    if let Ok(held) = find(socket) {
        held.input.set(Input::Failed);
    }
}

/// The handle of the stream beneath, which stays the socket's.
pub(crate) fn beneath(socket: c_int) -> Result<c_int> {
    find(socket)?.beneath().map(Beneath::handle)
}

/// Completes the exchange in both directions, and gives back the stream beneath. On failure
/// everything is closed, unless a call is inside.
pub(crate) fn detach(socket: c_int, exchange: Exchange, deadline: i64) -> Result<c_int> {
    let held = find(socket)?;
    if held.sending.get() || held.receiving.get() {
        return Err(Errno::EBUSY);
    }
    let outcome = held.finish(exchange, deadline);
    held.alive()?;
    let beneath = held.beneath()?;
    if outcome.is_ok() {
        held.beneath.set(None);
    }
    handles::close(socket)?;
    outcome.map(|()| beneath.handle())
}

impl Held<Http> {
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

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::send`]; the table is that of a live socket.
unsafe extern "C" fn bsend(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: by the caller's promise.
    byte_socket::to_c(unsafe {
        Held::<Http>::around(stream, offset_of!(Http, stream)).send_body(first, last, deadline)
    })
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::receive`]; the table is that of a live socket.
unsafe extern "C" fn breceive(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: by the caller's promise.
    byte_socket::to_c(unsafe {
        Held::<Http>::around(stream, offset_of!(Http, stream)).receive_whole(first, last, deadline)
    })
}

static PARTIAL: Partial = Partial { receive: receive_some };

/// Stands in [`Partial`].
///
/// # Safety
/// `object` is a live socket, and `length` bytes can be written to `memory`.
unsafe fn receive_some(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    deadline: i64,
) -> Result<usize> {
    // SAFETY: by the caller's promise.
    unsafe { Held::<Http>::of(object).receive_some(memory, length, deadline) }
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live socket.
unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    // SAFETY: by the caller's promise.
    unsafe {
        if type_id == byte_socket::type_id() {
            shared::field::<Http>(object, offset_of!(Http, stream))
        } else if type_id == input::type_id() {
            shared::field::<Http>(object, offset_of!(Http, readiness))
        } else if type_id == Partial::type_id() {
            PARTIAL.answer()
        } else if type_id == Digestion::type_id() {
            DIGESTION.answer()
        } else {
            ptr::null_mut()
        }
    }
}

/// Stands in [`InputVfs`].
///
/// # Safety
/// The table is that of a live socket, `beneath` a place for the answer.
unsafe extern "C" fn input_beneath(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    // SAFETY: by the caller's promise.
    let held = unsafe { Held::<Http>::around(vfs, offset_of!(Http, readiness)) };
    match (held.beneath.get(), held.input.get()) {
        (None, _) | (_, Input::Ended | Input::Failed) => input::BUFFERED,
        (Some(_), _) if held.has_taken_input() => input::BUFFERED,
        (Some(stream), _) => {
            // SAFETY: the caller gives a place for the answer.
            unsafe { *beneath = stream.handle() };
            input::HANDLE
        }
    }
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live socket.
unsafe fn close(object: *mut ()) -> Result<()> {
    // SAFETY: the handle table calls this once.
    let held = unsafe { Held::<Http>::close(object) };
    held.draft.remove();
    if let Some(beneath) = held.beneath.take() {
        beneath.close();
    }
    Ok(())
}
