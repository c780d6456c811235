//! Every fallible function of the core returns an `Errno`; only `capi` turns it
//! into the C convention of -1 and `errno`.

pub(crate) use nix::errno::Errno;

/// Result of a core operation.
pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// Address of the calling thread's `errno`. It is constant for the thread's life.
pub(crate) fn location() -> *mut libc::c_int {
    // SAFETY: the function only computes an address and has no preconditions.
    unsafe { libc::__errno_location() }
}
