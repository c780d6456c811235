//! The families of stream sockets, and what differs between them.

use crate::os::errno::Result;
use crate::os::syscalls;
use nix::sys::socket::{self, AddressFamily, SockaddrLike, SockaddrStorage, sockopt};
use std::os::fd::RawFd;

/// The families of stream sockets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sockets) enum Family {
    /// IPv4 and IPv6.
    Internet,
    /// `AF_UNIX`.
    Local,
}

impl Family {
    /// Local sockets don't read ahead: a descriptor that is passed among the bytes is there
    /// for the call that takes its byte out of the system, and for no later one.
    pub(super) fn reads_ahead(self) -> bool {
        self == Self::Internet
    }

    pub(super) fn of(fd: RawFd) -> Result<Option<Self>> {
        Ok(match socket::getsockname::<SockaddrStorage>(fd)?.family() {
            Some(AddressFamily::Inet | AddressFamily::Inet6) => Some(Self::Internet),
            Some(AddressFamily::Unix) => Some(Self::Local),
            _ => None,
        })
    }
}

/// Makes the system reset the connection `fd` when it is closed, rather than end it in order.
pub(in crate::sockets) fn reset_when_closed(fd: RawFd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = socket::setsockopt(&syscalls::borrow(fd), sockopt::Linger, &linger);
}
