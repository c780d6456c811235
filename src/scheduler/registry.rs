//! All schedulers of the process: debuggers find them here, and a signal that asks for a dump
//! is passed on to their threads.

use crate::os::signal_handlers;
use crate::os::symbols::data_symbol;
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// The place of the scheduler made last; the others follow. Under `LOCK`, but for debuggers.
#[allow(unsafe_code)]
#[unsafe(export_name = data_symbol!("dill_debug_contexts"))]
static PLACES: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

static LOCK: Mutex<()> = Mutex::new(());

/// A scheduler's place in the list, which is a part of it. Under `LOCK`.
pub(super) struct Place {
    next: Cell<*mut Place>,
    previous: Cell<*mut Place>,
    thread: Cell<libc::pid_t>,
}

/// As long as it exists no scheduler is made or ended.
pub(super) type Locked = MutexGuard<'static, ()>;

pub(super) fn lock() -> Locked {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place at an address in the list, the lock being held.
///
/// # Safety
/// `place` is in the list.
#[allow(unsafe_code)]
unsafe fn at<'locked>(place: *mut Place) -> &'locked Place {
    // SAFETY: a scheduler leaves the list before it goes.
    unsafe { &*place }
}

impl Place {
    /// Where debuggers find the next place, and the number of the thread.
    pub(super) const NEXT: usize = offset_of!(Place, next);
    pub(super) const THREAD: usize = offset_of!(Place, thread);

    pub(super) const fn new() -> Place {
        Place {
            next: Cell::new(ptr::null_mut()),
            previous: Cell::new(ptr::null_mut()),
            thread: Cell::new(0),
        }
    }

    /// Puts the calling thread's scheduler, whose place is at this address, into the list.
    ///
    /// # Safety
    /// The place stays there until [`Place::withdraw`].
    #[allow(unsafe_code)]
    pub(super) unsafe fn enroll(this: *mut Place, _: &Locked) {
        // SAFETY: by the caller's promise; the next place is in the list.
        unsafe {
            let next = PLACES.load(Relaxed);
            debug_assert!(next != this, "it is in the list once");
            at(this).thread.set(signal_handlers::thread_id());
            at(this).next.set(next);
            if !next.is_null() {
                at(next).previous.set(this);
            }
        }
        PLACES.store(this, Relaxed);
    }

    /// The number of its thread, also in a copy of the process that prints a dump.
    pub(super) fn thread(&self) -> libc::pid_t {
        self.thread.get()
    }

    /// Takes it out again.
    pub(super) fn withdraw(&self, _: &Locked) {
        let (next, previous) = (self.next.get(), self.previous.get());
        // SAFETY: its neighbours are in the list.
        #[allow(unsafe_code)]
        unsafe {
            if !next.is_null() {
                at(next).previous.set(previous);
            }
            match previous.is_null() {
                true => {
                    debug_assert!(ptr::eq(PLACES.load(Relaxed), self));
                    PLACES.store(next, Relaxed);
                }
                false => at(previous).next.set(next),
            }
        }
    }
}

/// In a forked child, where no other thread is left: calls `action` with the places of all
/// schedulers, and takes all but `own`, which is null if there is none, out of the list.
pub(super) fn leave_only(own: *const Place, _: &Locked, action: impl Fn(*const Place)) {
    let mut next = PLACES.swap(ptr::null_mut(), Relaxed);
    while !next.is_null() {
        let place = next;
        // SAFETY: it is in the list, and its thread does not change it any more. It is never
        // freed if it isn't our own.
        #[allow(unsafe_code)]
        let there = unsafe { at(place) };
        next = there.next.get();
        if ptr::eq(place, own) {
            there.thread.set(signal_handlers::thread_id());
            there.next.set(ptr::null_mut());
            there.previous.set(ptr::null_mut());
            PLACES.store(place, Relaxed);
        }
        action(place);
    }
}

/// Calls `action` with the places of all schedulers, which other threads go on using: it may read
/// what is atomic there. `None`, without a call, while the list is being changed.
pub(super) fn try_for_each(action: impl FnMut(*const Place)) -> Option<()> {
    let _locked = match LOCK.try_lock() {
        Ok(locked) => locked,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    for_each_in_copy(action);
    Some(())
}

/// Calls `action` with the places of all schedulers. In a child that looks at a copy of the memory,
/// where nothing changes; or with the lock held.
pub(super) fn for_each_in_copy(mut action: impl FnMut(*const Place)) {
    let mut next = PLACES.load(Relaxed);
    while !next.is_null() {
        action(next);
        // SAFETY: it is in the list, which does not change meanwhile: `try_for_each` holds the
        // lock, and a child has a copy of its own. If that was taken in the middle of a change, no
        // more than the child can fail.
        #[allow(unsafe_code)]
        let place = unsafe { at(next) };
        next = place.next.get();
    }
}

/// Sends `signal` to all threads with a scheduler but that of `except`. For signal handlers: where
/// the list is being changed it gives up after a while.
pub(super) fn send_to_others(except: *const Place, signal: libc::c_int) {
    for _ in 0..1000 {
        let _locked = match LOCK.try_lock() {
            Ok(locked) => locked,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // By another thread, or by this one, which the handler has interrupted.
            Err(TryLockError::WouldBlock) => {
                std::thread::yield_now();
                continue;
            }
        };
        let mut next = PLACES.load(Relaxed);
        while !next.is_null() {
            // SAFETY: it is in the list, which is locked.
            #[allow(unsafe_code)]
            let place = unsafe { at(next) };
            if !ptr::eq(place, except) {
                signal_handlers::send_to_thread(place.thread.get(), signal);
            }
            next = place.next.get();
        }
        return;
    }
}
