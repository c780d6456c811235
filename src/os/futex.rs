//! Waiting until a number in memory changes, without a lock that a fork could leave locked.

use super::syscalls;
use core::ptr;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// Waits until [`wake`] is called for `word`, or until `timeout` is over. Returns at once if `word`
/// is not `value`. It may also return for no reason.
pub(crate) fn wait(word: &AtomicU32, value: u32, timeout: Option<Duration>) {
    let timeout = timeout.map(syscalls::timespec);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word is alive for the call, and the time is null or a live timespec.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, timeout) };
}

/// Wakes one thread that waits for `word`.
pub(crate) fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word is alive for the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
}
