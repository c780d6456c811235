//! Lists of buffers for sockets that know only Rust's slices.

#![allow(unsafe_code)] // Walks lists of C callers.

use super::user_socket::{Messages, Stream};
use crate::os::errno::{Errno, Result};
use crate::sockets::io_list::{Cursor, Direction, IoList};
use core::slice;
use std::io::IoSlice;

/// Buffers of a list that are handed on from the stack.
const FEW: usize = 8;

/// Bytes that are dropped at once.
const DROP_AT_ONCE: usize = 4096;

/// Bytes of a message at most where its list has no single memory that it fits into.
const LONGEST_COPY: usize = 16 << 20;

/// A buffer of a caller who may be C: its content may be anything, also nothing at all.
///
/// # Safety
/// `length` bytes can be written to `memory`, and nobody else uses it while the slice lives.
unsafe fn initialised<'a>(memory: *mut u8, length: usize) -> &'a mut [u8] {
    if length == 0 {
        return &mut [];
    }
    // SAFETY: by the caller's promise.
    unsafe {
        memory.write_bytes(0, length);
        slice::from_raw_parts_mut(memory, length)
    }
}

/// Calls `action` with the buffers of a list to be sent.
///
/// # Safety
/// As for [`Cursor::new`], for sending.
pub(super) unsafe fn with_slices(
    first: *mut IoList,
    last: *mut IoList,
    action: impl FnOnce(&[IoSlice<'_>]) -> Result<()>,
) -> Result<()> {
    // SAFETY: by the caller's promise.
    let mut cursor = unsafe { Cursor::new(first, last, Direction::Send)? };
    let mut few = [IoSlice::new(&[]); FEW];
    let mut many = Vec::new();
    let mut count = 0;
    while cursor.remaining() > 0 {
        let mut slot = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }];
        let (_, length) = cursor.gather(&mut slot, usize::MAX);
        // SAFETY: a buffer of the list, readable until the call returns.
        let slice = IoSlice::new(unsafe { slice::from_raw_parts(slot[0].iov_base.cast(), length) });
        if count < FEW {
            few[count] = slice;
        } else {
            if many.is_empty() {
                many.extend_from_slice(&few);
            }
            many.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            many.push(slice);
        }
        count += 1;
        cursor.advance(length);
    }
    action(if many.is_empty() { &few[..count] } else { &many })
}

/// Receives what is there to the next buffer of a list, at least one byte.
pub(super) fn receive_some(stream: &dyn Stream, list: &mut Cursor, deadline: i64) -> Result<()> {
    let mut slot = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }];
    let (_, length) = list.gather(&mut slot, usize::MAX);
    // SAFETY: a buffer of the list, writable by the promise made to the cursor.
    let buffer = unsafe { initialised(slot[0].iov_base.cast(), length) };
    match stream.receive(buffer, deadline)? {
        0 => Err(Errno::EPIPE),
        count if count <= length => {
            list.advance(count);
            Ok(())
        }
        _ => Err(Errno::EIO),
    }
}

/// Fills a list from a byte stream.
///
/// # Safety
/// As for [`Cursor::new`], for receiving.
pub(super) unsafe fn receive_bytes(
    stream: &dyn Stream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> Result<()> {
    // SAFETY: by the caller's promise.
    let mut cursor = unsafe { Cursor::new(first, last, Direction::Receive)? };
    while cursor.remaining() > 0 {
        let length = match cursor.skip_length() {
            Some(skipped) => skip(stream, skipped, deadline)?,
            None => {
                let mut slot = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }];
                let (_, length) = cursor.gather(&mut slot, usize::MAX);
                // SAFETY: a buffer of the list, writable until the call returns.
                let buffer = unsafe { initialised(slot[0].iov_base.cast(), length) };
                stream.receive_exact(buffer, deadline)?;
                length
            }
        };
        cursor.advance(length);
    }
    Ok(())
}

/// Not inlined: its buffer shall not stay on the stack of a coroutine that is blocked elsewhere.
#[inline(never)]
fn skip(stream: &dyn Stream, length: usize, deadline: i64) -> Result<usize> {
    let mut buffer = [0; DROP_AT_ONCE];
    let length = length.min(buffer.len());
    stream.receive_exact(&mut buffer[..length], deadline)?;
    Ok(length)
}

/// Receives and drops everything until that fails.
#[inline(never)]
pub(super) fn receive_all(stream: &dyn Stream, deadline: i64) -> Result<()> {
    let mut buffer = [0; DROP_AT_ONCE];
    loop {
        if stream.receive(&mut buffer, deadline)? == 0 {
            return Err(Errno::EPIPE);
        }
    }
}

/// Receives a message into a list, of which there may be none (two null pointers).
///
/// # Safety
/// As for [`Cursor::new`], for receiving.
pub(super) unsafe fn receive_message(
    messages: &dyn Messages,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> Result<usize> {
    let everything = IoList::anything();
    let (first, last) = match first.is_null() && last.is_null() {
        true => (&raw const everything, &raw const everything),
        false => (first.cast_const(), last.cast_const()),
    };
    // SAFETY: by the caller's promise, or a list of ours.
    let mut cursor = unsafe { Cursor::new(first, last, Direction::ReceiveMessage)? };
    let capacity = cursor.remaining();
    if cursor.skip_length().is_none() {
        let mut slot = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }];
        let (_, length) = cursor.gather(&mut slot, usize::MAX);
        if length == capacity {
            // SAFETY: the only buffer of the list, writable until the call returns.
            let buffer = unsafe { initialised(slot[0].iov_base.cast(), length) };
            return messages.receive(buffer, deadline).and_then(|count| checked(count, capacity));
        }
    }
    let mut copy = Vec::new();
    let size = capacity.min(LONGEST_COPY);
    copy.try_reserve_exact(size).map_err(|_| Errno::ENOMEM)?;
    copy.resize(size, 0);
    let length = checked(messages.receive(&mut copy, deadline)?, size)?;
    cursor.copy_from(&copy[..length]);
    Ok(length)
}

/// A socket that claims to have received more than there was room for is broken.
fn checked(length: usize, capacity: usize) -> Result<usize> {
    if length <= capacity { Ok(length) } else { Err(Errno::EIO) }
}
