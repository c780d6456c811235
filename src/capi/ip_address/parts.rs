//! What addresses consist of, and their text.

use super::{address, address_mut, dill_ipaddr};
use crate::capi::boundary::immediate;
use crate::os::errno::Errno;
use crate::sockets::ip_address::IpAddress;
use core::ffi::{c_char, c_int};
use core::ptr;

/// Writes an IP address as text, without its port.
///
/// # Parameters
///
/// - `addr`: the address.
/// - `ipstr`: where the text goes: at least `IPADDR_MAXSTRLEN` bytes.
///
/// # Return value
///
/// `ipstr`, or `NULL` with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: `addr` holds no IP address.
/// - `EINVAL`: an argument is `NULL`.
///
/// # Thread safety
///
/// Uses nothing but its arguments.
///
/// # Example
///
/// ```c
/// char text[IPADDR_MAXSTRLEN];
/// printf("%s:%d\n", ipaddr_str(&addr, text), ipaddr_port(&addr));
/// ```
///
/// # See also
///
/// `ipaddr_port`, `ipaddr_local`, `ipaddr_remote`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_str(
    addr: *const dill_ipaddr,
    ipstr: *mut c_char,
) -> *const c_char {
    // SAFETY: the caller's promise.
    let text = unsafe { address(addr) }.and_then(IpAddress::text);
    let text = text.and_then(|text| if ipstr.is_null() { Err(Errno::EINVAL) } else { Ok(text) });
    match text {
        Ok(text) => {
            let bytes = text.with_nul();
            // SAFETY: the text is never longer than what the caller must provide.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), ipstr.cast(), bytes.len()) };
            ipstr
        }
        Err(error) => {
            error.set();
            ptr::null()
        }
    }
}

/// Tells the family of an IP address, for `socket`.
///
/// # Parameters
///
/// - `addr`: the address.
///
/// # Return value
///
/// `AF_INET` or `AF_INET6`; whatever a structure holds that is no address (`AF_UNSPEC`
/// if it is all zeros); -1 with `errno` set for `NULL`.
///
/// # Errors
///
/// - `EINVAL`: `addr` is `NULL`.
///
/// # Thread safety
///
/// Uses nothing but its arguments.
///
/// # Example
///
/// ```c
/// int fd = socket(ipaddr_family(&addr), SOCK_STREAM, 0);
/// ```
///
/// # See also
///
/// `ipaddr_sockaddr`, `ipaddr_len`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_family(addr: *const dill_ipaddr) -> c_int {
    // SAFETY: the caller's promise.
    immediate::int(unsafe { address(addr) }.map(IpAddress::family))
}

/// Gives an IP address to functions of the system, such as `bind` and `connect`.
///
/// # Parameters
///
/// - `addr`: the address.
///
/// # Return value
///
/// A pointer into `addr`, valid as long as that is; `NULL` for `NULL`.
///
/// # Errors
///
/// None.
///
/// # Thread safety
///
/// Uses nothing but its argument.
///
/// # Example
///
/// ```c
/// connect(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
/// ```
///
/// # See also
///
/// `ipaddr_family`, `ipaddr_len`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_sockaddr(addr: *const dill_ipaddr) -> *const libc::sockaddr {
    addr.cast()
}

/// Tells the length of an IP address, as functions of the system want it.
///
/// # Parameters
///
/// - `addr`: the address.
///
/// # Return value
///
/// The length in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: `addr` holds no IP address.
/// - `EINVAL`: `addr` is `NULL`.
///
/// # Thread safety
///
/// Uses nothing but its arguments.
///
/// # Example
///
/// ```c
/// connect(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
/// ```
///
/// # See also
///
/// `ipaddr_family`, `ipaddr_sockaddr`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_len(addr: *const dill_ipaddr) -> c_int {
    // SAFETY: the caller's promise.
    immediate::int(
        unsafe { address(addr) }.and_then(IpAddress::socket_length).map(|len| len as c_int),
    )
}

/// Tells the port of an address.
///
/// # Parameters
///
/// - `addr`: the address.
///
/// # Return value
///
/// The port, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: `addr` holds no IP address.
/// - `EINVAL`: `addr` is `NULL`.
///
/// # Thread safety
///
/// Uses nothing but its arguments.
///
/// # Example
///
/// ```c
/// struct ipaddr addr;
/// ipaddr_local(&addr, "127.0.0.1", 0, 0);
/// int ls = tcp_listen(&addr, 10);
/// printf("listening on port %d\n", ipaddr_port(&addr));
/// ```
///
/// # See also
///
/// `ipaddr_setport`, `ipaddr_str`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_port(addr: *const dill_ipaddr) -> c_int {
    // SAFETY: the caller's promise.
    immediate::int(unsafe { address(addr) }.and_then(IpAddress::port).map(c_int::from))
}

/// Changes the port of an address.
///
/// # Parameters
///
/// - `addr`: the address.
/// - `port`: the new port, 0 to 65535.
///
/// # Return value
///
/// None. After one of the errors below the address is as it was.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: `addr` holds no IP address.
/// - `EINVAL`: `addr` is `NULL`, or the port is not valid.
///
/// # Thread safety
///
/// Uses nothing but its arguments.
///
/// # Example
///
/// ```c
/// ipaddr_setport(&addr, 8080);
/// ```
///
/// # See also
///
/// `ipaddr_port`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_setport(addr: *mut dill_ipaddr, port: c_int) {
    // SAFETY: the caller's promise.
    immediate::unit(unsafe { address_mut(addr) }.and_then(|addr| addr.set_port(port)));
}

/// Tells whether two addresses are equal.
///
/// # Parameters
///
/// - `addr1`: an address.
/// - `addr2`: another one.
/// - `ignore_port`: if not 0, addresses that differ in nothing but the port are equal.
///
/// # Return value
///
/// 1 if the addresses are equal, 0 if they are not. Also 0, with `errno` set, in case of
/// one of the errors below.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: one of the arguments holds no IP address.
/// - `EINVAL`: an argument is `NULL`.
///
/// # Thread safety
///
/// Uses nothing but its arguments.
///
/// # Example
///
/// ```c
/// if(ipaddr_equal(&peer, &trusted, 1)) printf("welcome\n");
/// ```
///
/// # See also
///
/// `ipaddr_str`, `ipaddr_port`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_equal(
    addr1: *const dill_ipaddr,
    addr2: *const dill_ipaddr,
    ignore_port: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    let (first, second) = unsafe { (address(addr1), address(addr2)) };
    let same = first.and_then(|first| first.same(second?, ignore_port != 0));
    // Not -1 in case of an error: that would be true, of all things.
    same.map_or_else(
        |error| {
            error.set();
            0
        },
        c_int::from,
    )
}
