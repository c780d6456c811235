//! Coroutines that run a Rust function.
//!
//! C code launches by a macro that goes on in the new coroutine with the parent's registers.
//! Here the new stack gets an initial frame instead, which looks as if the coroutine had
//! been blocked just before it calls its function.

use super::bundle::{self, Bundle, PrivateBundle, Target};
use crate::context_switch::{self, ARGUMENT_AREA, Transfer};
#[cfg(not(dill_thread_switch))]
use crate::context_switch::{hand_over_entry, start_entry};
use crate::intrusive::Ref;
use crate::os::allocation;
use crate::os::errno::Result;
use crate::os::instrumentation;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, Launch};
use core::ffi::{c_char, c_int};
use core::panic::Location;
use core::ptr;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a coroutine runs. It must not unwind.
pub(crate) type Entry = extern "C" fn(argument: *mut ());

/// Has a new coroutine of the bundle call `entry` with `argument`. It runs at once, until it
/// blocks for the first time, and the caller is queued, as with `go`. The coroutine has a
/// stack of the library.
///
/// `EBADF`, `ENOTSUP` for the handle, `ECANCELED` when the bundle is being closed or the caller
/// was cancelled, `ENOMEM`. After an error `entry` was not called.
#[cfg(test)]
pub(crate) fn launch(bundle: c_int, entry: Entry, argument: *mut ()) -> Result<()> {
    launch_into(Target::Bundle(bundle), entry, argument)
}

/// As [`launch`], in a bundle of the library's own.
pub(crate) fn launch_privately(
    bundle: &PrivateBundle,
    entry: Entry,
    argument: *mut (),
) -> Result<()> {
    launch_into(bundle.target(), entry, argument)
}

fn launch_into(target: Target, entry: Entry, argument: *mut ()) -> Result<()> {
    let context = Context::get()?;
    let launch = Launch { file: ptr::null(), line: 0, user_stack: false };
    let (child, result) = bundle::launch(context, target, None, launch)?;
    // SAFETY: the coroutine has not begun, so its stack is free below the stack pointer, which
    // is aligned to at least 16 bytes; a stack is much larger than a frame.
    #[cfg(not(dill_thread_switch))]
    unsafe {
        context_switch::prepare(&child.execution, start, entry, argument);
    }
    #[cfg(dill_thread_switch)]
    context_switch::prepare_thread(&child.execution, finish, entry, argument);
    let transfer = context.hand_over_to_child(child, result).into_prepared();
    // SAFETY: the parent runs, and the child was prepared above.
    unsafe { transfer.carry_out_launch() };
    Ok(())
}

/// Where such a coroutine starts.
#[cfg(not(dill_thread_switch))]
#[unsafe(naked)]
unsafe extern "C" fn start() {
    start_entry!(finish)
}

/// Ends the coroutine whose function has returned.
extern "C" fn finish() {
    match bundle::finish_rust_at_once() {
        // SAFETY: whoever is next was left by a switch.
        Some(next) => unsafe { next.execution.resume() },
        None => finish_slowly(),
    }
}

#[inline(never)]
extern "C" fn finish_slowly() {
    match Context::existing() {
        Some(context) => bundle::finish(context),
        // A coroutine has a context.
        None => std::process::abort(),
    }
}

/// Blocks of a stack for a closure are multiples of this, and so aligned.
const CLOSURE_ALIGNMENT: usize = 64;
/// Larger closures go to the heap.
const LARGEST_CLOSURE: usize = 4096;

/// Has a new coroutine of the bundle call `function`, which lies on its stack: nothing is
/// allocated. Like [`launch`] otherwise. A panic of the function ends the bundle:
/// [`Bundle::fail`](super::bundle::Bundle). After an error the function has been dropped.
///
/// # Safety
/// The bundle belongs to the calling thread's scheduler and is alive. What the function
/// borrows outlives the coroutine.
#[inline(always)]
pub(crate) unsafe fn go<F: FnOnce()>(
    bundle: Ref<Bundle>,
    at: &'static Location<'static>,
    function: F,
) -> Result<()> {
    if size_of::<F>() > LARGEST_CLOSURE || align_of::<F>() > CLOSURE_ALIGNMENT {
        let function = allocation::boxed(function)?;
        // SAFETY: by the caller's promise; a box borrows what its content does.
        return unsafe { go_at(bundle, at, function) };
    }
    // SAFETY: by the caller's promise; the size was checked.
    unsafe { go_at(bundle, at, function) }
}

/// # Safety
/// As [`go`]; the size and the alignment of the function are within the limits.
#[inline(always)]
unsafe fn go_at<F: FnOnce()>(
    bundle: Ref<Bundle>,
    at: &'static Location<'static>,
    function: F,
) -> Result<()> {
    let child = admit(bundle, at.file_as_c_str().as_ptr(), at.line().cast_signed())?;
    let area = const { ARGUMENT_AREA + size_of::<F>().next_multiple_of(CLOSURE_ALIGNMENT) };
    let place = child.as_ptr().wrapping_byte_sub(area).cast::<F>();
    if const { size_of::<F>() > CLOSURE_ALIGNMENT } {
        // Less than that lies where there was the first frame of whoever had the stack before.
        // And a little below for the first call.
        let below = place.wrapping_byte_sub(CLOSURE_ALIGNMENT).cast();
        instrumentation::valgrind_make_accessible(below, area - ARGUMENT_AREA + CLOSURE_ALIGNMENT);
    }
    // SAFETY: the coroutine has not begun, so the stack below it is free; the place is aligned as
    // the coroutine is, and stacks of the library are much larger than the area.
    unsafe { place.write(function) };
    // SAFETY: the child was admitted just now, and the function is at its place.
    unsafe { hand_over(child, run::<F>, place.cast()) };
    Ok(())
}

#[inline(never)]
fn admit(bundle: Ref<Bundle>, file: *const c_char, line: c_int) -> Result<Ref<Coroutine>> {
    if let Some(context) = Context::may_start_at_once()
        && let Some(child) = bundle::admit_at_once(context, bundle, file)
    {
        child.set_line_for_now(line);
        return Ok(child);
    }
    admit_slowly(bundle, file, line)
}

#[inline(never)]
fn admit_slowly(bundle: Ref<Bundle>, file: *const c_char, line: c_int) -> Result<Ref<Coroutine>> {
    let context = Context::may_start()?;
    bundle::admit(context, bundle, None, Launch { file, line, user_stack: false })
}

/// Switches to a coroutine that has not begun; returns when the parent is resumed.
///
/// # Safety
/// The coroutine was admitted and not handed over to. `argument` is for `entry`, lies on the
/// coroutine's stack, aligned to 16 bytes, and the stack is free below it.
#[cfg(not(dill_thread_switch))]
#[unsafe(naked)]
unsafe extern "C" fn hand_over(child: Ref<Coroutine>, entry: Entry, argument: *mut ()) {
    hand_over_entry!(begin_hand_over, start)
}

/// As above, with the stand-in for the switch.
///
/// # Safety
/// As above.
#[cfg(dill_thread_switch)]
unsafe fn hand_over(child: Ref<Coroutine>, entry: Entry, argument: *mut ()) {
    context_switch::prepare_thread(&child.execution, finish, entry, argument);
    // SAFETY: the parent runs, and the child was prepared just now.
    unsafe { begin_hand_over(child).carry_out() };
}

extern "C" fn begin_hand_over(child: Ref<Coroutine>) -> Transfer {
    match Context::existing() {
        Some(context) => context.hand_over_to_child(child, 0),
        // Who has admitted a coroutine has a context.
        None => std::process::abort(),
    }
}

/// What such a coroutine does.
extern "C" fn run<F: FnOnce()>(place: *mut ()) {
    // SAFETY: `go_at` put the function there, for this call only.
    let function = unsafe { place.cast::<F>().read() };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(function)) {
        bundle::fail_current(panic);
    }
}

#[cfg(test)]
mod tests;
