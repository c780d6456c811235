//! SUFFIX messages: a message ends at the first delimiter, and nothing behind it is read.

use super::delimiter::{self, Delimiter, Window};

/// What is received of a stream as a message, and what then follows; none if it ends before.
fn receive(delimiter: Delimiter, mut stream: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut window = Window::new(delimiter);
    let mut message = Vec::new();
    loop {
        let vacant = window.vacant();
        assert!(!vacant.is_empty());
        let (bytes, rest) = stream.split_at_checked(vacant.len())?;
        vacant.copy_from_slice(bytes);
        stream = rest;
        let payload = window.payload();
        let length = payload.len();
        if length == 0 {
            return Some((message, stream));
        }
        message.extend_from_slice(payload);
        window.remove(length);
    }
}

/// One execution.
pub fn run(data: &[u8]) {
    let Some((&length, data)) = data.split_first() else { return };
    let Some((bytes, mut stream)) = data.split_at_checked(length.into()) else { return };
    let Ok(delimiter) = Delimiter::new(Some(bytes)) else {
        assert!(length == 0 || usize::from(length) > delimiter::LONGEST);
        return;
    };
    assert_eq!(delimiter.as_bytes(), bytes);
    loop {
        let end = stream.windows(bytes.len()).position(|window| window == bytes);
        match (receive(delimiter, stream), end) {
            (Some((message, rest)), Some(end)) => {
                assert_eq!(message, stream[..end]);
                assert_eq!(rest, &stream[end + bytes.len()..]);
                stream = rest;
            }
            (None, None) => return,
            (seen, end) => panic!("{seen:?} where the delimiter is at {end:?}"),
        }
    }
}
