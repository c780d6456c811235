//! The switch for x86-64 (System V ABI).
//!
//! The stack of a coroutine that is blocked, from high to low addresses:
//!
//! ```text
//!         ...             frames of the user's code
//!   +-------------------+
//!   | return address    | pushed by the user's `call dill_chrecv` (or any other)
//!   | rbp               | ┐
//!   | rbx               | │
//!   | r12               | │ pushed by `switch`: all that the ABI has the
//!   | r13               | │ callee preserve
//!   | r14               | │
//!   | r15               | ┘ <- stack_pointer
//!   +-------------------+
//! ```
//!
//! The x87 and SSE control words are preserved across calls too by the letter of
//! the ABI, but they belong to the thread here, as in libdill: coroutines that
//! change the rounding mode put it back before they block.

mod launching;

pub(super) use launching::InitialFrame;
pub(crate) use launching::{hand_over_entry, in_child, launch_entry, start_entry};

use super::execution::{
    ERRNO_LOCATION, ERRNO_SHIFT, Execution, INSTRUMENTED, Nothing, OUTCOME, SELF_SAVED,
    STACK_POINTER, arrived,
};
use core::arch::naked_asm;

// The frames that follow are unusual, so unwinders are told of every step: debuggers, profilers
// and signal handlers may look at any moment.

/// A push or pop of a register that the ABI has the callee preserve.
macro_rules! push {
    ($register:literal) => {
        concat!(
            "push ",
            $register,
            "\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset ",
            $register,
            ", 0\n"
        )
    };
}
macro_rules! pop {
    ($register:literal) => {
        concat!("pop ", $register, "\n.cfi_adjust_cfa_offset -8\n.cfi_restore ", $register, "\n")
    };
}

/// Stores the registers in the order of the frame above.
macro_rules! push_registers {
    () => {
        concat!($crate::context_switch::push!("rbp"), $crate::context_switch::push_others!())
    };
}
/// As [`push_registers`], when rbp is stored already.
macro_rules! push_others {
    () => {
        concat!(
            $crate::context_switch::push!("rbx"),
            $crate::context_switch::push!("r12"),
            $crate::context_switch::push!("r13"),
            $crate::context_switch::push!("r14"),
            $crate::context_switch::push!("r15")
        )
    };
}
/// Loads them again. The return address is on top of the stack then.
macro_rules! pop_registers {
    () => {
        concat!(
            $crate::context_switch::pop!("r15"),
            $crate::context_switch::pop!("r14"),
            $crate::context_switch::pop!("r13"),
            $crate::context_switch::pop!("r12"),
            $crate::context_switch::pop!("rbx"),
            $crate::context_switch::pop!("rbp")
        )
    };
}

/// After the stack pointer was set to that of an execution which was left.
macro_rules! on_its_stack {
    () => {
        "
        .cfi_def_cfa rsp, 56
        .cfi_offset rip, -8
        .cfi_offset rbp, -16
        .cfi_offset rbx, -24
        .cfi_offset r12, -32
        .cfi_offset r13, -40
        .cfi_offset r14, -48
        .cfi_offset r15, -56"
    };
}
pub(crate) use {on_its_stack, pop, pop_registers, push, push_others, push_registers};

/// Goes on where an execution was left, the stack pointer of which was loaded.
macro_rules! go_on {
    () => {
        concat!(
            pop_registers!(),
            // Not `ret`: the return stack of the processor holds the addresses of the
            // stack that we came from.
            "pop rcx\n",
            ".cfi_def_cfa rsp, 0\n",
            ".cfi_register rip, rcx\n",
            "notrack jmp rcx"
        )
    };
}

/// At the end of a function: has it begin and end with a cache line. Each naked function is a
/// section of its own, which gets the alignment. A last jump on two lines costs a fifth of a switch.
macro_rules! whole_lines {
    () => {
        ".p2align 6"
    };
}
pub(crate) use whole_lines;

/// Writes a naked function's body that goes on with the execution in r8, after these lines.
macro_rules! resuming {
    ($with_outcome:path, $($line:expr,)*) => {
        naked_asm!(
            ".cfi_startproc",
            $($line,)*
            // Result and errno 0, nothing special: nearly always.
            "cmp qword ptr [r8 + {outcome}], 0",
            "jne {with_outcome}",
            "mov rsp, [r8 + {sp}]",
            on_its_stack!(),
            "mov rcx, [r8 + {errno_location}]",
            "xor eax, eax",
            "mov [rcx], eax",
            go_on!(),
            whole_lines!(),
            ".cfi_endproc",
            outcome = const OUTCOME,
            sp = const STACK_POINTER,
            errno_location = const ERRNO_LOCATION,
            with_outcome = sym $with_outcome,
        )
    };
}

/// Likewise, for whatever the outcome is.
macro_rules! resuming_with_outcome {
    ($($line:expr,)*) => {
        naked_asm!(
            ".cfi_startproc",
            $($line,)*
            "mov rax, [r8 + {outcome}]", // eax: the result
            "mov rdx, rax",
            "shr rdx, {errno_shift}",     // edx: errno, and what is special
            "test edx, {special}",
            "jne {resume_specially}",
            "mov qword ptr [r8 + {outcome}], 0",
            "mov rsp, [r8 + {sp}]",
            on_its_stack!(),
            "mov rcx, [r8 + {errno_location}]",
            "mov [rcx], edx",
            go_on!(),
            whole_lines!(),
            ".cfi_endproc",
            errno_shift = const ERRNO_SHIFT,
            special = const (SELF_SAVED | INSTRUMENTED) >> ERRNO_SHIFT,
            outcome = const OUTCOME,
            sp = const STACK_POINTER,
            errno_location = const ERRNO_LOCATION,
            resume_specially = sym resume_specially,
        )
    };
}

/// Leaves `from` and goes on with `to`; returns when somebody resumes `from`, what
/// [`Execution::set_outcome`] said, with `errno` set. The two are the last arguments that have
/// registers, so that compilers needn't move the caller's own out of their way.
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
    resuming!(switch_with_outcome, push_registers!(), "mov [r9 + {sp}], rsp",)
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
    resuming!(resume_with_outcome,)
}

/// The end of [`switch`] for whatever the outcome is; jumped to, with the execution in r8.
#[unsafe(naked)]
unsafe extern "C" fn switch_with_outcome() {
    // The registers were pushed, to a stack of the same shape.
    resuming_with_outcome!(on_its_stack!(),)
}

/// The same for [`resume`].
#[unsafe(naked)]
unsafe extern "C" fn resume_with_outcome() {
    resuming_with_outcome!()
}

/// The rare ways to go on: AddressSanitizer must be told, or the code was compiled
/// against libdill's own header and has saved its registers itself, in the order
/// rbx rbp r12 r13 r14 r15 rsp rip. In: r8 the execution, edx the upper half of its outcome.
#[unsafe(naked)]
unsafe extern "C" fn resume_specially() {
    naked_asm!(
        ".cfi_startproc",
        // Come from several places, with stacks of several shapes.
        ".cfi_undefined rip",
        "test edx, {self_saved}",
        "jne 4f",
        // Callee-saved registers are free: they are popped or loaded below.
        "mov rbx, r8",
        "mov rsp, [r8 + {sp}]",
        ".cfi_remember_state",
        on_its_stack!(),
        "sub rsp, 8", // seven words lie on the stack
        ".cfi_adjust_cfa_offset 8",
        "mov rdi, r8",
        "call {arrived}",
        "mov rcx, [rbx + {errno_location}]",
        "mov rax, [rbx + {outcome}]",
        "mov qword ptr [rbx + {outcome}], 0",
        "mov rdx, rax",
        "shr rdx, {errno_shift}",
        "and edx, ~{special}",
        "mov [rcx], edx",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        go_on!(),
        ".cfi_restore_state",
        "4:",
        "mov qword ptr [r8 + {outcome}], 0",
        "mov r12, [r8 + {sp}]", // the registers
        "mov rsp, [r12 + 48]",
        "test edx, {instrumented}",
        "je 5f",
        "and rsp, -16",
        "mov rdi, r8",
        "call {arrived}",
        "5:",
        "mov rdx, r12",
        "mov eax, 1", // what libdill's longjmp returns
        "mov rbx, [rdx]",
        "mov rbp, [rdx + 8]",
        "mov r12, [rdx + 16]",
        "mov r13, [rdx + 24]",
        "mov r14, [rdx + 32]",
        "mov r15, [rdx + 40]",
        "mov rsp, [rdx + 48]",
        "notrack jmp qword ptr [rdx + 56]",
        ".cfi_endproc",
        self_saved = const SELF_SAVED >> ERRNO_SHIFT,
        instrumented = const INSTRUMENTED >> ERRNO_SHIFT,
        special = const (SELF_SAVED | INSTRUMENTED) >> ERRNO_SHIFT,
        errno_shift = const ERRNO_SHIFT,
        outcome = const OUTCOME,
        sp = const STACK_POINTER,
        errno_location = const ERRNO_LOCATION,
        arrived = sym arrived,
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
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rax, rsp",
        "sub rax, rdi",
        "cmp rax, {farthest}", // huge for an address above, such as 0 and those of other stacks
        "ja 2f",
        "lea rsp, [rdi - {margin}]",
        "and rsp, -16",
        "2:",
        "call rsi",
        "ud2",
        ".cfi_endproc",
        farthest = const 32 * 1024,
        // Other objects may lie beside it.
        margin = const 512,
    )
}

/// The registers of a parent that was compiled against libdill's own header, as its code stores
/// them: rbx rbp r12 r13 r14 r15 rsp rip.
pub(crate) type SelfSaved = [usize; 8];
