//! What goes over WebSockets, and what their ends tell each other.

use crate::protocols::websocket;

/// What a WebSocket message holds.
///
/// ```
/// use redill::{Content, WsMessage};
///
/// assert_eq!(WsMessage::Text("hello".to_owned()).content(), Content::Text);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Any bytes.
    Binary,
    /// UTF-8.
    Text,
}

impl From<Content> for websocket::Content {
    fn from(content: Content) -> websocket::Content {
        match content {
            Content::Binary => websocket::Content::Binary,
            Content::Text => websocket::Content::Text,
        }
    }
}

/// A WebSocket message.
///
/// ```
/// use redill::WsMessage;
///
/// assert_eq!(WsMessage::Text("hello".to_owned()).as_bytes(), b"hello");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WsMessage {
    /// Any bytes.
    Binary(Vec<u8>),
    /// A text.
    Text(String),
}

impl WsMessage {
    /// The message as bytes.
    ///
    /// ```
    /// assert_eq!(redill::WsMessage::Binary(vec![1, 2]).as_bytes(), [1, 2]);
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            WsMessage::Binary(bytes) => bytes,
            WsMessage::Text(text) => text.as_bytes(),
        }
    }

    /// Which of the two it is.
    ///
    /// ```
    /// assert_eq!(redill::WsMessage::Binary(vec![]).content(), redill::Content::Binary);
    /// ```
    #[must_use]
    pub fn content(&self) -> Content {
        match self {
            WsMessage::Binary(_) => Content::Binary,
            WsMessage::Text(_) => Content::Text,
        }
    }
}

/// What a client asks for; see [`Ws::accept_if`](crate::Ws::accept_if).
///
/// ```
/// # fn example(request: redill::WsRequest<'_>) -> bool {
/// request.resource == "/chat" && request.host == "example.org"
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WsRequest<'a> {
    /// The resource, such as `/chat`.
    pub resource: &'a str,
    /// The virtual host, such as `example.org`.
    pub host: &'a str,
}

/// Why the peer has ended the connection; see [`Ws::close_reason`](crate::Ws::close_reason).
///
/// ```
/// # fn example(reason: redill::CloseReason) {
/// if reason.status == 1000 { /* normal */ }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CloseReason {
    /// The status code of RFC 6455, section 7.4; 0 where the peer gave none.
    pub status: u16,
    /// A text, mostly empty.
    pub reason: String,
}
