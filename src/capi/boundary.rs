//! From C arguments to Rust ones, and from `Result` back to -1 and `errno`.

use crate::context_switch::Transfer;
use crate::os::errno::{Errno, Result};
use core::ffi::c_int;

/// The C convention: the value, or -1 with `errno` set.
#[inline]
pub(super) fn int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| {
        error.set();
        -1
    })
}

/// As [`int`], for functions that return 0.
#[inline]
pub(super) fn unit(result: Result<()>) -> c_int {
    int(result.map(|()| 0))
}

/// As [`int`], for functions that return a pointer.
#[inline]
pub(super) fn pointer<T>(result: Result<*mut T>) -> *mut T {
    result.unwrap_or_else(|error| {
        error.set();
        core::ptr::null_mut()
    })
}

/// As [`int`], for begin functions: a failed call is complete.
#[inline(always)]
pub(super) fn transfer(result: Result<Transfer>) -> Transfer {
    result.unwrap_or_else(failed)
}

#[cold]
fn failed(error: Errno) -> Transfer {
    error.set();
    Transfer::complete(-1)
}
