//! TLS.

mod clients;
mod closing;
mod servers;

use super::ip_address::text;
use crate::os::errno::{Errno, Result};
use crate::protocols::tls::STORAGE;
use core::ffi::{c_char, c_int};
use core::mem::size_of;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Memory for a TLS socket, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_tls_storage {
    bytes: [c_char; 72],
}

const _: () = assert!(size_of::<dill_tls_storage>() == STORAGE);

/// # Safety
/// Null or a live string.
unsafe fn path<'a>(name: *const c_char) -> Result<&'a Path> {
    // SAFETY: by the caller's promise.
    let name = unsafe { text(name) }.ok_or(Errno::EINVAL)?;
    Ok(Path::new(OsStr::from_bytes(name)))
}

/// What the stream is to become where the arguments are wrong: nothing, as after any error.
fn refuse(s: c_int, error: Errno) -> Result<c_int> {
    crate::scheduler::handles::close(s)?;
    Err(error)
}
