//! PREFIX headers: a length that is accepted is written down the same way.

use super::header::{self, Format};

/// One execution.
pub fn run(data: &[u8]) {
    let Some((&[size, flags], mut rest)) = data.split_first_chunk::<2>() else { return };
    let Ok(format) = Format::new(size.into(), flags.into()) else {
        assert!(size == 0 || usize::from(size) > header::LONGEST_HEADER);
        return;
    };
    assert_eq!(format.size(), usize::from(size));
    // A stream of messages.
    while let Some((bytes, behind)) = rest.split_at_checked(format.size()) {
        let Ok(length) = format.decode(&mut bytes.to_vec()) else {
            assert!(format.size() > size_of::<usize>());
            return;
        };
        let mut again = vec![0xAA; format.size()];
        assert!(format.encode(length, &mut again).is_ok());
        assert_eq!(again, bytes);
        rest = behind.get(length..).unwrap_or_default();
    }
    // And lengths that no message here has.
    if let Some(length) = rest.first_chunk() {
        let length = usize::from_be_bytes(*length);
        let mut bytes = vec![0; format.size()];
        let fits = size >= 8 || length >> (8 * size) == 0;
        assert_eq!(format.encode(length, &mut bytes).is_ok(), fits);
        assert!(!fits || format.decode(&mut bytes) == Ok(length));
    }
}
