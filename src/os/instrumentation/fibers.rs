//! What ThreadSanitizer must know: which call stack grows and shrinks now (a coroutine's is a
//! "fiber" to it), and the order of events that its own hooks don't see.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_void;

mod c {
    use crate::os::symbols::c_functions;
    use libc::{c_int, c_void};

    c_functions! {
        pub unsafe fn dill_tsan_present() -> c_int;
        pub unsafe fn dill_tsan_current_fiber() -> *mut c_void;
        pub unsafe fn dill_tsan_create_fiber() -> *mut c_void;
        pub unsafe fn dill_tsan_destroy_fiber(fiber: *mut c_void);
        pub unsafe fn dill_tsan_switch_to_fiber(fiber: *mut c_void);
        pub unsafe fn dill_tsan_acquire(address: *mut c_void);
        pub unsafe fn dill_tsan_release(address: *mut c_void);
    }
}

/// ThreadSanitizer ends a program that has some 8,100 threads and fibers. Coroutines beyond
/// this many go on in the fiber of whom they took over from.
const MOST_FIBERS: usize = 4000;

static FIBERS: AtomicUsize = AtomicUsize::new(0);

/// True when the program was built with ThreadSanitizer.
pub(super) fn tsan_present() -> bool {
    // SAFETY: tests weak symbols for presence.
    unsafe { c::dill_tsan_present() != 0 }
}

/// The fiber of an execution, if it has one.
pub(crate) struct Fiber(Cell<*mut c_void>);

impl Fiber {
    /// None.
    pub(crate) const fn none() -> Fiber {
        Fiber(Cell::new(ptr::null_mut()))
    }

    /// That of the thread, which runs now; without ThreadSanitizer none.
    pub(crate) fn take_from_thread(&self) {
        // SAFETY: asks only.
        self.0.set(unsafe { c::dill_tsan_current_fiber() });
    }

    /// A new one; without ThreadSanitizer, or when there are many, none.
    pub(crate) fn create(&self) {
        if !tsan_present() {
            return;
        }
        if FIBERS.fetch_add(1, Ordering::Relaxed) >= MOST_FIBERS {
            FIBERS.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        // SAFETY: changes nothing but ThreadSanitizer's own state.
        self.0.set(unsafe { c::dill_tsan_create_fiber() });
    }

    /// The thread is about to go on with `to`, whose fiber that is; `dying`: for good.
    pub(crate) fn switch_to(&self, to: &Fiber, dying: bool) {
        let fiber = to.0.get();
        if fiber.is_null() {
            if dying {
                to.0.set(self.0.take());
            }
            return;
        }
        // Switching could tell of the order, too, but names events by the addresses of fibers. One
        // of another thread may be at the same address later, and a race would stay unseen.
        tsan_release(to);
        // SAFETY: a fiber of this thread, not destroyed yet.
        unsafe { c::dill_tsan_switch_to_fiber(fiber) };
        tsan_acquire(to);
        let own = self.0.get();
        if dying && !own.is_null() {
            self.0.set(ptr::null_mut());
            // SAFETY: not the current one any more, and nobody else has it.
            unsafe { c::dill_tsan_destroy_fiber(own) };
            FIBERS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What this thread has done until now happens before what another one does after its
/// [`tsan_acquire`] of the same address. Of use where a descriptor goes from one to the other.
pub(crate) fn tsan_release<T>(at: &T) {
    // SAFETY: ThreadSanitizer takes the address for a name.
    unsafe { c::dill_tsan_release(ptr::from_ref(at).cast_mut().cast()) }
}

/// See [`tsan_release`].
pub(crate) fn tsan_acquire<T>(at: &T) {
    // SAFETY: as above.
    unsafe { c::dill_tsan_acquire(ptr::from_ref(at).cast_mut().cast()) }
}
