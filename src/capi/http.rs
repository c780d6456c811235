//! HTTP: requests, responses and their bodies over a byte stream.

mod attach;
mod bodies;
mod heads;

use crate::os::errno::{Errno, Result};
use core::ffi::c_char;
use core::mem::size_of;
use core::ptr;

/// Memory for an HTTP socket, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_http_storage {
    bytes: [c_char; 1296],
}

const _: () = assert!(size_of::<dill_http_storage>() == 1296);

/// `EINVAL` unless there is memory for all results.
fn check_places(places: &[*mut c_char]) -> Result<()> {
    if places.iter().any(|place| place.is_null()) { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Puts a text and a zero behind it into memory of the caller's. `EMSGSIZE` when it doesn't
/// fit.
///
/// # Safety
/// `memory` is writable for `length` bytes.
pub(super) unsafe fn copy_text(text: &[u8], memory: *mut c_char, length: usize) -> Result<()> {
    if text.len() >= length {
        return Err(Errno::EMSGSIZE);
    }
    // SAFETY: by the caller's promise; the text is the library's own memory, so apart.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr(), memory.cast(), text.len());
        *memory.add(text.len()) = 0;
    }
    Ok(())
}
