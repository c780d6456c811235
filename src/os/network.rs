//! Socket addresses as the C library hands them out.

use super::errno::{Errno, Result};
use core::ffi::CStr;
use core::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use core::ptr;

/// The address at `place`, with port 0; `None` if it is neither IPv4 nor IPv6.
///
/// # Safety
/// `place` is null or points to an address of `length` bytes.
pub(crate) unsafe fn address(place: *const libc::sockaddr, length: usize) -> Option<SocketAddr> {
    // SAFETY: by the caller's promise; every address begins with its family.
    let family = unsafe { place.as_ref() }?.sa_family;
    match libc::c_int::from(family) {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: by the caller's promise; the length was checked.
            let v4 = unsafe { place.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = u32::from_be(v4.sin_addr.s_addr).into();
            Some(SocketAddrV4::new(ip, 0).into())
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above.
            let v6 = unsafe { place.cast::<libc::sockaddr_in6>().read_unaligned() };
            // The scope makes a link-local address one that can be reached.
            Some(SocketAddrV6::new(v6.sin6_addr.s6_addr.into(), 0, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Calls `each` with every address of the network interfaces, and the name of its interface.
pub(crate) fn for_each_interface(mut each: impl FnMut(&CStr, SocketAddr)) -> Result<()> {
    let mut list = ptr::null_mut();
    // SAFETY: `list` is a place for the result.
    Errno::result(unsafe { libc::getifaddrs(&raw mut list) })?;
    let mut next: *const libc::ifaddrs = list;
    // SAFETY: the list that `getifaddrs` made, alive until it is freed; names are strings, and
    // addresses null or as long as their family says.
    unsafe {
        while let Some(entry) = next.as_ref() {
            if let Some(found) = address(entry.ifa_addr, size_of::<libc::sockaddr_storage>()) {
                each(CStr::from_ptr(entry.ifa_name), found);
            }
            next = entry.ifa_next;
        }
        libc::freeifaddrs(list);
    }
    Ok(())
}
