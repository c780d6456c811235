//! WebSocket frames as bytes (RFC 6455, section 5).

use crate::os::errno::{Errno, Result};
use core::mem::MaybeUninit;

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn from_bits(bits: u8) -> Result<Opcode> {
        Ok(match bits {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xA => Opcode::Pong,
            _ => return Err(Errno::EPROTO),
        })
    }

    const fn bits(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xA,
        }
    }

    pub(crate) const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// A masking key.
pub(crate) type Mask = [u8; 4];

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
/// In place of a length: it follows in two or eight bytes.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// Length of the part of a header that each frame has.
pub(crate) const PREFIX: usize = 2;
/// Length of the longest header.
pub(crate) const LONGEST_HEADER: usize = PREFIX + 8 + 4;
/// What a control frame may carry.
pub(crate) const CONTROL_PAYLOAD: usize = 125;
/// Bytes of a control frame at most.
pub(super) const LONGEST_CONTROL: usize = LONGEST_HEADER + CONTROL_PAYLOAD;

/// The first two bytes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Prefix {
    pub(crate) last: bool,
    pub(crate) opcode: Opcode,
    masked: bool,
    length: u8,
}

impl Prefix {
    /// `EPROTO` when no frame starts so. `masked` says which way the frame goes: all
    /// frames of clients are masked, and none of servers.
    pub(crate) fn decode(bytes: [u8; PREFIX], masked: bool) -> Result<Prefix> {
        let opcode = Opcode::from_bits(bytes[0] & 0x0F)?;
        let prefix =
            Prefix { last: bytes[0] & FIN != 0, opcode, masked, length: bytes[1] & LENGTH };
        let torn_control =
            opcode.is_control() && (!prefix.last || usize::from(prefix.length) > CONTROL_PAYLOAD);
        let wrong_way = (bytes[1] & MASKED != 0) != masked;
        // No extension is ever agreed on, so nobody may set a reserved bit.
        if bytes[0] & RESERVED != 0 || torn_control || wrong_way {
            return Err(Errno::EPROTO);
        }
        Ok(prefix)
    }

    const fn length_bytes(&self) -> usize {
        match self.length {
            LENGTH_16 => 2,
            LENGTH_64 => 8,
            _ => 0,
        }
    }

    /// How many bytes of header follow.
    pub(crate) const fn rest(&self) -> usize {
        self.length_bytes() + if self.masked { 4 } else { 0 }
    }

    /// Length of the payload and the mask, from the [`rest`](Prefix::rest) of the header.
    /// `EPROTO` for a length that is too large or could have been written in fewer bytes.
    pub(crate) fn complete(&self, rest: &[u8]) -> Result<(u64, Mask)> {
        let (extended, mask) = rest.split_at_checked(self.length_bytes()).ok_or(Errno::EPROTO)?;
        let number = extended.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        let length = match self.length {
            LENGTH_16 if number > CONTROL_PAYLOAD as u64 => number,
            LENGTH_64 if number > 0xFFFF && number >> 63 == 0 => number,
            LENGTH_16 | LENGTH_64 => return Err(Errno::EPROTO),
            short => u64::from(short),
        };
        Ok((length, mask.try_into().unwrap_or_default()))
    }
}

/// The header of a frame that is a message, or the end of one.
pub(crate) struct Header {
    bytes: [u8; LONGEST_HEADER],
    length: usize,
}

impl Header {
    pub(crate) fn encode(opcode: Opcode, length: u64, mask: Option<Mask>) -> Header {
        let mut header = Header { bytes: [0; LONGEST_HEADER], length: PREFIX };
        header.bytes[0] = FIN | opcode.bits();
        let number = length.to_be_bytes();
        header.bytes[1] = match length {
            0..=125 => number[7],
            126..=0xFFFF => {
                header.push(&number[6..]);
                LENGTH_16
            }
            _ => {
                header.push(&number);
                LENGTH_64
            }
        };
        if let Some(mask) = mask {
            header.bytes[1] |= MASKED;
            header.push(&mask);
        }
        header
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The masking key from `position` of the payload on, twice.
fn key_at(mask: Mask, position: u64) -> u64 {
    let key = u64::from(u32::from_le_bytes(mask).rotate_right(8 * (position % 4) as u32));
    key << 32 | key
}

/// Masks or unmasks `bytes`, which start at `position` of the payload.
pub(crate) fn apply_mask(bytes: &mut [u8], mask: Mask, position: u64) {
    let key = key_at(mask, position);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_le_bytes(*chunk) ^ key).to_le_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= mask;
    }
}

/// As [`apply_mask`], but appends the result to `buffer`, which has room for it.
#[allow(unsafe_code)] // Or the room would have to be filled twice.
pub(crate) fn append_masked(buffer: &mut Vec<u8>, bytes: &[u8], mask: Mask, position: u64) {
    let key = key_at(mask, position);
    let (chunks, rest) = bytes.as_chunks::<8>();
    let (room, room_of_rest) = buffer.spare_capacity_mut()[..bytes.len()].as_chunks_mut::<8>();
    for (room, chunk) in room.iter_mut().zip(chunks) {
        *room = (u64::from_le_bytes(*chunk) ^ key).to_le_bytes().map(MaybeUninit::new);
    }
    for ((room, byte), mask) in room_of_rest.iter_mut().zip(rest).zip(key.to_le_bytes()) {
        room.write(byte ^ mask);
    }
    // SAFETY: room of exactly this length was cut off above, and all of it was written.
    unsafe { buffer.set_len(buffer.len() + bytes.len()) };
}

/// Which data frame may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sequence {
    message: Option<Opcode>,
}

impl Sequence {
    pub(crate) const fn new() -> Sequence {
        Sequence { message: None }
    }

    /// Takes a data frame and returns the type of the message to which it belongs.
    /// `EPROTO` if the frame is out of order.
    pub(crate) fn take(&mut self, opcode: Opcode) -> Result<Opcode> {
        let message = match (opcode, self.message) {
            (Opcode::Continuation, Some(message)) => message,
            (Opcode::Text | Opcode::Binary, None) => opcode,
            _ => return Err(Errno::EPROTO),
        };
        self.message = Some(message);
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8], masked: bool) -> Result<(Prefix, u64, Mask)> {
        let prefix = Prefix::decode([bytes[0], bytes[1]], masked)?;
        let (length, mask) = prefix.complete(&bytes[2..2 + prefix.rest()])?;
        Ok((prefix, length, mask))
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let lengths = [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, u64::MAX >> 1];
        for length in lengths {
            for mask in [None, Some([1, 2, 3, 4])] {
                let bytes = Header::encode(Opcode::Binary, length, mask);
                let (prefix, seen, key) = header(bytes.as_bytes(), mask.is_some()).unwrap();
                assert_eq!((prefix.last, prefix.opcode, seen), (true, Opcode::Binary, length));
                assert_eq!(PREFIX + prefix.rest(), bytes.as_bytes().len());
                assert_eq!(key, mask.unwrap_or_default());
            }
        }
    }

    #[test]
    fn bad_headers_are_refused() {
        for bytes in [
            &[0x83, 0x00][..], // unknown opcode
            &[0x8B, 0x00],     // unknown control opcode
            &[0xC1, 0x00],     // reserved bits
            &[0xA1, 0x00],
            &[0x91, 0x00],
            &[0x09, 0x00],             // fragmented ping
            &[0x89, 0x7E, 0, 0x7E],    // long ping
            &[0x82, 0x80, 0, 0, 0, 0], // masked by a server
            &[0x82, 0x7E, 0, 0x7D],    // longer than need be
            &[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
            &[0x82, 0x7F, 0x80, 0, 0, 0, 0, 1, 0, 0], // negative
        ] {
            assert_eq!(header(bytes, false).map(|_| ()), Err(Errno::EPROTO), "{bytes:x?}");
        }
        assert_eq!(Prefix::decode([0x82, 0x00], true), Err(Errno::EPROTO));
    }

    #[test]
    fn masks_apply_piece_by_piece() {
        let mask = [0x11, 0x22, 0x44, 0x88];
        let plain: Vec<u8> = (0..100).collect();
        let expected: Vec<u8> =
            plain.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]).collect();
        for step in 1..30 {
            let mut bytes = plain.clone();
            let mut appended = Vec::with_capacity(plain.len());
            for (index, piece) in bytes.chunks_mut(step).enumerate() {
                append_masked(&mut appended, piece, mask, (index * step) as u64);
                apply_mask(piece, mask, (index * step) as u64);
            }
            assert_eq!(appended, expected);
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn fragments_have_an_order() {
        let mut sequence = Sequence::new();
        assert_eq!(sequence.take(Opcode::Continuation), Err(Errno::EPROTO));
        assert_eq!(sequence.take(Opcode::Text), Ok(Opcode::Text));
        assert_eq!(sequence.take(Opcode::Text), Err(Errno::EPROTO));
        assert_eq!(sequence.take(Opcode::Continuation), Ok(Opcode::Text));
    }
}
