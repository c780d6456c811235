//! Sending and receiving with Rust's slices instead of lists of buffers.

#![allow(unsafe_code)] // Makes lists of buffers.

use super::direction::is_late;
use super::io_list::{IoList, ToFill, ToSend};
use super::ip_address::IpAddress;
use super::{byte_socket, message_socket, single_buffer, udp};
use crate::os::errno::{Errno, Result};
use core::ffi::c_int;
use std::io::IoSlice;

/// Elements of a list that lie on the stack.
const FEW: usize = 4;

/// Calls `action` with a list of the buffers, which it may read as long as it runs.
pub(crate) fn with_list<T>(
    buffers: &[IoSlice<'_>],
    action: impl FnOnce(ToSend<'_>) -> Result<T>,
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
    // SAFETY: elements of ours with buffers that are borrowed for the whole call.
    action(unsafe { ToSend::new(first, first.wrapping_add(last)) })
}

/// Sends all of the buffers to a byte stream.
pub(crate) fn send_bytes(socket: c_int, buffers: &[IoSlice<'_>], deadline: i64) -> Result<()> {
    if let [only] = buffers {
        let (memory, length) = (only.as_ptr().cast(), only.len());
        // SAFETY: the buffer is borrowed for the whole call.
        return unsafe { single_buffer::send(socket, memory, length, deadline) };
    }
    with_list(buffers, |list| byte_socket::send(socket, list, deadline))
}

/// Fills the buffer from a byte stream.
pub(crate) fn receive_bytes(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<()> {
    let (memory, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the buffer is borrowed for the whole call.
    unsafe { single_buffer::receive(socket, memory, length, deadline) }
}

/// Receives so many bytes from a byte stream.
pub(crate) fn receive_bytes_vec(socket: c_int, length: usize, deadline: i64) -> Result<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| Errno::ENOMEM)?;
    // SAFETY: there is room for so many bytes, all of which are filled if the call succeeds.
    unsafe {
        single_buffer::receive(socket, bytes.as_mut_ptr().cast(), length, deadline)?;
        bytes.set_len(length);
    }
    Ok(bytes)
}

/// Receives at least one byte from a byte stream, as [`single_buffer::receive_some`]
/// does.
pub(crate) fn receive_part(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<usize> {
    // SAFETY: the buffer is borrowed for the whole call.
    unsafe { single_buffer::receive_some(socket, buffer.as_mut_ptr(), buffer.len(), 1, deadline) }
}

/// Receives at least one byte from a byte stream, as [`receive_part`] does. Where nothing is
/// there the error is `ETIMEDOUT`, however late the call is made, as libdill has no such calls.
pub(crate) fn receive_some(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<usize> {
    let mut receive = |deadline| receive_part(socket, buffer, deadline);
    match receive(deadline) {
        Err(Errno::ECONNRESET) if is_late(deadline) => receive(0),
        result => result,
    }
}

/// Sends the buffers as one message.
pub(crate) fn send_message(socket: c_int, buffers: &[IoSlice<'_>], deadline: i64) -> Result<()> {
    with_list(buffers, |list| message_socket::send(socket, list, deadline))
}

/// Receives a message into the buffer; its length.
pub(crate) fn receive_message(socket: c_int, buffer: &mut [u8], deadline: i64) -> Result<usize> {
    ToFill::with(buffer, |list| message_socket::receive(socket, list, deadline))
}

/// Receives a message of `limit` bytes at most by `receive`, which returns its length, and
/// something else.
pub(crate) fn receive_vec<T>(
    limit: usize,
    receive: impl FnOnce(ToFill<'_>) -> Result<(usize, T)>,
) -> Result<(Vec<u8>, T)> {
    let mut message: Vec<u8> = Vec::new();
    // Memory that is never written to costs hardly anything.
    message.try_reserve_exact(limit).map_err(|_| Errno::ENOMEM)?;
    let mut list = IoList::single(message.as_mut_ptr().cast(), limit);
    let list = &raw mut list;
    // SAFETY: a list of one buffer, which lives through the call.
    let (length, other) = receive(unsafe { ToFill::new(list, list) })?;
    // SAFETY: there is room for `limit` bytes, and message sockets write a message to the
    // beginning of the list.
    unsafe { message.set_len(length.min(limit)) };
    message.shrink_to_fit();
    Ok((message, other))
}

/// Receives a message of `limit` bytes at most.
pub(crate) fn receive_message_vec(socket: c_int, limit: usize, deadline: i64) -> Result<Vec<u8>> {
    let receive = |list: ToFill<'_>| message_socket::receive(socket, list, deadline);
    let received = receive_vec(limit, |list| receive(list).map(|length| (length, ())));
    received.map(|(message, ())| message)
}

/// Sends the parts as one datagram to an address.
pub(crate) fn send_datagram(
    socket: c_int,
    address: &IpAddress,
    parts: &[IoSlice<'_>],
) -> Result<()> {
    // SAFETY: the buffers are borrowed for the whole call.
    with_list(parts, |list| unsafe {
        udp::send_to(socket, Some(address), list.first(), list.last())
    })
}

/// Receives a datagram into the buffer: its length, and who has sent it.
pub(crate) fn receive_datagram(
    socket: c_int,
    buffer: &mut [u8],
    deadline: i64,
) -> Result<(usize, IpAddress)> {
    let mut sender = IpAddress::NONE;
    // SAFETY: the buffer is borrowed for the whole call.
    let length = ToFill::with(buffer, |list| unsafe {
        udp::receive_from(socket, Some(&mut sender), list.first(), list.last(), deadline)
    })?;
    Ok((length, sender))
}
