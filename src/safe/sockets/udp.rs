//! UDP.

use super::socket::Socket;
use super::{ToHost, descriptor, message_socket, resolve};
use crate::sockets::ip_address::{self, IpAddress};
use crate::sockets::storage::Storage;
use crate::sockets::{slices, udp};
use crate::{Deadline, Error, Result};
use core::net::SocketAddr;
use std::io::IoSlice;
use std::os::fd::OwnedFd;

/// A socket for UDP datagrams. Sending never blocks, and nothing is guaranteed: messages may get
/// lost, arrive twice, or in another order.
///
/// With a remote address it is a [`MessageSocket`](crate::MessageSocket) to and from that.
///
/// ```
/// use redill::{Deadline, UdpSocket};
///
/// let a = UdpSocket::bind("127.0.0.1:0")?;
/// let b = UdpSocket::bind("127.0.0.1:0")?;
/// a.send_to(b"hello", b.local_addr()?)?;
/// let mut buffer = [0; 100];
/// let (length, sender) = b.recv_from(&mut buffer, Deadline::NEVER)?;
/// assert_eq!(&buffer[..length], b"hello");
/// assert_eq!(sender, a.local_addr()?);
/// # Ok::<(), redill::Error>(())
/// ```
pub struct UdpSocket {
    socket: Socket,
}

impl UdpSocket {
    /// A socket that receives on an address; with port 0 on one that the system chooses.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`](crate::TcpListener::bind).
    ///
    /// ```
    /// let socket = redill::UdpSocket::bind("127.0.0.1:0")?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn bind(host: impl ToHost) -> Result<UdpSocket> {
        let mut outcome = Err(Error::from_errno(libc::EADDRNOTAVAIL));
        for address in resolve(host, Deadline::NEVER)? {
            outcome = UdpSocket::open(Some(address), None);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// A socket for messages to and from one remote address. Those of others are dropped.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`](crate::TcpListener::bind), and [`Error::TimedOut`] for names.
    ///
    /// ```
    /// # use redill::{Deadline, UdpSocket};
    /// let server = UdpSocket::bind("127.0.0.1:0")?;
    /// let client = UdpSocket::connect(server.local_addr()?, Deadline::NEVER)?;
    /// client.send(b"question", Deadline::NEVER)?;
    /// let (_, address) = server.recv_from(&mut [0; 100], Deadline::NEVER)?;
    /// server.send_to(b"answer", address)?;
    /// assert_eq!(client.recv_vec(100, Deadline::NEVER)?, b"answer");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn connect(host: impl ToHost, deadline: impl Into<Deadline>) -> Result<UdpSocket> {
        let addresses = resolve(host, deadline)?;
        UdpSocket::open(None, addresses.first().copied())
    }

    /// A socket with the addresses of both ends, or of one of them.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`](crate::TcpListener::bind); [`Error::Os`] with `EINVAL` when one
    /// address is of IPv4 and the other one of IPv6.
    ///
    /// ```
    /// # use redill::UdpSocket;
    /// let ours = "127.0.0.1:0".parse().unwrap();
    /// let theirs = "127.0.0.1:53".parse().unwrap();
    /// let socket = UdpSocket::open(Some(ours), Some(theirs))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn open(local: Option<SocketAddr>, remote: Option<SocketAddr>) -> Result<UdpSocket> {
        let mut local = local.map(IpAddress::from);
        let remote = remote.map(IpAddress::from);
        let opened = udp::open(local.as_mut(), remote.as_ref(), Storage::Own);
        Socket::opened(opened).map(|socket| UdpSocket { socket })
    }

    /// Makes a socket of a descriptor: that of a UDP socket, with whatever options it has been given.
    /// If it is connected, that is its remote address. It becomes non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` when it is no such socket; [`Error::Canceled`],
    /// [`Error::OutOfMemory`]. The descriptor is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, UdpSocket};
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_broadcast(true)?;
    /// let socket = UdpSocket::from_fd(socket.into())?;
    /// # socket.send_to(b"x", socket.local_addr()?)?;
    /// # assert_eq!(socket.recv_vec(10, Deadline::NEVER)?, b"x");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<UdpSocket> {
        Socket::opened(descriptor::adopt(fd, udp::from_fd)).map(|socket| UdpSocket { socket })
    }

    /// Sends a message to an address.
    ///
    /// # Errors
    ///
    /// [`Error::MessageSize`] for more than 65,507 bytes or so; [`Error::Os`] with `ENETUNREACH`,
    /// `EHOSTUNREACH`, `EACCES` and the like, or `ECONNREFUSED`, which tells of an earlier message.
    ///
    /// ```
    /// # use redill::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"hello", socket.local_addr()?)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_to(&self, message: &[u8], address: SocketAddr) -> Result<()> {
        self.send_vectored_to(&[IoSlice::new(message)], address)
    }

    /// Sends the parts as one message to an address.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to).
    ///
    /// ```
    /// # use redill::UdpSocket;
    /// # use std::io::IoSlice;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    /// socket.send_vectored_to(&parts, socket.local_addr()?)?;
    /// assert_eq!(socket.recv_vec(100, redill::Deadline::NEVER)?, b"headbody");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send_vectored_to(&self, parts: &[IoSlice<'_>], address: SocketAddr) -> Result<()> {
        let number = self.socket.number();
        slices::send_datagram(number, &address.into(), parts).map_err(Error::of)
    }

    /// Receives a message: its length, and the sender's address. One that is longer than the buffer is
    /// lost ([`Error::MessageSize`]), and the socket goes on.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Canceled`], [`Error::MessageSize`]; [`Error::Busy`] when
    /// another coroutine is receiving; [`Error::Os`] with `ECONNREFUSED`, which tells that nobody has
    /// received a message sent before.
    ///
    /// ```
    /// # use redill::{Deadline, Error, UdpSocket};
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"hello", socket.local_addr()?)?;
    /// let outcome = socket.recv_from(&mut [0; 3], Deadline::NEVER);
    /// assert_eq!(outcome, Err(Error::MessageSize));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
        deadline: impl Into<Deadline>,
    ) -> Result<(usize, SocketAddr)> {
        let deadline = deadline.into().raw();
        let received = slices::receive_datagram(self.socket.number(), buffer, deadline);
        let (length, sender) = received.map_err(Error::of)?;
        Ok((length, sender.decode().map_err(Error::immediate)?))
    }

    /// The address of this end. Where none was given the system chooses it with the first message.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    ///
    /// ```
    /// let socket = redill::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn local_addr(&self) -> Result<SocketAddr> {
        ip_address::of_socket(udp::descriptor(self.socket.number())).map_err(Error::immediate)
    }

    /// The remote address.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `ENOTCONN` if it has none.
    ///
    /// ```
    /// # use redill::{Deadline, Error, UdpSocket};
    /// let server = UdpSocket::bind("127.0.0.1:0")?;
    /// let client = UdpSocket::connect(server.local_addr()?, Deadline::NEVER)?;
    /// assert_eq!(client.peer_addr()?, server.local_addr()?);
    /// assert_eq!(server.peer_addr(), Err(Error::Os(libc::ENOTCONN)));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        let remote = udp::remote(self.socket.number());
        remote.and_then(|remote| remote.decode()).map_err(Error::immediate)
    }
}

message_socket!([] UdpSocket);

descriptor::descriptors!(
    /// For options and the like.
    UdpSocket, udp::descriptor, from std::net::UdpSocket
);
