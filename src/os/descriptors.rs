//! Makes the descriptors that the library keeps for itself.
//!
//! None of them is below 3. A program may be started with its standard descriptors closed, and
//! put other files there later: a `dup2` would replace the poller or a socket. All of them are
//! non-blocking as far as that means anything, and closed when another program is executed.

use super::errno::{Errno, Result};
use super::refusal::Optional;
use core::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// The lowest number of a descriptor of ours.
const LOWEST: RawFd = libc::STDERR_FILENO + 1;

/// Returns `fd`, or a copy of it with a higher number where `fd` has one of the standard
/// descriptors' numbers. The copy shares the file's flags and is closed on `exec`.
#[inline(always)]
pub(crate) fn above_standard(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() >= LOWEST { Ok(fd) } else { duplicate(fd.as_fd()) }
}

/// As [`above_standard`]; the copy is inherited on `exec`, as what `recvmsg` gives is.
#[cfg(feature = "sockets")]
pub(crate) fn above_standard_inherited(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() >= LOWEST {
        return Ok(fd);
    }
    // SAFETY: a system call without memory; the result is a new descriptor.
    unsafe { owned(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD, LOWEST)) }
}

/// Copies a descriptor. The copy is closed on `exec`.
#[cold]
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: a system call without memory; the result is a new descriptor.
    unsafe { owned(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, LOWEST)) }
}

/// Makes an epoll.
pub(crate) fn epoll() -> Result<OwnedFd> {
    static EPOLL_CREATE1: Optional = Optional::new();
    // SAFETY: system calls without memory; the results are new descriptors.
    let made = EPOLL_CREATE1.or_older(
        || unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) },
        || unsafe { owned(libc::epoll_create(1)) }.and_then(close_on_exec),
    );
    above_standard(made?)
}

/// Two descriptors, of which one becomes readable when eight bytes are written to the other.
pub(crate) struct Wakeup {
    pub(crate) reader: OwnedFd,
    /// `None`: `reader` serves both purposes.
    writer: Option<OwnedFd>,
}

impl Wakeup {
    /// Makes an eventfd, or a pipe where that is refused.
    pub(crate) fn new() -> Result<Wakeup> {
        static EVENTFD2: Optional = Optional::new();
        EVENTFD2.or_older(
            || {
                // SAFETY: a system call without memory; the result is a new descriptor.
                let made =
                    unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) };
                Ok(Wakeup { reader: above_standard(made?)?, writer: None })
            },
            || {
                let (reader, writer) = pipe()?;
                Ok(Wakeup { reader, writer: Some(writer) })
            },
        )
    }

    /// The number to write to.
    pub(crate) fn writer(&self) -> RawFd {
        self.writer.as_ref().unwrap_or(&self.reader).as_raw_fd()
    }

    /// Makes `reader` unreadable until more is written.
    pub(crate) fn rest(&self) {
        let mut bytes = [0; 512];
        // An eventfd gives eight bytes at once, a pipe all that was written.
        while nix::unistd::read(&self.reader, &mut bytes) == Ok(bytes.len()) {}
    }

    /// Takes both apart: the descriptor to wait for, and what must stay open for the writer.
    pub(crate) fn into_parts(self) -> (OwnedFd, Option<OwnedFd>) {
        (self.reader, self.writer)
    }
}

/// Makes a pipe: the end to read from, and the end to write to.
fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    static PIPE2: Optional = Optional::new();
    let made = PIPE2.or_older(
        || {
            let mut ends = [-1; 2];
            // SAFETY: a place for two descriptors, which are new.
            unsafe {
                Errno::result(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK))?;
                Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
            }
        },
        || {
            let mut ends = [-1; 2];
            // SAFETY: a place for two descriptors, which are new.
            let (reader, writer) = unsafe {
                Errno::result(libc::pipe(ends.as_mut_ptr()))?;
                (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
            };
            Ok((prepare(reader)?, prepare(writer)?))
        },
    );
    let (reader, writer) = made?;
    Ok((above_standard(reader)?, above_standard(writer)?))
}

/// Makes a socket.
#[cfg(feature = "sockets")]
pub(crate) fn socket(family: c_int, kind: c_int) -> Result<OwnedFd> {
    static SOCKET_WITH_FLAGS: Optional = Optional::new();
    // SAFETY: system calls without memory; the results are new descriptors.
    let made = SOCKET_WITH_FLAGS.or_older(
        || unsafe { owned(libc::socket(family, kind | SOCKET_FLAGS, 0)) },
        || unsafe { owned(libc::socket(family, kind, 0)) }.and_then(prepare),
    );
    above_standard(made?)
}

/// Makes two connected local sockets.
#[cfg(feature = "sockets")]
pub(crate) fn socket_pair() -> Result<(OwnedFd, OwnedFd)> {
    static SOCKETPAIR_WITH_FLAGS: Optional = Optional::new();
    let pair = |kind| {
        let mut ends = [-1; 2];
        // SAFETY: a place for two descriptors, which are new.
        unsafe {
            Errno::result(libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()))?;
            Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
        }
    };
    let made = SOCKETPAIR_WITH_FLAGS.or_older(
        || pair(libc::SOCK_STREAM | SOCKET_FLAGS),
        || pair(libc::SOCK_STREAM).and_then(|(a, b)| Ok((prepare(a)?, prepare(b)?))),
    );
    let (first, second) = made?;
    Ok((above_standard(first)?, above_standard(second)?))
}

/// Accepts a connection; its peer's address goes to `address`, as far as that is long enough.
#[cfg(feature = "sockets")]
pub(crate) fn accept(listener: RawFd, address: &mut [u8]) -> Result<OwnedFd> {
    static ACCEPT4: Optional = Optional::new();
    let place: *mut libc::sockaddr = address.as_mut_ptr().cast();
    let room = address.len() as libc::socklen_t;
    // SAFETY: `place` has room for `room` bytes, and addresses need no alignment here; the
    // results are new descriptors.
    let accepted = ACCEPT4.or_older(
        || unsafe {
            let mut length = room;
            owned(libc::accept4(listener, place, &raw mut length, SOCKET_FLAGS))
        },
        || {
            let mut length = room;
            // SAFETY: `place` has room for `room` bytes, see `room`; the result is a new descriptor.
            unsafe { owned(libc::accept(listener, place, &raw mut length)) }.and_then(prepare)
        },
    );
    above_standard(accepted?)
}

#[cfg(feature = "sockets")]
const SOCKET_FLAGS: c_int = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;

/// The owner of a descriptor that a system call has returned.
///
/// # Safety
/// `result` is negative, or a descriptor that was made just now.
unsafe fn owned(result: c_int) -> Result<OwnedFd> {
    // SAFETY: a new descriptor has no other owner.
    Errno::result(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets what a newer system call would have set at once.
#[cold]
fn prepare(fd: OwnedFd) -> Result<OwnedFd> {
    // SAFETY: system calls without memory.
    unsafe {
        let flags = Errno::result(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL))?;
        Errno::result(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    close_on_exec(fd)
}

#[cold]
fn close_on_exec(fd: OwnedFd) -> Result<OwnedFd> {
    // SAFETY: a system call without memory.
    Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(fd)
}
