//! Environment variables, read without allocating.

use core::ffi::CStr;

/// The value of `name`. As everywhere in C, nobody may change the environment meanwhile.
pub(crate) fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: the name is a string.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: null or a string that lives as long as the environment is not changed.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}
