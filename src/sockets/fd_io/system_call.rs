//! System calls on sockets, and what their results mean.

#![allow(unsafe_code)] // Structures of the system.

use crate::os::errno::{Errno, Result};
use crate::scheduler::fd_readiness::FdSource;
use core::mem;
use core::ptr;

/// Bytes in one system call, and between two looks at the clock: more than a socket's queue
/// mostly holds, and not too many if a peer sends as fast as we receive.
pub(in crate::sockets) const AT_ONCE: usize = 16 << 20;

/// Buffers in one system call. Few, as they lie on stacks that may be very small.
pub(in crate::sockets) const BATCH: usize = 16;

/// A message header for the buffers in `slots`.
pub(in crate::sockets) fn header(slots: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: all zeros are a valid header: no address, no buffers, no control data.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = slots.as_mut_ptr();
    header.msg_iovlen = slots.len();
    header
}

pub(in crate::sockets) const EMPTY: libc::iovec =
    libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };

/// What a transfer tells about the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    MaySucceed,
    /// It would block: this one was short.
    WouldBlock,
    /// This one has blocked.
    HasBlocked,
}

impl Next {
    /// Less than was asked for means that no more is there, or fits in.
    #[inline]
    pub(super) fn after(count: usize, asked: usize) -> Self {
        match count {
            0 => Self::HasBlocked,
            _ if count < asked => Self::WouldBlock,
            _ => Self::MaySucceed,
        }
    }

    /// A read from a local socket may be short without any reason: it ends where a
    /// descriptor was passed.
    pub(super) fn after_local(count: usize) -> Self {
        if count == 0 { Self::HasBlocked } else { Self::MaySucceed }
    }

    #[inline]
    pub(super) fn note_read(self, source: &FdSource) {
        match self {
            Self::MaySucceed => {}
            Self::WouldBlock => source.read_would_block(),
            Self::HasBlocked => source.read_has_blocked(),
        }
    }

    pub(super) fn note_write(self, source: &FdSource) {
        match self {
            Self::MaySucceed => {}
            Self::WouldBlock => source.write_would_block(),
            Self::HasBlocked => source.write_has_blocked(),
        }
    }
}

/// Runs a system call on a stream socket until no signal interrupts it. `None` stands
/// for `EAGAIN`.
#[inline]
pub(in crate::sockets) fn attempt(mut call: impl FnMut() -> isize) -> Result<Option<usize>> {
    loop {
        return match Errno::result(call()) {
            Ok(count) => Ok(Some(count.unsigned_abs())),
            Err(Errno::EINTR) => continue,
            Err(error) => settle(Err(error)),
        };
    }
}

/// What the result of a system call on a stream socket means.
pub(super) fn settle(result: Result<Option<usize>>) -> Result<Option<usize>> {
    result.or_else(|error| match error {
        Errno::EAGAIN => Ok(None),
        // The kernel has given up on the peer. To callers this must be neither the
        // end of the stream nor the end of their own patience.
        Errno::EPIPE | Errno::ETIMEDOUT => Err(Errno::ECONNRESET),
        error => Err(error),
    })
}

/// Of a read with room for something: 0 bytes are the end of the stream, `EAGAIN`
/// counts as 0 bytes.
pub(super) fn end_of_stream(received: Result<Option<usize>>) -> Result<usize> {
    match received? {
        Some(0) => Err(Errno::EPIPE),
        received => Ok(received.unwrap_or(0)),
    }
}
