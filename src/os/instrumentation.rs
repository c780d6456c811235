//! Announces coroutine stacks to AddressSanitizer and Valgrind. Always compiled
//! in: without such a tool the cost is one predictable test per switch and a few
//! no-op instructions per new stack.

use core::ptr;

mod c {
    unsafe extern "C" {
        pub fn dill_asan_present() -> libc::c_int;
        pub fn dill_asan_start_switch(
            save: *mut *mut libc::c_void,
            bottom: *const libc::c_void,
            size: usize,
        );
        pub fn dill_asan_finish_switch(
            saved: *mut libc::c_void,
            bottom: *mut *const libc::c_void,
            size: *mut usize,
        );
        pub fn dill_asan_unpoison(address: *const libc::c_void, size: usize);
        pub fn dill_lsan_begin_root(address: *const libc::c_void, size: usize);
        pub fn dill_lsan_end_root(address: *const libc::c_void, size: usize);
    }
}

/// True when the program was built with AddressSanitizer.
pub(crate) fn asan_present() -> bool {
    // SAFETY: tests two weak symbols for presence.
    unsafe { c::dill_asan_present() != 0 }
}

/// Tells ASan that this thread is about to run on the stack `[bottom, bottom+size)`.
/// Returns the handle of the current fake stack; `dying` destroys that instead.
pub(crate) fn asan_start_switch(bottom: *const u8, size: usize, dying: bool) -> *mut () {
    let mut saved: *mut libc::c_void = ptr::null_mut();
    let place = if dying { ptr::null_mut() } else { &raw mut saved };
    // SAFETY: `place` is null or valid for a write; ASan only records the bounds.
    unsafe { c::dill_asan_start_switch(place, bottom.cast(), size) };
    saved.cast()
}

/// Tells ASan that the switch has happened; returns the bounds of the stack left.
pub(crate) fn asan_finish_switch(saved: *mut ()) -> (*const u8, usize) {
    let mut bottom: *const libc::c_void = ptr::null();
    let mut size = 0;
    // SAFETY: both places are valid for a write; `saved` came from
    // `asan_start_switch` of the coroutine that runs now, or is null.
    unsafe { c::dill_asan_finish_switch(saved.cast(), &raw mut bottom, &raw mut size) };
    (bottom.cast(), size)
}

/// Forgets the poison that frames of an earlier coroutine left on a stack.
pub(crate) fn asan_unpoison(address: *const u8, size: usize) {
    // SAFETY: the range is a stack that nobody uses at this moment.
    unsafe { c::dill_asan_unpoison(address.cast(), size) };
}

/// Has LeakSanitizer look for pointers in a stack: what a coroutine holds that still exists
/// at the end of the program is no leak.
pub(crate) fn lsan_begin_root(address: *const u8, size: usize) {
    // SAFETY: the range is readable until `lsan_end_root`.
    unsafe { c::dill_lsan_begin_root(address.cast(), size) };
}

/// Ends what [`lsan_begin_root`] began: what is left on the stack holds nothing any more.
pub(crate) fn lsan_end_root(address: *const u8, size: usize) {
    // SAFETY: LeakSanitizer compares the range with those that it knows.
    unsafe { c::dill_lsan_end_root(address.cast(), size) };
}

/// Tells Valgrind that a part of a stack is about to be written from another one: what lies below
/// the stack pointer is nobody's to it.
#[inline(always)]
pub(crate) fn valgrind_will_write(address: *const u8, size: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        /// `VALGRIND_MAKE_MEM_UNDEFINED` of memcheck.
        const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
        let request = [MAKE_MEM_UNDEFINED, address as usize, size, 0, 0, 0];
        // SAFETY: these instructions change nothing: only Valgrind knows what they mean.
        unsafe {
            core::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") &raw const request,
                inout("rdx") 0usize => _,
                inout("rdi") 0usize => _,
                options(nostack),
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (address, size);
}
