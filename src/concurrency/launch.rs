//! Coroutines that run a Rust function.
//!
//! C code launches by a macro that goes on in the new coroutine with the parent's registers.
//! Here the new stack gets an initial frame instead, which looks as if the coroutine had
//! been blocked just before it calls its function.

use super::bundle::{self, Bundle, PrivateBundle, Target};
use crate::context_switch::{self, ARGUMENT_AREA};
#[cfg(not(dill_thread_switch))]
use crate::context_switch::{hand_over_entry, start_entry};
use crate::intrusive::Ref;
use crate::os::allocation;
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, Launch};
use core::cell::Cell;
use core::ffi::c_int;
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
    let (child, _) = bundle::launch(context, target, None, launch)?;
    // SAFETY: the coroutine has not begun, so its stack is free below the stack pointer, which
    // is aligned to at least 16 bytes.
    unsafe { begin(context, child, entry, argument) };
    Ok(())
}

/// Has the child, which has not begun, call `entry` with `argument`, at once; returns when the
/// parent is resumed.
///
/// # Safety
/// The child's stack is free below its stack pointer, which is aligned to 16 bytes.
unsafe fn begin(context: &Context, child: Ref<Coroutine>, entry: Entry, argument: *mut ()) {
    // SAFETY: by the caller's promise; a stack is much larger than a frame.
    #[cfg(not(dill_thread_switch))]
    unsafe {
        context_switch::prepare(&child.execution, start, entry, argument);
    }
    #[cfg(dill_thread_switch)]
    context_switch::prepare_thread(&child.execution, finish, entry, argument);
    let transfer = context.hand_over_to_prepared_child(child);
    // SAFETY: the parent runs, and the child was prepared above.
    unsafe { transfer.carry_out() };
}

/// Where such a coroutine starts.
#[cfg(not(dill_thread_switch))]
#[unsafe(naked)]
unsafe extern "C" fn start() {
    start_entry!(finish)
}

/// The end of the coroutine whose function has returned, where that takes a few instructions;
/// whoever is next is to be resumed.
#[cfg_attr(dill_thread_switch, expect(dead_code))]
extern "C" fn finish_at_once() -> Option<Ref<Coroutine>> {
    bundle::finish_rust_at_once()
}

/// Ends the coroutine whose function has returned.
extern "C" fn finish() {
    match bundle::finish_rust_at_once() {
        // SAFETY: whoever is next was left by a switch.
        Some(next) => unsafe { next.execution.resume() },
        None => bundle::finish_slow(),
    }
}

/// Blocks of a stack for a closure are multiples of this, and so aligned.
const CLOSURE_ALIGNMENT: usize = 64;
/// Larger closures go to the heap.
const LARGEST_CLOSURE: usize = 4096;

/// Has a new coroutine of the bundle call `function`, which lies on its stack: nothing is
/// allocated. Like [`launch`] otherwise. A panic of the function ends the bundle:
/// [`Bundle::fail`](super::bundle::Bundle). After an error the function has been dropped.
/// `ECANCELED` where there is no bundle (any more). `serial` is that of the bundle's scheduler:
/// `ECANCELED`, too, where it is not the running one.
///
/// # Safety
/// The bundle in the cell is alive as long as its scheduler. What the function borrows outlives the
/// coroutine.
#[inline(always)]
pub(crate) unsafe fn go<F: FnOnce()>(
    bundle: &Cell<Option<Ref<Bundle>>>,
    serial: u64,
    at: &'static Location<'static>,
    function: F,
) -> Result<()> {
    if size_of::<F>() > LARGEST_CLOSURE || align_of::<F>() > CLOSURE_ALIGNMENT {
        let function = allocation::boxed(function)?;
        // SAFETY: by the caller's promise; a box borrows what its content does.
        return unsafe { go_at(bundle, serial, at, function) };
    }
    // SAFETY: by the caller's promise; the size was checked.
    unsafe { go_at(bundle, serial, at, function) }
}

/// # Safety
/// As [`go`]; the size and the alignment of the function are within the limits.
#[inline(always)]
unsafe fn go_at<F: FnOnce()>(
    bundle: &Cell<Option<Ref<Bundle>>>,
    serial: u64,
    at: &'static Location<'static>,
    function: F,
) -> Result<()> {
    let Admitted { parent, child } = admit(bundle, serial, at);
    let Some(child) = child else { return Err(Errno::from_raw(parent as c_int)) };
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
    unsafe { hand_over(child, run::<F>, place.cast(), parent) };
    Ok(())
}

/// A coroutine that is about to begin. In two registers.
#[repr(C)]
struct Admitted {
    /// Address of the execution of the caller, which is in the ready queue already, as the child
    /// is the one that runs; 0 when [`begin`] is to do that. Without a child: an errno.
    parent: usize,
    child: Option<Ref<Coroutine>>,
}

#[inline(never)]
extern "C" fn admit(
    bundle: &Cell<Option<Ref<Bundle>>>,
    serial: u64,
    at: &'static Location<'static>,
) -> Admitted {
    if cfg!(not(dill_thread_switch))
        && let Some(context) = Context::may_launch_at_once()
        && context.serial() == serial
        && let Some(bundle) = bundle.get()
        && let Some(child) = bundle::admit_at_once(context, bundle, at.file_as_c_str().as_ptr())
    {
        child.set_line_for_now(at.line().cast_signed());
        let parent = context.current();
        context.make_current(parent, child);
        return Admitted { parent: ptr::from_ref(&parent.execution).addr(), child: Some(child) };
    }
    admit_slowly(bundle, serial, at)
}

#[inline(never)]
extern "C" fn admit_slowly(
    bundle: &Cell<Option<Ref<Bundle>>>,
    serial: u64,
    at: &'static Location<'static>,
) -> Admitted {
    if Context::renews_budget() {
        return admit(bundle, serial, at);
    }
    let admitted = Context::may_start().and_then(|context| {
        if context.serial() != serial {
            return Err(Errno::ECANCELED);
        }
        let (file, line) = (at.file_as_c_str().as_ptr(), at.line().cast_signed());
        let launch = Launch { file, line, user_stack: false };
        bundle::launch_in_turn(context, || {
            // Others may have run meanwhile, and ended it.
            let bundle = bundle.get().ok_or(Errno::ECANCELED)?;
            bundle::admit(context, bundle, None, launch)
        })
    });
    match admitted {
        Ok(child) => Admitted { parent: 0, child: Some(child) },
        Err(error) => Admitted { parent: error as usize, child: None },
    }
}

/// Switches to a coroutine that has not begun; returns when the parent is resumed.
///
/// # Safety
/// `parent` is from [`admit`], and so is the child. `argument` is for `entry`, lies on the
/// coroutine's stack, aligned to 16 bytes, and the stack is free below it.
#[cfg(not(dill_thread_switch))]
#[unsafe(naked)]
unsafe extern "C" fn hand_over(
    child: Ref<Coroutine>,
    entry: Entry,
    argument: *mut (),
    parent: usize,
) {
    hand_over_entry!(finish_at_once, bundle::finish_slow, hand_over_slowly)
}

/// As above, with the stand-in for the switch.
///
/// # Safety
/// As above.
#[cfg(dill_thread_switch)]
unsafe fn hand_over(child: Ref<Coroutine>, entry: Entry, argument: *mut (), _parent: usize) {
    hand_over_slowly(child, entry, argument);
}

extern "C" fn hand_over_slowly(child: Ref<Coroutine>, entry: Entry, argument: *mut ()) {
    // Who has admitted a coroutine has a context.
    let Some(context) = Context::existing() else { std::process::abort() };
    child.execution.set_stack_pointer(argument.addr());
    // SAFETY: by the promise of `hand_over`'s caller.
    unsafe { begin(context, child, entry, argument) };
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
