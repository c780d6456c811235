//! Listening, accepting and connecting.

use super::{dill_ipc_listener_storage, dill_ipc_storage};
use crate::capi::arguments::{storage, text};
use crate::capi::boundary::{immediate, int};
use crate::sockets::ipc;
use crate::sockets::storage::Storage;
use core::ffi::{c_char, c_int};

/// Starts to listen for local connections.
///
/// The file is made by this function and left behind when the listener is closed, as in any
/// use of such sockets: remove it with `unlink`. The listener is closed by `hclose` or
/// `ipc_close`.
///
/// # Parameters
///
/// - `addr`: the name of the socket's file.
/// - `backlog`: how many connections may wait to be accepted.
///
/// # Return value
///
/// The handle of the listener, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the file may not be made there.
/// - `EADDRINUSE`: the file exists already.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `addr` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENAMETOOLONG`: the name is longer than the system takes, 107 bytes.
/// - `ENOENT`, `ENOTDIR`: the directory doesn't exist.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// unlink("/tmp/example.sock");
/// int ls = ipc_listen("/tmp/example.sock", 10);
/// int s = ipc_accept(ls, -1);
/// ```
///
/// # See also
///
/// `ipc_accept`, `ipc_listen_mem`, `ipc_listener_fromfd`, `ipc_pair`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_listen(addr: *const c_char, backlog: c_int) -> c_int {
    // SAFETY: the name is the caller's promise.
    immediate::int(unsafe { text(addr) }.and_then(|path| ipc::listen(path, backlog)))
}

/// Starts to listen for local connections, in memory of the caller's.
///
/// Works as `ipc_listen`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the listener.
///
/// # Errors
///
/// Those of `ipc_listen`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ipc_listener_storage mem;
/// int ls = ipc_listen_mem("/tmp/example.sock", 10, &mem);
/// ```
///
/// # See also
///
/// `ipc_listen`, `ipc_accept`, `ipc_listener_fromfd`, `ipc_pair`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_listen_mem(
    addr: *const c_char,
    backlog: c_int,
    mem: *mut dill_ipc_listener_storage,
) -> c_int {
    // SAFETY: the name is the caller's promise.
    let path = storage(mem).and_then(|_| unsafe { text(addr) });
    immediate::int(path.and_then(|path| ipc::listen(path, backlog)))
}

/// Accepts an incoming local connection.
///
/// After any error the listener can be used as before.
///
/// # Parameters
///
/// - `s`: the listener.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the connection, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is accepting from the listener.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system. The
///   connection stays in the queue.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no local listener.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int s = ipc_accept(ls, -1);
/// bsend(s, "hello\n", 6, -1);
/// ipc_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `ipc_listen`, `ipc_accept_mem`, `ipc_close`, `brecv`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_accept(s: c_int, deadline: i64) -> c_int {
    int(ipc::accept(s, Storage::Own, deadline))
}

/// Accepts an incoming local connection, in memory of the caller's.
///
/// Works as `ipc_accept`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the connection.
///
/// # Errors
///
/// Those of `ipc_accept`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ipc_storage mem;
/// int s = ipc_accept_mem(ls, &mem, -1);
/// ```
///
/// # See also
///
/// `ipc_accept`, `ipc_listen`, `ipc_close`, `brecv`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_accept_mem(
    s: c_int,
    mem: *mut dill_ipc_storage,
    deadline: i64,
) -> c_int {
    int(storage(mem).and_then(|storage| ipc::accept(s, storage, deadline)))
}

/// Connects to a local listener.
///
/// If the listener's queue is full the function waits until there is room.
///
/// # Parameters
///
/// - `addr`: the name of the socket's file.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the connection, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the file may not be written.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNREFUSED`: nobody listens at the file any more.
/// - `EINVAL`: `addr` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENAMETOOLONG`: the name is longer than the system takes, 107 bytes.
/// - `ENOENT`, `ENOTDIR`: there is no such file.
/// - `ENOMEM`: out of memory.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = ipc_connect("/tmp/example.sock", now() + 1000);
/// if(s < 0) perror("ipc_connect");
/// ```
///
/// # See also
///
/// `ipc_connect_mem`, `ipc_listen`, `ipc_fromfd`, `ipc_close`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_connect(addr: *const c_char, deadline: i64) -> c_int {
    // SAFETY: the name is the caller's promise.
    int(unsafe { text(addr) }.and_then(|path| ipc::connect(path, Storage::Own, deadline)))
}

/// Connects to a local listener, in memory of the caller's.
///
/// Works as `ipc_connect`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the connection.
///
/// # Errors
///
/// Those of `ipc_connect`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ipc_storage mem;
/// int s = ipc_connect_mem("/tmp/example.sock", &mem, now() + 1000);
/// ```
///
/// # See also
///
/// `ipc_connect`, `ipc_listen`, `ipc_fromfd`, `ipc_close`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_connect_mem(
    addr: *const c_char,
    mem: *mut dill_ipc_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the name is the caller's promise.
    let path = unsafe { text(addr) };
    int(path.and_then(|path| ipc::connect(path, storage(mem)?, deadline)))
}
