//! Slabs: one mapping holds many stacks, each with a guard made inside the mapping.
//!
//! `MADV_GUARD_INSTALL` (Linux 6.13) makes guards that split no mapping. Where the system does
//! not have it, `mprotect` makes them: then every stack takes two mappings, of which a process
//! may have some 65,000. libdill dies near 32,000 coroutines for that reason.

use super::range::StackRange;
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation::StackRegistration;
use crate::os::{instrumentation, syscalls};

/// Size of the stacks of one pool.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Usable bytes of a stack.
    pub(super) size: usize,
    /// Bytes of the guard below it.
    pub(super) guard: usize,
}

impl Shape {
    /// Bytes from one stack to the next.
    pub(super) fn stride(self) -> usize {
        self.size + self.guard
    }
}

/// A mapping from which stacks are carved one by one, from low to high addresses.
pub(super) struct Slab {
    address: *mut u8,
    shape: Shape,
    /// Stacks that fit in.
    count: usize,
    /// Stacks that were handed out at least once.
    carved: usize,
    /// Indices of the carved stacks that are free and have no pages. It has a capacity of
    /// `count`, so that taking a stack back never allocates.
    cold: Vec<u32>,
    registrations: Vec<StackRegistration>,
}

impl Slab {
    /// Reserves address space for `count` stacks and their guards.
    pub(super) fn new(shape: Shape, count: usize) -> Result<Slab> {
        let len = shape.stride().checked_mul(count).ok_or(Errno::ENOMEM)?;
        let mut cold = Vec::new();
        cold.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        let address = syscalls::map_stacks(len)?;
        Ok(Slab { address, shape, count, carved: 0, cold, registrations: Vec::new() })
    }

    /// Takes a free stack. `None` when all are in use; `ENOMEM` when there is no memory for
    /// the guard of another one.
    pub(super) fn take(&mut self) -> Result<Option<StackRange>> {
        match self.cold.pop() {
            Some(index) => Ok(Some(self.stack(index as usize))),
            None if self.carved < self.count => self.carve().map(Some),
            None => Ok(None),
        }
    }

    fn carve(&mut self) -> Result<StackRange> {
        self.registrations.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let stack = self.stack(self.carved);
        let guard = stack.bottom.wrapping_byte_sub(self.shape.guard);
        // SAFETY: the guard lies in this mapping, below a stack that was not handed out yet.
        unsafe { syscalls::guard(guard, self.shape.guard)? };
        self.carved += 1;
        self.registrations.push(stack.register());
        Ok(stack)
    }

    fn stack(&self, index: usize) -> StackRange {
        debug_assert!(index < self.count);
        let low = self.address.wrapping_byte_add(index * self.shape.stride());
        StackRange {
            bottom: low.wrapping_byte_add(self.shape.guard),
            top: low.wrapping_byte_add(self.shape.stride()),
        }
    }

    /// Returns whether the stack lies in this slab.
    pub(super) fn has(&self, stack: StackRange) -> bool {
        (stack.bottom as usize).wrapping_sub(self.address as usize) < self.len()
    }

    /// Takes back a stack of this slab that is free and has no pages.
    pub(super) fn put(&mut self, stack: StackRange) {
        let index = (stack.bottom as usize - self.address as usize) / self.shape.stride();
        debug_assert!(self.cold.len() < self.carved, "a stack is taken back twice");
        self.cold.push(index as u32);
    }

    /// Bytes of address space.
    pub(super) fn len(&self) -> usize {
        self.count * self.shape.stride()
    }

    /// Stacks that are in use, or free but not [`Slab::put`] back yet.
    pub(super) fn used(&self) -> usize {
        self.carved - self.cold.len()
    }

    /// Returns whether [`Slab::take`] has a stack.
    pub(super) fn has_room(&self) -> bool {
        !self.cold.is_empty() || self.carved < self.count
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        self.registrations.clear();
        instrumentation::asan_unpoison(self.address, self.carved * self.shape.stride());
        // SAFETY: a slab is dropped when none of its stacks is in use (`Inner::unmap_unused`), or
        // with its scheduler, when no coroutine can run any more.
        unsafe { syscalls::unmap_stacks(self.address, self.len()) };
    }
}
