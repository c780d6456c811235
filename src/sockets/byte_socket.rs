//! Bytestream sockets: what all of them have in common.
//!
//! A byte stream is whatever answers a query for [`type_id`] with a table of two
//! functions, in C's layout and calling convention. Ours and those that C programs
//! make are called in the same way, so they stack on each other freely.

#![allow(unsafe_code)] // Calls through tables of C functions.

use super::io_list::{IoList, ToFill, ToSend, check_ends};
use crate::concurrency::atomicity::SocketCall;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::{c_int, c_void};

/// Transfers the whole list from `first` to `last`: 0, or -1 and `errno`.
pub(crate) type Transfer = unsafe extern "C" fn(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int;

/// The interface of a byte stream.
#[repr(C)]
pub(crate) struct ByteStream {
    pub(crate) send: Option<Transfer>,
    pub(crate) receive: Option<Transfer>,
}

/// The address of this, not its content, tells the interface from others.
static IDENTITY: u8 = 0;

/// Identifies the interface in queries.
pub(crate) const fn type_id() -> *const c_void {
    (&raw const IDENTITY).cast()
}

/// Sends all of the list, or fails.
#[inline(never)]
pub(crate) fn send(socket: c_int, list: ToSend<'_>, deadline: i64) -> Result<()> {
    let context = Context::get()?;
    context.take_turn(deadline);
    let stream = stream(context, socket)?;
    let _call = SocketCall::begin(context);
    let (first, last) = (list.first(), list.last());
    // SAFETY: the list's promise; the interface of an open handle is alive.
    unsafe {
        check_ends(first, last)?;
        call((*stream).send, stream, first, last, deadline)
    }
}

/// Fills the list, or fails. Without a list everything is received and dropped until that fails,
/// mostly with `EPIPE` at the stream's end.
#[inline(never)]
pub(crate) fn receive(socket: c_int, list: ToFill<'_>, deadline: i64) -> Result<()> {
    let context = Context::get()?;
    context.take_turn(deadline);
    let stream = stream(context, socket)?;
    let _call = SocketCall::begin(context);
    let (first, last) = (list.first(), list.last());
    // SAFETY: as in `send`.
    unsafe {
        if !list.is_none() {
            check_ends(first, last)?;
        }
        call((*stream).receive, stream, first, last, deadline)
    }
}

/// The interface of an open socket.
#[inline]
fn stream(context: &Context, socket: c_int) -> Result<*mut ByteStream> {
    Ok(context.handles.query(socket, type_id())?.cast())
}

/// # Safety
/// The function is one of the stream's, which is alive; the list is as it wants it.
#[inline]
unsafe fn call(
    function: Option<Transfer>,
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> Result<()> {
    let function = function.ok_or(Errno::ENOTSUP)?;
    // SAFETY: by the caller's promise.
    match unsafe { function(stream, first, last, deadline) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// What a function of the table returns to C.
pub(crate) fn to_c(result: Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            error.set();
            -1
        }
    }
}
