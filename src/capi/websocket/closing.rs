//! The end of WebSockets, and the peer's reason for it.

use crate::capi::arguments::bytes;
use crate::capi::boundary::{int, length, unit};
use crate::protocols::websocket;
use core::ffi::{c_int, c_void};
use core::slice;

/// Ends the outgoing stream of a WebSocket.
///
/// The peer gets all that was sent before, and then `EPIPE`. Receiving goes on. If a receive has
/// failed because of what the peer has sent, a `status` of 0 stands for the code that says so.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `status`: why: 1000 for a normal end, another code of RFC 6455, one from 3000 to 4999 of the
///   program's own, or 0 to send none.
/// - `buf`: the reason in words, UTF-8. May be `NULL` if `len` is 0.
/// - `len`: its length, up to 123 bytes; 0 if `status` is 0.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is sending to the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EINVAL`: a Close frame can't say that: the status is none that may be sent, the reason is
///   too long or not UTF-8, or comes without a status.
/// - `EIO`: the system gives no random bytes.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the stream was ended before.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// ws_done(s, 1000, "bye", 3, -1);
/// ```
///
/// # See also
///
/// `ws_detach`, `ws_status`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_done(
    s: c_int,
    status: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the bytes are the caller's promise.
    unit(unsafe { bytes(buf, len) }.and_then(|reason| websocket::done(s, status, reason, deadline)))
}

/// Ends a WebSocket in an orderly way and gives back the stream beneath.
///
/// Ends the outgoing stream as `ws_done` does, if that wasn't done yet, and waits for the peer to
/// end its own; messages that come until then are dropped. The stream beneath is left at the byte
/// after the peer's Close frame.
///
/// On failure the WebSocket and the stream are closed, except after `EBADF`, `EBUSY`, `EINVAL` and
/// `ENOTSUP`.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `status`: why: 1000 for a normal end, another code of RFC 6455, one from 3000 to 4999 of the
///   program's own, or 0 to send none.
/// - `buf`: the reason in words, UTF-8. May be `NULL` if `len` is 0.
/// - `len`: its length, up to 123 bytes; 0 if `status` is 0.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the byte stream, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EILSEQ`: text from the peer is not UTF-8.
/// - `EINVAL`: a Close frame can't say that: the status is none that may be sent, the reason is
///   too long or not UTF-8, or comes without a status.
/// - `EIO`: the system gives no random bytes.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPROTO`: the peer breaks the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = ws_detach(s, 1000, "bye", 3, now() + 1000);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `ws_done`, `ws_status`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_detach(
    s: c_int,
    status: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the bytes are the caller's promise.
    int(unsafe { bytes(buf, len) }
        .and_then(|reason| websocket::detach(s, status, reason, deadline)))
}

/// Tells why the peer has ended its stream.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `status`: where the code goes, 0 if the peer has given none; or `NULL`.
/// - `buf`: where the reason in words goes, without a terminating zero; or `NULL`.
/// - `len`: size of that memory; 123 bytes are always enough.
///
/// # Return value
///
/// The length of the reason in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAGAIN`: the peer has not ended its stream yet.
/// - `EBADF`: the handle is not open.
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0.
/// - `EMSGSIZE`: the reason does not fit.
/// - `ENOTSUP`: the handle is no WebSocket.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int status;
/// char reason[123];
/// ssize_t len = ws_status(s, &status, reason, sizeof(reason));
/// if(len >= 0) printf("%d %.*s\n", status, (int)len, reason);
/// ```
///
/// # See also
///
/// `ws_recv`, `ws_done`, `ws_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_status(
    s: c_int,
    status: *mut c_int,
    buf: *mut c_void,
    len: usize,
) -> isize {
    // SAFETY: both places are the caller's promise.
    let result = unsafe {
        match bytes(buf, len) {
            Err(error) => Err(error),
            Ok(_) if buf.is_null() => websocket::status(s, None),
            Ok(_) => websocket::status(s, Some(slice::from_raw_parts_mut(buf.cast(), len))),
        }
    };
    length(result.map(|(code, length)| {
        if !status.is_null() {
            // SAFETY: as above.
            unsafe { *status = code.into() };
        }
        length
    }))
}
