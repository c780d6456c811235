//! A handler that is asked first and changes nothing for the program.
//!
//! It does not imitate the call of the program's handler: which stack that runs on, what is
//! blocked meanwhile and whether it is called a second time is the kernel's business. It puts the
//! program's action back and returns. The instruction faults again, or the signal is sent again,
//! and what happens is what would have happened without us.
//!
//! Afterwards ours is not installed any more. A program that survives such a signal gets it back
//! on a later occasion ([`FaultHandler::renew`]), if it has not changed the action meanwhile.

use super::signal_handlers::{self, Handler};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

/// `SEGV_MTEAERR`: the processor reports a fault some time after the instruction.
const REPORTED_LATE: c_int = 8;

/// The handler of one signal, laid over the program's action. To be a static.
pub(crate) struct FaultHandler {
    signal: c_int,
    handler: Handler,
    /// The program's action. Written once, before `known` is set.
    previous: UnsafeCell<MaybeUninit<libc::sigaction>>,
    known: AtomicBool,
    /// The program's handler was one for a single time (`SA_RESETHAND`), which is over.
    spent: AtomicBool,
    /// The program's action was put back, and ours may be installed again.
    put_back: AtomicBool,
    /// Held while the action is looked at and changed.
    busy: AtomicBool,
}

// SAFETY: the action is written once, before `known` is set, and only read afterwards.
unsafe impl Sync for FaultHandler {}

impl FaultHandler {
    pub(crate) const fn new(signal: c_int, handler: Handler) -> FaultHandler {
        FaultHandler {
            signal,
            handler,
            previous: UnsafeCell::new(MaybeUninit::uninit()),
            known: AtomicBool::new(false),
            spent: AtomicBool::new(false),
            put_back: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        }
    }

    /// Installs the handler. Call it once. A signal that is ignored stays so: programs that are
    /// started by this one inherit that.
    pub(crate) fn install(&self) {
        debug_assert!(!self.known.load(Ordering::Relaxed));
        let Ok(action) = signal_handlers::action(self.signal) else { return };
        if action.sa_sigaction == libc::SIG_IGN {
            return;
        }
        // SAFETY: `known` is not set, so there are no readers; this is called once.
        unsafe { (*self.previous.get()).write(action) };
        self.known.store(true, Ordering::Release);
        self.put_over(&action);
    }

    /// The program's action.
    fn previous(&self) -> Option<&libc::sigaction> {
        // SAFETY: written before `known` was set, and never again.
        self.known
            .load(Ordering::Acquire)
            .then(|| unsafe { (*self.previous.get()).assume_init_ref() })
    }

    /// What of the program's action is left: with `SA_RESETHAND` the default after its handler
    /// was called.
    fn remaining(&self, previous: &libc::sigaction) -> libc::sigaction {
        let mut action = *previous;
        if self.spent.load(Ordering::Relaxed) {
            action.sa_sigaction = libc::SIG_DFL;
        }
        action
    }

    /// Installs ours in place of `present`, unless the program changes the action just now.
    fn put_over(&self, present: &libc::sigaction) {
        let action = signal_handlers::ours(self.handler, present.sa_flags & libc::SA_RESTART);
        if let Ok(replaced) = signal_handlers::set_action(self.signal, &action)
            && !signal_handlers::are_same(&replaced, present)
        {
            let _ = signal_handlers::set_action(self.signal, &replaced);
        }
    }

    /// Returns whether `action` is what was put back, or what `SA_RESETHAND` has made of that.
    fn was_put_back(&self, previous: &libc::sigaction, action: &libc::sigaction) -> bool {
        let reset = previous.sa_flags & libc::SA_RESETHAND != 0;
        let mut after_reset = *previous;
        after_reset.sa_sigaction = libc::SIG_DFL;
        signal_handlers::are_same(action, previous)
            || (reset && signal_handlers::are_same(action, &after_reset))
    }

    /// Calls `action` while no other thread looks at the action of the signal, with all signals
    /// blocked. Waits for a while only: a forked child may have a copy of the lock that is never
    /// released.
    fn alone(&self, action: impl FnOnce()) {
        let mask = signal_handlers::block_all();
        let mine = (0..10_000).any(|_| {
            let free = !self.busy.swap(true, Ordering::Acquire);
            if !free {
                std::thread::yield_now();
            }
            free
        });
        action();
        if mine {
            self.busy.store(false, Ordering::Release);
        }
        signal_handlers::set_mask(&mask);
    }

    /// Has happen what would have happened without us, once the handler returns.
    ///
    /// # Safety
    /// Called by the handler with its own arguments, as the last thing that it does.
    pub(crate) unsafe fn hand_over(&self, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let Some(previous) = self.previous() else {
            return signal_handlers::set_default(self.signal);
        };
        let mut called_by_other = false;
        self.alone(|| {
            let Ok(action) = signal_handlers::action(self.signal) else { return };
            if signal_handlers::calls(&action, self.handler) {
                self.put_back.store(true, Ordering::Relaxed);
                let _ = signal_handlers::set_action(self.signal, &self.remaining(previous));
            } else {
                // Either another thread has put it back just now, or a handler that the program
                // has installed since calls this one.
                called_by_other = !self.was_put_back(previous, &action);
            }
        });
        // SAFETY: valid by the contract of this function.
        let code = unsafe { (*info).si_code };
        let comes_again = code > 0 && !(self.signal == libc::SIGSEGV && code == REPORTED_LATE);
        let handler = previous.sa_sigaction;
        if called_by_other && handler != libc::SIG_DFL && !self.spent.load(Ordering::Relaxed) {
            // SAFETY: the flag tells which of the two types the function has.
            unsafe {
                if previous.sa_flags & libc::SA_SIGINFO != 0 {
                    core::mem::transmute::<usize, Handler>(handler)(self.signal, info, context);
                } else {
                    core::mem::transmute::<usize, extern "C" fn(c_int)>(handler)(self.signal);
                }
            }
            return;
        }
        if called_by_other {
            signal_handlers::set_default(self.signal);
        }
        if !comes_again {
            // SAFETY: the structure came with the signal, by the contract of this function.
            unsafe { signal_handlers::send_again(self.signal, info) };
        }
    }

    /// Installs the handler again if it was taken away by [`FaultHandler::hand_over`] and the
    /// program has left the action as it was put back.
    #[inline]
    pub(crate) fn renew(&self) {
        if self.put_back.load(Ordering::Relaxed) {
            self.renew_slow();
        }
    }

    #[cold]
    fn renew_slow(&self) {
        let Some(previous) = self.previous() else { return };
        self.alone(|| {
            self.put_back.store(false, Ordering::Relaxed);
            let Ok(action) = signal_handlers::action(self.signal) else { return };
            if !self.was_put_back(previous, &action) {
                return; // it is the program's own from now on
            }
            if action.sa_sigaction != previous.sa_sigaction {
                self.spent.store(true, Ordering::Relaxed);
            }
            self.put_over(&action);
        });
    }
}
