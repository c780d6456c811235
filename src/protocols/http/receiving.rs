//! Receiving heads, line by line.

use super::framing::{Body, Framing, Method, Unanswered};
use super::head;
use super::state::{Exchange, Http, Incoming, Input, Put, Start};
use super::syntax;
use crate::concurrency::atomicity::Transferred;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Operation};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// Bytes of a line at most.
const LONGEST_LINE: usize = 8 * 1024;
/// Bytes of a head at most, and of the trailer of a body.
const LONGEST_HEAD: usize = 64 * 1024;

impl Http {
    pub(super) fn receive_request(&self, put: Put<'_>, deadline: i64) -> Result<()> {
        if self.to_answer.get().is_full() {
            self.head_missed.set(true);
            return Err(Errno::ENOBUFS);
        }
        self.receiving_head(deadline, |operation| {
            self.skip_to_head(operation)?;
            let mut line = self.receive_request_line(operation)?;
            let request = syntax::parse_request(&mut line)?;
            self.head_begins(Start::Request(request.version), line_length(&request));
            let mut to_answer = self.to_answer.get();
            to_answer.push(Method::new(request.method));
            self.to_answer.set(to_answer);
            let result = put(request.method, request.resource);
            self.line.set(line);
            Ok(result)
        })?
    }

    pub(super) fn receive_status(
        &self,
        put: &mut dyn FnMut(&[u8]) -> Result<()>,
        deadline: i64,
    ) -> Result<c_int> {
        self.receiving_head(deadline, |operation| {
            self.skip_to_head(operation)?;
            let mut line = self.receive_first_line(operation)?;
            let length = line.len();
            let response = syntax::parse_status(&mut line)?;
            let mut asked = self.asked.get();
            let method = asked.answer(response.status);
            self.asked.set(asked);
            self.head_begins(Start::Response(response.version, response.status, method), length);
            let result = put(response.reason).map(|()| response.status.into());
            self.line.set(line);
            Ok(result)
        })?
    }

    pub(super) fn receive_field(&self, put: Put<'_>, deadline: i64) -> Result<()> {
        self.receiving(deadline, |operation| {
            let Input::Head(start) = self.input.get() else { return Ok(Err(Errno::EPIPE)) };
            let mut line = self.receive_head_line(operation)?;
            if line == b"\r\n" {
                self.line.set(line);
                self.head_ends(start)?;
                return Ok(Err(Errno::EPIPE));
            }
            let (name, value) = syntax::parse_field(&mut line)?;
            let mut framing = self.received.get();
            framing.take(name, value)?;
            self.received.set(framing);
            let result = put(name, value);
            self.line.set(line);
            Ok(result)
        })?
    }

    /// As [`receiving`](Self::receiving), for an operation that receives the beginning of a head.
    fn receiving_head<T>(
        &self,
        deadline: i64,
        operation: impl FnOnce(&mut Operation) -> Result<T>,
    ) -> Result<T> {
        if !self.receiving.get() {
            self.head_missed.set(true);
        }
        let result = self.receiving_any(deadline, operation);
        if result.is_ok() {
            self.head_missed.set(false);
        }
        result
    }

    /// Runs an operation that receives a part of a message. Its own failures end the incoming
    /// stream, unless it had not begun. `ECONNRESET` where the message's head was not received.
    pub(super) fn receiving<T>(
        &self,
        deadline: i64,
        operation: impl FnOnce(&mut Operation) -> Result<T>,
    ) -> Result<T> {
        let between_messages = matches!(self.input.get(), Input::Idle | Input::Ended);
        if between_messages && self.head_missed.get() && !self.receiving.get() {
            Context::may_block()?;
            // `EPIPE` would mean that the message had no more fields, or no body.
            return Err(Errno::ECONNRESET);
        }
        self.receiving_any(deadline, operation)
    }

    fn receiving_any<T>(
        &self,
        deadline: i64,
        operation: impl FnOnce(&mut Operation) -> Result<T>,
    ) -> Result<T> {
        Context::may_block()?;
        if self.receiving.get() {
            return Err(Errno::EBUSY);
        }
        match self.input.get() {
            Input::Ended => return Err(Errno::EPIPE),
            Input::Failed => return Err(Errno::ECONNRESET),
            _ => {}
        }
        self.receiving.set(true);
        self.send_unfinished(deadline);
        let mut call = Operation::new(deadline);
        let result = self.alive().and_then(|()| operation(&mut call));
        self.receiving.set(false);
        self.alive()?;
        let Err(error) = result else { return result };
        if call.was_put_off(error) {
            return Err(error);
        }
        if error == Errno::EPIPE && !call.has_begun() && self.input.get() == Input::Idle {
            self.input.set(Input::Ended);
            return Err(Errno::EPIPE);
        }
        self.input.set(Input::Failed);
        // The peer has gone in the middle of a message. `EPIPE` would mean that it is whole.
        Err(if error == Errno::EPIPE { Errno::ECONNRESET } else { error })
    }

    /// Receives the first line of a request. Some peers send an empty line after a body: it is
    /// skipped. It is no part of the request, which begins with the first byte after it.
    fn receive_request_line(&self, operation: &mut Operation) -> Result<Vec<u8>> {
        if self.between.length() == 0 {
            let beneath = self.beneath()?;
            let before = Transferred::so_far()?;
            let mut first = [0];
            let received = beneath.receive(&mut first, operation.deadline);
            if received.is_ok() && first != *b"\r" {
                operation.begun()?;
                return self.resume_line(&first, operation);
            }
            before.forget_later();
            received?;
            self.between.add(&first);
        }
        self.skip_empty_line(operation.deadline)?;
        self.receive_line(operation)
    }

    /// Receives the rest of an empty line before a request, of which the beginning was taken, and
    /// stays taken if the call ends meanwhile.
    #[cold]
    fn skip_empty_line(&self, deadline: i64) -> Result<()> {
        self.between.receive(self.beneath()?, 1, deadline)?;
        let line = self.between.bytes();
        self.between.clear();
        if line.starts_with(b"\r\n") { Ok(()) } else { Err(Errno::EPROTO) }
    }

    /// Receives the first line of a head, which begins with what was taken of it.
    fn receive_first_line(&self, operation: &mut Operation) -> Result<Vec<u8>> {
        let length = self.between.length();
        if length == 0 {
            return self.receive_line(operation);
        }
        operation.begun()?;
        let taken = self.between.bytes();
        self.between.clear();
        self.resume_line(&taken[..length], operation)
    }

    fn receive_line(&self, operation: &mut Operation) -> Result<Vec<u8>> {
        self.resume_line(&[], operation)
    }

    /// As [`receive_line`](Self::receive_line), where `start` has come already.
    pub(super) fn resume_line(&self, start: &[u8], operation: &mut Operation) -> Result<Vec<u8>> {
        let mut line = self.line.take();
        line.clear();
        lower::reserve(&mut line, start.len())?;
        line.extend_from_slice(start);
        head::receive_line(self.beneath()?, operation, line, LONGEST_LINE)
    }

    /// As [`receive_line`](Self::receive_line), for lines of which the number is not limited.
    pub(super) fn receive_head_line(&self, operation: &mut Operation) -> Result<Vec<u8>> {
        let line = self.receive_line(operation)?;
        let length = self.head_length.get() + line.len();
        self.head_length.set(length);
        if length > LONGEST_HEAD { Err(Errno::EMSGSIZE) } else { Ok(line) }
    }

    fn head_begins(&self, start: Start, length: usize) {
        self.has_received_head.set(true);
        self.input.set(Input::Head(start));
        self.received.set(Framing::default());
        self.head_length.set(length);
    }

    fn head_ends(&self, start: Start) -> Result<()> {
        let body = start.body(self.received.get())?;
        let left = if let Body::Length(length) = body { length } else { 0 };
        self.head_length.set(0);
        self.input.set(match body {
            Body::None | Body::Length(0) => Input::Idle,
            body => Input::Body(Incoming { body, left, begun: false }),
        });
        Ok(())
    }

    /// Drops what is left of the message before.
    fn skip_to_head(&self, operation: &mut Operation) -> Result<()> {
        self.skip_head(operation)?;
        self.skip_body(operation)?;
        match self.input.get() {
            // That message was ended by the end of the connection.
            Input::Ended => Err(Errno::EPIPE),
            _ => operation.start_over(),
        }
    }

    /// Drops what is left of a head.
    pub(super) fn skip_head(&self, operation: &mut Operation) -> Result<()> {
        while let Input::Head(start) = self.input.get() {
            let mut line = self.receive_head_line(operation)?;
            if line == b"\r\n" {
                self.head_ends(start)?;
            } else {
                let (name, value) = syntax::parse_field(&mut line)?;
                let mut framing = self.received.get();
                framing.take(name, value)?;
                self.received.set(framing);
            }
            self.line.set(line);
        }
        Ok(())
    }

    /// Receives the rest of a head, the rest of a body that was begun, the heads that the peer
    /// owes, and the rest of an empty line before a request.
    pub(super) fn finish_receiving(&self, exchange: Exchange, deadline: i64) -> Result<()> {
        let begun = match self.input.get() {
            Input::Idle if self.is_head_due(exchange) || self.between.length() > 0 => false,
            Input::Head(_) => false,
            Input::Body(Incoming { begun: true, .. }) => true,
            _ => return Ok(()),
        };
        self.receiving_any(deadline, |operation| {
            self.skip_head(operation)?;
            if begun {
                self.skip_body(operation)?;
            }
            while self.input.get() == Input::Idle && self.is_head_due(exchange) {
                self.drop_head(operation)?;
            }
            if self.between.length() > 0 {
                self.skip_empty_line(operation.deadline)?;
            }
            Ok(())
        })
        .map_err(|error| match error {
            // The stream has ended where the head was due.
            Errno::EPIPE => Errno::ECONNRESET,
            error => error,
        })
    }

    /// Returns whether a head of the peer's has to come before the stream is at the boundary that
    /// [`detach`](super::detach) leaves it at.
    fn is_head_due(&self, exchange: Exchange) -> bool {
        let due = !self.asked.get().is_empty() || !self.has_received_head.get();
        exchange == Exchange::Whole && due
    }

    /// Receives a head and drops it. An empty one says that the peer has ended the exchange
    /// without a message.
    fn drop_head(&self, operation: &mut Operation) -> Result<()> {
        let mut line = self.receive_first_line(operation)?;
        let length = line.len();
        if line == b"\r\n" {
            self.has_received_head.set(true);
            self.asked.set(Unanswered::default());
            self.line.set(line);
            return Ok(());
        }
        let is_client = !self.asked.get().is_empty();
        let start = if is_client || !self.has_sent_head.get() && line.starts_with(b"HTTP/") {
            let response = syntax::parse_status(&mut line)?;
            let mut asked = self.asked.get();
            let method = asked.answer(response.status);
            self.asked.set(asked);
            Start::Response(response.version, response.status, method)
        } else {
            Start::Request(syntax::parse_request(&mut line)?.version)
        };
        self.head_begins(start, length);
        self.line.set(line);
        self.skip_head(operation)
    }
}

fn line_length(request: &syntax::RequestLine<'_>) -> usize {
    request.method.len() + request.resource.len() + b"  HTTP/1.1\r\n".len()
}
