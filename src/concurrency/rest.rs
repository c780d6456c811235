//! What Rust code calls when it has nothing to do.

use super::bundle;
use crate::context_switch::{self, Transfer, blocking_entry};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::park;
use core::ffi::c_int;

extern "C" fn begin_yield() -> Transfer {
    park::begin_yield().unwrap_or_else(|error| {
        error.set();
        Transfer::complete(-1)
    })
}

/// 0, or -1 and `errno`.
#[unsafe(naked)]
extern "C" fn give_way() -> c_int {
    blocking_entry!(begin_yield)
}

/// Lets all coroutines run that are ready. `ECANCELED`.
#[inline(always)]
pub(crate) fn yield_now() -> Result<()> {
    if give_way() == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Waits until `deadline` (milliseconds, negative: until cancelled). `ECANCELED`.
pub(crate) fn sleep(deadline: i64) -> Result<()> {
    let transfer = park::begin_sleep(deadline)?;
    // SAFETY: a switch from the coroutine that ran when `begin_sleep` was called.
    unsafe { context_switch::switch_by(&transfer) };
    // The caller runs again.
    match Context::get()?.current().execution.outcome() {
        (_, 0) => Ok(()),
        (_, errno) => Err(Errno::from_raw(errno)),
    }
}

/// Has the bundle in which the caller runs got the graceful request?
pub(crate) fn is_requested() -> bool {
    Context::existing()
        .and_then(|context| bundle::of(context.current()))
        .is_some_and(|bundle| bundle.requested.get())
}
