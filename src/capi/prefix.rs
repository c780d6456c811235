//! PREFIX: messages with their length in front.

use super::arguments::{closed_on_error, storage};
use super::boundary::immediate;
use crate::protocols::prefix::{self, LITTLE_ENDIAN, STORAGE};
use crate::sockets::storage::Storage;
use core::ffi::{c_char, c_int};
use core::mem::size_of;

/// Flag of PREFIX: the most significant byte of the length comes first. The default.
pub const DILL_PREFIX_BIG_ENDIAN: c_int = 0;
/// Flag of PREFIX: the least significant byte of the length comes first.
pub const DILL_PREFIX_LITTLE_ENDIAN: c_int = 1;

const _: () = assert!(DILL_PREFIX_LITTLE_ENDIAN == LITTLE_ENDIAN);
const _: () = assert!(DILL_PREFIX_BIG_ENDIAN & LITTLE_ENDIAN == 0);

/// Memory for a PREFIX protocol, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_prefix_storage {
    bytes: [c_char; 56],
}

const _: () = assert!(size_of::<dill_prefix_storage>() == STORAGE);

/// Starts the PREFIX protocol on top of a bytestream.
///
/// Each message is sent with its length in front, a number of `hdrlen` bytes. There is no
/// handshake, neither at the beginning nor at the end.
///
/// The protocol takes the socket beneath: the handle `s` is not valid any more. If the
/// function fails that socket is closed, except for `EBADF`.
///
/// # Parameters
///
/// - `s`: a bytestream socket.
/// - `hdrlen`: the size of the length in bytes, 1 to 32.
/// - `flags`: `PREFIX_BIG_ENDIAN`, which is 0, if the most significant byte comes first, or
///   `PREFIX_LITTLE_ENDIAN` if the least significant one does.
///
/// # Return value
///
/// The handle of the protocol, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `hdrlen` is 0 or too large.
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
/// s = prefix_attach(s, 2, 0);
/// msend(s, "ABC", 3, -1);
/// s = prefix_detach(s);
/// tcp_close(s, -1);
/// ```
///
/// # See also
///
/// `prefix_attach_mem`, `prefix_detach`, `msend`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_prefix_attach(s: c_int, hdrlen: usize, flags: c_int) -> c_int {
    immediate::int(prefix::attach(s, hdrlen, flags, Ok(Storage::Own)))
}

/// Starts the PREFIX protocol on top of a bytestream, in memory of the caller's.
///
/// Works as `prefix_attach`, but keeps the socket in memory of the caller's, which must
/// stay in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the protocol.
///
/// # Errors
///
/// Those of `prefix_attach`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct prefix_storage mem;
/// s = prefix_attach_mem(s, 4, PREFIX_LITTLE_ENDIAN, &mem);
/// ```
///
/// # See also
///
/// `prefix_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_prefix_attach_mem(
    s: c_int,
    hdrlen: usize,
    flags: c_int,
    mem: *mut dill_prefix_storage,
) -> c_int {
    immediate::int(prefix::attach(s, hdrlen, flags, storage(mem)))
}

/// Ends the PREFIX protocol and gives the bytestream beneath back.
///
/// The peer is not told. The bytestream is at the end of the last message that was
/// received, and of the last one that was sent.
///
/// If the function fails, protocol and bytestream are closed, except for `EBADF`.
///
/// # Parameters
///
/// - `s`: the protocol.
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
/// - `ENOTSUP`: the handle is no PREFIX protocol.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = prefix_detach(s);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `prefix_attach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_prefix_detach(s: c_int) -> c_int {
    immediate::int(closed_on_error(s, prefix::detach(s)))
}
