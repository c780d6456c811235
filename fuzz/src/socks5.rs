//! SOCKS5 messages: what is accepted can be written down and is the same.

use super::messages;

/// One execution.
pub fn run(data: &[u8]) {
    if let Some(start) = data.first_chunk() {
        let _ = messages::rest(*start);
    }
    if let Ok((code, target)) = messages::parse(data) {
        assert_eq!(messages::message(code, &target).unwrap(), data);
    }
    if let Ok(target) = messages::target(data, 80) {
        assert!(messages::message(1, &target).is_ok());
    }
}
