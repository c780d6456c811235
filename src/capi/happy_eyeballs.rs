//! Happy eyeballs.

use super::boundary::int;
use super::ip_address::text;
use crate::os::errno::Errno;
use crate::protocols::happy_eyeballs;
use core::ffi::{c_char, c_int};

/// Connects to a host by TCP, whichever of its addresses answers.
///
/// Works as RFC 8305 has it, so that a host is reached quickly although some of its addresses
/// don't work, such as all IPv6 addresses where the network knows IPv4 only. IPv6 and IPv4
/// addresses are looked up at the same time; IPv4 ones wait up to 50 ms for the others. Then
/// the addresses are tried, IPv6 first and both kinds in turn: the next one 250 ms after the
/// last, or as soon as that has failed. The first connection is the result, and all other
/// attempts end.
///
/// # Parameters
///
/// - `name`: the name of the host, or an IPv4 or IPv6 address in the usual notation.
/// - `port`: the port, 1 to 65535.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the TCP connection, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EADDRNOTAVAIL`: the host is not known or has no address.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNREFUSED`, `ECONNRESET`, `EHOSTUNREACH`, `ENETDOWN`, `ENETUNREACH`: no address
///   answers; this is how the last attempt has failed.
/// - `EINVAL`: `name` is `NULL`, or the port is not valid.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENAMETOOLONG`: no name is as long as that.
/// - `ENOMEM`, `EAGAIN`: out of memory or threads.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = happyeyeballs_connect("www.example.org", 80, now() + 10000);
/// if(s < 0) perror("happyeyeballs_connect");
/// ```
///
/// # See also
///
/// `tcp_connect`, `ipaddr_remotes`, `tls_attach_client_verify`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_happyeyeballs_connect(
    name: *const c_char,
    port: c_int,
    deadline: i64,
) -> c_int {
    // SAFETY: the string is the caller's promise.
    let name = unsafe { text(name) }.ok_or(Errno::EINVAL);
    int(name.and_then(|name| happy_eyeballs::connect(name, port, deadline)))
}
