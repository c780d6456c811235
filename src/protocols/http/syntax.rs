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

/// What a byte may be part of, as bits.
mod class {
    pub(super) const TOKEN: u8 = 1;
    pub(super) const RESOURCE: u8 = 2;
    pub(super) const VALUE: u8 = 4;
}

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        let is_text = byte >= b' ' as usize && byte != 0x7F;
        if is_text || byte == b'\t' as usize {
            classes[byte] |= class::VALUE;
        }
        if is_text && byte != b' ' as usize {
            classes[byte] |= class::RESOURCE;
        }
        if (byte as u8).is_ascii_alphanumeric() {
            classes[byte] |= class::TOKEN;
        }
        byte += 1;
    }
    let mut others: &[u8] = b"!#$%&'*+-.^_`|~";
    while let [byte, rest @ ..] = others {
        classes[*byte as usize] |= class::TOKEN;
        others = rest;
    }
    classes
};

fn is_all(text: &[u8], class: u8) -> bool {
    text.iter().all(|&byte| CLASSES[usize::from(byte)] & class != 0)
}

/// A word as methods and names of fields are.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && is_all(text, class::TOKEN)
}

/// May `text` be the resource of a request?
pub(crate) fn is_resource(text: &[u8]) -> bool {
    !text.is_empty() && is_all(text, class::RESOURCE)
}

/// May `text` be a value or a reason: does it stay on its line?
pub(crate) fn is_value(text: &[u8]) -> bool {
    is_all(text, class::VALUE)
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
    }
}
