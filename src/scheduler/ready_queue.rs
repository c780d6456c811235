//! Coroutines that can go on, first in, first out.

use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use core::cell::Cell;
use core::ptr;

/// Where the next coroutine in line stands: in the queue itself or in a coroutine.
pub(crate) type Next = Cell<Option<Ref<Coroutine>>>;

/// A singly linked queue through `Coroutine::next_ready`. Pinned: call
/// [`ReadyQueue::init`] in place.
pub(crate) struct ReadyQueue {
    first: Next,
    /// The place for the next one: of the last coroutine, or `first` when there is none.
    last: Cell<*const Next>,
}

impl ReadyQueue {
    pub(crate) const fn new() -> ReadyQueue {
        ReadyQueue { first: Cell::new(None), last: Cell::new(ptr::null()) }
    }

    /// Completes what needs the final address.
    pub(crate) fn init(&self) {
        self.last.set(&self.first);
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    #[inline(always)]
    pub(crate) fn push(&self, coroutine: Ref<Coroutine>) {
        coroutine.next_ready.set(None);
        // SAFETY: points to `first` or into the last coroutine of the queue, which can't
        // end before it was popped and has run.
        #[allow(unsafe_code)]
        unsafe {
            (*self.last.get()).set(Some(coroutine));
        }
        self.last.set(&raw const coroutine.next_ready);
    }

    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<Ref<Coroutine>> {
        let first = self.first.get()?;
        let next = first.next_ready.get();
        self.first.set(next);
        if next.is_none() {
            self.last.set(&self.first);
        }
        Some(first)
    }
}
