//! The state of a WebSocket.

use super::frame::LONGEST_CONTROL;
use super::random::Masks;
use super::turn::Turn;
use super::{Content, Role};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::Lower;
use crate::protocols::taken::Taken;
use core::cell::{Cell, RefCell};

/// State of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stream {
    Open,
    /// A Close frame has been transferred.
    Ended,
    /// Nobody knows where in the stream the next frame would start.
    Failed,
}

impl Stream {
    pub(super) fn check_open(self) -> Result<()> {
        match self {
            Stream::Open => Ok(()),
            Stream::Ended => Err(Errno::EPIPE),
            Stream::Failed => Err(Errno::ECONNRESET),
        }
    }
}

pub(super) struct WebSocket {
    /// None once it was given back, or closed.
    pub(super) beneath: Cell<Option<Lower>>,
    pub(super) role: Role,
    /// What `msend` sends and `mrecv` expects.
    pub(super) content: Cell<Content>,
    pub(super) input: Cell<Stream>,
    pub(super) output: Cell<Stream>,
    pub(super) receiving: Cell<bool>,
    pub(super) turn: Turn,
    /// The status that says why receiving has failed, 0 as long as it has not.
    pub(super) complaint: Cell<u16>,
    /// Payload of the peer's Close frame.
    pub(super) farewell: RefCell<Vec<u8>>,
    /// Payload of the last ping not answered yet.
    pub(super) ping: RefCell<Option<Vec<u8>>>,
    /// What is left of a pong of which a part was sent. It comes before everything else.
    pub(super) torn_pong: RefCell<Vec<u8>>,
    pub(super) masks: Masks,
    /// The beginning of a frame: of a ping or pong as much as was there, of others what was needed
    /// to see that.
    pub(super) taken: Taken<{ LONGEST_CONTROL }>,
}

impl WebSocket {
    /// Returns the stream beneath; `EBADF` if the socket has been closed meanwhile.
    pub(super) fn beneath(&self) -> Result<Lower> {
        self.beneath.get().ok_or(Errno::EBADF)
    }

    /// Fails with `EBADF` if the socket has been closed meanwhile.
    pub(super) fn alive(&self) -> Result<()> {
        self.beneath().map(drop)
    }
}
