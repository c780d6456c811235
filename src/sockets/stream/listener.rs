//! The listener.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

use super::Family;
use crate::concurrency::input::{self, InputVfs};
use crate::handle_table::Kind;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::direction::Direction;
use crate::sockets::ip_address::IpAddress;
use crate::sockets::storage::{self, Storage};
use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};
use std::os::fd::{OwnedFd, RawFd};

/// Is a storage structure of so many bytes large enough?
pub(in crate::sockets) const fn fits(storage: usize) -> bool {
    storage::fits::<Listener>(storage)
}

#[repr(C)]
pub(in crate::sockets) struct Listener {
    readiness: InputVfs,
    source: FdSource,
    accepting: Direction,
    own_memory: bool,
}

static TCP: Kind = Kind::new("tcp listener", close, query);
static IPC: Kind = Kind::new("ipc listener", close, query);

fn kind(family: Family) -> &'static Kind {
    match family {
        Family::Internet => &TCP,
        Family::Local => &IPC,
    }
}

/// The listener of the family that a handle stands for.
pub(in crate::sockets) fn find(socket: c_int, family: Family) -> Result<Ref<Listener>> {
    let object = Context::get()?.handles.find(socket, kind(family))?;
    // SAFETY: handles of this kind stand for live listeners.
    Ok(unsafe { Ref::from_raw(object.cast()) })
}

/// Makes a listener of a listening, non-blocking socket.
pub(in crate::sockets) fn open(source: FdSource, family: Family, place: Storage) -> Result<c_int> {
    let own_memory = matches!(place, Storage::Own);
    let listener = Listener {
        readiness: InputVfs { input: Some(input_beneath) },
        source,
        accepting: Direction::new(),
        own_memory,
    };
    storage::open(listener, place, kind(family))
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

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live listener.
unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    // The table is the object's first field.
    if type_id == input::type_id() { object.cast() } else { ptr::null_mut() }
}

/// Stands in [`InputVfs`].
///
/// # Safety
/// The table is that of a live listener, `beneath` a place for the answer.
unsafe extern "C" fn input_beneath(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    // SAFETY: the table is the first field of a listener, alive while it is asked; the
    // caller gives a place for the answer.
    unsafe { *beneath = (*vfs.cast::<Listener>()).source.as_raw_fd() };
    input::DESCRIPTOR
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live listener.
unsafe fn close(object: *mut ()) -> Result<()> {
    // SAFETY: the handle table calls this with a live object of this kind.
    let listener = unsafe { Ref::<Listener>::from_raw(object.cast()) };
    listener.accepting.close();
    listener.source.abandon_waiters();
    // SAFETY: calls inside have been told and won't touch it; the handle is going.
    unsafe { storage::dispose(NonNull::new_unchecked(listener.as_ptr()), listener.own_memory) };
    Ok(())
}
