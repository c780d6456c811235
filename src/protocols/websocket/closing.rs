//! What a Close frame carries (RFC 6455, sections 5.5.1 and 7.4).

use super::frame::CONTROL_PAYLOAD;
use crate::os::errno::{Errno, Result};
use core::str;

/// Bytes of the reason at most: the rest of the frame is the status.
pub(crate) const LONGEST_REASON: usize = CONTROL_PAYLOAD - 2;

/// The peer breaks the protocol.
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
/// A message is not what it says it is.
pub(crate) const INVALID_DATA: u16 = 1007;
/// A message is larger than what can be received.
pub(crate) const TOO_BIG: u16 = 1009;

/// May an endpoint send this status?
pub(crate) const fn is_valid(status: u16) -> bool {
    matches!(status, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Why a side has ended its stream.
#[derive(Clone, Copy)]
pub(crate) struct Closing {
    /// 0: none was given.
    pub(crate) status: u16,
    length: u8,
    reason: [u8; LONGEST_REASON],
}

impl Closing {
    pub(crate) const NONE: Closing = Closing { status: 0, length: 0, reason: [0; LONGEST_REASON] };

    /// `EINVAL` when a Close frame can't say that.
    pub(crate) fn new(status: u16, reason: &[u8]) -> Result<Closing> {
        let wrong_status = if status == 0 { !reason.is_empty() } else { !is_valid(status) };
        if wrong_status || reason.len() > LONGEST_REASON || str::from_utf8(reason).is_err() {
            return Err(Errno::EINVAL);
        }
        let mut closing = Closing { status, length: reason.len() as u8, ..Closing::NONE };
        closing.reason[..reason.len()].copy_from_slice(reason);
        Ok(closing)
    }

    /// The payload of a Close frame. `EPROTO` when it is none, `EILSEQ` when the reason is
    /// not UTF-8.
    pub(crate) fn decode(payload: &[u8]) -> Result<Closing> {
        let Some((status, reason)) = payload.split_first_chunk::<2>() else {
            return if payload.is_empty() { Ok(Closing::NONE) } else { Err(Errno::EPROTO) };
        };
        let status = u16::from_be_bytes(*status);
        if !is_valid(status) {
            return Err(Errno::EPROTO);
        }
        Closing::new(status, reason).map_err(|_| Errno::EILSEQ)
    }

    /// Writes the payload and returns its length.
    pub(crate) fn encode(&self, payload: &mut [u8; CONTROL_PAYLOAD]) -> usize {
        if self.status == 0 {
            return 0;
        }
        payload[..2].copy_from_slice(&self.status.to_be_bytes());
        let reason = self.reason();
        payload[2..2 + reason.len()].copy_from_slice(reason);
        2 + reason.len()
    }

    pub(crate) fn reason(&self) -> &[u8] {
        &self.reason[..usize::from(self.length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut payload = [0; CONTROL_PAYLOAD];
        for (status, reason) in [(0, &b""[..]), (1000, b""), (4999, &[b'x'; LONGEST_REASON])] {
            let length = Closing::new(status, reason).unwrap().encode(&mut payload);
            let closing = Closing::decode(&payload[..length]).unwrap();
            assert_eq!((closing.status, closing.reason()), (status, reason));
        }
    }

    #[test]
    fn only_some_codes_may_be_sent() {
        for status in [1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, u16::MAX] {
            assert!(Closing::new(status, b"").is_err(), "{status}");
            let decoded = Closing::decode(&status.to_be_bytes());
            assert_eq!(decoded.map(|_| ()), Err(Errno::EPROTO), "{status}");
        }
        assert!(Closing::new(0, b"no status").is_err());
        assert!(Closing::new(1000, &[b'x'; LONGEST_REASON + 1]).is_err());
        assert_eq!(Closing::decode(&[3]).map(|_| ()), Err(Errno::EPROTO));
        assert_eq!(Closing::decode(b"\x03\xE8\xFF").map(|_| ()), Err(Errno::EILSEQ));
    }
}
