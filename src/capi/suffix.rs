//! SUFFIX: messages with a delimiter behind.

use super::arguments::{bytes, closed_on_error, storage};
use super::boundary::{immediate, int};
use crate::protocols::suffix::{self, LONGEST, STORAGE};
use crate::sockets::storage::Storage;
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;

/// Memory for a SUFFIX protocol, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_suffix_storage {
    bytes: [c_char; 128],
}

const _: () = assert!(size_of::<dill_suffix_storage>() == STORAGE);

/// Starts the SUFFIX protocol on top of a bytestream.
///
/// Each message is followed by the delimiter, as lines of text are by CR and LF. A message
/// that is sent must not contain it: that would make two messages of it. There is no
/// handshake, neither at the beginning nor at the end.
///
/// The protocol takes the socket beneath: the handle `s` is not valid any more. If the
/// function fails that socket is closed, except for `EBADF`.
///
/// # Parameters
///
/// - `s`: a bytestream socket.
/// - `suffix`: the delimiter.
/// - `suffixlen`: its length in bytes, 1 to 32.
///
/// # Return value
///
/// The handle of the protocol, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `suffix` is `NULL`, or `suffixlen` is 0 or too large.
/// - `EMFILE`: no handle is left.
/// - `ENOMEM`: out of memory.
/// - `EPROTO`: the socket beneath is no bytestream socket.
///
/// # Thread safety
///
/// Handles belong to the thread that made them. On another one they are `EBADF`.
///
/// # Example
///
/// ```c
/// int s = tcp_connect(&addr, -1);
/// s = suffix_attach(s, "\r\n", 2);
/// msend(s, "NOOP", 4, -1);
/// s = suffix_detach(s, -1);
/// tcp_close(s, -1);
/// ```
///
/// # See also
///
/// `suffix_attach_mem`, `suffix_detach`, `msend`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_suffix_attach(
    s: c_int,
    suffix: *const c_void,
    suffixlen: usize,
) -> c_int {
    // SAFETY: the delimiter is the caller's promise.
    immediate::int(suffix::attach(
        s,
        unsafe { bytes(suffix, suffixlen.min(LONGEST + 1)) }.ok(),
        Ok(Storage::Own),
    ))
}

/// Starts the SUFFIX protocol on top of a bytestream, in memory of the caller's.
///
/// Works as `suffix_attach`, but keeps the socket in memory of the caller's, which must
/// stay in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the protocol.
///
/// # Errors
///
/// Those of `suffix_attach`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct suffix_storage mem;
/// s = suffix_attach_mem(s, "\n", 1, &mem);
/// ```
///
/// # See also
///
/// `suffix_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_suffix_attach_mem(
    s: c_int,
    suffix: *const c_void,
    suffixlen: usize,
    mem: *mut dill_suffix_storage,
) -> c_int {
    // SAFETY: the delimiter is the caller's promise.
    immediate::int(suffix::attach(
        s,
        unsafe { bytes(suffix, suffixlen.min(LONGEST + 1)) }.ok(),
        storage(mem),
    ))
}

/// Ends the SUFFIX protocol and gives the bytestream beneath back.
///
/// The peer is not told. The bytestream is behind the delimiter of the last message that
/// was received, and of the last one that was sent.
///
/// If the function fails, protocol and bytestream are closed, except for `EBADF`.
///
/// # Parameters
///
/// - `s`: the protocol.
/// - `deadline`: not used; for symmetry with other protocols.
///
/// # Return value
///
/// The handle of the bytestream, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: another coroutine is sending or receiving.
/// - `ECONNRESET`: the connection is broken, or an earlier operation has failed.
/// - `ENOTSUP`: the handle is no SUFFIX protocol.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = suffix_detach(s, -1);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `suffix_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_suffix_detach(s: c_int, deadline: i64) -> c_int {
    let _ = deadline;
    int(closed_on_error(s, suffix::detach(s)))
}
