//! The receiving direction of a connection.

#![allow(unsafe_code)] // Lists of buffers.

use super::{Connection, state};
use crate::concurrency::atomicity;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::sockets::fd_io;
use crate::sockets::io_list::{self, Cursor, IoList};
use crate::sockets::read_ahead::{self, Block, READ_AHEAD};
use core::ffi::c_void;
use core::ptr::NonNull;

/// States in which there is more to a receive than to wait for input.
const SPECIAL: u16 = state::ENDED | state::RECEIVE_FAILED | state::RECEIVE_TIMED_OUT;

impl Connection {
    /// For a caller that may block.
    ///
    /// # Safety
    /// As for [`single_buffer::receive`].
    #[inline(always)]
    pub(in crate::sockets) unsafe fn receive_buffer(
        &self,
        context: &Context,
        recorded: u32,
        memory: *mut c_void,
        length: usize,
        deadline: i64,
    ) -> Result<()> {
        if length.wrapping_sub(1) < READ_AHEAD && !self.input.is_busy() {
            let complete = if !self.ahead.is_empty() {
                // SAFETY: the caller promises that the buffer is writable.
                unsafe { self.ahead.take(context, memory.cast(), length) }
            } else if self.family.reads_ahead() && !self.is(SPECIAL) {
                // SAFETY: as above.
                unsafe { self.receive_small(context, memory.cast(), length, deadline)? }
            } else {
                false
            };
            if complete {
                atomicity::note_transfer(context, recorded);
                return Ok(());
            }
        }
        // SAFETY: by the caller's promise.
        unsafe { self.receive_single(context, recorded, memory, length, deadline) }
    }

    /// # Safety
    /// As for [`single_buffer::receive`].
    #[inline(never)]
    unsafe fn receive_single(
        &self,
        context: &Context,
        recorded: u32,
        memory: *mut c_void,
        length: usize,
        deadline: i64,
    ) -> Result<()> {
        let list = IoList::single(memory, length);
        // SAFETY: a list of one buffer, by the caller's promise.
        unsafe { self.receive_list(context, recorded, &raw const list, &raw const list, deadline) }
    }

    /// Waits for input, reads it ahead into the buffer, which is empty, and moves `length` bytes
    /// of it to `memory` (drops them if that is null). False if there are not that many: then
    /// they are in the buffer, and the call has not begun.
    ///
    /// # Safety
    /// `memory` is null, or `length` bytes can be written there.
    #[inline(always)]
    unsafe fn receive_small(
        &self,
        context: &Context,
        memory: *mut u8,
        length: usize,
        deadline: i64,
    ) -> Result<bool> {
        let Some((block, received)) = self.fill_block(context, deadline)? else {
            return Ok(false);
        };
        // SAFETY: by the caller's promise.
        Ok(unsafe { self.ahead.pass_on(context, block, received, memory, length) })
    }

    /// Waits for input and receives it into a block, which may be kept in the buffer: that is
    /// empty. `None` where there is no memory.
    #[inline(always)]
    fn fill_block(
        &self,
        context: &Context,
        deadline: i64,
    ) -> Result<Option<(NonNull<Block>, usize)>> {
        if !self.source.may_read() {
            // Nobody else runs but during the wait. What is left when the deadline has passed
            // is a matter for the wait, too: it lets those run who are ready.
            self.input
                .await_input(context, &self.source, deadline)
                .map_err(|error| self.receive_ended(error, false, false))?;
        }
        let Some(block) = read_ahead::allocate_block(context) else { return Ok(None) };
        let received = fd_io::fill(&self.source, block)
            .map_err(|error| self.receive_ended(error, false, false))?;
        Ok(Some((block, received as usize)))
    }

    /// # Safety
    /// As for [`byte_socket::receive`].
    #[inline(never)]
    pub(super) unsafe fn receive_list(
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
        let late = self.is_late(state::RECEIVE_TIMED_OUT, deadline);
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
            atomicity::note_transfer(context, recorded);
        }
        if result.is_ok() {
            self.forget(state::RECEIVE_TIMED_OUT);
        }
        result.map_err(|error| self.receive_ended(error, begun, late))
    }

    /// Notes that a receive has failed with `error`, after its first byte if it had `begun`, and
    /// returns what the caller is told.
    #[cold]
    #[inline(never)]
    pub(super) fn receive_ended(&self, error: Errno, begun: bool, late: bool) -> Errno {
        if error == Errno::EBADF {
            return error; // the socket is gone
        }
        if !begun && let Some(error) = self.put_off(error, state::RECEIVE_TIMED_OUT, late) {
            return error;
        }
        self.receive_failed(error)
    }

    /// Receives what is there, at least one byte, and at most `length`, which is not 0. For a caller
    /// that may block.
    ///
    /// # Safety
    /// So many bytes can be written to `memory` until the call returns.
    #[inline(always)]
    pub(in crate::sockets) unsafe fn receive_some_fast(
        &self,
        context: &Context,
        recorded: u32,
        memory: *mut u8,
        length: usize,
        deadline: i64,
    ) -> Result<usize> {
        if length < READ_AHEAD && !self.input.is_busy() {
            if self.ahead.is_empty()
                && self.family.reads_ahead()
                && !self.is(SPECIAL)
                && let Some((block, received)) = self.fill_block(context, deadline)?
            {
                self.ahead.keep(block, received);
            }
            // SAFETY: by the caller's promise.
            let count = unsafe { self.ahead.take_some(context, memory, length) };
            if count > 0 {
                atomicity::note_transfer(context, recorded);
                return Ok(count);
            }
        }
        // SAFETY: by the caller's promise.
        unsafe { self.receive_some_slowly(recorded, memory, length, deadline) }
    }

    /// As [`receive_some_fast`](Self::receive_some_fast), in all cases.
    ///
    /// # Safety
    /// So many bytes can be written to `memory` until the call returns.
    #[inline(never)]
    unsafe fn receive_some_slowly(
        &self,
        recorded: u32,
        memory: *mut u8,
        length: usize,
        deadline: i64,
    ) -> Result<usize> {
        let list = IoList::single(memory.cast(), length);
        let list = &raw const list;
        // SAFETY: a list of one buffer, by the caller's promise.
        let mut cursor = unsafe { Cursor::new(list, list, io_list::Direction::Receive)? };
        self.receive_part(recorded, &mut cursor, deadline)?;
        Ok(length - cursor.remaining())
    }

    /// Receives what is there, at least one byte, to a list that is not empty.
    pub(super) fn receive_part(
        &self,
        recorded: u32,
        list: &mut Cursor,
        deadline: i64,
    ) -> Result<()> {
        let context = Context::may_block()?;
        self.input_open()?;
        let late = self.is_late(state::RECEIVE_TIMED_OUT, deadline);
        let result =
            self.input.occupy(&self.source, deadline, |call| call.receive_some(self.ahead(), list));
        result.map_err(|error| self.receive_ended(error, false, late))?;
        self.forget(state::RECEIVE_TIMED_OUT);
        atomicity::note_transfer(context, recorded);
        Ok(())
    }
}
