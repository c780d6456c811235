//! Receiving what is there rather than all that was asked for.
//!
//! C's interface of byte streams always fills the whole list. A stream that can do with less
//! says so in the table of its [`Abilities`].

#![allow(unsafe_code)] // Calls through tables of functions.

use super::byte_socket;
use super::io_list::{IoList, ToFill};
use crate::concurrency::abilities::Abilities;
use crate::concurrency::atomicity::SocketCall;
use crate::concurrency::input;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// Receives at least one byte, and `length` at most; 0 only if that is 0. `EPIPE` at the end of
/// the stream. From streams that know nothing of this, `least` bytes are received, which must be
/// certain to come, and then those that they say they have.
///
/// # Safety
/// So many bytes can be written to `memory` until the call returns.
pub(crate) unsafe fn receive(
    socket: c_int,
    memory: *mut u8,
    length: usize,
    least: usize,
    deadline: i64,
) -> Result<usize> {
    if length == 0 {
        return Ok(0);
    }
    let context = Context::get()?;
    context.take_turn(deadline);
    let (object, table) = Abilities::find(context, socket)?;
    let Some(receive) = table.and_then(|table| table.receive_some) else {
        // SAFETY: by the caller's promise.
        return unsafe { receive_known(context, socket, memory, length, least, deadline) };
    };
    let _call = SocketCall::begin(context);
    // SAFETY: the table is that of the object's kind, and the handle is open; the memory is the
    // caller's promise.
    unsafe { receive(object, memory, length, deadline) }
}

/// From streams that fill whole lists only, or break: to ask for more than is certain to come
/// could wait for ever for a byte that the peer does not send before it gets an answer to those
/// that are here already. One byte is certain; another one is if the stream itself says so.
///
/// # Safety
/// As [`receive`].
#[cold]
unsafe fn receive_known(
    context: &Context,
    socket: c_int,
    memory: *mut u8,
    length: usize,
    least: usize,
    deadline: i64,
) -> Result<usize> {
    let fill = |start: usize, count: usize| {
        let mut list = IoList::single(memory.wrapping_add(start).cast(), count);
        let list = &raw mut list;
        // SAFETY: a list of one buffer, by the caller's promise.
        byte_socket::receive(socket, unsafe { ToFill::new(list, list) }, deadline)
    };
    let mut count = least.clamp(1, length);
    fill(0, count)?;
    while count < length && input::is_buffered(context, socket) {
        // What has failed will fail again, in a call of its own.
        if fill(count, 1).is_err() {
            break;
        }
        count += 1;
    }
    Ok(count)
}
