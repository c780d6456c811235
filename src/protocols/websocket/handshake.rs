//! The HTTP exchange that opens a WebSocket (RFC 6455, section 4), as bytes.

use crate::os::errno::{Errno, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::str;
use sha1::{Digest, Sha1};

/// A nonce of 16 bytes or a digest of 20, in base64.
const NONCE: usize = 16;
const REQUEST_KEY: usize = 24;
const RESPONSE_KEY: usize = 28;
/// Memory that C callers provide for either, with the terminating zero.
pub(crate) const KEY_SIZE: usize = 32;

/// What the digest is taken over, after the request's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Fields in a head at most.
const FIELDS: usize = 128;

/// A request's key as text.
pub(crate) type RequestKey = [u8; REQUEST_KEY];
/// The answer to a key as text.
pub(crate) type ResponseKey = [u8; RESPONSE_KEY];

/// The key made of a nonce.
pub(crate) fn request_key(nonce: [u8; NONCE]) -> RequestKey {
    let mut key = [0; REQUEST_KEY];
    let length = STANDARD.encode_slice(nonce, &mut key);
    debug_assert_eq!(length, Ok(REQUEST_KEY));
    key
}

/// What answers a request's key. `EPROTO` when that is no key.
pub(crate) fn response_key(request_key: &[u8]) -> Result<ResponseKey> {
    // The decoder wants room for all that so much text could stand for.
    let mut nonce = [0; REQUEST_KEY / 4 * 3];
    if request_key.len() != REQUEST_KEY
        || STANDARD.decode_slice(request_key, &mut nonce) != Ok(NONCE)
    {
        return Err(Errno::EPROTO);
    }
    let digest = Sha1::new().chain_update(request_key).chain_update(GUID).finalize();
    let mut key = [0; RESPONSE_KEY];
    let length = STANDARD.encode_slice(digest, &mut key);
    debug_assert_eq!(length, Ok(RESPONSE_KEY));
    Ok(key)
}

/// Is `text` something that fits into one line of a head, and not nothing?
fn is_clean(text: &[u8], also_without: u8) -> bool {
    !text.is_empty()
        && text.iter().all(|&byte| byte >= b' ' && byte != 0x7F && byte != also_without)
}

/// The client's request. `EINVAL` when a part of it can't stand in a head.
pub(crate) fn request(resource: &[u8], host: &[u8], key: &RequestKey) -> Result<Vec<u8>> {
    if !is_clean(resource, b' ') || !is_clean(host, b' ') {
        return Err(Errno::EINVAL);
    }
    concatenate(&[
        b"GET ",
        resource,
        b" HTTP/1.1\r\nHost: ",
        host,
        b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
        key,
        b"\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ])
}

/// The server's consent.
pub(crate) fn response(key: &ResponseKey) -> Result<Vec<u8>> {
    concatenate(&[
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: ",
        key,
        b"\r\n\r\n",
    ])
}

/// The server's answer to a request that is none for a WebSocket.
pub(crate) const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
    Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n";
/// The server's answer to a client of another version of the protocol.
pub(crate) const OTHER_VERSION: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n";

fn concatenate(pieces: &[&[u8]]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = pieces.iter().map(|piece| piece.len()).sum();
    bytes.try_reserve_exact(length).map_err(|_| Errno::ENOMEM)?;
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    Ok(bytes)
}

/// What a client has asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) resource: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) response_key: ResponseKey,
}

/// Why a server doesn't take a request.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Refusal {
    /// It is none for a WebSocket.
    Wrong,
    /// It is one of another version.
    Version,
}

/// The fields of the two heads that matter here. Each may come once, but for the lists.
#[derive(Default)]
struct Fields<'a> {
    upgrade: bool,
    connection: bool,
    host: Option<&'a [u8]>,
    key: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    accept: Option<&'a [u8]>,
    /// Something was agreed on that nobody has asked for.
    unwanted: bool,
}

fn set_once<'a>(place: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Errno::EPROTO),
    }
}

fn lists(value: &[u8], wanted: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(wanted))
}

impl<'a> Fields<'a> {
    fn collect(headers: &[httparse::Header<'a>]) -> Result<Fields<'a>> {
        let mut fields = Fields::default();
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("Upgrade") {
                fields.upgrade |= lists(header.value, b"websocket");
            } else if is("Connection") {
                fields.connection |= lists(header.value, b"upgrade");
            } else if is("Host") {
                set_once(&mut fields.host, header.value)?;
            } else if is("Sec-WebSocket-Key") {
                set_once(&mut fields.key, header.value)?;
            } else if is("Sec-WebSocket-Version") {
                set_once(&mut fields.version, header.value)?;
            } else if is("Sec-WebSocket-Accept") {
                set_once(&mut fields.accept, header.value)?;
            } else if is("Sec-WebSocket-Extensions") || is("Sec-WebSocket-Protocol") {
                fields.unwanted = true;
            } else if is("Transfer-Encoding")
                || is("Content-Length") && header.value.trim_ascii() != b"0"
            {
                // A body would be taken for frames.
                return Err(Errno::EPROTO);
            }
        }
        Ok(fields)
    }
}

/// Room for the fields of a head; it is too large for a coroutine's stack.
fn room<'a>() -> Result<Vec<httparse::Header<'a>>> {
    let mut headers = Vec::new();
    headers.try_reserve_exact(FIELDS).map_err(|_| Errno::ENOMEM)?;
    headers.resize(FIELDS, httparse::EMPTY_HEADER);
    Ok(headers)
}

/// Reads a whole head of a client's request.
pub(crate) fn parse_request(head: &[u8]) -> Result<core::result::Result<Request<'_>, Refusal>> {
    let mut headers = room()?;
    let mut parsed = httparse::Request::new(&mut headers);
    let complete = parsed.parse(head).is_ok_and(|status| status.is_complete());
    if !complete || parsed.method != Some("GET") || parsed.version != Some(1) {
        return Ok(Err(Refusal::Wrong));
    }
    let (Some(resource), Ok(fields)) = (parsed.path, Fields::collect(parsed.headers)) else {
        return Ok(Err(Refusal::Wrong));
    };
    if !fields.upgrade || !fields.connection {
        return Ok(Err(Refusal::Wrong));
    }
    if fields.version != Some(b"13") {
        return Ok(Err(Refusal::Version));
    }
    let (Some(host), Some(key)) = (fields.host, fields.key) else {
        return Ok(Err(Refusal::Wrong));
    };
    Ok(response_key(key)
        .map(|response_key| Request { resource: resource.as_bytes(), host, response_key })
        .map_err(|_| Refusal::Wrong))
}

/// Reads a whole head of a server's response: `EPROTO` unless it is the consent that
/// belongs to the key.
pub(crate) fn check_response(head: &[u8], key: &RequestKey) -> Result<()> {
    let mut headers = room()?;
    let mut parsed = httparse::Response::new(&mut headers);
    let complete = parsed.parse(head).is_ok_and(|status| status.is_complete());
    if !complete || parsed.code != Some(101) || parsed.version != Some(1) {
        return Err(Errno::EPROTO);
    }
    let fields = Fields::collect(parsed.headers)?;
    let accepted = fields.accept == Some(&response_key(key)?);
    if fields.upgrade && fields.connection && accepted && !fields.unwanted {
        Ok(())
    } else {
        Err(Errno::EPROTO)
    }
}

#[cfg(test)]
mod tests;
