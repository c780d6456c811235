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

// The frames that follow are unusual, so unwinders are told of every step: debuggers, profilers
// and signal handlers may look at any moment.

/// A push or pop of a register that the ABI has the callee preserve.
macro_rules! push {
    ($register:literal) => {
        concat!(
            concat!("push ", $register, "\n"),
            ".cfi_adjust_cfa_offset 8\n",
            concat!(".cfi_rel_offset ", $register, ", 0")
        )
    };
}
macro_rules! pop {
    ($register:literal) => {
        concat!(
            concat!("pop ", $register, "\n"),
            ".cfi_adjust_cfa_offset -8\n",
            concat!(".cfi_restore ", $register)
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
pub(crate) use {on_its_stack, pop, push};

/// Goes on where an execution was left, the stack pointer of which was loaded.
macro_rules! go_on {
    () => {
        concat!(
            pop!("r15"),
            "\n",
            pop!("r14"),
            "\n",
            pop!("r13"),
            "\n",
            pop!("r12"),
            "\n",
            pop!("rbx"),
            "\n",
            pop!("rbp"),
            "\n",
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
            outcome = const offset_of!(Execution, outcome),
            sp = const offset_of!(Execution, stack_pointer),
            errno_location = const offset_of!(Execution, errno_location),
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
            errno_shift = const super::ERRNO_SHIFT,
            special = const (super::SELF_SAVED | super::INSTRUMENTED) >> super::ERRNO_SHIFT,
            outcome = const offset_of!(Execution, outcome),
            sp = const offset_of!(Execution, stack_pointer),
            errno_location = const offset_of!(Execution, errno_location),
            resume_specially = sym resume_specially,
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
        switch_with_outcome,
        push!("rbp"),
        push!("rbx"),
        push!("r12"),
        push!("r13"),
        push!("r14"),
        push!("r15"),
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

/// What `dill_launch` returns in the new coroutine. C sees it as `DILL_IN_CHILD_`.
pub(crate) const IN_CHILD: i32 = i32::MIN;

/// At the top of a new stack, with the registers of the parent and its return address in rcx.
macro_rules! in_child {
    () => {
        "
        .cfi_def_cfa rsp, 0
        .cfi_register rip, rcx
        .cfi_restore rbp
        .cfi_restore rbx
        .cfi_restore r12
        .cfi_restore r13
        .cfi_restore r14
        .cfi_restore r15"
    };
}
pub(crate) use in_child;

/// Writes the body of the launching entry point. Its begin function returns the
/// executions of parent and child, or a complete (failed) call.
///
/// The child goes on at the parent's return address with all the parent's registers
/// but on its own stack; the compiler was told `returns_twice`, and an `alloca` in
/// the child's branch makes it address the parent's variables through rbp.
macro_rules! launch_entry {
    ($begin:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            $crate::context_switch::push!("rbp"),
            "call {begin}",
            "test rdx, rdx",
            "jle 2f",
            "mov rcx, [rsp + 8]", // where parent and child both go on
            ".cfi_remember_state",
            $crate::context_switch::push!("rbx"),
            $crate::context_switch::push!("r12"),
            $crate::context_switch::push!("r13"),
            $crate::context_switch::push!("r14"),
            $crate::context_switch::push!("r15"),
            "mov [rax + {sp}], rsp",
            "lea rsp, [rdx - {argument_area}]",
            $crate::context_switch::in_child!(),
            // The address on top of the processor's return stack is this very one, so a
            // `ret` is predicted, and leaves that stack balanced for the parent, as the end
            // of the coroutine is jumped to, not called.
            "push rcx",
            ".cfi_def_cfa_offset 8",
            ".cfi_offset rip, -8",
            "mov eax, {in_child}",
            "ret",
            "2:",
            ".cfi_restore_state",
            ".cfi_remember_state",
            "jne 3f",
            $crate::context_switch::pop!("rbp"), // the call is complete
            "ret",
            "3:",
            ".cfi_restore_state",
            "btr rdx, 63", // AddressSanitizer must be told
            "mov rcx, [rsp + 8]",
            $crate::context_switch::push!("rbx"),
            $crate::context_switch::push!("r12"),
            $crate::context_switch::push!("r13"),
            $crate::context_switch::push!("r14"),
            $crate::context_switch::push!("r15"),
            "mov [rax + {sp}], rsp",
            "mov rsp, [rdx + {sp}]",
            $crate::context_switch::in_child!(),
            "push rcx",
            ".cfi_def_cfa_offset 8",
            ".cfi_offset rip, -8",
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 8",
            "mov rdi, rdx",
            "call {arrived}",
            "add rsp, 8",
            ".cfi_adjust_cfa_offset -8",
            "mov eax, {in_child}",
            "ret",
            $crate::context_switch::whole_lines!(),
            ".cfi_endproc",
            begin = sym $begin,
            sp = const $crate::context_switch::STACK_POINTER,
            argument_area = const $crate::context_switch::ARGUMENT_AREA,
            in_child = const $crate::context_switch::IN_CHILD,
            arrived = sym $crate::context_switch::arrived,
        )
    };
}
pub(crate) use launch_entry;

/// The registers of a parent that was compiled against libdill's own header, as its code stores
/// them: rbx rbp r12 r13 r14 r15 rsp rip.
pub(crate) type SelfSaved = [usize; 8];

pub(crate) const STACK_POINTER: usize = offset_of!(Execution, stack_pointer);
pub(crate) const OUTCOME: usize = offset_of!(Execution, outcome);
pub(crate) const ERRNO_LOCATION: usize = offset_of!(Execution, errno_location);

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
/// which lies on its stack and below which the stack is free. Then `finish` names the execution
/// to go on with, or `finish_slowly` sees to all. Where `parent` is 0, `slowly` is called with
/// the first three arguments instead.
macro_rules! hand_over_entry {
    ($finish:path, $finish_slowly:path, $slowly:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "test rcx, rcx",
            "je {slowly}",
            $crate::context_switch::push!("rbp"),
            $crate::context_switch::push!("rbx"),
            $crate::context_switch::push!("r12"),
            $crate::context_switch::push!("r13"),
            $crate::context_switch::push!("r14"),
            $crate::context_switch::push!("r15"),
            "mov [rcx + {sp}], rsp",
            "lea rsp, [rdx - 16]",
            // Backtraces of the child end here.
            ".cfi_undefined rip",
            "mov [rsp], rcx",
            "xor ebp, ebp", // ends the chain of frames
            "mov rdi, rdx",
            "call rsi",
            "call {finish}",
            "test rax, rax",
            "je 2f",
            "mov r8, rax",
            "cmp rax, [rsp]",
            "jne {resume}",
            // The parent, which has most likely not run since. So its return address is
            // on top of the processor's return stack, and a `ret` is predicted, and leaves
            // that stack balanced.
            "cmp qword ptr [r8 + {outcome}], 0",
            "jne {resume}",
            "mov rsp, [r8 + {sp}]",
            $crate::context_switch::on_its_stack!(),
            "mov rcx, [r8 + {errno_location}]",
            "xor eax, eax",
            "mov [rcx], eax",
            $crate::context_switch::pop!("r15"),
            $crate::context_switch::pop!("r14"),
            $crate::context_switch::pop!("r13"),
            $crate::context_switch::pop!("r12"),
            $crate::context_switch::pop!("rbx"),
            $crate::context_switch::pop!("rbp"),
            "ret",
            "2:",
            ".cfi_undefined rip",
            "call {finish_slowly}",
            "ud2",
            $crate::context_switch::whole_lines!(),
            ".cfi_endproc",
            finish = sym $finish,
            finish_slowly = sym $finish_slowly,
            slowly = sym $slowly,
            resume = sym $crate::context_switch::resume,
            sp = const $crate::context_switch::STACK_POINTER,
            outcome = const $crate::context_switch::OUTCOME,
            errno_location = const $crate::context_switch::ERRNO_LOCATION,
        )
    };
}
pub(crate) use hand_over_entry;

const _: () = assert!(size_of::<Transfer>() == 16);
