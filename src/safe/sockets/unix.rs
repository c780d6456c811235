//! Local sockets (`AF_UNIX`).

use super::socket::Socket;
use super::tcp::until_canceled;
use super::{Deadlines, byte_stream, descriptor};
use crate::os::allocation;
use crate::sockets::ipc;
use crate::sockets::storage::Storage;
use crate::{Deadline, Error, Result};
use core::ffi::c_int;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// Connections that wait to be accepted, at most.
const BACKLOG: c_int = 128;

fn file(path: &Path) -> Result<CString> {
    allocation::c_string(path.as_os_str().as_bytes()).map_err(Error::immediate)
}

/// Listens for local connections.
///
/// ```
/// use redill::{Deadline, UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("dill-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let client = UnixStream::connect(&path, Deadline::NEVER)?;
/// let server = listener.accept(Deadline::NEVER)?;
/// std::fs::remove_file(&path)?;
/// client.send(b"hello", Deadline::NEVER)?;
/// # let mut buffer = [0; 5];
/// # server.recv_exact(&mut buffer, Deadline::NEVER)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub struct UnixListener {
    socket: Socket,
}

impl UnixListener {
    /// Listens on a file, which is made and must not exist. It stays when the listener goes.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EADDRINUSE` if there is such a file, `ENOENT`, `EACCES`,
    /// `ENAMETOOLONG` (some 100 bytes are allowed) and the like; [`Error::Canceled`].
    ///
    /// ```
    /// assert!(redill::UnixListener::bind("/there/is/no/such/folder").is_err());
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> Result<UnixListener> {
        let listener = ipc::listen(&file(path.as_ref())?, BACKLOG);
        Socket::opened(listener).map(|socket| UnixListener { socket })
    }

    /// Accepts a connection.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`](crate::TcpListener::accept).
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("dill-accept-{}", std::process::id()));
    /// let listener = redill::UnixListener::bind(&path)?;
    /// # std::fs::remove_file(&path)?;
    /// let outcome = listener.accept(std::time::Duration::from_millis(1));
    /// assert_eq!(outcome.unwrap_err(), redill::Error::TimedOut);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn accept(&self, deadline: impl Into<Deadline>) -> Result<UnixStream> {
        let deadline = deadline.into().raw();
        let accepted = ipc::accept(self.socket.number(), Storage::Own, deadline);
        Socket::opened(accepted).map(UnixStream::new)
    }

    /// Accepts one connection after the other, for ever: see
    /// [`TcpListener::incoming`](crate::TcpListener::incoming).
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("dill-incoming-{}", std::process::id()));
    /// let listener = redill::UnixListener::bind(&path)?;
    /// let client = redill::UnixStream::connect(&path, redill::Deadline::NEVER)?;
    /// # std::fs::remove_file(&path)?;
    /// let mut incoming = listener.incoming();
    /// let server = incoming.next().unwrap()?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn incoming(&self) -> impl Iterator<Item = Result<UnixStream>> + '_ {
        until_canceled(|| self.accept(Deadline::NEVER))
    }

    /// The file on which it listens.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("dill-local-{}", std::process::id()));
    /// let listener = redill::UnixListener::bind(&path)?;
    /// # std::fs::remove_file(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(&*path));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn local_addr(&self) -> Result<SocketAddr> {
        let listener = net::UnixListener::from(self.as_fd().try_clone_to_owned()?);
        Ok(listener.local_addr()?)
    }

    /// Makes a listener of a descriptor: that of a local stream socket which listens. It becomes
    /// non-blocking.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::from_fd`](crate::TcpListener::from_fd).
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("dill-from-{}", std::process::id()));
    /// let listener = std::os::unix::net::UnixListener::bind(&path)?;
    /// # std::fs::remove_file(&path)?;
    /// let listener = redill::UnixListener::from_fd(listener.into())?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<UnixListener> {
        let listener = descriptor::adopt(fd, ipc::listener_from_fd);
        Socket::opened(listener).map(|socket| UnixListener { socket })
    }

    /// Gives the descriptor out, non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EMFILE`.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("dill-into-{}", std::process::id()));
    /// let listener = redill::UnixListener::bind(&path)?;
    /// # std::fs::remove_file(&path)?;
    /// let listener = std::os::unix::net::UnixListener::from(listener.into_fd()?);
    /// listener.set_nonblocking(false)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn into_fd(self) -> Result<OwnedFd> {
        self.socket.give_up(ipc::into_fd).map(|(fd, _)| fd)
    }
}

super::handles!([] UnixListener);

descriptor::descriptors!(
    /// For options and the like.
    UnixListener, ipc::descriptor, from std::os::unix::net::UnixListener
);

/// A local connection. Besides bytes it can carry file descriptors.
///
/// It implements [`Read`](std::io::Read) and [`Write`](std::io::Write) like
/// [`TcpStream`](crate::TcpStream).
///
/// ```
/// use redill::UnixStream;
/// use std::io::{Read, Write};
///
/// let (mut a, mut b) = UnixStream::pair()?;
/// a.write_all(b"hello")?;
/// a.done()?;
/// let mut text = String::new();
/// b.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), redill::Error>(())
/// ```
pub struct UnixStream {
    socket: Socket,
    deadlines: Deadlines,
}

impl UnixStream {
    fn new(socket: Socket) -> UnixStream {
        UnixStream { socket, deadlines: Deadlines::new() }
    }

    /// Connects to the listener of a file. When its queue is full, that waits until there is room.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `ENOENT`, `ECONNREFUSED` if nobody listens any more, `EACCES`,
    /// `ENAMETOOLONG` and the like; [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// ```
    /// let outcome = redill::UnixStream::connect("/no/such/file", redill::Deadline::NEVER);
    /// assert_eq!(outcome.unwrap_err(), redill::Error::Os(libc::ENOENT));
    /// ```
    pub fn connect(path: impl AsRef<Path>, deadline: impl Into<Deadline>) -> Result<UnixStream> {
        let path = file(path.as_ref())?;
        let connected = ipc::connect(&path, Storage::Own, deadline.into().raw());
        Socket::opened(connected).map(UnixStream::new)
    }

    /// Makes two connections that are each other's peers.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EMFILE`, `ENFILE`; [`Error::Canceled`], [`Error::OutOfMemory`].
    ///
    /// ```
    /// let (a, b) = redill::UnixStream::pair()?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn pair() -> Result<(UnixStream, UnixStream)> {
        let [first, second] = ipc::pair(Storage::Own).map_err(Error::immediate)?;
        Ok((UnixStream::new(Socket::new(first)), UnixStream::new(Socket::new(second))))
    }

    /// Passes a descriptor to the peer, which gets one of its own for the same file. In the stream it
    /// takes a byte, which only [`recv_fd`](UnixStream::recv_fd) may receive.
    ///
    /// # Errors
    ///
    /// As [`ByteStream::send_vectored`](crate::ByteStream::send_vectored). Other than a broken
    /// connection they do it no harm.
    ///
    /// ```
    /// use redill::{Deadline, UnixStream};
    /// use std::io::{PipeReader, Read, Write};
    ///
    /// let (a, b) = UnixStream::pair()?;
    /// let (rx, mut tx) = std::io::pipe()?;
    /// a.send_fd(&rx, Deadline::NEVER)?;
    /// let mut theirs = PipeReader::from(b.recv_fd(Deadline::NEVER)?);
    /// tx.write_all(b"x")?;
    /// theirs.read_exact(&mut [0])?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_fd(&self, fd: impl AsFd, deadline: impl Into<Deadline>) -> Result<()> {
        let fd = fd.as_fd().as_raw_fd();
        let deadline = deadline.into().raw();
        ipc::send_descriptor(self.socket.number(), fd, deadline).map_err(Error::of)
    }

    /// Receives a descriptor that the peer has passed.
    ///
    /// # Errors
    ///
    /// As [`ByteStream::recv`](crate::ByteStream::recv), and [`Error::Done`] at the end of the
    /// stream; [`Error::Protocol`] if the next byte came without a descriptor, after which nothing can
    /// be received any more; [`Error::Os`] with `EMFILE` if there is no number for it, and it is lost.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// a.send(b"x", redill::Deadline::NEVER)?;
    /// assert_eq!(b.recv_fd(redill::Deadline::NEVER).unwrap_err(), redill::Error::Protocol);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv_fd(&self, deadline: impl Into<Deadline>) -> Result<OwnedFd> {
        ipc::receive_owned(self.socket.number(), deadline.into().raw()).map_err(Error::of)
    }

    /// Says that no more will be sent: the peer finds the end of the stream behind all that it has
    /// not received yet. Receiving goes on.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::done`](crate::TcpStream::done).
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// a.done()?;
    /// assert_eq!(b.recv(&mut [0; 10], redill::Deadline::NEVER)?, 0);
    /// b.send(b"still here", redill::Deadline::NEVER)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[doc(alias = "shutdown")]
    pub fn done(&self) -> Result<()> {
        ipc::done(self.socket.number()).map_err(Error::of)
    }

    /// Ends the connection in an orderly way: says that no more will be sent, and waits until the
    /// peer has said so, too, and so has received everything. What it sends meanwhile is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Canceled`], [`Error::Reset`]. The connection is closed in any
    /// case.
    ///
    /// ```
    /// # let (a, b) = redill::UnixStream::pair()?;
    /// b.done()?;
    /// a.close(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn close(self, deadline: impl Into<Deadline>) -> Result<()> {
        // The handle is closed in any case.
        ipc::close(self.socket.into_number(), deadline.into().raw()).map_err(Error::of)
    }

    /// The file of this end, if it has one: that is the end of whoever has accepted the connection.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// let (a, _b) = redill::UnixStream::pair()?;
    /// assert!(a.local_addr()?.is_unnamed());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.as_std()?.local_addr()?)
    }

    /// The file of the other end, if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("dill-peer-{}", std::process::id()));
    /// # let listener = redill::UnixListener::bind(&path)?;
    /// let client = redill::UnixStream::connect(&path, redill::Deadline::NEVER)?;
    /// # std::fs::remove_file(&path)?;
    /// assert_eq!(client.peer_addr()?.as_pathname(), Some(&*path));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        Ok(self.as_std()?.peer_addr()?)
    }

    /// The same socket once more, as the standard library knows how to read addresses of files.
    fn as_std(&self) -> Result<net::UnixStream> {
        Ok(net::UnixStream::from(self.as_fd().try_clone_to_owned()?))
    }

    /// Makes a connection of a descriptor: that of a local stream socket which is connected. It
    /// becomes non-blocking.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::from_fd`](crate::TcpStream::from_fd).
    ///
    /// ```
    /// let (a, b) = std::os::unix::net::UnixStream::pair()?;
    /// let a = redill::UnixStream::from_fd(a.into())?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<UnixStream> {
        let stream = descriptor::adopt(fd, |fd| ipc::from_fd(fd, Storage::Own));
        Socket::opened(stream).map(UnixStream::new)
    }

    /// Gives the descriptor out, non-blocking. Local sockets never read ahead, so nothing else is
    /// left of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EMFILE`.
    ///
    /// ```
    /// let (a, _b) = redill::UnixStream::pair()?;
    /// let a = std::os::unix::net::UnixStream::from(a.into_fd()?);
    /// a.set_nonblocking(false)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn into_fd(self) -> Result<OwnedFd> {
        self.socket.give_up(ipc::into_fd).map(|(fd, _)| fd)
    }
}

byte_stream!([] UnixStream);

descriptor::descriptors!(
    /// For options and the like.
    UnixStream, ipc::descriptor, from std::os::unix::net::UnixStream
);
