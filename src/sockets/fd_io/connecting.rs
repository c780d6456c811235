//! Making connections: the way in, and the way out.

#![allow(unsafe_code)] // System calls with addresses.

use super::Call;
use crate::os::descriptors;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::ip_address::IpAddress;
use nix::sys::socket::SockaddrLike;
use std::os::fd::{AsRawFd, OwnedFd};

impl Call<'_> {
    /// Takes the next connection, and its peer's address.
    pub(crate) fn accept(&mut self, peer: &mut IpAddress) -> Result<OwnedFd> {
        loop {
            if !self.source.may_read() {
                self.check_deadline()?;
                let result = self.source.wait_for_connection(self.deadline);
                self.check_alive(result)?;
                // Cancelled meanwhile, it could make no handle for the connection.
                Context::may_start()?;
            }
            match accept_one(self.source, peer) {
                Err(Errno::EAGAIN) => self.source.read_has_blocked(),
                Err(Errno::EINTR) => {}
                // These tell of a connection that broke while it waited to be accepted.
                Err(
                    Errno::ECONNABORTED
                    | Errno::EPROTO
                    | Errno::ENOPROTOOPT
                    | Errno::EHOSTDOWN
                    | Errno::ENONET
                    | Errno::EHOSTUNREACH
                    | Errno::ENETDOWN
                    | Errno::ENETUNREACH,
                ) => self.check_deadline()?,
                result => return result,
            }
        }
    }
}

fn accept_one(source: &FdSource, peer: &mut IpAddress) -> Result<OwnedFd> {
    *peer = IpAddress::NONE;
    let bytes = peer.as_mut_bytes();
    if source.has_arrived() {
        let connection = source.take_connection()?;
        let mut length = bytes.len() as libc::socklen_t;
        let name = bytes.as_mut_ptr().cast();
        // SAFETY: `bytes` has room for `length` bytes, and addresses need no alignment here.
        // When the peer has gone already it has no name.
        unsafe { libc::getpeername(connection.as_raw_fd(), name, &raw mut length) };
        return Ok(connection);
    }
    descriptors::accept(source.as_raw_fd(), bytes)
}

/// Connects the non-blocking socket `fd` to `address`.
pub(crate) fn connect(fd: OwnedFd, address: &impl SockaddrLike, deadline: i64) -> Result<FdSource> {
    let number = fd.as_raw_fd();
    // Asking again is how to learn the outcome.
    let connect = || match nix::sys::socket::connect(number, address) {
        Err(Errno::EINPROGRESS | Errno::EALREADY | Errno::EINTR) => Ok(false),
        Ok(()) | Err(Errno::EISCONN) => Ok(true),
        Err(error) => Err(error),
    };
    let mut connected = connect()?;
    // Not before: a socket that isn't even connecting is reported as broken.
    let source = FdSource::register(fd)?;
    while !connected {
        source.write_has_blocked();
        source.wait_writable(deadline, Interrupt::Any)?;
        connected = connect()?;
    }
    Ok(source)
}
