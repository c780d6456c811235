//! SOCKS5 (RFC 1928) with user names and passwords (RFC 1929), both sides.

mod client;
mod messages;
mod proxy;

pub(crate) use client::{connect, connect_by_name};
pub(crate) use messages::{LONGEST_NAME, Target};
pub(crate) use proxy::{authenticate, receive_command, send_reply};
