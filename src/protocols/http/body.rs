//! Receiving bodies.

use super::framing::{self, Body};
use super::state::{Http, Incoming, Input};
use super::syntax;
use crate::concurrency::atomicity;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{Extent, Lower, Operation};
use crate::sockets::io_list::{Cursor, ToFill};
use crate::sockets::object::abilities::ReceivesSome;

impl ReceivesSome for Http {
    /// Receives what is there of the body. `EPIPE` when nothing is left.
    fn receive_some(&self, list: &mut Cursor, deadline: i64) -> Result<()> {
        let all = list.remaining();
        self.receiving(deadline, |operation| {
            self.skip_to_body(operation)?;
            self.receive_piece(Some(list), PART, operation)
        })?;
        if list.remaining() == all { Err(Errno::EPIPE) } else { Ok(()) }
    }
}

impl Http {
    pub(super) fn receive_body(&self, list: ToFill<'_>, deadline: i64) -> Result<usize> {
        let mut cursor = list.cursor()?;
        let all = cursor.remaining();
        self.receiving(deadline, |operation| {
            self.skip_to_body(operation)?;
            while cursor.remaining() > 0
                && self.receive_piece(Some(&mut cursor), Extent::Whole, operation)?
            {}
            Ok(())
        })?;
        match all - cursor.remaining() {
            0 if all > 0 => Err(Errno::EPIPE),
            count => Ok(count),
        }
    }

    /// Fills the list, or fails with `EPIPE` at the end of the body. Without a list the whole
    /// rest is dropped.
    pub(super) fn receive_whole(&self, list: ToFill<'_>, deadline: i64) -> Result<()> {
        if list.is_none() {
            self.receiving(deadline, |operation| {
                self.skip_to_body(operation)?;
                self.skip_body(operation)
            })?;
            return Err(Errno::EPIPE);
        }
        let mut cursor = list.cursor()?;
        let whole = self.receiving(deadline, |operation| {
            self.skip_to_body(operation)?;
            while cursor.remaining() > 0 {
                if !self.receive_piece(Some(&mut cursor), Extent::Whole, operation)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        if whole { Ok(()) } else { Err(Errno::EPIPE) }
    }

    /// Drops what is left of a head. The body, which is what the call receives, has not begun.
    fn skip_to_body(&self, operation: &mut Operation) -> Result<()> {
        if matches!(self.input.get(), Input::Head(_)) {
            atomicity::aside(|| self.skip_head(operation))??;
            operation.start_over()?;
        }
        Ok(())
    }

    /// Drops what is left of a body.
    pub(super) fn skip_body(&self, operation: &mut Operation) -> Result<()> {
        while self.receive_piece(None, Extent::Whole, operation)? {}
        Ok(())
    }

    /// Receives a part of the body to where the cursor is; without one the part is dropped.
    /// False when the body has ended.
    fn receive_piece(
        &self,
        cursor: Option<&mut Cursor>,
        extent: Extent,
        operation: &mut Operation,
    ) -> Result<bool> {
        let Input::Body(mut incoming) = self.input.get() else { return Ok(false) };
        operation.step()?;
        if incoming.body == Body::Chunked && incoming.left == 0 {
            let under_way = operation.has_begun();
            // The size of a chunk is no part of the body.
            if !atomicity::aside(|| self.begin_chunk(&mut incoming, operation))?? {
                self.input.set(Input::Idle);
                return Ok(false);
            }
            self.input.set(Input::Body(incoming));
            if !under_way {
                operation.start_over()?;
            }
        }
        let beneath = self.beneath()?;
        let result = match incoming.body {
            // Where only the end of the stream tells, no more than a byte is known to come.
            Body::UntilClose => {
                receive_next(beneath, cursor, u64::MAX, Extent::Part { certain: 1 }, operation)
            }
            _ => receive_next(beneath, cursor, incoming.left, extent, operation),
        };
        if incoming.body == Body::UntilClose && result == Err(Errno::EPIPE) {
            self.input.set(Input::Ended);
            return Ok(false);
        }
        let count = result?;
        incoming.begun = true;
        incoming.left = incoming.left.saturating_sub(count);
        self.input.set(match incoming.body {
            Body::Length(_) if incoming.left == 0 => Input::Idle,
            _ => Input::Body(incoming),
        });
        Ok(true)
    }

    /// Receives the size of the next chunk, after the end of the one before. False when there
    /// is none: then the trailer has been dropped.
    fn begin_chunk(&self, incoming: &mut Incoming, operation: &mut Operation) -> Result<bool> {
        if incoming.begun && self.receive_between(incoming, operation.deadline)? {
            return Ok(true);
        }
        let taken = self.between.bytes();
        let mut taken = &taken[..self.between.length()];
        if incoming.begun {
            let mut end = [0; 2];
            let known = self.between.copy_to(0, &mut end);
            if known < end.len() {
                self.beneath()?.receive(&mut end[known..], operation.deadline)?;
                operation.begun()?;
            }
            if end != *b"\r\n" {
                return Err(Errno::EPROTO);
            }
            taken = &taken[known..];
        }
        let line = self.resume_line(taken, operation)?;
        incoming.left = framing::parse_chunk_size(&line)?;
        incoming.begun = true;
        // The sizes of many chunks are no head: only the trailer is limited.
        self.head_length.set(line.len());
        self.line.set(line);
        // The trailer is not received without what was taken before it.
        if incoming.left > 0 || operation.has_begun() {
            self.between.clear();
        }
        if incoming.left > 0 {
            return Ok(true);
        }
        loop {
            let mut line = self.receive_head_line(operation)?;
            let end = line == b"\r\n";
            if !end {
                syntax::parse_field(&mut line)?;
            }
            self.line.set(line);
            self.between.clear();
            if end {
                return Ok(false);
            }
        }
    }
}

/// What is there of a piece, all of which is known to come.
const PART: Extent = Extent::Part { certain: usize::MAX };

/// Receives up to `left` bytes to one place, or drops them, and returns how many.
fn receive_next(
    beneath: Lower,
    cursor: Option<&mut Cursor>,
    left: u64,
    extent: Extent,
    operation: &mut Operation,
) -> Result<u64> {
    let limit = usize::try_from(left).unwrap_or(usize::MAX).min(isize::MAX as usize);
    let count = match (cursor, extent) {
        (Some(cursor), _) => {
            beneath.receive_next(cursor, limit, extent, operation.deadline)?.count()
        }
        (None, Extent::Part { certain }) => {
            let count = limit.min(certain);
            beneath.skip(count, operation.deadline).map(|()| count)?
        }
        (None, Extent::Whole) => beneath.skip(limit, operation.deadline).map(|()| limit)?,
    };
    operation.begun()?;
    Ok(count as u64)
}
