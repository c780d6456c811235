//! A client: it has a proxy connect a stream to somewhere else.

use super::messages::{self, Method, START, Target};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Lower, Operation};
use crate::scheduler::context::Context;
use crate::sockets::ip_address::IpAddress;
use core::ffi::c_int;

const CONNECT: u8 = 1;

/// User name and password.
type Credentials<'a> = Option<(&'a [u8], &'a [u8])>;

/// Has the proxy at the other end of a byte stream connect it to an address.
pub(crate) fn connect(
    stream: c_int,
    credentials: Credentials<'_>,
    address: &IpAddress,
    deadline: i64,
) -> Result<()> {
    run(stream, credentials, &Target::Address(address.decode()?), deadline)
}

/// As [`connect`], to a host that the proxy looks up.
pub(crate) fn connect_by_name(
    stream: c_int,
    credentials: Credentials<'_>,
    host: &[u8],
    port: c_int,
    deadline: i64,
) -> Result<()> {
    let port = u16::try_from(port).ok().filter(|&port| port > 0).ok_or(Errno::EINVAL)?;
    run(stream, credentials, &messages::target(host, port)?, deadline)
}

fn run(stream: c_int, credentials: Credentials<'_>, target: &Target, deadline: i64) -> Result<()> {
    let beneath = Lower::borrow(stream)?;
    Context::may_block()?;
    // All messages first, so that no wrong argument leaves the exchange half done.
    let request = messages::message(CONNECT, target)?;
    let with_password = credentials.is_some();
    let password = match credentials {
        Some((user, password)) => messages::credentials(user, password)?,
        None => Vec::new(),
    };
    let mut operation = Operation::new(deadline);
    beneath.send(messages::greeting(with_password), deadline)?;
    operation.begun()?;
    if messages::parse_choice(receive(beneath, deadline)?, with_password)? == Method::Password {
        beneath.send(&password, deadline)?;
        messages::parse_verdict(receive(beneath, deadline)?)?;
    }
    beneath.send(&request, deadline)?;
    let reply = receive_message(beneath, &mut operation)?;
    messages::outcome(messages::parse(&reply)?.0)
}

pub(super) fn receive<const N: usize>(beneath: Lower, deadline: i64) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    beneath.receive(&mut bytes, deadline)?;
    Ok(bytes)
}

/// Receives a whole request or reply.
pub(super) fn receive_message(beneath: Lower, operation: &mut Operation) -> Result<Vec<u8>> {
    let start: [u8; START] = receive(beneath, operation.deadline)?;
    operation.begun()?;
    let length = START + messages::rest(start)?;
    let mut bytes = Vec::new();
    lower::reserve(&mut bytes, length)?;
    bytes.extend_from_slice(&start);
    bytes.resize(length, 0);
    beneath.receive(&mut bytes[START..], operation.deadline)?;
    Ok(bytes)
}
