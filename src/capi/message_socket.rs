//! Message sockets.

use super::boundary::{length, unit};
use super::io_list::dill_iolist;
use crate::sockets::io_list::{IoList, ToFill, ToSend};
use crate::sockets::message_socket::{self, MessageSocket};
use core::ffi::{c_int, c_void};
use core::mem::{offset_of, size_of};
use libc::ssize_t;

/// Identifies the message socket interface: an object that implements it answers
/// `hquery(h, msock_type)` with a pointer to its `struct msock_vfs`.
#[unsafe(no_mangle)]
pub static mut dill_msock_type: *const c_void = message_socket::type_id();

/// The functions of a message socket. A protocol of your own puts this structure into its
/// object and returns a pointer to it when it is queried for `msock_type`; `msend`, `mrecv`,
/// `msendl` and `mrecvl` call them.
///
/// `msendl` sends the whole list from `first` to `last` as one message. `mrecvl` receives one
/// message into the list and returns its length; without any list (both pointers `NULL`) it
/// drops the message. Both return -1 and set `errno` when they fail.
#[repr(C)]
#[allow(dead_code)] // For C; the library itself uses `MessageSocket`.
pub struct dill_msock_vfs {
    /// Sends a list of buffers as one message.
    pub msendl: Option<
        unsafe extern "C" fn(
            vfs: *mut dill_msock_vfs,
            first: *mut dill_iolist,
            last: *mut dill_iolist,
            deadline: i64,
        ) -> c_int,
    >,
    /// Receives a message into a list of buffers.
    pub mrecvl: Option<
        unsafe extern "C" fn(
            vfs: *mut dill_msock_vfs,
            first: *mut dill_iolist,
            last: *mut dill_iolist,
            deadline: i64,
        ) -> ssize_t,
    >,
}

const _: () = {
    assert!(size_of::<dill_msock_vfs>() == size_of::<MessageSocket>());
    assert!(offset_of!(dill_msock_vfs, msendl) == offset_of!(MessageSocket, send));
    assert!(offset_of!(dill_msock_vfs, mrecvl) == offset_of!(MessageSocket, receive));
};

/// Sends a message to a message socket.
///
/// The message is sent as a whole, or the function fails. A call that ends before its first
/// byte has gone, because of its deadline, a cancel scope or the cancellation of the coroutine,
/// has changed nothing: the next one works. What an error under way means to the socket is up to
/// its protocol: PREFIX and SUFFIX can't send anything more then and fail with `ECONNRESET`, UDP
/// goes on. Invalid arguments, `EBUSY` and `EMSGSIZE` have no effect on the socket. A call that
/// is made too late may fail as with `bsend`.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `buf`: the message. May be `NULL` if `len` is 0.
/// - `len`: its length in bytes.
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
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0, or nothing says where a UDP message
///   shall go.
/// - `EMSGSIZE`: the protocol can't carry a message of this length. Nothing was sent.
/// - `ENOTSUP`: the handle is no message socket.
/// - `EPIPE`: the outgoing stream was ended, as by `term_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// if(msend(s, "hello", 5, now() + 1000) < 0) perror("msend");
/// ```
///
/// # See also
///
/// `mrecv`, `msendl`, `prefix_attach`, `suffix_attach`, `term_attach`, `udp_open`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_msend(
    s: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    let mut list = IoList::single(buf.cast_mut(), len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; its buffer is the caller's promise.
    unit(message_socket::send(s, unsafe { ToSend::new(list, list) }, deadline))
}

/// Receives a message from a message socket.
///
/// One message is received as a whole, or the function fails. A call that ends before the first
/// byte of its message has come, because of its deadline, a cancel scope or the cancellation of
/// the coroutine, has changed nothing: the next one works. What an error under way means to the
/// socket is up to its protocol: PREFIX and SUFFIX can't receive anything more then and fail
/// with `ECONNRESET`, UDP goes on. Invalid arguments and `EBUSY` have no effect on the socket. A
/// call that is made too late may fail as with `brecv`.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `buf`: where the message goes. If it is `NULL` the message is received and dropped.
/// - `len`: how long the message may be.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The length of the message, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, the stream has ended in the middle of a message, or an
///   earlier receive has failed.
/// - `EINVAL`: `len` is longer than memory can be.
/// - `EMSGSIZE`: the message doesn't fit into the buffer. It is lost. With PREFIX and
///   SUFFIX the rest of the stream is, too: further receives fail with `ECONNRESET`.
/// - `ENOTSUP`: the handle is no message socket.
/// - `EPIPE`: the peer has ended its stream, and no part of a further message has come.
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
/// ssize_t sz = mrecv(s, buf, sizeof(buf), now() + 1000);
/// if(sz < 0) perror("mrecv");
/// ```
///
/// # See also
///
/// `mrecvl`, `msend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_mrecv(
    s: c_int,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> ssize_t {
    let mut list = IoList::single(buf, len);
    let list = &raw mut list;
    // SAFETY: as in `dill_msend`.
    length(message_socket::receive(s, unsafe { ToFill::new(list, list) }, deadline))
}

/// Sends a list of buffers to a message socket, as one message.
///
/// The buffers go out one after another, as if `msend` had been called with all of them in
/// one piece, but without copying them together. The list is not modified. See `msend` for
/// what an error means to the socket.
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
///   together are too long; or nothing says where a UDP message shall go.
/// - `EMSGSIZE`: the protocol can't carry a message of this length. Nothing was sent.
/// - `ENOTSUP`: the handle is no message socket.
/// - `EPIPE`: the outgoing stream was ended, as by `term_done`.
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
/// if(msendl(s, &head, &body, -1) < 0) perror("msendl");
/// ```
///
/// # See also
///
/// `mrecvl`, `msend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_msendl(
    s: c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> c_int {
    // SAFETY: the list is the caller's promise.
    unit(message_socket::send(s, unsafe { ToSend::new(first.cast(), last.cast()) }, deadline))
}

/// Receives a message from a message socket into a list of buffers.
///
/// The buffers are filled one after another, as far as the message reaches. Bytes for a
/// buffer without memory are dropped; such a buffer may be longer than any message. The
/// list is not modified. See `mrecv` for what an error means to the socket.
///
/// Without any list (`first` and `last` are both `NULL`) the message is dropped, whatever
/// its length.
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
/// The length of the message, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, the stream has ended in the middle of a message, or an
///   earlier receive has failed.
/// - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
///   loop, or an `iol_rsvd` is not 0.
/// - `EMSGSIZE`: the message doesn't fit into the list. It is lost. With PREFIX and SUFFIX
///   the rest of the stream is, too: further receives fail with `ECONNRESET`.
/// - `ENOTSUP`: the handle is no message socket.
/// - `EPIPE`: the peer has ended its stream, and no part of a further message has come.
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
/// struct iolist rest = {NULL, SIZE_MAX, NULL, 0};
/// struct iolist data = {number, sizeof(number), &rest, 0};
/// if(mrecvl(s, &data, &rest, -1) < 0) perror("mrecvl");
/// ```
///
/// # See also
///
/// `mrecv`, `msendl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_mrecvl(
    s: c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> ssize_t {
    // SAFETY: the list is the caller's promise.
    let list = unsafe { ToFill::new(first.cast(), last.cast()) };
    length(message_socket::receive(s, list, deadline))
}
