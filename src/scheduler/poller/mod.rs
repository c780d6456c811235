//! How the scheduler learns that a descriptor is ready.

mod epoll;

pub(super) use epoll::Epoll;

use crate::os::errno::Result;
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

/// What happened to a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    /// The token that was registered with the interest.
    pub(crate) token: u64,
    /// Reading would not block (end of stream and errors included).
    pub(crate) readable: bool,
    /// Writing would not block (errors included).
    pub(crate) writable: bool,
    /// The peer will send no more (or `broken`): readable from now on.
    pub(crate) hangup: bool,
    /// The descriptor is broken or closed on both sides.
    pub(crate) broken: bool,
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
