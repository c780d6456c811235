//! SOCKS5 (RFC 1928) with user names and passwords (RFC 1929), for clients and for proxies.
//!
//! A stream goes in, and comes out connected to somewhere else.
//!
//! ```
//! use redill::socks5::{self, Command, Reply};
//! use redill::{Bundle, Deadline, Host, ToHost, UnixStream};
//!
//! let (stream, theirs) = UnixStream::pair()?;
//! let bundle = Bundle::new()?;
//! let proxy = bundle.spawn(move || -> redill::Result<Host> {
//!     let stream = socks5::accept(theirs, Deadline::NEVER)?;
//!     let (stream, command, host) = socks5::recv_command(stream, Deadline::NEVER)?;
//!     assert_eq!(command, Command::Connect);
//!     // Here a proxy connects to the host.
//!     let address = "127.0.0.1:4711".parse().unwrap();
//!     let stream = socks5::reply(stream, Reply::Succeeded, address, Deadline::NEVER)?;
//!     stream.send(b"hello", Deadline::NEVER)?;
//!     Ok(host)
//! })?;
//!
//! let stream = socks5::connect(stream, "example.org:80", None, Deadline::NEVER)?;
//! let mut buffer = [0; 5];
//! stream.recv_exact(&mut buffer, Deadline::NEVER)?;
//! assert_eq!(&buffer, b"hello");
//! assert_eq!(proxy.join(Deadline::NEVER)??, "example.org:80".to_host()?);
//! # Ok::<(), redill::Error>(())
//! ```

use crate::os::errno::Errno;
use crate::protocols::socks5::{self as core_socks5, Target};
use crate::safe::sockets::lower::Lower;
use crate::{ByteStream, Deadline, Error, Host, Result, ToHost};
use core::ffi::{CStr, c_int};
use core::net::SocketAddr;

/// Has the proxy at the other end of a stream connect it to a host; names are looked up by the proxy.
/// `credentials` are a user name and a password of at most 255 bytes each, for proxies that want to know.
///
/// # Errors
///
/// [`Error::Os`] with `EACCES` when the proxy refuses us or the host, `EINVAL` for what can't be sent,
/// and the proxy's own: `EIO`, `ENETUNREACH`, `EHOSTUNREACH`, `ECONNREFUSED`, `EOPNOTSUPP`,
/// `EAFNOSUPPORT`; [`Error::TimedOut`] also as such; [`Error::Protocol`]; those of the stream. The stream
/// is closed then.
///
/// ```no_run
/// use redill::{TcpStream, socks5};
/// use std::time::Duration;
///
/// let deadline = redill::Deadline::after(Duration::from_secs(10));
/// let stream = TcpStream::connect("127.0.0.1:1080", deadline)?;
/// let credentials = Some(("user", "secret"));
/// let stream = socks5::connect(stream, "example.org:80", credentials, deadline)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub fn connect<S: ByteStream + 'static>(
    stream: S,
    host: impl ToHost,
    credentials: Option<(&str, &str)>,
    deadline: impl Into<Deadline>,
) -> Result<S> {
    let host = host.to_host()?;
    let deadline = deadline.into().raw();
    let credentials = credentials.map(|(user, password)| (user.as_bytes(), password.as_bytes()));
    let connect = |handle| match &host {
        Host::Address(address) => {
            core_socks5::connect(handle, credentials, &(*address).into(), deadline)
        }
        Host::Name(name, port) => {
            let (name, port) = (name.as_bytes(), (*port).into());
            core_socks5::connect_by_name(handle, credentials, name, port, deadline)
        }
    };
    Lower::lend(stream, connect).map(|(stream, ())| stream)
}

/// As a proxy, takes a client that need not say who it is.
///
/// # Errors
///
/// [`Error::Os`] with `EACCES` when the client does not agree with that, and has been told so;
/// [`Error::Protocol`]; those of the stream. The stream is closed then.
///
/// ```
/// # use redill::{Deadline, Error, UnixStream, socks5};
/// let (client, stream) = UnixStream::pair()?;
/// client.send(b"GET / HTTP/1.1\r\n\r\n", Deadline::NEVER)?; // that is another protocol
/// assert_eq!(socks5::accept(stream, Deadline::NEVER).unwrap_err(), Error::Protocol);
/// # Ok::<(), redill::Error>(())
/// ```
pub fn accept<S: ByteStream + 'static>(stream: S, deadline: impl Into<Deadline>) -> Result<S> {
    let deadline = deadline.into().raw();
    Lower::lend(stream, |handle| core_socks5::authenticate(handle, None, deadline))
        .map(|(stream, ())| stream)
}

/// As a proxy, takes a client whose user name and password `decide` agrees with. What is not UTF-8 in them
/// suits nobody.
///
/// # Errors
///
/// As [`accept`]; [`Error::Os`] with `EACCES` when `decide` refuses, and the client has been told so.
///
/// ```no_run
/// # use redill::{Deadline, UnixStream, socks5};
/// # fn example(stream: UnixStream) -> redill::Result<()> {
/// let decide = |user: &str, password: &str| (user, password) == ("user", "secret");
/// let stream = socks5::accept_if(stream, decide, Deadline::NEVER)?;
/// # Ok(())
/// # }
/// ```
pub fn accept_if<S: ByteStream + 'static>(
    stream: S,
    mut decide: impl FnMut(&str, &str) -> bool,
    deadline: impl Into<Deadline>,
) -> Result<S> {
    let deadline = deadline.into().raw();
    let mut decide = |user: &CStr, password: &CStr| match (user.to_str(), password.to_str()) {
        (Ok(user), Ok(password)) => decide(user, password),
        _ => false,
    };
    Lower::lend(stream, |handle| core_socks5::authenticate(handle, Some(&mut decide), deadline))
        .map(|(stream, ())| stream)
}

/// What a client wants of a proxy.
///
/// ```
/// assert_ne!(redill::socks5::Command::Connect, redill::socks5::Command::Bind);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// A connection to a host.
    Connect,
    /// To wait for a connection from a host.
    Bind,
    /// Datagrams to and from a host.
    UdpAssociate,
}

/// As a proxy, receives what a client wants, and of whom. It is to be answered with [`reply`].
///
/// # Errors
///
/// [`Error::Protocol`]; those of the stream. The stream is closed then.
///
/// ```no_run
/// # use redill::{Deadline, UnixStream, socks5};
/// # fn example(stream: UnixStream) -> redill::Result<()> {
/// let (stream, command, host) = socks5::recv_command(stream, Deadline::NEVER)?;
/// println!("{command:?} {host:?}");
/// # Ok(())
/// # }
/// ```
pub fn recv_command<S: ByteStream + 'static>(
    stream: S,
    deadline: impl Into<Deadline>,
) -> Result<(S, Command, Host)> {
    let deadline = deadline.into().raw();
    let receive = |handle| core_socks5::receive_command(handle, deadline);
    let (stream, (command, target)) = Lower::lend(stream, receive)?;
    let command = match command {
        1 => Command::Connect,
        2 => Command::Bind,
        _ => Command::UdpAssociate,
    };
    let host = match target {
        Target::Address(address) => Host::Address(address),
        Target::Name(name, port) => match String::from_utf8(name) {
            Ok(name) => Host::Name(name, port),
            Err(_) => return Err(Error::of(Errno::EPROTO)),
        },
    };
    Ok((stream, command, host))
}

/// What a proxy answers.
///
/// ```
/// assert_eq!(redill::socks5::Reply::Succeeded as u8, 0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reply {
    /// The stream is connected.
    Succeeded = 0,
    /// A failure of the proxy's own.
    GeneralFailure = 1,
    /// The rules of the proxy forbid that.
    NotAllowed = 2,
    /// There is no way to the network.
    NetworkUnreachable = 3,
    /// There is no such host, or no way to it.
    HostUnreachable = 4,
    /// Nobody listens there.
    ConnectionRefused = 5,
    /// Nobody has answered.
    TtlExpired = 6,
    /// The proxy can't do that.
    CommandNotSupported = 7,
    /// The proxy knows no addresses of that kind.
    AddressTypeNotSupported = 8,
}

/// As a proxy, tells a client what has come of its command, and the address that the proxy uses for it.
///
/// # Errors
///
/// Those of the stream, which is closed then.
///
/// ```no_run
/// # use redill::{Deadline, UnixStream, socks5};
/// # fn example(stream: UnixStream) -> redill::Result<()> {
/// let nowhere = "0.0.0.0:0".parse().unwrap();
/// socks5::reply(stream, socks5::Reply::ConnectionRefused, nowhere, Deadline::NEVER)?;
/// # Ok(())
/// # }
/// ```
pub fn reply<S: ByteStream + 'static>(
    stream: S,
    reply: Reply,
    address: SocketAddr,
    deadline: impl Into<Deadline>,
) -> Result<S> {
    let deadline = deadline.into().raw();
    let send = |handle| {
        core_socks5::send_reply(handle, c_int::from(reply as u8), &address.into(), deadline)
    };
    Lower::lend(stream, send).map(|(stream, ())| stream)
}
