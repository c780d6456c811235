//! x86-64 Linux.

use crate::os::thread_context::THREAD_CONTEXT;
use core::arch::asm;

/// The cycle counter.
#[inline(always)]
pub(in crate::os) fn counter() -> u64 {
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// What the counter counts in a millisecond, or less: processors below 2 GHz are rare, and
/// asking for the frequency is not worth the trouble.
#[inline(always)]
pub(in crate::os) fn counts_per_millisecond() -> u64 {
    2_000_000
}

/// The thread-local pointer: in a static link the linker relaxes the first load into a constant.
#[inline(always)]
pub(in crate::os) fn thread_context() -> *mut () {
    let pointer: *mut ();
    // SAFETY: reads the thread-local pointer defined in thread_context.c, which
    // exists in every thread from its start to its end.
    unsafe {
        asm!(
            "mov {p}, qword ptr [rip + {context}@GOTTPOFF]",
            "mov {p}, qword ptr fs:[{p}]",
            p = out(reg) pointer,
            context = sym THREAD_CONTEXT,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    pointer
}

/// Stores what [`thread_context`] returns.
#[inline(always)]
pub(in crate::os) fn set_thread_context(pointer: *mut ()) {
    // SAFETY: writes the same thread-local variable; no Rust reference to it exists.
    unsafe {
        asm!(
            "mov {t}, qword ptr [rip + {context}@GOTTPOFF]",
            "mov qword ptr fs:[{t}], {p}",
            t = out(reg) _,
            p = in(reg) pointer,
            context = sym THREAD_CONTEXT,
            options(nostack, preserves_flags),
        );
    }
}

/// A request to Valgrind and its arguments; 0 without it, or where its tool does not know it.
#[inline(always)]
pub(in crate::os) fn valgrind_request(words: &[usize; 6]) -> usize {
    let mut answer = 0usize;
    // SAFETY: the sequence changes nothing but the answer; Valgrind knows it by its form.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rdx") answer,
            in("rax") words.as_ptr(),
            options(nostack),
        );
    }
    answer
}

/// Where the stack stood when a signal came.
pub(in crate::os) fn interrupted_stack_pointer(machine: &libc::ucontext_t) -> usize {
    machine.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
}
