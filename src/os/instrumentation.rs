//! Announces coroutine stacks to sanitizers and Valgrind. Always compiled
//! in: without such a tool the cost is one predictable test per switch and a few
//! no-op instructions per new stack.

use super::machine;
use core::ptr;

mod fibers;
mod split_stack;

pub(crate) use fibers::{Fiber, tsan_acquire, tsan_release};
pub(crate) use split_stack::{SplitStack, split_stack_present};

mod c {
    use crate::os::symbols::c_functions;

    c_functions! {
        pub unsafe fn dill_asan_present() -> libc::c_int;
        pub unsafe fn dill_asan_start_switch(
            save: *mut *mut libc::c_void,
            bottom: *const libc::c_void,
            size: usize,
        );
        pub unsafe fn dill_asan_finish_switch(
            saved: *mut libc::c_void,
            bottom: *mut *const libc::c_void,
            size: *mut usize,
        );
        pub unsafe fn dill_asan_destroy_fake_stack(dead: *mut libc::c_void);
        pub unsafe fn dill_asan_poison(address: *const libc::c_void, size: usize);
        pub unsafe fn dill_asan_unpoison(address: *const libc::c_void, size: usize);
        pub unsafe fn dill_lsan_begin_root(address: *const libc::c_void, size: usize);
        pub unsafe fn dill_lsan_end_root(address: *const libc::c_void, size: usize);
    }
}

/// Returns whether every switch must be announced: to a sanitizer, to libgcc for split stacks, or
/// to Valgrind's Memcheck. Its tools that count instructions are to count those that are
/// executed without them.
pub(crate) fn present() -> bool {
    asan_present() || fibers::tsan_present() || split_stack_present() || memcheck_present()
}

fn memcheck_present() -> bool {
    let (some, mut bits) = (0u8, 0u8);
    let addresses = [&raw const some as usize, &raw mut bits as usize];
    valgrind(GET_VALIDITY_BITS, [addresses[0], addresses[1], 1, 0, 0]) != 0
}

/// A stack that Valgrind knows as one, until this is dropped. (That of corosensei is silent on
/// ARM.)
pub(crate) struct StackRegistration {
    number: usize,
}

impl StackRegistration {
    pub(crate) fn new(bottom: *const u8, size: usize) -> StackRegistration {
        let bounds = [bottom as usize, bottom as usize + size];
        StackRegistration { number: valgrind(STACK_REGISTER, [bounds[0], bounds[1], 0, 0, 0]) }
    }
}

impl Drop for StackRegistration {
    fn drop(&mut self) {
        valgrind(STACK_DEREGISTER, [self.number, 0, 0, 0, 0]);
    }
}

/// Requests to all tools of Valgrind, as its header numbers them.
const STACK_REGISTER: usize = 0x1501;
const STACK_DEREGISTER: usize = 0x1502;

/// Requests to Memcheck, as its header numbers them.
const MEMCHECK: usize = 0x4d << 24 | 0x43 << 16; // 'M' 'C'
const MAKE_MEMORY_UNDEFINED: usize = MEMCHECK + 1;
const MAKE_MEMORY_DEFINED: usize = MEMCHECK + 2;
const GET_VALIDITY_BITS: usize = MEMCHECK + 8;

/// A request to Valgrind; 0 without it, or where its tool does not know the request.
#[inline(always)]
fn valgrind(request: usize, arguments: [usize; 5]) -> usize {
    let [a, b, c, d, e] = arguments;
    machine::valgrind_request(&[request, a, b, c, d, e])
}

/// Has Memcheck take memory for accessible: it was a stack and is its user's again, or lies below
/// the pointer of another stack than the one that writes to it.
#[inline(always)]
pub(crate) fn valgrind_make_accessible(address: *const u8, size: usize) {
    valgrind(MAKE_MEMORY_UNDEFINED, [address as usize, size, 0, 0, 0]);
}

/// Has Memcheck take memory for what it still is: it lies in a frame that was left a moment ago.
pub(crate) fn valgrind_make_defined(address: *const u8, size: usize) {
    valgrind(MAKE_MEMORY_DEFINED, [address as usize, size, 0, 0, 0]);
}

/// True when the program was built with AddressSanitizer.
pub(crate) fn asan_present() -> bool {
    // SAFETY: tests two weak symbols for presence.
    unsafe { c::dill_asan_present() != 0 }
}

/// Tells ASan that this thread is about to run on the stack `[bottom, bottom+size)`.
/// Returns the handle of the current fake stack; `destroy` destroys that instead.
pub(crate) fn asan_start_switch(bottom: *const u8, size: usize, destroy: bool) -> *mut () {
    if destroy {
        // SAFETY: no place is asked for; ASan only records the bounds. Our own frame may have been
        // on the fake stack, so nothing of it is used behind the call.
        unsafe { c::dill_asan_start_switch(ptr::null_mut(), bottom.cast(), size) };
        return ptr::null_mut();
    }
    let mut saved: *mut libc::c_void = ptr::null_mut();
    // SAFETY: the place is valid for a write; ASan only records the bounds.
    unsafe { c::dill_asan_start_switch(&raw mut saved, bottom.cast(), size) };
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

/// Destroys a fake stack that `asan_start_switch` returned, of a coroutine that never goes on.
pub(crate) fn asan_destroy_fake_stack(dead: *mut ()) {
    if !dead.is_null() {
        // SAFETY: a fake stack of this thread, which nobody uses any more.
        unsafe { c::dill_asan_destroy_fake_stack(dead.cast()) };
    }
}

/// Has ASan report uses of what is left of a stack that nobody runs on any more.
pub(crate) fn asan_poison(address: *const u8, size: usize) {
    // SAFETY: changes nothing but what ASan knows of the range.
    unsafe { c::dill_asan_poison(address.cast(), size) };
}

/// Forgets the poison on a stack: of frames of an earlier coroutine, or after its end.
pub(crate) fn asan_unpoison(address: *const u8, size: usize) {
    // SAFETY: the range is a stack, or several, that nobody uses at this moment.
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
