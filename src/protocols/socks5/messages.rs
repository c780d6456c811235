//! The messages as bytes.

use crate::os::errno::{Errno, Result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str;

const VERSION: u8 = 5;
const PASSWORD_VERSION: u8 = 1;
const GRANTED: u8 = 0;
const REFUSED: u8 = 0xFF;

/// Bytes of a host name, user name or password at most: its length is one byte.
pub(crate) const LONGEST_NAME: usize = u8::MAX as usize;

/// How a client can say who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    None,
    Password,
}

impl Method {
    const fn byte(self) -> u8 {
        match self {
            Method::None => 0,
            Method::Password => 2,
        }
    }
}

/// Whom a client wants to reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Address(SocketAddr),
    Name(Vec<u8>, u16),
}

/// The client's first message.
pub(crate) const fn greeting(with_password: bool) -> &'static [u8] {
    if with_password { &[VERSION, 2, 0, 2] } else { &[VERSION, 1, 0] }
}

/// How many methods a client offers, by the start of its greeting.
pub(crate) fn parse_greeting(start: [u8; 2]) -> Result<usize> {
    if start[0] == VERSION { Ok(start[1].into()) } else { Err(Errno::EPROTO) }
}

/// The proxy's choice of what was offered; `None`: nothing suits.
pub(crate) fn choose(offered: &[u8], method: Method) -> ([u8; 2], Option<Method>) {
    match offered.contains(&method.byte()) {
        true => ([VERSION, method.byte()], Some(method)),
        false => ([VERSION, REFUSED], None),
    }
}

/// The method that the proxy has chosen. `EACCES` if none suits it, `EPROTO` if it wasn't
/// offered.
pub(crate) fn parse_choice(bytes: [u8; 2], with_password: bool) -> Result<Method> {
    match bytes {
        [VERSION, 0] => Ok(Method::None),
        [VERSION, 2] if with_password => Ok(Method::Password),
        [VERSION, REFUSED] => Err(Errno::EACCES),
        _ => Err(Errno::EPROTO),
    }
}

fn buffer(capacity: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(capacity).map_err(|_| Errno::ENOMEM)?;
    Ok(bytes)
}

fn push_name(bytes: &mut Vec<u8>, name: &[u8]) -> Result<()> {
    bytes.push(u8::try_from(name.len()).map_err(|_| Errno::EINVAL)?);
    bytes.extend_from_slice(name);
    Ok(())
}

/// Name and password. `EINVAL` when one is too long.
pub(crate) fn credentials(user: &[u8], password: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = buffer(3 + user.len() + password.len())?;
    bytes.push(PASSWORD_VERSION);
    push_name(&mut bytes, user)?;
    push_name(&mut bytes, password)?;
    Ok(bytes)
}

/// Length of the user name, by the start of the credentials.
pub(crate) fn parse_credentials(start: [u8; 2]) -> Result<usize> {
    if start[0] == PASSWORD_VERSION { Ok(start[1].into()) } else { Err(Errno::EPROTO) }
}

/// The proxy's verdict on the credentials.
pub(crate) const fn verdict(granted: bool) -> [u8; 2] {
    [PASSWORD_VERSION, if granted { GRANTED } else { REFUSED }]
}

/// `EACCES` if the credentials were refused.
pub(crate) fn parse_verdict(bytes: [u8; 2]) -> Result<()> {
    match bytes {
        [PASSWORD_VERSION, GRANTED] => Ok(()),
        [PASSWORD_VERSION, _] => Err(Errno::EACCES),
        _ => Err(Errno::EPROTO),
    }
}

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The shortest start of a request or reply that tells its length.
pub(crate) const START: usize = 5;

/// A request or a reply, which look alike: `code` is the command or the outcome. `EINVAL`
/// for a name that is empty or too long.
pub(crate) fn message(code: u8, target: &Target) -> Result<Vec<u8>> {
    let mut bytes = buffer(START + LONGEST_NAME + 2)?;
    bytes.extend_from_slice(&[VERSION, code, 0]);
    let port = match target {
        Target::Address(address) => {
            match address.ip() {
                IpAddr::V4(ip) => {
                    bytes.push(IPV4);
                    bytes.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.push(IPV6);
                    bytes.extend_from_slice(&ip.octets());
                }
            }
            address.port()
        }
        Target::Name(name, port) => {
            if name.is_empty() {
                return Err(Errno::EINVAL);
            }
            bytes.push(NAME);
            push_name(&mut bytes, name)?;
            *port
        }
    };
    bytes.extend_from_slice(&port.to_be_bytes());
    Ok(bytes)
}

/// How many bytes follow after the start of a message.
pub(crate) fn rest(start: [u8; START]) -> Result<usize> {
    let [VERSION, _, 0, kind, length] = start else { return Err(Errno::EPROTO) };
    match kind {
        IPV4 => Ok(4 - 1 + 2),
        IPV6 => Ok(16 - 1 + 2),
        NAME => Ok(usize::from(length) + 2),
        _ => Err(Errno::EPROTO),
    }
}

/// Code and target of a whole message. `EPROTO` when it is none, or names a host that no
/// name in C could stand for.
pub(crate) fn parse(bytes: &[u8]) -> Result<(u8, Target)> {
    let start = bytes.first_chunk::<START>().ok_or(Errno::EPROTO)?;
    if bytes.len() != START + rest(*start)? {
        return Err(Errno::EPROTO);
    }
    let (body, port) = bytes.split_last_chunk::<2>().ok_or(Errno::EPROTO)?;
    let port = u16::from_be_bytes(*port);
    let address = &body[START - 1..];
    let target = match start[3] {
        IPV4 => Target::Address(SocketAddr::new(ip::<4, Ipv4Addr>(address)?, port)),
        IPV6 => Target::Address(SocketAddr::new(ip::<16, Ipv6Addr>(address)?, port)),
        _ => {
            let name = &address[1..];
            if name.is_empty() || name.contains(&0) {
                return Err(Errno::EPROTO);
            }
            let mut owned = buffer(name.len())?;
            owned.extend_from_slice(name);
            Target::Name(owned, port)
        }
    };
    Ok((start[1], target))
}

fn ip<const N: usize, T: From<[u8; N]> + Into<IpAddr>>(bytes: &[u8]) -> Result<IpAddr> {
    let bytes: [u8; N] = bytes.try_into().map_err(|_| Errno::EPROTO)?;
    Ok(T::from(bytes).into())
}

/// The host that a client's program names: an address where it is one. `EINVAL` for a name
/// that can't be sent.
pub(crate) fn target(host: &[u8], port: u16) -> Result<Target> {
    if let Ok(text) = str::from_utf8(host)
        && let Ok(ip) = text.parse::<IpAddr>()
    {
        return Ok(Target::Address(SocketAddr::new(ip, port)));
    }
    if host.is_empty() || host.len() > LONGEST_NAME {
        return Err(Errno::EINVAL);
    }
    let mut name = buffer(host.len())?;
    name.extend_from_slice(host);
    Ok(Target::Name(name, port))
}

/// The largest outcome that is defined.
pub(crate) const LAST_REPLY: u8 = 8;

/// What the outcome of a request means here.
pub(crate) const fn outcome(reply: u8) -> Result<()> {
    Err(match reply {
        0 => return Ok(()),
        1 => Errno::EIO,
        2 => Errno::EACCES,
        3 => Errno::ENETUNREACH,
        4 => Errno::EHOSTUNREACH,
        5 => Errno::ECONNREFUSED,
        6 => Errno::ETIMEDOUT,
        7 => Errno::EOPNOTSUPP,
        8 => Errno::EAFNOSUPPORT,
        _ => Errno::EPROTO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for target in [
            Target::Address("192.0.2.1:80".parse().unwrap()),
            Target::Address("[2001:db8::1]:65535".parse().unwrap()),
            Target::Name(b"a".to_vec(), 1),
            Target::Name(vec![b'x'; LONGEST_NAME], 443),
        ] {
            let bytes = message(1, &target).unwrap();
            let start = bytes.first_chunk::<START>().unwrap();
            assert_eq!(START + rest(*start).unwrap(), bytes.len());
            assert_eq!(parse(&bytes), Ok((1, target)));
            for cut in 0..bytes.len() {
                assert_eq!(parse(&bytes[..cut]), Err(Errno::EPROTO));
            }
        }
    }

    #[test]
    fn bad_messages_are_refused() {
        for start in [[4, 1, 0, 1, 0], [5, 1, 1, 1, 0], [5, 1, 0, 2, 0], [5, 1, 0, 0, 0]] {
            assert_eq!(rest(start), Err(Errno::EPROTO));
        }
        assert_eq!(parse(&[5, 1, 0, 3, 0, 0, 80]), Err(Errno::EPROTO));
        assert_eq!(parse(&[5, 1, 0, 3, 2, b'a', 0, 0, 80]), Err(Errno::EPROTO));
        assert_eq!(message(1, &Target::Name(Vec::new(), 1)), Err(Errno::EINVAL));
        assert_eq!(message(1, &Target::Name(vec![b'x'; 256], 1)), Err(Errno::EINVAL));
        assert_eq!(credentials(&[b'x'; 256], b""), Err(Errno::EINVAL));
    }

    #[test]
    fn methods_are_agreed_on() {
        assert_eq!(choose(&[0, 2], Method::Password), ([5, 2], Some(Method::Password)));
        assert_eq!(choose(&[1], Method::None), ([5, 0xFF], None));
        assert_eq!(parse_choice([5, 2], true), Ok(Method::Password));
        assert_eq!(parse_choice([5, 2], false), Err(Errno::EPROTO));
        assert_eq!(parse_choice([5, 1], true), Err(Errno::EPROTO));
        assert_eq!(parse_choice([4, 0], true), Err(Errno::EPROTO));
        assert_eq!(parse_choice([5, 0xFF], true), Err(Errno::EACCES));
        assert_eq!(credentials(b"me", b"pw").unwrap(), b"\x01\x02me\x02pw");
        assert_eq!(parse_verdict(verdict(true)), Ok(()));
        assert_eq!(parse_verdict(verdict(false)), Err(Errno::EACCES));
        assert_eq!(parse_verdict([5, 0]), Err(Errno::EPROTO));
    }

    #[test]
    fn addresses_are_told_from_names() {
        let is_name = |host: &[u8]| matches!(target(host, 1), Ok(Target::Name(..)));
        assert!(is_name(b"example.org") && is_name(b"1.2.3") && is_name(b"1.2.3.4.5"));
        assert!(!is_name(b"1.2.3.4") && !is_name(b"::1"));
        assert_eq!(target(b"", 1), Err(Errno::EINVAL));
    }
}
