//! What stands between two chunks of a body is no input: before anybody asks whether there is
//! some, it is taken out of the stream beneath, as far as it is there.

use super::framing::{self, Body};
use super::head;
use super::state::{Http, Incoming, Input, LONGEST_BETWEEN};
use crate::concurrency::atomicity;
use crate::os::errno::Result;
use crate::protocols::lower::Lower;
use crate::sockets::object::abilities::Digests;

/// What the bytes between two chunks tell so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// At least so many more follow.
    More(usize),
    /// They are complete: the size of the next chunk.
    Size(u64),
    /// They are input: something that a receive has to tell of, the end of the body mostly.
    Input,
}

fn told(bytes: &[u8]) -> Told {
    let [b'\r', b'\n', line @ ..] = bytes else {
        return match b"\r\n".strip_prefix(bytes) {
            Some(rest) => Told::More(rest.len()),
            None => Told::Input,
        };
    };
    if head::check_line_ends(line, 0).is_err() {
        return Told::Input;
    }
    match (head::missing(line, b"\r\n"), framing::parse_chunk_size(line)) {
        (0, Ok(size)) if size > 0 => Told::Size(size),
        (missing, _) if missing > 0 && bytes.len() + missing <= LONGEST_BETWEEN => {
            Told::More(missing)
        }
        _ => Told::Input,
    }
}

impl Digests for Http {
    /// Takes what stands before the next chunk.
    fn digest(&self) -> bool {
        match (self.beneath(), self.next_chunk()) {
            (Ok(beneath), Some(incoming)) if !self.receiving.get() => {
                // Nobody has received anything.
                atomicity::aside(|| self.take(beneath, incoming)).unwrap_or(false)
            }
            _ => false,
        }
    }
}

impl Http {
    /// The body, if another one of its chunks comes next. Not the first one: as long as nothing
    /// was received, the body belongs to whoever gets the stream beneath back.
    fn next_chunk(&self) -> Option<Incoming> {
        match self.input.get() {
            Input::Body(it) if it.body == Body::Chunked && it.left == 0 && it.begun => Some(it),
            _ => None,
        }
    }

    fn take(&self, beneath: Lower, mut incoming: Incoming) -> bool {
        let before = self.between.length();
        self.between.take(beneath, |bytes| match told(bytes) {
            Told::More(missing) => missing,
            Told::Size(_) | Told::Input => 0,
        });
        let length = self.between.length();
        if let Told::Size(size) = told(&self.between.bytes()[..length]) {
            incoming.left = size;
            self.input.set(Input::Body(incoming));
            self.between.clear();
        }
        length > before
    }

    /// Receives what stands before the next chunk. What there is of it stays taken if the call
    /// ends meanwhile. False if something else stands there, the end of the body mostly.
    pub(super) fn receive_between(&self, incoming: &mut Incoming, deadline: i64) -> Result<bool> {
        let beneath = self.beneath()?;
        loop {
            let length = self.between.length();
            let missing = match told(&self.between.bytes()[..length]) {
                Told::More(missing) => missing,
                Told::Size(size) => {
                    incoming.left = size;
                    self.between.clear();
                    return Ok(true);
                }
                Told::Input => return Ok(false),
            };
            let line = beneath.length_until(b'\n', LONGEST_BETWEEN - length);
            self.between.receive(beneath, missing.max(line), deadline)?;
        }
    }

    /// Are the bytes between two chunks, of which the beginning was taken, input?
    pub(super) fn has_taken_input(&self) -> bool {
        let length = self.between.length();
        length > 0 && told(&self.between.bytes()[..length]) == Told::Input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_takes_too_much() {
        for (bytes, expected) in [
            (&b""[..], Told::More(2)),
            (b"\r", Told::More(1)),
            (b"\r\n", Told::More(2)),
            (b"\r\n5", Told::More(2)),
            (b"\r\n5\r", Told::More(1)),
            (b"\r\n5\r\n", Told::Size(5)),
            (b"\r\n1f; name=value\r\n", Told::Size(31)),
            // The end of the body, and what is no chunk.
            (b"\r\n0\r\n", Told::Input),
            (b"x", Told::Input),
            (b"\rx", Told::Input),
            (b"\r\n5\n", Told::Input),
            (b"\r\n\r\n", Told::Input),
            (b"\r\nfive\r\n", Told::Input),
        ] {
            assert_eq!(told(bytes), expected, "{bytes:?}");
        }
        assert_eq!(
            told(&[b"\r\n5;".as_slice(), &[b'x'; LONGEST_BETWEEN - 6]].concat()),
            Told::More(2)
        );
        assert_eq!(
            told(&[b"\r\n5;".as_slice(), &[b'x'; LONGEST_BETWEEN - 5]].concat()),
            Told::Input
        );
    }
}
