//! Lists of buffers for gathering sends and scattering receives.
//!
//! The list is the caller's, in the caller's memory and in C's layout. It is
//! checked once, never written to, and then consumed through a [`Cursor`].

#![allow(unsafe_code)] // Walks linked lists made by C callers.

use crate::os::errno::{Errno, Result};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::slice;
use std::io::IoSlice;

/// One buffer of a list. A null `base` stands, when receiving, for `len` bytes to
/// be read and dropped.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct IoList {
    pub(crate) base: *mut c_void,
    pub(crate) len: usize,
    pub(crate) next: *mut IoList,
    /// Must be 0.
    pub(crate) reserved: c_int,
}

impl IoList {
    /// A list of a single buffer.
    pub(crate) fn single(base: *mut c_void, len: usize) -> Self {
        Self { base, len, next: ptr::null_mut(), reserved: 0 }
    }

    /// A list of bytes to be sent, as nothing is written to those.
    pub(crate) fn to_send(bytes: &[u8]) -> Self {
        Self::single(bytes.as_ptr().cast_mut().cast(), bytes.len())
    }

    /// An element that isn't in use yet.
    pub(crate) const EMPTY: Self =
        Self { base: ptr::null_mut(), len: 0, next: ptr::null_mut(), reserved: 0 };

    /// For receiving a message of any length and dropping it.
    pub(crate) fn anything() -> Self {
        Self::single(ptr::null_mut(), isize::MAX.unsigned_abs())
    }
}

/// A protocol written in C need not check its lists: it gets none that is plainly wrong.
/// Ours look closer.
///
/// # Safety
/// `last` is null or alive.
#[inline]
pub(super) unsafe fn check_ends(first: *mut IoList, last: *mut IoList) -> Result<()> {
    // SAFETY: by the caller's promise.
    match unsafe { last.as_ref() } {
        Some(last) if last.next.is_null() && !first.is_null() => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Out of the buffers: each must exist.
    Send,
    /// Into the buffers: those without memory are skipped over.
    Receive,
    /// As `Receive`, but for a message, which may be shorter than the list. So bytes may be
    /// skipped in any number.
    ReceiveMessage,
}

/// Position in a checked list of buffers: what has not been transferred yet.
///
/// Invariant: `element` is null or starts a finite list, and from `offset` in it
/// on there are `remaining` bytes, or more if that is more than memory can hold.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    element: *const IoList,
    last: *const IoList,
    offset: usize,
    remaining: usize,
}

impl Cursor {
    /// Checks the list from `first` to `last` and starts at its beginning.
    ///
    /// `EINVAL`: one end is missing, `last` is not the last one, the list is a
    /// loop, a reserved field is not 0, the lengths add up to more than a transfer
    /// can hold, or, for sending, a buffer has no memory.
    ///
    /// # Safety
    /// Non-null ends point to a list of live elements. Until the cursor is gone
    /// nobody changes the list, and each non-null buffer is readable (for sending)
    /// or writable (for receiving) in its whole length.
    pub(crate) unsafe fn new(
        first: *const IoList,
        last: *const IoList,
        direction: Direction,
    ) -> Result<Self> {
        if first.is_null() || last.is_null() {
            return Err(Errno::EINVAL);
        }
        let mut total = 0usize;
        let mut element = first;
        // Brent's way to find a loop without writing to the list: compare with an
        // element that moves up after 1, 2, 4, 8… steps.
        let mut waymark = ptr::null();
        let (mut steps, mut limit) = (0usize, 1usize);
        loop {
            // SAFETY: not null (checked before each turn) and alive by the caller's promise.
            let IoList { base, len, next, reserved } = unsafe { &*element };
            let missing = base.is_null() && *len > 0 && direction == Direction::Send;
            if *reserved != 0 || missing || element == waymark {
                return Err(Errno::EINVAL);
            }
            let sum = total.checked_add(*len).filter(|&sum| isize::try_from(sum).is_ok());
            total = match sum {
                Some(sum) => sum,
                None if base.is_null() && direction == Direction::ReceiveMessage => {
                    isize::MAX.unsigned_abs()
                }
                None => return Err(Errno::EINVAL),
            };
            if next.is_null() {
                break;
            }
            steps += 1;
            if steps == limit {
                (waymark, steps, limit) = (element, 0, limit * 2);
            }
            element = *next;
        }
        if element != last {
            return Err(Errno::EINVAL);
        }
        Ok(Self { element: first, last, offset: 0, remaining: total })
    }

    /// Bytes still to be transferred.
    pub(crate) fn remaining(&self) -> usize {
        self.remaining
    }

    /// The rest of the buffer at the cursor: its memory (null to skip) and length.
    /// Empty buffers are passed over.
    fn piece(&mut self) -> Option<(*mut u8, usize)> {
        // SAFETY: null or an element of the list, alive by the promise made to `new`.
        while let Some(element) = unsafe { self.element.as_ref() } {
            if self.offset < element.len {
                let base = element.base.cast::<u8>();
                let memory = if base.is_null() { base } else { base.wrapping_add(self.offset) };
                return Some((memory, element.len - self.offset));
            }
            self.element = element.next;
            self.offset = 0;
        }
        None
    }

    /// If the bytes at the cursor are to be dropped: how many.
    pub(crate) fn skip_length(&mut self) -> Option<usize> {
        self.piece().filter(|(memory, _)| memory.is_null()).map(|(_, length)| length)
    }

    /// Puts the next buffers into `slots`, as many as fit and `limit` bytes at most, but
    /// none beyond the next one without memory. Returns how many slots and how many bytes.
    pub(crate) fn gather(&mut self, slots: &mut [libc::iovec], limit: usize) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        let Some((mut memory, mut length)) = self.piece() else { return (0, 0) };
        let mut element = self.element;
        while count < slots.len() && bytes < limit {
            if length > 0 {
                if memory.is_null() {
                    break;
                }
                length = length.min(limit - bytes);
                slots[count] = libc::iovec { iov_base: memory.cast(), iov_len: length };
                count += 1;
                bytes += length;
            }
            // SAFETY: `piece` left the cursor at an element; this is that one or one
            // that follows it, alive by the promise made to `new`.
            element = unsafe { (*element).next };
            // SAFETY: null, or alive as above.
            let Some(next) = (unsafe { element.as_ref() }) else { break };
            (memory, length) = (next.base.cast(), next.len);
        }
        (count, bytes)
    }

    /// As [`Cursor::gather`], of a list to be sent, as slices.
    pub(crate) fn slices<'a>(
        &mut self,
        slots: &'a mut [libc::iovec],
        limit: usize,
    ) -> &'a [IoSlice<'a>] {
        let (count, _) = self.gather(slots, limit);
        // SAFETY: the standard library guarantees that its slices are such structures; their
        // buffers are readable by the promise made to `new`.
        unsafe { slice::from_raw_parts(slots.as_ptr().cast(), count) }
    }

    /// Moves the cursor over `count` bytes that have been transferred.
    pub(crate) fn advance(&mut self, mut count: usize) {
        debug_assert!(count <= self.remaining);
        while count > 0 {
            let Some((_, length)) = self.piece() else { return };
            let step = length.min(count);
            self.offset += step;
            self.remaining = self.remaining.saturating_sub(step);
            count -= step;
        }
    }

    /// Moves over the next buffers, `limit` bytes at most, and makes a list of them in
    /// `elements`. Returns how many elements that took and how many bytes they have.
    pub(crate) fn take(&mut self, elements: &mut [IoList], limit: usize) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        while count < elements.len() && bytes < limit {
            let Some((memory, length)) = self.piece() else { break };
            let length = length.min(limit - bytes);
            elements[count] = IoList::single(memory.cast(), length);
            if count > 0 {
                elements[count - 1].next = &raw mut elements[count];
            }
            count += 1;
            bytes += length;
            self.advance(length);
        }
        (count, bytes)
    }

    /// What is left, as a list that starts with `first` and goes on with the caller's own
    /// elements. `None` if nothing is left.
    pub(crate) fn rest<'a>(&mut self, first: &'a mut IoList) -> Option<&'a mut IoList> {
        let (memory, length) = self.piece()?;
        // SAFETY: `piece` left the cursor at an element of the list, alive by the promise
        // made to `new`.
        let next = unsafe { (*self.element).next };
        *first = IoList { base: memory.cast(), len: length, next, reserved: 0 };
        Some(first)
    }

    /// Copies the bytes at the cursor, of a list to be sent, until `bytes` is full or the list
    /// ends, and moves the cursor.
    pub(crate) fn copy_to(&mut self, bytes: &mut [u8]) {
        let mut copied = 0;
        while copied < bytes.len() {
            let Some((memory, length)) = self.piece() else { break };
            let step = length.min(bytes.len() - copied);
            // SAFETY: a list to be sent has memory everywhere, readable by the promise made
            // to `new`; `bytes` is the library's own memory, so apart.
            unsafe { ptr::copy_nonoverlapping(memory, bytes[copied..].as_mut_ptr(), step) };
            copied += step;
            self.advance(step);
        }
    }

    /// Copies `bytes` into the list at the cursor, as far as both reach, and moves
    /// the cursor. Returns how many bytes were taken.
    pub(crate) fn copy_from(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            let Some((memory, length)) = self.piece() else { break };
            let step = length.min(bytes.len() - taken);
            if !memory.is_null() {
                // SAFETY: `memory` has `length >= step` writable bytes by the promise
                // made to `new`; `bytes` is the library's own memory, so apart.
                unsafe { ptr::copy_nonoverlapping(bytes[taken..].as_ptr(), memory, step) };
            }
            self.offset += step;
            self.remaining = self.remaining.saturating_sub(step);
            taken += step;
        }
        taken
    }
}

mod lists;
#[cfg(test)]
mod tests;

pub(crate) use lists::{ToFill, ToSend};
