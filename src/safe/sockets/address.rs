//! Hosts: addresses, and names that are looked up.

use crate::os::allocation;
use crate::sockets::ip_address::{self, IpAddress, Mode};
use crate::{Deadline, Error, Result};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::str::FromStr;

/// Addresses of one host that are looked at.
const MOST_ADDRESSES: usize = 64;

/// A host and a port, as an address or by name.
///
/// ```
/// use redill::{Host, ToHost};
///
/// assert!(matches!("127.0.0.1:80".to_host()?, Host::Address(_)));
/// assert!(matches!("example.org:80".to_host()?, Host::Name(_, 80)));
/// let host: Host = "[::1]:443".parse()?;
/// assert_eq!(host.to_string(), "[::1]:443");
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// An address with a port.
    Address(SocketAddr),
    /// A name that has to be looked up, and a port.
    Name(String, u16),
}

/// What stands for a host and a port: an address, a pair such as `("example.org", 443)`, or a text
/// such as `"example.org:443"` or `"[::1]:443"`. Nothing is looked up yet.
///
/// ```
/// use redill::{Host, ToHost};
///
/// assert_eq!("[::1]:443".to_host()?, ("::1", 443).to_host()?);
/// assert!("no port".to_host().is_err());
/// # Ok::<(), redill::Error>(())
/// ```
pub trait ToHost {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` for a text that has no such form.
    fn to_host(&self) -> Result<Host>;
}

fn copy(name: &str) -> Result<String> {
    allocation::text(name.as_bytes()).map_err(Error::immediate)
}

fn invalid() -> Error {
    Error::from_errno(libc::EINVAL)
}

impl From<SocketAddr> for Host {
    fn from(address: SocketAddr) -> Host {
        Host::Address(address)
    }
}

/// As it is read: `example.org:80`, `[::1]:80`.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Address(address) => address.fmt(f),
            Host::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// As [`ToHost`] for texts.
impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Host> {
        text.to_host()
    }
}

impl ToHost for Host {
    fn to_host(&self) -> Result<Host> {
        match self {
            Host::Address(address) => Ok(Host::Address(*address)),
            Host::Name(name, port) => Ok(Host::Name(copy(name)?, *port)),
        }
    }
}

impl ToHost for SocketAddr {
    fn to_host(&self) -> Result<Host> {
        Ok(Host::Address(*self))
    }
}

impl ToHost for SocketAddrV4 {
    fn to_host(&self) -> Result<Host> {
        Ok(Host::Address((*self).into()))
    }
}

impl ToHost for SocketAddrV6 {
    fn to_host(&self) -> Result<Host> {
        Ok(Host::Address((*self).into()))
    }
}

impl ToHost for (IpAddr, u16) {
    fn to_host(&self) -> Result<Host> {
        Ok(Host::Address((*self).into()))
    }
}

impl ToHost for (Ipv4Addr, u16) {
    fn to_host(&self) -> Result<Host> {
        Ok(Host::Address((*self).into()))
    }
}

impl ToHost for (Ipv6Addr, u16) {
    fn to_host(&self) -> Result<Host> {
        Ok(Host::Address((*self).into()))
    }
}

impl ToHost for (&str, u16) {
    fn to_host(&self) -> Result<Host> {
        let (name, port) = *self;
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(Host::Address((ip, port).into()));
        }
        if name.is_empty() || name.contains(['\0', ':', '[', ']']) {
            return Err(invalid());
        }
        Ok(Host::Name(copy(name)?, port))
    }
}

impl ToHost for (String, u16) {
    fn to_host(&self) -> Result<Host> {
        (self.0.as_str(), self.1).to_host()
    }
}

impl ToHost for str {
    fn to_host(&self) -> Result<Host> {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Ok(Host::Address(address));
        }
        let (name, port) = self.rsplit_once(':').ok_or_else(invalid)?;
        // More than digits, such as a sign, would be read as a number too.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        match name.parse::<IpAddr>() {
            // An IPv6 address needs brackets, and has none: nobody knows where it ends.
            Ok(IpAddr::V6(_)) => Err(invalid()),
            _ => (name, port.parse().map_err(|_| invalid())?).to_host(),
        }
    }
}

impl ToHost for String {
    fn to_host(&self) -> Result<Host> {
        self.as_str().to_host()
    }
}

impl<T: ToHost + ?Sized> ToHost for &T {
    fn to_host(&self) -> Result<Host> {
        (**self).to_host()
    }
}

/// Looks up the addresses of a host, IPv4 first.
///
/// The system's resolver is asked, on a helper thread, so the hosts file, search domains and all
/// else that is configured count. Other coroutines go on meanwhile, and a deadline or a
/// cancellation does not wait for the resolver.
///
/// # Errors
///
/// [`Error::Os`] with `EADDRNOTAVAIL` when the host has no address, `EINVAL` for what is no host,
/// `ENAMETOOLONG`; [`Error::TimedOut`], [`Error::Canceled`], [`Error::OutOfMemory`].
///
/// ```
/// use std::time::Duration;
///
/// let found = redill::resolve("127.0.0.1:80", Duration::from_secs(10))?;
/// assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), redill::Error>(())
/// ```
pub fn resolve(host: impl ToHost, deadline: impl Into<Deadline>) -> Result<Vec<SocketAddr>> {
    let (name, port) = match host.to_host()? {
        Host::Address(address) => return allocation::filled(address, 1).map_err(Error::immediate),
        Host::Name(name, port) => (name, port),
    };
    let mut found =
        allocation::filled(IpAddress::NONE, MOST_ADDRESSES).map_err(Error::immediate)?;
    let deadline = deadline.into().raw();
    let (name, port) = (name.as_bytes(), port.into());
    let count = ip_address::remotes(&mut found, name, port, Mode::PreferIpv4, deadline)
        .map_err(Error::of)?;
    if count == 0 {
        return Err(Error::from_errno(libc::EADDRNOTAVAIL));
    }
    let mut addresses = Vec::new();
    addresses.try_reserve_exact(count).map_err(|_| Error::OutOfMemory)?;
    for address in &found[..count] {
        addresses.push(address.decode().map_err(Error::immediate)?);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let address = |text: &str| Host::Address(text.parse().unwrap());
        let name = |name: &str, port| Host::Name(name.to_owned(), port);
        for (text, host) in [
            ("127.0.0.1:80", address("127.0.0.1:80")),
            ("[::1]:80", address("[::1]:80")),
            ("localhost:0", name("localhost", 0)),
            ("example.org.:65535", name("example.org.", 65535)),
        ] {
            assert_eq!(text.to_host(), Ok(host), "{text}");
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        for text in ["", ":80", "x", "x:", "x:65536", "x:-1", "x:+1", "::1:80", "[::1]", "a\0b:1"] {
            assert_eq!(text.to_host(), Err(invalid()), "{text}");
        }
        assert_eq!(("::1", 7).to_host(), Ok(address("[::1]:7")));
        assert_eq!(("::1::", 7).to_host(), Err(invalid()));
    }
}
