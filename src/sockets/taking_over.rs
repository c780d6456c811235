//! Descriptors of the user's that become library sockets.

use crate::os::errno::Result;
use crate::os::{descriptors, syscalls};
use crate::scheduler::fd_readiness::{self, FdSource};
use core::ffi::c_int;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::os::fd::RawFd;

/// Has `open` make an object of the user's socket `fd`, which is closed then. After an error
/// it is as it was.
pub(super) fn take_over(fd: RawFd, open: impl FnOnce(FdSource) -> Result<c_int>) -> Result<c_int> {
    let original = syscalls::borrow(fd);
    fd_readiness::clean(fd)?;
    let flags = OFlag::from_bits_retain(fcntl(original, FcntlArg::F_GETFL)?);
    // A number of our own: nobody else closes it.
    let copy = descriptors::duplicate(original)?;
    fcntl(original, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    let handle = FdSource::register(copy).and_then(open);
    if handle.is_ok() {
        let _ = nix::unistd::close(fd);
    } else {
        // Original and copy share these flags.
        let _ = fcntl(original, FcntlArg::F_SETFL(flags));
    }
    handle
}
