//! Which coroutines are ending a bundle that another one owns: a cycle of waits needs one of them.

use crate::intrusive::Ref;
use core::cell::Cell;

/// More of them at the same time are counted only.
const REMEMBERED: usize = 4;

/// The coroutines of a thread that are ending a bundle that is not their own.
pub(crate) struct ForeignEndings<T> {
    cancellers: [Cell<Option<Ref<T>>>; REMEMBERED],
    count: Cell<usize>,
}

impl<T> ForeignEndings<T> {
    pub(super) const fn new() -> Self {
        ForeignEndings { cancellers: [const { Cell::new(None) }; REMEMBERED], count: Cell::new(0) }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// Adds a coroutine that begins to end such a bundle. It waits for the end, so it ends no
    /// other one meanwhile.
    pub(crate) fn add(&self, canceller: Ref<T>) {
        self.count.set(self.count.get() + 1);
        if let Some(place) = self.cancellers.iter().find(|place| place.get().is_none()) {
            place.set(Some(canceller));
        }
    }

    /// Takes one back that was added.
    pub(crate) fn remove(&self, canceller: Ref<T>) {
        debug_assert!(self.count.get() > 0);
        self.count.set(self.count.get() - 1);
        if let Some(place) = self.cancellers.iter().find(|place| place.get() == Some(canceller)) {
            place.set(None);
        }
    }

    /// Returns whether one of them passes the test; true also where not all are remembered.
    pub(crate) fn may_have(&self, test: impl Fn(Ref<T>) -> bool) -> bool {
        let remembered = self.cancellers.iter().filter_map(Cell::get);
        remembered.clone().count() < self.count.get() || remembered.clone().any(test)
    }
}
