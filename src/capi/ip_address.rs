//! IP addresses.

use super::boundary::{int, unit};
use crate::os::errno::{Errno, Result};
use crate::sockets::ip_address::{self, IpAddress, MAX_TEXT, Mode};
use core::ffi::{CStr, c_char, c_int};
use core::mem::size_of;
use core::{ptr, slice};

/// Mode of address resolution: IPv4 addresses only.
pub const DILL_IPADDR_IPV4: c_int = 1;
/// Mode of address resolution: IPv6 addresses only.
pub const DILL_IPADDR_IPV6: c_int = 2;
/// Mode of address resolution: an IPv4 address if there is one, else an IPv6 address.
pub const DILL_IPADDR_PREF_IPV4: c_int = 3;
/// Mode of address resolution: an IPv6 address if there is one, else an IPv4 address.
pub const DILL_IPADDR_PREF_IPV6: c_int = 4;
/// Size of a buffer that any textual IP address fits into, its NUL included.
pub const DILL_IPADDR_MAXSTRLEN: c_int = 46;

/// An IP address and a port. Opaque; it can be copied by assignment.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipaddr {
    bytes: [c_char; 32],
}

const _: () = assert!(size_of::<dill_ipaddr>() == size_of::<IpAddress>());
const _: () = assert!(DILL_IPADDR_MAXSTRLEN as usize == MAX_TEXT);
const _: () = {
    use DILL_IPADDR_PREF_IPV4 as PREF_IPV4;
    use DILL_IPADDR_PREF_IPV6 as PREF_IPV6;
    assert!(matches!(Mode::from_raw(DILL_IPADDR_IPV4), Ok(Mode::Ipv4)));
    assert!(matches!(Mode::from_raw(DILL_IPADDR_IPV6), Ok(Mode::Ipv6)));
    assert!(matches!(Mode::from_raw(PREF_IPV4), Ok(Mode::PreferIpv4)));
    assert!(matches!(Mode::from_raw(PREF_IPV6), Ok(Mode::PreferIpv6)));
};

/// # Safety
/// Null or a live address, in any state.
pub(super) unsafe fn address<'a>(addr: *const dill_ipaddr) -> Result<&'a IpAddress> {
    // SAFETY: by the caller's promise; the types have the same size and no alignment.
    unsafe { addr.cast::<IpAddress>().as_ref() }.ok_or(Errno::EINVAL)
}

/// # Safety
/// Null or a live address, in any state, that nobody else uses meanwhile.
pub(super) unsafe fn address_mut<'a>(addr: *mut dill_ipaddr) -> Result<&'a mut IpAddress> {
    // SAFETY: as in `address`.
    unsafe { addr.cast::<IpAddress>().as_mut() }.ok_or(Errno::EINVAL)
}

/// # Safety
/// Null or a live string.
pub(super) unsafe fn text<'a>(name: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: by the caller's promise.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_bytes())
}

/// Makes the address of a local network interface, for listening.
///
/// The name is an IPv4 or IPv6 address in the usual notation, or the name of a network
/// interface, or `NULL` for all interfaces of the machine.
///
/// After an error the address is all zeros.
///
/// # Parameters
///
/// - `addr`: where the address goes.
/// - `name`: an address such as `"127.0.0.1"` or `"::1"`, an interface such as
///   `"eth0"`, or `NULL`.
/// - `port`: the port, 0 to 65535. With 0, `tcp_listen` chooses a free one.
/// - `mode`: which kind of address is wanted: `IPADDR_IPV4`, `IPADDR_IPV6`,
///   `IPADDR_PREF_IPV4`, `IPADDR_PREF_IPV6`, or 0, which is `IPADDR_PREF_IPV4`.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EINVAL`: `addr` is `NULL`, or the port or the mode is not valid.
/// - `EMFILE`, `ENFILE`: no file descriptor was left to ask the system with.
/// - `ENODEV`: there is no such interface, or it has no address of the wanted kind.
///
/// # Thread safety
///
/// Uses nothing but its arguments. To look up an interface the C library needs a stack
/// of more than 8 KiB.
///
/// # Example
///
/// ```c
/// struct ipaddr addr;
/// if(ipaddr_local(&addr, NULL, 5555, 0) < 0) perror("ipaddr_local");
/// int ls = tcp_listen(&addr, 10);
/// ```
///
/// # See also
///
/// `ipaddr_remote`, `ipaddr_port`, `ipaddr_str`, `tcp_listen`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_local(
    addr: *mut dill_ipaddr,
    name: *const c_char,
    port: c_int,
    mode: c_int,
) -> c_int {
    // SAFETY: both are the caller's promise.
    let (addr, name) = unsafe { (address_mut(addr), text(name)) };
    unit(addr.and_then(|addr| {
        *addr = IpAddress::NONE;
        *addr = ip_address::local(name, port, Mode::from_raw(mode)?)?;
        Ok(())
    }))
}

/// Makes the address of a remote host.
///
/// The name is a host name, or an IPv4 or IPv6 address in the usual notation. Names are
/// looked up as the C library's `getaddrinfo` does it: in the hosts file, by DNS with the
/// configured search domains, and in whatever else the system is set up for. That runs in a
/// helper thread; other coroutines go on, and when the call ends early nobody waits for it.
/// An address is only converted, which never blocks.
///
/// After an error the address is all zeros.
///
/// # Parameters
///
/// - `addr`: where the address goes.
/// - `name`: a name such as `"www.example.org"`, or an address such as `"192.0.2.1"` or
///   `"2001:db8::1"`.
/// - `port`: the port, 0 to 65535.
/// - `mode`: which kind of address is wanted: `IPADDR_IPV4`, `IPADDR_IPV6`,
///   `IPADDR_PREF_IPV4`, `IPADDR_PREF_IPV6`, or 0, which is `IPADDR_PREF_IPV4`.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the resolution
///   of a name fails; -1 waits for ever. With 0 it always fails, as it takes a thread.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EADDRNOTAVAIL`: the host is not known, or has no address of the wanted kind, or there
///   is no name server that would know.
/// - `EAGAIN`: no thread can be started to look the name up.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `addr` or `name` is `NULL`, or the port or the mode is not valid.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENAMETOOLONG`: the name has more than 254 characters.
/// - `ENOMEM`: out of memory.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// Uses nothing but its arguments. To look up a name takes a stack of more than 8 KiB.
///
/// # Example
///
/// ```c
/// struct ipaddr addr;
/// if(ipaddr_remote(&addr, "www.example.org", 80, 0, now() + 5000) < 0)
///     perror("ipaddr_remote");
/// int s = tcp_connect(&addr, now() + 5000);
/// ```
///
/// # See also
///
/// `ipaddr_remotes`, `ipaddr_local`, `tcp_connect`, `happyeyeballs_connect`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_remote(
    addr: *mut dill_ipaddr,
    name: *const c_char,
    port: c_int,
    mode: c_int,
    deadline: i64,
) -> c_int {
    // SAFETY: both are the caller's promise.
    let (addr, name) = unsafe { (address_mut(addr), text(name)) };
    unit(addr.and_then(|addr| {
        *addr = IpAddress::NONE;
        let name = name.ok_or(Errno::EINVAL)?;
        *addr = ip_address::remote(name, port, Mode::from_raw(mode)?, deadline)?;
        Ok(())
    }))
}

/// Makes the addresses of a remote host: all that it has, as far as there is room.
///
/// Works as `ipaddr_remote`, but a host without any address is no error: the function
/// returns 0 then. With a mode that prefers one kind, addresses of that kind come first.
///
/// # Parameters
///
/// - `addrs`: an array, where the addresses go.
/// - `naddrs`: the length of the array, at least 1.
/// - `name`: a name such as `"www.example.org"`, or an address such as `"192.0.2.1"` or
///   `"2001:db8::1"`.
/// - `port`: the port, 0 to 65535.
/// - `mode`: which kind of address is wanted: `IPADDR_IPV4`, `IPADDR_IPV6`,
///   `IPADDR_PREF_IPV4`, `IPADDR_PREF_IPV6`, or 0, which is `IPADDR_PREF_IPV4`.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the resolution
///   of a name fails; -1 waits for ever. With 0 it always fails, as it takes a thread.
///
/// # Return value
///
/// The number of addresses that were stored, or -1 with `errno` set to one of the values
/// below.
///
/// # Errors
///
/// - `EAGAIN`: no thread can be started to look the name up.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `addrs` or `name` is `NULL`, `naddrs` is not positive, or the port or the
///   mode is not valid.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENAMETOOLONG`: the name has more than 254 characters.
/// - `ENOMEM`: out of memory.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// Uses nothing but its arguments. To look up a name takes a stack of more than 8 KiB.
///
/// # Example
///
/// ```c
/// struct ipaddr addrs[8];
/// int n = ipaddr_remotes(addrs, 8, "www.example.org", 80, IPADDR_PREF_IPV6, now() + 1000);
/// ```
///
/// # See also
///
/// `ipaddr_remote`, `ipaddr_local`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipaddr_remotes(
    addrs: *mut dill_ipaddr,
    naddrs: c_int,
    name: *const c_char,
    port: c_int,
    mode: c_int,
    deadline: i64,
) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { text(name) };
    int((|| {
        let count = usize::try_from(naddrs).map_err(|_| Errno::EINVAL)?;
        if addrs.is_null() || count == 0 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller promises an array of `naddrs` addresses.
        let found = unsafe { slice::from_raw_parts_mut(addrs.cast::<IpAddress>(), count) };
        let (name, mode) = (name.ok_or(Errno::EINVAL)?, Mode::from_raw(mode)?);
        // Not more than `naddrs`.
        ip_address::remotes(found, name, port, mode, deadline).map(|count| count as c_int)
    })())
}

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
    int(unsafe { address(addr) }.map(IpAddress::family))
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
    int(unsafe { address(addr) }.and_then(IpAddress::socket_length).map(|len| len as c_int))
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
    int(unsafe { address(addr) }.and_then(IpAddress::port).map(c_int::from))
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
    unit(unsafe { address_mut(addr) }.and_then(|addr| addr.set_port(port)));
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
