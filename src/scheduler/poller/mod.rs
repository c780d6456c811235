//! How the scheduler learns that a descriptor is ready.

mod epoll;

pub(super) use epoll::Epoll;

use crate::os::errno::Result;
use core::ops::BitOr;
use core::time::Duration;
use std::os::fd::RawFd;

/// What to be told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interest {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) mode: Mode,
}

/// How often to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Once, as soon as the descriptor is in that state; then the interest is off.
    OnceByLevel,
    /// Every time that the descriptor newly gets into that state.
    EveryEdge,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Readiness(u8);

impl Readiness {
    pub(crate) const NONE: Readiness = Readiness(0);
    /// Reading would not block (end of stream and errors included).
    pub(crate) const READABLE: Readiness = Readiness(1);
    /// Writing would not block (errors included).
    pub(crate) const WRITABLE: Readiness = Readiness(2);
    /// The peer will send no more (or `BROKEN`): readable from now on.
    pub(crate) const HANGUP: Readiness = Readiness(4);
    /// The descriptor is broken or closed on both sides: writable from now on.
    pub(crate) const BROKEN: Readiness = Readiness(8);
    pub(crate) const ALL: Readiness = Readiness(15);

    /// Is any of `wanted` there?
    #[inline(always)]
    pub(crate) const fn has(self, wanted: Readiness) -> bool {
        self.0 & wanted.0 != 0
    }

    /// All but `gone`.
    #[inline(always)]
    pub(crate) const fn without(self, gone: Readiness) -> Readiness {
        Readiness(self.0 & !gone.0)
    }
}

impl BitOr for Readiness {
    type Output = Readiness;

    #[inline(always)]
    fn bitor(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }
}

/// What happened to a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    /// The token that was registered with the interest.
    pub(crate) token: u64,
    pub(crate) ready: Readiness,
}

/// A source of readiness events.
///
/// Contract:
/// - `watch` sets the interest in `fd`, replacing an earlier one, whether or not the
///   number stood for another file before. `EBADF` for a number that is not open,
///   `ENOTSUP` for files that cannot be waited for (regular files).
/// - A watched descriptor that is closed is forgotten by itself.
/// - `forget` drops the interest; it does nothing for a descriptor not watched.
/// - `wait` blocks until an event, the end of `timeout` (`None`: without limit) or a
///   signal, then calls `deliver` for each event that is there. It never blocks with
///   a zero timeout. Readiness that began before the call is never missed.
/// - An event may be spurious; it may carry a token of an interest replaced since.
pub(crate) trait Poller {
    /// See the contract.
    fn watch(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()>;

    /// See the contract.
    fn forget(&self, fd: RawFd);

    /// See the contract.
    fn wait(&self, timeout: Option<Duration>, deliver: &mut dyn FnMut(Event));
}
