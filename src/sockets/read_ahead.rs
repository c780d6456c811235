//! The receive buffer of stream sockets.

#![allow(unsafe_code)] // Cached memory blocks.

use super::io_list::Cursor;
use crate::scheduler::context::Context;
use core::cell::Cell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use core::slice;

/// Bytes that are read ahead at most: what a block of 2 KiB holds.
pub(in crate::sockets) const READ_AHEAD: usize = 2048 - 2 * size_of::<u16>();

/// Input that was read ahead, so that many small receives cost one system call. It has
/// memory only while there is some.
pub(crate) struct ReadAhead {
    block: Cell<Option<NonNull<Block>>>,
}

/// Memory of [`ReadAhead`].
#[repr(C)]
pub(crate) struct Block {
    /// The bytes not consumed yet are those from `start` to `end`.
    start: u16,
    end: u16,
    bytes: [MaybeUninit<u8>; READ_AHEAD],
}

impl Block {
    /// What is here, in a block that a [`ReadAhead`] keeps.
    fn content(&self) -> &[u8] {
        let bytes = &self.bytes[usize::from(self.start)..usize::from(self.end)];
        // SAFETY: `keep` has set it up: the bytes up to `end` were received.
        unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
    }
}

impl ReadAhead {
    pub(crate) const fn new() -> Self {
        Self { block: Cell::new(None) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.block.get().is_none()
    }

    /// Moves `length` bytes to `memory` (drops them if that is null) if there are that many;
    /// else does nothing and returns false.
    ///
    /// # Safety
    /// `memory` is null, or `length` bytes can be written there.
    #[inline]
    pub(crate) unsafe fn take(&self, context: &Context, memory: *mut u8, length: usize) -> bool {
        let Some(mut block) = self.block.get() else { return false };
        // SAFETY: the block is this object's alone.
        let content = unsafe { block.as_mut() };
        let available = usize::from(content.end - content.start);
        if length > available {
            return false;
        }
        if !memory.is_null() {
            let source = content.bytes.as_ptr().wrapping_add(usize::from(content.start));
            // SAFETY: received bytes of ours to memory of the caller's, `length` of both.
            unsafe { ptr::copy_nonoverlapping(source.cast(), memory, length) };
        }
        content.start += length as u16; // fits: not beyond `end`
        if length == available {
            self.block.set(None);
            free_block_of(context, block);
        }
        true
    }

    /// Moves the bytes that are here to `memory`, `limit` at most. Returns how many.
    ///
    /// # Safety
    /// `limit` bytes can be written to `memory`.
    #[inline]
    pub(super) unsafe fn take_some(
        &self,
        context: &Context,
        memory: *mut u8,
        limit: usize,
    ) -> usize {
        let Some(block) = self.block.get() else { return 0 };
        // SAFETY: the block is this object's alone.
        let count = unsafe { block.as_ref() }.content().len().min(limit);
        // SAFETY: not more than there is room for, by the caller's promise.
        unsafe { self.take(context, memory, count) };
        count
    }

    /// How many of the bytes here, but at most `limit`, it takes to get behind the next one that
    /// is `last`; all of them if there is none.
    pub(super) fn length_until(&self, last: u8, limit: usize) -> usize {
        let Some(block) = self.block.get() else { return 0 };
        // SAFETY: the block is this object's alone.
        let content = unsafe { block.as_ref() }.content();
        let (start, length) = (content.as_ptr(), content.len().min(limit));
        // SAFETY: it looks at no more bytes than there are, and what it finds is one of them.
        unsafe {
            let found = libc::memchr(start.cast(), last.into(), length).cast::<u8>();
            if found.is_null() { length } else { found.offset_from_unsigned(start) + 1 }
        }
    }

    /// The next byte, which stays here.
    pub(super) fn first(&self) -> Option<u8> {
        let block = self.block.get()?;
        // SAFETY: the block is this object's alone.
        unsafe { block.as_ref() }.content().first().copied()
    }

    /// Copies what is here to the list, as far as it has room.
    #[inline]
    pub(super) fn copy_to(&self, cursor: &mut Cursor) {
        let Some(mut block) = self.block.get() else { return };
        // SAFETY: the block is this object's alone.
        let block = unsafe { block.as_mut() };
        let taken = cursor.copy_from(block.content());
        block.start += taken as u16; // fits: not beyond `end`
        if block.start == block.end {
            self.clear();
        }
    }

    /// Moves all that is here out.
    pub(crate) fn take_all(&self) -> Vec<u8> {
        let Some(block) = self.block.take() else { return Vec::new() };
        // SAFETY: the block was this object's alone.
        let bytes = unsafe { block.as_ref() }.content().to_vec();
        free_block(block);
        bytes
    }

    /// Copies the start of `block`, of which `received` bytes were received, to `memory`, unless
    /// that is null, and keeps the rest. If there are fewer than `length` it keeps them all and
    /// returns false.
    ///
    /// # Safety
    /// `memory` is null, or `length` bytes can be written there.
    #[inline(always)]
    pub(super) unsafe fn pass_on(
        &self,
        context: &Context,
        block: NonNull<Block>,
        received: usize,
        memory: *mut u8,
        length: usize,
    ) -> bool {
        if length == received && !memory.is_null() {
            // SAFETY: received bytes of ours to memory of the caller's, `length` of both.
            unsafe { ptr::copy_nonoverlapping(room(block).cast(), memory, length) };
            free_block_of(context, block);
            return true;
        }
        // SAFETY: by the caller's promise.
        unsafe { self.pass_on_a_part(context, block, received, memory, length) }
    }

    /// # Safety
    /// As for [`ReadAhead::pass_on`].
    #[inline(never)]
    unsafe fn pass_on_a_part(
        &self,
        context: &Context,
        block: NonNull<Block>,
        received: usize,
        memory: *mut u8,
        length: usize,
    ) -> bool {
        self.keep(block, received);
        // SAFETY: by the caller's promise.
        unsafe { self.take(context, memory, length) }
    }

    /// Drops what is here, and the memory.
    pub(crate) fn clear(&self) {
        if let Some(block) = self.block.take() {
            free_block(block);
        }
    }

    /// Keeps the first `length` bytes of `block`, which were received.
    #[inline]
    pub(super) fn keep(&self, mut block: NonNull<Block>, length: usize) {
        debug_assert!(self.is_empty() && length <= READ_AHEAD);
        if length == 0 {
            return free_block(block);
        }
        // SAFETY: the caller gives the block away.
        let block_ref = unsafe { block.as_mut() };
        (block_ref.start, block_ref.end) = (0, length as u16);
        self.block.set(Some(block));
    }
}

/// Memory to read ahead into; none is no reason to fail.
#[inline(always)]
pub(super) fn allocate_block(context: &Context) -> Option<NonNull<Block>> {
    match context.objects.cached_bytes(size_of::<Block>()) {
        Some(block) => Some(block.cast()),
        None => make_block(context),
    }
}

#[cold]
#[inline(never)]
fn make_block(context: &Context) -> Option<NonNull<Block>> {
    Some(context.objects.allocate_bytes(size_of::<Block>()).ok()?.cast())
}

/// Frees a block that holds nothing.
pub(super) fn free_block(block: NonNull<Block>) {
    // There is a context: the block came from it.
    if let Some(context) = Context::existing() {
        free_block_of(context, block);
    }
}

#[inline(always)]
fn free_block_of(context: &Context, block: NonNull<Block>) {
    // SAFETY: allocated with this size by `allocate_block`, and its owner lets go of it.
    unsafe { context.objects.free_bytes(block.cast(), size_of::<Block>()) };
}

/// Where in a block to receive, [`READ_AHEAD`] bytes.
pub(super) fn room(block: NonNull<Block>) -> *mut c_void {
    // SAFETY: only computes an address within the block.
    unsafe { (&raw mut (*block.as_ptr()).bytes).cast() }
}
