//! Receiving messages, and what may come between their frames.

use super::closing::{self, Closing};
use super::digestion;
use super::frame::apply_mask;
use super::frame::{CONTROL_PAYLOAD, LONGEST_HEADER, Mask, Opcode, PREFIX, Prefix, Sequence};
use super::state::{Stream, WebSocket};
use super::utf8::Validator;
use super::{Content, Role};
use crate::concurrency::atomicity::{self, Transferred};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Extent, Lower, Operation, Piece};
use crate::scheduler::context::Context;
use crate::sockets::io_list::{Cursor, ToFill};

/// Text that is skipped is looked at in pieces of this size.
const SKIPPED_AT_ONCE: usize = 4096;

/// A message that is being received.
struct Message {
    /// Where it goes; without one it is dropped.
    cursor: Option<Cursor>,
    length: usize,
    sequence: Sequence,
    validator: Validator,
}

/// A frame of which the header has been received.
struct Frame {
    prefix: Prefix,
    length: u64,
    mask: Mask,
}

/// What a frame was.
enum Received {
    /// The last one of a message.
    End(Content),
    /// Some other one.
    Part,
    /// The last one of all.
    Close,
}

impl WebSocket {
    /// Without a list the message is dropped.
    pub(super) fn receive_message(
        &self,
        list: ToFill<'_>,
        deadline: i64,
    ) -> Result<(usize, Content)> {
        Context::may_block()?;
        let cursor = if list.is_none() { None } else { Some(list.message()?) };
        if self.receiving.get() {
            return Err(Errno::EBUSY);
        }
        self.input.get().check_open()?;
        self.receiving.set(true);
        let mut operation = Operation::new(deadline);
        let result = self.receive_parts(cursor, &mut operation);
        self.receiving.set(false);
        self.alive()?;
        result.map_err(|error| self.note_failure(error, &operation))
    }

    /// Draws the consequences of a failed receive.
    fn note_failure(&self, error: Errno, operation: &Operation) -> Errno {
        if self.input.get() == Stream::Ended || operation.was_put_off(error) {
            return error;
        }
        self.input.set(Stream::Failed);
        self.complaint.set(match error {
            Errno::EPROTO => closing::PROTOCOL_ERROR,
            Errno::EILSEQ => closing::INVALID_DATA,
            Errno::EMSGSIZE => closing::TOO_BIG,
            _ => 0,
        });
        // The stream has ended without a Close frame: nobody knows whether that is all.
        if error == Errno::EPIPE { Errno::ECONNRESET } else { error }
    }

    fn receive_parts(
        &self,
        cursor: Option<Cursor>,
        operation: &mut Operation,
    ) -> Result<(usize, Content)> {
        let mut message =
            Message { cursor, length: 0, sequence: Sequence::new(), validator: Validator::new() };
        loop {
            operation.step()?;
            self.answer(operation.deadline)?;
            match self.receive_frame(&mut message, operation)? {
                Received::End(content) => return Ok((message.length, content)),
                Received::Close => return Err(Errno::EPIPE),
                Received::Part => {}
            }
        }
    }

    fn receive_frame(&self, message: &mut Message, operation: &mut Operation) -> Result<Received> {
        let beneath = self.beneath()?;
        let mut bytes = [0; LONGEST_HEADER];
        let mut known = 0;
        if self.taken.length() == 0 {
            known = self.begin_frame(beneath, &mut bytes, operation.deadline)?;
        }
        if known == 0 {
            if self.receive_ping_or_pong(beneath, operation.deadline)? {
                return Ok(Received::Part);
            }
            known = self.taken.copy_to(0, &mut bytes);
        }
        operation.begun()?;
        let frame = self.receive_header(beneath, bytes, known, operation)?;
        if frame.prefix.opcode.is_control() {
            return self.receive_close(beneath, &frame, operation);
        }
        self.taken.clear();
        let opcode = message.sequence.take(frame.prefix.opcode)?;
        let content = if opcode == Opcode::Text { Content::Text } else { Content::Binary };
        message.receive(beneath, &frame, content, operation)?;
        if !frame.prefix.last {
            return Ok(Received::Part);
        }
        message.validator.finish()?;
        Ok(Received::End(content))
    }

    /// Receives the beginning of a frame to `bytes`, as far as it is there, and returns how much of
    /// it. That of a ping or pong is no part of the caller's message: it is taken, and 0 returned.
    fn begin_frame(
        &self,
        beneath: Lower,
        bytes: &mut [u8; LONGEST_HEADER],
        deadline: i64,
    ) -> Result<usize> {
        let shortest = PREFIX + if self.role == Role::Server { Mask::default().len() } else { 0 };
        let before = Transferred::so_far()?;
        match beneath.receive_some(&mut bytes[..shortest], deadline) {
            Ok(count) if digestion::begins_ping_or_pong(bytes[0]) => {
                self.taken.add(&bytes[..count]);
                before.forget_later();
                Ok(0)
            }
            Ok(count) => Ok(count),
            Err(error) => {
                before.forget_later();
                Err(error)
            }
        }
    }

    /// Receives the rest of a frame of which the beginning was taken, if it is a ping or pong.
    /// What there is of it stays taken if the call ends meanwhile.
    fn receive_ping_or_pong(&self, beneath: Lower, deadline: i64) -> Result<bool> {
        loop {
            match self.missing_of_frame() {
                None => return Ok(false),
                Some(0) => return atomicity::aside(|| self.digest_frame())?.map(|()| true),
                Some(missing) => self.taken.receive(beneath, missing, deadline)?,
            }
        }
    }

    /// Receives the rest of the header of a frame, of which the first `known` bytes are there.
    fn receive_header(
        &self,
        beneath: Lower,
        mut bytes: [u8; LONGEST_HEADER],
        known: usize,
        operation: &mut Operation,
    ) -> Result<Frame> {
        let (start, rest) = bytes.split_at_mut(PREFIX);
        if known < PREFIX {
            beneath.receive(&mut start[known..], operation.deadline)?;
        }
        let prefix = Prefix::decode([start[0], start[1]], self.role == Role::Server)?;
        let rest = &mut rest[..prefix.rest()];
        let known = known.saturating_sub(PREFIX).min(rest.len());
        if known < rest.len() {
            beneath.receive(&mut rest[known..], operation.deadline)?;
        }
        let (length, mask) = prefix.complete(rest)?;
        Ok(Frame { prefix, length, mask })
    }

    /// Receives the rest of a Close frame.
    fn receive_close(
        &self,
        beneath: Lower,
        frame: &Frame,
        operation: &mut Operation,
    ) -> Result<Received> {
        // Not more than 125 bytes: the prefix was checked.
        let length = frame.length as usize;
        let mut payload = Vec::new();
        lower::reserve(&mut payload, CONTROL_PAYLOAD)?;
        payload.resize(length, 0);
        let known = self.taken.copy_to(PREFIX + frame.prefix.rest(), &mut payload);
        if known < length {
            beneath.receive(&mut payload[known..], operation.deadline)?;
        }
        self.taken.clear();
        apply_mask(&mut payload, frame.mask, 0);
        Closing::decode(&payload)?;
        self.farewell.replace(payload);
        self.input.set(Stream::Ended);
        Ok(Received::Close)
    }
}

impl Message {
    /// Receives the payload of a data frame.
    fn receive(
        &mut self,
        beneath: Lower,
        frame: &Frame,
        content: Content,
        operation: &Operation,
    ) -> Result<()> {
        let room = self.cursor.as_ref().map_or(isize::MAX as usize, Cursor::remaining);
        let length = usize::try_from(frame.length).map_err(|_| Errno::EMSGSIZE)?;
        self.length = self
            .length
            .checked_add(length)
            .filter(|&sum| isize::try_from(sum).is_ok() && length <= room)
            .ok_or(Errno::EMSGSIZE)?;
        let mut position = 0;
        while position < length {
            position += self.receive_piece(beneath, frame, position, length, content, operation)?;
        }
        Ok(())
    }

    /// Receives as much as goes to one place.
    fn receive_piece(
        &mut self,
        beneath: Lower,
        frame: &Frame,
        position: usize,
        length: usize,
        content: Content,
        operation: &Operation,
    ) -> Result<usize> {
        let left = length - position;
        let Some(cursor) = &mut self.cursor else {
            return self.skip(beneath, frame, position, left, content, operation);
        };
        if let Some(skipped) = cursor.skip_length() {
            let count = skipped.min(left);
            let count = self.skip(beneath, frame, position, count, content, operation)?;
            if let Some(cursor) = &mut self.cursor {
                cursor.advance(count);
            }
            return Ok(count);
        }
        let received = beneath.receive_next(cursor, left, Extent::Whole, operation.deadline)?;
        let count = received.count();
        if let Piece::Bytes(piece) = received {
            decode(&mut self.validator, piece, frame, position, content)?;
        }
        Ok(count)
    }

    /// Drops up to `count` bytes; also what is dropped must be text where that is announced.
    fn skip(
        &mut self,
        beneath: Lower,
        frame: &Frame,
        position: usize,
        count: usize,
        content: Content,
        operation: &Operation,
    ) -> Result<usize> {
        if content == Content::Binary {
            beneath.skip(count, operation.deadline)?;
            return Ok(count);
        }
        let count = count.min(SKIPPED_AT_ONCE);
        let mut piece = Vec::new();
        lower::reserve(&mut piece, count)?;
        piece.resize(count, 0);
        beneath.receive(&mut piece, operation.deadline)?;
        decode(&mut self.validator, &mut piece, frame, position, content)?;
        Ok(count)
    }
}

/// Unmasks a piece of a payload, and checks it if it is text.
fn decode(
    validator: &mut Validator,
    piece: &mut [u8],
    frame: &Frame,
    position: usize,
    content: Content,
) -> Result<()> {
    if frame.mask != Mask::default() {
        apply_mask(piece, frame.mask, position as u64);
    }
    match content {
        Content::Binary => Ok(()),
        Content::Text => validator.push(piece),
    }
}
