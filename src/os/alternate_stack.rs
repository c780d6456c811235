//! A stack for signal handlers, of which a thread with coroutines needs one: the handler of
//! a stack overflow can't run on the stack that is used up, and no handler has room on
//! a small one.

use super::syscalls;
use core::ptr;

/// Enough for handlers of the program, such as those of crash reporters, which run here, too, if
/// they want an alternate stack. Only pages that a handler touches take memory.
const ROOM: usize = 1024 * 1024;
/// `AT_MINSIGSTKSZ`: how much the kernel stores; it depends on the processor.
const LEAST_KEY: libc::c_ulong = 51;

/// The alternate stack of the calling thread. It must be dropped on that thread.
pub(crate) struct AlternateStack {
    mapping: *mut libc::c_void,
    len: usize,
    guard: usize,
}

impl AlternateStack {
    /// Gives the calling thread an alternate stack. `None` when it has one, or can't have any:
    /// then handlers run where they did before.
    pub(crate) fn install() -> Option<AlternateStack> {
        if current()?.ss_flags & libc::SS_DISABLE == 0 {
            return None;
        }
        // SAFETY: a key that the kernel does not know gives 0.
        let least = unsafe { libc::getauxval(LEAST_KEY) } as usize;
        let guard = syscalls::page_size();
        let len = guard + (ROOM + least).next_multiple_of(guard);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return None;
        }
        let stack = AlternateStack { mapping, len, guard };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let new = libc::stack_t { ss_sp: stack.bottom(), ss_flags: 0, ss_size: len - guard };
        // SAFETY: the range was mapped just now, and stays until it is no handler's stack.
        let installed = unsafe {
            libc::mprotect(stack.bottom(), len - guard, access) == 0
                && libc::sigaltstack(&raw const new, ptr::null_mut()) == 0
        };
        installed.then_some(stack)
    }

    fn bottom(&self) -> *mut libc::c_void {
        self.mapping.wrapping_byte_add(self.guard)
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        if current().is_some_and(|stack| stack.ss_sp == self.bottom()) {
            let none =
                libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            // SAFETY: disables the stack, on which nobody runs: a thread does not end in a
            // signal handler.
            if unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) } != 0 {
                return;
            }
        }
        // SAFETY: mapped by `install`, and no handler's stack any more.
        unsafe { libc::munmap(self.mapping, self.len) };
    }
}

/// The thread's alternate stack, or that there is none.
fn current() -> Option<libc::stack_t> {
    let mut stack =
        libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: `stack` is valid for a write.
    let result = unsafe { libc::sigaltstack(ptr::null(), &raw mut stack) };
    (result == 0).then_some(stack)
}
