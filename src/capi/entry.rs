//! The hot entry points: what is common in a few instructions, all else in a function of
//! its own. See `context_switch` for how they block.

use super::boundary::{immediate, unit};
use crate::concurrency::bundle::{self, Bundle, Target};
use crate::concurrency::choose::{self, Begun, Clause};
use crate::concurrency::completion::{complete, complete_immediately, failed};
use crate::context_switch::{self, Transfer};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Launch;
use crate::scheduler::handles;
use crate::scheduler::park;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;

/// In place of a bundle's handle in `dill_launch`: make a new bundle.
pub(super) const NEW_BUNDLE: c_int = c_int::MIN;

/// `dill_choose`, with as many clauses as `count` says, of which `clause` gives the n-th.
#[inline(always)]
pub(super) fn choose(
    count: Result<usize>,
    clause: impl Fn(usize) -> Clause + Copy,
    deadline: i64,
) -> c_int {
    complete_immediately(Context::end_call(deadline, begin_choose(count, clause, deadline)))
}

fn begin_choose(
    count: Result<usize>,
    clause: impl Fn(usize) -> Clause + Copy,
    deadline: i64,
) -> Result<Transfer> {
    // Before the arguments are looked at, as in libdill.
    Context::may_block()?;
    let count = count?;
    let (index, result) = match choose::begin(clause, count, deadline)? {
        Begun::Blocked(transfer) => return Ok(transfer),
        Begun::Watching(transfer) => choose::finish(transfer, clause, count, deadline)?,
        Begun::Complete(index, result) => (index, result),
    };
    // A success, too, sets errno: the index alone doesn't tell.
    Errno::set_raw(result.map_or_else(|error| error as c_int, |()| 0));
    Ok(Transfer::complete(index as c_int))
}

/// Begins `dill_launch_at`.
pub(super) extern "C" fn begin_launch_at(bndl: c_int, place: *const c_char) -> Transfer {
    if let Some(context) = Context::may_launch_at_once() {
        let parent = context.current();
        if let Some(child) = bundle::launch_at_once(context, bndl, place) {
            return context.hand_over_to_warm_child(parent, child);
        }
    }
    launch_at_slowly(bndl, place)
}

/// The arguments stay where they are.
#[inline(never)]
extern "C" fn launch_at_slowly(bndl: c_int, place: *const c_char) -> Transfer {
    if Context::renews_budget() {
        return begin_launch_at(bndl, place);
    }
    begin_launch(ptr::null_mut(), 0, bndl, place, 0)
}

/// Begins `dill_launch_alone`.
pub(super) extern "C" fn begin_launch_alone(place: *const c_char) -> Transfer {
    if let Some(context) = Context::may_launch_at_once() {
        let parent = context.current();
        if let Some((child, handle)) = bundle::launch_at_once_in_new_bundle(context, parent, place)
        {
            parent.execution.set_outcome(handle, 0);
            return context.hand_over_to_warm_child(parent, child);
        }
    }
    launch_alone_slowly(place)
}

#[inline(never)]
extern "C" fn launch_alone_slowly(place: *const c_char) -> Transfer {
    if Context::renews_budget() {
        return begin_launch_alone(place);
    }
    begin_launch(ptr::null_mut(), 0, NEW_BUNDLE, place, 0)
}

/// Begins `dill_launch`.
#[inline(never)]
pub(super) extern "C" fn begin_launch(
    stk: *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> Transfer {
    let launch = Launch { file, line, user_stack: !stk.is_null() };
    let memory = (!stk.is_null()).then_some((stk.cast::<u8>(), len));
    let target = if bndl == NEW_BUNDLE { Target::NewBundle } else { Target::Bundle(bndl) };
    let launched = Context::get().and_then(|context| {
        let (child, result) = bundle::launch(context, target, memory, launch)?;
        Ok(context.hand_over_to_child(child, result))
    });
    launched.unwrap_or_else(|error| Transfer::complete(immediate::int(Err(error))))
}

/// What `dill_prologue` does, for code compiled against libdill's own header: after it,
/// that code saves the parent's registers to `*ctx` and moves to the stack `*ptr` itself.
///
/// # Safety
/// As for `dill_prologue`.
pub(super) unsafe fn prologue(
    ctx: *mut *mut c_void,
    ptr: *mut *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> c_int {
    // SAFETY: both places are valid, by the contract of `dill_prologue`.
    let memory = unsafe { *ptr };
    let launch = Launch { file, line, user_stack: !memory.is_null() };
    let memory = (!memory.is_null()).then_some((memory.cast::<u8>(), len));
    let target = if bndl < 0 { Target::NewBundle } else { Target::Bundle(bndl) };
    immediate::int(Context::get().and_then(|context| {
        let (child, result) = bundle::launch(context, target, memory, launch)?;
        let parent = context.current();
        // The code moves to the child's stack by itself, and tells nobody.
        let _ = context.hand_over_to_child(child, result);
        if context.is_instrumented() {
            // SAFETY: part of the coroutine, which was made just now.
            context_switch::arrived(unsafe { Ref::from_raw(&raw const child.execution) });
        }
        let registers = parent.will_save_itself();
        // SAFETY: as above.
        unsafe {
            *ctx = registers.cast();
            *ptr = child.execution.stack_pointer() as *mut c_void;
        }
        Ok(result)
    }))
}

/// `dill_bundle_wait`.
pub(super) fn bundle_wait(bndl: c_int, deadline: i64) -> c_int {
    complete(bundle::begin_wait(bndl, deadline))
}

/// `dill_msleep`.
pub(super) fn msleep(deadline: i64) -> c_int {
    complete(park::begin_sleep(deadline))
}

/// `dill_epilogue`.
#[inline(always)]
pub(super) fn epilogue() {
    match bundle::finish_at_once() {
        // SAFETY: whoever is next was left by a switch.
        Some(next) => unsafe { next.execution.resume() },
        None => bundle::finish_slow(),
    }
}

/// `dill_hclose`.
#[inline(always)]
pub(super) fn hclose(h: c_int) -> c_int {
    match bundle::find_to_close(h) {
        Some((context, bundle)) if bundle::close_at_once(context, bundle, h) => 0,
        Some((context, bundle)) => close_bundle(context, bundle, h),
        None => hclose_slowly(h),
    }
}

#[inline(never)]
extern "C" fn close_bundle(context: &Context, bundle: Ref<Bundle>, h: c_int) -> c_int {
    match bundle::close_found(context, bundle, h) {
        Ok(()) => 0,
        Err(error) => failed(error),
    }
}

#[inline(never)]
extern "C" fn hclose_slowly(h: c_int) -> c_int {
    unit(handles::close(h))
}
