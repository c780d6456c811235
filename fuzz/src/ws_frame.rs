//! WebSocket frames: what is accepted is what this library would have written.

use super::closing::Closing;
use super::frame::{CONTROL_PAYLOAD, Header, PREFIX, Prefix, append_masked, apply_mask};
use super::utf8;

/// One execution.
pub fn run(data: &[u8]) {
    if let Ok(closing) = Closing::decode(data) {
        let mut payload = [0; CONTROL_PAYLOAD];
        let length = closing.encode(&mut payload);
        assert_eq!(&payload[..length], data);
    }
    let step = data.first().map_or(1, |&byte| usize::from(byte % 7) + 1);
    let mut validator = utf8::Validator::new();
    let valid = data.chunks(step).try_for_each(|piece| validator.push(piece));
    let valid = valid.and_then(|()| validator.finish());
    assert_eq!(valid.is_ok(), std::str::from_utf8(data).is_ok());

    for masked in [false, true] {
        let Some((start, rest)) = data.split_first_chunk::<PREFIX>() else { return };
        let Ok(prefix) = Prefix::decode(*start, masked) else { continue };
        let Some((header, payload)) = rest.split_at_checked(prefix.rest()) else { continue };
        let Ok((length, mask)) = prefix.complete(header) else { continue };
        if prefix.last {
            let written = Header::encode(prefix.opcode, length, masked.then_some(mask));
            assert_eq!(written.as_bytes(), &data[..PREFIX + header.len()]);
        }
        let mut bytes = Vec::with_capacity(payload.len());
        append_masked(&mut bytes, payload, mask, 0);
        for (index, piece) in bytes.chunks_mut(step).enumerate() {
            apply_mask(piece, mask, (index * step) as u64);
        }
        assert_eq!(bytes, payload);
    }
}
