//! The switch for 64-bit ARM (AAPCS64).
//!
//! The stack of a coroutine that is blocked, from high to low addresses:
//!
//! ```text
//!         ...             frames of the user's code
//!   +-------------------+
//!   | x30               | where it goes on: the user's `bl dill_chrecv` (or any other) left it
//!   | x29               | ┐                                                in this register
//!   | x28 ... x19       | │ stored by `switch`: all that the ABI has
//!   | d15 ... d8        | ┘ the callee preserve <- stack_pointer
//!   +-------------------+
//! ```
//!
//! Of the vector registers only the lower halves of eight must be preserved. The FPCR belongs to
//! the thread, as libdill has it: coroutines that change the rounding mode put it back before
//! they block.
//!
//! x30 is stored as it is: compilers that sign return addresses do so in the frame of whoever
//! goes on calling, and check them there.
//!
//! Where code is guarded by landing pads (BTI), any jump to a register must end at one, and behind
//! a call there is none. A `ret` may end anywhere, but the processor predicts it to go back to
//! the last call, which was on another stack. So both are here: see `dill_may_jump` in
//! `thread_context.c`.

mod launching;

pub(super) use launching::InitialFrame;
pub(crate) use launching::{hand_over_entry, launch_entry, start_entry};

use super::execution::{
    ERRNO_LOCATION, ERRNO_SHIFT, Execution, INSTRUMENTED, Nothing, OUTCOME, SELF_SAVED,
    STACK_POINTER, arrived,
};
use crate::os::symbols::symbol;
use core::arch::naked_asm;

unsafe extern "C" {
    /// One byte: not zero where no code is guarded.
    #[link_name = symbol!("dill_may_jump")]
    static MAY_JUMP: u8;
    fn siglongjmp(registers: *mut SelfSaved, result: libc::c_int) -> !;
}

/// The instructions that store all registers below x29 and x30. x9 is the stack pointer then.
macro_rules! store_registers {
    () => {
        "sub sp, sp, #144
        stp d8, d9, [sp]
        stp d10, d11, [sp, #16]
        stp d12, d13, [sp, #32]
        stp d14, d15, [sp, #48]
        stp x19, x20, [sp, #64]
        stp x21, x22, [sp, #80]
        stp x23, x24, [sp, #96]
        stp x25, x26, [sp, #112]
        stp x27, x28, [sp, #128]
        mov x9, sp"
    };
}
pub(crate) use store_registers;

/// The instructions that load them again, when the stack pointer is that of an execution, and take
/// the frame off the stack. x30 is where it goes on.
macro_rules! load_registers {
    () => {
        "ldp d8, d9, [sp]
        ldp d10, d11, [sp, #16]
        ldp d12, d13, [sp, #32]
        ldp d14, d15, [sp, #48]
        ldp x19, x20, [sp, #64]
        ldp x21, x22, [sp, #80]
        ldp x23, x24, [sp, #96]
        ldp x25, x26, [sp, #112]
        ldp x27, x28, [sp, #128]
        ldp x29, x30, [sp, #144]
        add sp, sp, #160"
    };
}
pub(crate) use load_registers;

/// Writes a naked function's body: first these lines, after which the stack pointer is that of
/// an execution and w0 what its call returns, then all that resumes it. At 9 it goes on where
/// the first lines say.
macro_rules! resuming {
    ($($line:expr,)* ; 9 => $elsewhere:path ; $($operands:tt)*) => {
        naked_asm!(
            $($line,)*
            "adrp x9, {may_jump}",
            "ldrb w9, [x9, :lo12:{may_jump}]",
            load_registers!(),
            "cbz w9, 2f",
            // Not `ret`: the return stack of the processor holds the addresses of the
            // stack that we came from.
            "br x30",
            "2:",
            "ret",
            // Far away, maybe: more than a conditional branch reaches.
            "9:",
            "b {elsewhere}",
            may_jump = sym MAY_JUMP,
            elsewhere = sym $elsewhere,
            $($operands)*
        )
    };
}

/// As [`resuming`], for the execution in x4, whatever the outcome.
macro_rules! resuming_x4 {
    ($($line:expr,)*) => {
        resuming!(
            $($line,)*
            // Result and errno 0, nothing special: nearly always.
            "ldr x9, [x4, {outcome}]",
            "cbnz x9, 9f",
            "ldr x10, [x4, {sp}]",
            "ldr x11, [x4, {errno_location}]",
            "mov w0, wzr",
            "mov sp, x10",
            "str wzr, [x11]",
            ; 9 => resume_with_outcome ;
            outcome = const OUTCOME,
            sp = const STACK_POINTER,
            errno_location = const ERRNO_LOCATION,
        )
    };
}

/// Leaves `from` and goes on with `to`; returns when somebody resumes `from`, what
/// [`Execution::set_outcome`] said, with `errno` set. The two are behind all that callers
/// have as arguments, so that compilers needn't move those out of their way.
///
/// # Safety
/// Both are addresses of an [`Execution`]: `from` of the running one, `to` of one that was
/// left by a switch; both stay alive until they are left for good.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn switch(
    _: Nothing,
    _: Nothing,
    _: Nothing,
    _: Nothing,
    to: usize,
    from: usize,
) -> libc::c_int {
    resuming_x4!("stp x29, x30, [sp, #-16]!", store_registers!(), "str x9, [x5, {sp}]",)
}

/// Goes on with `to`; what runs now never does. Not declared so, as compilers make no jump of
/// the call of such a function.
///
/// # Safety
/// As for [`switch`].
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn resume(
    _: Nothing,
    _: Nothing,
    _: Nothing,
    _: Nothing,
    to: &Execution,
) {
    resuming_x4!()
}

/// [`resume`] for whatever the outcome is; jumped to, with the execution in x4.
#[unsafe(naked)]
unsafe extern "C" fn resume_with_outcome() {
    resuming!(
        "ldr x0, [x4, {outcome}]", // w0: the result
        "lsr x9, x0, {errno_shift}", // w9: errno, and what is special
        "tst w9, {special}",
        "b.ne 9f",
        "ldr x10, [x4, {sp}]",
        "ldr x11, [x4, {errno_location}]",
        "str xzr, [x4, {outcome}]",
        "mov sp, x10",
        "str w9, [x11]",
        ; 9 => resume_specially ;
        errno_shift = const ERRNO_SHIFT,
        special = const (SELF_SAVED | INSTRUMENTED) >> ERRNO_SHIFT,
        outcome = const OUTCOME,
        sp = const STACK_POINTER,
        errno_location = const ERRNO_LOCATION,
    )
}

/// The rare ways to go on: AddressSanitizer must be told, or the code was compiled against
/// libdill's own header and has saved its registers itself. In: x4 the execution, w9 the upper
/// half of its outcome.
#[unsafe(naked)]
unsafe extern "C" fn resume_specially() {
    resuming!(
        "tst w9, {self_saved}",
        "b.ne 9f",
        // Callee-saved registers are free: they are loaded in the end.
        "mov x19, x4",
        "ldr x10, [x4, {sp}]",
        "mov sp, x10",
        "mov x0, x4",
        "bl {arrived}",
        "ldr x0, [x19, {outcome}]",
        "ldr x11, [x19, {errno_location}]",
        "str xzr, [x19, {outcome}]",
        "lsr x9, x0, {errno_shift}",
        "and w9, w9, {ordinary}",
        "str w9, [x11]",
        ; 9 => resume_self_saved ;
        self_saved = const SELF_SAVED >> ERRNO_SHIFT,
        ordinary = const !(SELF_SAVED | INSTRUMENTED) >> ERRNO_SHIFT,
        errno_shift = const ERRNO_SHIFT,
        outcome = const OUTCOME,
        sp = const STACK_POINTER,
        errno_location = const ERRNO_LOCATION,
        arrived = sym arrived,
    )
}

/// Goes on with code that has called `sigsetjmp`; what the C library has stored is its secret. In:
/// as for [`resume_specially`].
#[unsafe(naked)]
unsafe extern "C" fn resume_self_saved() {
    naked_asm!(
        // The stack is still the one that is being left, below all that is needed of it.
        "str xzr, [x4, {outcome}]",
        "mov x19, x4",
        "tst w9, {instrumented}",
        "b.eq 2f",
        "mov x0, x4",
        "bl {arrived}",
        "2:",
        "ldr x0, [x19, {sp}]", // the registers
        "mov w1, #1",
        "b {siglongjmp}",
        instrumented = const INSTRUMENTED >> ERRNO_SHIFT,
        outcome = const OUTCOME,
        sp = const STACK_POINTER,
        arrived = sym arrived,
        siglongjmp = sym siglongjmp,
    )
}

/// Calls `function`, which does not return. Where `address` lies in a frame that the caller's
/// own caller has left a moment ago, as an object that code has left behind there, the
/// function's frame is below it, so that the object stays as it is.
///
/// # Safety
/// None of the frames of the stack is gone back to.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn call_below(address: usize, function: extern "C" fn()) {
    naked_asm!(
        "mov x9, sp",
        "sub x10, x9, x0",
        "cmp x10, {farthest}", // huge for an address above, such as 0 and those of other stacks
        "b.hi 2f",
        "sub x9, x0, {margin}",
        "and sp, x9, #-16",
        "2:",
        "blr x1",
        "udf #0",
        farthest = const 32 * 1024,
        // Other objects may lie beside it.
        margin = const 512,
    )
}

/// The registers of a parent that was compiled against libdill's own header: a `sigjmp_buf` of
/// the GNU C library, in which its code has them stored.
pub(crate) type SelfSaved = [u64; 39];
