//! How coroutines begin: launches, which return twice, and functions of Rust's.

use core::mem::offset_of;

/// Writes the body of the launching entry point. Its begin function returns the
/// executions of parent and child, or a complete (failed) call.
///
/// The child goes on at the parent's return address with all the parent's registers
/// but on its own stack; the compiler was told `returns_twice`, and an `alloca` in
/// the child's branch makes it address the parent's variables through x29.
macro_rules! launch_entry {
    ($begin:path) => {
        core::arch::naked_asm!(
            "hint #34", // `bti c`: may be called through a register
            "stp x29, x30, [sp, #-16]!",
            "bl {begin}",
            "ldr x30, [sp, #8]", // where parent and child both go on
            "cmp x1, #0",
            "b.le 2f",
            $crate::context_switch::store_registers!(),
            "str x9, [x0, {sp}]",
            "sub sp, x1, {argument_area}",
            "mov w0, {in_child}",
            // The address on top of the processor's return stack is this very one,
            // so a `ret` is predicted, and leaves that stack balanced for the parent.
            "ret",
            "2:",
            "b.ne 3f",
            "add sp, sp, #16", // the call is complete; x29 is as it was
            "ret",
            "3:",
            "and x1, x1, #0x7fffffffffffffff", // AddressSanitizer must be told
            $crate::context_switch::store_registers!(),
            "str x9, [x0, {sp}]",
            "ldr x9, [x1, {sp}]",
            "mov sp, x9",
            "stp x29, x30, [sp, #-16]!",
            "mov x0, x1",
            "bl {arrived}",
            "ldp x29, x30, [sp], #16",
            "mov w0, {in_child}",
            "ret",
            begin = sym $begin,
            sp = const $crate::context_switch::STACK_POINTER,
            argument_area = const $crate::context_switch::ARGUMENT_AREA,
            in_child = const $crate::context_switch::IN_CHILD,
            arrived = sym $crate::context_switch::arrived,
        )
    };
}
pub(crate) use launch_entry;

/// What a coroutine that runs a Rust function finds on its stack: as if it had been left by
/// [`switch`], from low to high addresses.
#[repr(C)]
pub(in crate::context_switch) struct InitialFrame {
    d8_to_d15: [u64; 8],
    x19: extern "C" fn(*mut ()),
    /// Goes to the function that x19 names.
    x20: *mut (),
    x21_to_x28: [usize; 8],
    /// Zero ends the chain of frames for debuggers and profilers.
    x29: usize,
    x30: unsafe extern "C" fn(),
}

// The stores and loads above have these offsets. The stack pointer stays aligned to 16 bytes.
const _: () = assert!(size_of::<InitialFrame>() == 160);
const _: () = assert!(offset_of!(InitialFrame, x19) == 64 && offset_of!(InitialFrame, x29) == 144);

impl InitialFrame {
    pub(in crate::context_switch) fn new(
        start: unsafe extern "C" fn(),
        entry: extern "C" fn(*mut ()),
        argument: *mut (),
    ) -> Self {
        Self {
            d8_to_d15: [0; 8],
            x19: entry,
            x20: argument,
            x21_to_x28: [0; 8],
            x29: 0,
            x30: start,
        }
    }
}

/// Writes the body of the function that a coroutine with an [`InitialFrame`] starts in; jumped
/// to, never called. `finish` does not return.
macro_rules! start_entry {
    ($finish:path) => {
        core::arch::naked_asm!(
            // Nobody has called this: backtraces end here.
            ".cfi_startproc",
            ".cfi_undefined 30",
            "hint #36", // `bti j`: `br` leads here
            // The frame is off the stack, which is aligned to 16 bytes.
            "mov x0, x20",
            "blr x19",
            "bl {finish}",
            "udf #0",
            ".cfi_endproc",
            finish = sym $finish,
        )
    };
}
pub(crate) use start_entry;

/// Writes the body of a function `(child, function, argument, parent)` that leaves `parent`, the
/// execution that runs, for a coroutine that has not begun: it calls `function` with `argument`,
/// which lies on its stack and below which the stack is free. Then `finish` names the execution
/// to go on with, or `finish_slowly` sees to all. Where `parent` is 0, `slowly` is called with
/// the first three arguments instead.
macro_rules! hand_over_entry {
    ($finish:path, $finish_slowly:path, $slowly:path) => {
        core::arch::naked_asm!(
            // Backtraces of the child end here.
            ".cfi_startproc",
            ".cfi_undefined 30",
            "cbz x3, 9f",
            "stp x29, x30, [sp, #-16]!",
            $crate::context_switch::store_registers!(),
            "str x9, [x3, {sp}]",
            "sub sp, x2, #16",
            "str x3, [sp]",
            "mov x29, xzr", // ends the chain of frames
            "mov x0, x2",
            "blr x1",
            "bl {finish}",
            "cbz x0, 3f",
            "ldr x9, [sp]",
            "mov x4, x0",
            "cmp x0, x9",
            "b.ne 2f",
            // The parent, which has most likely not run since. So its return address is
            // on top of the processor's return stack, and a `ret` is predicted, and leaves
            // that stack balanced.
            "ldr x9, [x4, {outcome}]",
            "cbnz x9, 2f",
            "ldr x10, [x4, {sp}]",
            "ldr x11, [x4, {errno_location}]",
            "mov w0, wzr", // it may wait in another call by now
            "mov sp, x10",
            "str wzr, [x11]",
            $crate::context_switch::load_registers!(),
            "ret",
            "2:",
            "b {resume}",
            "3:",
            "bl {finish_slowly}",
            "udf #0",
            "9:",
            "b {slowly}",
            ".cfi_endproc",
            finish = sym $finish,
            finish_slowly = sym $finish_slowly,
            slowly = sym $slowly,
            resume = sym $crate::context_switch::aarch64::resume,
            sp = const $crate::context_switch::STACK_POINTER,
            outcome = const $crate::context_switch::OUTCOME,
            errno_location = const $crate::context_switch::ERRNO_LOCATION,
        )
    };
}
pub(crate) use hand_over_entry;
