//! Pings and pongs are no input: before anybody asks whether there is some, they are taken out of
//! the stream beneath, as far as they are there.

use super::Role;
use super::frame::{CONTROL_PAYLOAD, Opcode, PREFIX, Prefix, apply_mask};
use super::state::{Stream, WebSocket};
use crate::concurrency::atomicity;
use crate::os::errno::Result;
use crate::protocols::lower::{self, Lower};
use crate::sockets::object::abilities::Digests;

/// Frames that are taken by one query: more than the stream beneath has read ahead.
const DIGESTED_AT_ONCE: usize = 1024;

/// What the beginning of a frame tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// At least so many bytes belong to a ping or pong, or to the first two of some frame.
    Length(usize),
    /// It is input: something that a receive has to tell of.
    Input,
}

/// Returns whether a frame that begins with `byte` is a ping or pong.
pub(super) fn begins_ping_or_pong(byte: u8) -> bool {
    matches!(byte & 0x0F, 0x9 | 0xA)
}

/// `masked` says which way the frame goes.
fn told(bytes: &[u8], masked: bool) -> Told {
    let prefix = match bytes {
        [] => return Told::Length(PREFIX),
        [first, ..] if !begins_ping_or_pong(*first) => return Told::Input,
        [_] => return Told::Length(PREFIX),
        [first, second, ..] => Prefix::decode([*first, *second], masked),
    };
    // The receive will find the same fault.
    let Ok(prefix) = prefix else { return Told::Input };
    let header = PREFIX + prefix.rest();
    match bytes.get(PREFIX..header).map(|rest| prefix.complete(rest)) {
        None => Told::Length(header),
        Some(Ok((length, _))) => Told::Length(header + length as usize),
        Some(Err(_)) => Told::Input,
    }
}

impl Digests for WebSocket {
    /// Takes pings and pongs, up to a frame that is input.
    fn digest(&self) -> bool {
        let Ok(beneath) = self.beneath() else { return false };
        if self.receiving.get() || self.input.get() != Stream::Open {
            return false;
        }
        // Nobody has received anything.
        atomicity::aside(|| self.digest_from(beneath)).unwrap_or(false)
    }
}

impl WebSocket {
    fn digest_from(&self, beneath: Lower) -> bool {
        let mut any = false;
        for _ in 0..DIGESTED_AT_ONCE {
            let before = self.taken.length();
            let whole = self.take_frame(beneath);
            any |= whole || self.taken.length() != before;
            if !whole || self.digest_frame().is_err() {
                break;
            }
        }
        any
    }

    /// Takes what is there of a frame; is it a whole ping or pong by now?
    fn take_frame(&self, beneath: Lower) -> bool {
        let complete = self.taken.take(beneath, |bytes| match self.told(bytes) {
            Told::Length(needed) => needed.saturating_sub(bytes.len()),
            Told::Input => 0,
        });
        complete && self.told(&self.taken.bytes()[..self.taken.length()]) != Told::Input
    }

    fn told(&self, bytes: &[u8]) -> Told {
        told(bytes, self.role == Role::Server)
    }

    /// How many bytes are missing at least until what was taken is a whole ping or pong; `None`
    /// where it belongs to another frame.
    pub(super) fn missing_of_frame(&self) -> Option<usize> {
        let length = self.taken.length();
        match self.told(&self.taken.bytes()[..length]) {
            Told::Length(needed) => Some(needed.saturating_sub(length)),
            Told::Input => None,
        }
    }

    /// Does what a whole ping or pong asks for. Without memory nothing has happened.
    pub(super) fn digest_frame(&self) -> Result<()> {
        let bytes = self.taken.bytes();
        let bytes = &bytes[..self.taken.length()];
        let prefix = Prefix::decode([bytes[0], bytes[1]], self.role == Role::Server)?;
        let (rest, payload) = bytes[PREFIX..].split_at(prefix.rest());
        let (_, mask) = prefix.complete(rest)?;
        if prefix.opcode == Opcode::Ping {
            let mut ping = Vec::new();
            lower::reserve(&mut ping, CONTROL_PAYLOAD)?;
            ping.extend_from_slice(payload);
            apply_mask(&mut ping, mask, 0);
            self.ping.replace(Some(ping));
        }
        self.taken.clear();
        self.answer_unblocked();
        Ok(())
    }

    /// Is the frame, of which the beginning was taken, input? What could not be digested is for
    /// the receive.
    pub(super) fn has_taken_input(&self) -> bool {
        let length = self.taken.length();
        length > 0
            && match self.told(&self.taken.bytes()[..length]) {
                Told::Input => true,
                Told::Length(needed) => needed <= length,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pings_and_pongs_are_taken() {
        for (bytes, masked, expected) in [
            (&b""[..], true, Told::Length(2)),
            (b"\x89", true, Told::Length(2)),
            (b"\x8A", false, Told::Length(2)),
            (b"\x89\x80", true, Told::Length(6)),
            (b"\x89\x83\0\0\0", true, Told::Length(6)),
            (b"\x89\x83\0\0\0\0", true, Told::Length(9)),
            (b"\x89\x03", false, Told::Length(5)),
            (b"\x8A\x7D", false, Told::Length(127)),
            (b"\x89\x01!", false, Told::Length(3)),
            // A ping that is wrong is something to be told of.
            (b"\x89\x00", true, Told::Input),
            (b"\x09\x00", false, Told::Input),
            (b"\x89\x7E", false, Told::Input),
            (b"\xF9\x00", false, Told::Input),
            (b"\x82", true, Told::Input),
            (b"\x00", false, Told::Input),
            (b"\x88", false, Told::Input),
            (b"\x83\x00", false, Told::Input),
        ] {
            assert_eq!(told(bytes, masked), expected, "{bytes:x?}");
        }
    }
}
