//! The lines of a head as text.

use crate::os::errno::{Errno, Result};

/// The first line of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) resource: &'a [u8],
    pub(crate) version: Version,
}

/// The first line of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StatusLine<'a> {
    pub(crate) status: u16,
    pub(crate) reason: &'a [u8],
    pub(crate) version: Version,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Version {
    Http10,
    Http11,
}

impl Version {
    fn new(minor: Option<u8>) -> Result<Version> {
        match minor {
            Some(0) => Ok(Version::Http10),
            Some(1) => Ok(Version::Http11),
            _ => Err(Errno::EPROTO),
        }
    }
}

/// The parser wants a whole head, so each line is made one.
fn as_head(line: &mut Vec<u8>) -> Result<&[u8]> {
    line.try_reserve(2).map_err(|_| Errno::ENOMEM)?;
    line.extend_from_slice(b"\r\n");
    Ok(line)
}

/// `line` ends with CRLF, as in all functions here. `EPROTO` if it is something else.
pub(crate) fn parse_request(line: &mut Vec<u8>) -> Result<RequestLine<'_>> {
    let mut parsed = httparse::Request::new(&mut []);
    let complete = parsed.parse(as_head(line)?).map_err(|_| Errno::EPROTO)?.is_complete();
    match (parsed.method, parsed.path) {
        (Some(method), Some(path)) if complete => Ok(RequestLine {
            method: method.as_bytes(),
            resource: path.as_bytes(),
            version: Version::new(parsed.version)?,
        }),
        _ => Err(Errno::EPROTO),
    }
}

pub(crate) fn parse_status(line: &mut Vec<u8>) -> Result<StatusLine<'_>> {
    let mut parsed = httparse::Response::new(&mut []);
    let complete = parsed.parse(as_head(line)?).map_err(|_| Errno::EPROTO)?.is_complete();
    match parsed.code {
        Some(status @ 100..=999) if complete => Ok(StatusLine {
            status,
            reason: parsed.reason.unwrap_or_default().as_bytes(),
            version: Version::new(parsed.version)?,
        }),
        _ => Err(Errno::EPROTO),
    }
}

/// Name and value of a field.
pub(crate) fn parse_field(line: &mut Vec<u8>) -> Result<(&[u8], &[u8])> {
    let mut fields = [httparse::EMPTY_HEADER];
    match httparse::parse_headers(as_head(line)?, &mut fields) {
        Ok(httparse::Status::Complete((_, [field]))) if !field.name.is_empty() => {
            Ok((field.name.as_bytes(), trim(field.value)))
        }
        _ => Err(Errno::EPROTO),
    }
}

/// Without the blanks around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Whether a byte may be a part of a word as methods and names of fields are.
static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0;
    while byte < token.len() {
        token[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut others: &[u8] = b"!#$%&'*+-.^_`|~";
    while let [byte, rest @ ..] = others {
        token[*byte as usize] = true;
        others = rest;
    }
    token
};

fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Marks of eight bytes those that are less than `limit`, which is 128 at most, in their highest
/// bits. Where there are any, higher ones may be marked by mistake.
pub(super) fn less_than(bytes: u64, limit: u8) -> u64 {
    bytes.wrapping_sub(u64::from_ne_bytes([limit; 8])) & !bytes & u64::from_ne_bytes([0x80; 8])
}

/// As [`less_than`], for bytes that are not to be in any text: controls, and all below `limit`.
fn outside(bytes: u64, limit: u8) -> u64 {
    less_than(bytes, limit) | less_than(bytes ^ u64::from_ne_bytes([0x7F; 8]), 1)
}

/// Returns whether `marks` marks none of the bytes, of which it gets eight at once.
#[inline(always)]
pub(super) fn none_marked(text: &[u8], marks: impl Fn(u64) -> u64) -> bool {
    let marks = |block: &[u8; 8]| marks(u64::from_le_bytes(*block));
    let Some(last) = text.last_chunk() else {
        return text.iter().all(|&byte| marks(&[byte; 8]) == 0);
    };
    // The last ones overlap with those before them.
    text.as_chunks().0.iter().fold(marks(last), |any, block| any | marks(block)) == 0
}

/// A word as methods and names of fields are.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

/// May `text` be the resource of a request?
pub(crate) fn is_resource(text: &[u8]) -> bool {
    !text.is_empty() && none_marked(text, |bytes| outside(bytes, b' ' + 1))
}

/// May `text` be a value or a reason: does it stay on its line?
pub(crate) fn is_value(text: &[u8]) -> bool {
    none_marked(text, |bytes| outside(bytes, b' '))
        || text.iter().all(|&byte| byte >= b' ' && byte != 0x7F || byte == b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Vec<u8> {
        [text, b"\r\n"].concat()
    }

    #[test]
    fn request_lines() {
        let mut text = line(b"GET /a?b=c HTTP/1.1");
        let seen = parse_request(&mut text).unwrap();
        assert_eq!((seen.method, seen.resource), (&b"GET"[..], &b"/a?b=c"[..]));
        assert_eq!(seen.version, Version::Http11);
        for bad in [
            &b""[..],
            b"GET",
            b"GET /",
            b"GET / HTTP/2.0",
            b"GET / HTTP/1.1 ",
            b"GET /a b HTTP/1.1",
            b" GET / HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"G(T / HTTP/1.1",
            b"GET / http/1.1",
            b"GET / HTTP/1.1\r\nX: y",
        ] {
            assert_eq!(parse_request(&mut line(bad)), Err(Errno::EPROTO), "{bad:?}");
        }
    }

    #[test]
    fn status_lines() {
        let mut text = line(b"HTTP/1.0 404 Not Found");
        let seen = parse_status(&mut text).unwrap();
        assert_eq!((seen.status, seen.reason), (404, &b"Not Found"[..]));
        assert_eq!(seen.version, Version::Http10);
        assert_eq!(parse_status(&mut line(b"HTTP/1.1 200 ")).unwrap().reason, b"");
        for bad in [
            &b"HTTP/1.1 20 OK"[..],
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1 099 x",
            b"HTTP/2 200 OK",
            b"200 OK",
        ] {
            assert_eq!(parse_status(&mut line(bad)), Err(Errno::EPROTO), "{bad:?}");
        }
    }

    #[test]
    fn fields() {
        for (text, name, value) in [
            (&b"foo: bar"[..], &b"foo"[..], &b"bar"[..]),
            (b"foo:bar", b"foo", b"bar"),
            (b"foo: \t bar baz \t", b"foo", b"bar baz"),
            (b"foo:", b"foo", b""),
            (b"foo: a:b", b"foo", b"a:b"),
            (b"foo: \xE9", b"foo", b"\xE9"),
        ] {
            assert_eq!(parse_field(&mut line(text)), Ok((name, value)));
        }
        for bad in [
            &b"foo"[..],
            b"foo : bar",
            b" foo: bar",
            b"\tfold",
            b": bar",
            b"f(o: bar",
            b"foo: \x01",
        ] {
            assert_eq!(parse_field(&mut line(bad)), Err(Errno::EPROTO), "{bad:?}");
        }
    }
    #[test]
    fn bytes_have_their_classes() {
        for byte in 0..=255 {
            let text = [byte];
            let blank = matches!(byte, b' ' | b'\t');
            assert_eq!(is_value(&text), blank || byte > b' ' && byte != 0x7F, "{byte}");
            assert_eq!(is_resource(&text), is_value(&text) && !blank, "{byte}");
            let separator = br#""(),/:;<=>?@[\]{}"#.contains(&byte);
            assert_eq!(is_token(&text), byte.is_ascii_graphic() && !separator, "{byte}");
        }
        assert!(is_value(b"") && !is_token(b"") && !is_resource(b""));
        for length in 1..70 {
            let mut text = vec![b'x'; length];
            assert!(is_value(&text) && is_resource(&text));
            for place in 0..length {
                text[place] = b'\r';
                assert!(!is_value(&text) && !is_resource(&text), "{place} of {length}");
                text[place] = b'x';
            }
        }
    }
}
