//! Handlers of signals, beside those that others have or will install.

use super::errno::{Errno, Result};
use super::machine;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

/// A function that handles a signal.
pub(crate) type Handler =
    unsafe extern "C" fn(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void);

/// What the C library adds to the flags of an action for its own use.
const SA_RESTORER: c_int = 0x0400_0000;

/// Returns the present action for a signal.
pub(crate) fn action(signal: c_int) -> Result<libc::sigaction> {
    change(signal, ptr::null())
}

/// Sets the action for a signal and returns the one that it replaces.
pub(crate) fn set_action(signal: c_int, new: &libc::sigaction) -> Result<libc::sigaction> {
    change(signal, new)
}

fn change(signal: c_int, new: *const libc::sigaction) -> Result<libc::sigaction> {
    // Zeroed, as the system fills in only that part of the mask that it knows.
    let mut old = MaybeUninit::zeroed();
    // SAFETY: `new` is null or a reference of `set_action`'s, `old` is valid for a write. Handlers
    // have the type that their flags tell: they are ours, see `ours`, or were the program's before.
    unsafe {
        Errno::result(libc::sigaction(signal, new, old.as_mut_ptr()))?;
        Ok(old.assume_init())
    }
}

/// Returns an action that calls `handler`, with the flags given beside those that all of our
/// handlers have. They run on the alternate stack, as there is no room on a small coroutine's.
pub(crate) fn ours(handler: Handler, flags: c_int) -> libc::sigaction {
    // SAFETY: all zero is a valid action: an empty mask is one of zeros.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = flags | libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

/// As [`ours`], with all signals blocked while the handler runs: no other handler leaves it by a
/// jump.
pub(crate) fn ours_undisturbed(handler: Handler, flags: c_int) -> libc::sigaction {
    let mut action = ours(handler, flags);
    // SAFETY: the set is valid for a write.
    unsafe { libc::sigfillset(&raw mut action.sa_mask) };
    action
}

/// Returns whether `action` calls `handler`.
pub(crate) fn calls(action: &libc::sigaction, handler: Handler) -> bool {
    action.sa_sigaction == handler as *const () as usize
}

/// Returns whether two actions that [`action`] or [`set_action`] returned are the same.
pub(crate) fn are_same(first: &libc::sigaction, second: &libc::sigaction) -> bool {
    let signals = 1..=libc::SIGRTMAX();
    // SAFETY: both sets are initialised.
    let is_in = |set, signal| unsafe { libc::sigismember(set, signal) == 1 };
    first.sa_sigaction == second.sa_sigaction
        && (first.sa_flags ^ second.sa_flags) & !SA_RESTORER == 0
        && signals.into_iter().all(|signal| {
            is_in(&raw const first.sa_mask, signal) == is_in(&raw const second.sa_mask, signal)
        })
}

/// Returns where the stack stood when the signal came.
///
/// # Safety
/// `context` is the third argument of a handler.
pub(crate) unsafe fn interrupted_stack_pointer(context: *const libc::c_void) -> usize {
    // SAFETY: the kernel passes such a structure to handlers, which is what the caller has.
    machine::interrupted_stack_pointer(unsafe { &*context.cast::<libc::ucontext_t>() })
}

/// Has the system do with `signal` what it does by default.
pub(crate) fn set_default(signal: c_int) {
    // SAFETY: all zero is a valid action: the default, no flags, nothing blocked.
    unsafe {
        let action: libc::sigaction = core::mem::zeroed();
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

/// Sends `signal` to one thread of this process.
pub(crate) fn send_to_thread(thread: libc::pid_t, signal: c_int) {
    // SAFETY: a system call without memory; a thread that has ended is an error.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) };
}

/// Sends `signal` to the calling thread with all that was told of it when it came first. If it is
/// blocked, as it is in its own handler, it comes when it is not any more.
///
/// # Safety
/// `info` is a structure that came with the signal.
pub(crate) unsafe fn send_again(signal: c_int, info: *const libc::siginfo_t) {
    let (process, thread) = (std::process::id(), thread_id());
    let call = libc::SYS_rt_tgsigqueueinfo;
    // SAFETY: the system reads the structure, which is valid by the contract of this function.
    if unsafe { libc::syscall(call, process, thread, signal, info) } != 0 {
        send_to_thread(thread, signal);
    }
}

/// Returns the calling thread's number.
pub(crate) fn thread_id() -> libc::pid_t {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }
}

/// Signals of faults: the system ends the process when one is blocked where it occurs.
const FAULTS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// Returns what the calling thread blocks.
pub(crate) fn mask() -> libc::sigset_t {
    change_mask(ptr::null())
}

/// Sets what the calling thread blocks, and returns what it blocked before.
pub(crate) fn set_mask(mask: &libc::sigset_t) -> libc::sigset_t {
    change_mask(mask)
}

/// Blocks all signals in the calling thread, and returns what it blocked before.
pub(crate) fn block_all() -> libc::sigset_t {
    set_mask(&full_set())
}

/// As [`block_all`], but for the signals of faults, whose handlers the program expects to run.
pub(crate) fn block_all_but_faults() -> libc::sigset_t {
    let mut set = full_set();
    for signal in FAULTS {
        // SAFETY: a valid set and the number of a signal.
        unsafe { libc::sigdelset(&raw mut set, signal) };
    }
    set_mask(&set)
}

fn full_set() -> libc::sigset_t {
    // SAFETY: the set is valid for a write.
    unsafe {
        let mut set = core::mem::zeroed();
        libc::sigfillset(&raw mut set);
        set
    }
}

fn change_mask(new: *const libc::sigset_t) -> libc::sigset_t {
    // SAFETY: `new` is null or a reference of `set_mask`'s, the other set is valid for a write;
    // with these arguments the call can't fail.
    unsafe {
        let mut before = core::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_SETMASK, new, &raw mut before);
        before
    }
}
