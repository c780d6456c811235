//! A counter of the processor's that is quick to read: of cycles, or of something slower.

use super::machine;

/// The counter's current value. It may differ between processors.
#[inline(always)]
pub(crate) fn now() -> u64 {
    machine::counter()
}

/// How far the counter gets in a millisecond; further on a fast processor.
#[inline(always)]
pub(crate) fn per_millisecond() -> u64 {
    machine::counts_per_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::syscalls::monotonic_ns;

    #[test]
    fn the_counter_passes_as_fast_as_it_says_or_faster() {
        let (counted, started) = (now(), monotonic_ns());
        while monotonic_ns() - started < 2_000_000 {}
        let passed = now().wrapping_sub(counted);
        assert!(passed >= per_millisecond(), "{passed} in two milliseconds");
    }
}
