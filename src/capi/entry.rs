//! The begin functions of the blocking entry points: they check the arguments and
//! call one function of the core each. See `context_switch` for what they return.

use super::boundary::{int, transfer};
use super::channels::dill_chclause;
use crate::concurrency::bundle::{self, Target};
use crate::concurrency::channel::{self, Buffer};
use crate::concurrency::choose::{self, Begun, Clause, Operation};
use crate::context_switch::Transfer;
use crate::os::errno::Errno;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Launch;
use crate::scheduler::park;
use core::ffi::{c_char, c_int, c_void};

/// In place of a bundle's handle in `dill_launch`: make a new bundle.
pub(super) const NEW_BUNDLE: c_int = c_int::MIN;

/// Begins `dill_yield`.
pub(super) extern "C" fn begin_yield() -> Transfer {
    transfer(park::begin_yield())
}

/// Begins `dill_msleep`.
pub(super) extern "C" fn begin_msleep(deadline: i64) -> Transfer {
    transfer(park::begin_sleep(deadline))
}

/// Begins `dill_chsend`.
pub(super) extern "C" fn begin_chsend(
    ch: c_int,
    val: *const c_void,
    len: usize,
    deadline: i64,
) -> Transfer {
    let buffer = Buffer { address: val.cast_mut().cast(), len };
    transfer(channel::begin_send(ch, buffer, deadline))
}

/// Begins `dill_chrecv`.
pub(super) extern "C" fn begin_chrecv(
    ch: c_int,
    val: *mut c_void,
    len: usize,
    deadline: i64,
) -> Transfer {
    let buffer = Buffer { address: val.cast(), len };
    transfer(channel::begin_receive(ch, buffer, deadline))
}

/// Begins `dill_choose`.
pub(super) extern "C" fn begin_choose(
    clauses: *const dill_chclause,
    nclauses: c_int,
    deadline: i64,
) -> Transfer {
    // Before the arguments are looked at, as in libdill.
    if let Err(error) = Context::may_block() {
        return transfer(Err(error));
    }
    let count = match usize::try_from(nclauses) {
        Ok(count) if count == 0 || !clauses.is_null() => count,
        _ => return transfer(Err(Errno::EINVAL)),
    };
    let clause = |index: usize| {
        // SAFETY: the caller promises `nclauses` clauses; the index is below that.
        let clause = unsafe { &*clauses.add(index) };
        let operation = match clause.op {
            super::channels::DILL_CHSEND => Some(Operation::Send),
            super::channels::DILL_CHRECV => Some(Operation::Receive),
            super::channels::DILL_CHFDIN => Some(Operation::FdIn),
            super::channels::DILL_CHFDOUT => Some(Operation::FdOut),
            super::channels::DILL_CHSOCK => Some(Operation::Socket),
            super::channels::DILL_CHBUNDLE => Some(Operation::Bundle),
            _ => None,
        };
        let buffer = Buffer { address: clause.val.cast(), len: clause.len };
        Clause { operation, handle: clause.ch, buffer }
    };
    match choose::begin(clause, count, deadline) {
        Ok(Begun::Blocked(transfer)) => transfer,
        Ok(Begun::Complete(index, result)) => {
            // A success, too, sets errno: the index alone doesn't tell.
            Errno::set_raw(result.map_or_else(|error| error as c_int, |()| 0));
            Transfer::complete(index as isize)
        }
        Err(error) => transfer(Err(error)),
    }
}

/// Begins `dill_bundle_wait`.
pub(super) extern "C" fn begin_bundle_wait(bndl: c_int, deadline: i64) -> Transfer {
    transfer(bundle::begin_wait(bndl, deadline))
}

/// Begins `dill_launch`.
pub(super) extern "C" fn begin_launch(
    stk: *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> Transfer {
    // The common case first, without a frame of its own.
    if stk.is_null()
        && let Some(context) = Context::existing()
        && let Some(child) = bundle::launch_warm(context, bndl, file, line)
    {
        return context.hand_over_to_warm_child(child, 0);
    }
    if stk.is_null() && bndl == NEW_BUNDLE {
        return launch_in_new_bundle(stk, len, bndl, file, line);
    }
    launch_slowly(stk, len, bndl, file, line)
}

/// The second most common case. The arguments stay where they are.
#[inline(never)]
extern "C" fn launch_in_new_bundle(
    stk: *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> Transfer {
    if let Some(context) = Context::existing()
        && let Some((child, handle)) = bundle::launch_warm_in_new_bundle(context, file, line)
    {
        return context.hand_over_to_warm_child(child, handle as isize);
    }
    launch_slowly(stk, len, bndl, file, line)
}

#[inline(never)]
extern "C" fn launch_slowly(
    stk: *mut c_void,
    len: usize,
    bndl: c_int,
    file: *const c_char,
    line: c_int,
) -> Transfer {
    let launch = Launch { file, line, user_stack: !stk.is_null() };
    let memory = (!stk.is_null()).then_some((stk.cast::<u8>(), len));
    let target = if bndl == NEW_BUNDLE { Target::NewBundle } else { Target::Bundle(bndl) };
    transfer(Context::get().and_then(|context| {
        let (child, result) = bundle::launch(context, target, memory, launch)?;
        Ok(context.hand_over_to_child(child, result))
    }))
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
    int(Context::get().and_then(|context| {
        let (child, result) = bundle::launch(context, target, memory, launch)?;
        let registers = context.current().will_save_itself();
        // SAFETY: as above.
        unsafe {
            *ctx = registers.cast();
            *ptr = child.execution.stack_pointer() as *mut c_void;
        }
        // The code moves to the child's stack by itself.
        let _ = context.hand_over_to_child(child, result);
        Ok(result as c_int)
    }))
}

/// Begins `dill_epilogue`.
pub(super) extern "C" fn begin_epilogue() -> Transfer {
    if let Some(context) = Context::existing()
        && let Some(transfer) = bundle::finish_warm(context)
    {
        return transfer;
    }
    finish_slowly()
}

#[inline(never)]
extern "C" fn finish_slowly() -> Transfer {
    // Only a coroutine calls this, and it has a context.
    let Some(context) = Context::existing() else { std::process::abort() };
    bundle::finish(context)
}
