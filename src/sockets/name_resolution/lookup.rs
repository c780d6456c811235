//! What a helper thread does for one query.

#![allow(unsafe_code)] // The C library's functions.

use crate::os::errno::{Errno, Result};
use crate::os::network;
use core::ffi::CStr;
use core::mem;
use core::net::SocketAddr;
use core::ptr;

/// Which addresses are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sockets) enum Family {
    Any,
    Ipv4,
    Ipv6,
}

/// Asks the C library, which may take as long as it likes.
pub(super) fn addresses(name: &CStr, family: Family) -> Result<Vec<SocketAddr>> {
    // SAFETY: all zeros are a valid structure: no flags, no addresses.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_family = match family {
        Family::Any => libc::AF_UNSPEC,
        Family::Ipv4 => libc::AF_INET,
        Family::Ipv6 => libc::AF_INET6,
    };
    // Otherwise each address comes once for each kind of socket.
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    // SAFETY: the name is a C string; hints and result are valid for the call.
    let code =
        unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    match code {
        0 => {}
        libc::EAI_MEMORY => return Err(Errno::ENOMEM),
        libc::EAI_SYSTEM => match Errno::last() {
            error @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) => return Err(error),
            _ => return Ok(Vec::new()),
        },
        // Not known, of the other family, or nobody there to ask: no address either way.
        _ => return Ok(Vec::new()),
    }
    let mut found = Vec::new();
    // SAFETY: the list that `getaddrinfo` made, alive until it is freed below.
    unsafe {
        let mut next: *const libc::addrinfo = list;
        while let Some(entry) = next.as_ref() {
            if found.try_reserve(1).is_err() {
                libc::freeaddrinfo(list);
                return Err(Errno::ENOMEM);
            }
            found.extend(network::address(entry.ai_addr, entry.ai_addrlen as usize));
            next = entry.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    Ok(found)
}
