//! WebSocket.

mod values;

pub use values::{CloseReason, Content, WsMessage, WsRequest};

use crate::os::errno::Errno;
use crate::protocols::websocket::{self, Host, LONGEST_REASON};
use crate::safe::sockets::lower::Lower;
use crate::safe::sockets::message_socket;
use crate::safe::sockets::socket::Socket;
use crate::sockets::adapter::carry;
use crate::{ByteStream, Deadline, Error, Result};
use core::ffi::c_int;
use std::io::IoSlice;

/// WebSocket (RFC 6455), both sides: messages over a byte stream, for browsers among others.
///
/// Pings are answered while a coroutine is receiving. As a [`MessageSocket`](crate::MessageSocket)
/// it sends and expects binary messages, or texts if [`text`](Ws::text) says so.
///
/// ```
/// use redill::{Bundle, Deadline, Error, UnixStream, Ws, WsMessage};
///
/// let (a, b) = UnixStream::pair()?;
/// let bundle = Bundle::new()?;
/// let client = bundle.spawn(move || Ws::connect(a, "example.org", "/chat", Deadline::NEVER))?;
/// let server = Ws::accept(b, Deadline::NEVER)?;
/// let client = client.join(Deadline::NEVER)??;
///
/// client.send_text("hello", Deadline::NEVER)?;
/// assert_eq!(server.recv_message(100, Deadline::NEVER)?, WsMessage::Text("hello".to_owned()));
///
/// client.done(1000, "good bye", Deadline::NEVER)?;
/// assert_eq!(server.recv_message(100, Deadline::NEVER), Err(Error::Done));
/// assert_eq!(server.close_reason().unwrap().reason, "good bye");
/// server.done(1000, "", Deadline::NEVER)?;
/// let stream: UnixStream = client.detach(1000, "", Deadline::NEVER)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Ws<S> {
    // Dropped in this order: the core's protocol before what lies beneath.
    socket: Socket,
    lower: Lower<S>,
}

/// What a WebSocket is made as, unless the user says otherwise.
const CONTENT: websocket::Content = websocket::Content::Binary;

impl<S: ByteStream + 'static> Ws<S> {
    fn attach(stream: S, attach: impl FnOnce(c_int) -> Result<c_int, Errno>) -> Result<Ws<S>> {
        let (socket, lower) = Lower::attach_to_stream(stream, attach, websocket::beneath)?;
        Ok(Ws { socket, lower })
    }

    /// Becomes a client: asks the server at the other end of the stream for a resource of a virtual
    /// host.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] when the server refuses, or does not speak WebSocket; [`Error::Os`] with
    /// `EINVAL` for texts that can't stand in a request; those of the stream. The stream is closed
    /// then.
    ///
    /// ```no_run
    /// use redill::{TcpStream, Ws};
    /// use std::time::Duration;
    ///
    /// let stream = TcpStream::connect("example.org:80", Duration::from_secs(10))?;
    /// let ws = Ws::connect(stream, "example.org", "/chat", Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn connect(
        stream: S,
        host: &str,
        resource: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Ws<S>> {
        let deadline = deadline.into().raw();
        let host = Host { resource: resource.as_bytes(), host: host.as_bytes() };
        Ws::attach(stream, |handle| {
            websocket::attach_client(handle, CONTENT, Some(&host), deadline)
        })
    }

    /// Becomes a server: waits for a client's request and grants it, whatever it asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] when that is no request for a WebSocket, which the client has been told;
    /// those of the stream. The stream is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, Error, UnixStream, Ws};
    /// let (browser, stream) = UnixStream::pair()?;
    /// browser.send(b"GET / HTTP/1.1\r\n\r\n", Deadline::NEVER)?;
    /// assert_eq!(Ws::accept(stream, Deadline::NEVER).unwrap_err(), Error::Protocol);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn accept(stream: S, deadline: impl Into<Deadline>) -> Result<Ws<S>> {
        Ws::accept_if(stream, |_| true, deadline)
    }

    /// As [`accept`](Ws::accept), if `decide` agrees with what the client asks for.
    ///
    /// # Errors
    ///
    /// The same, and [`Error::Os`] with `EACCES` when `decide` refuses, which the client has been
    /// told.
    ///
    /// ```
    /// # use redill::{Deadline, Error, UnixStream, Ws};
    /// # let (browser, stream) = UnixStream::pair()?;
    /// # browser.send(b"GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    /// #     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    /// #     Sec-WebSocket-Version: 13\r\n\r\n", Deadline::NEVER)?;
    /// let ws = Ws::accept_if(stream, |request| request.resource == "/chat", Deadline::NEVER);
    /// # assert_eq!(ws.unwrap_err(), Error::Os(libc::EACCES));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn accept_if(
        stream: S,
        mut decide: impl FnMut(WsRequest<'_>) -> bool,
        deadline: impl Into<Deadline>,
    ) -> Result<Ws<S>> {
        let deadline = deadline.into().raw();
        let mut accept = |host: &Host<'_>| {
            // What is no text suits nobody.
            let text = |bytes| core::str::from_utf8(bytes).map_err(|_| Errno::EACCES);
            let request = WsRequest { resource: text(host.resource)?, host: text(host.host)? };
            if decide(request) { Ok(()) } else { Err(Errno::EACCES) }
        };
        Ws::attach(stream, |handle| {
            websocket::attach_server(handle, CONTENT, Some(&mut accept), deadline)
        })
    }

    /// Becomes a client without any handshake: both sides have agreed on it by other means.
    ///
    /// # Errors
    ///
    /// [`Error::Canceled`], [`Error::OutOfMemory`]. The stream is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws};
    /// let (a, b) = UnixStream::pair()?;
    /// let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// client.send(b"hello", Deadline::NEVER)?;
    /// assert_eq!(server.recv_vec(100, Deadline::NEVER)?, b"hello");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn raw_client(stream: S) -> Result<Ws<S>> {
        Ws::attach(stream, |handle| websocket::attach_client(handle, CONTENT, None, -1))
    }

    /// Becomes a server without any handshake; see [`raw_client`](Ws::raw_client).
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let server = redill::Ws::raw_server(a)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn raw_server(stream: S) -> Result<Ws<S>> {
        Ws::attach(stream, |handle| websocket::attach_server(handle, CONTENT, None, -1))
    }

    /// Ends the connection in an orderly way: sends a Close frame, unless that was done, waits for the
    /// peer's, and gives the stream back. Messages that come before are dropped. A status of 0 stands
    /// for none.
    ///
    /// # Errors
    ///
    /// As [`done`](Ws::done) and [`recv_message`](Ws::recv_message). The stream is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// # server.done(1000, "", Deadline::NEVER)?;
    /// let stream: UnixStream = client.detach(1000, "", std::time::Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn detach(self, status: u16, reason: &str, deadline: impl Into<Deadline>) -> Result<S> {
        let deadline = deadline.into().raw();
        self.lower.detach_from_stream(self.socket, |handle| {
            websocket::detach(handle, status.into(), reason.as_bytes(), deadline)
        })
    }

    /// The stream beneath, for questions such as its peer's address. To send or receive there tears
    /// messages.
    ///
    /// ```
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let ws = redill::Ws::raw_server(a)?;
    /// let stream: &redill::UnixStream = ws.get_ref();
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

impl<S> Ws<S> {
    /// From now on [`send`](Ws::send) and the like send texts, and [`recv`](Ws::recv) and the like
    /// expect some.
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws};
    /// # let (a, b) = UnixStream::pair()?;
    /// let (client, server) = (Ws::raw_client(a)?.text(), Ws::raw_server(b)?);
    /// client.send(b"hello", Deadline::NEVER)?;
    /// // That is no binary message.
    /// assert_eq!(server.recv_vec(100, Deadline::NEVER), Err(redill::Error::Protocol));
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn text(self) -> Ws<S> {
        // It can fail only where everything else does.
        let _ = websocket::set_content(self.socket.number(), websocket::Content::Text);
        self
    }

    /// Sends a text.
    ///
    /// # Errors
    ///
    /// See [`MessageSocket::send_vectored`](crate::MessageSocket::send_vectored).
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws, WsMessage};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// client.send_text("hello", Deadline::NEVER)?;
    /// assert_eq!(server.recv_message(5, Deadline::NEVER)?.as_bytes(), b"hello");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_text(&self, text: &str, deadline: impl Into<Deadline>) -> Result<()> {
        self.send_as(Content::Text, text.as_bytes(), deadline.into())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// See [`MessageSocket::send_vectored`](crate::MessageSocket::send_vectored).
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws, WsMessage};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// client.send_binary(&[1, 2, 3], Deadline::NEVER)?;
    /// assert_eq!(server.recv_message(5, Deadline::NEVER)?, WsMessage::Binary(vec![1, 2, 3]));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_binary(&self, bytes: &[u8], deadline: impl Into<Deadline>) -> Result<()> {
        self.send_as(Content::Binary, bytes, deadline.into())
    }

    fn send_as(&self, content: Content, bytes: &[u8], deadline: Deadline) -> Result<()> {
        let number = self.socket.number();
        let buffers = [IoSlice::new(bytes)];
        carry(|| websocket::send_slices(number, content.into(), &buffers, deadline.raw()))
            .map_err(Error::of)
    }

    /// Receives a message of at most `limit` bytes, of either kind. Memory that it does not need is
    /// not touched.
    ///
    /// Pings and pongs are no part of a message, so a call that times out between two messages can
    /// be followed by a [`ping`](Ws::ping) and another call, which keeps the connection alive.
    ///
    /// # Errors
    ///
    /// [`Error::Done`] when the peer has sent its last message; [`close_reason`](Ws::close_reason)
    /// tells why. [`Error::MessageSize`] for a longer message, [`Error::Protocol`] for an error of the
    /// peer's, [`Error::Os`] with `EILSEQ` for a text that is not UTF-8: after these the connection can
    /// only be closed, and [`done`](Ws::done) with status 0 tells the peer what was wrong.
    /// [`Error::Reset`] when the stream has ended without a Close frame. Others as
    /// [`MessageSocket::recv`](crate::MessageSocket::recv).
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws, WsMessage};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// # client.send_text("hello", Deadline::NEVER)?;
    /// match server.recv_message(1_000_000, Deadline::NEVER)? {
    ///     WsMessage::Text(text) => assert_eq!(text, "hello"),
    ///     WsMessage::Binary(bytes) => unreachable!(),
    /// }
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv_message(&self, limit: usize, deadline: impl Into<Deadline>) -> Result<WsMessage> {
        let deadline = deadline.into().raw();
        let number = self.socket.number();
        let received = carry(|| websocket::receive_vec(number, limit, deadline));
        match received.map_err(Error::of)? {
            (bytes, websocket::Content::Binary) => Ok(WsMessage::Binary(bytes)),
            (bytes, websocket::Content::Text) => match String::from_utf8(bytes) {
                Ok(text) => Ok(WsMessage::Text(text)),
                // The core has checked it already.
                Err(_) => Err(Error::of(Errno::EILSEQ)),
            },
        }
    }

    /// Asks the peer for a sign of life: it answers with a pong, which is dropped when it comes. So a
    /// connection through routers that forget idle ones stays open. The payload has at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Ws::send_text); [`Error::Os`] with `EINVAL` for a longer payload.
    ///
    /// ```
    /// # use redill::{Deadline, UnixStream, Ws};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let client = Ws::raw_client(a)?;
    /// client.ping(b"", Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn ping(&self, payload: &[u8], deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        carry(|| websocket::ping(self.socket.number(), payload, deadline)).map_err(Error::of)
    }

    /// Sends a Close frame, after which nothing can be sent. Receiving goes on, until the peer has sent
    /// one, too. A status of 0 stands for none, or for what was wrong if receiving has failed. Others
    /// are 1000 (normal), 1001 (going away), those up to 1014 that RFC 6455 allows, and 3000 to 4999.
    /// The reason has at most 123 bytes.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Ws::send_text); [`Error::Done`] if that was done before; [`Error::Os`] with
    /// `EINVAL` for another status or a longer reason.
    ///
    /// ```
    /// # use redill::{Deadline, Error, UnixStream, Ws};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// client.done(1001, "the page is closed", Deadline::NEVER)?;
    /// assert_eq!(client.send_text("one more", Deadline::NEVER), Err(Error::Done));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn done(&self, status: u16, reason: &str, deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        let (number, reason) = (self.socket.number(), reason.as_bytes());
        carry(|| websocket::done(number, status.into(), reason, deadline)).map_err(Error::of)
    }

    /// Why the peer has ended the connection; `None` as long as it has not.
    ///
    /// ```
    /// # use redill::{Deadline, Error, UnixStream, Ws};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let (client, server) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
    /// assert_eq!(server.close_reason(), None);
    /// client.done(4242, "tired", Deadline::NEVER)?;
    /// assert_eq!(server.recv_message(100, Deadline::NEVER), Err(Error::Done));
    /// assert_eq!(server.close_reason().unwrap().status, 4242);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        let mut text = [0; LONGEST_REASON];
        let (status, length) = websocket::status(self.socket.number(), Some(&mut text)).ok()?;
        let reason = String::from_utf8_lossy(&text[..length]).into_owned();
        Some(CloseReason { status, reason })
    }
}

message_socket!([S] Ws<S>);
