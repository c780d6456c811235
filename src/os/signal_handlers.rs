//! Handlers of signals, beside those that others have or will install.

use super::errno::{Errno, Result};
use super::machine;
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

/// A function that handles a signal.
pub(crate) type Handler =
    unsafe extern "C" fn(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void);

/// What somebody else had set for a signal before us.
pub(crate) struct Previous {
    action: UnsafeCell<MaybeUninit<libc::sigaction>>,
    known: AtomicBool,
}

// SAFETY: the action is written once, before `known` is set, and only read afterwards.
unsafe impl Sync for Previous {}

/// The present action for a signal.
pub(crate) fn action(signal: c_int) -> Result<libc::sigaction> {
    let mut action = MaybeUninit::uninit();
    // SAFETY: `action` is valid for a write, and initialised when the call succeeds.
    unsafe {
        Errno::result(libc::sigaction(signal, ptr::null(), action.as_mut_ptr()))?;
        Ok(action.assume_init())
    }
}

/// Has `handler` called for `signal`, on the thread's alternate stack if there is one, with
/// the signals of `like` blocked meanwhile.
pub(crate) fn install(signal: c_int, handler: Handler, like: &libc::sigaction) -> Result<()> {
    let mut action = *like;
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags &= libc::SA_NODEFER | libc::SA_RESTART;
    action.sa_flags |= libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler has the right type for these flags, and stays: it is code.
    Errno::result(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }).map(drop)
}

/// Where the stack stood when the signal came.
///
/// # Safety
/// `context` is the third argument of a handler.
pub(crate) unsafe fn interrupted_stack_pointer(context: *const libc::c_void) -> usize {
    // SAFETY: by the caller's promise.
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

/// The calling thread's number.
pub(crate) fn thread_id() -> libc::pid_t {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }
}

impl Previous {
    pub(crate) const fn new() -> Previous {
        Previous { action: UnsafeCell::new(MaybeUninit::uninit()), known: AtomicBool::new(false) }
    }

    /// Remembers the action. Call it once, before the handler is installed.
    pub(crate) fn remember(&self, action: libc::sigaction) {
        debug_assert!(!self.known.load(Ordering::Relaxed));
        // SAFETY: nobody reads before `known` is set, and this is called once.
        unsafe { (*self.action.get()).write(action) };
        self.known.store(true, Ordering::Release);
    }

    /// Does what would have happened without us. For a fault that nobody handles that is
    /// the end of the process, at the very instruction, once the handler has returned.
    ///
    /// # Safety
    /// Called by a handler with its own arguments.
    pub(crate) unsafe fn pass_on(
        &self,
        signal: c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: written before `known` was set.
        let action = self
            .known
            .load(Ordering::Acquire)
            .then(|| unsafe { (*self.action.get()).assume_init_ref() });
        // SAFETY: the kernel gives a valid structure. Positive: the kernel found a fault.
        let is_fault = unsafe { (*info).si_code } > 0;
        match action.map_or(libc::SIG_DFL, |action| action.sa_sigaction) {
            libc::SIG_IGN if !is_fault => {}
            libc::SIG_DFL | libc::SIG_IGN => {
                set_default(signal);
                if !is_fault {
                    // Somebody has sent it, so it does not come again by itself.
                    send_to_thread(thread_id(), signal);
                }
            }
            handler => {
                let flags = action.map_or(0, |action| action.sa_flags);
                // SAFETY: the flag tells which of the two types the function has.
                unsafe {
                    if flags & libc::SA_SIGINFO != 0 {
                        core::mem::transmute::<usize, Handler>(handler)(signal, info, context);
                    } else {
                        core::mem::transmute::<usize, extern "C" fn(c_int)>(handler)(signal);
                    }
                }
            }
        }
    }
}
