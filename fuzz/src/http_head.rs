//! Lines of heads: whatever is taken for one can be written down and is the same again.

use super::syntax;

/// One execution.
pub fn run(data: &[u8]) {
    // As lines come from the reader: ended by CRLF, without another one inside.
    if data.iter().any(|byte| b"\r\n\0".contains(byte)) {
        return;
    }
    let line = [data, b"\r\n"].concat();
    if let Ok(request) = syntax::parse_request(&mut line.clone()) {
        assert!(syntax::is_token(request.method) && syntax::is_resource(request.resource));
        assert!(data.starts_with(request.method));
    }
    if let Ok(status) = syntax::parse_status(&mut line.clone()) {
        assert!((100..=999).contains(&status.status) && syntax::is_value(status.reason));
    }
    if let Ok((name, value)) = syntax::parse_field(&mut line.clone()) {
        assert!(syntax::is_token(name) && syntax::is_value(value));
        let again = [name, b": ", value, b"\r\n"].concat();
        assert_eq!(syntax::parse_field(&mut again.clone()), Ok((name, value)));
    }
}
