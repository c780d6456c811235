//! Where a message ends (RFC 9112, section 6).
//!
//! Two sides that disagree on this take a part of a body for a request; so whatever is
//! ambiguous is refused.

use super::syntax::{Version, trim};
use crate::os::errno::{Errno, Result};

/// How the end of a body is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Body {
    /// There is none.
    None,
    Length(u64),
    Chunked,
    /// It is all that comes until the connection ends.
    UntilClose,
}

/// What the fields of a head say about the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Framing {
    length: Option<u64>,
    /// There is a transfer coding; whether the last one is `chunked`.
    chunked: Option<bool>,
}

/// The kind of a request, as far as its response's body depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Head,
    Connect,
    Other,
}

impl Method {
    pub(crate) fn new(name: &[u8]) -> Method {
        match name {
            b"HEAD" => Method::Head,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }
}

impl Framing {
    /// Takes a field into account. `EPROTO` when the fields contradict each other or one
    /// says nothing sensible.
    pub(crate) fn take(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        if name.eq_ignore_ascii_case(b"Content-Length") {
            if self.length.is_some() {
                return Err(Errno::EPROTO);
            }
            self.length = Some(parse_length(value)?);
        } else if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
            for coding in value.split(|&byte| byte == b',') {
                let coding = trim(coding);
                // Nothing may be coded once more after it was cut into chunks.
                if coding.is_empty() || self.chunked == Some(true) {
                    return Err(Errno::EPROTO);
                }
                self.chunked = Some(coding.eq_ignore_ascii_case(b"chunked"));
            }
        }
        if self.length.is_some() && self.chunked.is_some() {
            return Err(Errno::EPROTO);
        }
        Ok(())
    }

    /// The body of a request whose head this was.
    pub(crate) fn of_request(self, version: Version) -> Result<Body> {
        match (self.length, self.chunked) {
            (None, None) => Ok(Body::None),
            (Some(length), _) => Ok(Body::Length(length)),
            (_, Some(true)) if version == Version::Http11 => Ok(Body::Chunked),
            // Nobody knows where it ends.
            _ => Err(Errno::EPROTO),
        }
    }

    /// The body of a response whose head this was.
    pub(crate) fn of_response(
        self,
        status: u16,
        request: Method,
        version: Version,
    ) -> Result<Body> {
        let tunnel = request == Method::Connect && status / 100 == 2;
        if status < 200 || matches!(status, 204 | 304) || request == Method::Head || tunnel {
            return Ok(Body::None);
        }
        match (self.length, self.chunked) {
            (None, None | Some(false)) => Ok(Body::UntilClose),
            (Some(length), _) => Ok(Body::Length(length)),
            (_, Some(true)) if version == Version::Http11 => Ok(Body::Chunked),
            _ => Err(Errno::EPROTO),
        }
    }
}

fn parse_length(value: &[u8]) -> Result<u64> {
    if value.is_empty() {
        return Err(Errno::EPROTO);
    }
    let digit = |sum: u64, &byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    value.iter().try_fold(0, digit).filter(|&sum| sum <= i64::MAX as u64).ok_or(Errno::EPROTO)
}

/// The size that stands before a chunk, in a line with its end.
pub(crate) fn parse_chunk_size(line: &[u8]) -> Result<u64> {
    let line = line.strip_suffix(b"\r\n").ok_or(Errno::EPROTO)?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, rest) = line.split_at(digits);
    // An extension may follow, of which nothing is known.
    let extension = trim(rest);
    let sensible = extension.is_empty() && rest.is_empty()
        || extension.first() == Some(&b';') && super::syntax::is_value(extension);
    if !sensible || !(1..=16).contains(&digits) {
        return Err(Errno::EPROTO);
    }
    let value = |&byte: &u8| (byte as char).to_digit(16).map(u64::from);
    let size = number.iter().filter_map(value).fold(0, |sum, digit| sum << 4 | digit);
    if size > i64::MAX as u64 { Err(Errno::EPROTO) } else { Ok(size) }
}

/// The methods of requests not answered yet, oldest first.
#[derive(Clone, Copy, Default)]
pub(crate) struct Unanswered {
    /// Two bits for each.
    methods: u64,
    count: u32,
}

impl Unanswered {
    const MOST: u32 = u64::BITS / 2;

    pub(crate) fn is_empty(self) -> bool {
        self.count == 0
    }

    pub(crate) fn is_full(self) -> bool {
        self.count == Self::MOST
    }

    pub(crate) fn push(&mut self, method: Method) {
        debug_assert!(!self.is_full());
        self.methods |= (method as u64) << (2 * self.count);
        self.count += 1;
    }

    /// Takes back the last [`push`](Unanswered::push).
    pub(crate) fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
        self.methods &= !(!0 << (2 * self.count));
    }

    /// Takes back a final [`answer`](Unanswered::answer).
    pub(crate) fn take_answer_back(&mut self, method: Method) {
        debug_assert!(!self.is_full());
        self.methods = self.methods << 2 | method as u64;
        self.count += 1;
    }

    /// Does a response with `status` answer a request? Interim ones don't.
    pub(crate) fn is_final(status: u16) -> bool {
        status >= 200 || status == 101
    }

    /// The request that a response with `status` belongs to. Interim ones leave it
    /// unanswered.
    pub(crate) fn answer(&mut self, status: u16) -> Method {
        if self.count == 0 {
            return Method::Other;
        }
        let method = match self.methods & 3 {
            0 => Method::Head,
            1 => Method::Connect,
            _ => Method::Other,
        };
        if Self::is_final(status) {
            self.methods >>= 2;
            self.count -= 1;
        }
        method
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(fields: &[(&str, &str)]) -> Result<Framing> {
        let mut framing = Framing::default();
        for (name, value) in fields {
            framing.take(name.as_bytes(), value.as_bytes())?;
        }
        Ok(framing)
    }

    fn request(fields: &[(&str, &str)]) -> Result<Body> {
        framing(fields)?.of_request(Version::Http11)
    }

    const LENGTH: &str = "Content-Length";
    const CODING: &str = "Transfer-Encoding";

    #[test]
    fn bodies_of_requests() {
        assert_eq!(request(&[("Host", "x")]), Ok(Body::None));
        assert_eq!(request(&[("content-length", "12")]), Ok(Body::Length(12)));
        assert_eq!(request(&[(CODING, "gzip, Chunked")]), Ok(Body::Chunked));
        assert_eq!(request(&[(CODING, "gzip"), (CODING, "chunked")]), Ok(Body::Chunked));
        for bad in [
            &[(LENGTH, "1"), (LENGTH, "1")][..],
            &[(LENGTH, "1"), (LENGTH, "2")],
            &[(LENGTH, "1, 1")],
            &[(LENGTH, "+1")],
            &[(LENGTH, "-1")],
            &[(LENGTH, "0x1")],
            &[(LENGTH, "")],
            &[(LENGTH, "9223372036854775808")],
            &[(LENGTH, "99999999999999999999999")],
            &[(LENGTH, "1"), (CODING, "chunked")],
            &[(CODING, "chunked"), (LENGTH, "1")],
            &[(CODING, "gzip")],
            &[(CODING, "chunked, gzip")],
            &[(CODING, "chunked"), (CODING, "chunked")],
            &[(CODING, "xchunked")],
            &[(CODING, "chunked,")],
            &[(CODING, "")],
        ] {
            assert_eq!(request(bad), Err(Errno::EPROTO), "{bad:?}");
        }
        let chunked = framing(&[(CODING, "chunked")]).unwrap();
        assert_eq!(chunked.of_request(Version::Http10), Err(Errno::EPROTO));
    }

    #[test]
    fn bodies_of_responses() {
        let five = framing(&[(LENGTH, "5")]).unwrap();
        let body = |status, method| five.of_response(status, method, Version::Http11).unwrap();
        assert_eq!(body(200, Method::Other), Body::Length(5));
        assert_eq!(body(200, Method::Head), Body::None);
        assert_eq!(body(200, Method::Connect), Body::None);
        assert_eq!(body(407, Method::Connect), Body::Length(5));
        for status in [100, 101, 204, 304] {
            assert_eq!(body(status, Method::Other), Body::None);
        }
        let nothing = Framing::default();
        let body = nothing.of_response(200, Method::Other, Version::Http11);
        assert_eq!(body, Ok(Body::UntilClose));
    }

    #[test]
    fn chunk_sizes() {
        for (line, size) in [
            (&b"0\r\n"[..], 0),
            (b"1aF\r\n", 0x1AF),
            (b"7fffffffffffffff\r\n", i64::MAX as u64),
            (b"5;name=value\r\n", 5),
            (b"5 ; name=\"v\"\r\n", 5),
        ] {
            assert_eq!(parse_chunk_size(line), Ok(size));
        }
        for bad in [
            &b"\r\n"[..],
            b"5",
            b"g\r\n",
            b"-5\r\n",
            b"0x5\r\n",
            b" 5\r\n",
            b"5 \r\n",
            b"5 6\r\n",
            b"8000000000000000\r\n",
            b"00000000000000005\r\n",
            b"5;a\x01\r\n",
        ] {
            assert_eq!(parse_chunk_size(bad), Err(Errno::EPROTO), "{bad:?}");
        }
    }

    #[test]
    fn answers_belong_to_the_oldest_request() {
        let mut unanswered = Unanswered::default();
        for method in [Method::Head, Method::Other, Method::Connect] {
            unanswered.push(method);
        }
        assert_eq!(unanswered.answer(100), Method::Head);
        assert_eq!(unanswered.answer(200), Method::Head);
        assert_eq!(unanswered.answer(404), Method::Other);
        assert_eq!(unanswered.answer(200), Method::Connect);
        assert_eq!(unanswered.answer(200), Method::Other);
        for _ in 0..Unanswered::MOST {
            unanswered.push(Method::Connect);
        }
        assert!(unanswered.is_full());
        // What is taken back was never there.
        unanswered.take_back();
        let method = unanswered.answer(200);
        unanswered.take_answer_back(method);
        unanswered.push(Method::Head);
        assert!(unanswered.is_full());
        for _ in 1..Unanswered::MOST {
            assert_eq!(unanswered.answer(200), Method::Connect);
        }
        assert_eq!(unanswered.answer(200), Method::Head);
        assert!(unanswered.is_empty());
    }
}
