//! Sending messages and control frames.

use super::closing::Closing;
use super::frame::{CONTROL_PAYLOAD, Header, LONGEST_HEADER, Opcode, append_masked};
use super::state::{Stream, WebSocket};
use super::utf8::Validator;
use super::{Content, Role};
use crate::concurrency::atomicity::SocketCall;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Lower, Operation};
use crate::scheduler::context::Context;
use crate::sockets::io_list::{Cursor, ToSend};

/// A client's frame is masked in a buffer: of its own size, but with room for no more payload
/// than this.
const MASKED_AT_ONCE: usize = 64 * 1024;

/// What goes into a frame.
struct Payload<'a> {
    cursor: Cursor,
    list: ToSend<'a>,
}

impl<'a> Payload<'a> {
    fn new(list: ToSend<'a>) -> Result<Payload<'a>> {
        Ok(Payload { cursor: list.cursor()?, list })
    }
}

impl WebSocket {
    pub(super) fn send_message(
        &self,
        content: Content,
        list: ToSend<'_>,
        deadline: i64,
    ) -> Result<()> {
        Context::may_block()?;
        let payload = Payload::new(list)?;
        self.output.get().check_open()?;
        let opcode = match content {
            Content::Binary => Opcode::Binary,
            Content::Text => {
                // The peer would have to give up the connection.
                check_text(payload.cursor)?;
                Opcode::Text
            }
        };
        self.turn.take(deadline)?;
        let result = self.transmit(opcode, payload, deadline);
        if result.is_ok() {
            self.answer_in_turn(deadline);
        }
        self.turn.give_back();
        self.alive()?;
        result
    }

    /// Sends a Close frame, after which the outgoing stream is ended.
    pub(super) fn send_close(&self, closing: &Closing, deadline: i64) -> Result<()> {
        let mut payload = [0; CONTROL_PAYLOAD];
        let length = closing.encode(&mut payload);
        self.turn.take(deadline)?;
        let result = self.transmit_bytes(Opcode::Close, &payload[..length], deadline);
        if result.is_ok() {
            self.output.set(Stream::Ended);
        }
        self.turn.give_back();
        self.alive()?;
        result
    }

    /// Asks the peer for a pong, which is dropped when it comes.
    pub(super) fn send_ping(&self, payload: &[u8], deadline: i64) -> Result<()> {
        Context::may_block()?;
        if payload.len() > CONTROL_PAYLOAD {
            return Err(Errno::EINVAL);
        }
        self.output.get().check_open()?;
        self.turn.take(deadline)?;
        let result = self.transmit_bytes(Opcode::Ping, payload, deadline);
        if result.is_ok() {
            self.answer_in_turn(deadline);
        }
        self.turn.give_back();
        self.alive()?;
        result
    }

    fn transmit_bytes(&self, opcode: Opcode, bytes: &[u8], deadline: i64) -> Result<()> {
        ToSend::with(bytes, None, |list| self.transmit(opcode, Payload::new(list)?, deadline))
    }

    /// Sends one frame, and in front of it the pong that is due.
    fn transmit(&self, opcode: Opcode, payload: Payload<'_>, deadline: i64) -> Result<()> {
        // While this call has waited for its turn, the stream may have failed.
        self.output.get().check_open()?;
        let beneath = self.beneath()?;
        let _call = SocketCall::begin(Context::get()?);
        let mut operation = Operation::new(deadline);
        let due = self.take_due();
        let start = due.bytes();
        let result = match self.role {
            Role::Server => transmit_plain(beneath, start, opcode, &payload, deadline),
            Role::Client => self.transmit_masked(beneath, start, opcode, payload, &mut operation),
        };
        match result {
            Err(error) if operation.was_put_off(error) => self.put_back(due),
            Err(_) => self.output.set(Stream::Failed),
            Ok(()) => {}
        }
        result
    }

    fn transmit_masked(
        &self,
        beneath: Lower,
        start: &[u8],
        opcode: Opcode,
        mut payload: Payload<'_>,
        operation: &mut Operation,
    ) -> Result<()> {
        let mask = self.masks.next()?;
        let length = payload.cursor.remaining();
        let header = Header::encode(opcode, length as u64, Some(mask));
        let mut buffer = Vec::new();
        let room = start.len() + LONGEST_HEADER + length.min(MASKED_AT_ONCE);
        lower::reserve(&mut buffer, room)?;
        buffer.extend_from_slice(start);
        buffer.extend_from_slice(header.as_bytes());
        let mut position = 0;
        loop {
            while buffer.len() < buffer.capacity()
                && let Some(piece) = payload.cursor.next_piece(buffer.capacity() - buffer.len())
            {
                append_masked(&mut buffer, piece, mask, position);
                position += piece.len() as u64;
            }
            beneath.send(&buffer, operation.deadline)?;
            if payload.cursor.remaining() == 0 {
                return Ok(());
            }
            operation.begun()?;
            buffer.clear();
        }
    }
}

fn transmit_plain(
    beneath: Lower,
    start: &[u8],
    opcode: Opcode,
    payload: &Payload<'_>,
    deadline: i64,
) -> Result<()> {
    let length = payload.cursor.remaining();
    let header = Header::encode(opcode, length as u64, None);
    let mut bytes = Vec::new();
    let mut start = start;
    if start.is_empty() {
        start = header.as_bytes();
    } else {
        lower::reserve(&mut bytes, start.len() + LONGEST_HEADER)?;
        bytes.extend_from_slice(start);
        bytes.extend_from_slice(header.as_bytes());
        start = &bytes;
    }
    let list = (length > 0).then_some(payload.list);
    beneath.send_with_list(start, list, deadline)
}

fn check_text(mut payload: Cursor) -> Result<()> {
    let mut validator = Validator::new();
    while let Some(piece) = payload.next_piece(usize::MAX) {
        validator.push(piece)?;
    }
    validator.finish().map_err(|_| Errno::EILSEQ)
}
