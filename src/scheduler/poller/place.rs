//! Where a scheduler keeps its poller.

#![allow(unsafe_code)] // A box that a forked child can't drop.

use super::{Poller as _, SystemPoller};
use core::cell::Cell;
use core::ptr::NonNull;

/// A scheduler's poller.
pub(in crate::scheduler) struct PollerPlace {
    poller: Cell<Option<NonNull<SystemPoller>>>,
    /// The parent's, until there is one of our own.
    inherited: Cell<Option<NonNull<SystemPoller>>>,
}

impl PollerPlace {
    pub(in crate::scheduler) const fn new() -> PollerPlace {
        PollerPlace { poller: Cell::new(None), inherited: Cell::new(None) }
    }

    /// The poller, if there is one.
    #[inline]
    pub(in crate::scheduler) fn get(&self) -> Option<&SystemPoller> {
        // SAFETY: a box of ours, which goes with `self` or never.
        self.poller.get().map(|poller| unsafe { &*poller.as_ptr() })
    }

    /// The parent's, until there is one of our own.
    pub(in crate::scheduler) fn inherited(&self) -> Option<&SystemPoller> {
        // SAFETY: a box that `put` consumes.
        self.inherited.get().map(|poller| unsafe { &*poller.as_ptr() })
    }

    /// Puts a poller there; there was none.
    pub(in crate::scheduler) fn put(&self, poller: Box<SystemPoller>) {
        debug_assert!(self.poller.get().is_none());
        self.poller.set(Some(NonNull::from(Box::leak(poller))));
        if let Some(inherited) = self.inherited.take() {
            // SAFETY: leaked by `put`; it minds those who are in the middle of its functions.
            SystemPoller::dissolve(unsafe { Box::from_raw(inherited.as_ptr()) });
        }
    }

    /// In a forked child: drops the parent's.
    pub(in crate::scheduler) fn leave_to_parent(&self) {
        if let Some(poller) = self.poller.take() {
            // SAFETY: as in `inherited`.
            unsafe { poller.as_ref() }.leave_to_parent();
            self.inherited.set(Some(poller));
        }
    }
}

impl Drop for PollerPlace {
    fn drop(&mut self) {
        if let Some(poller) = self.poller.take() {
            // SAFETY: leaked by `put`, and not used any more.
            drop(unsafe { Box::from_raw(poller.as_ptr()) });
        }
    }
}
