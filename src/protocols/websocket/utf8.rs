//! Text that comes in pieces, cut anywhere.

use crate::os::errno::{Errno, Result};
use core::str;

/// Checks that bytes are UTF-8, as early as that can be told.
pub(crate) struct Validator {
    /// The beginning of a character that the last piece ended in.
    begun: [u8; 4],
    length: usize,
}

impl Validator {
    pub(crate) const fn new() -> Validator {
        Validator { begun: [0; 4], length: 0 }
    }

    /// `EILSEQ` when the text can't go on so.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while self.length > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.begun[self.length] = byte;
            self.length += 1;
            match str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                // Three bytes at most can be the beginning of a character.
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Errno::EILSEQ),
            }
        }
        let Err(error) = str::from_utf8(bytes) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(Errno::EILSEQ);
        }
        let tail = &bytes[error.valid_up_to()..];
        self.begun[..tail.len()].copy_from_slice(tail);
        self.length = tail.len();
        Ok(())
    }

    /// `EILSEQ` when the text ends within a character.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.length == 0 { Ok(()) } else { Err(Errno::EILSEQ) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], step: usize) -> Result<()> {
        let mut validator = Validator::new();
        for piece in bytes.chunks(step) {
            validator.push(piece)?;
        }
        validator.finish()
    }

    #[test]
    fn agrees_with_the_standard_library_however_it_is_cut() {
        let texts: &[&[u8]] = &[
            b"",
            b"plain",
            "κόσμε € 𝄞 \u{10FFFF}".as_bytes(),
            b"\xC0\x80",
            b"\xED\xA0\x80",
            b"\xF4\x90\x80\x80",
            b"\xF8\x88\x80\x80\x80",
            b"abc\xE2\x82",
            b"\x80",
            b"\xE2\x28\xA1",
            b"\xF0\x9D\x84",
            b"a\xF0\x9D\x84\x9Eb\xFF",
        ];
        for text in texts {
            for step in 1..=text.len().max(1) {
                assert_eq!(check(text, step).is_ok(), str::from_utf8(text).is_ok(), "{text:x?}");
            }
        }
    }

    #[test]
    fn fails_as_early_as_possible() {
        let mut validator = Validator::new();
        validator.push(b"\xF4").unwrap();
        assert_eq!(validator.push(b"\x90"), Err(Errno::EILSEQ));
    }
}
