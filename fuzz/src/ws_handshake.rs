//! Heads of WebSocket handshakes: a request that is accepted is one that can be answered.

use super::handshake;

/// One execution.
pub fn run(data: &[u8]) {
    let _ = handshake::check_response(data, &handshake::request_key([0; 16]));
    if let Ok(Ok(request)) = handshake::parse_request(data) {
        assert!(!request.resource.is_empty());
        assert!(handshake::response(&request.response_key).is_ok());
    }
}
