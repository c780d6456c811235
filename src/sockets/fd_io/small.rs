//! The short ways of small transfers, which mostly are a single system call.

#![allow(unsafe_code)] // System calls with buffers.

use super::system_call::{Next, attempt, end_of_stream, header, settle};
use crate::os::errno::Result;
use crate::scheduler::fd_readiness::{FdSource, RECEIVED_AT_ONCE};
use crate::sockets::read_ahead::{Block, READ_AHEAD, free_block, room};
use core::ffi::c_void;
use core::ptr::NonNull;
use std::io::IoSlice;

/// Reads what is there at once into `block`, and returns how much (few enough to be returned in
/// registers); on failure the block is freed.
#[inline(always)]
pub(in crate::sockets) fn fill(source: &FdSource, block: NonNull<Block>) -> Result<u32> {
    if source.has_arrived() {
        return take(source, block);
    }
    let received = receive(source, block);
    if received > 0 && received < READ_AHEAD.cast_signed() {
        source.read_would_block();
        Ok(received as u32)
    } else {
        received_otherwise(source, block, received)
    }
}

#[inline(always)]
fn receive(source: &FdSource, block: NonNull<Block>) -> isize {
    // SAFETY: the block has room for `READ_AHEAD` bytes.
    unsafe { libc::recv(source.as_raw_fd(), room(block), READ_AHEAD, 0) }
}

/// Moves what the poller has received itself to `block`, and returns how much that was.
#[inline(never)]
fn take(source: &FdSource, block: NonNull<Block>) -> Result<u32> {
    const { assert!(RECEIVED_AT_ONCE <= READ_AHEAD) };
    // SAFETY: the block has room for what is received at once.
    let received = unsafe { source.take_arrived(room(block)) };
    let received = end_of_stream(settle(received.map(Some))).inspect_err(|_| free_block(block))?;
    Ok(received as u32)
}

/// Sees to the result `first` of a call that has filled the block, blocked or failed, and to
/// further calls if that one was interrupted.
#[cold]
#[inline(never)]
fn received_otherwise(source: &FdSource, block: NonNull<Block>, first: isize) -> Result<u32> {
    let mut first = Some(first);
    let attempts = attempt(|| first.take().unwrap_or_else(|| receive(source, block)));
    let received = end_of_stream(attempts).inspect_err(|_| free_block(block))?;
    Next::after(received, READ_AHEAD).note_read(source);
    Ok(received as u32)
}

/// Tries to send a buffer, for a call that has just begun. What the system call returns; unless
/// that is `length`, [`sent_less`] must see to it.
///
/// # Safety
/// `length` bytes can be read from `memory`.
#[inline(always)]
pub(in crate::sockets) unsafe fn try_send(
    source: &FdSource,
    memory: *const c_void,
    length: usize,
) -> isize {
    // SAFETY: by the caller's promise.
    unsafe { libc::send(source.as_raw_fd(), memory, length, libc::MSG_NOSIGNAL) }
}

/// Sees to the result `first` of a call that has not sent all, and to further calls if that
/// one was interrupted. How many bytes were sent.
///
/// # Safety
/// As for [`try_send`].
#[cold]
#[inline(never)]
pub(in crate::sockets) unsafe fn sent_less(
    source: &FdSource,
    memory: *const c_void,
    length: usize,
    first: isize,
) -> Result<usize> {
    let mut first = Some(first);
    // SAFETY: by the caller's promise.
    let mut send = || unsafe { try_send(source, memory, length) };
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
