use super::*;

/// The example of RFC 6455, section 1.3.
const KEY: &[u8; REQUEST_KEY] = b"dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[test]
fn keys_are_those_of_the_rfc() {
    assert_eq!(&request_key(*b"the sample nonce"), KEY);
    assert_eq!(response_key(KEY).unwrap(), ACCEPT);
    for wrong in
        [&b""[..], b"dGhlIHNhbXBsZSBub25j", b"dGhlIHNhbXBsZSBub25jZQ", b"!GhlIHNhbXBsZSBub25jZQ=="]
    {
        assert_eq!(response_key(wrong), Err(Errno::EPROTO));
    }
}

#[test]
fn both_sides_understand_each_other() {
    let bytes = request(b"/chat?a=b", b"example.org:8080", KEY).unwrap();
    let seen = parse_request(&bytes).unwrap().unwrap();
    assert_eq!(seen.resource, b"/chat?a=b");
    assert_eq!(seen.host, b"example.org:8080");
    let answer = response(&seen.response_key).unwrap();
    assert_eq!(check_response(&answer, KEY), Ok(()));
    assert_eq!(check_response(&answer, &request_key([7; NONCE])), Err(Errno::EPROTO));
}

#[test]
fn nothing_is_smuggled_into_a_request() {
    for (resource, host) in
        [(&b"/ x"[..], &b"h"[..]), (b"/\r\n", b"h"), (b"/", b"h\r\nX: y"), (b"", b"h"), (b"/", b"")]
    {
        assert_eq!(request(resource, host, KEY).map(|_| ()), Err(Errno::EINVAL));
    }
}

fn refused(head: &str) -> Refusal {
    parse_request(head.as_bytes()).unwrap().unwrap_err()
}

const FIELDS_TEXT: &str = "Host: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn requests_are_checked() {
    let good = format!("GET / HTTP/1.1\r\n{FIELDS_TEXT}");
    assert!(parse_request(good.as_bytes()).unwrap().is_ok());
    let with = |from: &str, to: &str| {
        assert!(good.contains(from));
        refused(&good.replace(from, to))
    };
    assert_eq!(with("GET", "POST"), Refusal::Wrong);
    assert_eq!(with("HTTP/1.1", "HTTP/1.0"), Refusal::Wrong);
    assert_eq!(with("WebSocket\r\n", "h2c\r\n"), Refusal::Wrong);
    assert_eq!(with("keep-alive, upgrade", "keep-alive"), Refusal::Wrong);
    assert_eq!(with("Host: h\r\n", ""), Refusal::Wrong);
    assert_eq!(with("Host: h\r\n", "Host: h\r\nHost: i\r\n"), Refusal::Wrong);
    assert_eq!(with("Host: h\r\n", "Host: h\r\nContent-Length: 5\r\n"), Refusal::Wrong);
    assert_eq!(with("dGhl", "dGh"), Refusal::Wrong);
    assert_eq!(with(": 13", ": 8"), Refusal::Version);
    assert_eq!(with("Sec-WebSocket-Version: 13\r\n", ""), Refusal::Version);
    assert_eq!(refused("nonsense\r\n\r\n"), Refusal::Wrong);
}

#[test]
fn responses_are_checked() {
    let good = String::from_utf8(response(&response_key(KEY).unwrap()).unwrap()).unwrap();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from));
        check_response(good.replace(from, to).as_bytes(), KEY)
    };
    assert_eq!(with("101", "101"), Ok(()));
    for (from, to) in [
        ("101", "200"),
        ("Upgrade: websocket\r\n", ""),
        ("Connection: Upgrade\r\n", "Connection: close\r\n"),
        ("s3pP", "s3pp"),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
        ("\r\n\r\n", "\r\n"),
    ] {
        assert_eq!(with(from, to), Err(Errno::EPROTO), "{to}");
    }
}
