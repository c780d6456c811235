//! Keeping the library's code in memory.
//!
//! The system holds addresses of our functions: the destructor of a pthread key, signal handlers,
//! fork handlers, the start of helper threads. `dlclose` of the shared library, or of a plugin
//! that contains the static one, must not take the code away under them. The shared library says
//! so itself (`-z nodelete`, see `libdill/build.rs`); for all others `stay_loaded.c` tells the loader.

use super::symbols::c_functions;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

c_functions! {
    unsafe fn dill_stay_loaded();
}

/// Has the object that contains this code stay loaded until the process ends. Call it before the
/// first address of a function is given to the system, and without any lock: the dynamic loader
/// has one of its own, under which constructors of the program may use the library.
pub(crate) fn ensure() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.load(Relaxed) {
        // SAFETY: no preconditions. Two threads that come here at once do it twice, which is the
        // same as once.
        unsafe { dill_stay_loaded() };
        DONE.store(true, Relaxed);
    }
}
