//! TCP.

mod listener;

pub use listener::TcpListener;
pub(super) use listener::until_canceled;

use super::socket::Socket;
use super::{Deadlines, Host, ToHost, byte_stream, descriptor};
use crate::protocols::happy_eyeballs;
use crate::sockets::ip_address;
use crate::sockets::storage::Storage;
use crate::sockets::tcp;
use crate::{Deadline, Error, Result};
use core::net::SocketAddr;
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use std::os::fd::OwnedFd;

/// A TCP connection.
///
/// It implements [`Read`](std::io::Read) and [`Write`](std::io::Write), also for `&TcpStream`, so
/// that one coroutine can read while another one writes; and it has functions of its own that take
/// a deadline. Dropping it resets the connection, so that the peer does not take a torn stream for
/// all: [`close`](TcpStream::close) ends it in an orderly way.
///
/// There is no delay for small packets (`TCP_NODELAY`), unless
/// [`set_nodelay`](TcpStream::set_nodelay) says otherwise. For other options there is the descriptor
/// ([`AsFd`](std::os::fd::AsFd)), which crates such as `socket2` know what to do with.
///
/// ```
/// use redill::{Deadline, TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
/// let (server, _) = listener.accept(Deadline::NEVER)?;
/// client.send(b"ping", Deadline::NEVER)?;
/// let mut buffer = [0; 4];
/// server.recv_exact(&mut buffer, Deadline::NEVER)?;
/// assert_eq!(&buffer, b"ping");
/// # Ok::<(), redill::Error>(())
/// ```
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// let listener = redill::TcpListener::bind("127.0.0.1:0").unwrap();
/// let stream = redill::TcpStream::connect(listener.local_addr().unwrap(), None).unwrap();
/// std::thread::spawn(move || stream.done());
/// ```
pub struct TcpStream {
    socket: Socket,
    deadlines: Deadlines,
}

impl TcpStream {
    fn new(socket: Socket) -> TcpStream {
        TcpStream { socket, deadlines: Deadlines::new() }
    }

    /// Connects to a host. A name is looked up on a helper thread, and where it has several
    /// addresses, they race (RFC 8305, "happy eyeballs"): IPv6 has a head start, and an address that
    /// does not answer costs a quarter of a second.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `ECONNREFUSED`, `ENETUNREACH` and the like, of the last address that was
    /// tried; `EADDRNOTAVAIL` for a name without any; `EINVAL` for what is no host;
    /// [`Error::TimedOut`], [`Error::Canceled`], [`Error::OutOfMemory`].
    ///
    /// ```
    /// use redill::{Deadline, TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let port = listener.local_addr()?.port();
    /// let stream = TcpStream::connect(("localhost", port), Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn connect(host: impl ToHost, deadline: impl Into<Deadline>) -> Result<TcpStream> {
        let deadline = deadline.into().raw();
        let connected = match host.to_host()? {
            Host::Address(address) => tcp::connect(&address.into(), Storage::Own, deadline),
            Host::Name(name, port) => {
                happy_eyeballs::connect(name.as_bytes(), port.into(), deadline)
            }
        };
        Socket::opened(connected).map(TcpStream::new)
    }

    /// Says that no more will be sent: the peer finds the end of the stream behind all that it has
    /// not received yet. Receiving goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Done`] if that was said before, [`Error::Reset`] if the connection is broken,
    /// [`Error::Busy`] while another coroutine sends.
    ///
    /// ```
    /// # use redill::{Deadline, TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
    /// # let (server, _) = listener.accept(Deadline::NEVER)?;
    /// client.done()?;
    /// assert_eq!(server.recv(&mut [0; 10], Deadline::NEVER)?, 0);
    /// server.send(b"still here", Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[doc(alias = "shutdown")]
    pub fn done(&self) -> Result<()> {
        tcp::done(self.socket.number()).map_err(Error::of)
    }

    /// Ends the connection in an orderly way: says that no more will be sent, and waits until the
    /// peer has said so, too, and so has received everything. What it sends meanwhile is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Canceled`], [`Error::Reset`]: then the connection is reset.
    /// (Only a cancel scope leaves it to the system to deliver what was sent.)
    ///
    /// ```
    /// # use redill::{Deadline, TcpListener, TcpStream};
    /// # use std::time::Duration;
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
    /// # let (server, _) = listener.accept(Deadline::NEVER)?;
    /// server.done()?;
    /// client.close(Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn close(self, deadline: impl Into<Deadline>) -> Result<()> {
        // The handle is closed in any case.
        tcp::close(self.socket.into_number(), deadline.into().raw()).map_err(Error::of)
    }

    /// Has small packets wait until those before have arrived (`false`), which saves some, or not
    /// (`true`, as it is in the beginning).
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// # let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = redill::TcpStream::connect(listener.local_addr()?, redill::Deadline::NEVER)?;
    /// assert!(stream.nodelay()?);
    /// stream.set_nodelay(false)?;
    /// assert!(!stream.nodelay()?);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> Result<()> {
        setsockopt(self, sockopt::TcpNoDelay, &nodelay).map_err(Error::immediate)
    }

    /// Do small packets leave at once? See [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// # let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = redill::TcpStream::connect(listener.local_addr()?, redill::Deadline::NEVER)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn nodelay(&self) -> Result<bool> {
        getsockopt(self, sockopt::TcpNoDelay).map_err(Error::immediate)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// # use redill::{Deadline, TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
    /// assert_eq!(listener.accept(Deadline::NEVER)?.1, client.local_addr()?);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn local_addr(&self) -> Result<SocketAddr> {
        ip_address::of_socket(tcp::descriptor(self.socket.number())).map_err(Error::immediate)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `ENOTCONN` when the connection is broken.
    ///
    /// ```
    /// # use redill::{Deadline, TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
    /// assert_eq!(client.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        ip_address::of_peer(tcp::descriptor(self.socket.number())).map_err(Error::immediate)
    }

    /// Makes a connection of a descriptor: that of a TCP socket which is connected. It becomes
    /// non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` when it is no such socket; with `EMFILE`, `ENFILE`;
    /// [`Error::Canceled`], [`Error::OutOfMemory`]. The descriptor is closed then.
    ///
    /// ```
    /// # let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let stream = redill::TcpStream::from_fd(stream.into())?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<TcpStream> {
        let stream = descriptor::adopt(fd, |fd| tcp::from_fd(fd, Storage::Own));
        Socket::opened(stream).map(TcpStream::new)
    }

    /// Gives the descriptor out, non-blocking, and the bytes that were read ahead: they come before
    /// those that will be read from it.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EMFILE`.
    ///
    /// ```
    /// # let listener = redill::TcpListener::bind("127.0.0.1:0")?;
    /// # let address = listener.local_addr()?;
    /// # let stream = redill::TcpStream::connect(address, None::<redill::Deadline>)?;
    /// let (fd, read_ahead) = stream.into_fd()?;
    /// let stream = std::net::TcpStream::from(fd);
    /// stream.set_nonblocking(false)?;
    /// # assert!(read_ahead.is_empty());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn into_fd(self) -> Result<(OwnedFd, Vec<u8>)> {
        self.socket.give_up(tcp::into_fd)
    }
}

byte_stream!([] TcpStream);

descriptor::descriptors!(
    /// For options and the like. Bytes that are read from it may not be the next ones: some of
    /// those are here already.
    TcpStream, tcp::descriptor, from std::net::TcpStream
);
