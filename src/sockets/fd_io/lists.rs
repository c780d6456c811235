//! System calls that transfer lists of buffers.

#![allow(unsafe_code)] // System calls with buffers.

use super::dropping::drop_some;
use super::small::fill;
use super::system_call::{AT_ONCE, BATCH, EMPTY, Next, attempt, end_of_stream, header};
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::io_list::Cursor;
use crate::sockets::read_ahead::{READ_AHEAD, ReadAhead, allocate_block, free_block, room};
use std::os::fd::RawFd;

/// A receive of so many bytes reads nothing ahead: what lies behind them would have to be copied,
/// and the next such receive would begin at an odd address. Finding out that there is no more
/// input costs less.
const LARGE: usize = 16 * 1024;

/// Sends what the socket takes at once. Not inlined: its buffers shall not stay on the
/// stack of a parked coroutine.
#[inline(never)]
pub(super) fn send_some(fd: RawFd, cursor: &mut Cursor) -> Result<Next> {
    let mut slots = [EMPTY; BATCH];
    let (count, bytes) = cursor.gather(&mut slots, AT_ONCE);
    let mut flags = libc::MSG_NOSIGNAL;
    if bytes < cursor.remaining() {
        flags |= libc::MSG_MORE; // no packet of its own for a part of the list
    }
    let sent = if let [slot] = slots[..count] {
        // SAFETY: as below.
        attempt(|| unsafe { libc::send(fd, slot.iov_base, slot.iov_len, flags) })
    } else {
        let header = header(&mut slots[..count]);
        // SAFETY: the cursor vouches for the buffers, which are only read; the header
        // lives through the call.
        attempt(|| unsafe { libc::sendmsg(fd, &raw const header, flags) })
    };
    let sent = sent?.unwrap_or(0);
    cursor.advance(sent);
    Ok(Next::after(sent, bytes))
}

/// Receives what is there at once. Not inlined, as [`send_some`].
#[inline(never)]
pub(super) fn receive_some(
    source: &FdSource,
    ahead: Option<&ReadAhead>,
    cursor: &mut Cursor,
) -> Result<Next> {
    let (fd, local, wanted) = (source.as_raw_fd(), ahead.is_none(), cursor.remaining());
    let ahead = ahead.filter(|_| wanted < LARGE);
    let block = ahead.and_then(|_| allocate_block(Context::existing()?));
    if let (Some(ahead), Some(block)) = (ahead, block)
        && wanted <= READ_AHEAD
    {
        // Through the buffer, as the next receives will be small as well.
        let received = fill(source, block)? as usize;
        ahead.keep(block, received);
        ahead.copy_to(cursor);
        return Ok(Next::after(received, READ_AHEAD));
    }
    if let Some(length) = cursor.skip_length() {
        block.into_iter().for_each(free_block);
        let (dropped, next) = drop_some(fd, length, local)?;
        cursor.advance(dropped);
        return Ok(next);
    }
    // Straight into the caller's memory. Room to read ahead makes for a short read when
    // the input is used up, which saves the call that would find it so.
    let mut slots = [EMPTY; BATCH];
    let (count, bytes) = cursor.gather(&mut slots[..BATCH - 1], AT_ONCE);
    let ahead_of_list = block.filter(|_| bytes == wanted);
    let mut used = count;
    if let Some(block) = ahead_of_list {
        slots[count] = libc::iovec { iov_base: room(block), iov_len: READ_AHEAD };
        used += 1;
    }
    let received = if let [slot] = slots[..used] {
        // SAFETY: as below.
        attempt(|| unsafe { libc::recv(fd, slot.iov_base, slot.iov_len, 0) })
    } else {
        let mut header = header(&mut slots[..used]);
        // SAFETY: the cursor vouches for the caller's buffers, the block is ours, and the
        // header lives through the call.
        attempt(|| unsafe { libc::recvmsg(fd, &raw mut header, 0) })
    };
    let received = end_of_stream(received);
    let excess = received.as_ref().unwrap_or(&0).saturating_sub(bytes);
    if let (Some(ahead), Some(block)) = (ahead, block) {
        ahead.keep(block, excess);
    }
    let received = received?;
    cursor.advance(received - excess);
    if local {
        return Ok(Next::after_local(received));
    }
    let offered = if ahead_of_list.is_some() { bytes + READ_AHEAD } else { bytes };
    Ok(Next::after(received, offered))
}
