//! The switch for x86-64 (System V ABI).
//!
//! The stack of a coroutine that is blocked, from high to low addresses:
//!
//! ```text
//!         ...             frames of the user's code
//!   +-------------------+
//!   | return address    | pushed by the user's `call dill_chrecv` (or any other)
//!   | rbp               | pushed by the entry, which also aligns the stack
//!   | rbx               | ┐
//!   | r12               | │ pushed by `park`: all that the ABI has the
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
use core::mem::offset_of;

/// Writes the body of a blocking entry point around its begin function.
macro_rules! blocking_entry {
    ($begin:path) => {
        core::arch::naked_asm!(
            "push rbp",        // aligns the stack for the call, and is saved anyway
            "call {begin}",    // arguments are still in their registers
            "test rdx, rdx",   // Transfer: rax:rdx
            "jne {park}",
            "pop rbp",
            "ret",             // same stack as the call: predicted
            begin = sym $begin,
            park = sym $crate::context_switch::park,
        )
    };
}
pub(crate) use blocking_entry;

/// Second phase of every blocking entry; jumped to, never called. In: rax is the
/// [`Execution`] to leave, rdx the one to go on with, rbp is pushed.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn park() {
    naked_asm!(
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rax + {sp}], rsp",
        "jmp {resume}",
        sp = const offset_of!(Execution, stack_pointer),
        resume = sym resume,
    )
}

/// Goes on with the [`Execution`] in rdx; jumped to, never called.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn resume() {
    naked_asm!(
        "cmp dword ptr [rdx + {special}], 0",
        "jne {resume_specially}",
        "mov rsp, [rdx + {sp}]",
        "mov rcx, [rdx + {errno_location}]",
        "mov esi, [rdx + {errno}]",
        "mov rax, [rdx + {result}]",
        "mov [rcx], esi",
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
        special = const offset_of!(Execution, special),
        sp = const offset_of!(Execution, stack_pointer),
        errno_location = const offset_of!(Execution, errno_location),
        errno = const offset_of!(Execution, errno),
        result = const offset_of!(Execution, result),
        resume_specially = sym resume_specially,
    )
}

/// The rare ways to go on: AddressSanitizer must be told, or the code was compiled
/// against libdill's own header and has saved its registers itself, in the order
/// rbx rbp r12 r13 r14 r15 rsp rip.
#[unsafe(naked)]
unsafe extern "C" fn resume_specially() {
    naked_asm!(
        "test dword ptr [rdx + {special}], {self_saved}",
        "jne 4f",
        // Callee-saved registers are free: they are popped or loaded below.
        "mov rbx, rdx",
        "mov rsp, [rdx + {sp}]",
        "mov rdi, rdx",
        "sub rsp, 8", // seven words lie on the stack
        "call {arrived}",
        "mov rcx, [rbx + {errno_location}]",
        "mov esi, [rbx + {errno}]",
        "mov rax, [rbx + {result}]",
        "mov [rcx], esi",
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
        "and dword ptr [rdx + {special}], ~{self_saved}",
        "mov r12, [rdx + {sp}]", // the registers
        "mov rsp, [r12 + 48]",
        "test dword ptr [rdx + {special}], {instrumented}",
        "je 5f",
        "and rsp, -16",
        "mov rdi, rdx",
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
        special = const offset_of!(Execution, special),
        self_saved = const super::SELF_SAVED,
        instrumented = const super::INSTRUMENTED,
        sp = const offset_of!(Execution, stack_pointer),
        errno_location = const offset_of!(Execution, errno_location),
        errno = const offset_of!(Execution, errno),
        result = const offset_of!(Execution, result),
        arrived = sym arrived,
    )
}

/// Switches from Rust code: leaves `transfer.first` until somebody resumes it, then
/// returns. The outcome is read with [`Execution::outcome`].
///
/// # Safety
/// `from` is the running execution, `to` one that was left by a switch; both stay alive until they are left for good.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn switch(from: usize, to: usize) {
    naked_asm!(
        "push rbp",
        "mov rax, rdi",
        "mov rdx, rsi",
        "jmp {park}",
        park = sym park,
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
            "je 2f",
            "mov rcx, [rsp + 8]", // where parent and child both go on
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov [rax + {sp}], rsp",
            "mov rsp, [rdx + {sp}]",
            "cmp dword ptr [rdx + {special}], 0",
            "jne 3f",
            "4:",
            // The address on top of the processor's return stack is this very one,
            // so a `ret` is predicted, and leaves that stack balanced for the parent.
            "push rcx",
            "mov eax, {in_child}",
            "ret",
            "2:",
            "pop rbp",
            "ret",
            "3:",
            "push rcx",
            "sub rsp, 8",
            "mov rdi, rdx",
            "call {arrived}",
            "add rsp, 8",
            "pop rcx",
            "jmp 4b",
            begin = sym $begin,
            sp = const $crate::context_switch::STACK_POINTER,
            special = const $crate::context_switch::SPECIAL,
            in_child = const $crate::context_switch::IN_CHILD,
            arrived = sym $crate::context_switch::arrived_in_child,
        )
    };
}
pub(crate) use launch_entry;

pub(crate) const STACK_POINTER: usize = offset_of!(Execution, stack_pointer);
pub(crate) const SPECIAL: usize = offset_of!(Execution, special);

/// [`arrived`] for the macro above.
pub(crate) extern "C" fn arrived_in_child(child: crate::intrusive::Ref<Execution>) {
    arrived(child);
}

/// What a coroutine that runs a Rust function finds on its stack: as if it had been left by
/// [`park`], from low to high addresses.
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
/// to, never called. `finish` returns the execution to go on with, and the stack is not
/// touched any more.
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
            "jmp {resume}",
            ".cfi_endproc",
            finish = sym $finish,
            resume = sym $crate::context_switch::resume,
        )
    };
}
pub(crate) use start_entry;

/// Writes the body of a function `(child, function, argument)` that hands over to a coroutine which
/// has not begun: it calls `function` with `argument`, which lies on its stack and below which
/// the stack is free. The begin function gets the child and returns the executions of parent
/// and child; `start` is a naked function made of [`start_entry`].
macro_rules! hand_over_entry {
    ($begin:path, $start:path) => {
        core::arch::naked_asm!(
            "push rbp",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "sub rsp, 8",    // aligns the stack for the call
            "mov rbx, rsi",  // where `start` expects them
            "mov r12, rdx",
            "call {begin}",
            "add rsp, 8",
            "mov [rax + {sp}], rsp",
            "mov rsp, r12",
            "xor ebp, ebp",  // ends the chain of frames
            "cmp dword ptr [rdx + {special}], 0",
            "je {start}",
            "mov rdi, rdx",
            "call {arrived}",
            "jmp {start}",
            begin = sym $begin,
            start = sym $start,
            sp = const $crate::context_switch::STACK_POINTER,
            special = const $crate::context_switch::SPECIAL,
            arrived = sym $crate::context_switch::arrived_in_child,
        )
    };
}
pub(crate) use hand_over_entry;

/// Writes the body of the entry that ends a coroutine: its begin function returns
/// the execution to go on with, and the stack is not touched any more.
macro_rules! finish_entry {
    ($begin:path) => {
        core::arch::naked_asm!(
            "push rbp",
            "call {begin}",
            "jmp {resume}",
            begin = sym $begin,
            resume = sym $crate::context_switch::resume,
        )
    };
}
pub(crate) use finish_entry;

const _: () = assert!(size_of::<Transfer>() == 16);
