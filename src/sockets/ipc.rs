//! Local sockets (`AF_UNIX`): making and ending connections and listeners.

#![allow(unsafe_code)] // The second half of the caller's memory for a pair.

use super::fd_io;
use super::storage::Storage;
use super::stream::{self, Family, connection, listener};
use crate::concurrency::handle_close;
use crate::os::descriptors;
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt};
use crate::scheduler::fd_readiness::FdSource;
use crate::scheduler::time;
use core::ffi::{CStr, c_int};
use nix::sys::socket::{self, Backlog, UnixAddr};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

/// Size of the C structure for a connection.
pub(crate) const CONNECTION_STORAGE: usize = 72;
const _: () = assert!(connection::fits(CONNECTION_STORAGE));
/// Size of the C structure for a listener. That is too small for one, which therefore always
/// has a block of our own.
pub(crate) const LISTENER_STORAGE: usize = 24;
const _: () = assert!(!listener::fits(LISTENER_STORAGE));
/// Size of the C structure for a pair of connections.
pub(crate) const PAIR_STORAGE: usize = 2 * CONNECTION_STORAGE;

fn new_socket() -> Result<OwnedFd> {
    descriptors::socket(libc::AF_UNIX, libc::SOCK_STREAM)
}

/// The address of a file; `ENAMETOOLONG` if its name doesn't fit. (A C string is the kind of
/// name that nix doesn't copy to the stack.)
fn address(path: &CStr) -> Result<UnixAddr> {
    UnixAddr::new(path)
}

/// Listens on the file `path`, which is made and must not exist.
pub(crate) fn listen(path: &CStr, backlog: c_int) -> Result<c_int> {
    Context::may_start()?;
    let address = address(path)?;
    let fd = new_socket()?;
    socket::bind(fd.as_raw_fd(), &address)?;
    // The system takes a negative backlog as its own limit, and so does libdill.
    let backlog = Backlog::new(backlog).unwrap_or(Backlog::MAXCONN);
    socket::listen(&fd, backlog)?;
    listener::open(FdSource::register(fd)?, Family::Local, Storage::Own)
}

/// Accepts a connection.
pub(crate) fn accept(socket: c_int, storage: Storage, deadline: i64) -> Result<c_int> {
    Context::get()?.take_turn(deadline);
    let listener = listener::find(socket, Family::Local)?;
    Context::may_block()?;
    let (fd, _) = listener.accept(deadline)?;
    // From here on nothing blocks, so the listener need not be alive any more.
    connection::open(FdSource::register(fd)?, Family::Local, storage)
}

/// The shortest and the longest pause between two attempts to connect, in milliseconds.
const PAUSES: (i64, i64) = (1, 16);

/// Connects to the listener of the file `path`.
pub(crate) fn connect(path: &CStr, storage: Storage, deadline: i64) -> Result<c_int> {
    Context::may_block()?;
    let address = address(path)?;
    let mut pause = PAUSES.0;
    loop {
        match fd_io::connect(new_socket()?, &address, deadline) {
            // The listener's queue is full. The system tells when there is room again only
            // to those who block in it.
            Err(Errno::EAGAIN) => {}
            source => return connection::open(source?, Family::Local, storage),
        }
        let now = time::now();
        if !is_never(deadline) && has_come(deadline, now) {
            return Err(Errno::ETIMEDOUT);
        }
        let until = now.saturating_add(pause);
        sleep(if deadline >= 0 { until.min(deadline) } else { until })?;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn sleep(until: i64) -> Result<()> {
    let context = Context::may_block()?;
    let current = context.current();
    current.will_block(Blocked::Plain, Interrupt::Any);
    context.arm_alarm(current, until);
    let (_, errno) = context.park();
    if errno == 0 { Ok(()) } else { Err(Errno::from_raw(errno)) }
}

/// Makes two connections that are each other's peers. If the memory is the caller's, it is
/// that of both, [`PAIR_STORAGE`] bytes.
pub(crate) fn pair(storage: Storage) -> Result<[c_int; 2]> {
    Context::may_start()?;
    let second = match storage {
        Storage::Own => Storage::Own,
        // SAFETY: the memory is large enough for two.
        Storage::Caller(memory) => Storage::Caller(unsafe { memory.add(CONNECTION_STORAGE) }),
    };
    let (a, b) = descriptors::socket_pair()?;
    let (a, b) = (FdSource::register(a)?, FdSource::register(b)?);
    let first = connection::open(a, Family::Local, storage)?;
    match connection::open(b, Family::Local, second) {
        Ok(second) => Ok([first, second]),
        Err(error) => {
            handle_close::close(first)?;
            Err(error)
        }
    }
}

/// Makes a connection of the user's connected socket `fd`, which is closed then.
/// After an error it is as it was.
pub(crate) fn from_fd(fd: RawFd, storage: Storage) -> Result<c_int> {
    stream::take_over(fd, Family::Local, false, |source| {
        connection::open(source, Family::Local, storage)
    })
}

/// Makes a listener of the user's listening socket `fd`, which is closed then. After
/// an error it is as it was.
pub(crate) fn listener_from_fd(fd: RawFd) -> Result<c_int> {
    stream::take_over(fd, Family::Local, true, |source| {
        listener::open(source, Family::Local, Storage::Own)
    })
}

/// Passes the user's descriptor `fd` to the peer. The user keeps it.
pub(crate) fn send_descriptor(socket: c_int, fd: RawFd, deadline: i64) -> Result<()> {
    Context::get()?.take_turn(deadline);
    connection::find(socket, Family::Local)?.send_descriptor(fd, deadline)
}

/// Receives a descriptor, which is the user's from then on.
pub(crate) fn receive_descriptor(socket: c_int, deadline: i64) -> Result<RawFd> {
    receive_owned(socket, deadline).map(OwnedFd::into_raw_fd)
}

/// As [`receive_descriptor`], with its owner.
pub(crate) fn receive_owned(socket: c_int, deadline: i64) -> Result<OwnedFd> {
    Context::get()?.take_turn(deadline);
    connection::find(socket, Family::Local)?.receive_descriptor(deadline)
}

/// Gives the descriptor of a connection or a listener to the user, non-blocking, and what was
/// read ahead. After an error the socket is as it was.
pub(crate) fn into_fd(socket: c_int) -> Result<(OwnedFd, Vec<u8>)> {
    stream::give_back(socket, Family::Local)
}

/// The descriptor of a connection or a listener, which stays the socket's.
pub(crate) fn descriptor(socket: c_int) -> Result<RawFd> {
    stream::descriptor(socket, Family::Local)
}

/// Says that no more will be sent. Receiving goes on.
pub(crate) fn done(socket: c_int) -> Result<()> {
    connection::find(socket, Family::Local)?.done()
}

/// Closes a connection in an orderly way; see [`stream::close`].
pub(crate) fn close(socket: c_int, deadline: i64) -> Result<()> {
    stream::close(socket, Family::Local, deadline)
}
