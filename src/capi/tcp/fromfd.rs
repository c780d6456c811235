//! Making TCP sockets of descriptors of the system.

use super::{dill_tcp_listener_storage, dill_tcp_storage};
use crate::capi::arguments::storage;
use crate::capi::boundary::immediate;
use crate::sockets::storage::Storage;
use crate::sockets::tcp;
use core::ffi::c_int;

/// Makes a listener of a file descriptor.
///
/// On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
/// error it is open and unchanged.
///
/// # Parameters
///
/// - `fd`: a listening TCP socket, IPv4 or IPv6.
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
/// - `EINVAL`: `fd` is negative or no TCP socket or does not listen.
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
/// int fd = socket(AF_INET, SOCK_STREAM, 0);
/// bind(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
/// listen(fd, 10);
/// int s = tcp_listener_fromfd(fd);
/// ```
///
/// # See also
///
/// `tcp_listener_fromfd_mem`, `tcp_listen`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_listener_fromfd(fd: c_int) -> c_int {
    immediate::int(tcp::listener_from_fd(fd, Storage::Own))
}

/// Makes a listener of a file descriptor, in memory of the caller's.
///
/// Works as `tcp_listener_fromfd`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the listener.
///
/// # Errors
///
/// Those of `tcp_listener_fromfd`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tcp_listener_storage mem;
/// int s = tcp_listener_fromfd_mem(fd, &mem);
/// ```
///
/// # See also
///
/// `tcp_listener_fromfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_listener_fromfd_mem(
    fd: c_int,
    mem: *mut dill_tcp_listener_storage,
) -> c_int {
    immediate::int(storage(mem).and_then(|storage| tcp::listener_from_fd(fd, storage)))
}

/// Makes a connection of a file descriptor.
///
/// On success `fd` itself is closed, as the socket uses a descriptor of its own. After an
/// error it is open and unchanged.
///
/// # Parameters
///
/// - `fd`: a connected TCP socket, IPv4 or IPv6.
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
/// - `EINVAL`: `fd` is negative or no TCP socket or listens.
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
/// int fd = socket(AF_INET, SOCK_STREAM, 0);
/// connect(fd, ipaddr_sockaddr(&addr), ipaddr_len(&addr));
/// int s = tcp_fromfd(fd);
/// ```
///
/// # See also
///
/// `tcp_fromfd_mem`, `tcp_connect`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_fromfd(fd: c_int) -> c_int {
    immediate::int(tcp::from_fd(fd, Storage::Own))
}

/// Makes a connection of a file descriptor, in memory of the caller's.
///
/// Works as `tcp_fromfd`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the connection.
///
/// # Errors
///
/// Those of `tcp_fromfd`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tcp_storage mem;
/// int s = tcp_fromfd_mem(fd, &mem);
/// ```
///
/// # See also
///
/// `tcp_fromfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_fromfd_mem(fd: c_int, mem: *mut dill_tcp_storage) -> c_int {
    immediate::int(storage(mem).and_then(|storage| tcp::from_fd(fd, storage)))
}
