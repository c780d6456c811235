//! Sending messages.

use super::{Http, HttpBody};
use crate::os::errno::Errno;
use crate::protocols::http;
use crate::sockets::adapter::carry;
use crate::sockets::slices;
use crate::{Deadline, Error, Result};
use core::ffi::c_int;
use std::io::{IoSlice, Write as _};

/// What stands in the head besides the fields of the user.
enum Start<'a> {
    Request { method: &'a str, target: &'a str },
    Response { status: u16, reason: &'a str },
}

impl<S> Http<S> {
    /// Sends a request. The fields say nothing about the length of the body: that is done here.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` for what can't stand in a head, or a field about the body's
    /// length; [`Error::MessageSize`] for too long a head; [`Error::Os`] with `ENOBUFS` when 32
    /// requests are not answered yet; [`Error::Protocol`](crate::Error::Protocol) when the message
    /// before is not finished: then nothing has been sent. Others as
    /// [`ByteStream::send_vectored`](crate::ByteStream::send_vectored); after one that a cancel
    /// scope has interrupted the head leaves with what is sent next.
    ///
    /// ```
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Http::attach(a)?;
    /// let fields = [("Host", "example.org"), ("Content-Type", "text/plain")];
    /// client.send_request("POST", "/", &fields, HttpBody::Whole(b"news"), Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_request(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: HttpBody<'_>,
        deadline: impl Into<Deadline>,
    ) -> Result<()> {
        if body == HttpBody::UntilClose {
            return Err(Error::of(Errno::EINVAL));
        }
        self.send_message(&Start::Request { method, target }, fields, body, deadline.into())
    }

    /// Sends a response. The fields say nothing about the length of the body: that is done here.
    ///
    /// # Errors
    ///
    /// As [`send_request`](Http::send_request).
    ///
    /// ```
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let server = Http::attach(a)?;
    /// let fields = [("Location", "/elsewhere")];
    /// server.send_response(301, "Moved Permanently", &fields, HttpBody::Empty, Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_response(
        &self,
        status: u16,
        reason: &str,
        fields: &[(&str, &str)],
        body: HttpBody<'_>,
        deadline: impl Into<Deadline>,
    ) -> Result<()> {
        self.send_message(&Start::Response { status, reason }, fields, body, deadline.into())
    }

    fn send_message(
        &self,
        start: &Start<'_>,
        fields: &[(&str, &str)],
        body: HttpBody<'_>,
        deadline: Deadline,
    ) -> Result<()> {
        let length = match (body, start) {
            (HttpBody::Whole(bytes), _) => Some(bytes.len() as u64),
            (HttpBody::Length(length), _) => Some(length),
            (HttpBody::Empty, Start::Response { status: 200..=203 | 205..=303 | 305.., .. }) => {
                Some(0)
            }
            _ => None,
        };
        let mut digits = [0; DIGITS];
        let framing = match length {
            Some(length) => Some(("Content-Length", decimal(length, &mut digits))),
            None if body == HttpBody::Chunked => Some(("Transfer-Encoding", "chunked")),
            None => None,
        };
        let fields = || fields.iter().copied().chain(framing);
        let bytes = || fields().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        // First of all, so that a wrong field leaves no head half begun.
        let first_line = match *start {
            Start::Request { method, target } => {
                method.len() + target.len() + "  HTTP/1.1\r\n".len()
            }
            Start::Response { reason, .. } => reason.len() + "HTTP/1.1 200 \r\n".len(),
        };
        http::check_fields(first_line, &mut bytes(), framing.is_some()).map_err(Error::of)?;
        let (number, deadline) = (self.socket.number(), deadline.raw());
        let before = http::before_head(number).map_err(Error::of)?;
        let sent = carry(|| {
            match *start {
                Start::Request { method, target } => {
                    http::send_request(number, method.as_bytes(), target.as_bytes())?;
                }
                Start::Response { status, reason } => {
                    http::send_status(number, status.into(), reason.as_bytes())?;
                }
            }
            for (name, value) in bytes() {
                http::send_field(number, name, value)?;
            }
            match body {
                HttpBody::Whole(bytes) if !bytes.is_empty() => send_whole(number, bytes, deadline),
                _ => http::done(number, deadline),
            }
        });
        sent.map_err(|error| {
            // A head that waits for its end would be in the way of the next one.
            http::take_back_head(number, before);
            Error::of(error)
        })
    }

    /// Ends a body: of one that is [`Chunked`](HttpBody::Chunked) this tells the end, and of one
    /// [`UntilClose`](HttpBody::UntilClose) no other message can follow. Others end by their length.
    ///
    /// # Errors
    ///
    /// As [`ByteStream::send_vectored`](crate::ByteStream::send_vectored); [`Error::MessageSize`]
    /// when bytes are missing; [`Error::Done`] when no body was begun.
    ///
    /// ```
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let server = Http::attach(a)?;
    /// server.send_response(200, "OK", &[], HttpBody::Chunked, Deadline::NEVER)?;
    /// server.send(b"piece by piece", Deadline::NEVER)?;
    /// server.done(Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn done(&self, deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        carry(|| http::done_body(self.socket.number(), deadline)).map_err(Error::of)
    }
}

/// The most that a number has.
const DIGITS: usize = 20;

/// The number as a text.
fn decimal(number: u64, digits: &mut [u8; DIGITS]) -> &str {
    let mut rest = &mut digits[..];
    // There is room for every number.
    let _ = write!(rest, "{number}");
    let length = DIGITS - rest.len();
    core::str::from_utf8(&digits[..length]).unwrap_or_default()
}

/// Sends a head with a whole body, or alone if that is the answer to a `HEAD`.
fn send_whole(number: c_int, bytes: &[u8], deadline: i64) -> Result<(), Errno> {
    match slices::send_bytes(number, &[IoSlice::new(bytes)], deadline) {
        // The length was right, so this can't have a body.
        Err(Errno::EMSGSIZE) => http::done(number, deadline),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 4_711, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; DIGITS]), number.to_string());
        }
    }
}
