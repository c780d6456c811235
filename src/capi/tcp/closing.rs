//! The end of TCP connections and listeners.

use crate::capi::boundary::unit;
use crate::sockets::tcp;
use core::ffi::c_int;

/// Ends the outgoing stream of a TCP connection.
///
/// The peer gets all that was sent before, and then the end of the stream. Receiving goes
/// on. The function does not block: the system delivers in the background.
///
/// # Parameters
///
/// - `s`: the connection.
/// - `deadline`: not used; for symmetry with other protocols.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: another coroutine is sending to the connection.
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `ENOTSUP`: the handle is no TCP connection.
/// - `EPIPE`: the stream was ended before.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// bsend(s, request, sizeof(request), -1);
/// tcp_done(s, -1);
/// brecv(s, reply, sizeof(reply), -1);
/// ```
///
/// # See also
///
/// `tcp_close`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_done(s: c_int, deadline: i64) -> c_int {
    let _ = deadline;
    unit(tcp::done(s))
}

/// Closes a TCP connection in an orderly way.
///
/// Ends the outgoing stream if that wasn't done yet, and waits for the peer to end its
/// own; what comes until then is dropped. So the peer has got everything that was sent,
/// or has closed knowing that it hasn't. If that fails, the connection is reset.
///
/// The handle is closed in any case, except for `EBADF` and `ENOTSUP`. `hclose` closes a
/// connection without any of this, and resets it. A listener may be closed by either
/// function.
///
/// # Parameters
///
/// - `s`: the connection or listener.
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
/// - `EBUSY`: another coroutine is using the connection.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `ENOTSUP`: the handle is neither a TCP connection nor a TCP listener.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// bsend(s, "bye\n", 4, -1);
/// if(tcp_close(s, now() + 1000) < 0) perror("tcp_close");
/// ```
///
/// # See also
///
/// `tcp_done`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_close(s: c_int, deadline: i64) -> c_int {
    unit(tcp::close(s, deadline))
}
