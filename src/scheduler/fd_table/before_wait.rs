//! What has to be done before a wait.

/// What has to be done before a coroutine waits for a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BeforeWait(pub(super) u8);

impl BeforeWait {
    /// Mostly.
    pub(super) const NOTHING: BeforeWait = BeforeWait(0);
    /// The poller carries out operations itself.
    pub(super) const COMPLETES: u8 = 1;
    /// The poller of this process does not know the socket yet.
    pub(super) const UNKNOWN: u8 = 2;
    /// See [`FdSource::register_local`](crate::scheduler::fd_readiness::FdSource::register_local).
    pub(super) const LOCAL: u8 = 4;
    /// Likewise, in addition: for [`Help::NameResolution`].
    pub(super) const NAMES: u8 = 8;
}
