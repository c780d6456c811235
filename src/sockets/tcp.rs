//! TCP: making and ending connections and listeners.

mod connection;
mod listener;

use super::fd_io;
use super::ip_address::IpAddress;
use super::storage::Storage;
use crate::concurrency::handle_close;
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::{self, FdSource};
use core::ffi::c_int;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    self, AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, sockopt,
};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Size of the C structure for a connection.
pub(crate) const CONNECTION_STORAGE: usize = 72;
/// Size of the C structure for a listener.
pub(crate) const LISTENER_STORAGE: usize = 56;

fn new_socket(address: &IpAddress) -> Result<(OwnedFd, SockaddrStorage)> {
    let address = SockaddrStorage::from(address.decode()?);
    let family = address.family().unwrap_or(AddressFamily::Unspec);
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok((socket::socket(family, SockType::Stream, flags, None)?, address))
}

/// Listens on `address`; a port 0 in it is replaced by the one that the system chose.
pub(crate) fn listen(address: &mut IpAddress, backlog: c_int, storage: Storage) -> Result<c_int> {
    let (fd, target) = new_socket(address)?;
    socket::setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    socket::bind(fd.as_raw_fd(), &target)?;
    // The system takes a negative backlog as its own limit, and so does libdill.
    let backlog = Backlog::new(backlog).unwrap_or(Backlog::MAXCONN);
    socket::listen(&fd, backlog)?;
    let port = if address.port()? == 0 { Some(bound_port(&fd)?) } else { None };
    let handle = listener::open(FdSource::register(fd)?, storage)?;
    if let Some(port) = port {
        address.set_port(port.into())?;
    }
    Ok(handle)
}

fn bound_port(fd: &OwnedFd) -> Result<u16> {
    let address = socket::getsockname::<SockaddrStorage>(fd.as_raw_fd())?;
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Ok(v4.port()),
        (_, Some(v6)) => Ok(v6.port()),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Accepts a connection: its handle, and the address of its other end.
pub(crate) fn accept(socket: c_int, storage: Storage, deadline: i64) -> Result<(c_int, IpAddress)> {
    let listener = listener::find(socket)?;
    Context::may_block()?;
    let (fd, peer) = listener.accept(deadline)?;
    // From here on nothing blocks, so the listener need not be alive any more.
    let handle = connection::open(FdSource::register(fd)?, storage)?;
    Ok((handle, peer))
}

/// Connects to `address`.
pub(crate) fn connect(address: &IpAddress, storage: Storage, deadline: i64) -> Result<c_int> {
    Context::may_block()?;
    let (fd, target) = new_socket(address)?;
    connection::open(fd_io::connect(fd, &target, deadline)?, storage)
}

/// Makes a connection of the user's connected socket `fd`, which is closed then.
/// After an error it is as it was.
pub(crate) fn from_fd(fd: RawFd, storage: Storage) -> Result<c_int> {
    take_over(fd, false, |source| connection::open(source, storage))
}

/// Makes a listener of the user's listening socket `fd`, which is closed then. After
/// an error it is as it was.
pub(crate) fn listener_from_fd(fd: RawFd, storage: Storage) -> Result<c_int> {
    take_over(fd, true, |source| listener::open(source, storage))
}

fn take_over(
    fd: RawFd,
    listening: bool,
    open: impl FnOnce(FdSource) -> Result<c_int>,
) -> Result<c_int> {
    if fd < 0 {
        return Err(Errno::EINVAL);
    }
    let original = syscalls::borrow(fd);
    check_socket(fd, listening)?;
    fd_readiness::clean(fd)?;
    let flags = OFlag::from_bits_retain(fcntl(original, FcntlArg::F_GETFL)?);
    // A number of our own: nobody else closes it.
    let copy = original
        .try_clone_to_owned()
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EMFILE)))?;
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

/// `EINVAL` unless `fd` is a TCP socket that listens, or one that doesn't.
fn check_socket(fd: RawFd, listening: bool) -> Result<()> {
    let borrowed = syscalls::borrow(fd);
    let kind = socket::getsockopt(&borrowed, sockopt::SockType)?;
    let accepts = socket::getsockopt(&borrowed, sockopt::AcceptConn)?;
    let family = socket::getsockname::<SockaddrStorage>(fd)?.family();
    let internet = matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6));
    if kind == SockType::Stream && accepts == listening && internet {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Says that no more will be sent. Receiving goes on.
pub(crate) fn done(socket: c_int) -> Result<()> {
    connection::find(socket)?.done()
}

/// Closes a connection in an orderly way, that is, when both sides have ended their
/// streams. If that fails the connection is reset. In any case the handle is closed.
/// A listener is simply closed.
pub(crate) fn close(socket: c_int, deadline: i64) -> Result<()> {
    if listener::find(socket).is_ok() {
        return handle_close::close(socket);
    }
    let connection = connection::find(socket)?;
    let outcome = connection.shake_hands(deadline);
    // Meanwhile others may have closed the handle or taken over what it stood for.
    if outcome == Err(Errno::EBADF) || connection::find(socket) != Ok(connection) {
        return Err(Errno::EBADF);
    }
    // A scope that ends the wait does not take back what was sent.
    let put_off = outcome == Err(Errno::ECANCELED) && connection::is_interrupted_by_scope();
    if outcome.is_ok() || put_off {
        connection.let_system_deliver();
    }
    handle_close::close(socket)?;
    outcome
}
