//! The connection: a byte stream, each direction of which may be used by one call at a time.

#![allow(unsafe_code)] // Lists of buffers.

mod interfaces;
mod receiving;

use super::family::Family;
use crate::concurrency::atomicity::{self, RECORDED, UnderWay};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::direction::{Direction, is_late};
use crate::sockets::fd_io::{self, AT_ONCE};
use crate::sockets::io_list::{self, Cursor, IoList};
use crate::sockets::object::{Kind, Object, Placed};
use crate::sockets::read_ahead::ReadAhead;
use crate::sockets::storage::{self, Storage};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr;
use nix::sys::socket::{self, Shutdown};
use std::os::fd::{OwnedFd, RawFd};

/// Is a storage structure of so many bytes large enough?
pub(in crate::sockets) const fn fits(storage: usize) -> bool {
    storage::fits::<Object<Connection>>(storage)
}

pub(in crate::sockets) struct Connection {
    pub(super) source: FdSource,
    family: Family,
    /// See [`state`].
    state: Cell<u16>,
    ahead: ReadAhead,
    pub(super) input: Direction,
    pub(super) output: Direction,
}

/// What has happened to a connection, as bits.
mod state {
    // Those that small transfers ask for are in the first byte.
    /// The peer has said that no more will come.
    pub(super) const ENDED: u16 = 1;
    /// We have said so.
    pub(super) const DONE: u16 = 1 << 1;
    /// A receive has failed, so nobody knows where in the stream the next one would start.
    pub(super) const RECEIVE_FAILED: u16 = 1 << 2;
    /// As `RECEIVE_FAILED`.
    pub(super) const SEND_FAILED: u16 = 1 << 3;
    /// The last receive has timed out before its first byte.
    pub(super) const RECEIVE_TIMED_OUT: u16 = 1 << 4;
    /// As `RECEIVE_TIMED_OUT`.
    pub(super) const SEND_TIMED_OUT: u16 = 1 << 5;
    /// The system shall deliver what is still on its way when the handle is closed.
    pub(super) const ORDERLY: u16 = 1 << 8;
    pub(super) const OWN_MEMORY: u16 = 1 << 9;
    /// The system has told a send that the connection is lost. It does so once, and from then
    /// on the stream seems to end as if the peer had ended it.
    pub(super) const LOST: u16 = 1 << 10;
}

static TCP: Kind<Connection> = Kind::new("tcp");
static IPC: Kind<Connection> = Kind::new("ipc");

fn kind(family: Family) -> &'static Kind<Connection> {
    match family {
        Family::Internet => &TCP,
        Family::Local => &IPC,
    }
}

/// The connection of the family that a handle stands for.
pub(in crate::sockets) fn find(socket: c_int, family: Family) -> Result<Placed<Connection>> {
    kind(family).find(socket)
}

/// The connection that a handle stands for, if it is one of TCP.
#[inline(always)]
pub(in crate::sockets) fn find_tcp(context: &Context, socket: c_int) -> Option<Placed<Connection>> {
    TCP.find_in(context, socket).ok()
}

/// Makes a connection of a connected, non-blocking socket.
pub(in crate::sockets) fn open(source: FdSource, family: Family, place: Storage) -> Result<c_int> {
    let connection = Connection {
        source,
        family,
        state: Cell::new(if matches!(place, Storage::Own) { state::OWN_MEMORY } else { 0 }),
        ahead: ReadAhead::new(),
        input: Direction::new(),
        output: Direction::new(),
    };
    kind(family).open_placed(connection, place)
}

impl Connection {
    pub(super) fn ahead(&self) -> Option<&ReadAhead> {
        self.family.reads_ahead().then_some(&self.ahead)
    }

    fn is(&self, any: u16) -> bool {
        self.state.get() & any != 0
    }

    fn note(&self, what: u16) {
        self.state.set(self.state.get() | what);
    }

    fn forget(&self, what: u16) {
        self.state.set(self.state.get() & !what);
    }

    /// Returns whether a call that begins now, and finds nothing, fails with `ECONNRESET` instead
    /// of `ETIMEDOUT`. `timed_out` is the state that says so of the last one.
    fn is_late(&self, timed_out: u16, deadline: i64) -> bool {
        self.is(timed_out) && is_late(deadline)
    }

    /// Returns the error of a call that has ended with `error` before its first byte, if that
    /// leaves the connection as it was.
    fn put_off(&self, error: Errno, timed_out: u16, late: bool) -> Option<Errno> {
        match error {
            // A `choose` was waiting; a scope has ended the wait, or hard cancellation.
            Errno::EBUSY | Errno::ECANCELED => Some(error),
            Errno::ETIMEDOUT => {
                self.note(timed_out);
                Some(if late { Errno::ECONNRESET } else { error })
            }
            _ => None,
        }
    }

    /// For a caller that may block.
    ///
    /// # Safety
    /// As for [`single_buffer::send`].
    #[inline(always)]
    pub(in crate::sockets) unsafe fn send_buffer(
        &self,
        context: &Context,
        recorded: u32,
        memory: *const c_void,
        length: usize,
        deadline: i64,
    ) -> Result<()> {
        let special = state::DONE | state::SEND_FAILED | state::SEND_TIMED_OUT;
        if !self.is(special)
            && !self.output.is_busy()
            && !memory.is_null()
            && length.wrapping_sub(1) < AT_ONCE
            && self.source.may_write()
        {
            // SAFETY: the caller promises that the buffer is readable.
            let sent = unsafe { fd_io::try_send(&self.source, memory, length) };
            // Mostly the socket has taken all, and there is nothing to be noted.
            if sent == length.cast_signed() {
                atomicity::note_transfer(context, recorded);
                return Ok(());
            }
            // SAFETY: as above.
            let sent = unsafe { fd_io::sent_less(&self.source, memory, length, sent) }
                .inspect_err(|&error| self.send_failed(error))?;
            // SAFETY: as above.
            return unsafe { self.send_rest(context, recorded, (memory, length), sent, deadline) };
        }
        // SAFETY: by the caller's promise.
        unsafe { self.send_rest(context, recorded, (memory, length), 0, deadline) }
    }

    /// # Safety
    /// As for [`single_buffer::send`].
    #[inline(never)]
    unsafe fn send_rest(
        &self,
        context: &Context,
        recorded: u32,
        (memory, length): (*const c_void, usize),
        sent: usize,
        deadline: i64,
    ) -> Result<()> {
        let list = IoList::single(memory.cast_mut(), length);
        // SAFETY: a list of one buffer, by the caller's promise.
        unsafe {
            self.send_list(context, recorded, &raw const list, &raw const list, sent, deadline)
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
        let late = self.is_late(state::SEND_TIMED_OUT, deadline);
        let mut begun = false;
        let all = cursor.remaining();
        cursor.advance(sent);
        let result = self.output.occupy(&self.source, deadline, |call| {
            let result = call.send(&mut cursor, all);
            begun = call.has_begun();
            result
        });
        if cursor.remaining() < all {
            atomicity::note_transfer(context, recorded);
        }
        if result.is_ok() {
            self.forget(state::SEND_TIMED_OUT);
        }
        result.map_err(|error| self.send_ended(error, begun, late))
    }

    /// Notes that a send has failed with `error`, after its first byte if it had `begun`, and
    /// returns what the caller is told.
    #[cold]
    fn send_ended(&self, error: Errno, begun: bool, late: bool) -> Errno {
        if error == Errno::EBADF {
            return error; // the socket is gone
        }
        if !begun && let Some(error) = self.put_off(error, state::SEND_TIMED_OUT, late) {
            return error;
        }
        self.send_failed(error);
        error
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

    /// Gives up the descriptor, as a copy of its own, and what was read ahead. After an error
    /// the connection is as it was: `EBUSY` if a call is under way.
    pub(super) fn release(&self) -> Result<(OwnedFd, Vec<u8>)> {
        if self.input.is_busy() || self.output.is_busy() {
            return Err(Errno::EBUSY);
        }
        self.source.end_operations()?;
        if self.source.has_arrived()
            && let Some(ahead) = self.ahead()
        {
            match fd_io::absorb(&self.source, ahead) {
                // The end of the stream is found again.
                Ok(()) | Err(Errno::EPIPE) => {}
                Err(error) => return Err(error),
            }
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

    /// Notes why nothing can be received any more, and tells it.
    pub(super) fn receive_failed(&self, error: Errno) -> Errno {
        let error = match error {
            Errno::EPIPE if self.is(state::LOST) => Errno::ECONNRESET,
            Errno::EPIPE => {
                self.note(state::ENDED);
                return error;
            }
            error => error,
        };
        self.ahead.clear();
        self.note(state::RECEIVE_FAILED);
        error
    }

    /// Notes that nothing can be sent any more. If it is a system call that has failed, it was
    /// the last one.
    #[cold]
    pub(super) fn send_failed(&self, error: Errno) {
        self.note(state::SEND_FAILED);
        // By now `EPIPE`, too, is called `ECONNRESET`. But that is all that the system has to say
        // of a peer that ended its stream before it dropped the connection.
        if error == Errno::ECONNRESET && Errno::last() != Errno::EPIPE {
            self.note(state::LOST);
        }
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
                self.send_failed(error);
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
