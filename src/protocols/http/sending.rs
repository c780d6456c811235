//! Sending: heads are collected and leave in one piece, bodies go straight through.

use super::framing::{Body, Framing, Method, Unanswered};
use super::state::{Http, Output, Start};
use super::syntax::{self, Version};
use super::unfinished;
use crate::concurrency::atomicity::{self, SocketCall};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Lower, Operation};
use crate::scheduler::context::Context;
use crate::sockets::io_list::{Cursor, ToSend};
use crate::sockets::{at_once, room};
use core::ffi::c_int;
use core::ptr;
use std::io::IoSlice;

/// Bytes of a head at most.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;
/// Room that a head is likely to need.
const USUAL_HEAD: usize = 512;
/// Chunks up to this size are copied, so that one buffer holds all of them.
const SMALL_CHUNK: usize = 4096;

/// The last chunk, without any trailer.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What there was before a head was begun.
#[derive(Clone, Copy)]
pub(crate) struct BeforeHead {
    output: Output,
    has_sent_head: bool,
    /// A request has come that is not answered.
    owes_answer: bool,
}

impl Http {
    pub(super) fn send_request(&self, method: &[u8], resource: &[u8]) -> Result<()> {
        self.may_send()?;
        if !syntax::is_token(method) || !syntax::is_resource(resource) {
            return Err(Errno::EINVAL);
        }
        let mut asked = self.asked.get();
        if asked.is_full() {
            return Err(Errno::ENOBUFS);
        }
        let line = [method, b" ", resource, b" HTTP/1.1\r\n"];
        self.begin_head(Start::Request(Version::Http11), &line)?;
        asked.push(Method::new(method));
        self.asked.set(asked);
        Ok(())
    }

    pub(super) fn send_status(&self, status: c_int, reason: &[u8]) -> Result<()> {
        self.may_send()?;
        let code = u16::try_from(status).ok().filter(|code| (100..=599).contains(code));
        let (Some(code), true) = (code, syntax::is_value(reason)) else {
            return Err(Errno::EINVAL);
        };
        let digit = |place: u16| b'0' + (code / place % 10) as u8;
        let digits = [digit(100), digit(10), digit(1)];
        let mut to_answer = self.to_answer.get();
        let start = Start::Response(Version::Http11, code, to_answer.answer(code));
        self.begin_head(start, &[b"HTTP/1.1 ", &digits, b" ", reason, b"\r\n"])?;
        self.to_answer.set(to_answer);
        Ok(())
    }

    pub(super) fn send_field(&self, name: &[u8], value: &[u8]) -> Result<()> {
        self.may_send()?;
        let value = syntax::trim(value);
        if !syntax::is_token(name) || !syntax::is_value(value) {
            return Err(Errno::EINVAL);
        }
        // As in libdill.
        if value.is_empty() {
            return Err(Errno::EPROTO);
        }
        let Output::Head(_) = self.output.get() else { return Err(Errno::EPIPE) };
        let mut framing = self.sent.get();
        framing.take(name, value).map_err(|_| Errno::EINVAL)?;
        self.append(&[name, b": ", value, b"\r\n"])?;
        self.sent.set(framing);
        Ok(())
    }

    fn may_send(&self) -> Result<()> {
        Context::may_block()?;
        if self.sending.get() {
            return Err(Errno::EBUSY);
        }
        match self.output.get() {
            Output::Failed => Err(Errno::ECONNRESET),
            Output::Ended => Err(Errno::EPIPE),
            _ => Ok(()),
        }
    }

    fn begin_head(&self, start: Start, line: &[&[u8]]) -> Result<()> {
        match self.output.get() {
            Output::Idle | Output::Body(Body::Length(0), _) => {}
            // Its bytes would be taken for a part of the message before.
            _ => return Err(Errno::EPROTO),
        }
        self.append(line)?;
        self.sent.set(Framing::default());
        self.output.set(Output::Head(start));
        self.has_sent_head.set(true);
        Ok(())
    }

    /// What a head that is begun now changes.
    pub(super) fn before_head(&self) -> BeforeHead {
        BeforeHead {
            output: self.output.get(),
            has_sent_head: self.has_sent_head.get(),
            owes_answer: !self.to_answer.get().is_empty(),
        }
    }

    /// Drops a head that was begun since `before`, unless some of it was sent.
    pub(super) fn take_back_head(&self, before: BeforeHead) {
        let Output::Head(start) = self.output.get() else { return };
        if matches!(before.output, Output::Head(_)) || self.sending.get() {
            return;
        }
        match start {
            Start::Request(_) => {
                let mut asked = self.asked.get();
                asked.take_back();
                self.asked.set(asked);
            }
            Start::Response(_, status, method) => {
                let mut to_answer = self.to_answer.get();
                if before.owes_answer && Unanswered::is_final(status) {
                    to_answer.take_answer_back(method);
                }
                self.to_answer.set(to_answer);
            }
        }
        self.draft.remove();
        self.pending.borrow_mut().clear();
        self.output.set(before.output);
        self.has_sent_head.set(before.has_sent_head);
    }

    /// Sends the end of a head that has neither a first line nor fields: there is no message.
    pub(super) fn send_empty_head(&self, deadline: i64) -> Result<()> {
        self.may_send()?;
        self.append(&[b"\r\n"])?;
        self.transmit(None, deadline)
    }

    /// Adds pieces to what will be sent.
    fn append(&self, pieces: &[&[u8]]) -> Result<()> {
        let mut pending = self.pending.borrow_mut();
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if pending.len() + length > LONGEST_HEAD {
            return Err(Errno::EMSGSIZE);
        }
        if pending.capacity() - pending.len() < length {
            let more = length.max(USUAL_HEAD).max(pending.len());
            lower::reserve(&mut pending, more)?;
        }
        if pending.is_empty() {
            unfinished::add(self);
        }
        pieces.iter().for_each(|piece| pending.extend_from_slice(piece));
        Ok(())
    }

    /// Before a receive on this socket: sends what the running coroutine has left unfinished. Other
    /// sockets' peers are not waited for; what there is no room for stays unfinished. Failures
    /// are those sockets' own business.
    pub(super) fn send_unfinished(&self, deadline: i64) {
        if unfinished::is_empty() {
            return;
        }
        unfinished::for_each(|socket| {
            if !ptr::eq(self, &raw const **socket) {
                socket.send_what_fits(|beneath| room::look(beneath, deadline));
            }
        });
        if !unfinished::is_noted(self) {
            return;
        }
        if self.tells_of_room() {
            self.send_what_fits(|beneath| room::wait_again(beneath, deadline));
        } else if self.may_send().is_ok() {
            let _ = atomicity::aside(|| self.transmit(None, deadline));
        }
    }

    fn tells_of_room(&self) -> bool {
        self.beneath().is_ok_and(|beneath| room::is_known(beneath.handle()))
    }

    /// Sends of what is pending what there is room for in the stream beneath, and goes on as long
    /// as `more` says that there is again. The rest stays pending, and unfinished.
    fn send_what_fits(&self, more: impl Fn(c_int) -> Result<bool>) {
        // Anything may have happened while there was no room.
        while self.may_send().is_ok()
            && let Ok(beneath) = self.beneath().map(Lower::handle)
            && room::is_known(beneath)
        {
            let mut pending = self.pending.take();
            let sent = atomicity::aside(|| at_once::send(beneath, &[IoSlice::new(&pending)]));
            let sent = sent.flatten();
            match sent {
                Ok(sent) => _ = pending.drain(..sent),
                Err(Errno::EBUSY) => {}
                Err(_) => {
                    pending.clear();
                    self.output.set(Output::Failed);
                }
            }
            let ended = pending.is_empty();
            self.pending.replace(pending);
            if ended {
                return self.draft.remove();
            }
            if sent.is_err() || !more(beneath).unwrap_or(false) {
                return;
            }
        }
    }

    pub(super) fn done(&self, deadline: i64) -> Result<()> {
        self.may_send()?;
        let body = self.end_head()?.ok_or(Errno::EPIPE)?;
        self.transmit(None, deadline).inspect_err(|_| self.reopen_head())?;
        self.output.set(match body {
            Body::None => Output::Idle,
            body => Output::Body(body, false),
        });
        Ok(())
    }

    /// Adds the end of the head to what will be sent, if there is an unfinished one. The body
    /// that follows.
    fn end_head(&self) -> Result<Option<Body>> {
        let Output::Head(start) = self.output.get() else { return Ok(None) };
        // The fields were checked one by one; what is wrong now is what they say together.
        let body = start.body(self.sent.get()).map_err(|_| Errno::EINVAL)?;
        self.append(&[b"\r\n"])?;
        Ok(Some(body))
    }

    /// The head was ended, but not sent at all.
    fn reopen_head(&self) {
        let mut pending = self.pending.borrow_mut();
        let length = pending.len().saturating_sub(2);
        pending.truncate(length);
    }

    pub(super) fn send_body(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        self.may_send()?;
        let mut cursor = list.cursor()?;
        let length = cursor.remaining();
        let piece = (length > 0).then_some(list);
        let ended = self.end_head()?;
        let body = match (ended, self.output.get()) {
            (Some(body), _) | (None, Output::Body(body, _)) => body,
            _ => return Err(Errno::EPIPE),
        };
        let start = self.pending.borrow().len();
        let result = match body {
            Body::Chunked if length > 0 => self.send_chunk(&mut cursor, deadline).map(|()| body),
            Body::Length(left) if length as u64 > left => Err(Errno::EMSGSIZE),
            Body::None if length > 0 => Err(Errno::EMSGSIZE),
            Body::Length(left) => {
                self.transmit(piece, deadline).map(|()| Body::Length(left - length as u64))
            }
            Body::Chunked | Body::UntilClose | Body::None => {
                self.transmit(piece, deadline).map(|()| body)
            }
        };
        match result {
            Ok(Body::None) => self.output.set(Output::Idle),
            Ok(body) => self.output.set(Output::Body(body, true)),
            Err(_) => {
                self.pending.borrow_mut().truncate(start);
                if ended.is_some() {
                    self.reopen_head();
                }
            }
        }
        result.map(drop)
    }

    fn send_chunk(&self, cursor: &mut Cursor, deadline: i64) -> Result<()> {
        let length = cursor.remaining();
        let mut size = [0; 18];
        self.append(&[chunk_size(length, &mut size)])?;
        if length > SMALL_CHUNK {
            // The caller's list must not be changed, so its end goes onto a copy.
            return cursor.send_all(b"\r\n", |list| self.transmit(Some(list), deadline));
        }
        let mut pending = self.pending.borrow_mut();
        lower::reserve(&mut pending, length + 2)?;
        while let Some(piece) = cursor.next_piece(length) {
            pending.extend_from_slice(piece);
        }
        pending.extend_from_slice(b"\r\n");
        drop(pending);
        self.transmit(None, deadline)
    }

    pub(super) fn done_body(&self, deadline: i64) -> Result<()> {
        self.may_send()?;
        let ended = self.end_head()?;
        let body = match (ended, self.output.get()) {
            (Some(body), _) | (None, Output::Body(body, _)) => body,
            _ => return Err(Errno::EPIPE),
        };
        let start = self.pending.borrow().len();
        let result = match body {
            Body::Length(1..) => Err(Errno::EMSGSIZE),
            Body::Chunked => {
                self.append(&[LAST_CHUNK]).and_then(|()| self.transmit(None, deadline))
            }
            _ => self.transmit(None, deadline),
        };
        match result {
            Ok(()) if body == Body::UntilClose => self.output.set(Output::Ended),
            Ok(()) => self.output.set(Output::Idle),
            Err(_) => {
                self.pending.borrow_mut().truncate(start);
                if ended.is_some() {
                    self.reopen_head();
                }
            }
        }
        result
    }

    /// Sends what is pending, and a list after it. When that was put off, it is pending
    /// still.
    fn transmit(&self, list: Option<ToSend<'_>>, deadline: i64) -> Result<()> {
        let pending = self.pending.take();
        if pending.is_empty() && list.is_none() {
            self.pending.replace(pending);
            return Ok(());
        }
        self.draft.remove();
        let _call = SocketCall::begin(Context::get()?);
        let operation = Operation::new(deadline);
        self.sending.set(true);
        let result =
            self.beneath().and_then(|beneath| beneath.send_with_list(&pending, list, deadline));
        self.sending.set(false);
        self.alive()?;
        let mut pending = pending;
        match result {
            Err(error) if operation.was_put_off(error) => unfinished::add(self),
            Err(_) => self.output.set(Output::Failed),
            Ok(()) => pending.clear(),
        }
        self.pending.replace(pending);
        result
    }
}

/// Writes a chunk's size and the end of its line.
fn chunk_size(size: usize, text: &mut [u8; 18]) -> &[u8] {
    let mut start = text.len() - 2;
    text[start..].copy_from_slice(b"\r\n");
    let mut rest = size;
    loop {
        start -= 1;
        text[start] = b"0123456789abcdef"[rest % 16];
        rest /= 16;
        if rest == 0 {
            return &text[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::http::framing::parse_chunk_size;

    #[test]
    fn sizes_of_chunks_are_understood() {
        for size in [1, 9, 10, 15, 16, 255, 4096, 0x1234_5678, usize::MAX >> 1] {
            assert_eq!(parse_chunk_size(chunk_size(size, &mut [0; 18])), Ok(size as u64));
        }
    }
}
