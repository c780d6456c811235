//! IP addresses.

mod parts;
mod resolution;

use crate::os::errno::{Errno, Result};
use crate::sockets::ip_address::{IpAddress, MAX_TEXT, Mode};
use core::ffi::{CStr, c_char, c_int};
use core::mem::size_of;

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
