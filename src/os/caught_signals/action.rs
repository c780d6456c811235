//! The program's actions for signals that are caught.

use super::set::{LAST, SignalSet};
use crate::os::signal_handlers::{self, Handler};
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How many inboxes want each signal, and the program's own action. Changed under the lock.
static CAUGHT: [Caught; LAST as usize] = [const { Caught::new() }; LAST as usize];

/// A signal that may be caught.
pub(super) struct Caught {
    inboxes: AtomicU32,
    /// The program's action, which a handler may read in a child that shares the memory. It
    /// changes only while our handler is not installed.
    handler: AtomicUsize,
    flags: AtomicI32,
    mask: AtomicU64,
}

impl Caught {
    const fn new() -> Caught {
        Caught {
            inboxes: AtomicU32::new(0),
            handler: AtomicUsize::new(libc::SIG_DFL),
            flags: AtomicI32::new(0),
            mask: AtomicU64::new(0),
        }
    }

    pub(super) fn of(signal: c_int) -> &'static Caught {
        &CAUGHT[(signal - 1) as usize]
    }

    /// Notes that one more inbox wants the signal, and installs our handler if it is not there:
    /// also where the program has set another action since.
    pub(super) fn begin(&self, signal: c_int, ours: Handler) {
        self.inboxes.fetch_add(1, Relaxed);
        let Ok(action) = signal_handlers::action(signal) else { return };
        if signal_handlers::calls(&action, ours) {
            return;
        }
        self.remember(&action);
        // What does not concern the handler stays as the program has it.
        let kept = action.sa_flags & (libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT);
        let new = signal_handlers::ours_undisturbed(ours, kept | libc::SA_RESTART);
        let _ = signal_handlers::set_action(signal, &new);
    }

    /// Notes that one inbox less wants the signal, and puts the program's action back if there is
    /// none left.
    pub(super) fn end(&self, signal: c_int, ours: Handler) {
        if self.inboxes.fetch_sub(1, Relaxed) == 1 {
            self.put_back(signal, ours);
        }
    }

    /// Notes that no inbox wants the signal any more.
    pub(super) fn forget(&self, signal: c_int, ours: Handler) {
        if self.inboxes.swap(0, Relaxed) > 0 {
            self.put_back(signal, ours);
        }
    }

    fn remember(&self, action: &libc::sigaction) {
        self.handler.store(action.sa_sigaction, Relaxed);
        self.flags.store(action.sa_flags, Relaxed);
        self.mask.store(SignalSet::of_mask(&action.sa_mask).bits(), Relaxed);
    }

    /// The action remembered last, or the default if there is none.
    fn previous(&self) -> libc::sigaction {
        // SAFETY: all zero is a valid action.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        action.sa_sigaction = self.handler.load(Relaxed);
        action.sa_flags = self.flags.load(Relaxed);
        SignalSet::from_bits(self.mask.load(Relaxed)).put_into(&mut action.sa_mask, true);
        action
    }

    /// Puts the program's action back, unless the program has set another one meanwhile.
    pub(super) fn put_back(&self, signal: c_int, ours: Handler) {
        if let Ok(action) = signal_handlers::action(signal)
            && signal_handlers::calls(&action, ours)
        {
            let _ = signal_handlers::set_action(signal, &self.previous());
        }
    }
}
