//! Answers to pings. They are nobody's call, so nobody waits for them: a pong for which there
//! is no room yet is kept, and only the last ping is answered (RFC 6455, section 5.5.3).

use super::Role;
use super::frame::{Header, LONGEST_CONTROL, Opcode, append_masked};
use super::state::{Stream, WebSocket};
use crate::concurrency::atomicity::{self, SocketCall, UnderWay};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Lower, Operation};
use crate::scheduler::context::Context;
use crate::sockets::{at_once, room};
use std::io::IoSlice;

/// What is to be sent before anything else.
pub(super) struct Due {
    bytes: Vec<u8>,
    /// So many of them are the rest of a pong that was begun.
    torn: usize,
    /// What the others answer.
    ping: Option<Vec<u8>>,
}

impl Due {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl WebSocket {
    /// Sends the pong that is due, unless a call is sending: that will do it.
    pub(super) fn answer(&self, deadline: i64) -> Result<()> {
        if self.is_due() && self.turn.take_for_answer() {
            self.answer_in_turn(deadline);
            self.turn.give_back();
        }
        self.alive()
    }

    /// As [`answer`](Self::answer), but without blocking or letting anybody else run.
    pub(super) fn answer_unblocked(&self) {
        let open = self.output.get() == Stream::Open;
        if open && self.is_due() && self.turn.take_for_answer() {
            let result = self.beneath().and_then(|beneath| self.answer_at_once(beneath));
            if result.is_err() {
                self.output.set(Stream::Failed);
            }
            self.turn.give_back();
        }
    }

    /// As [`answer`](Self::answer), in a turn of the caller's. A failure ends the outgoing
    /// stream, of which the next send tells.
    pub(super) fn answer_in_turn(&self, deadline: i64) {
        if self.output.get() != Stream::Open || !self.is_due() {
            return;
        }
        let result = self.beneath().and_then(|beneath| {
            atomicity::aside(|| match room::is_known(beneath.handle()) {
                true => self.answer_in_room(beneath, deadline),
                false => self.answer_by(beneath, deadline),
            })?
        });
        if result.is_err() {
            self.output.set(Stream::Failed);
        }
    }

    fn is_due(&self) -> bool {
        self.ping.borrow().is_some() || !self.torn_pong.borrow().is_empty()
    }

    fn answer_in_room(&self, beneath: Lower, deadline: i64) -> Result<()> {
        self.answer_at_once(beneath)?;
        // What was full may have room again by now.
        if self.is_due() && room::look(beneath.handle(), deadline).unwrap_or(false) {
            self.answer_at_once(beneath)?;
        }
        Ok(())
    }

    /// Sends what there is room for, and keeps the rest.
    fn answer_at_once(&self, beneath: Lower) -> Result<()> {
        loop {
            let due = self.take_due();
            if due.bytes.is_empty() {
                self.put_back(due);
                return Ok(());
            }
            match at_once::send(beneath.handle(), &[IoSlice::new(&due.bytes)]) {
                Ok(0) | Err(Errno::EBUSY) => {
                    self.put_back(due);
                    return Ok(());
                }
                Ok(sent) => self.put_back(due.without(sent)),
                Err(error) => return Err(error),
            }
        }
    }

    /// On a stream that does not tell what there is room for.
    fn answer_by(&self, beneath: Lower, deadline: i64) -> Result<()> {
        while self.output.get() == Stream::Open && self.is_due() {
            let due = self.take_due();
            if due.bytes.is_empty() {
                self.put_back(due);
                return Ok(());
            }
            let _call = SocketCall::begin(Context::get()?);
            let operation = Operation::new(deadline);
            // It comes on top of a complete operation; a request shall not tear it off.
            let under_way = UnderWay::begin()?;
            let result = beneath.send(&due.bytes, deadline);
            drop(under_way);
            match result {
                Err(error) if operation.was_put_off(error) => {
                    self.put_back(due);
                    return Ok(());
                }
                result => result?,
            }
        }
        Ok(())
    }

    /// Takes what is due, as far as there is memory for it; it must be sent or put back.
    pub(super) fn take_due(&self) -> Due {
        let torn = self.torn_pong.take();
        let mut due = Due { torn: torn.len(), bytes: torn, ping: None };
        if let Some(ping) = self.ping.take() {
            match self.append_pong(&mut due.bytes, &ping) {
                Ok(()) => due.ping = Some(ping),
                // Without memory or a mask it has to wait.
                Err(_) => _ = self.ping.replace(Some(ping)),
            }
        }
        due
    }

    /// Puts back what was not sent. By now there may be a newer ping to be answered instead.
    pub(super) fn put_back(&self, due: Due) {
        let Due { mut bytes, torn, ping } = due;
        bytes.truncate(torn);
        self.torn_pong.replace(bytes);
        if ping.is_some() {
            let mut latest = self.ping.borrow_mut();
            *latest = latest.take().or(ping);
        }
    }

    fn append_pong(&self, bytes: &mut Vec<u8>, ping: &[u8]) -> Result<()> {
        lower::reserve(bytes, LONGEST_CONTROL)?;
        let mask = match self.role {
            Role::Client => Some(self.masks.next()?),
            Role::Server => None,
        };
        let header = Header::encode(Opcode::Pong, ping.len() as u64, mask);
        bytes.extend_from_slice(header.as_bytes());
        match mask {
            Some(mask) => append_masked(bytes, ping, mask, 0),
            None => bytes.extend_from_slice(ping),
        }
        Ok(())
    }
}

impl Due {
    /// What is left of it when `sent` bytes have gone.
    fn without(mut self, sent: usize) -> Due {
        self.bytes.drain(..sent);
        if sent > self.torn {
            // The pong itself has begun, or gone.
            self.torn = self.bytes.len();
            self.ping = None;
        } else {
            self.torn -= sent;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_finished_first() {
        let due = || Due { bytes: b"tornpong".to_vec(), torn: 4, ping: Some(b"ng".to_vec()) };
        for (sent, rest, torn, answered) in [
            (0, &b"tornpong"[..], 4, false),
            (3, b"npong", 1, false),
            (4, b"pong", 0, false),
            (5, b"ong", 3, true),
            (8, b"", 0, true),
        ] {
            let left = due().without(sent);
            assert_eq!((left.bytes(), left.torn), (rest, torn), "{sent}");
            assert_eq!(left.ping.is_none(), answered, "{sent}");
        }
    }
}
