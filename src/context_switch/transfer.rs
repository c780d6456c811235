//! Leaving the running execution, and going on with another one.

#[cfg(not(dill_thread_switch))]
use super::InitialFrame;
use super::execution::{Execution, Nothing, SELF_SAVED};
use super::{SelfSaved, resume, switch};
use core::mem::MaybeUninit;
use core::ptr;

const NOTHING: Nothing = MaybeUninit::uninit();

/// How a call goes on, in the two registers in which it is returned: `(result, 0)` when
/// it is complete, or the executions to leave and to go on with.
#[must_use]
#[repr(C)]
pub(crate) struct Transfer {
    first: usize,
    second: usize,
}

const _: () = assert!(size_of::<Transfer>() == 16);

/// In `Transfer::second` of a launch: AddressSanitizer must hear of it. No address has it.
const ANNOUNCED: usize = 1 << 63;

impl Transfer {
    /// The call is complete and returns `result`; `errno` is set already if need be.
    #[inline(always)]
    pub(crate) fn complete(result: libc::c_int) -> Transfer {
        Transfer { first: result.cast_unsigned() as usize, second: 0 }
    }

    /// Leave `from` and go on with `to`.
    #[inline(always)]
    pub(crate) fn switch(from: &Execution, to: &Execution) -> Transfer {
        Transfer { first: ptr::from_ref(from) as usize, second: ptr::from_ref(to) as usize }
    }

    /// As [`Transfer::switch`], for a launch that was [announced](announce).
    pub(crate) fn announced_launch(from: &Execution, to: &Execution) -> Transfer {
        let second = ptr::from_ref(to) as usize | ANNOUNCED;
        Transfer { first: ptr::from_ref(from) as usize, second }
    }

    /// Carries the transfer out; returns what the call returns, when it is complete or the
    /// execution that was left goes on, with `errno` set. Best the last thing in a function.
    ///
    /// # Safety
    /// A switch leaves the running execution, and goes on with one that was left by a
    /// switch or prepared for its start. It is not a launch.
    #[inline(always)]
    pub(crate) unsafe fn carry_out(self) -> libc::c_int {
        if self.second == 0 {
            return self.first as libc::c_int;
        }
        // SAFETY: by the caller's promise; the addresses came from references.
        unsafe { switch(NOTHING, NOTHING, NOTHING, NOTHING, self.second, self.first) }
    }

    /// Carries a switch out from an execution that never goes on.
    ///
    /// # Safety
    /// As for [`Transfer::carry_out`].
    pub(crate) unsafe fn leave_for_good(self) {
        // SAFETY: by the caller's promise; the address came from a reference.
        unsafe { (&*(self.second as *const Execution)).resume() }
    }
}

impl Execution {
    /// Goes on with this execution; what runs now never does. Not declared so, as compilers
    /// make no jump of the call of such a function.
    ///
    /// # Safety
    /// It was left by a switch.
    #[inline(always)]
    pub(crate) unsafe fn resume(&self) {
        // SAFETY: by the caller's promise.
        unsafe { resume(NOTHING, NOTHING, NOTHING, NOTHING, self) }
    }

    /// The code that runs now will save its registers itself, to `registers`, before it
    /// leaves its stack; it goes on from there. Call it once the outcome is set.
    pub(crate) fn will_save_itself(&self, registers: *const SelfSaved) {
        self.outcome.set(self.outcome.get() | SELF_SAVED);
        self.stack_pointer.set(registers as usize);
    }
}

/// Has `execution`, which has not begun, start with a call of `entry` with `argument`. `start`
/// is a naked function made of [`start_entry`].
///
/// # Safety
/// The stack pointer of `execution` is aligned to 16 bytes, and the stack below it is free.
#[cfg(not(dill_thread_switch))]
pub(crate) unsafe fn prepare(
    execution: &Execution,
    start: unsafe extern "C" fn(),
    entry: extern "C" fn(*mut ()),
    argument: *mut (),
) {
    let address = execution.stack_pointer() - size_of::<InitialFrame>();
    // SAFETY: by the caller's promise there is room for the frame.
    unsafe { (address as *mut InitialFrame).write(InitialFrame::new(start, entry, argument)) };
    execution.set_stack_pointer(address);
}
