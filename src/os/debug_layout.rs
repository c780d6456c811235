//! Where the fields of our structures are, by name, for the script of gdb.
//!
//! The script has to work on programs without debug information and on core files, so
//! the library carries the little that it needs as data: see `concurrency::debug_layout`.

use core::ffi::{CStr, c_char};

/// One number with its name.
#[repr(C)]
pub struct Field {
    name: *const c_char,
    value: usize,
}

// SAFETY: the pointer is that of a string constant.
unsafe impl Sync for Field {}

impl Field {
    pub(crate) const fn new(name: &'static CStr, value: usize) -> Field {
        Field { name: name.as_ptr(), value }
    }
}
