//! The calling thread's context pointer, reached in two instructions.
//!
//! `thread_context.c` defines the variable in the initial-exec TLS model.

use super::machine;
use super::symbols::symbol;
use core::ptr::{self, NonNull};

unsafe extern "C" {
    /// The thread-local variable. Only `machine`'s assembly uses it, by its thread-local offset.
    #[link_name = symbol!("dill_thread_context")]
    pub(super) static THREAD_CONTEXT: [u8; 0];
    /// See [`raw`].
    #[link_name = symbol!("dill_no_scheduler")]
    static NO_SCHEDULER: [u8; 0];
}

/// Size of the block that [`raw`] leads to when no pointer is stored.
pub(crate) const NOBODY_SIZE: usize = 64;

/// The pointer stored by [`set`] on this thread, if there is one.
#[inline(always)]
pub(crate) fn get() -> Option<NonNull<()>> {
    let pointer = raw();
    let stored = !ptr::eq(pointer, (&raw const NO_SCHEDULER).cast());
    // SAFETY: what is stored is not null.
    stored.then(|| unsafe { NonNull::new_unchecked(pointer) })
}

/// The pointer stored by [`set`] on this thread. Where there is none: the address of a
/// pointer to a block of [`NOBODY_SIZE`] bytes, all of which are `0xff`.
#[inline(always)]
pub(crate) fn raw() -> *mut () {
    machine::thread_context()
}

/// Stores the calling thread's context pointer.
pub(crate) fn set(pointer: NonNull<()>) {
    store(pointer.as_ptr());
}

fn store(pointer: *mut ()) {
    machine::set_thread_context(pointer);
}

/// Has `destroy` called with the context pointer when the calling thread ends.
///
/// A pthread key rather than a Rust thread-local: its destructor runs again when
/// another library's destructor used us after our clean-up.
pub(crate) fn at_thread_exit(
    context: *mut (),
    destroy: unsafe extern "C" fn(*mut libc::c_void),
) -> Result<(), super::errno::Errno> {
    use std::sync::{Mutex, PoisonError};
    static KEY: Mutex<Option<libc::pthread_key_t>> = Mutex::new(None);
    let mut made = KEY.lock().unwrap_or_else(PoisonError::into_inner);
    let key = match *made {
        Some(key) => key,
        None => {
            let mut key = 0;
            // SAFETY: `key` is a valid place for the result.
            match unsafe { libc::pthread_key_create(&raw mut key, Some(destroy)) } {
                0 => *made.insert(key),
                error => return Err(super::errno::Errno::from_raw(error)),
            }
        }
    };
    drop(made);
    // SAFETY: the key was created above and is never deleted.
    match unsafe { libc::pthread_setspecific(key, context.cast_const().cast()) } {
        0 => Ok(()),
        error => Err(super::errno::Errno::from_raw(error)),
    }
}

/// Forgets the calling thread's context pointer.
pub(crate) fn clear() {
    store((&raw const NO_SCHEDULER).cast_mut().cast());
}
