//! What Rust code calls when it has nothing to do.

use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::park;
use core::ffi::c_int;

/// 0, or -1 and `errno`. Ends with a jump: see `context_switch`.
extern "C" fn give_way() -> c_int {
    match park::yield_at_once() {
        // SAFETY: it names the running execution, and one that was left by a switch.
        Some(transfer) => unsafe { transfer.carry_out() },
        None => give_way_slowly(),
    }
}

#[cold]
#[inline(never)]
extern "C" fn give_way_slowly() -> c_int {
    match park::begin_yield() {
        // SAFETY: as above.
        Ok(transfer) => unsafe { transfer.carry_out() },
        Err(error) => {
            error.set();
            -1
        }
    }
}

/// Lets all coroutines run that are ready. `ECANCELED`.
#[inline(always)]
pub(crate) fn yield_now() -> Result<()> {
    if give_way() == 0 { Ok(()) } else { Err(Errno::last()) }
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
