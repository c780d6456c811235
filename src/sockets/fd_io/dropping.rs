//! Input that nobody wants.

#![allow(unsafe_code)] // System calls with buffers.

use super::system_call::{Next, attempt, end_of_stream};
use crate::os::errno::Result;
use core::cell::UnsafeCell;
use core::ffi::c_void;
use std::os::fd::RawFd;

/// Bytes dropped in one system call.
const DROP_AT_ONCE: usize = 1 << 20;

/// Drops at most `limit` bytes of input that is there, and returns their number. TCP does
/// that without copying, for a truncating read.
pub(super) fn drop_some(fd: RawFd, limit: usize, local: bool) -> Result<(usize, Next)> {
    let limit = limit.min(DROP_AT_ONCE);
    // SAFETY: the sink has room for `limit` bytes.
    let dropped = attempt(|| unsafe { libc::recv(fd, SINK.address(), limit, libc::MSG_TRUNC) });
    let dropped = end_of_stream(dropped)?;
    let next = if local { Next::after_local(dropped) } else { Next::after(dropped, limit) };
    Ok((dropped, next))
}

/// Memory that a truncating read names but does not use, except from local sockets, which
/// don't know such reads. It is there for Valgrind, too. Untouched, it costs address space only.
struct Sink(UnsafeCell<[u8; DROP_AT_ONCE]>);

// SAFETY: the content is never read; that threads overwrite each other's is all right.
unsafe impl Sync for Sink {}

static SINK: Sink = Sink(UnsafeCell::new([0; DROP_AT_ONCE]));

impl Sink {
    fn address(&self) -> *mut c_void {
        self.0.get().cast()
    }
}
