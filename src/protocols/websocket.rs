//! WebSocket (RFC 6455): messages over a byte stream, both roles.

mod answering;
mod closing;
mod digestion;
mod frame;
mod handshake;
mod opening;
mod random;
mod receiving;
mod sending;
mod socket;
mod state;
mod turn;
mod utf8;

pub(crate) use closing::LONGEST_REASON;
pub(crate) use handshake::KEY_SIZE;
pub(crate) use opening::{Host, attach_client, attach_server, request_key, response_key};
pub(crate) use socket::{
    beneath, detach, done, ping, receive, receive_vec, send, send_slices, set_content, status,
};

/// What a message holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    Binary,
    Text,
}

/// Which end of the connection this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Client,
    Server,
}
