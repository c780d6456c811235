//! Small blocks of memory, cached by size, so that bundles, channels, sockets and
//! buffers come and go without the allocator in any steady state.

use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation;
use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

const ALIGNMENT: usize = 64;
const CLASSES: usize = 64;
/// Larger blocks go straight to the allocator.
const LARGEST: usize = ALIGNMENT * CLASSES;
/// So many bytes may wait for reuse in one size class.
const CACHED_BYTES: usize = 256 * 1024;

struct FreeBlock {
    next: *mut FreeBlock,
}

struct Class {
    first: Cell<*mut FreeBlock>,
    count: Cell<usize>,
}

/// The free blocks of one scheduler.
pub(crate) struct ObjectCache {
    classes: [Class; CLASSES],
    /// [`CACHED_BYTES`], or nothing in a program with AddressSanitizer: a block that is used
    /// after it was freed is noticed only when the allocator knows.
    most: usize,
}

impl ObjectCache {
    /// All blocks are aligned to this.
    pub(crate) const ALIGNMENT: usize = ALIGNMENT;

    pub(crate) fn new() -> ObjectCache {
        ObjectCache {
            most: if instrumentation::asan_present() { 0 } else { CACHED_BYTES },
            classes: [const { Class { first: Cell::new(ptr::null_mut()), count: Cell::new(0) } };
                CLASSES],
        }
    }

    /// Memory for `size` bytes (at least one), aligned to a cache line, not initialised.
    #[inline]
    pub(crate) fn allocate_bytes(&self, size: usize) -> Result<NonNull<u8>> {
        if let Some(class) = self.classes.get((size - 1) / ALIGNMENT)
            && let Some(block) = NonNull::new(class.first.get())
        {
            // SAFETY: a block in the list is free memory that holds a FreeBlock.
            class.first.set(unsafe { block.as_ref().next });
            class.count.set(class.count.get() - 1);
            return Ok(block.cast());
        }
        Self::allocate_from_system(size)
    }

    #[cold]
    fn allocate_from_system(size: usize) -> Result<NonNull<u8>> {
        let layout = Self::layout(size).ok_or(Errno::ENOMEM)?;
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { std::alloc::alloc(layout) }).ok_or(Errno::ENOMEM)
    }

    /// Takes back what [`ObjectCache::allocate_bytes`] gave for the same `size`.
    ///
    /// # Safety
    /// `block` came from `allocate_bytes(size)` of any cache and is not used any more.
    #[inline]
    pub(crate) unsafe fn free_bytes(&self, block: NonNull<u8>, size: usize) {
        if let Some(class) = self.classes.get((size - 1) / ALIGNMENT)
            && class.count.get() * size < self.most
        {
            let block = block.cast::<FreeBlock>();
            // SAFETY: the block is free, large enough and aligned.
            unsafe { block.write(FreeBlock { next: class.first.get() }) };
            class.first.set(block.as_ptr());
            class.count.set(class.count.get() + 1);
            return;
        }
        // SAFETY: by the caller's promise.
        unsafe { Self::free_to_system(block, size) };
    }

    /// As [`ObjectCache::free_bytes`], where there is no cache any more.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn free_to_system(block: NonNull<u8>, size: usize) {
        if let Some(layout) = Self::layout(size) {
            // SAFETY: allocated with this layout, by the caller's promise.
            unsafe { std::alloc::dealloc(block.as_ptr(), layout) };
        }
    }

    /// An object of its own block, pinned until [`ObjectCache::free`].
    #[inline]
    pub(crate) fn allocate<T>(&self, value: T) -> Result<Ref<T>> {
        const { assert!(align_of::<T>() <= ALIGNMENT && size_of::<T>() > 0) };
        let block = self.allocate_bytes(size_of::<T>())?.cast::<T>();
        // SAFETY: the block is large enough and aligned; from here on it is alive.
        unsafe {
            block.write(value);
            Ok(Ref::new(block))
        }
    }

    /// Drops the object and takes its memory back.
    ///
    /// # Safety
    /// `object` came from `allocate` and nothing refers to it any more.
    #[inline]
    pub(crate) unsafe fn free<T>(&self, object: Ref<T>) {
        let pointer = object.as_ptr();
        // SAFETY: by the caller's promise this is the last use of the object.
        unsafe {
            pointer.drop_in_place();
            self.free_bytes(NonNull::new_unchecked(pointer).cast(), size_of::<T>());
        }
    }

    fn layout(size: usize) -> Option<Layout> {
        let size = if size <= LARGEST { size.next_multiple_of(ALIGNMENT) } else { size };
        Layout::from_size_align(size, ALIGNMENT).ok().filter(|layout| layout.size() > 0)
    }
}

impl Drop for ObjectCache {
    fn drop(&mut self) {
        for (index, class) in self.classes.iter().enumerate() {
            let mut next = class.first.get();
            while let Some(block) = NonNull::new(next) {
                // SAFETY: blocks in the list are free and of this class's size.
                unsafe {
                    next = block.as_ref().next;
                    if let Some(layout) = Self::layout((index + 1) * ALIGNMENT) {
                        std::alloc::dealloc(block.as_ptr().cast(), layout);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_block_is_the_next_one_of_its_size() {
        let cache = ObjectCache::new();
        let first = cache.allocate_bytes(100).unwrap();
        let other = cache.allocate_bytes(300).unwrap();
        // SAFETY: allocated with these sizes.
        unsafe {
            cache.free_bytes(first, 100);
            cache.free_bytes(other, 300);
        }
        assert_eq!(cache.allocate_bytes(128).unwrap(), first);
        assert_eq!(cache.allocate_bytes(257).unwrap(), other);
        // SAFETY: as above; sizes of the same classes.
        unsafe {
            cache.free_bytes(first, 128);
            cache.free_bytes(other, 257);
        }
    }

    #[test]
    fn impossible_sizes_are_enomem() {
        assert_eq!(ObjectCache::new().allocate_bytes(usize::MAX), Err(Errno::ENOMEM));
    }
}
