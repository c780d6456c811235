//! The calling thread's context pointer, reached in two instructions.
//!
//! `thread_context.c` defines the variable in the initial-exec TLS model; in a
//! static link the linker relaxes the first load into a constant.

use core::arch::asm;
use core::ptr::{self, NonNull};

unsafe extern "C" {
    // Only its thread-local offset is used, by the assembly below.
    #[link_name = "dill_thread_context"]
    static ANCHOR: [u8; 0];
    /// See [`raw`].
    #[link_name = "dill_no_scheduler"]
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
    let pointer: *mut ();
    // SAFETY: reads the thread-local pointer defined in thread_context.c, which
    // exists in every thread from its start to its end.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "mov {p}, qword ptr [rip + dill_thread_context@GOTTPOFF]",
            "mov {p}, qword ptr fs:[{p}]",
            p = out(reg) pointer,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "adrp {t}, :gottprel:dill_thread_context",
            "ldr {t}, [{t}, :gottprel_lo12:dill_thread_context]",
            "mrs {p}, tpidr_el0",
            "ldr {p}, [{p}, {t}]",
            t = out(reg) _,
            p = out(reg) pointer,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    pointer
}

/// Stores the calling thread's context pointer.
pub(crate) fn set(pointer: NonNull<()>) {
    store(pointer.as_ptr());
}

fn store(pointer: *mut ()) {
    // SAFETY: writes the same thread-local variable that `get` reads; no Rust
    // reference to it exists.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "mov {t}, qword ptr [rip + dill_thread_context@GOTTPOFF]",
            "mov qword ptr fs:[{t}], {p}",
            t = out(reg) _,
            p = in(reg) pointer,
            options(nostack, preserves_flags),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "adrp {t}, :gottprel:dill_thread_context",
            "ldr {t}, [{t}, :gottprel_lo12:dill_thread_context]",
            "mrs {b}, tpidr_el0",
            "str {p}, [{b}, {t}]",
            t = out(reg) _,
            b = out(reg) _,
            p = in(reg) pointer,
            options(nostack, preserves_flags),
        );
    }
    // Keeps the C object in the link although only assembly names the symbol.
    let _ = &raw const ANCHOR;
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
