//! From C arguments to Rust ones, and from `Result` back to -1 and `errno`.
//!
//! What is here is for calls that may wait: after an error other coroutines run when it is time, so
//! that a loop that ignores errors stops nothing but itself. Calls that never wait, and so never
//! let others run, use [`immediate`].

use crate::context_switch::Transfer;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// The C convention: the value, or -1 with `errno` set.
#[inline]
pub(super) fn int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| failed(error))
}

/// As [`int`], for functions that return 0.
#[inline]
pub(super) fn unit(result: Result<()>) -> c_int {
    int(result.map(|()| 0))
}

/// As [`int`], for functions that return the length of a message.
#[inline]
pub(super) fn length(result: Result<usize>) -> isize {
    // A message is never longer than its list, so its length fits.
    result.map_or_else(|error| failed(error) as isize, usize::cast_signed)
}

/// As [`int`], for what a begin function returns.
#[inline(always)]
pub(super) fn blocking(result: Result<Transfer>) -> c_int {
    match result {
        Ok(transfer) => carry_out(transfer),
        Err(error) => failed(error),
    }
}

/// The end of a call that may wait and has failed: lets others run if it is time, then sets `errno`.
#[cold]
#[inline(never)]
pub(super) extern "C" fn failed(error: Errno) -> c_int {
    Context::end_failed_call();
    error.set();
    -1
}

/// Blocks if need be; what the call returns.
#[inline(always)]
pub(super) fn carry_out(transfer: Transfer) -> c_int {
    // SAFETY: begin functions name the running execution, and one that was left by a switch.
    unsafe { transfer.carry_out() }
}

/// The same for calls that never wait, or that have let others run themselves.
pub(super) mod immediate {
    use crate::os::errno::Result;
    use core::ffi::c_int;

    /// The value, or -1 with `errno` set.
    #[inline]
    pub(in crate::capi) fn int(result: Result<c_int>) -> c_int {
        result.unwrap_or_else(|error| {
            error.set();
            -1
        })
    }

    /// As [`int`], for functions that return 0.
    #[inline]
    pub(in crate::capi) fn unit(result: Result<()>) -> c_int {
        int(result.map(|()| 0))
    }

    /// As [`int`], for functions that return a pointer.
    #[inline]
    pub(in crate::capi) fn pointer<T>(result: Result<*mut T>) -> *mut T {
        result.unwrap_or_else(|error| {
            error.set();
            core::ptr::null_mut()
        })
    }

    /// As [`int`], for what a begin function returns.
    #[inline(always)]
    pub(in crate::capi) fn blocking(result: Result<super::Transfer>) -> c_int {
        match result {
            Ok(transfer) => super::carry_out(transfer),
            Err(error) => int(Err(error)),
        }
    }
}
