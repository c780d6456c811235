//! Where bodies end: what is accepted is unambiguous.

use super::framing::{self, Body, Framing};
use super::syntax::{self, Version};

/// One execution.
pub fn run(data: &[u8]) {
    if let Ok(size) = framing::parse_chunk_size(data) {
        assert!(data.ends_with(b"\r\n"));
        let digits = data.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let text = std::str::from_utf8(&data[..digits]).unwrap();
        assert_eq!(u64::from_str_radix(text, 16), Ok(size));
    }
    let mut framing = Framing::default();
    let (mut lengths, mut codings) = (0, 0);
    for line in data.split(|&byte| byte == b'\n') {
        let Ok((name, value)) = syntax::parse_field(&mut [line, b"\r\n"].concat())
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
        else {
            continue;
        };
        lengths += usize::from(name.eq_ignore_ascii_case(b"content-length"));
        codings += usize::from(name.eq_ignore_ascii_case(b"transfer-encoding"));
        if framing.take(&name, &value).is_err() {
            return;
        }
    }
    assert!(lengths <= 1 && (lengths == 0 || codings == 0));
    match framing.of_request(Version::Http11) {
        Ok(Body::None) => assert_eq!(lengths + codings, 0),
        Ok(Body::Length(length)) => assert!(lengths == 1 && length <= i64::MAX as u64),
        Ok(Body::Chunked) => assert!(codings > 0),
        Ok(Body::UntilClose) => panic!("a request never ends with the connection"),
        Err(_) => assert!(codings > 0),
    }
}
