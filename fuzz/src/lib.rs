//! What is fuzzed: one function for each of the targets, which fuzz_targets hands to libFuzzer
//! and tests/fuzz_seeds.rs all seeds.

#![allow(dead_code, unused_imports)] // of the codecs, a part only

pub mod os;

pub mod http_body;
pub mod http_head;
pub mod prefix;
pub mod session;
pub mod socks5;
pub mod suffix;
pub mod ws_frame;
pub mod ws_handshake;

// The codecs, from their sources: the library tells nobody of them.
#[path = "../../src/protocols/websocket/closing.rs"]
mod closing;
#[path = "../../src/protocols/suffix/delimiter.rs"]
mod delimiter;
#[path = "../../src/protocols/websocket/frame.rs"]
mod frame;
#[path = "../../src/protocols/http/framing.rs"]
mod framing;
#[path = "../../src/protocols/websocket/handshake.rs"]
#[rustfmt::skip] // it would look for its tests at a wrong place
mod handshake;
#[path = "../../src/protocols/prefix/header.rs"]
mod header;
#[path = "../../src/protocols/socks5/messages.rs"]
mod messages;
#[path = "../../src/protocols/http/syntax.rs"]
mod syntax;
#[path = "../../src/protocols/websocket/utf8.rs"]
mod utf8;

/// A target.
pub type Target = fn(&[u8]);

/// All targets, by their names.
pub const TARGETS: &[(&str, Target)] = &[
    ("http_body", http_body::run),
    ("http_head", http_head::run),
    ("prefix", prefix::run),
    ("session", session::run),
    ("socks5", socks5::run),
    ("suffix", suffix::run),
    ("ws_frame", ws_frame::run),
    ("ws_handshake", ws_handshake::run),
];
