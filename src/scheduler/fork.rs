//! What becomes of schedulers when the process forks.
//!
//! The child has a copy of the thread that has forked, with its scheduler and all of its
//! coroutines. But it shares what the poller is made of with its parent: whatever it changed
//! there would be changed for the parent, and each would take the other's events. So the child
//! closes its copies at once, without using them, and makes itself a poller of its own when it
//! first needs one ([`Context::poller`]). Many children never do: they execute another program.

#![allow(unsafe_code)] // A lock that is held across a fork.

use super::context::Context;
use super::poller::{Poller as _, SystemPoller};
use super::registry::{self, Locked};
use crate::os::errno::Result;
use crate::os::{caught_signals, fork, signal_handlers};
use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The locks, from before a fork until after it: no other thread is in the middle of making or
/// ending its scheduler, or of changing which signals are caught.
struct Held(UnsafeCell<Option<(Locked, caught_signals::Locked, libc::pid_t)>>);

// SAFETY: only used by whoever has the lock.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

/// Has this process and its children take notice of forks. `ENOMEM`.
pub(super) fn watch_out(_: &Locked) -> Result<()> {
    static DONE: AtomicBool = AtomicBool::new(false); // changed under the lock
    if !DONE.load(Relaxed) {
        fork::install(before, in_parent, in_child)?;
        DONE.store(true, Relaxed);
    }
    Ok(())
}

unsafe extern "C" fn before() {
    // First, as it blocks all signals: a handler may fork, too, and would wait for the other lock.
    let signals = caught_signals::lock();
    let locked = registry::lock();
    // SAFETY: only the thread that has the locks gets here.
    unsafe { *HELD.0.get() = Some((locked, signals, signal_handlers::thread_id())) };
}

unsafe extern "C" fn in_parent() {
    fork::note_in_parent();
    // SAFETY: taken by `before`, on this thread.
    drop(unsafe { (*HELD.0.get()).take() });
}

unsafe extern "C" fn in_child() {
    fork::note_in_child();
    // SAFETY: taken by `before`, on the thread that this one is a copy of.
    let held = unsafe { (*HELD.0.get()).take() };
    if let Some((locked, mut signals, thread)) = held {
        let own = Context::existing();
        registry::leave_only(own, &locked, |context| context.poller.leave_to_parent());
        if let Some(context) = own {
            context.forget_dump();
            context.forget_cancellations();
        }
        caught_signals::forget_in_child(&mut signals, thread);
        // Before signals come, whose handlers may want it.
        drop(locked);
    }
}

/// A scheduler's poller.
pub(super) struct PollerPlace {
    poller: Cell<Option<NonNull<SystemPoller>>>,
    /// The parent's, until there is one of our own.
    inherited: Cell<Option<NonNull<SystemPoller>>>,
}

impl PollerPlace {
    pub(super) const fn new() -> PollerPlace {
        PollerPlace { poller: Cell::new(None), inherited: Cell::new(None) }
    }

    /// The poller, if there is one.
    #[inline]
    pub(super) fn get(&self) -> Option<&SystemPoller> {
        // SAFETY: a box of ours, which goes with `self` or never.
        self.poller.get().map(|poller| unsafe { &*poller.as_ptr() })
    }

    /// The parent's, until there is one of our own.
    pub(super) fn inherited(&self) -> Option<&SystemPoller> {
        // SAFETY: a box that `put` consumes.
        self.inherited.get().map(|poller| unsafe { &*poller.as_ptr() })
    }

    /// Puts a poller there; there was none.
    pub(super) fn put(&self, poller: Box<SystemPoller>) {
        debug_assert!(self.poller.get().is_none());
        self.poller.set(Some(NonNull::from(Box::leak(poller))));
        if let Some(inherited) = self.inherited.take() {
            // SAFETY: leaked by `put`; it minds those who are in the middle of its functions.
            SystemPoller::dissolve(unsafe { Box::from_raw(inherited.as_ptr()) });
        }
    }

    /// In a forked child: drops the parent's.
    fn leave_to_parent(&self) {
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
            // SAFETY: leaked by `put`, and nobody uses it any more.
            drop(unsafe { Box::from_raw(poller.as_ptr()) });
        }
    }
}
