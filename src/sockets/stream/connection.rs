//! The connection: a byte stream, each direction of which may be used by one call at a time.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

use super::Family;
use crate::concurrency::cancel_scope::{self, UnderWay};
use crate::concurrency::input::{self, InputVfs};
use crate::handle_table::{Kind, no_owner};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::byte_socket::{self, ByteStream};
use crate::sockets::direction::{Direction, was_put_off};
use crate::sockets::io_list::{self, Cursor, IoList};
use crate::sockets::partial::{self, Partial};
use crate::sockets::read_ahead::ReadAhead;
use crate::sockets::storage::{self, Storage};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::{self, NonNull};
use nix::sys::socket::{self, Shutdown, sockopt};
use std::os::fd::{OwnedFd, RawFd};

/// Is a storage structure of so many bytes large enough?
pub(in crate::sockets) const fn fits(storage: usize) -> bool {
    storage::fits::<Connection>(storage)
}

#[repr(C)]
pub(in crate::sockets) struct Connection {
    /// First: C code gets a pointer to it, and gives that back.
    stream: ByteStream,
    readiness: InputVfs,
    pub(super) source: FdSource,
    family: Family,
    state: Cell<State>,
    ahead: ReadAhead,
    pub(super) input: Direction,
    pub(super) output: Direction,
}

#[derive(Clone, Copy)]
struct State {
    /// The peer has said that no more will come.
    ended: bool,
    /// We have said so.
    done: bool,
    /// A receive has failed, so nobody knows where in the stream the next one would start.
    receive_failed: bool,
    /// As `receive_failed`.
    send_failed: bool,
    /// The system shall deliver what is still on its way when the handle is closed.
    orderly: bool,
    own_memory: bool,
}

/// Which way the bytes of [`Connection::receive_some`] go.
const RECEIVE: io_list::Direction = io_list::Direction::Receive;

static TCP: Kind = Kind { name: "tcp", close, query, adopt: no_owner };
static IPC: Kind = Kind { name: "ipc", close, query, adopt: no_owner };

fn kind(family: Family) -> &'static Kind {
    match family {
        Family::Internet => &TCP,
        Family::Local => &IPC,
    }
}

/// The connection of the family that a handle stands for.
pub(in crate::sockets) fn find(socket: c_int, family: Family) -> Result<Ref<Connection>> {
    let object = Context::get()?.handles.find(socket, kind(family))?;
    // SAFETY: handles of this kind stand for live connections.
    Ok(unsafe { Ref::from_raw(object.cast()) })
}

/// Makes a connection of a connected, non-blocking socket.
pub(in crate::sockets) fn open(source: FdSource, family: Family, place: Storage) -> Result<c_int> {
    let connection = Connection {
        stream: ByteStream { send: Some(send), receive: Some(receive) },
        readiness: InputVfs { input: Some(input_beneath) },
        source,
        family,
        state: Cell::new(State {
            ended: false,
            done: false,
            receive_failed: false,
            send_failed: false,
            orderly: false,
            own_memory: matches!(place, Storage::Own),
        }),
        ahead: ReadAhead::new(),
        input: Direction::new(),
        output: Direction::new(),
    };
    storage::open(connection, place, kind(family))
}

impl Connection {
    fn ahead(&self) -> Option<&ReadAhead> {
        self.family.reads_ahead().then_some(&self.ahead)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.get();
        change(&mut state);
        self.state.set(state);
    }

    /// # Safety
    /// As for [`byte_socket::send`].
    unsafe fn send(&self, first: *const IoList, last: *const IoList, deadline: i64) -> Result<()> {
        let context = Context::may_block()?;
        // SAFETY: by the caller's promise.
        let mut cursor = unsafe { Cursor::new(first, last, io_list::Direction::Send)? };
        self.output_open()?;
        let mut begun = false;
        let all = cursor.remaining();
        let result = self.output.occupy(&self.source, deadline, |call| {
            let result = call.send(&mut cursor);
            begun = call.has_begun();
            result
        });
        if cursor.remaining() < all {
            cancel_scope::note_transfer(context);
        }
        match result {
            Ok(()) => {}
            // The socket is gone.
            Err(Errno::EBADF) => {}
            Err(error) if !begun && was_put_off(error) => {}
            Err(_) => self.send_failed(),
        }
        result
    }

    /// Fails if nothing can be sent.
    pub(super) fn output_open(&self) -> Result<()> {
        let state = self.state.get();
        match state {
            _ if self.output.is_busy() => Err(Errno::EBUSY),
            State { done: true, .. } => Err(Errno::EPIPE),
            State { send_failed: true, .. } => Err(Errno::ECONNRESET),
            _ => Ok(()),
        }
    }

    /// # Safety
    /// As for [`byte_socket::receive`].
    unsafe fn receive(
        &self,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<()> {
        let context = Context::may_block()?;
        // SAFETY: by the caller's promise.
        if ptr::eq(first, last) && unsafe { self.receive_from_ahead(first) } {
            cancel_scope::note_transfer(context);
            return Ok(());
        }
        let mut cursor = if first.is_null() && last.is_null() {
            None
        } else {
            // SAFETY: by the caller's promise.
            Some(unsafe { Cursor::new(first, last, io_list::Direction::Receive)? })
        };
        self.input_open()?;
        let mut begun = false;
        let all = cursor.as_ref().map_or(0, Cursor::remaining);
        let result = self.input.occupy(&self.source, deadline, |call| {
            let result = match &mut cursor {
                Some(cursor) => call.receive(self.ahead(), cursor),
                None => call.receive_nothing(self.ahead()).map(|never| match never {}),
            };
            begun = call.has_begun();
            result
        });
        if begun || cursor.is_some_and(|cursor| cursor.remaining() < all) {
            cancel_scope::note_transfer(context);
        }
        match result {
            Ok(()) => {}
            // The socket is gone.
            Err(Errno::EBADF) => {}
            Err(error) if !begun && was_put_off(error) => {}
            Err(error) => self.receive_failed(error),
        }
        result
    }

    /// Receives what is there, at least one byte, and at most `length`, which is not 0.
    ///
    /// # Safety
    /// So many bytes can be written to `memory` until the call returns.
    unsafe fn receive_some(&self, memory: *mut u8, length: usize, deadline: i64) -> Result<usize> {
        let context = Context::may_block()?;
        self.input_open()?;
        let list = IoList::single(memory.cast(), length);
        // SAFETY: by the caller's promise.
        let mut cursor = unsafe { Cursor::new(&raw const list, &raw const list, RECEIVE)? };
        let result = self
            .input
            .occupy(&self.source, deadline, |call| call.receive_some(self.ahead(), &mut cursor));
        match result {
            Ok(()) => cancel_scope::note_transfer(context),
            // The socket is gone.
            Err(Errno::EBADF) => {}
            // It did not begin, so nothing is lost.
            Err(Errno::ETIMEDOUT) => {}
            Err(error) if was_put_off(error) => {}
            Err(error) => self.receive_failed(error),
        }
        result.map(|()| length - cursor.remaining())
    }

    /// Gives up the descriptor, as a copy of its own, and what was read ahead. After an error
    /// the connection is as it was: `EBUSY` if a call is under way.
    pub(super) fn release(&self) -> Result<(OwnedFd, Vec<u8>)> {
        if self.input.is_busy() || self.output.is_busy() {
            return Err(Errno::EBUSY);
        }
        let fd = self.source.release()?;
        self.let_system_deliver();
        Ok((fd, self.ahead.take_all()))
    }

    /// The descriptor, which stays the connection's.
    pub(in crate::sockets) fn descriptor(&self) -> RawFd {
        self.source.as_raw_fd()
    }

    /// Fails if nothing can be received.
    pub(super) fn input_open(&self) -> Result<()> {
        match self.state.get() {
            _ if self.input.is_busy() => Err(Errno::EBUSY),
            State { ended: true, .. } => Err(Errno::EPIPE),
            State { receive_failed: true, .. } => Err(Errno::ECONNRESET),
            _ => Ok(()),
        }
    }

    /// Notes why nothing can be received any more.
    pub(super) fn receive_failed(&self, error: Errno) {
        if error == Errno::EPIPE {
            return self.update(|state| state.ended = true);
        }
        self.ahead.clear();
        self.update(|state| state.receive_failed = true);
    }

    /// Notes that nothing can be sent any more.
    pub(super) fn send_failed(&self) {
        self.update(|state| state.send_failed = true);
    }

    /// The short way of a small receive into a single buffer, for which enough was read
    /// ahead. Does nothing, and returns false, if anything is special.
    ///
    /// # Safety
    /// As for [`byte_socket::receive`].
    #[inline]
    unsafe fn receive_from_ahead(&self, first: *const IoList) -> bool {
        // SAFETY: null or alive by the caller's promise.
        let Some(only) = (unsafe { first.as_ref() }) else { return false };
        only.next.is_null()
            && only.reserved == 0
            && !self.input.is_busy()
            // SAFETY: the caller promises that the buffer is writable.
            && unsafe { self.ahead.take(only.base.cast(), only.len) }
    }

    /// Closing the handle shall not reset the connection any more: what is still on its way
    /// shall arrive.
    pub(super) fn let_system_deliver(&self) {
        self.update(|state| state.orderly = true);
    }

    /// Tells the peer that no more will come. The system does it in the background.
    pub(in crate::sockets) fn done(&self) -> Result<()> {
        self.output_open()?;
        match socket::shutdown(self.source.as_raw_fd(), Shutdown::Write) {
            Ok(()) => {
                self.update(|state| state.done = true);
                Ok(())
            }
            Err(error) => {
                self.send_failed();
                Err(match error {
                    Errno::ENOTCONN => Errno::ECONNRESET,
                    Errno::ENOBUFS => Errno::ENOMEM,
                    error => error,
                })
            }
        }
    }

    /// Says goodbye and waits until the peer has done so as well: by then it has got
    /// everything, or has chosen not to.
    pub(super) fn shake_hands(&self, deadline: i64) -> Result<()> {
        let state = self.state.get();
        if state.receive_failed || state.send_failed {
            return Err(Errno::ECONNRESET);
        }
        // A cut must look like one: the hard-cancelled say no goodbye.
        Context::may_start()?;
        if !state.done {
            self.done()?;
        }
        Context::may_block()?;
        // The goodbye has begun, and what was sent before may still be on its way: a graceful
        // request lets it be finished.
        let _under_way = UnderWay::begin()?;
        // SAFETY: there is no list.
        match unsafe { self.receive(ptr::null(), ptr::null(), deadline) } {
            Err(Errno::EPIPE) => Ok(()),
            result => result,
        }
    }
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::send`]; the table is that of a live connection.
unsafe extern "C" fn send(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: the table is the first field of a connection, which is alive as long as
    // somebody may use the table; the list is the caller's promise.
    byte_socket::to_c(unsafe { (*stream.cast::<Connection>()).send(first, last, deadline) })
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::receive`]; the table is that of a live connection.
unsafe extern "C" fn receive(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `send`.
    byte_socket::to_c(unsafe { (*stream.cast::<Connection>()).receive(first, last, deadline) })
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live connection.
unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    let connection = object.cast::<Connection>();
    if type_id == byte_socket::type_id() {
        // SAFETY: the object is alive; only addresses of its fields are computed.
        unsafe { (&raw mut (*connection).stream).cast() }
    } else if type_id == input::type_id() {
        // SAFETY: as above.
        unsafe { (&raw mut (*connection).readiness).cast() }
    } else if type_id == partial::type_id() {
        PARTIAL.as_interface()
    } else {
        ptr::null_mut()
    }
}

static PARTIAL: Partial = Partial { receive: receive_some };

/// Stands in [`Partial`].
///
/// # Safety
/// As for [`Connection::receive_some`]; `object` is a live connection.
unsafe fn receive_some(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    deadline: i64,
) -> Result<usize> {
    // SAFETY: by the caller's promise.
    unsafe { (*object.cast::<Connection>()).receive_some(memory, length, deadline) }
}

/// Stands in [`InputVfs`]: a receive doesn't block where there is input, and where it
/// fails at once.
///
/// # Safety
/// The table is that of a live connection, `beneath` a place for the answer.
unsafe extern "C" fn input_beneath(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    let object = vfs.wrapping_byte_sub(offset_of!(Connection, readiness)).cast::<Connection>();
    // SAFETY: the table is a field of a connection, which is alive while it is asked.
    let connection = unsafe { Ref::from_raw(object) };
    let state = connection.state.get();
    if !connection.ahead.is_empty() || state.ended || state.receive_failed {
        return input::BUFFERED;
    }
    // SAFETY: the caller gives a place for the answer.
    unsafe { *beneath = connection.source.as_raw_fd() };
    input::DESCRIPTOR
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live connection.
unsafe fn close(object: *mut ()) -> Result<()> {
    // SAFETY: the handle table calls this with a live object of this kind.
    let connection = unsafe { Ref::<Connection>::from_raw(object.cast()) };
    connection.input.close();
    connection.output.close();
    connection.source.abandon_waiters();
    connection.ahead.clear();
    let state = connection.state.get();
    if connection.family == Family::Internet && !state.orderly {
        // Reset the connection, so that the peer does not take a torn stream for all.
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        let fd = syscalls::borrow(connection.source.as_raw_fd());
        let _ = socket::setsockopt(&fd, sockopt::Linger, &linger);
    }
    // SAFETY: calls inside have been told and won't touch it; the handle is going.
    unsafe { storage::dispose(NonNull::new_unchecked(connection.as_ptr()), state.own_memory) };
    Ok(())
}
