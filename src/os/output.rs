//! Text for a descriptor, written without the allocator, locks or a large frame: from
//! signal handlers and on small stacks.

use super::errno::{Errno, Result};
use core::ffi::c_char;
use std::os::fd::RawFd;

const SIZE: usize = 512;
/// No name of a source file is longer than this, or it is cut.
const LONGEST_NAME: usize = 256;

/// No descriptor: the text stays in the buffer.
const IN_MEMORY: RawFd = -2;

/// A small buffer in front of a descriptor. After an error nothing more is written.
pub(crate) struct Output {
    fd: RawFd,
    buffer: [u8; SIZE],
    len: usize,
    result: Result<()>,
}

impl Output {
    pub(crate) fn new(fd: RawFd) -> Output {
        Output { fd, buffer: [0; SIZE], len: 0, result: Ok(()) }
    }

    /// Returns one that writes nowhere: the beginning of the text, as much as the buffer holds,
    /// stays there.
    pub(crate) fn in_memory() -> Output {
        Output::new(IN_MEMORY)
    }

    /// Returns what is in the buffer.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Appends text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Output {
        for &byte in text.as_bytes() {
            self.byte(byte);
        }
        self
    }

    /// Appends a decimal number.
    pub(crate) fn number(&mut self, number: i64) -> &mut Output {
        let mut digits = [0u8; 20];
        let mut rest = number.unsigned_abs();
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.byte(b'-');
        }
        for &digit in &digits[first..] {
            self.byte(digit);
        }
        self
    }

    /// Appends so many of something: "1 coroutine", "2 coroutines".
    pub(crate) fn count(&mut self, number: usize, noun: &str) -> &mut Output {
        self.number(number as i64).text(" ").text(noun);
        if number != 1 {
            self.text("s");
        }
        self
    }

    /// Appends a name that C code has given; null: a question mark.
    ///
    /// # Safety
    /// `name` is null or a string that ends with a zero.
    pub(crate) unsafe fn c_string(&mut self, name: *const c_char) -> &mut Output {
        if name.is_null() {
            return self.text("?");
        }
        for offset in 0..LONGEST_NAME {
            // SAFETY: the string has not ended before this byte.
            match unsafe { *name.cast::<u8>().add(offset) } {
                0 => break,
                byte => self.byte(byte),
            }
        }
        self
    }

    /// Appends what comes from outside: only its beginning, and nothing that a terminal obeys.
    pub(crate) fn printable(&mut self, bytes: &[u8]) -> &mut Output {
        const MOST: usize = 100;
        for &byte in &bytes[..bytes.len().min(MOST)] {
            self.byte(if byte == b' ' || byte.is_ascii_graphic() { byte } else { b'?' });
        }
        if bytes.len() > MOST { self.text("...") } else { self }
    }

    fn byte(&mut self, byte: u8) {
        if self.len == SIZE {
            if self.fd == IN_MEMORY {
                return;
            }
            self.flush();
        }
        self.buffer[self.len] = byte;
        self.len += 1;
    }

    fn flush(&mut self) {
        let mut rest = &self.buffer[..self.len];
        while self.result.is_ok() && !rest.is_empty() {
            // SAFETY: the bytes are valid for reads.
            let written = unsafe { libc::write(self.fd, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written) => rest = &rest[written.min(rest.len())..],
                Err(_) => match Errno::last() {
                    Errno::EINTR => {}
                    Errno::EAGAIN if is_writable_soon(self.fd) => {}
                    error => self.result = Err(error),
                },
            }
        }
        self.len = 0;
    }

    /// Writes what is still in the buffer; the first error that there was.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush();
        self.result
    }
}

/// The descriptor is somebody's non-blocking pipe or terminal. Nobody who does not read shall
/// stop the program for longer than a second.
pub(crate) fn is_writable_soon(fd: RawFd) -> bool {
    let mut room = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one descriptor, in memory that is valid for the call.
    unsafe { libc::poll(&raw mut room, 1, 1000) > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    fn written(write: impl FnOnce(&mut Output)) -> String {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut output = Output::new(writer.as_raw_fd());
        write(&mut output);
        output.finish().unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn text_and_numbers() {
        let text = written(|out| {
            out.text("a ").number(0).text(" ").number(i64::MIN).text(" ").number(4070);
            out.text(" ").count(1, "thing").text(" ").count(2, "thing").text(" ");
            // SAFETY: string constants.
            unsafe { out.c_string(c"file.c".as_ptr()).c_string(core::ptr::null()) };
        });
        assert_eq!(text, "a 0 -9223372036854775808 4070 1 thing 2 things file.c?");
    }

    #[test]
    fn what_comes_from_outside_is_short_and_harmless() {
        let text = written(|out| {
            out.printable(b"a b\x1b[0m\n\xff").text(" ").printable(&[b'x'; 200]);
        });
        assert_eq!(text, format!("a b?[0m?? {}...", "x".repeat(100)));
    }

    #[test]
    fn more_than_the_buffer_holds() {
        let line = "0123456789".repeat(7);
        let text = written(|out| {
            for _ in 0..100 {
                out.text(&line);
            }
        });
        assert_eq!(text, line.repeat(100));
    }

    #[test]
    fn the_first_error_is_told() {
        let mut output = Output::new(-1);
        output.text(&"x".repeat(2000));
        assert_eq!(output.finish(), Err(Errno::EBADF));
    }
}
