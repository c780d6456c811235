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
    /// Bytes given back to the allocator, see [`ObjectCache::take_released`].
    released: Cell<usize>,
    /// [`CACHED_BYTES`], or nothing in a program with AddressSanitizer: a block that is used
    /// after it was freed is noticed only when the allocator knows.
    most: usize,
}

impl ObjectCache {
    /// All blocks are aligned to this.
    pub(crate) const ALIGNMENT: usize = ALIGNMENT;

    pub(crate) fn new() -> ObjectCache {
        ObjectCache {
            released: Cell::new(0),
            most: if instrumentation::present() { 0 } else { CACHED_BYTES },
            classes: [const { Class { first: Cell::new(ptr::null_mut()), count: Cell::new(0) } };
                CLASSES],
        }
    }

    /// Memory for `size` bytes (at least one), aligned to a cache line, not initialised.
    #[inline]
    pub(crate) fn allocate_bytes(&self, size: usize) -> Result<NonNull<u8>> {
        match self.cached_bytes(size) {
            Some(block) => Ok(block),
            None => Self::allocate_from_system(size),
        }
    }

    /// As [`ObjectCache::allocate_bytes`], if there is a block that waits for reuse.
    #[inline(always)]
    pub(crate) fn cached_bytes(&self, size: usize) -> Option<NonNull<u8>> {
        let class = self.classes.get((size - 1) / ALIGNMENT)?;
        let block = NonNull::new(class.first.get())?;
        // SAFETY: a block in the list is free memory that holds a FreeBlock.
        class.first.set(unsafe { block.as_ref().next });
        class.count.set(class.count.get() - 1);
        Some(block.cast())
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
    #[inline(always)]
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
        self.released.set(self.released.get() + size);
        // SAFETY: by the caller's promise.
        unsafe { Self::free_to_system(block, size) };
    }

    /// Returns how many bytes were given back to the allocator since the last call.
    pub(crate) fn take_released(&self) -> usize {
        self.released.take()
    }

    /// As [`ObjectCache::free_bytes`], where there is no cache any more.
    ///
    /// # Safety
    /// As there.
    #[cold]
    #[inline(never)]
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

impl ObjectCache {
    /// Gives the blocks that wait for reuse back to the allocator.
    pub(crate) fn purge(&self) {
        for (index, class) in self.classes.iter().enumerate() {
            class.count.set(0);
            let mut next = class.first.replace(ptr::null_mut());
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

/// Free objects of one type that stay as they are, but for their first word: making one of
/// them anew takes no more than the initialisation of what its former life has changed.
pub(crate) struct Spares {
    first: Cell<*mut FreeBlock>,
    room: Cell<u32>,
    /// Of each of them.
    size: Cell<usize>,
}

impl Spares {
    /// Room for `most` objects.
    pub(crate) const fn new(most: u32) -> Spares {
        Spares { first: Cell::new(ptr::null_mut()), room: Cell::new(most), size: Cell::new(0) }
    }

    /// An object that [`Spares::put`] was given.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<NonNull<()>> {
        let object = NonNull::new(self.first.get())?;
        // SAFETY: the first word of an object in the list is a `FreeBlock`.
        self.first.set(unsafe { object.as_ref().next });
        self.room.set(self.room.get() + 1);
        Some(object.cast())
    }

    /// Is there no room for another one?
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.room.get() == 0
    }

    /// Takes an object, unless there are enough; true when it is taken.
    ///
    /// # Safety
    /// It came from [`ObjectCache::allocate`], nothing refers to it any more, and it needs no
    /// drop. All objects have the same type.
    #[inline(always)]
    pub(crate) unsafe fn put<T>(&self, object: Ref<T>) -> bool {
        const { assert!(!core::mem::needs_drop::<T>() && size_of::<T>() >= size_of::<FreeBlock>()) };
        if self.is_full() {
            return false;
        }
        self.room.set(self.room.get() - 1);
        self.size.set(size_of::<T>());
        let block = object.as_ptr().cast::<FreeBlock>();
        // SAFETY: the object is free, large enough and aligned.
        unsafe { block.write(FreeBlock { next: self.first.get() }) };
        self.first.set(block);
        true
    }
}

impl Drop for ObjectCache {
    fn drop(&mut self) {
        self.purge();
    }
}

impl Spares {
    /// Gives the objects back to the allocator.
    pub(crate) fn purge(&self) {
        let layout = ObjectCache::layout(self.size.get());
        while let (Some(object), Some(layout)) = (self.take(), layout) {
            // SAFETY: allocated by an `ObjectCache` for an object of this size.
            unsafe { std::alloc::dealloc(object.as_ptr().cast(), layout) };
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.purge();
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
    fn a_spare_object_keeps_all_but_its_first_word() {
        let cache = ObjectCache::new();
        let spares = Spares::new(1);
        let one = cache.allocate([1usize, 2, 3]).unwrap();
        let other = cache.allocate([4usize, 5, 6]).unwrap();
        // SAFETY: allocated above.
        unsafe {
            assert!(spares.put(one));
            assert!(!spares.put(other), "no room");
            cache.free(other);
        }
        let again = spares.take().unwrap().cast::<[usize; 3]>();
        assert_eq!(again.as_ptr(), one.as_ptr());
        // SAFETY: alive again.
        unsafe {
            assert_eq!(again.as_ref()[1..], [2, 3]);
            assert!(spares.put(Ref::new(again)));
        }
    }

    #[test]
    fn impossible_sizes_are_enomem() {
        assert_eq!(ObjectCache::new().allocate_bytes(usize::MAX), Err(Errno::ENOMEM));
    }
}
