//! From C arguments to Rust ones, and from `Result` back to -1 and `errno`.

use crate::context_switch::Transfer;
use crate::os::errno::Result;
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

/// As [`int`], for what a begin function returns.
#[inline(always)]
pub(super) fn blocking(result: Result<Transfer>) -> c_int {
    match result {
        Ok(transfer) => carry_out(transfer),
        Err(error) => int(Err(error)),
    }
}

/// Blocks if need be; what the call returns.
#[inline(always)]
pub(super) fn carry_out(transfer: Transfer) -> c_int {
    // SAFETY: begin functions name the running execution, and one that was left by a switch.
    unsafe { transfer.carry_out() }
}
