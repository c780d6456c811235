//! From C arguments to Rust ones, and from `Result` back to -1 and `errno`.
//!
//! What is here is for calls that may wait: after an error other coroutines run when it is time, so
//! that a loop that ignores errors stops nothing but itself. Calls that never wait, and so never
//! let others run, use [`immediate`].

use crate::concurrency::completion::failed;
use crate::os::errno::Result;
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
}
