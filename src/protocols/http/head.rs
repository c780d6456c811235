//! Heads of messages as bytes: how much of one is still to come.

use super::syntax;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{self, Lower, Operation};

/// Receives a whole head, and not a byte after it. `EMSGSIZE` when it is longer than
/// `limit`, `EPROTO` when its lines don't end as lines do.
pub(in crate::protocols) fn receive(
    beneath: Lower,
    operation: &mut Operation,
    limit: usize,
) -> Result<Vec<u8>> {
    receive_until(beneath, operation, Vec::new(), b"\r\n\r\n", limit)
}

/// Receives a line into `line`, with its end. What is there already is its beginning.
pub(super) fn receive_line(
    beneath: Lower,
    operation: &mut Operation,
    line: Vec<u8>,
    limit: usize,
) -> Result<Vec<u8>> {
    receive_until(beneath, operation, line, b"\r\n", limit)
}

/// A byte stream gives as many bytes as it is asked for, so never more may be asked for
/// than must come in any case: what the end still lacks. Or what has come already, up to the
/// end of the line, where the stream tells of that.
fn receive_until<const N: usize>(
    beneath: Lower,
    operation: &mut Operation,
    mut bytes: Vec<u8>,
    end: &[u8; N],
    limit: usize,
) -> Result<Vec<u8>> {
    check_line_ends(&bytes, 0)?;
    loop {
        let known = bytes.len();
        // The first byte alone: an end of the stream before it is another thing than one
        // after it.
        let missing = if known == 0 { 1 } else { missing(&bytes, end) };
        if missing == 0 {
            return Ok(bytes);
        }
        let missing = missing.max(beneath.length_until(b'\n', limit.saturating_sub(known)));
        if known + missing > limit {
            return Err(Errno::EMSGSIZE);
        }
        if bytes.capacity() < known + missing {
            lower::reserve(&mut bytes, (known * 2).clamp(256, limit) - known)?;
        }
        bytes.resize(known + missing, 0);
        beneath.receive(&mut bytes[known..], operation.deadline)?;
        operation.begun()?;
        operation.step()?;
        check_line_ends(&bytes, known)?;
    }
}

/// How many bytes are missing at least until `bytes` ends with `end`.
pub(super) fn missing<const N: usize>(bytes: &[u8], end: &[u8; N]) -> usize {
    (0..N).find(|&missing| bytes.ends_with(&end[..N - missing])).unwrap_or(N)
}

/// `EPROTO` if in `bytes`, from `start` on, a CR or LF stands alone, or a zero: whoever
/// takes those for something else would see another message.
pub(super) fn check_line_ends(bytes: &[u8], start: usize) -> Result<()> {
    let before = start.checked_sub(1).map(|index| bytes[index]);
    if let [text @ .., b'\r', b'\n'] = &bytes[start..]
        && before != Some(b'\r')
        && syntax::none_marked(text, |bytes| syntax::less_than(bytes, b'\r' + 1))
    {
        return Ok(()); // as lines mostly come
    }
    for index in start..bytes.len() {
        let after_cr = index > 0 && bytes[index - 1] == b'\r';
        let line_feed = bytes[index] == b'\n';
        if after_cr != line_feed || bytes[index] == 0 {
            return Err(Errno::EPROTO);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_asks_for_too_much() {
        let end = b"\r\n\r\n";
        for (bytes, expected) in [
            (&b""[..], 4),
            (b"x", 4),
            (b"\r", 3),
            (b"x\r\n", 2),
            (b"x\r\n\r", 1),
            (b"x\r\n\r\n", 0),
            (b"x\r\ny", 4),
            (b"x\r\n\r\r", 3),
        ] {
            assert_eq!(missing(bytes, end), expected, "{bytes:?}");
        }
        assert_eq!(missing(b"x\r", b"\r\n"), 1);
        assert_eq!(missing(b"x\r\n", b"\r\n"), 0);
    }

    #[test]
    fn lonely_line_ends_are_refused() {
        for bad in [&b"a\n"[..], b"a\rb", b"a\r\r", b"\0", b"a\r\n\n"] {
            assert_eq!(check_line_ends(bad, 0), Err(Errno::EPROTO), "{bad:?}");
        }
        for good in [&b"a\r\n"[..], b"a\r", b"\r\n\r\n"] {
            assert_eq!(check_line_ends(good, 0), Ok(()), "{good:?}");
        }
    }
}
