//! HTTP.

use super::HttpFields;
use crate::os::errno::Errno;
use crate::protocols::http;
use crate::safe::sockets::socket::{Lower, Socket};
use crate::safe::sockets::{Deadlines, byte_stream};
use crate::sockets::adapter::carry;
use crate::sockets::slices;
use crate::{ByteStream, Deadline, Error, Result};
use core::ffi::c_int;
use std::io::IoSlice;

/// The body of a message that is about to be sent.
///
/// ```
/// use dill::{HttpBody, Deadline, Http, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let (client, server) = (Http::attach(a)?, Http::attach(b)?);
/// let fields = [("Host", "example.org")];
/// client.send_request("PUT", "/x", &fields, HttpBody::Chunked, Deadline::NEVER)?;
/// client.send(b"as much ", Deadline::NEVER)?;
/// client.send(b"as it takes", Deadline::NEVER)?;
/// client.done(Deadline::NEVER)?;
///
/// let request = server.recv_request(Deadline::NEVER)?.unwrap();
/// assert!(request.fields.has_token("Transfer-Encoding", "chunked"));
/// assert_eq!(server.recv_body(1000, Deadline::NEVER)?, b"as much as it takes");
/// # Ok::<(), dill::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpBody<'a> {
    /// None. A response that could have one says that it is empty.
    Empty,
    /// This is all of it, and leaves with the head. Nothing of it is sent in answer to a `HEAD`.
    Whole(&'a [u8]),
    /// It has so many bytes, which will follow.
    Length(u64),
    /// It will follow in pieces, and its end is told by [`Http::done`].
    Chunked,
    /// It will follow, and ends with the connection. Only responses can have such a one.
    UntilClose,
}

/// A request that has been received, without its body.
///
/// ```
/// # fn example(request: dill::HttpRequest) {
/// if request.method == "GET" && request.target == "/" { /* … */ }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HttpRequest {
    /// Such as `GET`.
    pub method: String,
    /// Such as `/index.html`.
    pub target: String,
    /// The fields.
    pub fields: HttpFields,
}

/// A response that has been received, without its body.
///
/// ```
/// # fn example(response: dill::HttpResponse) {
/// if response.status == 200 { /* … */ }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HttpResponse {
    /// Such as 404.
    pub status: u16,
    /// Such as `Not Found`.
    pub reason: String,
    /// The fields.
    pub fields: HttpFields,
}

/// HTTP/1.1 (RFC 9112) over a byte stream, for clients and servers. Any number of messages may follow
/// each other.
///
/// It is a byte stream itself: that of the bodies. [`recv`](Http::recv) and
/// [`Read`](std::io::Read) receive the body of the message whose head was received last, and find its
/// end; [`send`](Http::send) and [`Write`](std::io::Write) send that of the message whose head was
/// sent. What is left of a body is dropped when the next head is received.
///
/// Heads are limited to 64 KiB, lines of them to 8 KiB, and whatever two readers could understand
/// differently is refused ([`Error::Protocol`]).
///
/// ```
/// use dill::{HttpBody, Deadline, Http, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let (client, server) = (Http::attach(a)?, Http::attach(b)?);
///
/// let fields = [("Host", "example.org")];
/// client.send_request("GET", "/hello", &fields, HttpBody::Empty, Deadline::NEVER)?;
///
/// let request = server.recv_request(Deadline::NEVER)?.unwrap();
/// assert_eq!((&*request.method, &*request.target), ("GET", "/hello"));
/// server.send_response(200, "OK", &[], HttpBody::Whole(b"Hello!"), Deadline::NEVER)?;
///
/// let response = client.recv_response(Deadline::NEVER)?;
/// assert_eq!(response.status, 200);
/// assert_eq!(client.recv_body(1000, Deadline::NEVER)?, b"Hello!");
/// # Ok::<(), dill::Error>(())
/// ```
pub struct Http<S> {
    // Dropped in this order: the core's protocol before what lies beneath.
    socket: Socket,
    lower: Lower<S>,
    deadlines: Deadlines,
}

impl<S: ByteStream + 'static> Http<S> {
    /// Puts HTTP on top of a byte stream.
    ///
    /// # Errors
    ///
    /// [`Error::Canceled`], [`Error::OutOfMemory`]. The stream is closed then.
    ///
    /// ```
    /// # let (a, _b) = dill::UnixStream::pair()?;
    /// let http = dill::Http::attach(a)?;
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn attach(stream: S) -> Result<Http<S>> {
        let (socket, lower) = Lower::attach_to_stream(stream, http::attach, http::beneath)?;
        Ok(Http { socket, lower, deadlines: Deadlines::new() })
    }

    /// Ends the protocol, with what was begun of a message, and gives the stream back, at the boundary
    /// between two messages. So it is done after `101 Switching Protocols`, for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Reset`] if a call has failed halfway; those of the stream. The stream is closed then.
    ///
    /// ```
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// let http = Http::attach(a)?;
    /// http.send_request("GET", "/", &[("Host", "example.org")], HttpBody::Empty, Deadline::NEVER)?;
    /// let stream: UnixStream = http.detach(Deadline::NEVER)?;
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn detach(self, deadline: impl Into<Deadline>) -> Result<S> {
        let deadline = deadline.into().raw();
        self.lower.detach_from_stream(self.socket, |handle| http::detach(handle, deadline))
    }

    /// The stream beneath, for questions such as its peer's address. To send or receive there tears
    /// messages.
    ///
    /// ```
    /// # let (a, _b) = dill::UnixStream::pair()?;
    /// let http = dill::Http::attach(a)?;
    /// let stream: &dill::UnixStream = http.get_ref();
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

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
    /// [`Error::Os`] with `EINVAL` for what can't stand in a head, or a field about the body's length;
    /// [`Error::MessageSize`] for too long a head; [`Error::Os`] with `ENOBUFS` when 32 requests are
    /// not answered yet; [`Error::Protocol`] when the message before is not finished: then nothing has
    /// been sent. Others as [`ByteStream::send_vectored`].
    ///
    /// ```
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Http::attach(a)?;
    /// let fields = [("Host", "example.org"), ("Content-Type", "text/plain")];
    /// client.send_request("POST", "/", &fields, HttpBody::Whole(b"news"), Deadline::NEVER)?;
    /// # Ok::<(), dill::Error>(())
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
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let server = Http::attach(a)?;
    /// let fields = [("Location", "/elsewhere")];
    /// server.send_response(301, "Moved Permanently", &fields, HttpBody::Empty, Deadline::NEVER)?;
    /// # Ok::<(), dill::Error>(())
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
        let length = length.map(|length| length.to_string());
        let framing = match &length {
            Some(length) => Some(("Content-Length", length.as_str())),
            None if body == HttpBody::Chunked => Some(("Transfer-Encoding", "chunked")),
            None => None,
        };
        let fields = || fields.iter().copied().chain(framing);
        let bytes = || fields().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        // First of all, so that a wrong field leaves no head half begun.
        http::check_fields(&mut bytes(), framing.is_some()).map_err(Error::of)?;
        let (number, deadline) = (self.socket.number(), deadline.raw());
        carry(|| {
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
        })
        .map_err(Error::of)
    }

    /// Ends a body: of one that is [`Chunked`](HttpBody::Chunked) this tells the end, and of one
    /// [`UntilClose`](HttpBody::UntilClose) no other message can follow. Others end by their length.
    ///
    /// # Errors
    ///
    /// As [`ByteStream::send_vectored`]; [`Error::MessageSize`] when bytes are missing;
    /// [`Error::Done`] when no body was begun.
    ///
    /// ```
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let server = Http::attach(a)?;
    /// server.send_response(200, "OK", &[], HttpBody::Chunked, Deadline::NEVER)?;
    /// server.send(b"piece by piece", Deadline::NEVER)?;
    /// server.done(Deadline::NEVER)?;
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn done(&self, deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        carry(|| http::done_body(self.socket.number(), deadline)).map_err(Error::of)
    }

    /// Receives a request; `None` when the client has ended the connection instead, as it may between
    /// two of them.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`], [`Error::MessageSize`] for what is no request, or too long a one: then only
    /// an answer and the end can follow. [`Error::Reset`] when the connection is broken, or ends within
    /// a request. [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// ```
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let server = Http::attach(a)?;
    /// # b.send(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", Deadline::NEVER)?;
    /// # b.done()?;
    /// while let Some(request) = server.recv_request(Deadline::NEVER)? {
    ///     server.send_response(404, "Not Found", &[], HttpBody::Empty, Deadline::NEVER)?;
    /// }
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn recv_request(&self, deadline: impl Into<Deadline>) -> Result<Option<HttpRequest>> {
        let (number, deadline) = (self.socket.number(), deadline.into().raw());
        let (mut method, mut target) = (String::new(), String::new());
        let mut put = |first: &[u8], second: &[u8]| {
            (method, target) = (text(first), text(second));
            Ok(())
        };
        match carry(|| http::receive_request(number, &mut put, deadline)) {
            Err(Errno::EPIPE) => return Ok(None),
            result => result.map_err(Error::of)?,
        }
        Ok(Some(HttpRequest { method, target, fields: self.recv_fields(deadline)? }))
    }

    /// Receives a response. Those that only announce another one (100 to 199) are responses, too.
    ///
    /// # Errors
    ///
    /// [`Error::Done`] when the server has ended the connection between two responses. Others as
    /// [`recv_request`](Http::recv_request).
    ///
    /// ```
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Http::attach(a)?;
    /// # b.send(b"HTTP/1.1 204 No Content\r\n\r\n", Deadline::NEVER)?;
    /// let response = client.recv_response(Deadline::NEVER)?;
    /// assert_eq!((response.status, &*response.reason), (204, "No Content"));
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn recv_response(&self, deadline: impl Into<Deadline>) -> Result<HttpResponse> {
        let (number, deadline) = (self.socket.number(), deadline.into().raw());
        let mut reason = String::new();
        let mut put = |bytes: &[u8]| {
            reason = text(bytes);
            Ok(())
        };
        let status = carry(|| http::receive_status(number, &mut put, deadline));
        let status = status.map_err(Error::of)?;
        // Three digits: the core has checked them.
        let status = u16::try_from(status).unwrap_or(u16::MAX);
        Ok(HttpResponse { status, reason, fields: self.recv_fields(deadline)? })
    }

    fn recv_fields(&self, deadline: i64) -> Result<HttpFields> {
        let number = self.socket.number();
        let mut fields = HttpFields::default();
        let mut put = |name: &[u8], value: &[u8]| {
            fields.0.push((text(name), value.to_vec()));
            Ok(())
        };
        loop {
            match carry(|| http::receive_field(number, &mut put, deadline)) {
                Ok(()) => {}
                Err(Errno::EPIPE) => return Ok(fields),
                Err(error) => return Err(Error::of(error)),
            }
        }
    }

    /// Receives the whole body, or what is left of it, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::MessageSize`] when there is more. Others as [`recv`](Http::recv).
    ///
    /// ```
    /// # use dill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Http::attach(a)?;
    /// # b.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Deadline::NEVER)?;
    /// let response = client.recv_response(Deadline::NEVER)?;
    /// assert_eq!(client.recv_body(1_000_000, Deadline::NEVER)?, b"hello");
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn recv_body(&self, limit: usize, deadline: impl Into<Deadline>) -> Result<Vec<u8>> {
        const AT_ONCE: usize = 64 * 1024;
        let deadline = deadline.into();
        let mut body = Vec::new();
        loop {
            let start = body.len();
            // One more than allowed, to see that there is more.
            let room = AT_ONCE.max(start).min(limit.saturating_sub(start).saturating_add(1));
            body.try_reserve_exact(room).map_err(|_| Error::OutOfMemory)?;
            body.resize(start + room, 0);
            let count = self.recv(&mut body[start..], deadline)?;
            body.truncate(start + count);
            match count {
                0 => return Ok(body),
                _ if body.len() > limit => return Err(Error::MessageSize),
                _ => {}
            }
        }
    }
}

/// Sends a head with a whole body, or alone if that is the answer to a `HEAD`.
fn send_whole(number: c_int, bytes: &[u8], deadline: i64) -> Result<(), Errno> {
    match slices::send_bytes(number, &[IoSlice::new(bytes)], deadline) {
        // The length was right, so this can't have a body.
        Err(Errno::EMSGSIZE) => http::done(number, deadline),
        result => result,
    }
}

/// Methods and field names are ASCII; what else a target or a reason may hold is replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

byte_stream!([S] Http<S>);
