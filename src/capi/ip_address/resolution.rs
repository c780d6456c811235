//! Making addresses of names.

use super::{address_mut, dill_ipaddr, text};
use crate::capi::boundary::{immediate, int, unit};
use crate::os::errno::Errno;
use crate::sockets::ip_address::{self, IpAddress, Mode};
use core::ffi::{c_char, c_int};
use core::slice;

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
    immediate::unit(addr.and_then(|addr| {
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
