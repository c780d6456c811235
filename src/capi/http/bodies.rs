//! The bodies of messages.

use crate::capi::boundary::{length, unit};
use crate::protocols::http;
use crate::sockets::io_list::{IoList, ToFill, ToSend};
use core::ffi::{c_int, c_void};

/// Sends a part of the body of a message.
///
/// If the head was not ended by `http_done`, it is now, and leaves in one piece with these bytes.
/// With `Transfer-Encoding: chunked` they become a chunk; with `Content-Length` not more than that
/// many can be sent; a response that has neither ends with the connection. `bsend` and `bsendl` do
/// the same. A call that ends before its first byte has gone, head included, has changed nothing.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `buf`: the bytes to send. May be `NULL` if `len` is 0.
/// - `len`: their number.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0, or the fields of the head do not tell where
///   the body ends.
/// - `EMSGSIZE`: the message has no body, or less of it is left. Nothing was sent.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no message was begun.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendstatus(s, 200, "OK", -1);
/// http_sendfield(s, "Transfer-Encoding", "chunked", -1);
/// http_sendbody(s, "hello ", 6, -1);
/// http_sendbody(s, "world", 5, -1);
/// http_donebody(s, -1);
/// ```
///
/// # See also
///
/// `http_donebody`, `http_recvbody`, `http_sendfield`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_sendbody(
    s: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    let mut list = IoList::single(buf.cast_mut(), len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; its buffer is the caller's promise.
    unit(http::send_body(s, unsafe { ToSend::new(list, list) }, deadline))
}

/// Ends the body of a message.
///
/// Needed with `Transfer-Encoding: chunked`, of which the last chunk is sent now. In any case it
/// checks that the message is complete. If the head was not ended yet, it is.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: the fields of the head do not tell where the body ends.
/// - `EMSGSIZE`: the body is shorter than its `Content-Length`.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no message was begun.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendbody(s, "bye", 3, -1);
/// http_donebody(s, -1);
/// ```
///
/// # See also
///
/// `http_sendbody`, `http_recvbody`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_donebody(s: c_int, deadline: i64) -> c_int {
    unit(http::done_body(s, deadline))
}

/// Receives a part of the body of a message.
///
/// `len` bytes are received, or fewer at the end of the body. Fields of the head that were not
/// received are dropped. `brecv` and `brecvl` do the same for programs that know how much is to
/// come, and fail with `EPIPE` if it is less. What stands between chunks is no part of the body: a
/// call that ends before it has received a byte of the body, because of its deadline, a cancel
/// scope or the cancellation of the coroutine, has changed nothing, and the next one works. When `choose` says that the socket is ready, that may
/// be the size of the body's first chunk only, and the bytes are still to come.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `buf`: where the bytes go. If it is `NULL` they are dropped.
/// - `len`: how many bytes to receive.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The number of bytes received, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
///   failed.
/// - `EINVAL`: invalid argument.
/// - `EMSGSIZE`: a line in a chunked body is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: the body has ended, or there is none.
/// - `EPROTO`: the peer has not sent a proper body.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char buf[4096];
/// ssize_t len;
/// while((len = http_recvbody(s, buf, sizeof(buf), -1)) >= 0)
///     fwrite(buf, 1, (size_t)len, stdout);
/// if(errno != EPIPE) perror("http_recvbody");
/// ```
///
/// # See also
///
/// `http_sendbody`, `http_recvfield`, `brecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_recvbody(
    s: c_int,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> isize {
    let mut list = IoList::single(buf, len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; the memory is the caller's promise.
    length(http::receive_body(s, unsafe { ToFill::new(list, list) }, deadline))
}
