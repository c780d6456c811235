//! How coroutines begin: launches, which return twice, and functions of Rust's.

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
            $crate::context_switch::push_others!(),
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
            $crate::context_switch::push_others!(),
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

/// What a coroutine that runs a Rust function finds on its stack: as if it had been left by
/// [`switch`], from low to high addresses.
#[repr(C)]
pub(in crate::context_switch) struct InitialFrame {
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
    pub(in crate::context_switch) fn new(
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
            $crate::context_switch::push_registers!(),
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
            $crate::context_switch::pop_registers!(),
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
            resume = sym $crate::context_switch::x86_64::resume,
            sp = const $crate::context_switch::STACK_POINTER,
            outcome = const $crate::context_switch::OUTCOME,
            errno_location = const $crate::context_switch::ERRNO_LOCATION,
        )
    };
}
pub(crate) use hand_over_entry;
