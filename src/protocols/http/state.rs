//! The state of an HTTP socket.

use super::framing::{Body, Framing, Method, Unanswered};
use super::syntax::Version;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::Lower;
use crate::protocols::taken::Taken;
use crate::scheduler::drafts::Draft;
use core::cell::{Cell, RefCell};

/// Bytes between two chunks that are taken at most: some write extensions behind the size.
pub(super) const LONGEST_BETWEEN: usize = 64;

/// Takes over two texts that were received, such as name and value.
pub(super) type Put<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<()>;

/// Where in the outgoing stream we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Output {
    /// Between two messages.
    Idle,
    Head(Start),
    /// In a body; whether any of it was sent by this socket.
    Body(Body, bool),
    /// Only the end of the connection can follow.
    Ended,
    Failed,
}

/// Where in the incoming stream we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// Between two messages.
    Idle,
    Head(Start),
    Body(Incoming),
    /// The peer has ended the connection between two messages.
    Ended,
    Failed,
}

/// First line of a message, as far as the end of its body depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    Request(Version),
    Response(Version, u16, Method),
}

impl Start {
    pub(super) fn body(self, framing: Framing) -> Result<Body> {
        match self {
            Start::Request(version) => framing.of_request(version),
            Start::Response(version, status, method) => {
                framing.of_response(status, method, version)
            }
        }
    }
}

/// A body that is being received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Incoming {
    pub(super) body: Body,
    /// Bytes left, of the whole body or of the chunk.
    pub(super) left: u64,
    /// Some of it was received by this socket.
    pub(super) begun: bool,
}

pub(super) struct Http {
    /// None once it was given back, or closed.
    pub(super) beneath: Cell<Option<Lower>>,
    pub(super) output: Cell<Output>,
    pub(super) input: Cell<Input>,
    pub(super) sending: Cell<bool>,
    pub(super) receiving: Cell<bool>,
    /// The part of the outgoing head that was not sent yet.
    pub(super) pending: RefCell<Vec<u8>>,
    /// Noted while a head is pending.
    pub(super) draft: Draft,
    pub(super) sent: Cell<Framing>,
    pub(super) received: Cell<Framing>,
    /// Length of the incoming head so far.
    pub(super) head_length: Cell<usize>,
    /// What stands between two chunks, from its beginning; between two messages the beginning
    /// of an empty line.
    pub(super) between: Taken<{ LONGEST_BETWEEN }>,
    /// Memory for lines.
    pub(super) line: Cell<Vec<u8>>,
    /// Requests that we have sent.
    pub(super) asked: Cell<Unanswered>,
    /// Requests that we have received.
    pub(super) to_answer: Cell<Unanswered>,
    /// A head was begun here.
    pub(super) has_sent_head: Cell<bool>,
    /// A head was received here, if only its first line.
    pub(super) has_received_head: Cell<bool>,
    /// The last attempt to receive a head has failed: there are no fields and there is no body.
    pub(super) head_missed: Cell<bool>,
}

/// What a detach completes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// A head in each direction, as libdill does it: an empty one is sent where none was, and
    /// those that the peer owes are waited for and dropped.
    Whole,
    /// What was begun, and no more.
    Begun,
}

impl Http {
    /// Returns the stream beneath; `EBADF` if the socket has been closed meanwhile.
    pub(super) fn beneath(&self) -> Result<Lower> {
        self.beneath.get().ok_or(Errno::EBADF)
    }

    /// Fails with `EBADF` if the socket has been closed meanwhile.
    pub(super) fn alive(&self) -> Result<()> {
        self.beneath().map(drop)
    }
}
