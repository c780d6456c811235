//! The byte stream beneath a protocol, whoever has made it.

#![allow(unsafe_code)] // Makes lists of buffers.

use crate::concurrency::atomicity::{self, UnderWay};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::scheduler::time;
use crate::sockets::at_once;
use crate::sockets::byte_socket;
use crate::sockets::direction;
use crate::sockets::io_list::IoList;
use crate::sockets::partial;
use crate::sockets::single_buffer;
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr;

/// A byte stream's handle, owned by the protocol above it.
#[derive(Clone, Copy)]
pub(super) struct Lower(c_int);

impl Lower {
    /// Takes over a byte stream. On failure it is closed, as libdill does it, unless the
    /// handle was not open at all.
    pub(super) fn attach(socket: c_int) -> Result<Lower> {
        let stream = Context::get()?.handles.query(socket, byte_socket::type_id());
        match stream.and_then(|_| handles::own(socket)) {
            Ok(handle) => Ok(Lower(handle)),
            Err(error) => {
                let _ = handles::close(socket);
                Err(error)
            }
        }
    }

    /// A byte stream that stays its user's.
    pub(super) fn borrow(socket: c_int) -> Result<Lower> {
        Context::get()?.handles.query(socket, byte_socket::type_id())?;
        Ok(Lower(socket))
    }

    pub(super) fn handle(self) -> c_int {
        self.0
    }

    pub(super) fn close(self) {
        // A refusal would leave it open, and nobody could do anything about it.
        let _ = handles::close(self.0);
    }

    /// Receives exactly the bytes of `buffer`.
    pub(super) fn receive(self, buffer: &mut [u8], deadline: i64) -> Result<()> {
        // SAFETY: the buffer is borrowed for the whole call.
        unsafe { self.receive_to(buffer.as_mut_ptr(), buffer.len(), deadline) }
    }

    /// Receives `length` bytes; they are dropped if `memory` is null.
    ///
    /// # Safety
    /// Otherwise they can be written there until the call returns.
    pub(super) unsafe fn receive_to(
        self,
        memory: *mut u8,
        length: usize,
        deadline: i64,
    ) -> Result<()> {
        // SAFETY: by the caller's promise.
        unsafe { single_buffer::receive(self.0, memory.cast(), length, deadline) }
    }

    /// See [`at_once::length_until`].
    pub(super) fn length_until(self, last: u8, limit: usize) -> usize {
        at_once::length_until(self.0, last, limit)
    }

    /// Receives what is there, at least one byte and `length` at most, as
    /// [`partial::receive`] does.
    ///
    /// # Safety
    /// So many bytes can be written to `memory` until the call returns.
    pub(super) unsafe fn receive_some(
        self,
        memory: *mut u8,
        length: usize,
        least: usize,
        deadline: i64,
    ) -> Result<usize> {
        // SAFETY: by the caller's promise.
        unsafe { partial::receive(self.0, memory, length, least, deadline) }
    }

    /// Sends all of `bytes`.
    pub(super) fn send(self, bytes: &[u8], deadline: i64) -> Result<()> {
        // SAFETY: the buffer is borrowed for the whole call.
        unsafe { single_buffer::send(self.0, bytes.as_ptr().cast(), bytes.len(), deadline) }
    }

    /// Sends `start` and then a list (none if its ends are null), all in one call.
    ///
    /// # Safety
    /// As for [`byte_socket::send`].
    pub(super) unsafe fn send_with_list(
        self,
        start: &[u8],
        first: *mut IoList,
        last: *mut IoList,
        deadline: i64,
    ) -> Result<()> {
        let mut list = IoList::to_send(start);
        list.next = first;
        let list = &raw mut list;
        let last = if first.is_null() { list } else { last };
        // SAFETY: by the caller's promise; the new element is alive through the call.
        unsafe { byte_socket::send(self.0, list, last, deadline) }
    }
}

/// One call on a protocol. Up to its first byte a graceful request ends it and has changed
/// nothing; from then on the request has to wait.
pub(super) struct Operation {
    under_way: Option<UnderWay>,
    /// Since the clock was looked at.
    steps: usize,
    pub(super) deadline: i64,
}

/// Steps between two looks at the clock. Not fewer, so that what is there already is received
/// although the deadline has passed.
const STEPS_AT_ONCE: usize = 4096;

/// So many bytes count as a step.
const BYTES_OF_STEP: usize = 4096;

impl Operation {
    pub(super) fn new(deadline: i64) -> Operation {
        Operation { under_way: None, steps: 0, deadline }
    }

    /// The first byte has been transferred.
    pub(super) fn begun(&mut self) -> Result<()> {
        if self.under_way.is_none() {
            self.under_way = Some(UnderWay::begin()?);
        }
        Ok(())
    }

    /// What was transferred so far was complete in itself: it is as if the call had just
    /// been made.
    pub(super) fn start_over(&mut self) -> Result<()> {
        atomicity::forget_transfer(Context::get()?);
        self.under_way = None;
        Ok(())
    }

    pub(super) fn has_begun(&self) -> bool {
        self.under_way.is_some()
    }

    /// What was transferred so far is no part of the operation, which has not begun.
    pub(super) fn not_begun(&mut self) {
        self.under_way = None;
    }

    /// To be called in loops whose end the peer decides on: the calls beneath don't look
    /// at the deadline as long as they need not wait. Others may run meanwhile.
    pub(super) fn step(&mut self) -> Result<()> {
        self.transferred(0)
    }

    /// As [`Operation::step`], after a transfer of so many bytes.
    pub(super) fn transferred(&mut self, bytes: usize) -> Result<()> {
        Context::get()?.next_turn(self.deadline)?;
        self.steps += 1 + bytes / BYTES_OF_STEP;
        if self.steps < STEPS_AT_ONCE {
            return Ok(());
        }
        self.steps = 0;
        if time::has_passed(self.deadline) { Err(Errno::ETIMEDOUT) } else { Ok(()) }
    }

    /// Returns whether the stream is as it was before the operation, which has failed with
    /// `error`. Asked within a [`SocketCall`](atomicity::SocketCall), which knows what was
    /// transferred.
    pub(super) fn was_put_off(&self, error: Errno) -> bool {
        let transferred = || Context::get().is_ok_and(|it| it.current().transferred.get());
        !self.has_begun() && !transferred() && direction::has_done_nothing(error, self.deadline)
    }
}

/// Null pointers for the ends of a list: there is none.
pub(super) const NO_LIST: *mut IoList = ptr::null_mut();

/// Makes room for `additional` bytes.
pub(super) fn reserve(buffer: &mut Vec<u8>, additional: usize) -> Result<()> {
    buffer.try_reserve_exact(additional).map_err(|_| Errno::ENOMEM)
}

/// Marks a direction as used by a call, as long as this exists.
pub(super) struct Occupied<'a>(&'a Cell<bool>);

impl<'a> Occupied<'a> {
    pub(super) fn new(flag: &'a Cell<bool>) -> Self {
        flag.set(true);
        Self(flag)
    }
}

impl Drop for Occupied<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
