//! The C ABI of the library, and a way to launch a Rust function as a coroutine.

use core::ffi::{c_char, c_int, c_void};
use std::arch::naked_asm;

// The library's symbols come with its rlib.
use redill as _;

pub const REQUEST: c_int = -2;
pub const SHIELD: c_int = -3;
pub const CHSEND: c_int = 1;
pub const CHRECV: c_int = 2;
pub const CHFDIN: c_int = 3;
pub const CHFDOUT: c_int = 4;
pub const CHBUNDLE: c_int = 6;
pub const CHREQUEST: c_int = 7;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Chclause {
    pub op: c_int,
    pub ch: c_int,
    pub val: *mut c_void,
    pub len: usize,
}

/// `struct cancel_scope`.
#[repr(C)]
pub struct CancelScope(pub [*mut c_void; 16]);

unsafe extern "C" {
    pub fn dill_now() -> i64;
    pub fn dill_msleep(deadline: i64) -> c_int;
    pub fn dill_yield() -> c_int;
    pub fn dill_hclose(handle: c_int) -> c_int;
    pub fn dill_hown(handle: c_int) -> c_int;
    pub fn dill_chmake(ends: *mut c_int) -> c_int;
    pub fn dill_chdone(ch: c_int) -> c_int;
    pub fn dill_chsend(ch: c_int, val: *const c_void, len: usize, deadline: i64) -> c_int;
    pub fn dill_chrecv(ch: c_int, val: *mut c_void, len: usize, deadline: i64) -> c_int;
    pub fn dill_choose(clauses: *mut Chclause, count: c_int, deadline: i64) -> c_int;
    pub fn dill_fdin(fd: c_int, deadline: i64) -> c_int;
    pub fn dill_bundle() -> c_int;
    pub fn dill_bundle_wait(bundle: c_int, deadline: i64) -> c_int;
    pub fn dill_bundle_cancel(bundle: c_int, period: i64) -> c_int;
    pub fn dill_bundle_deadline(bundle: c_int, deadline: i64) -> c_int;
    pub fn dill_bundle_notify(bundle: c_int, ch: c_int) -> c_int;
    pub fn dill_bundle_request(bundle: c_int) -> c_int;
    pub fn dill_bundle_requested() -> c_int;
    pub fn dill_bundle_fail(error: c_int) -> c_int;
    pub fn dill_bundle_follow(bundle: c_int) -> c_int;
    pub fn dill_cancel_enter(scope: *mut CancelScope, ch: c_int, deadline: i64) -> c_int;
    pub fn dill_cancel_leave(scope: *mut CancelScope) -> c_int;
    fn dill_launch(
        stack: *mut c_void,
        len: usize,
        bundle: c_int,
        file: *const c_char,
        line: c_int,
    ) -> c_int;
    fn dill_epilogue();
}

/// Runs `entry(argument)` in a new coroutine of `bundle`: what the `bundle_go` macro does.
///
/// # Safety
/// `entry` may be called with `argument` on another stack, and does not unwind.
#[unsafe(naked)]
pub unsafe extern "C" fn launch(
    bundle: c_int,
    entry: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
) -> c_int {
    // dill_launch returns twice. The child has our registers, but another stack, so what
    // it needs is in registers that calls preserve.
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "push rbx",
        "push r12",
        "sub rsp, 8", // aligned for the call
        "mov rbx, rsi",
        "mov r12, rdx",
        "mov edx, edi",
        "xor edi, edi", // no stack of the user's
        "xor esi, esi",
        "xor ecx, ecx", // no file and line
        "xor r8d, r8d",
        "call {dill_launch}",
        "cmp eax, {in_child}",
        "je 2f",
        "add rsp, 8",
        "pop r12",
        "pop rbx",
        "ret",
        "2:",
        "and rsp, -16",
        "mov rdi, r12",
        "call rbx",
        "call {dill_epilogue}",
        "ud2",
        dill_launch = sym dill_launch,
        dill_epilogue = sym dill_epilogue,
        in_child = const i32::MIN,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "stp x29, x30, [sp, #-32]!",
        "stp x19, x20, [sp, #16]",
        "mov x19, x1",
        "mov x20, x2",
        "mov w2, w0",
        "mov x0, xzr", // no stack of the user's
        "mov x1, xzr",
        "mov x3, xzr", // no file and line
        "mov w4, wzr",
        "bl {dill_launch}",
        "cmp w0, #1",
        "b.vs 2f", // only the smallest number overflows
        "ldp x19, x20, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        "ret",
        "2:",
        "mov x0, x20",
        "blr x19",
        "bl {dill_epilogue}",
        "udf #0",
        dill_launch = sym dill_launch,
        dill_epilogue = sym dill_epilogue,
    );
}

/// What `errno` is set to before each call, to see which calls leave it alone.
const UNTOUCHED: c_int = 4000;

/// Calls `function`; its result and errno.
pub fn call(function: impl FnOnce() -> c_int) -> (c_int, c_int) {
    // SAFETY: the address of this thread's errno; coroutines stay on their thread.
    unsafe {
        *libc::__errno_location() = UNTOUCHED;
        let result = function();
        (result, *libc::__errno_location())
    }
}
