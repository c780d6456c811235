//! Receiving messages.

use super::{Http, HttpFields, HttpRequest, HttpResponse};
use crate::os::allocation::text;
use crate::os::errno::Errno;
use crate::protocols::http;
use crate::sockets::adapter::carry;
use crate::{Deadline, Error, Result};

impl<S> Http<S> {
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
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let server = Http::attach(a)?;
    /// # b.send(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", Deadline::NEVER)?;
    /// # b.done()?;
    /// while let Some(request) = server.recv_request(Deadline::NEVER)? {
    ///     server.send_response(404, "Not Found", &[], HttpBody::Empty, Deadline::NEVER)?;
    /// }
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv_request(&self, deadline: impl Into<Deadline>) -> Result<Option<HttpRequest>> {
        let (number, deadline) = (self.socket.number(), deadline.into().raw());
        let (mut method, mut target) = (String::new(), String::new());
        let mut put = |first: &[u8], second: &[u8]| {
            (method, target) = (text(first)?, text(second)?);
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
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Http::attach(a)?;
    /// # b.send(b"HTTP/1.1 204 No Content\r\n\r\n", Deadline::NEVER)?;
    /// let response = client.recv_response(Deadline::NEVER)?;
    /// assert_eq!((response.status, &*response.reason), (204, "No Content"));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv_response(&self, deadline: impl Into<Deadline>) -> Result<HttpResponse> {
        let (number, deadline) = (self.socket.number(), deadline.into().raw());
        let mut reason = String::new();
        let mut put = |bytes: &[u8]| {
            reason = text(bytes)?;
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
        let mut put = |name: &[u8], value: &[u8]| fields.add(name, value);
        loop {
            match carry(|| http::receive_field(number, &mut put, deadline)) {
                Ok(()) => {}
                Err(Errno::EPIPE) => return Ok(fields),
                // What has come of the head is lost, so the rest makes no sense.
                Err(error) => {
                    http::break_input(number);
                    return Err(Error::of(error));
                }
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
    /// # use redill::{HttpBody, Deadline, Http, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Http::attach(a)?;
    /// # b.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Deadline::NEVER)?;
    /// let response = client.recv_response(Deadline::NEVER)?;
    /// assert_eq!(client.recv_body(1_000_000, Deadline::NEVER)?, b"hello");
    /// # Ok::<(), redill::Error>(())
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
            let count = self.recv(&mut body[start..], deadline).inspect_err(|_| {
                // What has come of the body is lost.
                if start > 0 {
                    http::break_input(self.socket.number());
                }
            })?;
            body.truncate(start + count);
            match count {
                0 => return Ok(body),
                _ if body.len() > limit => return Err(Error::MessageSize),
                _ => {}
            }
        }
    }
}
