//! The listener.

use super::family::Family;
use crate::os::errno::{Errno, Result};
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::direction::Direction;
use crate::sockets::ip_address::IpAddress;
use crate::sockets::object::{Input, Kind, Object, Placed, Socket};
use crate::sockets::storage::{self, Storage};
use core::ffi::c_int;
use std::os::fd::{OwnedFd, RawFd};

/// Is a storage structure of so many bytes large enough?
pub(in crate::sockets) const fn fits(storage: usize) -> bool {
    storage::fits::<Object<Listener>>(storage)
}

pub(in crate::sockets) struct Listener {
    source: FdSource,
    accepting: Direction,
    own_memory: bool,
}

static TCP: Kind<Listener> = Kind::new("tcp listener");
static IPC: Kind<Listener> = Kind::new("ipc listener");

fn kind(family: Family) -> &'static Kind<Listener> {
    match family {
        Family::Internet => &TCP,
        Family::Local => &IPC,
    }
}

/// The listener of the family that a handle stands for.
pub(in crate::sockets) fn find(socket: c_int, family: Family) -> Result<Placed<Listener>> {
    kind(family).find(socket)
}

/// Makes a listener of a listening, non-blocking socket.
pub(in crate::sockets) fn open(source: FdSource, family: Family, place: Storage) -> Result<c_int> {
    let own_memory = matches!(place, Storage::Own);
    let listener = Listener { source, accepting: Direction::new(), own_memory };
    kind(family).open_placed(listener, place)
}

impl Listener {
    /// The next connection, and the address of its other end. When this returns the listener
    /// may have been closed.
    pub(in crate::sockets) fn accept(&self, deadline: i64) -> Result<(OwnedFd, IpAddress)> {
        let mut peer = IpAddress::NONE;
        let fd = self.accepting.occupy(&self.source, deadline, |call| call.accept(&mut peer))?;
        Ok((fd, peer))
    }

    /// Gives up the descriptor, as a copy of its own. `EBUSY` if somebody accepts.
    pub(super) fn release(&self) -> Result<OwnedFd> {
        if self.accepting.is_busy() { Err(Errno::EBUSY) } else { self.source.release() }
    }

    /// The descriptor, which stays the listener's.
    pub(super) fn descriptor(&self) -> RawFd {
        self.source.as_raw_fd()
    }
}

impl Socket for Listener {
    type Table = ();
    type Hold = Placed<Self>;

    fn input(&self) -> Result<Input> {
        Ok(Input::Descriptor(self.source.as_raw_fd()))
    }

    fn close(&self) {
        self.accepting.close();
        self.source.abandon_waiters();
    }

    fn owns_memory(&self) -> bool {
        self.own_memory
    }
}
