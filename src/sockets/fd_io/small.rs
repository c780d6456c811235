//! The short ways of small transfers, which mostly are a single system call.

#![allow(unsafe_code)] // System calls with buffers.

use super::{AT_ONCE, Next, attempt, end_of_stream, header, settle};
use crate::os::errno::Result;
use crate::scheduler::fd_readiness::{FdSource, RECEIVED_AT_ONCE};
use crate::sockets::read_ahead::{Block, READ_AHEAD, free_block, room};
use core::ffi::c_void;
use core::ptr::NonNull;
use std::io::IoSlice;

/// Reads what is there at once into `block`, and returns how much; on failure the block is
/// freed.
#[inline]
pub(super) fn fill(source: &FdSource, block: NonNull<Block>) -> Result<usize> {
    let receive = || {
        // SAFETY: the block has room for `READ_AHEAD` bytes.
        unsafe { libc::recv(source.as_raw_fd(), room(block), READ_AHEAD, 0) }
    };
    if source.has_arrived() {
        return take(source, block).inspect_err(|_| free_block(block));
    }
    let received = receive();
    if received > 0 && received < READ_AHEAD.cast_signed() {
        source.read_would_block();
        return Ok(received.unsigned_abs());
    }
    received_otherwise(source, received, receive).inspect_err(|_| free_block(block))
}

/// Moves what the poller has received itself to `block`, and returns how much that was.
#[inline(never)]
fn take(source: &FdSource, block: NonNull<Block>) -> Result<usize> {
    const { assert!(RECEIVED_AT_ONCE <= READ_AHEAD) };
    // SAFETY: the block has room for what is received at once.
    let received = unsafe { source.take_arrived(room(block)) };
    end_of_stream(settle(received.map(Some)))
}

/// Sees to the result `first` of a call that has filled the block, blocked or failed, and to
/// further calls if that one was interrupted.
#[cold]
fn received_otherwise(
    source: &FdSource,
    first: isize,
    mut receive: impl FnMut() -> isize,
) -> Result<usize> {
    let mut first = Some(first);
    let received = end_of_stream(attempt(|| first.take().unwrap_or_else(&mut receive)))?;
    Next::after(received, READ_AHEAD).note_read(source);
    Ok(received)
}

/// Sends what the socket takes of one buffer at once, for a call that has just begun. How many
/// bytes that was.
///
/// # Safety
/// `length` bytes can be read from `memory`.
#[inline(always)]
pub(in crate::sockets) unsafe fn send_at_once(
    source: &FdSource,
    memory: *const c_void,
    length: usize,
) -> Result<usize> {
    let length = length.min(AT_ONCE);
    let send = || {
        // SAFETY: by the caller's promise.
        unsafe { libc::send(source.as_raw_fd(), memory, length, libc::MSG_NOSIGNAL) }
    };
    let sent = send();
    // Mostly it has taken all, and there is nothing to be noted.
    if sent == length.cast_signed() { Ok(length) } else { sent_less(source, sent, length, send) }
}

/// Sees to the result `first` of a call that has not sent all, and to further calls if that
/// one was interrupted.
#[cold]
fn sent_less(
    source: &FdSource,
    first: isize,
    length: usize,
    mut send: impl FnMut() -> isize,
) -> Result<usize> {
    let mut first = Some(first);
    let sent = attempt(|| first.take().unwrap_or_else(&mut send))?.unwrap_or(0);
    Next::after(sent, length).note_write(source);
    Ok(sent)
}

/// Sends what the socket takes of some buffers at once. How many bytes that was.
pub(in crate::sockets) fn send_slices_at_once(
    source: &FdSource,
    slices: &[IoSlice<'_>],
) -> Result<usize> {
    if !source.may_write() {
        return Ok(0);
    }
    let mut header = header(&mut []);
    header.msg_iov = slices.as_ptr().cast_mut().cast();
    header.msg_iovlen = slices.len();
    // SAFETY: the standard library guarantees that its slices are such structures. They and
    // their buffers are only read, and live through the call, as does the header.
    let send =
        || unsafe { libc::sendmsg(source.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
    let sent = attempt(send)?.unwrap_or(0);
    let asked = slices.iter().map(|it| it.len()).sum();
    Next::after(sent, asked).note_write(source);
    Ok(sent)
}
