//! TCP: making and ending connections and listeners.

use super::fd_io;
use super::ip_address::{self, IpAddress};
use super::storage::Storage;
use super::stream::{self, Family, connection, listener};
use crate::os::errno::{Errno, Result};
use crate::os::{descriptors, syscalls};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use core::ffi::c_int;
use nix::sys::socket::{self, AddressFamily, Backlog, SockaddrLike, SockaddrStorage, sockopt};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Size of the C structure for a connection.
pub(crate) const CONNECTION_STORAGE: usize = 72;
const _: () = assert!(connection::fits(CONNECTION_STORAGE));
/// Size of the C structure for a listener.
pub(crate) const LISTENER_STORAGE: usize = 56;
const _: () = assert!(listener::fits(LISTENER_STORAGE));

fn new_socket(address: &IpAddress) -> Result<(OwnedFd, SockaddrStorage)> {
    let address = SockaddrStorage::from(address.decode()?);
    let family = address.family().unwrap_or(AddressFamily::Unspec);
    Ok((descriptors::socket(family as c_int, libc::SOCK_STREAM)?, address))
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
    let handle = listener::open(FdSource::register(fd)?, Family::Internet, storage)?;
    if let Some(port) = port {
        address.set_port(port.into())?;
    }
    Ok(handle)
}

pub(super) fn bound_port(fd: &OwnedFd) -> Result<u16> {
    ip_address::of_socket(Ok(fd.as_raw_fd())).map(|address| address.port())
}

fn open(source: FdSource, storage: Storage) -> Result<c_int> {
    // Messages shall leave when they are sent. It is no reason to fail if they don't.
    let fd = syscalls::borrow(source.as_raw_fd());
    let _ = socket::setsockopt(&fd, sockopt::TcpNoDelay, &true);
    connection::open(source, Family::Internet, storage)
}

/// Accepts a connection: its handle, and the address of its other end.
pub(crate) fn accept(socket: c_int, storage: Storage, deadline: i64) -> Result<(c_int, IpAddress)> {
    Context::get()?.take_turn(deadline);
    let listener = listener::find(socket, Family::Internet)?;
    Context::may_block()?;
    let (fd, peer) = listener.accept(deadline)?;
    // From here on nothing blocks, so the listener need not be alive any more.
    let handle = open(FdSource::register(fd)?, storage)?;
    Ok((handle, peer))
}

/// Times that a connection to itself is given up for another attempt.
const MOST_RETRIES: usize = 2;

/// Connects to `address`.
///
/// Where no socket listens at a port that the system may choose for outgoing connections, it may
/// choose just that one, and TCP then connects the socket to itself. Such a connection is reset,
/// and the next attempt mostly gets another port. `ECONNREFUSED` if none does.
pub(crate) fn connect(address: &IpAddress, storage: Storage, deadline: i64) -> Result<c_int> {
    Context::may_block()?;
    for _ in 0..=MOST_RETRIES {
        let (fd, target) = new_socket(address)?;
        let source = fd_io::connect(fd, &target, deadline)?;
        if !is_connected_to_itself(source.as_raw_fd(), address) {
            return open(source, storage);
        }
        // Otherwise the port would stay taken for a while.
        stream::reset_when_closed(source.as_raw_fd());
    }
    Err(Errno::ECONNREFUSED)
}

/// Returns whether both ends of the connection `fd` to `target` are the same socket.
fn is_connected_to_itself(fd: RawFd, target: &IpAddress) -> bool {
    let Ok(local) = ip_address::of_socket(Ok(fd)) else { return false };
    // Mostly that is all there is to ask.
    target.port() == Ok(local.port())
        && ip_address::of_peer(Ok(fd))
            .is_ok_and(|peer| peer.ip() == local.ip() && peer.port() == local.port())
}

/// Makes a connection of the user's connected socket `fd`, which is closed then.
/// After an error it is as it was.
pub(crate) fn from_fd(fd: RawFd, storage: Storage) -> Result<c_int> {
    stream::take_over(fd, Family::Internet, false, |source| open(source, storage))
}

/// Makes a listener of the user's listening socket `fd`, which is closed then. After
/// an error it is as it was.
pub(crate) fn listener_from_fd(fd: RawFd, storage: Storage) -> Result<c_int> {
    stream::take_over(fd, Family::Internet, true, |source| {
        listener::open(source, Family::Internet, storage)
    })
}

/// Gives the descriptor of a connection or a listener to the user, non-blocking, and what was
/// read ahead. After an error the socket is as it was.
pub(crate) fn into_fd(socket: c_int) -> Result<(OwnedFd, Vec<u8>)> {
    stream::give_back(socket, Family::Internet)
}

/// The descriptor of a connection or a listener, which stays the socket's.
pub(crate) fn descriptor(socket: c_int) -> Result<RawFd> {
    stream::descriptor(socket, Family::Internet)
}

/// Says that no more will be sent. Receiving goes on.
pub(crate) fn done(socket: c_int) -> Result<()> {
    connection::find(socket, Family::Internet)?.done()
}

/// Closes a connection in an orderly way; see [`stream::close`].
pub(crate) fn close(socket: c_int, deadline: i64) -> Result<()> {
    stream::close(socket, Family::Internet, deadline)
}
