//! Stream sockets of the system: what TCP and local sockets have in common.

pub(super) mod connection;
mod descriptor_passing;
mod family;
pub(super) mod listener;
mod unblocked;

pub(super) use family::{Family, reset_when_closed};

use super::direction::is_interrupted_by_scope;
use super::taking_over;
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use crate::scheduler::fd_readiness::FdSource;
use crate::scheduler::handles;
use core::ffi::c_int;
use nix::sys::socket::{self, SockType, sockopt};
use std::os::fd::{OwnedFd, RawFd};

/// Has `open` make an object of the user's socket `fd`, which is closed then. After an error
/// it is as it was.
pub(super) fn take_over(
    fd: RawFd,
    family: Family,
    listening: bool,
    open: impl FnOnce(FdSource) -> Result<c_int>,
) -> Result<c_int> {
    if fd < 0 {
        return Err(Errno::EINVAL);
    }
    check_socket(fd, family, listening)?;
    taking_over::take_over(fd, open)
}

/// The other way round: gives the descriptor of a connection or a listener back to the user,
/// with the bytes that were read ahead. It does not block. After an error the socket is as it was.
pub(super) fn give_back(socket: c_int, family: Family) -> Result<(OwnedFd, Vec<u8>)> {
    let parts = match listener::find(socket, family) {
        Ok(listener) => (listener.release()?, Vec::new()),
        Err(_) => connection::find(socket, family)?.release()?,
    };
    handles::close(socket)?;
    Ok(parts)
}

/// The descriptor of a connection or a listener, which stays the socket's.
pub(super) fn descriptor(socket: c_int, family: Family) -> Result<RawFd> {
    match listener::find(socket, family) {
        Ok(listener) => Ok(listener.descriptor()),
        Err(_) => connection::find(socket, family).map(|connection| connection.descriptor()),
    }
}

/// `EINVAL` unless `fd` is a stream socket of the family that listens, or one that doesn't.
fn check_socket(fd: RawFd, family: Family, listening: bool) -> Result<()> {
    let borrowed = syscalls::borrow(fd);
    let kind = socket::getsockopt(&borrowed, sockopt::SockType)?;
    let accepts = socket::getsockopt(&borrowed, sockopt::AcceptConn)?;
    if kind == SockType::Stream && accepts == listening && Family::of(fd)? == Some(family) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Closes a connection in an orderly way, that is, when both sides have ended their
/// streams. If that fails the connection is reset. In any case the handle is closed.
/// A listener is simply closed.
pub(super) fn close(socket: c_int, family: Family, deadline: i64) -> Result<()> {
    if listener::find(socket, family).is_ok() {
        return handles::close(socket);
    }
    let connection = connection::find(socket, family)?;
    let outcome = connection.shake_hands(deadline);
    // Meanwhile others may have closed the handle or taken over what it stood for.
    if outcome == Err(Errno::EBADF) || connection::find(socket, family) != Ok(connection) {
        return Err(Errno::EBADF);
    }
    // A scope that ends the wait does not take back what was sent.
    let put_off = outcome == Err(Errno::ECANCELED) && is_interrupted_by_scope();
    if outcome.is_ok() || put_off {
        connection.let_system_deliver();
    }
    handles::close(socket)?;
    outcome
}
