//! What becomes of schedulers when the process forks.
//!
//! The child has a copy of the thread that has forked, with its scheduler and all of its
//! coroutines. But it shares what the poller is made of with its parent: whatever it changed
//! there would be changed for the parent, and each would take the other's events. So the child
//! closes its copies at once, without using them, and makes itself a poller of its own when it
//! first needs one ([`FdTable::poller`](super::fd_table::FdTable)). Many children never do: they execute another program.

#![allow(unsafe_code)] // A lock that is held across a fork.

use super::context::Context;
use super::registry::{self, Locked};
use crate::os::errno::Result;
use crate::os::{caught_signals, fork, signal_handlers};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The locks, from before a fork until after it: no other thread is in the middle of making or
/// ending its scheduler, or of changing which signals are caught.
struct Held(UnsafeCell<Option<(Locked, caught_signals::Locked, libc::pid_t)>>);

// SAFETY: only used by the thread that has the locks, see `before`.
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
        let place = own.map_or(ptr::null(), |context| &raw const context.place);
        registry::leave_only(place, &locked, |place| {
            // SAFETY: it was in the list, and so is a part of a scheduler, which `making` has put
            // there; the threads of the others do not exist in this process.
            unsafe { Context::of_place(place) }.fds.leave_poller_to_parent();
        });
        if let Some(context) = own {
            context.dumping.forget();
            context.cancellations.forget();
        }
        caught_signals::forget_in_child(&mut signals, thread);
        // Before signals come, whose handlers may want it.
        drop(locked);
    }
}
