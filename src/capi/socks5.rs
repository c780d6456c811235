//! SOCKS5: connections through a proxy.

#![allow(dead_code)] // Constants for C.

use super::arguments::text;
use super::boundary::{int, unit};
use super::http::copy_text;
use super::ip_address::{address, address_mut, dill_ipaddr};
use crate::os::errno::{Errno, Result};
use crate::protocols::socks5::{self, LONGEST_NAME, Target};
use crate::sockets::ip_address::{self, IpAddress, Mode};
use core::ffi::{CStr, c_char, c_int};

/// Connect to the address.
pub const DILL_SOCKS5_CONNECT: c_int = 1;
/// Wait for a connection from the address.
pub const DILL_SOCKS5_BIND: c_int = 2;
/// Pass datagrams on.
pub const DILL_SOCKS5_UDP_ASSOCIATE: c_int = 3;

/// It has been done.
pub const DILL_SOCKS5_SUCCESS: c_int = 0;
/// The proxy has failed.
pub const DILL_SOCKS5_GENERAL_FAILURE: c_int = 1;
/// The proxy does not allow that.
pub const DILL_SOCKS5_CONNECTION_NOT_ALLOWED: c_int = 2;
/// The network cannot be reached.
pub const DILL_SOCKS5_NETWORK_UNREACHABLE: c_int = 3;
/// The host cannot be reached.
pub const DILL_SOCKS5_HOST_UNREACHABLE: c_int = 4;
/// The host refuses the connection.
pub const DILL_SOCKS5_CONNECTION_REFUSED: c_int = 5;
/// It has taken too long.
pub const DILL_SOCKS5_TTL_EXPIRED: c_int = 6;
/// The proxy does not know the command.
pub const DILL_SOCKS5_COMMAND_NOT_SUPPORTED: c_int = 7;
/// The proxy does not know such addresses.
pub const DILL_SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED: c_int = 8;

/// User name and password, if there are both.
///
/// # Safety
/// The texts are null or end with a zero.
unsafe fn credentials<'a>(
    username: *const c_char,
    password: *const c_char,
) -> Result<Option<(&'a [u8], &'a [u8])>> {
    // SAFETY: by the caller's promise.
    let (Ok(username), Ok(password)) = (unsafe { (text(username), text(password)) }) else {
        return Ok(None);
    };
    let (username, password) = (username.to_bytes(), password.to_bytes());
    if username.len() > LONGEST_NAME || password.len() > LONGEST_NAME {
        return Err(Errno::EINVAL);
    }
    Ok(Some((username, password)))
}

/// # Safety
/// `host` is null or has room for 256 bytes, `port` is null or a place for a value.
unsafe fn receive_command_by_name(
    s: c_int,
    host: *mut c_char,
    port: *mut c_int,
    deadline: i64,
) -> Result<c_int> {
    if host.is_null() || port.is_null() {
        return Err(Errno::EINVAL);
    }
    let (command, target) = socks5::receive_command(s, deadline)?;
    // SAFETY: by the caller's promise; a name is never longer.
    unsafe {
        *port = match target {
            Target::Address(address) => {
                let written = IpAddress::from(address).text()?;
                let written = CStr::from_bytes_until_nul(written.with_nul());
                let written = written.map_err(|_| Errno::EPROTO)?;
                copy_text(written.to_bytes(), host, LONGEST_NAME + 1)?;
                address.port().into()
            }
            Target::Name(name, port) => {
                copy_text(&name, host, LONGEST_NAME + 1)?;
                port.into()
            }
        };
    }
    Ok(command)
}

/// Has a SOCKS5 proxy connect a byte stream to an address.
///
/// On success the stream is as if it was connected to there itself. After an error it is of no
/// further use, unless the error was `EINVAL`. `ETIMEDOUT` may also come from the proxy.
///
/// # Parameters
///
/// - `s`: a byte stream to the proxy.
/// - `username`: the user's name, up to 255 bytes, or `NULL`.
/// - `password`: the password, up to 255 bytes, or `NULL`. Only if there is both, they are
///   offered.
/// - `addr`: the address to connect to.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the proxy does not accept the user, or does not allow the connection.
/// - `EAFNOSUPPORT`: `addr` holds no IP address, or the proxy does not support its kind.
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNREFUSED`: nobody listens at the address.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EHOSTUNREACH`, `ENETUNREACH`: the host cannot be reached.
/// - `EINVAL`: `addr` is `NULL`, or name or password is too long.
/// - `EIO`: the proxy has failed.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EOPNOTSUPP`: the proxy does not connect anybody.
/// - `EPIPE`: the peer has ended the stream.
/// - `EPROTO`: the proxy does not keep to the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int s = tcp_connect(&peer, -1);
/// if(socks5_client_connect(s, NULL, NULL, &addr, now() + 5000) == 0)
///     bsend(s, "hello", 5, -1);
/// ```
///
/// # See also
///
/// `socks5_client_connectbyname`, `socks5_proxy_auth`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_socks5_client_connect(
    s: c_int,
    username: *const c_char,
    password: *const c_char,
    addr: *mut dill_ipaddr,
    deadline: i64,
) -> c_int {
    // SAFETY: texts and address are the caller's promise.
    unit(unsafe {
        credentials(username, password)
            .and_then(|user| socks5::connect(s, user, address(addr)?, deadline))
    })
}

/// Has a SOCKS5 proxy connect a byte stream to a host.
///
/// On success the stream is as if it was connected to there itself. After an error it is of no
/// further use, unless the error was `EINVAL`. `ETIMEDOUT` may also come from the proxy.
///
/// # Parameters
///
/// - `s`: a byte stream to the proxy.
/// - `username`: the user's name, up to 255 bytes, or `NULL`.
/// - `password`: the password, up to 255 bytes, or `NULL`. Only if there is both, they are
///   offered.
/// - `hostname`: the host to connect to: a name of up to 255 bytes, which the proxy looks up, or
///   an address.
/// - `port`: the port, 1 to 65535.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the proxy does not accept the user, or does not allow the connection.
/// - `EAFNOSUPPORT`: the proxy does not support this kind of address.
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNREFUSED`: nobody listens at the address.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EHOSTUNREACH`, `ENETUNREACH`: the host cannot be reached.
/// - `EINVAL`: `hostname` is `NULL`, empty or too long, `port` is out of range, or name or
///   password is too long.
/// - `EIO`: the proxy has failed.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EOPNOTSUPP`: the proxy does not connect anybody.
/// - `EPIPE`: the peer has ended the stream.
/// - `EPROTO`: the proxy does not keep to the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int s = tcp_connect(&peer, -1);
/// socks5_client_connectbyname(s, "user", "secret", "www.example.org", 80, now() + 5000);
/// ```
///
/// # See also
///
/// `socks5_client_connect`, `socks5_proxy_auth`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_socks5_client_connectbyname(
    s: c_int,
    username: *const c_char,
    password: *const c_char,
    hostname: *const c_char,
    port: c_int,
    deadline: i64,
) -> c_int {
    // SAFETY: the texts are the caller's promise.
    unit(unsafe {
        credentials(username, password).and_then(|user| {
            socks5::connect_by_name(s, user, text(hostname)?.to_bytes(), port, deadline)
        })
    })
}

/// Finds out whom the client of a SOCKS5 proxy is.
///
/// The first of three steps, each of which is a function: `socks5_proxy_auth`,
/// `socks5_proxy_recvcommand` and `socks5_proxy_sendreply`. `auth_fn` must not block.
///
/// # Parameters
///
/// - `s`: a byte stream to the client.
/// - `auth_fn`: decides whether a user name and a password are right: returns 0 for no. If it is
///   `NULL`, clients are accepted without any.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the client is not accepted, or offers no suitable way to say who it is. It was told
///   so.
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the peer has ended the stream.
/// - `EPROTO`: the client does not keep to the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int s = tcp_accept(ls, NULL, -1);
/// if(socks5_proxy_auth(s, NULL, now() + 5000) < 0) perror("socks5_proxy_auth");
/// ```
///
/// # See also
///
/// `socks5_proxy_recvcommand`, `socks5_proxy_recvcommandbyname`, `socks5_proxy_sendreply`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_socks5_proxy_auth(
    s: c_int,
    auth_fn: Option<
        unsafe extern "C" fn(username: *const c_char, password: *const c_char) -> c_int,
    >,
    deadline: i64,
) -> c_int {
    let Some(auth_fn) = auth_fn else {
        return unit(socks5::authenticate(s, None, deadline));
    };
    let mut decide = |username: &CStr, password: &CStr| {
        // SAFETY: the function is the caller's promise; the texts live through the call.
        unsafe { auth_fn(username.as_ptr(), password.as_ptr()) != 0 }
    };
    unit(socks5::authenticate(s, Some(&mut decide), deadline))
}

/// Receives what the client of a SOCKS5 proxy wants, with an address.
///
/// If the client names a host, its address is looked up, IPv4 first.
///
/// # Parameters
///
/// - `s`: a byte stream to the client.
/// - `ipaddr`: where the address that the client wants to reach goes.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The command, `SOCKS5_CONNECT`, `SOCKS5_BIND` or `SOCKS5_UDP_ASSOCIATE`; or -1 with `errno` set
/// to one of the values below.
///
/// # Errors
///
/// - `EADDRNOTAVAIL`: the host that the client names has no address.
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EINVAL`: `ipaddr` is `NULL`.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the peer has ended the stream.
/// - `EPROTO`: the client does not keep to the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// struct ipaddr addr;
/// if(socks5_proxy_recvcommand(s, &addr, -1) == SOCKS5_CONNECT) {
///     int u = tcp_connect(&addr, now() + 5000);
/// }
/// ```
///
/// # See also
///
/// `socks5_proxy_recvcommandbyname`, `socks5_proxy_auth`, `socks5_proxy_sendreply`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_socks5_proxy_recvcommand(
    s: c_int,
    ipaddr: *mut dill_ipaddr,
    deadline: i64,
) -> c_int {
    // SAFETY: the place is the caller's promise.
    int(unsafe { address_mut(ipaddr) }.and_then(|place| {
        let (command, target) = socks5::receive_command(s, deadline)?;
        *place = match target {
            Target::Address(address) => address.into(),
            Target::Name(name, port) => {
                ip_address::remote(&name, port.into(), Mode::PreferIpv4, deadline)?
            }
        };
        Ok(command)
    }))
}

/// Receives what the client of a SOCKS5 proxy wants, with a host.
///
/// # Parameters
///
/// - `s`: a byte stream to the client.
/// - `host`: where the host that the client wants to reach goes, a name or an address: 256 bytes.
/// - `port`: where the port goes.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The command, `SOCKS5_CONNECT`, `SOCKS5_BIND` or `SOCKS5_UDP_ASSOCIATE`; or -1 with `errno` set
/// to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EINVAL`: `host` or `port` is `NULL`.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the peer has ended the stream.
/// - `EPROTO`: the client does not keep to the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char host[256];
/// int port;
/// int command = socks5_proxy_recvcommandbyname(s, host, &port, -1);
/// if(command == SOCKS5_CONNECT) printf("%s, port %d\n", host, port);
/// ```
///
/// # See also
///
/// `socks5_proxy_recvcommand`, `socks5_proxy_auth`, `socks5_proxy_sendreply`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_socks5_proxy_recvcommandbyname(
    s: c_int,
    host: *mut c_char,
    port: *mut c_int,
    deadline: i64,
) -> c_int {
    // SAFETY: both places are the caller's promise.
    int(unsafe { receive_command_by_name(s, host, port, deadline) })
}

/// Tells the client of a SOCKS5 proxy what has come of its command.
///
/// After success, what the client sends and receives is its own.
///
/// # Parameters
///
/// - `s`: a byte stream to the client.
/// - `reply`: what has come of the command: `SOCKS5_SUCCESS` or another of these constants.
/// - `ipaddr`: the address that the proxy uses for the client, or 0.0.0.0 with port 0.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: `ipaddr` holds no IP address.
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EINVAL`: the reply is none, or `ipaddr` is `NULL`.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the stream was ended before.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// struct ipaddr addr;
/// ipaddr_local(&addr, "0.0.0.0", 0, IPADDR_IPV4);
/// socks5_proxy_sendreply(s, SOCKS5_SUCCESS, &addr, -1);
/// ```
///
/// # See also
///
/// `socks5_proxy_recvcommand`, `socks5_proxy_recvcommandbyname`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_socks5_proxy_sendreply(
    s: c_int,
    reply: c_int,
    ipaddr: *mut dill_ipaddr,
    deadline: i64,
) -> c_int {
    // SAFETY: the address is the caller's promise.
    unit(
        unsafe { address(ipaddr) }
            .and_then(|address| socks5::send_reply(s, reply, address, deadline)),
    )
}
