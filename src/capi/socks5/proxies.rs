//! The proxy's side of SOCKS5.

use crate::capi::boundary::{int, unit};
use crate::capi::http::copy_text;
use crate::capi::ip_address::{address, address_mut, dill_ipaddr};
use crate::os::errno::{Errno, Result};
use crate::protocols::socks5::{self, LONGEST_NAME, Target};
use crate::sockets::ip_address::{self, IpAddress, Mode};
use core::ffi::{CStr, c_char, c_int};

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
/// - `reply`: what has come of the command: `SOCKS5_SUCCESS`, `SOCKS5_GENERAL_FAILURE`,
///   `SOCKS5_CONNECTION_NOT_ALLOWED`, `SOCKS5_NETWORK_UNREACHABLE`, `SOCKS5_HOST_UNREACHABLE`,
///   `SOCKS5_CONNECTION_REFUSED`, `SOCKS5_TTL_EXPIRED`, `SOCKS5_COMMAND_NOT_SUPPORTED` or
///   `SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED`.
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
