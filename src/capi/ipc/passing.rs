//! Passing descriptors to other processes.

use crate::capi::boundary::{int, unit};
use crate::sockets::ipc;
use core::ffi::c_int;

/// Passes a file descriptor to the peer of a local connection.
///
/// The descriptor takes its place in the stream, between the bytes sent before and those
/// sent afterwards: the peer has to call `ipc_recvfd` at that point. The caller keeps `fd`,
/// and may close it at once.
///
/// After an error other than `ECONNRESET` the connection can be used as before.
///
/// # Parameters
///
/// - `s`: the connection.
/// - `fd`: the descriptor to pass.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call, or `fd` is not open.
/// - `EBUSY`: another coroutine is sending to the connection.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: `fd` is negative.
/// - `ENOTSUP`: the handle is no local connection.
/// - `EPIPE`: the outgoing stream was ended by `ipc_done`.
/// - `ETIMEDOUT`: the deadline has passed.
/// - `ETOOMANYREFS`: too many descriptors are on their way already.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int fds[2];
/// pipe(fds);
/// ipc_sendfd(s, fds[0], -1);
/// close(fds[0]);
/// ```
///
/// # See also
///
/// `ipc_recvfd`, `ipc_pair`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_sendfd(s: c_int, fd: c_int, deadline: i64) -> c_int {
    unit(ipc::send_descriptor(s, fd, deadline))
}

/// Receives a file descriptor from the peer of a local connection.
///
/// The peer must have sent it, by `ipc_sendfd`, at this point of the stream. A descriptor
/// that is met by `brecv` is lost.
///
/// After `ETIMEDOUT` and `ECANCELED` the connection can be used as before.
///
/// # Parameters
///
/// - `s`: the connection.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The descriptor, which is the caller's to close, or -1 with `errno` set to one of the
/// values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the connection.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
/// - `EMFILE`: the process can't have more descriptors. The one that was sent is lost.
/// - `ENOTSUP`: the handle is no local connection.
/// - `EPIPE`: the peer has ended its stream.
/// - `EPROTO`: the peer has sent something else. Nothing more can be received.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int fd = ipc_recvfd(s, now() + 1000);
/// if(fd < 0) perror("ipc_recvfd");
/// ```
///
/// # See also
///
/// `ipc_sendfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_recvfd(s: c_int, deadline: i64) -> c_int {
    int(ipc::receive_descriptor(s, deadline))
}
