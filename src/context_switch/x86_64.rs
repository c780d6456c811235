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

use super::{Execution, Transfer, arrived};
use core::arch::naked_asm;
use core::mem::{MaybeUninit, offset_of};

/// Writes a naked function's body that goes on with the execution in r8, after these lines.
macro_rules! resuming {
    ($($line:literal,)*) => {
        naked_asm!(
            $($line,)*
            // Result and errno 0, nothing special: nearly always.
            "cmp qword ptr [r8 + {outcome}], 0",
            "jne {resume_with_outcome}",
            "mov rsp, [r8 + {sp}]",
            "mov rcx, [r8 + {errno_location}]",
            "xor eax, eax",
            "mov [rcx], eax",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbx",
            "pop rbp",
            // Not `ret`: the return stack of the processor holds the addresses of the
            // stack that we came from.
            "pop rcx",
            "notrack jmp rcx",
            outcome = const offset_of!(Execution, outcome),
            sp = const offset_of!(Execution, stack_pointer),
            errno_location = const offset_of!(Execution, errno_location),
            resume_with_outcome = sym resume_with_outcome,
        )
    };
}

/// An argument that is not there, so that another one is in the register of its position.
type Nothing = MaybeUninit<usize>;

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
    resuming!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [r9 + {sp}], rsp",
    )
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
    resuming!()
}

/// [`resume`] for whatever the outcome is; jumped to, with the execution in r8.
#[unsafe(naked)]
unsafe extern "C" fn resume_with_outcome() {
    naked_asm!(
        "mov rax, [r8 + {outcome}]", // eax: the result
        "mov rdx, rax",
        "shr rdx, {errno_shift}",     // edx: errno, and what is special
        "test edx, {special}",
        "jne {resume_specially}",
        "mov qword ptr [r8 + {outcome}], 0",
        "mov rsp, [r8 + {sp}]",
        "mov rcx, [r8 + {errno_location}]",
        "mov [rcx], edx",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "pop rcx",
        "notrack jmp rcx",
        errno_shift = const super::ERRNO_SHIFT,
        special = const (super::SELF_SAVED | super::INSTRUMENTED) >> super::ERRNO_SHIFT,
        outcome = const offset_of!(Execution, outcome),
        sp = const offset_of!(Execution, stack_pointer),
        errno_location = const offset_of!(Execution, errno_location),
        resume_specially = sym resume_specially,
    )
}

/// The rare ways to go on: AddressSanitizer must be told, or the code was compiled
/// against libdill's own header and has saved its registers itself, in the order
/// rbx rbp r12 r13 r14 r15 rsp rip. In: r8 the execution, edx the upper half of its outcome.
#[unsafe(naked)]
unsafe extern "C" fn resume_specially() {
    naked_asm!(
        "test edx, {self_saved}",
        "jne 4f",
        // Callee-saved registers are free: they are popped or loaded below.
        "mov rbx, r8",
        "mov rsp, [r8 + {sp}]",
        "sub rsp, 8", // seven words lie on the stack
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
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "pop rcx",
        "notrack jmp rcx",
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
        self_saved = const super::SELF_SAVED >> super::ERRNO_SHIFT,
        instrumented = const super::INSTRUMENTED >> super::ERRNO_SHIFT,
        special = const (super::SELF_SAVED | super::INSTRUMENTED) >> super::ERRNO_SHIFT,
        errno_shift = const super::ERRNO_SHIFT,
        outcome = const offset_of!(Execution, outcome),
        sp = const offset_of!(Execution, stack_pointer),
        errno_location = const offset_of!(Execution, errno_location),
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
        "sub rsp, 8",
        "mov rax, rsp",
        "sub rax, rdi",
        "cmp rax, {farthest}", // huge for an address above, such as 0 and those of other stacks
        "ja 2f",
        "lea rsp, [rdi - {margin}]",
        "and rsp, -16",
        "2:",
        "call rsi",
        "ud2",
        farthest = const 32 * 1024,
        // Other objects may lie beside it.
        margin = const 512,
    )
}

/// What `dill_launch` returns in the new coroutine. C sees it as `DILL_IN_CHILD_`.
pub(crate) const IN_CHILD: i32 = i32::MIN;

/// Writes the body of the launching entry point. Its begin function returns the
/// executions of parent and child, or a complete (failed) call.
///
/// The child goes on at the parent's return address with all the parent's registers
/// but on its own stack; the compiler was told `returns_twice`, and an `alloca` in
/// the child's branch makes it address the parent's variables through rbp.
macro_rules! launch_entry {
    ($begin:path) => {
        core::arch::naked_asm!(
            "push rbp",
            "call {begin}",
            "test rdx, rdx",
            "jle 2f",
            "mov rcx, [rsp + 8]", // where parent and child both go on
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov [rax + {sp}], rsp",
            "lea rsp, [rdx - {argument_area}]",
            // The address on top of the processor's return stack is this very one,
            // so a `ret` is predicted, and leaves that stack balanced for the parent.
            "push rcx",
            "mov eax, {in_child}",
            "ret",
            "2:",
            "jne 3f",
            "pop rbp", // the call is complete
            "ret",
            "3:",
            "btr rdx, 63", // AddressSanitizer must be told
            "mov rcx, [rsp + 8]",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov [rax + {sp}], rsp",
            "mov rsp, [rdx + {sp}]",
            "push rcx",
            "sub rsp, 8",
            "mov rdi, rdx",
            "call {arrived}",
            "add rsp, 8",
            "mov eax, {in_child}",
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

pub(crate) const STACK_POINTER: usize = offset_of!(Execution, stack_pointer);
pub(crate) const OUTCOME: usize = offset_of!(Execution, outcome);

/// What a coroutine that runs a Rust function finds on its stack: as if it had been left by
/// [`switch`], from low to high addresses.
#[repr(C)]
pub(super) struct InitialFrame {
    r15: usize,
    r14: usize,
    r13: usize,
    /// Goes to the function that rbx names.
    r12: *mut (),
    rbx: extern "C" fn(*mut ()),
    /// Zero ends the chain of frames for debuggers and profilers.
    rbp: usize,
    return_address: unsafe extern "C" fn(),
}

// The registers and the return address of a blocked coroutine are an odd number of words, for
// which `resume_specially` allows.
const _: () = assert!(size_of::<InitialFrame>() == 7 * size_of::<usize>());

impl InitialFrame {
    pub(super) fn new(
        start: unsafe extern "C" fn(),
        entry: extern "C" fn(*mut ()),
        argument: *mut (),
    ) -> Self {
        Self { r15: 0, r14: 0, r13: 0, r12: argument, rbx: entry, rbp: 0, return_address: start }
    }
}

/// Writes the body of the function that a coroutine with an [`InitialFrame`] starts in; jumped
/// to, never called. `finish` does not return.
macro_rules! start_entry {
    ($finish:path) => {
        core::arch::naked_asm!(
            // Nobody has called this: backtraces end here.
            ".cfi_startproc",
            ".cfi_undefined rip",
            // The frame is off the stack, which is aligned to 16 bytes, as a call wants it.
            "mov rdi, r12",
            "call rbx",
            "call {finish}",
            "ud2",
            ".cfi_endproc",
            finish = sym $finish,
        )
    };
}
pub(crate) use start_entry;

/// Writes the body of a function `(child, function, argument, parent)` that leaves `parent`, the
/// execution that runs, for a coroutine that has not begun: it calls `function` with `argument`,
/// which lies on its stack and below which the stack is free, and then `finish`, which does not
/// return. Where `parent` is 0, `slowly` has the first three arguments.
macro_rules! hand_over_entry {
    ($finish:path, $slowly:path) => {
        core::arch::naked_asm!(
            "test rcx, rcx",
            "je {slowly}",
            "push rbp",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov [rcx + {sp}], rsp",
            "mov rsp, rdx",
            "xor ebp, ebp", // ends the chain of frames
            "mov rdi, rdx",
            "call rsi",
            "call {finish}",
            "ud2",
            finish = sym $finish,
            slowly = sym $slowly,
            sp = const $crate::context_switch::STACK_POINTER,
        )
    };
}
pub(crate) use hand_over_entry;

const _: () = assert!(size_of::<Transfer>() == 16);
