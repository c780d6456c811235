//! Clients of a SOCKS5 proxy.

use crate::capi::arguments::text;
use crate::capi::boundary::unit;
use crate::capi::ip_address::{address, dill_ipaddr};
use crate::os::errno::{Errno, Result};
use crate::protocols::socks5::{self, LONGEST_NAME};
use core::ffi::{c_char, c_int};

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
