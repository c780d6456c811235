//! Protocols: sockets on top of other sockets, ours or those of C programs, and ways to make
//! connections.

pub(crate) mod happy_eyeballs;
mod layer;
pub(crate) mod prefix;
pub(crate) mod suffix;
pub(crate) mod term;
#[cfg(feature = "tls")]
pub(crate) mod tls;
