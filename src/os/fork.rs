//! Forks of the process.

use super::errno::{Errno, Result};
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

static COUNT: AtomicU8 = AtomicU8::new(0);
static GENERATION: AtomicU8 = AtomicU8::new(0);

/// Forks that this process has made or comes from, as a number that is likely to differ after
/// the next one.
#[inline]
pub(crate) fn count() -> u8 {
    COUNT.load(Relaxed)
}

/// Changes in a child, but not in its parent.
#[inline]
pub(crate) fn generation() -> u8 {
    GENERATION.load(Relaxed)
}

/// Counts a fork in the parent.
pub(crate) fn note_in_parent() {
    COUNT.fetch_add(1, Relaxed);
}

/// Counts a fork in the child.
pub(crate) fn note_in_child() {
    COUNT.fetch_add(1, Relaxed);
    GENERATION.fetch_add(1, Relaxed);
}

/// Has each `fork` from now on call `prepare` before it, and one of the others after it, on the
/// thread that forks. There is no way back.
pub(crate) fn install(
    prepare: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) -> Result<()> {
    // SAFETY: functions without arguments, which stay: they are code.
    match unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) } {
        0 => Ok(()),
        error => Err(Errno::from_raw(error)),
    }
}
