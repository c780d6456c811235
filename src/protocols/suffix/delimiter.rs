//! The delimiter behind a message, and how it is found without reading beyond it.

use crate::os::errno::{Errno, Result};

/// The longest delimiter.
pub(crate) const LONGEST: usize = 32;

#[derive(Clone, Copy)]
pub(crate) struct Delimiter {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Delimiter {
    /// `EINVAL` for none, an empty one, or one that is too long.
    pub(crate) fn new(delimiter: Option<&[u8]>) -> Result<Self> {
        let delimiter = delimiter.filter(|it| !it.is_empty()).ok_or(Errno::EINVAL)?;
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..delimiter.len()).ok_or(Errno::EINVAL)?.copy_from_slice(delimiter);
        Ok(Self { bytes, length: delimiter.len() as u8 }) // fits: at most `LONGEST`
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// The last bytes received of a message, as many as the delimiter has: so none behind that is
/// ever asked for.
pub(crate) struct Window {
    /// A copy, as the protocol may be gone once a call beneath has returned.
    delimiter: Delimiter,
    bytes: [u8; LONGEST],
    /// How many of them were kept from the time before.
    kept: usize,
}

impl Window {
    pub(crate) fn new(delimiter: Delimiter) -> Self {
        Self { delimiter, bytes: [0; LONGEST], kept: 0 }
    }

    fn length(&self) -> usize {
        self.delimiter.as_bytes().len()
    }

    /// Where the next bytes are to go, all of it. So many at least are still to come.
    pub(crate) fn vacant(&mut self) -> &mut [u8] {
        let length = self.length();
        &mut self.bytes[self.kept..length]
    }

    /// Once that was filled: the bytes at the start that are certainly no part of the
    /// delimiter, which may begin behind them. None: the window is the delimiter.
    pub(crate) fn payload(&self) -> &[u8] {
        let window = &self.bytes[..self.length()];
        let certain = (0..window.len())
            .find(|&start| self.delimiter.as_bytes().starts_with(&window[start..]))
            .unwrap_or(window.len());
        &window[..certain]
    }

    /// Takes out the payload, of which the caller knows the length.
    pub(crate) fn remove(&mut self, payload: usize) {
        let all = self.length();
        self.bytes.copy_within(payload..all, 0);
        self.kept = all - payload;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(delimiter: &[u8], received: &[u8]) -> usize {
        let delimiter = Delimiter::new(Some(delimiter)).unwrap();
        let mut window = Window::new(delimiter);
        window.vacant().copy_from_slice(received);
        window.payload().len()
    }

    #[test]
    fn payload_ends_where_the_delimiter_may_begin() {
        assert_eq!(payload(b"\r\n", b"ab"), 2);
        assert_eq!(payload(b"\r\n", b"a\r"), 1);
        assert_eq!(payload(b"\r\n", b"\r\r"), 1);
        assert_eq!(payload(b"\r\n", b"\n\r"), 1);
        assert_eq!(payload(b"\r\n", b"\r\n"), 0);
        assert_eq!(payload(b"abab", b"aaba"), 1);
        assert_eq!(payload(b"abab", b"xaba"), 1);
        assert_eq!(payload(b"abab", b"abaa"), 3);
        assert_eq!(payload(b"abab", b"abab"), 0);
    }

    #[test]
    fn what_is_kept_stands_before_what_comes() {
        let delimiter = Delimiter::new(Some(b"abc")).unwrap();
        let mut window = Window::new(delimiter);
        window.vacant().copy_from_slice(b"xab");
        assert_eq!(window.payload(), b"x");
        window.remove(1);
        window.vacant().copy_from_slice(b"c");
        assert_eq!(window.payload(), b"");
    }

    #[test]
    fn delimiters_of_impossible_lengths() {
        assert!(Delimiter::new(None).is_err());
        assert!(Delimiter::new(Some(b"")).is_err());
        assert!(Delimiter::new(Some(&[0; LONGEST + 1])).is_err());
        assert!(Delimiter::new(Some(&[0; LONGEST])).is_ok());
    }
}
