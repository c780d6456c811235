//! The stacks of one scheduler that no coroutine uses.
//!
//! Their pages are given back to the system many at a time: neighbours then need one system
//! call. Slabs without any used stack are unmapped, but for the first ones.

use super::range::StackRange;
use super::slab::{Shape, Slab};
use crate::os::errno::{Errno, Result};
use crate::os::{settings, syscalls};
use core::cell::{Cell, RefCell};
use core::mem;
use corosensei::stack::MIN_STACK_SIZE;

/// Address space of a stack unless `DILL_STACK_SIZE` says otherwise, as in libdill.
const DEFAULT_SIZE: usize = 256 * 1024;

/// Address space of the first slab. Each further one is as large as all together, up to
/// [`LARGEST_SLAB`].
const FIRST_SLAB: usize = 4 << 20;
const LARGEST_SLAB: usize = 1 << 30;
/// Stacks in a slab at most where guards split the mapping: small slabs are soon free of used
/// stacks, and give their mappings back.
const MOST_SPLITTING: usize = 64;
/// A slab is at most this fraction of a limit on the process's address space or data, so that
/// stacks take little more of it than are needed.
const FRACTION_OF_LIMIT: usize = 64;
/// The first slabs, up to so much address space, stay mapped when no stack in them is used.
const KEPT: usize = 16 << 20;

/// The library's code and data take so much more address space than those of libdill. Where
/// there is a limit, stacks of the default size are smaller by their part of it, so that no
/// fewer of them fit in.
const IMAGE: usize = 5 << 20;
/// A limit from which on this makes no difference.
const AMPLE: usize = 256 << 20;

/// Stacks whose pages are given back together, at most.
pub(crate) const BATCH: usize = 64;
/// But not many more bytes than these, so that it does not take long.
const LARGEST_BATCH: usize = 16 << 20;
/// So much of a stack, from its top, is kept where only the deep pages are given back.
const SHALLOW: usize = 16 * 1024;

pub(crate) struct StackPool {
    inner: RefCell<Inner>,
    /// The stack freed last. Its pages can't be given back at once: the coroutine that
    /// frees its stack is still running on it.
    cooling: Cell<Option<StackRange>>,
}

struct Inner {
    /// Free stacks that still have their pages, at most [`BATCH`].
    warm: Vec<StackRange>,
    /// In the order in which they were made. The first ones are used first, so that the last
    /// ones are soon free of used stacks.
    slabs: Vec<Slab>,
    /// All slabs before this one are full.
    first_with_room: usize,
    /// Address space of all slabs.
    mapped: usize,
    shape: Shape,
    /// The size was not asked for by `DILL_STACK_SIZE`.
    is_default: bool,
}

impl StackPool {
    /// Creates an empty pool. The size of its stacks comes from `DILL_STACK_SIZE`.
    pub(crate) fn new() -> StackPool {
        let page = syscalls::page_size();
        let wanted = settings::stack_size(DEFAULT_SIZE, 4 * MIN_STACK_SIZE, 1 << 40);
        let is_default = wanted.is_none();
        let size = wanted.unwrap_or(DEFAULT_SIZE).next_multiple_of(page);
        StackPool {
            inner: RefCell::new(Inner {
                warm: Vec::new(),
                slabs: Vec::new(),
                first_with_room: 0,
                mapped: 0,
                shape: Shape { size, guard: page },
                is_default,
            }),
            cooling: Cell::new(None),
        }
    }

    /// Takes a stack of the pool's size. `ENOMEM`.
    pub(crate) fn allocate(&self) -> Result<StackRange> {
        let mut inner = self.inner.borrow_mut();
        match self.cooling.take().or_else(|| inner.warm.pop()) {
            Some(stack) => Ok(stack),
            None => inner.take(),
        }
    }

    /// Takes back a stack that [`StackPool::allocate`] gave. The caller may still be
    /// running on it, up to the next call of a function of this pool.
    #[cold]
    pub(crate) fn free(&self, stack: StackRange) {
        if let Some(earlier) = self.cooling.replace(Some(stack)) {
            self.keep(earlier);
        }
    }

    /// Takes back a stack that [`StackPool::allocate`] gave, and on which no coroutine runs.
    pub(crate) fn keep(&self, stack: StackRange) {
        let mut inner = self.inner.borrow_mut();
        if inner.warm.len() == inner.warm.capacity() {
            inner.cool_down();
        }
        inner.warm.push(stack);
    }

    /// Never unmaps the stacks, if more of them are in use than these.
    pub(crate) fn leak_if_more_are_used_than(&self, number: usize) {
        let mut inner = self.inner.borrow_mut();
        let free = inner.warm.len() + usize::from(self.cooling.get().is_some());
        let used: usize = inner.slabs.iter().map(Slab::used).sum();
        if used - free > number {
            mem::forget(mem::take(&mut inner.slabs));
        }
    }

    /// Gives the pages of free stacks back to the system, but for the one freed last.
    pub(crate) fn give_back(&self) {
        self.inner.borrow_mut().cool_down();
    }

    /// Returns how many stacks to give back together.
    pub(crate) fn batch(&self) -> usize {
        (LARGEST_BATCH / self.inner.borrow().shape.size).clamp(1, BATCH)
    }
}

/// Gives back the pages of `stack` that only deep recursion touches. Returns whether it can have
/// any.
///
/// # Safety
/// No coroutine runs on the stack.
pub(crate) unsafe fn give_deep_pages_back(stack: StackRange) -> bool {
    if stack.size() < 2 * SHALLOW {
        return false;
    }
    // SAFETY: the range is the lower part of a free stack, by the promise of the caller.
    unsafe { syscalls::release_pages(stack.bottom(), stack.size() - SHALLOW) };
    true
}

impl Inner {
    #[cold]
    fn take(&mut self) -> Result<StackRange> {
        while let Some(slab) = self.slabs.get_mut(self.first_with_room) {
            if let Some(stack) = slab.take()? {
                return Ok(stack);
            }
            self.first_with_room += 1;
        }
        self.make()
    }

    /// Maps another slab, as large as there is address space for, and takes a stack from it.
    fn make(&mut self) -> Result<StackRange> {
        if self.warm.capacity() == 0 {
            self.warm.try_reserve_exact(BATCH).map_err(|_| Errno::ENOMEM)?;
        }
        self.slabs.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let limit = syscalls::address_space_limit();
        let shape = self.next_shape(limit);
        let mut count = self.next_count(shape, limit);
        let mut slab = loop {
            match Slab::new(shape, count) {
                Ok(slab) => break slab,
                Err(_) if count > 1 => count /= 2,
                Err(_) => return Err(Errno::ENOMEM),
            }
        };
        let stack = slab.take()?.ok_or(Errno::ENOMEM)?;
        self.mapped += slab.len();
        self.slabs.push(slab);
        Ok(stack)
    }

    /// Returns the size of the next slab's stacks, where the process has such a limit on its
    /// address space.
    fn next_shape(&self, limit: usize) -> Shape {
        let mut shape = self.shape;
        if self.is_default && limit < AMPLE {
            // At most half of the size.
            let part = shape.size / (limit / IMAGE).max(2);
            shape.size -= part.next_multiple_of(shape.guard);
        }
        shape
    }

    /// Returns how many stacks the next slab is to have.
    fn next_count(&self, shape: Shape, limit: usize) -> usize {
        let largest = (limit / FRACTION_OF_LIMIT).min(LARGEST_SLAB);
        let len = self.mapped.max(FIRST_SLAB).min(largest);
        let most = if syscalls::guards_split_mappings() { MOST_SPLITTING } else { usize::MAX };
        (len / shape.stride()).clamp(1, most)
    }

    fn cool_down(&mut self) {
        if self.warm.is_empty() {
            return;
        }
        self.warm.sort_unstable_by_key(|stack| stack.bottom());
        // Between neighbours lies the guard of the higher one, which stays as it is.
        let guard = self.shape.guard;
        let adjoin = |low: &StackRange, high: &StackRange| {
            high.bottom() as usize - low.top() as usize == guard
        };
        for run in self.warm.chunk_by(adjoin) {
            let (Some(low), Some(high)) = (run.first(), run.last()) else { continue };
            let len = high.top() as usize - low.bottom() as usize;
            // SAFETY: the stacks are free, and no coroutine runs on them any more: `free` keeps
            // a stack aside until another one is freed, and `keep` wants it so.
            unsafe { syscalls::release_pages(low.bottom(), len) };
        }
        let mut at = 0;
        let mut unused = false;
        for stack in self.warm.drain(..) {
            // In the order of their addresses, so the next stack is mostly in the same slab.
            if !self.slabs.get(at).is_some_and(|slab| slab.has(stack)) {
                at = self.slabs.iter().position(|slab| slab.has(stack)).unwrap_or(usize::MAX);
            }
            debug_assert!(at < self.slabs.len(), "a stack of another pool");
            if let Some(slab) = self.slabs.get_mut(at) {
                slab.put(stack);
                self.first_with_room = self.first_with_room.min(at);
                unused |= slab.used() == 0;
            }
        }
        if unused && self.mapped > KEPT {
            self.unmap_unused();
        }
    }

    /// Unmaps the slabs that have no used stack, but for the first ones.
    #[cold]
    fn unmap_unused(&mut self) {
        let mut mapped = 0;
        self.slabs.retain(|slab| {
            let keep = slab.used() > 0 || mapped < KEPT;
            mapped += if keep { slab.len() } else { 0 };
            keep
        });
        self.mapped = mapped;
        self.first_with_room = self.slabs.iter().take_while(|slab| !slab.has_room()).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuses_the_stack_freed_last() {
        let pool = StackPool::new();
        let first = pool.allocate().unwrap();
        let second = pool.allocate().unwrap();
        assert_ne!(first.top(), second.top());
        assert!(first.size() >= 4 * MIN_STACK_SIZE);
        pool.free(first);
        pool.free(second);
        assert_eq!(pool.allocate().unwrap().top(), second.top());
        assert_eq!(pool.allocate().unwrap().top(), first.top());
    }

    /// Touches `count` stacks and frees them. Returns their tops, sorted.
    fn burst(pool: &StackPool, count: usize) -> Vec<usize> {
        let stacks: Vec<StackRange> = (0..count).map(|_| pool.allocate().unwrap()).collect();
        for stack in &stacks {
            // SAFETY: the highest word of a stack that is not used.
            unsafe { stack.top().cast::<usize>().sub(1).write(7) };
            pool.free(*stack);
        }
        let mut tops: Vec<usize> = stacks.iter().map(|stack| stack.top() as usize).collect();
        tops.sort_unstable();
        tops
    }

    #[test]
    fn many_stacks_are_distinct_and_come_back() {
        let pool = StackPool::new();
        // No more than stay mapped.
        let count = KEPT / pool.inner.borrow().shape.stride() - 1;
        let mut tops = burst(&pool, count);
        pool.give_back();
        assert_eq!(burst(&pool, count), tops);
        tops.dedup();
        assert_eq!(tops.len(), count);
    }

    #[test]
    fn address_space_of_a_burst_is_given_back() {
        let pool = StackPool::new();
        let first = pool.allocate().unwrap();
        for _ in 0..3 {
            burst(&pool, 1000);
            // It takes the place of the one freed last, which stays as it is.
            pool.free(first);
            pool.give_back();
            let inner = pool.inner.borrow();
            assert!(inner.mapped < 3 * KEPT, "{} bytes mapped", inner.mapped);
            assert_eq!(inner.mapped, inner.slabs.iter().map(Slab::len).sum());
            drop(inner);
            assert_eq!(pool.allocate().unwrap().top(), first.top());
        }
    }
}
