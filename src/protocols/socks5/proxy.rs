//! A proxy's side of the exchange.

use super::client::{receive, receive_message};
use super::messages::{self, LAST_REPLY, Method, Target};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Lower, Operation};
use crate::scheduler::context::Context;
use crate::sockets::ip_address::IpAddress;
use core::ffi::{CStr, c_int};

/// Decides on a user name and a password.
pub(crate) type Authenticate<'a> = &'a mut dyn FnMut(&CStr, &CStr) -> bool;

/// Finds out whom the client is; without `decide` anybody is welcome. `EACCES` if it is not,
/// and has been told so.
pub(crate) fn authenticate(
    stream: c_int,
    decide: Option<Authenticate<'_>>,
    deadline: i64,
) -> Result<()> {
    let beneath = Lower::borrow(stream)?;
    Context::may_block()?;
    let mut operation = Operation::new(deadline);
    let start = receive(beneath, deadline)?;
    operation.begun()?;
    let offered = receive_bytes(beneath, messages::parse_greeting(start)?, deadline)?;
    let wanted = if decide.is_some() { Method::Password } else { Method::None };
    let (answer, method) = messages::choose(&offered, wanted);
    beneath.send(&answer, deadline)?;
    if method.is_none() {
        return Err(Errno::EACCES);
    }
    let Some(decide) = decide else { return Ok(()) };
    let length = messages::parse_credentials(receive(beneath, deadline)?)?;
    // With the length of the password behind it.
    let mut user = receive_bytes(beneath, length + 1, deadline)?;
    let length = user.pop().map_or(0, usize::from);
    let mut password = receive_bytes(beneath, length, deadline)?;
    let granted = decide(text(&mut user)?, text(&mut password)?);
    beneath.send(&messages::verdict(granted), deadline)?;
    if granted { Ok(()) } else { Err(Errno::EACCES) }
}

fn receive_bytes(beneath: Lower, length: usize, deadline: i64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more, for the zero that ends a text.
    lower::reserve(&mut bytes, length + 1)?;
    bytes.resize(length, 0);
    if length > 0 {
        beneath.receive(&mut bytes, deadline)?;
    }
    Ok(bytes)
}

/// `EPROTO` for what can't be a text in C: a zero would hide what stands behind it.
fn text(bytes: &mut Vec<u8>) -> Result<&CStr> {
    bytes.push(0);
    CStr::from_bytes_with_nul(bytes).map_err(|_| Errno::EPROTO)
}

/// What the client wants: the command and whom it is about.
pub(crate) fn receive_command(stream: c_int, deadline: i64) -> Result<(c_int, Target)> {
    let beneath = Lower::borrow(stream)?;
    Context::may_block()?;
    let message = receive_message(beneath, &mut Operation::new(deadline))?;
    match messages::parse(&message)? {
        (command @ 1..=3, target) => Ok((command.into(), target)),
        _ => Err(Errno::EPROTO),
    }
}

/// Tells the client what has come of it, and the address that the proxy uses for it.
pub(crate) fn send_reply(
    stream: c_int,
    reply: c_int,
    address: &IpAddress,
    deadline: i64,
) -> Result<()> {
    let beneath = Lower::borrow(stream)?;
    let reply = u8::try_from(reply).ok().filter(|&reply| reply <= LAST_REPLY);
    let address = Target::Address(address.decode()?);
    Context::may_block()?;
    beneath.send(&messages::message(reply.ok_or(Errno::EINVAL)?, &address)?, deadline)
}
