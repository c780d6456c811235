//! Opening a WebSocket: the handshake, or none.

use super::handshake::{self, KEY_SIZE, Refusal, RequestKey};
use super::{Content, Role, random, socket};
use crate::os::errno::{Errno, Result};
use crate::protocols::http::head;
use crate::protocols::lower::{Lower, Operation};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// Bytes of a handshake's head at most.
const LONGEST_HEAD: usize = 16 * 1024;

/// What a client wants: the resource and the virtual host.
pub(crate) struct Host<'a> {
    pub(crate) resource: &'a [u8],
    pub(crate) host: &'a [u8],
}

/// Takes over what a client wants, or refuses it.
pub(crate) type Accept<'a> = &'a mut dyn FnMut(&Host<'_>) -> Result<()>;

/// Makes a client's WebSocket of a byte stream, which is closed on failure; without `host`
/// there is no handshake.
pub(crate) fn attach_client(
    stream: c_int,
    content: Content,
    host: Option<&Host<'_>>,
    deadline: i64,
) -> Result<c_int> {
    let beneath = Lower::attach(stream)?;
    host.map_or(Ok(()), |host| ask(beneath, host, deadline))
        .and_then(|()| socket::open(beneath, Role::Client, content))
        .inspect_err(|_| beneath.close())
}

fn ask(beneath: Lower, host: &Host<'_>, deadline: i64) -> Result<()> {
    Context::may_block()?;
    let key = new_key()?;
    let request = handshake::request(host.resource, host.host, &key)?;
    beneath.send(&request, deadline)?;
    let mut operation = Operation::new(deadline);
    operation.begun()?;
    let head = head::receive(beneath, &mut operation, LONGEST_HEAD)?;
    handshake::check_response(&head, &key)
}

/// Makes a server's WebSocket of a byte stream, which is closed on failure. `accept` gets
/// what the client asks for, and may refuse; without it there is no handshake.
pub(crate) fn attach_server(
    stream: c_int,
    content: Content,
    accept: Option<Accept<'_>>,
    deadline: i64,
) -> Result<c_int> {
    let beneath = Lower::attach(stream)?;
    accept
        .map_or(Ok(()), |accept| answer(beneath, accept, deadline))
        .and_then(|()| socket::open(beneath, Role::Server, content))
        .inspect_err(|_| beneath.close())
}

fn answer(beneath: Lower, accept: Accept<'_>, deadline: i64) -> Result<()> {
    Context::may_block()?;
    let mut operation = Operation::new(deadline);
    let head = head::receive(beneath, &mut operation, LONGEST_HEAD)?;
    let refuse = |answer: &[u8]| {
        // The client shall know; it is no further error if it doesn't get to.
        let _ = beneath.send(answer, deadline);
    };
    match handshake::parse_request(&head)? {
        Ok(request) => {
            let host = Host { resource: request.resource, host: request.host };
            accept(&host).inspect_err(|_| refuse(handshake::REFUSAL))?;
            beneath.send(&handshake::response(&request.response_key)?, deadline)
        }
        Err(refusal) => {
            refuse(match refusal {
                Refusal::Wrong => handshake::REFUSAL,
                Refusal::Version => handshake::OTHER_VERSION,
            });
            Err(Errno::EPROTO)
        }
    }
}

fn new_key() -> Result<RequestKey> {
    let mut nonce = [0; 16];
    random::fill(&mut nonce)?;
    Ok(handshake::request_key(nonce))
}

/// A new key for a request, as C's text.
pub(crate) fn request_key() -> Result<[u8; KEY_SIZE]> {
    Ok(as_text(&new_key()?))
}

/// The answer to a key, as C's text. `EPROTO` when that is no key.
pub(crate) fn response_key(request_key: &[u8]) -> Result<[u8; KEY_SIZE]> {
    Ok(as_text(&handshake::response_key(request_key)?))
}

fn as_text(key: &[u8]) -> [u8; KEY_SIZE] {
    let mut text = [0; KEY_SIZE];
    text[..key.len()].copy_from_slice(key);
    text
}
