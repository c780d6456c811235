//! Coroutines that run a Rust function.
//!
//! C code launches by a macro that goes on in the new coroutine with the parent's registers.
//! Here the new stack gets an initial frame instead, which looks as if the coroutine had
//! been blocked just before it calls its function.

use super::bundle::{self, Target};
use crate::context_switch::{self, start_entry};
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Launch;
use core::ffi::c_int;
use core::ptr;

/// What a coroutine runs. It must not unwind.
pub(crate) type Entry = extern "C" fn(argument: *mut ());

/// Has a new coroutine of the bundle call `entry` with `argument`. It runs at once, until it
/// blocks for the first time, and the caller is queued, as with `go`. The coroutine has a
/// stack of the library.
///
/// `EBADF`, `ENOTSUP` for the handle, `ECANCELED` when the bundle is being closed or the caller
/// was cancelled, `ENOMEM`. After an error `entry` was not called.
pub(crate) fn launch(bundle: c_int, entry: Entry, argument: *mut ()) -> Result<()> {
    let context = Context::get()?;
    let launch = Launch { file: ptr::null(), line: 0, user_stack: false };
    let (child, result) = bundle::launch(context, Target::Bundle(bundle), None, launch)?;
    // SAFETY: the coroutine has not begun, so its stack is free below the stack pointer, which
    // is aligned to at least 16 bytes; a stack is much larger than a frame.
    unsafe { context_switch::prepare(&child.execution, start, entry, argument) };
    let transfer = context.hand_over_to_child(child, result);
    // SAFETY: the parent runs, and the child was prepared above.
    unsafe { transfer.carry_out() };
    Ok(())
}

/// Where such a coroutine starts.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    start_entry!(finish)
}

/// Ends the coroutine whose function has returned.
extern "C" fn finish() {
    match Context::existing() {
        Some(context) => bundle::finish(context),
        // A coroutine has a context.
        None => std::process::abort(),
    }
}

#[cfg(test)]
mod tests;
