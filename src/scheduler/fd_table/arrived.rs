//! The outcome of an operation that the poller has carried out itself.

use crate::scheduler::poller::{Buffer, Poller as _, SystemPoller};
use core::ffi::c_void;
use core::ptr;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// The outcome of a receive or an accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrived {
    /// As the system call would have returned it, or the negative error.
    pub(super) result: i32,
    pub(super) buffer: Option<Buffer>,
    /// The result is the number of a connection.
    pub(super) connection: bool,
}

impl Arrived {
    pub(super) const NOTHING: Arrived = Arrived { result: 0, buffer: None, connection: false };

    /// Bytes that can't be had any more.
    pub(super) const LOST: Arrived =
        Arrived { result: -libc::ECONNRESET, buffer: None, connection: false };

    /// Where the bytes are.
    pub(super) fn buffer(&self) -> Option<Buffer> {
        self.buffer
    }

    pub(super) fn is_connection(&self) -> bool {
        self.connection
    }

    /// Drops it, and gives the buffer back to the `poller`, if there is one.
    pub(super) fn discard(self, poller: Option<&SystemPoller>) {
        if let Some(buffer) = self.buffer {
            // SAFETY: nothing is copied.
            #[allow(unsafe_code)]
            unsafe {
                give_back(poller, buffer, ptr::null_mut(), 0);
            }
        }
        if self.connection && self.result >= 0 {
            drop(owned(self.result));
        }
    }
}

/// Gives the poller's buffer back, of which `length` bytes are copied to `to` unless that is
/// null.
///
/// # Safety
/// Otherwise so many bytes can be written there.
#[allow(unsafe_code)]
pub(super) unsafe fn give_back(
    poller: Option<&SystemPoller>,
    buffer: Buffer,
    to: *mut c_void,
    length: usize,
) {
    if let Some(completions) = poller.and_then(|it| it.completions()) {
        // SAFETY: by the caller's promise.
        unsafe { completions.take(buffer, to, length) };
    }
}

/// A connection that was accepted.
pub(in crate::scheduler) fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the number is one that the system has made and that is known nowhere else.
    #[allow(unsafe_code)]
    unsafe {
        OwnedFd::from_raw_fd(fd)
    }
}
