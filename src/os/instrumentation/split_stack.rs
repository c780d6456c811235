//! Programs compiled with gcc's `-fsplit-stack`, whose functions compare the stack pointer with a
//! limit of the thread's, and go on in another segment of memory when it is too low.

use core::cell::Cell;
use core::ptr;
use libc::c_void;

mod c {
    use crate::os::symbols::c_functions;
    use libc::{c_int, c_void};

    c_functions! {
        pub unsafe fn dill_split_stack_present() -> c_int;
        pub unsafe fn dill_split_stack_save(context: *mut *mut c_void);
        pub unsafe fn dill_split_stack_load(context: *mut *mut c_void);
    }
}

/// Returns whether a part of the program was compiled so.
pub(crate) fn split_stack_present() -> bool {
    // SAFETY: tests weak symbols for presence.
    unsafe { c::dill_split_stack_present() != 0 }
}

/// Words that libgcc keeps for a stack.
const WORDS: usize = 10;

/// What libgcc keeps for a thread; here for an execution, while it does not run: where it lies,
/// null for that of a thread's own stack.
pub(crate) struct SplitStack(Cell<*mut c_void>);

impl SplitStack {
    /// That of the thread's own stack.
    pub(crate) const fn of_thread() -> SplitStack {
        SplitStack(Cell::new(ptr::null_mut()))
    }

    /// Makes it that of a stack on which nothing runs, and at whose bottom it lies. The stack
    /// never continues elsewhere: it has no segments, and the limit is 0.
    pub(crate) fn place_on(&self, bottom: *const u8) {
        if !split_stack_present() {
            return;
        }
        let place = bottom.cast_mut().wrapping_add(bottom.align_offset(align_of::<usize>()));
        // SAFETY: the stack is free, and much larger than these words.
        unsafe { place.cast::<[usize; WORDS]>().write([0; WORDS]) };
        self.0.set(place.cast());
    }

    /// Saves that of the running execution, which is about to be left.
    pub(crate) fn save(&self) {
        // SAFETY: null, or ten words at the bottom of the stack that runs.
        unsafe { c::dill_split_stack_save(self.0.get().cast()) }
    }

    /// Loads that of the execution that runs from now on.
    pub(crate) fn load(&self) {
        // SAFETY: null, or ten words that are zero or were saved by this thread, whose
        // segments still exist: they belong to the stack that is gone on with.
        unsafe { c::dill_split_stack_load(self.0.get().cast()) }
    }
}
