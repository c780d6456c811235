//! The connection: a byte stream, each direction of which may be used by one call at a time.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

use super::{Family, unblocked};
use crate::concurrency::cancel_scope::{self, RECORDED, UnderWay};
use crate::concurrency::input::{self, InputVfs};
use crate::handle_table::{Kind, no_owner};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::at_once;
use crate::sockets::byte_socket::{self, ByteStream};
use crate::sockets::direction::{Direction, was_put_off};
use crate::sockets::fd_io;
use crate::sockets::io_list::{self, Cursor, IoList};
use crate::sockets::partial::{self, Partial};
use crate::sockets::read_ahead::{READ_AHEAD, ReadAhead};
use crate::sockets::room;
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
    /// See [`state`].
    state: Cell<u8>,
    ahead: ReadAhead,
    pub(super) input: Direction,
    pub(super) output: Direction,
}

/// What has happened to a connection, as bits.
mod state {
    /// The peer has said that no more will come.
    pub(super) const ENDED: u8 = 1;
    /// We have said so.
    pub(super) const DONE: u8 = 2;
    /// A receive has failed, so nobody knows where in the stream the next one would start.
    pub(super) const RECEIVE_FAILED: u8 = 4;
    /// As `RECEIVE_FAILED`.
    pub(super) const SEND_FAILED: u8 = 8;
    /// The system shall deliver what is still on its way when the handle is closed.
    pub(super) const ORDERLY: u8 = 16;
    pub(super) const OWN_MEMORY: u8 = 32;
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

/// The connection that a handle stands for, if it is one of TCP.
#[inline(always)]
pub(in crate::sockets) fn find_tcp(context: &Context, socket: c_int) -> Option<Ref<Connection>> {
    let object = context.handles.find(socket, &TCP).ok()?;
    // SAFETY: handles of this kind stand for live connections.
    Some(unsafe { Ref::from_raw(object.cast()) })
}

/// Makes a connection of a connected, non-blocking socket.
pub(in crate::sockets) fn open(source: FdSource, family: Family, place: Storage) -> Result<c_int> {
    let connection = Connection {
        stream: ByteStream { send: Some(send), receive: Some(receive) },
        readiness: InputVfs { input: Some(input_beneath) },
        source,
        family,
        state: Cell::new(if matches!(place, Storage::Own) { state::OWN_MEMORY } else { 0 }),
        ahead: ReadAhead::new(),
        input: Direction::new(),
        output: Direction::new(),
    };
    storage::open(connection, place, kind(family))
}

impl Connection {
    pub(super) fn ahead(&self) -> Option<&ReadAhead> {
        self.family.reads_ahead().then_some(&self.ahead)
    }

    fn is(&self, any: u8) -> bool {
        self.state.get() & any != 0
    }

    fn note(&self, what: u8) {
        self.state.set(self.state.get() | what);
    }

    /// # Safety
    /// As for [`byte_socket::send_buffer`].
    #[inline(always)]
    pub(in crate::sockets) unsafe fn send_buffer(
        &self,
        context: &Context,
        recorded: u32,
        memory: *const c_void,
        length: usize,
        deadline: i64,
    ) -> Result<()> {
        context.current().may_block()?;
        let mut sent = 0;
        let trouble = self.is(state::DONE | state::SEND_FAILED) || self.output.is_busy();
        if !trouble && !memory.is_null() && length > 0 && self.source.may_write() {
            // SAFETY: the caller promises that the buffer is readable.
            sent = unsafe { fd_io::send_at_once(&self.source, memory, length) }
                .inspect_err(|_| self.send_failed())?;
            if sent == length {
                cancel_scope::note_transfer(context, recorded);
                return Ok(());
            }
        }
        let list = IoList::single(memory.cast_mut(), length);
        // SAFETY: a list of one buffer, by the caller's promise.
        unsafe {
            self.send_list(context, recorded, &raw const list, &raw const list, sent, deadline)
        }
    }

    /// # Safety
    /// As for [`byte_socket::send`].
    unsafe fn send(
        &self,
        context: &Context,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<()> {
        // SAFETY: by the caller's promise.
        unsafe {
            match single(first, last) {
                Some(only) => self.send_buffer(context, RECORDED, only.base, only.len, deadline),
                None => {
                    context.current().may_block()?;
                    self.send_list(context, RECORDED, first, last, 0, deadline)
                }
            }
        }
    }

    /// Sends a list of which `sent` bytes have gone.
    ///
    /// # Safety
    /// As for [`byte_socket::send`].
    #[inline(never)]
    unsafe fn send_list(
        &self,
        context: &Context,
        recorded: u32,
        first: *const IoList,
        last: *const IoList,
        sent: usize,
        deadline: i64,
    ) -> Result<()> {
        // SAFETY: by the caller's promise.
        let mut cursor = unsafe { Cursor::new(first, last, io_list::Direction::Send)? };
        self.output_open()?;
        let mut begun = false;
        let all = cursor.remaining();
        cursor.advance(sent);
        let result = self.output.occupy(&self.source, deadline, |call| {
            let result = call.send(&mut cursor, all);
            begun = call.has_begun();
            result
        });
        if cursor.remaining() < all {
            cancel_scope::note_transfer(context, recorded);
        }
        result.inspect_err(|&error| self.send_ended(error, begun))
    }

    /// Notes that a send has failed with `error`, after its first byte if it had `begun`.
    #[cold]
    fn send_ended(&self, error: Errno, begun: bool) {
        match error {
            // The socket is gone.
            Errno::EBADF => {}
            error if !begun && was_put_off(error) => {}
            _ => self.send_failed(),
        }
    }

    /// Fails if nothing can be sent.
    pub(super) fn output_open(&self) -> Result<()> {
        match () {
            () if self.output.is_busy() => Err(Errno::EBUSY),
            () if self.is(state::DONE) => Err(Errno::EPIPE),
            () if self.is(state::SEND_FAILED) => Err(Errno::ECONNRESET),
            () => Ok(()),
        }
    }

    /// # Safety
    /// As for [`byte_socket::receive_buffer`].
    #[inline(always)]
    pub(in crate::sockets) unsafe fn receive_buffer(
        &self,
        context: &Context,
        recorded: u32,
        memory: *mut c_void,
        length: usize,
        deadline: i64,
    ) -> Result<()> {
        context.current().may_block()?;
        if length <= READ_AHEAD && length > 0 && !self.input.is_busy() {
            let complete = if self.ahead.is_empty()
                && self.family.reads_ahead()
                && !self.is(state::ENDED | state::RECEIVE_FAILED)
            {
                // SAFETY: the caller promises that the buffer is writable.
                unsafe { self.receive_small(context, memory.cast(), length, deadline)? }
            } else {
                // SAFETY: as above.
                unsafe { self.ahead.take(memory.cast(), length) }
            };
            if complete {
                cancel_scope::note_transfer(context, recorded);
                return Ok(());
            }
        }
        let list = IoList::single(memory, length);
        // SAFETY: a list of one buffer, by the caller's promise.
        unsafe { self.receive_list(context, recorded, &raw const list, &raw const list, deadline) }
    }

    /// # Safety
    /// As for [`byte_socket::receive`].
    unsafe fn receive(
        &self,
        context: &Context,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<()> {
        // SAFETY: by the caller's promise.
        unsafe {
            match single(first, last) {
                Some(only) => self.receive_buffer(context, RECORDED, only.base, only.len, deadline),
                None => {
                    context.current().may_block()?;
                    self.receive_list(context, RECORDED, first, last, deadline)
                }
            }
        }
    }

    /// # Safety
    /// As for [`Call::receive_small`](fd_io::Call::receive_small).
    #[inline(always)]
    unsafe fn receive_small(
        &self,
        context: &Context,
        memory: *mut u8,
        length: usize,
        deadline: i64,
    ) -> Result<bool> {
        self.input
            .occupy(&self.source, deadline, |call| {
                // SAFETY: by the caller's promise.
                unsafe { call.receive_small(context, &self.ahead, memory, length) }
            })
            .inspect_err(|&error| self.receive_ended(error, false))
    }

    /// # Safety
    /// As for [`byte_socket::receive`].
    #[inline(never)]
    unsafe fn receive_list(
        &self,
        context: &Context,
        recorded: u32,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<()> {
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
            cancel_scope::note_transfer(context, recorded);
        }
        result.inspect_err(|&error| self.receive_ended(error, begun))
    }

    /// Notes that a receive has failed with `error`, after its first byte if it had `begun`.
    #[cold]
    fn receive_ended(&self, error: Errno, begun: bool) {
        match error {
            // The socket is gone.
            Errno::EBADF => {}
            error if !begun && was_put_off(error) => {}
            error => self.receive_failed(error),
        }
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
            Ok(()) => cancel_scope::note_transfer(context, RECORDED),
            // It did not begin, so nothing is lost.
            Err(Errno::ETIMEDOUT) => {}
            Err(error) => self.receive_ended(error, false),
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
        match () {
            () if self.input.is_busy() => Err(Errno::EBUSY),
            () if self.is(state::ENDED) => Err(Errno::EPIPE),
            () if self.is(state::RECEIVE_FAILED) => Err(Errno::ECONNRESET),
            () => Ok(()),
        }
    }

    /// Notes why nothing can be received any more.
    pub(super) fn receive_failed(&self, error: Errno) {
        if error == Errno::EPIPE {
            return self.note(state::ENDED);
        }
        self.ahead.clear();
        self.note(state::RECEIVE_FAILED);
    }

    /// Notes that nothing can be sent any more.
    pub(super) fn send_failed(&self) {
        self.note(state::SEND_FAILED);
    }

    /// See [`byte_socket::length_until`].
    pub(in crate::sockets) fn length_until(&self, last: u8, limit: usize) -> usize {
        if self.input.is_busy() { 0 } else { self.ahead.length_until(last, limit) }
    }

    /// Closing the handle shall not reset the connection any more: what is still on its way
    /// shall arrive.
    pub(super) fn let_system_deliver(&self) {
        self.note(state::ORDERLY);
    }

    /// Tells the peer that no more will come. The system does it in the background.
    pub(in crate::sockets) fn done(&self) -> Result<()> {
        self.output_open()?;
        match socket::shutdown(self.source.as_raw_fd(), Shutdown::Write) {
            Ok(()) => {
                self.note(state::DONE);
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
        if self.is(state::RECEIVE_FAILED | state::SEND_FAILED) {
            return Err(Errno::ECONNRESET);
        }
        // A cut must look like one: the hard-cancelled say no goodbye.
        Context::may_start()?;
        if !self.is(state::DONE) {
            self.done()?;
        }
        let context = Context::may_block()?;
        // The goodbye has begun, and what was sent before may still be on its way: a graceful
        // request lets it be finished.
        let _under_way = UnderWay::begin()?;
        // SAFETY: there is no list.
        match unsafe { self.receive_list(context, RECORDED, ptr::null(), ptr::null(), deadline) } {
            Err(Errno::EPIPE) => Ok(()),
            result => result,
        }
    }
}

/// The only buffer of a list that is one of a single buffer.
///
/// # Safety
/// The ends of the list are null or alive.
unsafe fn single<'a>(first: *const IoList, last: *const IoList) -> Option<&'a IoList> {
    // SAFETY: by the caller's promise.
    unsafe { first.as_ref() }
        .filter(|only| ptr::eq(first, last) && only.next.is_null() && only.reserved == 0)
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
    byte_socket::to_c(Context::get().and_then(|context| unsafe {
        (*stream.cast::<Connection>()).send(context, first, last, deadline)
    }))
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
    byte_socket::to_c(Context::get().and_then(|context| unsafe {
        (*stream.cast::<Connection>()).receive(context, first, last, deadline)
    }))
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
    } else if type_id == at_once::type_id() {
        unblocked::AT_ONCE.as_interface()
    } else if type_id == room::type_id() {
        // SAFETY: as above.
        unsafe { (&raw mut (*connection).source).cast() }
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
    let over = connection.is(state::ENDED | state::RECEIVE_FAILED);
    if !connection.ahead.is_empty() || over {
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
    if connection.family == Family::Internet && !connection.is(state::ORDERLY) {
        // Reset the connection, so that the peer does not take a torn stream for all.
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        let fd = syscalls::borrow(connection.source.as_raw_fd());
        let _ = socket::setsockopt(&fd, sockopt::Linger, &linger);
    }
    // SAFETY: calls inside have been told and won't touch it; the handle is going.
    unsafe {
        let own_memory = connection.is(state::OWN_MEMORY);
        storage::dispose(NonNull::new_unchecked(connection.as_ptr()), own_memory);
    }
    Ok(())
}
