//! Making local sockets of descriptors of the system.

use super::{dill_ipc_listener_storage, dill_ipc_storage};
use crate::capi::arguments::storage;
use crate::capi::boundary::immediate;
use crate::sockets::ipc;
use crate::sockets::storage::Storage;
use core::ffi::c_int;

/// Makes a listener of a file descriptor.
///
/// On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
/// error it is open and unchanged.
///
/// # Parameters
///
/// - `fd`: a listening local stream socket.
///
/// # Return value
///
/// The handle of the listener, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: `fd` is not open.
/// - `EBUSY`: a coroutine waits for `fd`, in `fdin` or `fdout`.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `fd` is negative or no local stream socket or does not listen.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENOMEM`: out of memory.
/// - `ENOTSOCK`: `fd` is no socket.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = ipc_listener_fromfd(fd);
/// if(s < 0) perror("ipc_listener_fromfd");
/// ```
///
/// # See also
///
/// `ipc_listener_fromfd_mem`, `ipc_listen`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_listener_fromfd(fd: c_int) -> c_int {
    immediate::int(ipc::listener_from_fd(fd))
}

/// Makes a listener of a file descriptor, in memory of the caller's.
///
/// Works as `ipc_listener_fromfd`, but keeps the socket in memory of the caller's, which
/// must stay in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the listener.
///
/// # Errors
///
/// Those of `ipc_listener_fromfd`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ipc_listener_storage mem;
/// int s = ipc_listener_fromfd_mem(fd, &mem);
/// ```
///
/// # See also
///
/// `ipc_listener_fromfd`, `ipc_listen`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_listener_fromfd_mem(
    fd: c_int,
    mem: *mut dill_ipc_listener_storage,
) -> c_int {
    immediate::int(storage(mem).and_then(|_| ipc::listener_from_fd(fd)))
}

/// Makes a connection of a file descriptor.
///
/// On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
/// error it is open and unchanged.
///
/// # Parameters
///
/// - `fd`: a connected local stream socket.
///
/// # Return value
///
/// The handle of the connection, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: `fd` is not open.
/// - `EBUSY`: a coroutine waits for `fd`, in `fdin` or `fdout`.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `fd` is negative or no local stream socket or listens.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENOMEM`: out of memory.
/// - `ENOTSOCK`: `fd` is no socket.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = ipc_fromfd(fd);
/// if(s < 0) perror("ipc_fromfd");
/// ```
///
/// # See also
///
/// `ipc_fromfd_mem`, `ipc_connect`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_fromfd(fd: c_int) -> c_int {
    immediate::int(ipc::from_fd(fd, Storage::Own))
}

/// Makes a connection of a file descriptor, in memory of the caller's.
///
/// Works as `ipc_fromfd`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the connection.
///
/// # Errors
///
/// Those of `ipc_fromfd`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ipc_storage mem;
/// int s = ipc_fromfd_mem(fd, &mem);
/// ```
///
/// # See also
///
/// `ipc_fromfd`, `ipc_connect`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_fromfd_mem(fd: c_int, mem: *mut dill_ipc_storage) -> c_int {
    immediate::int(storage(mem).and_then(|storage| ipc::from_fd(fd, storage)))
}
