//! Yielding and sleeping.

use super::completion::{carry_out, complete};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::park;
use core::ffi::c_int;

/// Lets all coroutines run that are ready. Returns 0, or -1 and `errno`.
#[inline(always)]
pub(crate) fn give_way() -> c_int {
    match park::yield_at_once() {
        Some(transfer) => carry_out(transfer),
        None => give_way_slow(),
    }
}

#[cold]
#[inline(never)]
extern "C" fn give_way_slow() -> c_int {
    complete(park::begin_yield())
}

/// As [`give_way`]. Ends with a jump: see `context_switch`.
extern "C" fn give_way_apart() -> c_int {
    give_way()
}

/// Lets all coroutines run that are ready. `ECANCELED`.
#[inline(always)]
pub(crate) fn yield_now() -> Result<()> {
    if give_way_apart() == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Waits until `deadline` (milliseconds, negative: until cancelled). `ECANCELED`.
pub(crate) fn sleep(deadline: i64) -> Result<()> {
    let context = Context::get()?;
    match context.carry_out(park::begin_sleep(deadline)?) {
        (0, _) => Ok(()),
        (_, errno) => Err(Errno::from_raw(errno)),
    }
}

/// Runs other coroutines if it is time, in a call that succeeds without a wait.
pub(crate) fn take_turn(deadline: i64) {
    if let Some(context) = Context::existing() {
        context.take_turn(deadline);
    }
}
