//! Sending and receiving with Rust's slices instead of lists of buffers.

#![allow(unsafe_code)] // Makes lists of buffers.

use super::direction::is_late;
use super::io_list::IoList;
use super::ip_address::IpAddress;
use super::{byte_socket, message_socket, partial, single_buffer, udp};
use crate::os::errno::{Errno, Result};
use core::ffi::c_int;
use std::io::IoSlice;

/// Elements of a list that lie on the stack.
const FEW: usize = 4;

/// Calls `action` with a list of the buffers, which it may read as long as it runs.
pub(crate) fn with_list<T>(
    buffers: &[IoSlice<'_>],
    action: impl FnOnce(*mut IoList, *mut IoList) -> Result<T>,
) -> Result<T> {
    let mut few = [IoList::EMPTY; FEW];
    let mut many = Vec::new();
    let elements = if buffers.len() <= FEW {
        &mut few[..buffers.len().max(1)]
    } else {
        many.try_reserve_exact(buffers.len()).map_err(|_| Errno::ENOMEM)?;
        many.resize_with(buffers.len(), || IoList::EMPTY);
        &mut many[..]
    };
    let first = elements.as_mut_ptr();
    let last = elements.len() - 1;
    for (index, element) in elements.iter_mut().enumerate() {
        // Without any buffer there is one element, which is empty.
        if let Some(buffer) = buffers.get(index) {
            element.base = buffer.as_ptr().cast_mut().cast();
            element.len = buffer.len();
        }
        if index < last {
            element.next = first.wrapping_add(index + 1);
        }
    }
    action(first, first.wrapping_add(last))
}

/// Sends all of the buffers to a byte stream.
pub(crate) fn send_bytes(socket: c_int, buffers: &[IoSlice<'_>], deadline: i64) -> Result<()> {
    if let [only] = buffers {
        let (memory, length) = (only.as_ptr().cast(), only.len());
        // SAFETY: the buffer is borrowed for the whole call.
        return unsafe { single_buffer::send(socket, memory, length, deadline) };
    }
    // SAFETY: the buffers are borrowed for the whole call.
    with_list(buffers, |first, last| unsafe { byte_socket::send(socket, first, last, deadline) })
}

/// Fills the buffer from a byte stream.
pub(crate) fn receive_bytes(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<()> {
    let (memory, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the buffer is borrowed for the whole call.
    unsafe { single_buffer::receive(socket, memory, length, deadline) }
}

/// Receives at least one byte from a byte stream, as [`partial::receive`] does. Where nothing is
/// there the error is `ETIMEDOUT`, however late the call is made, as libdill has no such calls.
pub(crate) fn receive_some(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<usize> {
    let mut receive = |deadline| {
        let (memory, length) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: the buffer is borrowed for the whole call.
        unsafe { partial::receive(socket, memory, length, 1, deadline) }
    };
    match receive(deadline) {
        Err(Errno::ECONNRESET) if is_late(deadline) => receive(0),
        result => result,
    }
}

/// Sends the buffers as one message.
pub(crate) fn send_message(socket: c_int, buffers: &[IoSlice<'_>], deadline: i64) -> Result<()> {
    // SAFETY: the buffers are borrowed for the whole call.
    with_list(buffers, |first, last| unsafe { message_socket::send(socket, first, last, deadline) })
}

/// Receives a message into the buffer; its length.
pub(crate) fn receive_message(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<usize> {
    with_room(buffer.as_mut_ptr(), buffer.len(), |list| {
        // SAFETY: the buffer is borrowed for the whole call.
        unsafe { message_socket::receive(socket, list, list, deadline) }
    })
}

/// Receives a message of `limit` bytes at most by `receive`, which is called with a list and
/// returns how many bytes it has written there, and something else.
///
/// # Safety
/// `receive` has written to so many bytes, from the list's beginning.
pub(crate) unsafe fn receive_vec<T>(
    limit: usize,
    receive: impl FnOnce(*mut IoList) -> Result<(usize, T)>,
) -> Result<(Vec<u8>, T)> {
    let mut message = Vec::new();
    // Memory that is never written to costs hardly anything.
    message.try_reserve_exact(limit).map_err(|_| Errno::ENOMEM)?;
    let (length, other) = with_room(message.as_mut_ptr(), limit, receive)?;
    // SAFETY: there is room for `limit` bytes, and the first ones have been received.
    unsafe { message.set_len(length.min(limit)) };
    message.shrink_to_fit();
    Ok((message, other))
}

/// Receives a message of `limit` bytes at most.
pub(crate) fn receive_message_vec(socket: c_int, limit: usize, deadline: i64) -> Result<Vec<u8>> {
    // SAFETY: a message socket writes the message to the beginning of the list; the memory is
    // there for the whole call.
    let received = unsafe {
        receive_vec(limit, |list| {
            message_socket::receive(socket, list, list, deadline).map(|length| (length, ()))
        })
    };
    received.map(|(message, ())| message)
}

/// Sends the parts as one datagram to an address.
pub(crate) fn send_datagram(
    socket: c_int,
    address: &IpAddress,
    parts: &[IoSlice<'_>],
) -> Result<()> {
    // SAFETY: the buffers are borrowed for the whole call.
    with_list(parts, |first, last| unsafe { udp::send_to(socket, Some(address), first, last) })
}

/// Receives a datagram into the buffer: its length, and who has sent it.
pub(crate) fn receive_datagram(
    socket: c_int,
    buffer: &mut [u8],
    deadline: i64,
) -> Result<(usize, IpAddress)> {
    let mut sender = IpAddress::NONE;
    let length = with_room(buffer.as_mut_ptr(), buffer.len(), |list| {
        // SAFETY: the buffer is borrowed for the whole call.
        unsafe { udp::receive_from(socket, Some(&mut sender), list, list, deadline) }
    })?;
    Ok((length, sender))
}

fn with_room<T>(
    memory: *mut u8,
    length: usize,
    receive: impl FnOnce(*mut IoList) -> Result<T>,
) -> Result<T> {
    let mut list = IoList::single(memory.cast(), length);
    receive(&raw mut list)
}
