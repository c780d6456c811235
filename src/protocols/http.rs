//! HTTP/1.1 (RFC 9112): heads line by line, and bodies as byte streams.

mod body;
mod digestion;
mod framing;
pub(super) mod head;
mod receiving;
mod sending;
mod socket;
mod state;
mod syntax;
mod unfinished;

pub(crate) use socket::{
    attach, before_head, beneath, break_input, check_fields, detach, done, done_body, receive_body,
    receive_field, receive_request, receive_status, send_body, send_field, send_request,
    send_status, take_back_head,
};
pub(crate) use state::Exchange;
