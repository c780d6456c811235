//! Coroutines that can go on, first in, first out.

use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use core::cell::Cell;

/// A singly linked queue through [`Coroutine::next_ready`].
pub(crate) struct ReadyQueue {
    first: Cell<Option<Ref<Coroutine>>>,
    /// Meaningless while the queue is empty.
    last: Cell<Option<Ref<Coroutine>>>,
}

impl ReadyQueue {
    pub(crate) const fn new() -> ReadyQueue {
        ReadyQueue { first: Cell::new(None), last: Cell::new(None) }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    #[inline(always)]
    pub(crate) fn push(&self, coroutine: Ref<Coroutine>) {
        coroutine.next_ready.set(None);
        match self.first.get() {
            Some(_) => {
                if let Some(last) = self.last.get() {
                    last.next_ready.set(Some(coroutine));
                }
            }
            None => self.first.set(Some(coroutine)),
        }
        self.last.set(Some(coroutine));
    }

    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<Ref<Coroutine>> {
        let first = self.first.get()?;
        self.first.set(first.next_ready.get());
        Some(first)
    }
}
