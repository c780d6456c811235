//! WebSockets: messages over a byte stream, as browsers know them.

mod attach;
mod closing;
mod keys;
mod messages;

use crate::os::errno::{Errno, Result};
use crate::protocols::websocket::{Content, KEY_SIZE};
use core::ffi::{c_char, c_int};
use core::mem::size_of;

/// Binary messages. The default.
pub const DILL_WS_BINARY: c_int = 0;
/// Text messages: UTF-8.
pub const DILL_WS_TEXT: c_int = 1;
/// Leave out the handshake.
pub const DILL_WS_NOHTTP: c_int = 2;
/// Size of the keys of `ws_request_key` and `ws_response_key`, with the terminating zero.
pub const DILL_WS_KEY_SIZE: usize = 32;

const _: () = assert!(DILL_WS_KEY_SIZE == KEY_SIZE);

/// Memory for a WebSocket, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ws_storage {
    bytes: [c_char; 176],
}

const _: () = assert!(size_of::<dill_ws_storage>() == 176);

/// The type of messages in `flags`. `EINVAL` when a flag is unknown.
fn content(flags: c_int) -> Result<Content> {
    match flags & !DILL_WS_NOHTTP {
        DILL_WS_BINARY => Ok(Content::Binary),
        DILL_WS_TEXT => Ok(Content::Text),
        _ => Err(Errno::EINVAL),
    }
}
