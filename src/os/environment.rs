//! Environment variables, read without allocating.

use core::ffi::{CStr, c_char};

unsafe extern "C" {
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// The value of `name`; `None` in programs that run with more rights than whoever started them
/// (setuid). As everywhere in C, nobody may change the environment meanwhile.
pub(super) fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: the name is a string.
    let value = unsafe { secure_getenv(name.as_ptr()) };
    // SAFETY: null or a string that lives as long as the environment is not changed.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}
