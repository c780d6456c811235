//! One buffer to or from a byte stream: the fast path to TCP, without the detour of list and table,
//! and for all other streams a list of one.

#![allow(unsafe_code)] // Makes lists of buffers.

use super::byte_socket;
use super::io_list::{IoList, ToFill, ToSend};
use super::partial;
use super::stream::connection;
use crate::concurrency::atomicity::UNRECORDED;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::ffi::{c_int, c_void};

/// Sends all of one buffer, or fails.
///
/// # Safety
/// `length` bytes can be read from `memory`, if that is not null, until this returns.
#[inline(always)]
pub(crate) unsafe fn send(
    socket: c_int,
    memory: *const c_void,
    length: usize,
    deadline: i64,
) -> Result<()> {
    if let Some(context) = Context::may_block_in_turn(deadline)
        && let Some(connection) = connection::find_tcp(context, socket)
    {
        // SAFETY: by the caller's promise.
        return unsafe { connection.send_buffer(context, UNRECORDED, memory, length, deadline) };
    }
    // SAFETY: by the caller's promise.
    unsafe { send_list(socket, memory, length, deadline) }
}

/// # Safety
/// As for [`send`].
#[inline(never)]
unsafe fn send_list(
    socket: c_int,
    memory: *const c_void,
    length: usize,
    deadline: i64,
) -> Result<()> {
    let mut list = IoList::single(memory.cast_mut(), length);
    let list = &raw mut list;
    // SAFETY: a list of one buffer, by the caller's promise.
    byte_socket::send(socket, unsafe { ToSend::new(list, list) }, deadline)
}

/// Fills one buffer, or fails. A null `memory` drops the bytes.
///
/// # Safety
/// Otherwise `length` bytes can be written there until this returns.
#[inline(always)]
pub(crate) unsafe fn receive(
    socket: c_int,
    memory: *mut c_void,
    length: usize,
    deadline: i64,
) -> Result<()> {
    if let Some(context) = Context::may_block_in_turn(deadline)
        && let Some(connection) = connection::find_tcp(context, socket)
    {
        // SAFETY: by the caller's promise.
        return unsafe { connection.receive_buffer(context, UNRECORDED, memory, length, deadline) };
    }
    // SAFETY: by the caller's promise.
    unsafe { receive_list(socket, memory, length, deadline) }
}

/// # Safety
/// As for [`receive`].
#[inline(never)]
unsafe fn receive_list(
    socket: c_int,
    memory: *mut c_void,
    length: usize,
    deadline: i64,
) -> Result<()> {
    let mut list = IoList::single(memory, length);
    let list = &raw mut list;
    // SAFETY: a list of one buffer, by the caller's promise.
    byte_socket::receive(socket, unsafe { ToFill::new(list, list) }, deadline)
}

/// Receives what is there, at least one byte and `length` at most, as [`partial::receive`] does.
///
/// # Safety
/// So many bytes can be written to `memory` until this returns.
#[inline(always)]
pub(crate) unsafe fn receive_some(
    socket: c_int,
    memory: *mut u8,
    length: usize,
    least: usize,
    deadline: i64,
) -> Result<usize> {
    if length > 0
        && let Some(context) = Context::may_block_in_turn(deadline)
        && let Some(connection) = connection::find_tcp(context, socket)
    {
        // SAFETY: by the caller's promise.
        return unsafe {
            connection.receive_some_fast(context, UNRECORDED, memory, length, deadline)
        };
    }
    // SAFETY: by the caller's promise.
    unsafe { partial::receive(socket, memory, length, least, deadline) }
}
