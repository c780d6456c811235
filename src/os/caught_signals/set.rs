//! Sets of signals as words.

use crate::os::errno::{Errno, Result};
use core::ffi::c_int;

/// A set of signals that can be received as messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SignalSet(u64);

/// The highest number of a signal.
pub(super) const LAST: c_int = 64;

/// Signals that can't be caught, and those that tell of a fault of the very instruction: what
/// follows it must not run before they are dealt with.
const NEVER: [c_int; 8] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];

impl SignalSet {
    pub(crate) const EMPTY: SignalSet = SignalSet(0);

    pub(super) const fn from_bits(bits: u64) -> SignalSet {
        SignalSet(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// The bit of one signal from 1 to 64.
    pub(super) const fn bit(signal: c_int) -> u64 {
        1 << (signal - 1)
    }

    /// Adds a signal. `EINVAL`: there is none of this number, or it can't be a message.
    pub(crate) fn add(&mut self, signal: c_int) -> Result<()> {
        let is_signal = (1..=31).contains(&signal)
            || (libc::SIGRTMIN()..=libc::SIGRTMAX().min(LAST)).contains(&signal);
        if !is_signal || NEVER.contains(&signal) {
            return Err(Errno::EINVAL);
        }
        self.0 |= Self::bit(signal);
        Ok(())
    }

    /// Makes a set of the system's. `EINVAL`: it contains what can't be a message.
    pub(crate) fn new(signals: &libc::sigset_t) -> Result<SignalSet> {
        let mut set = SignalSet::EMPTY;
        for signal in all_in(signals) {
            set.add(signal)?;
        }
        Ok(set)
    }

    /// Those of a set of the system's, whatever they are.
    pub(super) fn of_mask(mask: &libc::sigset_t) -> SignalSet {
        SignalSet(all_in(mask).fold(0, |bits, signal| bits | Self::bit(signal)))
    }

    /// All of them, in ascending order.
    pub(super) fn signals(self) -> impl Iterator<Item = c_int> {
        (1..=LAST).filter(move |signal| self.0 & Self::bit(*signal) != 0)
    }

    /// Adds them to a mask, or takes them out of it.
    pub(super) fn put_into(self, mask: &mut libc::sigset_t, blocked: bool) {
        for signal in self.signals() {
            // SAFETY: a valid set and the number of a signal.
            unsafe {
                match blocked {
                    true => libc::sigaddset(mask, signal),
                    false => libc::sigdelset(mask, signal),
                };
            }
        }
    }
}

fn all_in(set: &libc::sigset_t) -> impl Iterator<Item = c_int> {
    // SAFETY: a valid set.
    (1..=LAST).filter(move |signal| unsafe { libc::sigismember(set, *signal) == 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_can_be_a_message() {
        let mut set = SignalSet::EMPTY;
        for signal in [libc::SIGHUP, libc::SIGABRT, libc::SIGRTMIN(), libc::SIGRTMAX()] {
            set.add(signal).unwrap();
        }
        let expected = [libc::SIGHUP, libc::SIGABRT, libc::SIGRTMIN(), libc::SIGRTMAX()];
        assert_eq!(set.signals().collect::<Vec<_>>(), expected);
        for wrong in NEVER.into_iter().chain([0, -1, 32, 33, 65, c_int::MAX]) {
            assert_eq!(set.add(wrong), Err(Errno::EINVAL), "{wrong}");
        }
    }
}
