//! The coroutine that runs, and those that can go on: first in, first out.

use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use core::cell::Cell;
use core::mem::offset_of;

/// A singly linked list through `Coroutine::next_ready`. Its first item is the coroutine
/// that runs, so that choosing the next one takes a single step along the list, and the
/// list never is empty. A coroutine stays in it until it has been left for another one.
/// The link of the last item is not defined.
#[repr(C)]
pub(crate) struct ReadyQueue {
    running: Cell<Ref<Coroutine>>,
    last: Cell<Ref<Coroutine>>,
}

impl ReadyQueue {
    /// Where debuggers find the coroutine that runs.
    pub(super) const RUNNING: usize = offset_of!(ReadyQueue, running);

    /// A queue of `running` alone.
    pub(crate) fn new(running: Ref<Coroutine>) -> ReadyQueue {
        ReadyQueue { running: Cell::new(running), last: Cell::new(running) }
    }

    /// The coroutine that runs.
    #[inline(always)]
    pub(crate) fn running(&self) -> Ref<Coroutine> {
        self.running.get()
    }

    /// [`ReadyQueue::running`], read from a queue of which no more than the first word exists.
    ///
    /// # Safety
    /// That word is readable, and an address.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(crate) unsafe fn running_of(this: *const ReadyQueue) -> *const Coroutine {
        // SAFETY: by the caller's promise; the field is the first one.
        unsafe { (*this).running.get().as_ptr() }
    }

    /// Returns the next coroutine; `None` when none is ready.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(crate) fn next(&self) -> Option<Ref<Coroutine>> {
        let running = self.running.get();
        if running == self.last.get() {
            return None;
        }
        debug_assert!(running.next_ready.get().is_some());
        // SAFETY: it is not the last, and so its link was set when the next one came.
        Some(unsafe { running.next_ready.get().unwrap_unchecked() })
    }

    /// Returns whether no coroutine is ready.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.running.get() == self.last.get()
    }

    /// Puts one at the end that is neither ready nor runs.
    #[inline(always)]
    pub(crate) fn push(&self, coroutine: Ref<Coroutine>) {
        self.last.get().next_ready.set(Some(coroutine));
        self.last.set(coroutine);
    }

    /// Makes the next one, which is `next`, run. The one that ran is out of the list.
    #[inline(always)]
    pub(crate) fn advance(&self, next: Ref<Coroutine>) {
        debug_assert!(self.next() == Some(next));
        self.running.set(next);
    }

    /// As [`ReadyQueue::advance`]; `running`, which ran, goes to the end.
    #[inline(always)]
    pub(crate) fn rotate(&self, running: Ref<Coroutine>, next: Ref<Coroutine>) {
        self.advance(next);
        self.push(running);
    }

    /// Makes `other`, which is not ready, run at once; `running`, which ran, goes to the end.
    #[inline(always)]
    pub(crate) fn run_first(&self, running: Ref<Coroutine>, other: Ref<Coroutine>) {
        debug_assert!(self.running() == running);
        if self.last.get() == running {
            other.next_ready.set(Some(running));
        } else {
            other.next_ready.set(running.next_ready.get());
            self.push(running);
        }
        self.running.set(other);
    }

    /// Makes `other`, which is not ready, run instead of the one that runs.
    #[inline(always)]
    pub(crate) fn replace_running(&self, other: Ref<Coroutine>) {
        let running = self.running.replace(other);
        other.next_ready.set(running.next_ready.get());
        if self.last.get() == running {
            self.last.set(other);
        }
    }
}
