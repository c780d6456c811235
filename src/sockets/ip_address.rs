//! IP addresses with a port: literals, addresses of local interfaces and of named hosts,
//! and the choice between IPv4 and IPv6.
//!
//! An address is kept the way the kernel wants it, as a `sockaddr_in` or
//! `sockaddr_in6`, because C programs hand it to `bind` and `connect` as it is.

use super::name_resolution::{self, Family};
use crate::os::errno::{Errno, Result};
use crate::os::network;
use crate::scheduler::context::Context;
use core::fmt::{self, Write};
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use nix::sys::socket::{self, SockaddrStorage};
use std::os::fd::RawFd;

/// Bytes of an address, and of C's `struct ipaddr`.
pub(crate) const SIZE: usize = 32;

/// Longest textual address with its terminating NUL, as in `INET6_ADDRSTRLEN`.
pub(crate) const MAX_TEXT: usize = 46;

// The fields below are read and written by position, which needs no alignment:
// a `struct ipaddr` of C is an array of characters and may lie anywhere.
const _: () = {
    assert!(size_of::<libc::sockaddr_in>() <= SIZE && size_of::<libc::sockaddr_in6>() <= SIZE);
    assert!(offset_of!(libc::sockaddr_in, sin_family) == 0);
    assert!(offset_of!(libc::sockaddr_in, sin_port) == 2);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == 4);
    assert!(offset_of!(libc::sockaddr_in6, sin6_family) == 0);
    assert!(offset_of!(libc::sockaddr_in6, sin6_port) == 2);
    assert!(offset_of!(libc::sockaddr_in6, sin6_flowinfo) == 4);
    assert!(offset_of!(libc::sockaddr_in6, sin6_addr) == 8);
    assert!(offset_of!(libc::sockaddr_in6, sin6_scope_id) == 24);
};

/// Which family of addresses the caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Ipv4,
    Ipv6,
    PreferIpv4,
    PreferIpv6,
}

impl Mode {
    /// Decodes the C constants; 0 stands for the default, IPv4 before IPv6.
    pub(crate) const fn from_raw(mode: libc::c_int) -> Result<Self> {
        match mode {
            0 | 3 => Ok(Self::PreferIpv4),
            1 => Ok(Self::Ipv4),
            2 => Ok(Self::Ipv6),
            4 => Ok(Self::PreferIpv6),
            _ => Err(Errno::EINVAL),
        }
    }

    fn accepts(self, ip: &IpAddr) -> bool {
        match self {
            Self::Ipv4 => ip.is_ipv4(),
            Self::Ipv6 => ip.is_ipv6(),
            Self::PreferIpv4 | Self::PreferIpv6 => true,
        }
    }

    /// Chooses between the two families' candidates.
    fn pick(self, ipv4: Option<SocketAddr>, ipv6: Option<SocketAddr>) -> Option<SocketAddr> {
        match self {
            Self::Ipv4 => ipv4,
            Self::Ipv6 => ipv6,
            Self::PreferIpv4 => ipv4.or(ipv6),
            Self::PreferIpv6 => ipv6.or(ipv4),
        }
    }
}

/// An IP address and a port, in the kernel's layout. It may hold anything, as it
/// may be the caller's uninitialised `struct ipaddr`: what needs a real address
/// decodes it and gets `EAFNOSUPPORT`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct IpAddress([u8; SIZE]);

impl IpAddress {
    /// No address at all (`AF_UNSPEC`); where a system call may write an address.
    pub(crate) const NONE: Self = Self([0; SIZE]);

    /// The stored address family, whatever it is.
    pub(crate) fn family(&self) -> libc::c_int {
        libc::c_int::from(libc::sa_family_t::from_ne_bytes([self.0[0], self.0[1]]))
    }

    /// Length of the address as system calls want it.
    pub(crate) fn socket_length(&self) -> Result<usize> {
        match self.family() {
            libc::AF_INET => Ok(size_of::<libc::sockaddr_in>()),
            libc::AF_INET6 => Ok(size_of::<libc::sockaddr_in6>()),
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// The address as bytes, for system calls that fill it in.
    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8; SIZE] {
        &mut self.0
    }

    /// The address as a Rust value.
    pub(crate) fn decode(&self) -> Result<SocketAddr> {
        let port = u16::from_be_bytes([self.0[2], self.0[3]]);
        match self.family() {
            libc::AF_INET => {
                let ip = Ipv4Addr::from(self.field::<4>(4));
                Ok(SocketAddrV4::new(ip, port).into())
            }
            libc::AF_INET6 => {
                let flow = u32::from_ne_bytes(self.field(4));
                let ip = Ipv6Addr::from(self.field::<16>(8));
                let scope = u32::from_ne_bytes(self.field(24));
                Ok(SocketAddrV6::new(ip, port, flow, scope).into())
            }
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// The port number.
    pub(crate) fn port(&self) -> Result<u16> {
        self.decode().map(|address| address.port())
    }

    /// Replaces the port number.
    pub(crate) fn set_port(&mut self, port: libc::c_int) -> Result<()> {
        let port = checked_port(port)?;
        self.socket_length()?;
        self.0[2..4].copy_from_slice(&port.to_be_bytes());
        Ok(())
    }

    /// Whether both are the same address, and the same port unless that is to be ignored.
    pub(crate) fn same(&self, other: &Self, ignore_port: bool) -> Result<bool> {
        let (a, b) = (self.decode()?, other.decode()?);
        // Flow label and scope don't count, as they don't in libdill.
        Ok(a.ip() == b.ip() && (ignore_port || a.port() == b.port()))
    }

    /// The address without its port, in the usual notation.
    pub(crate) fn text(&self) -> Result<Text> {
        let mut text = Text { bytes: [0; MAX_TEXT], length: 0 };
        let written = match self.decode()?.ip() {
            IpAddr::V4(ip) => write!(text, "{ip}"),
            IpAddr::V6(ip) => match embedded_ipv4(ip) {
                Some(tail) => write!(text, "::{tail}"),
                None => write!(text, "{ip}"),
            },
        };
        written.map(|()| text).map_err(|_| Errno::ENOSPC)
    }

    fn field<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[offset..offset + N]);
        bytes
    }
}

impl From<SocketAddr> for IpAddress {
    fn from(address: SocketAddr) -> Self {
        let mut bytes = [0; SIZE];
        let family = match address {
            SocketAddr::V4(v4) => {
                bytes[4..8].copy_from_slice(&v4.ip().octets());
                libc::AF_INET
            }
            SocketAddr::V6(v6) => {
                bytes[4..8].copy_from_slice(&v6.flowinfo().to_ne_bytes());
                bytes[8..24].copy_from_slice(&v6.ip().octets());
                bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
                libc::AF_INET6
            }
        };
        // Both families are small numbers.
        bytes[0..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        Self(bytes)
    }
}

impl fmt::Debug for IpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decode() {
            Ok(address) => write!(f, "{address}"),
            Err(_) => write!(f, "no IP address (family {})", self.family()),
        }
    }
}

/// A textual address without heap memory, NUL included.
pub(crate) struct Text {
    bytes: [u8; MAX_TEXT],
    length: usize,
}

impl Text {
    /// The characters and the terminating NUL.
    pub(crate) fn with_nul(&self) -> &[u8] {
        &self.bytes[..=self.length]
    }
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let end = self.length + s.len();
        // The last byte stays the NUL.
        let room = self.bytes[..MAX_TEXT - 1].get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(s.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// The IPv4 address inside an IPv4-compatible IPv6 one (`::1.2.3.4`), which the C
/// library prints in dots and Rust's formatting does not.
fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

fn checked_port(port: libc::c_int) -> Result<u16> {
    u16::try_from(port).map_err(|_| Errno::EINVAL)
}

/// Parses an address literal of either family.
fn literal(name: &[u8]) -> Option<IpAddr> {
    str::from_utf8(name).ok()?.parse().ok()
}

/// The address to listen on: a literal, the name of an interface, or any
/// interface where there is no name.
///
/// `ENODEV`: no interface of that name has an address of the wanted family. A
/// port out of range is `EINVAL` in every case; libdill lets it through, cut to
/// 16 bits, where the name is an interface's.
pub(crate) fn local(name: Option<&[u8]>, port: libc::c_int, mode: Mode) -> Result<IpAddress> {
    let port = checked_port(port)?;
    let any = match mode {
        Mode::Ipv4 | Mode::PreferIpv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Mode::Ipv6 | Mode::PreferIpv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let Some(name) = name else {
        return Ok(SocketAddr::new(any, port).into());
    };
    match literal(name).filter(|ip| mode.accepts(ip)) {
        Some(ip) => Ok(SocketAddr::new(ip, port).into()),
        None => interface(name, port, mode),
    }
}

/// The first address of a network interface in the wanted family.
fn interface(name: &[u8], port: u16, mode: Mode) -> Result<IpAddress> {
    let (mut ipv4, mut ipv6) = (None, None);
    network::for_each_interface(|interface, address| {
        if interface.to_bytes() == name {
            (if address.is_ipv4() { &mut ipv4 } else { &mut ipv6 }).get_or_insert(address);
        }
    })?;
    let mut address = mode.pick(ipv4, ipv6).ok_or(Errno::ENODEV)?;
    address.set_port(port);
    Ok(address.into())
}

/// Fills `found` with the addresses of a remote host and returns their number.
/// None is a success too: 0.
pub(crate) fn remotes(
    found: &mut [IpAddress],
    name: &[u8],
    port: libc::c_int,
    mode: Mode,
    deadline: i64,
) -> Result<usize> {
    let port = checked_port(port)?;
    let first = found.first_mut().ok_or(Errno::EINVAL)?;
    let ip = literal(name);
    if ip.is_some()
        && let Some(context) = Context::existing()
    {
        context.take_turn(deadline);
    }
    match ip {
        Some(ip) if mode.accepts(&ip) => {
            *first = SocketAddr::new(ip, port).into();
            Ok(1)
        }
        // A literal of the other family: there's nobody to ask about it.
        Some(_) => Ok(0),
        None => resolve_name(found, name, port, mode, deadline),
    }
}

/// The first address of a remote host; `EADDRNOTAVAIL` if it has none.
pub(crate) fn remote(
    name: &[u8],
    port: libc::c_int,
    mode: Mode,
    deadline: i64,
) -> Result<IpAddress> {
    let mut found = [IpAddress::NONE];
    match remotes(&mut found, name, port, mode, deadline)? {
        0 => Err(Errno::EADDRNOTAVAIL),
        _ => Ok(found[0]),
    }
}

/// [`remotes`] for what is no literal: addresses of the preferred family come first.
fn resolve_name(
    found: &mut [IpAddress],
    name: &[u8],
    port: u16,
    mode: Mode,
    deadline: i64,
) -> Result<usize> {
    let family = match mode {
        Mode::Ipv4 => Family::Ipv4,
        Mode::Ipv6 => Family::Ipv6,
        Mode::PreferIpv4 | Mode::PreferIpv6 => Family::Any,
    };
    let mut addresses = name_resolution::resolve(name, family, deadline)?;
    addresses.retain(|address| mode.accepts(&address.ip()));
    let ipv4_first = mode == Mode::PreferIpv4;
    // Within a family the system's own order, which knows of routes, is kept.
    let of_family =
        |ipv4: bool| addresses.iter().copied().filter(move |address| address.is_ipv4() == ipv4);
    let places = found.iter_mut().zip(of_family(ipv4_first).chain(of_family(!ipv4_first)));
    Ok(places
        .map(|(place, mut address)| {
            address.set_port(port);
            *place = address.into();
        })
        .count())
}

/// The address to which a socket of the system is bound.
pub(crate) fn of_socket(fd: Result<RawFd>) -> Result<SocketAddr> {
    socket_address(&socket::getsockname::<SockaddrStorage>(fd?)?)
}

/// The address of the peer of a socket of the system.
pub(crate) fn of_peer(fd: Result<RawFd>) -> Result<SocketAddr> {
    socket_address(&socket::getpeername::<SockaddrStorage>(fd?)?)
}

fn socket_address(address: &SockaddrStorage) -> Result<SocketAddr> {
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Ok(SocketAddr::V4((*v4).into())),
        (_, Some(v6)) => Ok(SocketAddr::V6((*v6).into())),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

#[cfg(test)]
mod tests;
