//! TERM: a terminal handshake on top of messages.

use super::arguments::{bytes, storage};
use super::boundary::{immediate, int, unit};
use crate::protocols::term::{self, LONGEST, STORAGE};
use crate::sockets::storage::Storage;
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;

/// Memory for a TERM protocol, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_term_storage {
    bytes: [c_char; 88],
}

const _: () = assert!(size_of::<dill_term_storage>() == STORAGE);

/// Starts the TERM protocol on top of a message socket.
///
/// TERM adds a handshake to a message protocol that has none: each peer ends its messages
/// with the terminal one. When both have done so they agree on where the protocol has
/// ended, and can use what is beneath for something else. The terminal message must not be
/// sent as an ordinary one.
///
/// The protocol takes the socket beneath: the handle `s` is not valid any more. If the
/// function fails that socket is closed, except for `EBADF`.
///
/// # Parameters
///
/// - `s`: a message socket.
/// - `buf`: the terminal message. May be `NULL` if `len` is 0.
/// - `len`: its length in bytes, 0 to 32.
///
/// # Return value
///
/// The handle of the protocol, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0, or `len` is too large.
/// - `EMFILE`: no handle is left.
/// - `ENOMEM`: out of memory.
/// - `EPROTO`: the socket beneath is no message socket.
///
/// # Thread safety
///
/// Handles belong to the thread that made them. On another one they are `EBADF`.
///
/// # Example
///
/// ```c
/// s = suffix_attach(s, "\r\n", 2);
/// s = term_attach(s, "STOP", 4);
/// msend(s, "ABC", 3, -1);
/// s = term_detach(s, -1);
/// ```
///
/// # See also
///
/// `term_attach_mem`, `term_done`, `term_detach`, `msend`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_term_attach(s: c_int, buf: *const c_void, len: usize) -> c_int {
    // SAFETY: the message is the caller's promise.
    immediate::int(term::attach(
        s,
        unsafe { bytes(buf, len.min(LONGEST + 1)) }.ok(),
        Ok(Storage::Own),
    ))
}

/// Starts the TERM protocol on top of a message socket, in memory of the caller's.
///
/// Works as `term_attach`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the protocol.
///
/// # Errors
///
/// Those of `term_attach`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct term_storage mem;
/// s = term_attach_mem(s, "STOP", 4, &mem);
/// ```
///
/// # See also
///
/// `term_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_term_attach_mem(
    s: c_int,
    buf: *const c_void,
    len: usize,
    mem: *mut dill_term_storage,
) -> c_int {
    // SAFETY: the message is the caller's promise.
    immediate::int(term::attach(s, unsafe { bytes(buf, len.min(LONGEST + 1)) }.ok(), storage(mem)))
}

/// Sends the terminal message of the TERM protocol.
///
/// Nothing can be sent any more then. Receiving goes on, until `mrecv` fails with `EPIPE`:
/// the peer has sent its own terminal message.
///
/// # Parameters
///
/// - `s`: the protocol.
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
/// - `EBUSY`: another coroutine is sending.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `ENOTSUP`: the handle is no TERM protocol.
/// - `EPIPE`: the terminal message was sent before.
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
/// ssize_t sz;
/// term_done(s, -1);
/// while((sz = mrecv(s, buf, sizeof(buf), -1)) >= 0)
///     printf("%.*s\n", (int)sz, buf);
/// s = term_detach(s, -1);
/// ```
///
/// # See also
///
/// `term_detach`, `term_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_term_done(s: c_int, deadline: i64) -> c_int {
    unit(term::done(s, deadline))
}

/// Ends the TERM protocol and gives the message socket beneath back.
///
/// Sends the terminal message if that wasn't done yet, and waits for the one of the peer;
/// messages that come until then are dropped.
///
/// If the function fails, protocol and message socket are closed, except for `EBADF` and
/// `ENOTSUP`.
///
/// # Parameters
///
/// - `s`: the protocol.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the message socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is sending or receiving.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, an earlier operation has failed, or the peer
///   has closed it without the terminal message.
/// - `ENOTSUP`: the handle is no TERM protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = term_detach(s, now() + 1000);
/// if(s >= 0) hclose(s);
/// ```
///
/// # See also
///
/// `term_done`, `term_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_term_detach(s: c_int, deadline: i64) -> c_int {
    int(term::detach(s, deadline))
}
