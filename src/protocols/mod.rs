//! Protocols: sockets on top of other sockets, ours or those of C programs, and ways to make
//! connections. Message protocols without a handshake stand on [`layer`]; the others each have
//! a codec that knows no I/O and a driver around it.

pub(crate) mod happy_eyeballs;
pub(crate) mod http;
mod layer;
mod lower;
pub(crate) mod prefix;
pub(crate) mod socks5;
pub(crate) mod suffix;
mod taken;
pub(crate) mod term;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod websocket;
