//! A stand-in for the switch, to test all that is above it with tools that know nothing of
//! stacks: `RUSTFLAGS='--cfg dill_thread_switch'`.
//!
//! Every coroutine is a thread of the system, and a switch hands a baton from one to the other:
//! only who has it runs. All threads of one scheduler have its context as theirs. Only Rust
//! functions can be launched.

use super::baton::Baton;
use super::execution::{ERRNO_SHIFT, Execution, Nothing};
use crate::os::errno::Errno;
use crate::os::thread_context;
use core::ptr::{self, NonNull};
use std::sync::Arc;
use std::thread;

/// Keeps a baton alive while it is given: its owner may be gone before that has returned.
///
/// # Safety
/// The execution is alive, has not ended, and was left or prepared.
unsafe fn baton_of(execution: &Execution) -> Arc<Baton> {
    let baton = execution.baton.get();
    // SAFETY: by the caller's promise its thread exists, which owns the baton.
    unsafe {
        Arc::increment_strong_count(baton);
        Arc::from_raw(baton)
    }
}

/// Leaves `from` and goes on with `to`; returns when somebody resumes `from`, what
/// [`Execution::set_outcome`] said, with `errno` set.
///
/// # Safety
/// Both are addresses of an [`Execution`]: `from` of the running one, `to` of one that was
/// left by a switch; both stay alive until they are left for good.
pub(crate) unsafe extern "C" fn switch(
    _: Nothing,
    _: Nothing,
    _: Nothing,
    _: Nothing,
    to: usize,
    from: usize,
) -> libc::c_int {
    // SAFETY: by the caller's promise.
    let (to, from) = unsafe { (&*(to as *const Execution), &*(from as *const Execution)) };
    if from.baton.get().is_null() {
        // A thread's own execution; it has the baton for as long as the thread lives.
        from.baton.set(Arc::into_raw(Baton::new()));
    }
    if !ptr::eq(to, from) {
        // SAFETY: by the caller's promise.
        let (own, next) = unsafe { (baton_of(from), baton_of(to)) };
        next.give();
        own.wait();
    }
    let outcome = from.outcome.replace(0);
    Errno::set_raw((outcome >> ERRNO_SHIFT) as libc::c_int);
    outcome as libc::c_int
}

/// Goes on with `to`; what runs now never does: it returns, to the end of its thread.
///
/// # Safety
/// As for [`switch`].
pub(crate) unsafe extern "C" fn resume(
    _: Nothing,
    _: Nothing,
    _: Nothing,
    _: Nothing,
    to: &Execution,
) {
    // SAFETY: by the caller's promise.
    unsafe { baton_of(to) }.give();
}

/// Has `execution`, which has not begun, start with a call of `entry` with `argument`, and then
/// of `finish`.
pub(crate) fn prepare_thread(
    execution: &Execution,
    finish: extern "C" fn(),
    entry: extern "C" fn(*mut ()),
    argument: *mut (),
) {
    let baton = Baton::new();
    execution.baton.set(Arc::as_ptr(&baton));
    let context = thread_context::get().map(|pointer| pointer.as_ptr() as usize);
    let argument = argument as usize;
    let body = move || {
        baton.wait();
        if let Some(context) = context.and_then(|address| NonNull::new(address as *mut ())) {
            thread_context::set(context);
        }
        entry(argument as *mut ());
        finish();
    };
    thread::Builder::new().spawn(body).expect("a thread for each coroutine");
}

/// Calls `function`: no frame is in its way here.
///
/// # Safety
/// None; it has the type of the real one.
pub(crate) unsafe extern "C" fn call_below(_: usize, function: extern "C" fn()) {
    function();
}

/// Nobody saves registers here.
pub(crate) type SelfSaved = [usize; 0];

/// C functions can't be launched here.
macro_rules! launch_entry {
    ($begin:path) => {
        core::arch::naked_asm!(".4byte 0x0b0f") // undefined on every processor
    };
}
pub(crate) use launch_entry;
