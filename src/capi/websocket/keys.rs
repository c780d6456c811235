//! The keys of the handshake, for programs with a handshake of their own.

use crate::capi::arguments::text;
use crate::capi::boundary::immediate;
use crate::os::errno::{Errno, Result};
use crate::protocols::websocket::{self, KEY_SIZE};
use core::ffi::{c_char, c_int};
use core::ptr;

/// # Safety
/// `place` is null or memory for a key.
unsafe fn put_key(place: *mut c_char, make: impl FnOnce() -> Result<[u8; KEY_SIZE]>) -> Result<()> {
    if place.is_null() {
        return Err(Errno::EINVAL);
    }
    let key = make()?;
    // SAFETY: by the caller's promise.
    unsafe { ptr::copy_nonoverlapping(key.as_ptr(), place.cast(), KEY_SIZE) };
    Ok(())
}

/// Makes a key for a handshake of the program's own.
///
/// It goes into the request's field `Sec-WebSocket-Key`.
///
/// # Parameters
///
/// - `request_key`: where the key goes: `WS_KEY_SIZE` bytes.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EINVAL`: `request_key` is `NULL`.
/// - `EIO`: the system has no random bytes.
///
/// # Thread safety
///
/// May be called on any thread.
///
/// # Example
///
/// ```c
/// char key[WS_KEY_SIZE];
/// ws_request_key(key);
/// http_sendfield(s, "Sec-WebSocket-Key", key, -1);
/// ```
///
/// # See also
///
/// `ws_response_key`, `ws_attach_client`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_request_key(request_key: *mut c_char) -> c_int {
    // SAFETY: the memory is the caller's promise.
    immediate::unit(unsafe { put_key(request_key, websocket::request_key) })
}

/// Makes the answer to the key of a handshake.
///
/// It goes into the response's field `Sec-WebSocket-Accept`, and a client compares it with what it
/// gets there.
///
/// # Parameters
///
/// - `request_key`: the key that came in the request.
/// - `response_key`: where the answer goes: `WS_KEY_SIZE` bytes.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EINVAL`: an argument is `NULL`.
/// - `EPROTO`: `request_key` is no key.
///
/// # Thread safety
///
/// May be called on any thread.
///
/// # Example
///
/// ```c
/// char answer[WS_KEY_SIZE];
/// if(ws_response_key(text, answer) == 0)
///     http_sendfield(s, "Sec-WebSocket-Accept", answer, -1);
/// ```
///
/// # See also
///
/// `ws_request_key`, `ws_attach_server`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_response_key(
    request_key: *const c_char,
    response_key: *mut c_char,
) -> c_int {
    // SAFETY: text and memory are the caller's promise.
    immediate::unit(unsafe {
        text(request_key)
            .and_then(|key| put_key(response_key, || websocket::response_key(key.to_bytes())))
    })
}
