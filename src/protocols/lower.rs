//! The byte stream below a protocol, the library's own or a program's.

#![allow(unsafe_code)] // Makes lists of buffers.

use crate::concurrency::atomicity::{self, UnderWay};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::scheduler::time;
use crate::sockets::at_once;
use crate::sockets::byte_socket;
use crate::sockets::direction;
use crate::sockets::io_list::{Cursor, ToSend};
use crate::sockets::single_buffer;
use crate::sockets::slices;
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr;
use core::slice;

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
        unsafe {
            single_buffer::receive(self.0, buffer.as_mut_ptr().cast(), buffer.len(), deadline)
        }
    }

    /// Receives `length` bytes and drops them.
    pub(super) fn skip(self, length: usize, deadline: i64) -> Result<()> {
        // SAFETY: nothing is written.
        unsafe { single_buffer::receive(self.0, ptr::null_mut(), length, deadline) }
    }

    /// See [`at_once::length_until`].
    pub(super) fn length_until(self, last: u8, limit: usize) -> usize {
        at_once::length_until(self.0, last, limit)
    }

    /// Receives what is there, at least one byte and as much as `buffer` has room for at most, as
    /// [`single_buffer::receive_some`] does.
    pub(super) fn receive_some(self, buffer: &mut [u8], deadline: i64) -> Result<usize> {
        slices::receive_part(self.0, buffer, deadline)
    }

    /// Receives to the next buffer of a list to be filled, `limit` bytes at most, and moves over
    /// what was received. Bytes for a buffer without memory are dropped.
    pub(super) fn receive_next(
        self,
        list: &mut Cursor,
        limit: usize,
        extent: Extent,
        deadline: i64,
    ) -> Result<Piece<'_>> {
        let mut slot = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }];
        let mut count = match list.skip_length() {
            Some(skipped) => skipped.min(limit),
            None => list.gather(&mut slot, limit).1,
        };
        let memory = slot[0].iov_base.cast::<u8>();
        match extent {
            Extent::Part { certain } if !memory.is_null() => {
                // SAFETY: a buffer of the list, writable by the promise made to the cursor.
                count = unsafe {
                    single_buffer::receive_some(self.0, memory, count, certain, deadline)?
                };
            }
            Extent::Part { certain } => {
                count = count.min(certain);
                self.skip(count, deadline)?;
            }
            // SAFETY: as above; or null, and nothing is written.
            Extent::Whole => unsafe {
                single_buffer::receive(self.0, memory.cast(), count, deadline)?;
            },
        }
        list.advance(count);
        if memory.is_null() {
            return Ok(Piece::Dropped(count));
        }
        // SAFETY: so many bytes of the buffer have just been written.
        Ok(Piece::Bytes(unsafe { slice::from_raw_parts_mut(memory, count) }))
    }

    /// Sends all of `bytes`.
    pub(super) fn send(self, bytes: &[u8], deadline: i64) -> Result<()> {
        // SAFETY: the buffer is borrowed for the whole call.
        unsafe { single_buffer::send(self.0, bytes.as_ptr().cast(), bytes.len(), deadline) }
    }

    /// Sends `start` and then a list, all in one call.
    pub(super) fn send_with_list(
        self,
        start: &[u8],
        list: Option<ToSend<'_>>,
        deadline: i64,
    ) -> Result<()> {
        ToSend::with(start, list, |all| byte_socket::send(self.0, all, deadline))
    }
}

/// How much of a buffer a receive fills.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// What is there. So many bytes as `certain` are known to come.
    Part { certain: usize },
}

/// What was received to a buffer of a list.
pub(super) enum Piece<'a> {
    Bytes(&'a mut [u8]),
    /// So many bytes, as the buffer has no memory.
    Dropped(usize),
}

impl Piece<'_> {
    pub(super) fn count(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Dropped(count) => *count,
        }
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
