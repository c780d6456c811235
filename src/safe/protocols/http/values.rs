//! Heads of messages, and what is told of their bodies.

use super::HttpFields;

/// The body of a message that is about to be sent.
///
/// ```
/// use redill::{HttpBody, Deadline, Http, UnixStream};
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
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpBody<'a> {
    /// None. A response that could have one says that it is empty.
    Empty,
    /// This is all of it, and leaves with the head. Nothing of it is sent in answer to a `HEAD`.
    Whole(&'a [u8]),
    /// It has so many bytes, which will follow.
    Length(u64),
    /// It will follow in pieces, and its end is told by [`Http::done`](crate::Http::done).
    Chunked,
    /// It will follow, and ends with the connection. Only responses can have such a one.
    UntilClose,
}

/// A request that has been received, without its body.
///
/// ```
/// # fn example(request: redill::HttpRequest) {
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
/// # fn example(response: redill::HttpResponse) {
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
