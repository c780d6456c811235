//! 64-bit ARM Linux.

use crate::os::thread_context::THREAD_CONTEXT;
use core::arch::asm;

/// The system's counter, which Linux lets everybody read. It is the same on all processors.
#[inline(always)]
pub(in crate::os) fn counter() -> u64 {
    let count: u64;
    // SAFETY: reads a register.
    unsafe {
        asm!("mrs {c}, cntvct_el0", c = out(reg) count, options(nomem, nostack, preserves_flags));
    }
    count
}

/// What the counter counts in a millisecond: it has a frequency of its own, from 1 MHz on small
/// boards to 1 GHz, which the system tells.
#[inline(always)]
pub(in crate::os) fn counts_per_millisecond() -> u64 {
    let hertz: u64;
    // SAFETY: reads a register.
    unsafe {
        asm!("mrs {f}, cntfrq_el0", f = out(reg) hertz,
            options(pure, nomem, nostack, preserves_flags));
    }
    hertz / 1000
}

/// The thread-local pointer: in a static link the linker relaxes the first two into a constant.
#[inline(always)]
pub(in crate::os) fn thread_context() -> *mut () {
    let pointer: *mut ();
    // SAFETY: reads the thread-local pointer defined in thread_context.c, which
    // exists in every thread from its start to its end.
    unsafe {
        asm!(
            "adrp {t}, :gottprel:{context}",
            "ldr {t}, [{t}, :gottprel_lo12:{context}]",
            "mrs {p}, tpidr_el0",
            "ldr {p}, [{p}, {t}]",
            t = out(reg) _,
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
            "adrp {t}, :gottprel:{context}",
            "ldr {t}, [{t}, :gottprel_lo12:{context}]",
            "mrs {b}, tpidr_el0",
            "str {p}, [{b}, {t}]",
            t = out(reg) _,
            b = out(reg) _,
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
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            inout("x3") answer,
            in("x4") words.as_ptr(),
            options(nostack, preserves_flags),
        );
    }
    answer
}

/// Where the stack stood when a signal came.
pub(in crate::os) fn interrupted_stack_pointer(machine: &libc::ucontext_t) -> usize {
    machine.uc_mcontext.sp as usize
}
