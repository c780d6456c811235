//! The end of a call as C sees it: a value, or -1 and `errno`.
//!
//! The entry points for C and those calls of Rust code that end with a jump are completed here.

use crate::context_switch::Transfer;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// Blocks if need be, and returns what the call returns. Best the last thing in a function: see
/// `context_switch`.
#[inline(always)]
pub(crate) fn carry_out(transfer: Transfer) -> c_int {
    // SAFETY: begin functions name the running execution, and one that was left by a switch.
    unsafe { transfer.carry_out() }
}

/// As [`carry_out`], for what a begin function returns. After an error other coroutines run if it
/// is time.
#[inline(always)]
pub(crate) fn complete(begun: Result<Transfer>) -> c_int {
    match begun {
        Ok(transfer) => carry_out(transfer),
        Err(error) => failed(error),
    }
}

/// As [`complete`], for begin functions that have let others run themselves.
#[inline(always)]
pub(crate) fn complete_immediately(begun: Result<Transfer>) -> c_int {
    match begun {
        Ok(transfer) => carry_out(transfer),
        Err(error) => {
            error.set();
            -1
        }
    }
}

/// Ends a call that may wait and has failed: lets others run if it is time, then sets `errno`.
#[cold]
#[inline(never)]
pub(crate) extern "C" fn failed(error: Errno) -> c_int {
    Context::end_failed_call();
    error.set();
    -1
}
