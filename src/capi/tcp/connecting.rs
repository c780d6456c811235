//! Listening, accepting and connecting.

use super::{dill_tcp_listener_storage, dill_tcp_storage};
use crate::capi::arguments::storage;
use crate::capi::boundary::{immediate, int};
use crate::capi::ip_address::{address, address_mut, dill_ipaddr};
use crate::os::errno::Result;
use crate::sockets::storage::Storage;
use crate::sockets::tcp;
use core::ffi::c_int;

/// # Safety
/// Null or a live address.
unsafe fn listen(addr: *mut dill_ipaddr, backlog: c_int, storage: Storage) -> Result<c_int> {
    // SAFETY: by the caller's promise.
    tcp::listen(unsafe { address_mut(addr)? }, backlog, storage)
}

/// # Safety
/// Null or room for an address.
unsafe fn accept(
    s: c_int,
    addr: *mut dill_ipaddr,
    storage: Storage,
    deadline: i64,
) -> Result<c_int> {
    let (handle, peer) = tcp::accept(s, storage, deadline)?;
    // SAFETY: by the caller's promise.
    if let Ok(addr) = unsafe { address_mut(addr) } {
        *addr = peer;
    }
    Ok(handle)
}

/// Starts to listen for TCP connections.
///
/// The address may be used again at once after an earlier listener was closed
/// (`SO_REUSEADDR`). The listener is closed by `hclose` or `tcp_close`.
///
/// # Parameters
///
/// - `addr`: the address to listen on. If its port is 0, a free one is chosen and stored
///   in it.
/// - `backlog`: how many connections may wait to be accepted.
///
/// # Return value
///
/// The handle of the listener, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EADDRINUSE`: the address is in use already.
/// - `EADDRNOTAVAIL`: this machine has no such address.
/// - `EAFNOSUPPORT`: `addr` holds no IP address.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `addr` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// struct ipaddr addr;
/// ipaddr_local(&addr, NULL, 5555, 0);
/// int ls = tcp_listen(&addr, 10);
/// int s = tcp_accept(ls, NULL, -1);
/// ```
///
/// # See also
///
/// `tcp_accept`, `tcp_listen_mem`, `tcp_listener_fromfd`, `ipaddr_local`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_listen(addr: *mut dill_ipaddr, backlog: c_int) -> c_int {
    // SAFETY: the address is the caller's promise.
    immediate::int(unsafe { listen(addr, backlog, Storage::Own) })
}

/// Starts to listen for TCP connections, in memory of the caller's.
///
/// Works as `tcp_listen`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the listener.
///
/// # Errors
///
/// Those of `tcp_listen`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tcp_listener_storage mem;
/// int ls = tcp_listen_mem(&addr, 10, &mem);
/// ```
///
/// # See also
///
/// `tcp_listen`, `tcp_accept_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_listen_mem(
    addr: *mut dill_ipaddr,
    backlog: c_int,
    mem: *mut dill_tcp_listener_storage,
) -> c_int {
    // SAFETY: the address is the caller's promise.
    immediate::int(storage(mem).and_then(|storage| unsafe { listen(addr, backlog, storage) }))
}

/// Accepts an incoming TCP connection.
///
/// After any error the listener can be used as before. Small messages on the connection
/// leave at once (`TCP_NODELAY`).
///
/// # Parameters
///
/// - `s`: the listener.
/// - `addr`: where the address of the connection's other end goes, or `NULL`.
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
/// - `ENOTSUP`: the handle is no TCP listener.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int s = tcp_accept(ls, NULL, -1);
/// bsend(s, "hello\n", 6, -1);
/// tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `tcp_listen`, `tcp_accept_mem`, `tcp_close`, `brecv`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_accept(s: c_int, addr: *mut dill_ipaddr, deadline: i64) -> c_int {
    // SAFETY: the address is the caller's promise.
    int(unsafe { accept(s, addr, Storage::Own, deadline) })
}

/// Accepts an incoming TCP connection, in memory of the caller's.
///
/// Works as `tcp_accept`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the connection.
///
/// # Errors
///
/// Those of `tcp_accept`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tcp_storage mem;
/// int s = tcp_accept_mem(ls, NULL, &mem, -1);
/// ```
///
/// # See also
///
/// `tcp_accept`, `tcp_listen_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_accept_mem(
    s: c_int,
    addr: *mut dill_ipaddr,
    mem: *mut dill_tcp_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the address is the caller's promise.
    int(storage(mem).and_then(|storage| unsafe { accept(s, addr, storage, deadline) }))
}

/// Connects to a remote TCP endpoint.
///
/// Small messages on the connection leave at once (`TCP_NODELAY`).
///
/// # Parameters
///
/// - `addr`: the address to connect to.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the connection, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAFNOSUPPORT`: `addr` holds no IP address.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNREFUSED`: nobody listens at the address. That is also so where the system has connected
///   the socket to itself, as TCP does if the port happens to be its own.
/// - `ECONNRESET`: the peer has reset the connection.
/// - `EHOSTUNREACH`, `ENETDOWN`, `ENETUNREACH`: the host cannot be reached.
/// - `EINVAL`: `addr` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
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
/// struct ipaddr addr;
/// ipaddr_remote(&addr, "192.0.2.1", 80, 0, -1);
/// int s = tcp_connect(&addr, now() + 5000);
/// if(s < 0) perror("tcp_connect");
/// ```
///
/// # See also
///
/// `tcp_connect_mem`, `tcp_fromfd`, `tcp_close`, `ipaddr_remote`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_connect(addr: *const dill_ipaddr, deadline: i64) -> c_int {
    // SAFETY: the address is the caller's promise.
    let address = unsafe { address(addr) };
    int(address.and_then(|address| tcp::connect(address, Storage::Own, deadline)))
}

/// Connects to a remote TCP endpoint, in memory of the caller's.
///
/// Works as `tcp_connect`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the connection.
///
/// # Errors
///
/// Those of `tcp_connect`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tcp_storage mem;
/// int s = tcp_connect_mem(&addr, &mem, now() + 5000);
/// ```
///
/// # See also
///
/// `tcp_connect`, `tcp_accept_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tcp_connect_mem(
    addr: *const dill_ipaddr,
    mem: *mut dill_tcp_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the address is the caller's promise.
    let address = unsafe { address(addr) };
    int(address.and_then(|address| tcp::connect(address, storage(mem)?, deadline)))
}
