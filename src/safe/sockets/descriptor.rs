//! Descriptors that are not this library's.

use crate::os::errno;
use crate::os::syscalls;
use crate::scheduler::fd_readiness;
use crate::{Deadline, Error, Result};
use core::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// Waits until a descriptor of yours can be read from without blocking: there is input, its end, or
/// an error. For sockets of this library there is no need, as they wait by themselves.
///
/// # Errors
///
/// [`Error::TimedOut`], [`Error::Canceled`]; [`Error::Busy`] when another coroutine waits for the
/// same, or the descriptor is that of a socket of this library; [`Error::Unsupported`] or
/// [`Error::Os`] with `EPERM` for what can't be waited for, such as a file.
///
/// ```
/// use std::io::{PipeReader, Read, Write};
/// use std::time::Duration;
///
/// let (mut rx, mut tx) = std::io::pipe()?;
/// assert_eq!(redill::readable(&rx, Duration::from_millis(1)), Err(redill::Error::TimedOut));
/// tx.write_all(b"x")?;
/// redill::readable(&rx, Duration::from_secs(10))?;
/// rx.read_exact(&mut [0])?;
/// # Ok::<(), redill::Error>(())
/// ```
pub fn readable(fd: impl AsFd, deadline: impl Into<Deadline>) -> Result<()> {
    let deadline = deadline.into().raw();
    fd_readiness::wait_readable(fd.as_fd().as_raw_fd(), deadline).map_err(Error::of)
}

/// Waits until a descriptor of yours can be written to without blocking: there is room, or an
/// error.
///
/// # Errors
///
/// As [`readable`].
///
/// ```
/// use std::time::Duration;
///
/// let (_rx, tx) = std::io::pipe()?;
/// redill::writable(&tx, Duration::from_secs(10))?;
/// # Ok::<(), redill::Error>(())
/// ```
pub fn writable(fd: impl AsFd, deadline: impl Into<Deadline>) -> Result<()> {
    let deadline = deadline.into().raw();
    fd_readiness::wait_writable(fd.as_fd().as_raw_fd(), deadline).map_err(Error::of)
}

/// What sockets with descriptors of their own have in common: they lend them, and take those of the
/// standard library over, as `from_fd` does.
macro_rules! descriptors {
    ($(#[$about:meta])* $type:ty, $descriptor:path $(, from $std:ty)?) => {
        impl std::os::fd::AsFd for $type {
            $(#[$about])*
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                $crate::safe::sockets::descriptor::borrow($descriptor(self.socket.number()))
            }
        }

        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsFd::as_fd(self).as_raw_fd()
            }
        }

        $(
            /// As `from_fd`.
            impl TryFrom<$std> for $type {
                type Error = $crate::Error;

                fn try_from(socket: $std) -> $crate::Result<$type> {
                    <$type>::from_fd(socket.into())
                }
            }
        )?
    };
}

pub(super) use descriptors;

/// Has a function of the core take over a descriptor, which it closes only if it succeeds.
pub(super) fn adopt(
    fd: OwnedFd,
    take_over: impl FnOnce(RawFd) -> errno::Result<c_int>,
) -> errno::Result<c_int> {
    let handle = take_over(fd.as_raw_fd())?;
    let _ = fd.into_raw_fd();
    Ok(handle)
}

/// The descriptor of an open socket.
///
/// # Panics
/// There is none any more: C code has closed the handle, or the thread is ending.
pub(super) fn borrow<'a>(fd: errno::Result<RawFd>) -> BorrowedFd<'a> {
    syscalls::borrow(fd.expect("the socket is open"))
}
