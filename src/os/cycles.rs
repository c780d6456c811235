//! The processor's cycle counter.

/// The counter's current value. It may differ between processors.
#[inline(always)]
pub(crate) fn now() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
    #[cfg(target_arch = "aarch64")]
    {
        let count: u64;
        // SAFETY: the virtual counter is readable in user mode on Linux.
        unsafe {
            core::arch::asm!("mrs {c}, cntvct_el0", c = out(reg) count,
                options(nomem, nostack, preserves_flags));
        }
        count
    }
}
