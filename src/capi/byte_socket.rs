//! Bytestream sockets.

use super::boundary::unit;
use super::io_list::dill_iolist;
use crate::sockets::byte_socket::{self, ByteStream};
use crate::sockets::io_list::{ToFill, ToSend};
use crate::sockets::single_buffer;
use core::ffi::{c_int, c_void};
use core::mem::{offset_of, size_of};

/// Identifies the bytestream interface: an object that implements it answers
/// `hquery(h, bsock_type)` with a pointer to its `struct bsock_vfs`.
#[unsafe(no_mangle)]
pub static mut dill_bsock_type: *const c_void = byte_socket::type_id();

/// The functions of a bytestream socket. A protocol of your own puts this structure
/// into its object and returns a pointer to it when it is queried for `bsock_type`;
/// `bsend`, `brecv`, `bsendl` and `brecvl` call them.
///
/// Both functions transfer the whole list from `first` to `last`, or fail with -1 and
/// `errno`. A receive of no list at all (both pointers `NULL`) reads and drops
/// everything until it fails.
///
/// A protocol on top takes `ETIMEDOUT`, `ECANCELED` and `EBUSY` for a call that has changed
/// nothing if no socket beneath has transferred a byte in it. If that is wrong, as bytes were
/// taken out of a buffer of the object's own, its later calls must fail.
#[repr(C)]
#[allow(dead_code)] // For C; the library itself uses `ByteStream`.
pub struct dill_bsock_vfs {
    /// Sends a list of buffers.
    pub bsendl: Option<
        unsafe extern "C" fn(
            vfs: *mut dill_bsock_vfs,
            first: *mut dill_iolist,
            last: *mut dill_iolist,
            deadline: i64,
        ) -> c_int,
    >,
    /// Receives into a list of buffers.
    pub brecvl: Option<
        unsafe extern "C" fn(
            vfs: *mut dill_bsock_vfs,
            first: *mut dill_iolist,
            last: *mut dill_iolist,
            deadline: i64,
        ) -> c_int,
    >,
}

const _: () = {
    assert!(size_of::<dill_bsock_vfs>() == size_of::<ByteStream>());
    assert!(offset_of!(dill_bsock_vfs, bsendl) == offset_of!(ByteStream, send));
    assert!(offset_of!(dill_bsock_vfs, brecvl) == offset_of!(ByteStream, receive));
};

/// Sends bytes to a bytestream socket.
///
/// All `len` bytes are sent, or the function fails. A call that ends before its first byte
/// has gone, because of its deadline, a cancel scope or the cancellation of the coroutine,
/// has changed nothing: the next one works. If a call is cut off later it is not known how
/// many bytes have gone, so nothing more can be sent to the socket: further sends fail with
/// `ECONNRESET`. Invalid arguments and `EBUSY` have no effect on the socket.
///
/// A call that is made too late (its deadline is not 0, and has passed already) fails with
/// `ECONNRESET` instead of `ETIMEDOUT` if the call before it has timed out and there is still
/// no room, as in libdill. That changes nothing either.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `buf`: the bytes to send. May be `NULL` if `len` is 0.
/// - `len`: their number.
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
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the outgoing stream was ended by `tcp_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// if(bsend(s, "GET / HTTP/1.0\r\n\r\n", 18, now() + 1000) < 0) perror("bsend");
/// ```
///
/// # See also
///
/// `brecv`, `bsendl`, `tcp_connect`, `tcp_done`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bsend(
    s: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the buffer is the caller's promise.
    unit(unsafe { single_buffer::send(s, buf, len, deadline) })
}

/// Receives bytes from a bytestream socket.
///
/// Exactly `len` bytes are received, or the function fails. A call that ends before it has
/// received its first byte, because of its deadline, a cancel scope or the cancellation of the
/// coroutine, has changed nothing: the next one works. If a call is cut off later it is not
/// known where in the stream a further receive would start, so further receives fail with
/// `ECONNRESET`, or with `EPIPE` if the stream has ended. Invalid arguments and `EBUSY` have no
/// effect on the socket.
///
/// A call that is made too late (its deadline is not 0, and has passed already) fails with
/// `ECONNRESET` instead of `ETIMEDOUT` if the call before it has timed out and nothing has
/// come since, as in libdill. That changes nothing either.
///
/// TCP sockets read ahead, so that many small receives cost little. Bytes that were read ahead
/// count as received when a call takes them.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `buf`: where the bytes go. If it is `NULL` they are read and dropped.
/// - `len`: how many bytes to receive.
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
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
/// - `EINVAL`: invalid argument.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the peer has ended its stream, and fewer than `len` bytes were left.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char header[16];
/// if(brecv(s, header, sizeof(header), now() + 1000) < 0) perror("brecv");
/// ```
///
/// # See also
///
/// `brecvl`, `bsend`, `tcp_accept`, `tcp_close`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_brecv(
    s: c_int,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `dill_bsend`.
    unit(unsafe { single_buffer::receive(s, buf, len, deadline) })
}

/// Sends a list of buffers to a bytestream socket.
///
/// The buffers go out one after another, as if `bsend` had been called with all of them
/// in one piece, but without copying them together. The list is not modified. See
/// `bsend` for what an error means to the socket.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `first`: the first buffer of the list.
/// - `last`: the last one; its `iol_next` is `NULL`.
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
/// - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
///   loop, an `iol_rsvd` is not 0, a buffer has a length but no memory, or all of them
///   together are too long.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the outgoing stream was ended by `tcp_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// struct iolist body = {text, strlen(text), NULL, 0};
/// struct iolist head = {header, strlen(header), &body, 0};
/// if(bsendl(s, &head, &body, -1) < 0) perror("bsendl");
/// ```
///
/// # See also
///
/// `brecvl`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_bsendl(
    s: c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> c_int {
    // SAFETY: the list is the caller's promise.
    unit(byte_socket::send(s, unsafe { ToSend::new(first.cast(), last.cast()) }, deadline))
}

/// Receives bytes from a bytestream socket into a list of buffers.
///
/// The buffers are filled one after another, all of them, or the function fails. Bytes
/// for a buffer without memory are read and dropped. The list is not modified. See
/// `brecv` for what an error means to the socket.
///
/// Without any list (`first` and `last` are both `NULL`) everything is read and dropped
/// until that fails; at the end of the stream it fails with `EPIPE`.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `first`: the first buffer of the list, or `NULL`.
/// - `last`: the last one, the `iol_next` of which is `NULL`; or `NULL`.
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
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
/// - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
///   loop, an `iol_rsvd` is not 0, or all buffers together are too long.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPIPE`: the peer has ended its stream before the list was full.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char number[4];
/// struct iolist data = {number, sizeof(number), NULL, 0};
/// struct iolist padding = {NULL, 12, &data, 0};
/// if(brecvl(s, &padding, &data, -1) < 0) perror("brecvl");
/// ```
///
/// # See also
///
/// `brecv`, `bsendl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_brecvl(
    s: c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> c_int {
    // SAFETY: the list is the caller's promise.
    unit(byte_socket::receive(s, unsafe { ToFill::new(first.cast(), last.cast()) }, deadline))
}
