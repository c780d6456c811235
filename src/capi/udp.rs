//! UDP sockets.

use super::arguments::storage;
use super::boundary::{immediate, length, unit};
use super::io_list::dill_iolist;
use super::ip_address::{address, address_mut, dill_ipaddr};
use crate::os::errno::Result;
use crate::sockets::io_list::IoList;
use crate::sockets::storage::Storage;
use crate::sockets::udp::{self, STORAGE};
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;
use libc::ssize_t;

/// Memory for a UDP socket, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_udp_storage {
    bytes: [c_char; 72],
}

const _: () = assert!(size_of::<dill_udp_storage>() == STORAGE);

/// # Safety
/// Both are null or live addresses, of which nobody else uses `local` meanwhile.
unsafe fn open(
    local: *mut dill_ipaddr,
    remote: *const dill_ipaddr,
    storage: Storage,
) -> Result<c_int> {
    // SAFETY: by the caller's promise.
    let (local, remote) = unsafe { (address_mut(local).ok(), address(remote).ok()) };
    udp::open(local, remote, storage)
}

/// Opens a UDP socket.
///
/// A single socket can send to different addresses and receive from them. With a `remote`
/// address it is also a message socket for `msend` and `mrecv`; messages from other
/// addresses are dropped then.
///
/// Messages may be lost, doubled or reordered on their way, and are at most 65,507 bytes
/// long over IPv4. The socket is closed by `hclose`.
///
/// # Parameters
///
/// - `local`: the address to receive messages at and to send them from, or `NULL`. If its
///   port is 0, a free one is chosen and stored in it.
/// - `remote`: the address that messages go to and come from, or `NULL`.
///
/// # Return value
///
/// The handle of the socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the port needs a privilege.
/// - `EADDRINUSE`: the local address is in use already.
/// - `EADDRNOTAVAIL`: this machine has no such local address.
/// - `EAFNOSUPPORT`: an address is no IP address.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: one of the addresses is IPv4, the other IPv6.
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
/// struct ipaddr local, remote;
/// ipaddr_local(&local, NULL, 5555, 0);
/// ipaddr_remote(&remote, "192.0.2.1", 5555, 0, -1);
/// int s = udp_open(&local, &remote);
/// msend(s, "ABC", 3, -1);
/// ```
///
/// # See also
///
/// `udp_open_mem`, `udp_send`, `udp_recv`, `msend`, `mrecv`, `ipaddr_local`,
/// `ipaddr_remote`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_udp_open(
    local: *mut dill_ipaddr,
    remote: *const dill_ipaddr,
) -> c_int {
    // SAFETY: the addresses are the caller's promise.
    immediate::int(unsafe { open(local, remote, Storage::Own) })
}

/// Opens a UDP socket, in memory of the caller's.
///
/// Works as `udp_open`, but keeps the socket in memory of the caller's, which must stay in
/// place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `udp_open`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct udp_storage mem;
/// int s = udp_open_mem(&addr, NULL, &mem);
/// ```
///
/// # See also
///
/// `udp_open`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_udp_open_mem(
    local: *mut dill_ipaddr,
    remote: *const dill_ipaddr,
    mem: *mut dill_udp_storage,
) -> c_int {
    // SAFETY: the addresses are the caller's promise.
    immediate::int(storage(mem).and_then(|storage| unsafe { open(local, remote, storage) }))
}

/// Sends a UDP message.
///
/// The function doesn't block. If the system has no room for the message it is lost, as it
/// might be anywhere on its way.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `addr`: where the message goes; `NULL` for the remote address of the socket.
/// - `buf`: the message. May be `NULL` if `len` is 0.
/// - `len`: its length in bytes.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: sending to that address is not allowed.
/// - `EAFNOSUPPORT`: `addr` is no IP address, or one of the other family.
/// - `EBADF`: the handle is not open.
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0, or there is neither `addr` nor a
///   remote address.
/// - `EMSGSIZE`: the message is too long for UDP.
/// - `ENETUNREACH`, `EHOSTUNREACH`: the address cannot be reached.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no UDP socket.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// udp_send(s, &addr, "ABC", 3);
/// ```
///
/// # See also
///
/// `udp_sendl`, `udp_recv`, `msend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_udp_send(
    s: c_int,
    addr: *const dill_ipaddr,
    buf: *const c_void,
    len: usize,
) -> c_int {
    let mut list = IoList::single(buf.cast_mut(), len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; buffer and address are the caller's promise.
    unit(unsafe { udp::send_to(s, address(addr).ok(), list, list) })
}

/// Receives a UDP message.
///
/// After any error the socket can be used as before. If it has a remote address, messages
/// from others are dropped.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `addr`: where the address of the sender goes, or `NULL`.
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
/// - `EINVAL`: `len` is longer than memory can be.
/// - `EMSGSIZE`: the message doesn't fit into the buffer. It is lost; the next one can be
///   received.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no UDP socket.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char buf[1500];
/// struct ipaddr from;
/// ssize_t sz = udp_recv(s, &from, buf, sizeof(buf), now() + 1000);
/// ```
///
/// # See also
///
/// `udp_recvl`, `udp_send`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_udp_recv(
    s: c_int,
    addr: *mut dill_ipaddr,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> ssize_t {
    let mut list = IoList::single(buf, len);
    let list = &raw mut list;
    // SAFETY: as in `dill_udp_send`.
    length(unsafe { udp::receive_from(s, address_mut(addr).ok(), list, list, deadline) })
}

/// Sends a list of buffers as one UDP message.
///
/// The function doesn't block. If the system has no room for the message it is lost, as it
/// might be anywhere on its way. The list is not modified.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `addr`: where the message goes; `NULL` for the remote address of the socket.
/// - `first`: the first buffer of the list.
/// - `last`: the last one; its `iol_next` is `NULL`.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: sending to that address is not allowed.
/// - `EAFNOSUPPORT`: `addr` is no IP address, or one of the other family.
/// - `EBADF`: the handle is not open.
/// - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
///   loop, an `iol_rsvd` is not 0, a buffer has a length but no memory, or all of them
///   together are too long; or there is neither `addr` nor a remote address.
/// - `EMSGSIZE`: the message is too long for UDP.
/// - `ENETUNREACH`, `EHOSTUNREACH`: the address cannot be reached.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no UDP socket.
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
/// udp_sendl(s, &addr, &head, &body);
/// ```
///
/// # See also
///
/// `udp_send`, `udp_recvl`, `msendl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_udp_sendl(
    s: c_int,
    addr: *const dill_ipaddr,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
) -> c_int {
    // SAFETY: list and address are the caller's promise.
    unit(unsafe { udp::send_to(s, address(addr).ok(), first.cast(), last.cast()) })
}

/// Receives a UDP message into a list of buffers.
///
/// Bytes for a buffer without memory are dropped. Without any list (`first` and `last` are
/// both `NULL`) the whole message is. The list is not modified. After any error the socket
/// can be used as before.
///
/// # Parameters
///
/// - `s`: the socket.
/// - `addr`: where the address of the sender goes, or `NULL`.
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
/// - `EINVAL`: the list is malformed: an end is missing, `last` is not its end, it is a
///   loop, or an `iol_rsvd` is not 0.
/// - `EMSGSIZE`: the message doesn't fit into the list. It is lost; the next one can be
///   received.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no UDP socket.
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
/// ssize_t sz = udp_recvl(s, NULL, &data, &rest, -1);
/// ```
///
/// # See also
///
/// `udp_recv`, `udp_sendl`, `mrecvl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_udp_recvl(
    s: c_int,
    addr: *mut dill_ipaddr,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> ssize_t {
    let (first, last) = (first.cast(), last.cast());
    // SAFETY: as in `dill_udp_sendl`.
    length(unsafe { udp::receive_from(s, address_mut(addr).ok(), first, last, deadline) })
}
