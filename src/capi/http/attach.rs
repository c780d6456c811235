//! Making HTTP sockets of byte streams and the other way round.

use super::dill_http_storage;
use crate::capi::boundary::{immediate, int, unit};
use crate::os::errno::Errno;
use crate::protocols::http::{self, Exchange};
use crate::scheduler::handles;
use core::ffi::c_int;

/// Makes an HTTP socket of a byte stream.
///
/// Messages are sent and received one after another, as many as there are, with `http_sendrequest`
/// or `http_sendstatus`, `http_sendfield` and `http_done`, and `http_recvrequest` or
/// `http_recvstatus` and `http_recvfield`.
///
/// The bodies of messages follow with `http_sendbody`, `http_donebody` and `http_recvbody`. The
/// socket is also a byte stream, that of the bodies, so that `bsend`, `brecv` and other protocols
/// can be used on it. Or take the stream beneath back with `http_detach` and treat the body in any
/// other way.
///
/// The socket is a strict peer (RFC 9112): folded fields, line ends without CR, and more than one
/// word on a body's length are refused. No line may be longer than 8 KiB and no head longer than
/// 64 KiB.
///
/// After an error the byte stream is closed, unless `s` was not open at all.
///
/// # Parameters
///
/// - `s`: the byte stream, which the HTTP socket takes over.
///
/// # Return value
///
/// The handle of the HTTP socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EMFILE`: no handle is left.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = tcp_connect(&addr, -1);
/// s = http_attach(s);
/// http_sendrequest(s, "GET", "/", -1);
/// http_sendfield(s, "Host", "www.example.org", -1);
/// http_done(s, -1);
/// ```
///
/// # See also
///
/// `http_attach_mem`, `http_detach`, `http_sendrequest`, `http_recvrequest`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_attach(s: c_int) -> c_int {
    immediate::int(http::attach(s))
}

/// Makes an HTTP socket of a byte stream, with memory of the caller's.
///
/// Works as `http_attach`. The memory is the socket's until the handle is closed; it needs no
/// alignment. The library may keep the socket's state in memory of its own instead.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `http_attach`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct http_storage mem;
/// int s = http_attach_mem(tcp_accept(ls, NULL, -1), &mem);
/// ```
///
/// # See also
///
/// `http_attach`, `http_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_attach_mem(s: c_int, mem: *mut dill_http_storage) -> c_int {
    if mem.is_null() {
        let _ = handles::close(s);
        return immediate::int(Err(Errno::EINVAL));
    }
    immediate::int(http::attach(s))
}

/// Ends the head of a message and sends it.
///
/// The whole head leaves in one piece. To have the beginning of the body in it too, leave
/// `http_done` out and call `http_sendbody`. A call that ends before the first byte has gone,
/// because of its deadline, a cancel scope or the cancellation of the coroutine, has changed
/// nothing: the head can still be sent.
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
/// - `EINVAL`: the fields do not tell where the body ends.
/// - `EMSGSIZE`: the head is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no head was begun.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendstatus(s, 204, "No Content", -1);
/// http_done(s, -1);
/// ```
///
/// # See also
///
/// `http_sendfield`, `http_sendbody`, `http_recvfield`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_done(s: c_int, deadline: i64) -> c_int {
    unit(http::done(s, deadline))
}

/// Ends the use of HTTP on a byte stream and gives that back.
///
/// The exchange of heads is completed first. An outgoing head is ended, and the rest of an
/// incoming head is dropped, and so is the rest of a body of which a part was received. Where the
/// peer's head was not received yet, the function waits for it and drops it: the response to
/// each request that was sent, or, where no head was received at all, the first head. A socket
/// that has sent no head sends an empty line in place of one, for a peer that waits for it
/// likewise. The stream is left at the byte after that: after a head, at the first byte of the
/// body.
///
/// On failure socket and stream are closed, except after `EBADF`, `EBUSY` and `ENOTSUP`.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
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
/// - `ECONNRESET`: the connection is broken, has ended within a message or before the peer's head,
///   or an earlier call has failed.
/// - `EINVAL`: the fields of the head that was begun do not tell where the body ends.
/// - `EMSGSIZE`: the head that was begun, or the rest of what the peer has begun, is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPROTO`: the peer has not sent a proper message.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = http_detach(s, now() + 1000);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `http_attach`, `http_done`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_detach(s: c_int, deadline: i64) -> c_int {
    int(http::detach(s, Exchange::Whole, deadline))
}
