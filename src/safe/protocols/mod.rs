//! Protocols on top of any byte stream or message socket, which they own, and give back when they
//! are detached.

mod http;
mod prefix;
pub mod socks5;
mod suffix;
mod term;
#[cfg(feature = "tls")]
mod tls;
mod websocket;

pub use http::{Http, HttpBody, HttpFields, HttpRequest, HttpResponse};
pub use prefix::Prefix;
pub use suffix::Suffix;
pub use term::Term;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsClient, TlsServer};
pub use websocket::{CloseReason, Content, Ws, WsMessage, WsRequest};
