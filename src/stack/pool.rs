//! The stacks of one scheduler that nobody uses: their pages are the system's again.

use super::slab::Slab;
use super::{DEFAULT_SIZE, StackRange};
use crate::os::errno::{Errno, Result};
use crate::os::{instrumentation, settings, syscalls};
use core::cell::{Cell, RefCell};
use core::mem;
use corosensei::stack::{DefaultStack, MIN_STACK_SIZE};

/// Stacks in the first slab; each further one is twice as large, up to [`LARGEST_SLAB`].
const FIRST_SLAB: usize = 16;
const LARGEST_SLAB: usize = 4096;

/// So many free stacks keep their pages until they are given back together: neighbours
/// then need one system call.
const MOST_WARM: usize = 256;

pub(crate) struct StackPool {
    inner: RefCell<Inner>,
    /// The stack freed last. Its pages can't be given back at once: the coroutine that
    /// frees its stack is still running on it.
    cooling: Cell<Option<StackRange>>,
}

struct Inner {
    /// Free stacks that still have their pages, at most [`MOST_WARM`].
    warm: Vec<StackRange>,
    /// Free stacks without pages. Room for every stack that was ever made, so that freeing
    /// never allocates.
    cold: Vec<StackRange>,
    made: usize,
    slabs: Vec<Slab>,
    /// Stacks from corosensei, where the kernel knows no guard regions.
    singles: Vec<DefaultStack>,
    use_slabs: bool,
    size: usize,
    guard: usize,
}

impl StackPool {
    /// An empty pool; the size of its stacks comes from `DILL_STACK_SIZE`.
    pub(crate) fn new() -> StackPool {
        let page = syscalls::page_size();
        let wanted = settings::stack_size(DEFAULT_SIZE, 4 * MIN_STACK_SIZE, 1 << 40);
        let size = wanted.next_multiple_of(page);
        StackPool {
            inner: RefCell::new(Inner {
                warm: Vec::new(),
                cold: Vec::new(),
                made: 0,
                slabs: Vec::new(),
                singles: Vec::new(),
                use_slabs: true,
                size,
                guard: page,
            }),
            cooling: Cell::new(None),
        }
    }

    /// A stack of the pool's size.
    pub(crate) fn allocate(&self) -> Result<StackRange> {
        let mut inner = self.inner.borrow_mut();
        let free = self.cooling.take().or_else(|| inner.warm.pop()).or_else(|| inner.cold.pop());
        match free {
            Some(stack) => Ok(stack),
            None => inner.make(),
        }
    }

    /// Takes back a stack that [`StackPool::allocate`] gave. The caller may still be
    /// running on it, up to the next call of a function of this pool.
    #[cold]
    pub(crate) fn free(&self, stack: StackRange) {
        if let Some(earlier) = self.cooling.replace(Some(stack)) {
            self.inner.borrow_mut().keep(earlier);
        }
    }

    /// Never unmaps the stacks, if more of them are in use than these.
    pub(crate) fn leak_if_more_are_used_than(&self, number: usize) {
        let mut inner = self.inner.borrow_mut();
        let free = inner.warm.len() + inner.cold.len() + usize::from(self.cooling.get().is_some());
        if inner.made - free > number {
            mem::forget(mem::take(&mut inner.slabs));
            mem::forget(mem::take(&mut inner.singles));
        }
    }

    /// Gives the pages of free stacks back to the system, but for the one freed last.
    pub(crate) fn give_back(&self) {
        self.inner.borrow_mut().cool_down();
    }
}

impl Inner {
    #[cold]
    fn make(&mut self) -> Result<StackRange> {
        let room = self.cold.capacity();
        if room <= self.made {
            let more = (self.made + 64).max(2 * room) - self.cold.len();
            self.cold.try_reserve(more).map_err(|_| Errno::ENOMEM)?;
        }
        if self.warm.capacity() == 0 {
            self.warm.try_reserve_exact(MOST_WARM).map_err(|_| Errno::ENOMEM)?;
        }
        let stack = self.map()?;
        self.made += 1;
        Ok(stack)
    }

    fn map(&mut self) -> Result<StackRange> {
        if self.use_slabs {
            match self.carve() {
                Ok(stack) => return Ok(stack),
                Err(Errno::EINVAL) => self.use_slabs = false, // an older kernel
                Err(error) => return Err(error),
            }
        }
        self.singles.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let stack = DefaultStack::new(self.size).map_err(|_| Errno::ENOMEM)?;
        let range = StackRange::from_corosensei(&stack, self.guard);
        self.singles.push(stack);
        Ok(range)
    }

    fn carve(&mut self) -> Result<StackRange> {
        let (stride, guard) = (self.size + self.guard, self.guard);
        if let Some(slab) = self.slabs.last_mut()
            && let Some(stack) = slab.carve(stride, guard)?
        {
            return Ok(stack);
        }
        self.slabs.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let count = (FIRST_SLAB << self.slabs.len().min(16)).min(LARGEST_SLAB);
        let mut slab = Slab::new(stride, count)?;
        let stack = slab.carve(stride, guard)?.ok_or(Errno::ENOMEM)?;
        self.slabs.push(slab);
        Ok(stack)
    }

    fn keep(&mut self, stack: StackRange) {
        if self.warm.len() == MOST_WARM {
            self.cool_down();
        }
        self.warm.push(stack);
    }

    fn cool_down(&mut self) {
        self.warm.sort_unstable_by_key(|stack| stack.bottom());
        // Between neighbours lies the guard of the higher one, which stays as it is.
        let guard = self.guard;
        let adjoin = |low: &StackRange, high: &StackRange| {
            high.bottom() as usize - low.top() as usize == guard
        };
        for run in self.warm.chunk_by(adjoin) {
            let (Some(low), Some(high)) = (run.first(), run.last()) else { continue };
            let len = high.top() as usize - low.bottom() as usize;
            // SAFETY: the stacks are free, and nobody runs on them any more: another coroutine
            // has freed its own since.
            unsafe { syscalls::release_pages(low.bottom(), len) };
        }
        self.cold.append(&mut self.warm);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Slabs do so themselves.
        for single in &self.singles {
            let stack = StackRange::from_corosensei(single, self.guard);
            instrumentation::asan_unpoison(stack.bottom(), stack.size());
        }
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

    #[test]
    fn many_stacks_are_distinct_and_come_back() {
        let pool = StackPool::new();
        let stacks: Vec<StackRange> = (0..300).map(|_| pool.allocate().unwrap()).collect();
        let mut tops: Vec<usize> = stacks.iter().map(|stack| stack.top() as usize).collect();
        for stack in &stacks {
            // SAFETY: the highest word of a stack that nobody uses.
            unsafe { stack.top().cast::<usize>().sub(1).write(7) };
            pool.free(*stack);
        }
        tops.sort_unstable();
        let mut again: Vec<usize> =
            (0..300).map(|_| pool.allocate().unwrap().top() as usize).collect();
        again.sort_unstable();
        assert_eq!(tops, again);
        tops.dedup();
        assert_eq!(tops.len(), 300);
    }
}
