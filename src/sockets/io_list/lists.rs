//! Lists of buffers as they are handed on: those of callers, with their promise, and those that
//! protocols make of them.

use super::{Cursor, Direction, IoList};
use crate::os::errno::{Errno, Result};
use core::marker::PhantomData;
use core::ptr;

/// Elements of a list that is handed on in parts.
const FEW: usize = 8;

/// A list of buffers to be sent. It is the caller's, and not checked yet.
#[derive(Clone, Copy)]
pub(crate) struct ToSend<'a> {
    first: *mut IoList,
    last: *mut IoList,
    buffers: PhantomData<&'a [u8]>,
}

impl ToSend<'_> {
    /// # Safety
    /// As for [`Cursor::new`], for sending, as long as the lifetime lasts.
    #[inline(always)]
    pub(crate) unsafe fn new(first: *mut IoList, last: *mut IoList) -> Self {
        Self { first, last, buffers: PhantomData }
    }

    pub(crate) fn first(&self) -> *mut IoList {
        self.first
    }

    pub(crate) fn last(&self) -> *mut IoList {
        self.last
    }

    /// Checks the list.
    pub(crate) fn cursor(&self) -> Result<Cursor> {
        // SAFETY: the promise made to `new`.
        unsafe { Cursor::new(self.first, self.last, Direction::Send) }
    }

    /// Calls `action` with a list of `start` and then the buffers of `rest`.
    pub(crate) fn with<T>(
        start: &[u8],
        rest: Option<ToSend<'_>>,
        action: impl FnOnce(ToSend<'_>) -> T,
    ) -> T {
        let mut head = IoList::to_send(start);
        if let Some(rest) = rest {
            head.next = rest.first;
        }
        let first = &raw mut head;
        let last = rest.map_or(first, |rest| rest.last);
        // SAFETY: an element that lives through the call, and those of `rest`.
        action(unsafe { ToSend::new(first, last) })
    }
}

/// A list of buffers to be filled. It is the caller's, and not checked yet.
#[derive(Clone, Copy)]
pub(crate) struct ToFill<'a> {
    first: *mut IoList,
    last: *mut IoList,
    buffers: PhantomData<&'a mut [u8]>,
}

impl ToFill<'_> {
    /// No list: what is received is dropped.
    pub(crate) const NONE: Self =
        Self { first: ptr::null_mut(), last: ptr::null_mut(), buffers: PhantomData };

    /// # Safety
    /// As for [`Cursor::new`], for receiving, as long as the lifetime lasts.
    #[inline(always)]
    pub(crate) unsafe fn new(first: *mut IoList, last: *mut IoList) -> Self {
        Self { first, last, buffers: PhantomData }
    }

    pub(crate) fn first(&self) -> *mut IoList {
        self.first
    }

    pub(crate) fn last(&self) -> *mut IoList {
        self.last
    }

    /// Returns whether both ends are missing.
    pub(crate) fn is_none(&self) -> bool {
        self.first.is_null() && self.last.is_null()
    }

    /// Checks the list.
    pub(crate) fn cursor(&self) -> Result<Cursor> {
        // SAFETY: the promise made to `new`.
        unsafe { Cursor::new(self.first, self.last, Direction::Receive) }
    }

    /// Checks the list, which is for a message.
    pub(crate) fn message(&self) -> Result<Cursor> {
        // SAFETY: the promise made to `new`.
        unsafe { Cursor::new(self.first, self.last, Direction::ReceiveMessage) }
    }

    /// Calls `action` with a list of this buffer.
    pub(crate) fn with<T>(buffer: &mut [u8], action: impl FnOnce(ToFill<'_>) -> T) -> T {
        let mut list = IoList::single(buffer.as_mut_ptr().cast(), buffer.len());
        let list = &raw mut list;
        // SAFETY: a list of one buffer, which is borrowed for the whole call.
        action(unsafe { ToFill::new(list, list) })
    }

    /// Calls `action` with a list for a message of any length, which is dropped.
    pub(crate) fn with_anything<T>(action: impl FnOnce(ToFill<'_>) -> T) -> T {
        let mut list = IoList::anything();
        let list = &raw mut list;
        // SAFETY: a list without memory, which lives through the call.
        action(unsafe { ToFill::new(list, list) })
    }
}

/// What protocols make of the list of a caller, which is not to be changed.
impl Cursor {
    /// Calls `action` with a list of the next few buffers, of a list to be sent, and moves over
    /// them. The last ones are followed by `end`: then it returns true.
    pub(crate) fn send_next(
        &mut self,
        end: &[u8],
        action: impl FnOnce(ToSend<'_>) -> Result<()>,
    ) -> Result<bool> {
        let mut elements = [IoList::EMPTY; FEW];
        let (mut count, _) = self.take(&mut elements[..FEW - 1], usize::MAX);
        let is_end = self.remaining() == 0;
        if is_end {
            elements[count] = IoList::to_send(end);
            let end = &raw mut elements[count];
            if count > 0 {
                elements[count - 1].next = end;
            }
            count += 1;
        }
        let first = elements.as_mut_ptr();
        // SAFETY: a part of a list that was checked, mostly, and an element of ours behind it.
        action(unsafe { ToSend::new(first, first.wrapping_add(count - 1)) })?;
        Ok(is_end)
    }

    /// Calls `action` with a list of all buffers that are left, of a list to be sent, and `end`
    /// behind them. `ENOMEM`.
    pub(crate) fn send_all(
        &mut self,
        end: &[u8],
        action: impl FnOnce(ToSend<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut elements: Vec<IoList> = Vec::new();
        while self.remaining() > 0 {
            let mut element = [IoList::EMPTY];
            self.take(&mut element, usize::MAX);
            elements.try_reserve(2).map_err(|_| Errno::ENOMEM)?;
            elements.extend(element);
        }
        elements.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        elements.push(IoList::to_send(end));
        let first = elements.as_mut_ptr();
        for index in 1..elements.len() {
            elements[index - 1].next = first.wrapping_add(index);
        }
        // SAFETY: the buffers of a list that was checked, and an element of ours behind them.
        action(unsafe { ToSend::new(first, first.wrapping_add(elements.len() - 1)) })
    }

    /// Returns the next piece, of a list to be sent, of `limit` bytes at most, and moves over it.
    pub(crate) fn next_piece(&mut self, limit: usize) -> Option<&[u8]> {
        let mut slot = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }];
        let (count, length) = self.gather(&mut slot, limit);
        self.advance(length);
        // SAFETY: a buffer of the list, readable by the promise made to `new`.
        (count > 0).then(|| unsafe { core::slice::from_raw_parts(slot[0].iov_base.cast(), length) })
    }

    /// Calls `action` with a list of the next few buffers, of a list to be filled, and moves over
    /// them. Returns how many bytes they have, `limit` at most.
    pub(crate) fn fill_next(
        &mut self,
        limit: usize,
        action: impl FnOnce(ToFill<'_>) -> Result<()>,
    ) -> Result<usize> {
        let mut elements = [IoList::EMPTY; FEW];
        let (count, bytes) = self.take(&mut elements, limit);
        let first = elements.as_mut_ptr();
        // SAFETY: a part of a list that was checked.
        action(unsafe { ToFill::new(first, first.wrapping_add(count.saturating_sub(1))) })?;
        Ok(bytes)
    }

    /// Calls `action` with a list, for a message, of `start` in place of as many bytes of this
    /// list, and the rest of this one behind it.
    pub(crate) fn fill_behind<T>(
        &self,
        start: &mut [u8],
        action: impl FnOnce(ToFill<'_>) -> T,
    ) -> T {
        let mut head = IoList::single(start.as_mut_ptr().cast(), start.len());
        let mut tail = *self;
        tail.advance(start.len().min(self.remaining()));
        let mut second = IoList::EMPTY;
        let last = match tail.rest(&mut second) {
            None => &raw mut head,
            Some(second) => {
                head.next = second;
                if second.next.is_null() { ptr::from_mut(second) } else { self.last.cast_mut() }
            }
        };
        // SAFETY: elements of ours, followed by those of a list that was checked.
        action(unsafe { ToFill::new(&raw mut head, last) })
    }
}
