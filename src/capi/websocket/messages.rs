//! Sending and receiving the messages of WebSockets.

use super::{DILL_WS_BINARY, DILL_WS_TEXT, content};
use crate::capi::boundary::{length, unit};
use crate::capi::io_list::dill_iolist;
use crate::protocols::websocket::{self, Content};
use crate::sockets::io_list::{IoList, ToFill, ToSend};
use core::ffi::{c_int, c_void};

/// # Safety
/// As for [`websocket::receive`]; `flags` is null or a place for a value.
unsafe fn receive(
    s: c_int,
    flags: *mut c_int,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> isize {
    // SAFETY: by the caller's promise.
    let result = websocket::receive(s, unsafe { ToFill::new(first, last) }, deadline);
    length(result.map(|(length, content)| {
        if !flags.is_null() {
            let flag = if content == Content::Text { DILL_WS_TEXT } else { DILL_WS_BINARY };
            // SAFETY: by the caller's promise.
            unsafe { *flags = flag };
        }
        length
    }))
}

/// Sends a message of a given type to a WebSocket.
///
/// `msend` does the same with the type that was given to `ws_attach_client` or `ws_attach_server`.
/// A call that ends before its first byte has gone has changed nothing, as with `msend`; after an
/// error under way nothing more can be sent to the socket.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the message.
/// - `buf`: the message. May be `NULL` if `len` is 0.
/// - `len`: its length in bytes.
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
/// - `EILSEQ`: a text message is not UTF-8. Nothing was sent.
/// - `EINVAL`: invalid argument.
/// - `EIO`: the system gives no random bytes.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the outgoing stream was ended by `ws_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// ws_send(s, WS_TEXT, "hello", 5, -1);
/// ```
///
/// # See also
///
/// `ws_sendl`, `ws_recv`, `ws_done`, `msend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_send(
    s: c_int,
    flags: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    let mut list = IoList::single(buf.cast_mut(), len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; its buffer is the caller's promise.
    let list = unsafe { ToSend::new(list, list) };
    unit(content(flags).and_then(|it| websocket::send(s, it, list, deadline)))
}

/// Receives a message from a WebSocket, with its type.
///
/// A message may have come in any number of frames, and pings between them are answered. Pings and
/// pongs are no part of a message: a call that ends before the first byte of one has come, because
/// of its deadline, a cancel scope or the cancellation of the coroutine, has changed nothing, even
/// if it has answered pings. So a connection can be kept alive by a call with a deadline, a message
/// when that has passed, and another call. If a call is cut off in a message, no more can be
/// received. After
/// `EILSEQ`, `EMSGSIZE` or `EPROTO` no more can be received; a following `ws_done` or `ws_detach`
/// without a status tells the peer why.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: where the type of the message goes, `WS_TEXT` or `WS_BINARY`, or `NULL`.
/// - `buf`: where the message goes. If it is `NULL` the message is dropped.
/// - `len`: size of that memory: the message may not be longer.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The length of the message in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended without a Close frame, or an earlier
///   receive has failed.
/// - `EILSEQ`: a text message or the reason of a Close frame is not UTF-8.
/// - `EINVAL`: invalid argument.
/// - `EMSGSIZE`: the message does not fit.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the peer has ended its stream; see `ws_status`.
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
/// char buf[256];
/// int flags;
/// ssize_t len = ws_recv(s, &flags, buf, sizeof(buf), -1);
/// if(len < 0 && errno == EPIPE) printf("that was all\n");
/// ```
///
/// # See also
///
/// `ws_recvl`, `ws_send`, `ws_status`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_recv(
    s: c_int,
    flags: *mut c_int,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> isize {
    let mut list = IoList::single(buf, len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; the memory is the caller's promise.
    unsafe { receive(s, flags, list, list, deadline) }
}

/// Sends a message of a given type, gathered from a list of buffers, to a WebSocket.
///
/// Works as `ws_send`.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the message.
/// - `first`: the first buffer of the list.
/// - `last`: the last one, with `iol_next` `NULL`.
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
/// - `EILSEQ`: a text message is not UTF-8. Nothing was sent.
/// - `EINVAL`: invalid argument.
/// - `EIO`: the system gives no random bytes.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the outgoing stream was ended by `ws_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// struct iolist tail = {" world", 6, NULL, 0};
/// struct iolist head = {"hello", 5, &tail, 0};
/// ws_sendl(s, WS_TEXT, &head, &tail, -1);
/// ```
///
/// # See also
///
/// `ws_send`, `ws_recvl`, `msendl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_sendl(
    s: c_int,
    flags: c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> c_int {
    let (first, last) = (first.cast(), last.cast());
    // SAFETY: the list is the caller's promise.
    let list = unsafe { ToSend::new(first, last) };
    unit(content(flags).and_then(|it| websocket::send(s, it, list, deadline)))
}

/// Receives a message from a WebSocket into a list of buffers, with its type.
///
/// Works as `ws_recv`. What goes to a buffer without memory is dropped. Without any list (both
/// pointers `NULL`) the whole message is.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: where the type of the message goes, `WS_TEXT` or `WS_BINARY`, or `NULL`.
/// - `first`: the first buffer of the list.
/// - `last`: the last one, with `iol_next` `NULL`.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The length of the message in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended without a Close frame, or an earlier
///   receive has failed.
/// - `EILSEQ`: a text message or the reason of a Close frame is not UTF-8.
/// - `EINVAL`: invalid argument.
/// - `EMSGSIZE`: the message does not fit.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the peer has ended its stream; see `ws_status`.
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
/// char start[4], rest[60];
/// struct iolist tail = {rest, sizeof(rest), NULL, 0};
/// struct iolist head = {start, sizeof(start), &tail, 0};
/// ssize_t len = ws_recvl(s, NULL, &head, &tail, -1);
/// ```
///
/// # See also
///
/// `ws_recv`, `ws_sendl`, `mrecvl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_recvl(
    s: c_int,
    flags: *mut c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> isize {
    // SAFETY: the list is the caller's promise.
    unsafe { receive(s, flags, first.cast(), last.cast(), deadline) }
}
