//! Message sockets: what all of them have in common. The counterpart of
//! [`byte_socket`](super::byte_socket).

#![allow(unsafe_code)] // Calls through tables of C functions.

use super::io_list::{IoList, ToFill, ToSend, check_ends};
use crate::concurrency::atomicity::SocketCall;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::{c_int, c_void};

/// Sends the list from `first` to `last` as one message: 0, or -1 and `errno`.
pub(crate) type Send = unsafe extern "C" fn(
    socket: *mut MessageSocket,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int;

/// Receives one message into the list: its length, or -1 and `errno`.
pub(crate) type Receive = unsafe extern "C" fn(
    socket: *mut MessageSocket,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> isize;

/// The interface of a message socket.
#[repr(C)]
pub(crate) struct MessageSocket {
    pub(crate) send: Option<Send>,
    pub(crate) receive: Option<Receive>,
}

/// The address of this, not its content, tells the interface from others.
static IDENTITY: u8 = 0;

/// Identifies the interface in queries.
pub(crate) const fn type_id() -> *const c_void {
    (&raw const IDENTITY).cast()
}

/// Sends the list as one message.
#[inline]
pub(crate) fn send(socket: c_int, list: ToSend<'_>, deadline: i64) -> Result<()> {
    let context = Context::get()?;
    context.take_turn(deadline);
    let interface = interface(context, socket)?;
    let _call = SocketCall::begin(context);
    let (first, last) = (list.first(), list.last());
    // SAFETY: the list's promise; the interface of an open handle is alive.
    unsafe {
        check_ends(first, last)?;
        let send = (*interface).send.ok_or(Errno::ENOTSUP)?;
        match send(interface, first, last, deadline) {
            0 => Ok(()),
            _ => Err(Errno::last()),
        }
    }
}

/// Receives one message and returns its length. Without a list the message is dropped.
#[inline]
pub(crate) fn receive(socket: c_int, list: ToFill<'_>, deadline: i64) -> Result<usize> {
    let context = Context::get()?;
    context.take_turn(deadline);
    let interface = interface(context, socket)?;
    let _call = SocketCall::begin(context);
    let (first, last) = (list.first(), list.last());
    // SAFETY: as in `send`.
    unsafe {
        if !list.is_none() {
            check_ends(first, last)?;
        }
        let receive = (*interface).receive.ok_or(Errno::ENOTSUP)?;
        let length = receive(interface, first, last, deadline);
        usize::try_from(length).map_err(|_| Errno::last())
    }
}

/// The interface of an open socket.
#[inline]
fn interface(context: &Context, socket: c_int) -> Result<*mut MessageSocket> {
    Ok(context.handles.query(socket, type_id())?.cast())
}

/// What a `receive` of the table returns to C.
pub(crate) fn length_to_c(result: Result<usize>) -> isize {
    // A message is never longer than its list, so its length fits.
    result.map_or_else(
        |error| {
            error.set();
            -1
        },
        usize::cast_signed,
    )
}
