//! HTTP.

mod fields;
mod receiving;
mod sending;
mod values;

pub use fields::HttpFields;
pub use values::{HttpBody, HttpRequest, HttpResponse};

use crate::protocols::http::{self, Exchange};
use crate::safe::sockets::lower::Lower;
use crate::safe::sockets::socket::Socket;
use crate::safe::sockets::{Deadlines, byte_stream};
use crate::{ByteStream, Deadline, Result};

/// HTTP/1.1 (RFC 9112) over a byte stream, for clients and servers. Any number of messages may follow
/// each other.
///
/// It is a byte stream itself: that of the bodies. [`recv`](Http::recv) and
/// [`Read`](std::io::Read) receive the body of the message whose head was received last, and find its
/// end; [`send`](Http::send) and [`Write`](std::io::Write) send that of the message whose head was
/// sent. What is left of a body is dropped when the next head is received.
///
/// A call that ends before its first byte, by its deadline or a cancellation, has changed nothing.
/// One that is cut off in a head, or in bytes that are lost by that, ends its direction for good.
/// What stands between the chunks of a body, and an empty line before a request, does not count.
///
/// Heads are limited to 64 KiB, lines of them to 8 KiB, and whatever two readers could understand
/// differently is refused ([`Error::Protocol`](crate::Error::Protocol)).
///
/// ```
/// use redill::{HttpBody, Deadline, Http, UnixStream};
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
/// # Ok::<(), redill::Error>(())
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
    /// [`Error::Canceled`](crate::Error::Canceled),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The stream is closed then.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let http = redill::Http::attach(a)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn attach(stream: S) -> Result<Http<S>> {
        let (socket, lower) = Lower::attach_to_stream(stream, http::attach, http::beneath)?;
        Ok(Http { socket, lower, deadlines: Deadlines::new() })
    }

    /// Ends the protocol, with what was begun of a message, and gives the stream back, at the boundary
    /// between two messages. So it is done after `101 Switching Protocols`, for instance.
    ///
    /// A message of the peer's of which nothing was received yet is left to the stream, with its
    /// head. (C's `http_detach` waits for that head and drops it, as in libdill.)
    ///
    /// # Errors
    ///
    /// [`Error::Reset`](crate::Error::Reset) if a call has failed halfway; those of the stream. The
    /// stream is closed then.
    ///
    /// ```
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// let http = Http::attach(a)?;
    /// http.send_request("GET", "/", &[("Host", "example.org")], HttpBody::Empty, Deadline::NEVER)?;
    /// let stream: UnixStream = http.detach(Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn detach(self, deadline: impl Into<Deadline>) -> Result<S> {
        let deadline = deadline.into().raw();
        self.lower.detach_from_stream(self.socket, |handle| {
            http::detach(handle, Exchange::Begun, deadline)
        })
    }

    /// The stream beneath, for questions such as its peer's address. To send or receive there tears
    /// messages.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let http = redill::Http::attach(a)?;
    /// let stream: &redill::UnixStream = http.get_ref();
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

byte_stream!([S] Http<S>);
