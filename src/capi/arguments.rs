//! Arguments that many functions of sockets and protocols take.

use crate::os::errno::{Errno, Result};
use crate::scheduler::handles;
use crate::sockets::storage::Storage;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::NonNull;
use core::slice;

/// Memory of the caller's for an object. `EINVAL` when there is none.
pub(super) fn storage<T>(mem: *mut T) -> Result<Storage> {
    NonNull::new(mem.cast()).map(Storage::Caller).ok_or(Errno::EINVAL)
}

/// A text of the caller's. `EINVAL` when there is none.
///
/// # Safety
/// Null or ends with a zero.
pub(super) unsafe fn text<'a>(text: *const c_char) -> Result<&'a CStr> {
    if text.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: by the caller's promise.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Bytes of the caller's. `EINVAL` when there are none though there should be.
///
/// # Safety
/// `buf` is null or readable for `len` bytes.
pub(super) unsafe fn bytes<'a>(buf: *const c_void, len: usize) -> Result<&'a [u8]> {
    match (buf.is_null(), len) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Errno::EINVAL),
        // SAFETY: by the caller's promise.
        (false, _) if isize::try_from(len).is_ok() => unsafe {
            Ok(slice::from_raw_parts(buf.cast(), len))
        },
        (false, _) => Err(Errno::EINVAL),
    }
}

/// A detach closes what it can't detach: also a socket of another kind.
pub(super) fn closed_on_error(s: c_int, result: Result<c_int>) -> Result<c_int> {
    if result == Err(Errno::ENOTSUP) {
        let _ = handles::close(s);
    }
    result
}
