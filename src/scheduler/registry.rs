//! All schedulers of the process: debuggers find them here, and a signal that asks for a dump
//! is passed on to their threads.

use super::context::Context;
use super::ready_queue::ReadyQueue;
use crate::os::debug_layout::Field;
use crate::os::signal_handlers;
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// The scheduler made last; the others follow. Under `LOCK`, but for debuggers.
#[allow(unsafe_code)]
#[unsafe(export_name = "dill_debug_contexts")]
static CONTEXTS: AtomicPtr<Context> = AtomicPtr::new(ptr::null_mut());

static LOCK: Mutex<()> = Mutex::new(());

/// A scheduler's place in the list. Under `LOCK`.
pub(super) struct Place {
    next: Cell<*mut Context>,
    previous: Cell<*mut Context>,
    thread: Cell<libc::pid_t>,
}

impl Place {
    pub(super) const fn new() -> Place {
        Place {
            next: Cell::new(ptr::null_mut()),
            previous: Cell::new(ptr::null_mut()),
            thread: Cell::new(0),
        }
    }
}

/// Nobody makes or ends a scheduler meanwhile.
pub(super) type Locked = MutexGuard<'static, ()>;

pub(super) fn lock() -> Locked {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of a scheduler in the list, the lock being held.
///
/// # Safety
/// `context` is in the list.
#[allow(unsafe_code)]
unsafe fn place<'locked>(context: *mut Context) -> &'locked Place {
    // SAFETY: a scheduler leaves the list before it goes.
    unsafe { &(*context).place }
}

impl Context {
    /// Puts the calling thread's scheduler into the list.
    pub(super) fn enroll(&self, _: &Locked) {
        let this = ptr::from_ref(self).cast_mut();
        self.place.thread.set(signal_handlers::thread_id());
        let next = CONTEXTS.load(Relaxed);
        self.place.next.set(next);
        if !next.is_null() {
            // SAFETY: it is in the list.
            #[allow(unsafe_code)]
            unsafe { place(next) }.previous.set(this);
        }
        CONTEXTS.store(this, Relaxed);
    }

    /// The number of its thread, also in a copy of the process that prints a dump.
    pub(crate) fn thread(&self) -> libc::pid_t {
        self.place.thread.get()
    }

    /// Takes it out again.
    pub(super) fn withdraw(&self, _: &Locked) {
        let (next, previous) = (self.place.next.get(), self.place.previous.get());
        // SAFETY: its neighbours are in the list.
        #[allow(unsafe_code)]
        unsafe {
            if !next.is_null() {
                place(next).previous.set(previous);
            }
            match previous.is_null() {
                true => CONTEXTS.store(next, Relaxed),
                false => place(previous).next.set(next),
            }
        }
    }

    /// For debuggers.
    pub(crate) const LAYOUT: &[Field] = &[
        Field::new(c"context.next", offset_of!(Context, place) + offset_of!(Place, next)),
        Field::new(c"context.thread", offset_of!(Context, place) + offset_of!(Place, thread)),
        Field::new(c"context.main", offset_of!(Context, main)),
        Field::new(c"context.current", offset_of!(Context, ready) + ReadyQueue::RUNNING),
        Field::new(c"context.handles", offset_of!(Context, handles)),
    ];
}

/// In a forked child, where no other thread is left: calls `action` with all schedulers, and
/// takes all but `own` out of the list.
pub(super) fn leave_only(own: Option<&Context>, _: &Locked, action: impl Fn(&Context)) {
    let mut next = CONTEXTS.swap(ptr::null_mut(), Relaxed);
    while !next.is_null() {
        // SAFETY: it is in the list, and its thread does not change it any more. It is never
        // freed if it isn't our own.
        #[allow(unsafe_code)]
        let context = unsafe { &*next };
        next = context.place.next.get();
        action(context);
    }
    if let Some(context) = own {
        let this = ptr::from_ref(context).cast_mut();
        context.place.thread.set(signal_handlers::thread_id());
        context.place.next.set(ptr::null_mut());
        context.place.previous.set(ptr::null_mut());
        CONTEXTS.store(this, Relaxed);
    }
}

/// Calls `action` with all schedulers, which other threads go on using: it may read what is
/// atomic. `None`, without a call, while the list is being changed.
pub(super) fn try_for_each(mut action: impl FnMut(&Context)) -> Option<()> {
    let _locked = match LOCK.try_lock() {
        Ok(locked) => locked,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    for_each_in_copy(&mut action);
    Some(())
}

/// Calls `action` with all schedulers. In a child that looks at a copy of the memory, where nothing
/// changes; or with the lock held.
pub(super) fn for_each_in_copy(mut action: impl FnMut(&Context)) {
    let mut next = CONTEXTS.load(Relaxed);
    while !next.is_null() {
        // SAFETY: it is in the list, which does not change meanwhile: `try_for_each` holds the
        // lock, and a child has a copy of its own. If that was taken in the middle of a change, no
        // more than the child can fail.
        #[allow(unsafe_code)]
        let context = unsafe { &*next };
        action(context);
        next = context.place.next.get();
    }
}

/// Sends `signal` to all threads with a scheduler but `except`. For signal handlers: where the
/// list is being changed it gives up after a while.
pub(super) fn send_to_others(except: *const Context, signal: libc::c_int) {
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
        let mut next = CONTEXTS.load(Relaxed);
        while !next.is_null() {
            // SAFETY: it is in the list, which is locked.
            #[allow(unsafe_code)]
            let place = unsafe { place(next) };
            if !ptr::eq(next, except) {
                signal_handlers::send_to_thread(place.thread.get(), signal);
            }
            next = place.next.get();
        }
        return;
    }
}
