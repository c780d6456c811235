//! TCP listeners.

use super::TcpStream;
use crate::safe::sockets::socket::Socket;
use crate::safe::sockets::{ToHost, descriptor, handles, resolve};
use crate::sockets::ip_address::{self, IpAddress};
use crate::sockets::storage::Storage;
use crate::sockets::tcp;
use crate::{Deadline, Error, Result};
use core::ffi::c_int;
use core::net::SocketAddr;
use std::os::fd::OwnedFd;

/// Connections that wait to be accepted, at most, unless said otherwise.
const BACKLOG: u32 = 128;

/// Listens for TCP connections.
///
/// ```
/// use redill::{Deadline, TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
/// let (mut server, peer) = listener.accept(Deadline::NEVER)?;
/// assert_eq!(peer, client.local_addr()?);
///
/// client.write_all(b"hello")?;
/// client.done()?;
/// let mut text = String::new();
/// server.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct TcpListener {
    socket: Socket,
}

impl TcpListener {
    /// Listens on an address; with port 0 on one that the system chooses. Of a name that stands for
    /// several addresses the first one that works is used.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EINVAL` and the like;
    /// [`Error::Canceled`], and for names those of [`resolve`].
    ///
    /// ```
    /// let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// assert!(redill::TcpListener::bind(listener.local_addr()?).is_err());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn bind(host: impl ToHost) -> Result<TcpListener> {
        TcpListener::bind_with_backlog(host, BACKLOG)
    }

    /// As [`bind`](TcpListener::bind), with room for so many connections that nobody has accepted
    /// yet.
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// let listener = redill::TcpListener::bind_with_backlog("127.0.0.1:0", 1024)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn bind_with_backlog(host: impl ToHost, backlog: u32) -> Result<TcpListener> {
        let backlog = c_int::try_from(backlog).unwrap_or(c_int::MAX);
        let mut outcome = Err(Error::from_errno(libc::EADDRNOTAVAIL));
        for address in resolve(host, Deadline::NEVER)? {
            let listener = tcp::listen(&mut IpAddress::from(address), backlog, Storage::Own);
            outcome = Socket::opened(listener).map(|socket| TcpListener { socket });
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Accepts a connection, and tells the address of its other end.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Canceled`]; [`Error::Busy`] when another coroutine is
    /// accepting; [`Error::Os`] with `EMFILE`, `ENFILE` when there are no descriptors, and
    /// [`Error::OutOfMemory`]: then the connection is still there, to be accepted later.
    ///
    /// ```
    /// use redill::{Deadline, Error, TcpListener};
    /// use std::time::Duration;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// assert_eq!(listener.accept(Duration::from_millis(1)).unwrap_err(), Error::TimedOut);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn accept(&self, deadline: impl Into<Deadline>) -> Result<(TcpStream, SocketAddr)> {
        let accepted = tcp::accept(self.socket.number(), Storage::Own, deadline.into().raw());
        let (handle, peer) = accepted.map_err(Error::of)?;
        let stream = TcpStream::new(Socket::new(handle));
        Ok((stream, peer.decode().map_err(Error::immediate)?))
    }

    /// Accepts one connection after the other, for ever: until the caller is cancelled, or a cancel
    /// scope around it fires. Errors of [`accept`](TcpListener::accept) other than that are items.
    ///
    /// ```
    /// use redill::{Bundle, CancelScope, Deadline, Grace, Outcome, TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let server = Bundle::new()?;
    /// server.go(move || {
    ///     let accept_all = || {
    ///         for stream in listener.incoming() {
    ///             let stream = stream.unwrap();
    ///             stream.send(b"hello", Deadline::NEVER).unwrap();
    ///             stream.close(Deadline::NEVER).unwrap();
    ///         }
    ///     };
    ///     // The request to finish ends the loop.
    ///     CancelScope::request().run(accept_all).unwrap();
    /// })?;
    /// let client = TcpStream::connect(address, Deadline::NEVER)?;
    /// client.recv_exact(&mut [0; 5], Deadline::NEVER)?;
    /// client.close(Deadline::NEVER)?;
    /// assert_eq!(server.cancel(Grace::Unlimited)?, Outcome::Finished);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn incoming(&self) -> impl Iterator<Item = Result<TcpStream>> + '_ {
        until_canceled(|| self.accept(Deadline::NEVER).map(|(stream, _)| stream))
    }

    /// The address on which it listens.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// let listener = redill::TcpListener::bind("[::1]:0")?;
    /// assert!(listener.local_addr()?.ip().is_loopback());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn local_addr(&self) -> Result<SocketAddr> {
        ip_address::of_socket(tcp::descriptor(self.socket.number())).map_err(Error::immediate)
    }

    /// Makes a listener of a descriptor: that of a TCP socket which listens. It becomes
    /// non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` when it is no such socket; with `EMFILE`, `ENFILE`;
    /// [`Error::Canceled`], [`Error::OutOfMemory`]. The descriptor is closed then.
    ///
    /// ```
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listener = redill::TcpListener::from_fd(listener.into())?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<TcpListener> {
        let listener = descriptor::adopt(fd, |fd| tcp::listener_from_fd(fd, Storage::Own));
        Socket::opened(listener).map(|socket| TcpListener { socket })
    }

    /// Gives the descriptor out, non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EMFILE`.
    ///
    /// ```
    /// let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// let listener = std::net::TcpListener::from(listener.into_fd()?);
    /// listener.set_nonblocking(false)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn into_fd(self) -> Result<OwnedFd> {
        self.socket.give_up(tcp::into_fd).map(|(fd, _)| fd)
    }
}

handles!([] TcpListener);

descriptor::descriptors!(
    /// For options and the like.
    TcpListener, tcp::descriptor, from std::net::TcpListener
);

/// The results of `accept`, as long as the caller is not cancelled: each call would fail at once then.
pub(in crate::safe::sockets) fn until_canceled<T>(
    mut accept: impl FnMut() -> Result<T>,
) -> impl Iterator<Item = Result<T>> {
    core::iter::from_fn(move || match accept() {
        Err(Error::Canceled) => None,
        result => Some(result),
    })
}
