//! The end of TLS sessions.

use crate::capi::boundary::{int, unit};
use crate::protocols::tls;
use core::ffi::c_int;

/// Ends the outgoing half of a TLS session.
///
/// The peer is told by a `close_notify` that no more will come; after all that was sent
/// before, its receives fail with `EPIPE`. Receiving goes on here. The stream below stays as
/// it is: its own outgoing half is not ended.
///
/// # Parameters
///
/// - `s`: the TLS socket.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
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
/// - `ENOTSUP`: the handle is no TLS socket.
/// - `EPIPE`: the outgoing half has been ended already.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// bsend(s, "request", 7, -1);
/// tls_done(s, -1);
/// char answer[6];
/// brecv(s, answer, sizeof(answer), -1);
/// ```
///
/// # See also
///
/// `tls_detach`, `tls_attach_client_verify`, `tls_attach_server`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_done(s: c_int, deadline: i64) -> c_int {
    unit(tls::done(s, deadline))
}

/// Ends a TLS session and gives the stream below back.
///
/// Says goodbye, as `tls_done` does if it was not called before, and waits for the goodbye of
/// the peer; what else comes before that is dropped. The stream is left at the very byte
/// after it, so that peers can go on with another protocol.
///
/// If the call fails the stream is closed. In any case the TLS socket is.
///
/// # Parameters
///
/// - `s`: the TLS socket.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the stream below, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the peer has refused our certificate, or that we have none.
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is sending to the socket or receiving from it.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier send or receive has failed, or the
///   peer has ended the stream below without a goodbye.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no TLS socket.
/// - `EPROTO`: the peer has broken the rules.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = tls_detach(s, now() + 1000);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `tls_done`, `tls_attach_client_verify`, `tls_attach_server`, `tcp_close`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_detach(s: c_int, deadline: i64) -> c_int {
    int(tls::detach(s, deadline))
}
