//! Local sockets (`AF_UNIX`).

use super::arguments::{storage, text};
use super::boundary::{int, unit};
use crate::os::errno::{Errno, Result};
use crate::sockets::ipc::{self, CONNECTION_STORAGE, LISTENER_STORAGE, PAIR_STORAGE};
use crate::sockets::storage::Storage;
use core::ffi::{c_char, c_int};
use core::mem::size_of;
use core::ptr::NonNull;

/// Memory for a local listener, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipc_listener_storage {
    bytes: [c_char; 24],
}

const _: () = assert!(size_of::<dill_ipc_listener_storage>() == LISTENER_STORAGE);

/// Memory for a local connection, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipc_storage {
    bytes: [c_char; 72],
}

const _: () = assert!(size_of::<dill_ipc_storage>() == CONNECTION_STORAGE);

/// Memory for two local connections, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipc_pair_storage {
    bytes: [c_char; 144],
}

const _: () = assert!(size_of::<dill_ipc_pair_storage>() == PAIR_STORAGE);

/// # Safety
/// Null or room for two handles.
unsafe fn pair(s: *mut c_int, storage: Result<Storage>) -> Result<()> {
    let place = NonNull::new(s.cast::<[c_int; 2]>()).ok_or(Errno::EINVAL)?;
    let handles = ipc::pair(storage?)?;
    // SAFETY: by the caller's promise.
    unsafe { place.write(handles) };
    Ok(())
}

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
    int(unsafe { text(addr) }.and_then(|path| ipc::listen(path, backlog)))
}

/// Starts to listen for local connections, in memory of the caller's.
///
/// Works as `ipc_listen`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `addr`: the name of the socket's file.
/// - `backlog`: how many connections may wait to be accepted.
/// - `mem`: memory for the listener.
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
/// - `EINVAL`: `addr` or `mem` is `NULL`.
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
    int(path.and_then(|path| ipc::listen(path, backlog)))
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
/// - `s`: the listener.
/// - `mem`: memory for the connection.
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
/// - `EINVAL`: `mem` is `NULL`.
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
/// - `addr`: the name of the socket's file.
/// - `mem`: memory for the connection.
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
/// - `EINVAL`: `addr` or `mem` is `NULL`.
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

/// Passes a file descriptor to the peer of a local connection.
///
/// The descriptor takes its place in the stream, between the bytes sent before and those
/// sent afterwards: the peer has to call `ipc_recvfd` at that point. The caller keeps `fd`,
/// and may close it at once.
///
/// After an error other than `ECONNRESET` the connection can be used as before.
///
/// # Parameters
///
/// - `s`: the connection.
/// - `fd`: the descriptor to pass.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call, or `fd` is not open.
/// - `EBUSY`: another coroutine is sending to the connection.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: `fd` is negative.
/// - `ENOTSUP`: the handle is no local connection.
/// - `EPIPE`: the outgoing stream was ended by `ipc_done`.
/// - `ETIMEDOUT`: the deadline has passed.
/// - `ETOOMANYREFS`: too many descriptors are on their way already.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int fds[2];
/// pipe(fds);
/// ipc_sendfd(s, fds[0], -1);
/// close(fds[0]);
/// ```
///
/// # See also
///
/// `ipc_recvfd`, `ipc_pair`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_sendfd(s: c_int, fd: c_int, deadline: i64) -> c_int {
    unit(ipc::send_descriptor(s, fd, deadline))
}

/// Receives a file descriptor from the peer of a local connection.
///
/// The peer must have sent it, by `ipc_sendfd`, at this point of the stream. A descriptor
/// that is met by `brecv` is lost.
///
/// After `ETIMEDOUT` and the end of a cancel scope the connection can be used as before.
///
/// # Parameters
///
/// - `s`: the connection.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation
///   fails; 0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The descriptor, which is the caller's to close, or -1 with `errno` set to one of the
/// values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the connection.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier receive has failed.
/// - `EMFILE`: the process can't have more descriptors. The one that was sent is lost.
/// - `ENOTSUP`: the handle is no local connection.
/// - `EPIPE`: the peer has ended its stream.
/// - `EPROTO`: the peer has sent something else. Nothing more can be received.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int fd = ipc_recvfd(s, now() + 1000);
/// if(fd < 0) perror("ipc_recvfd");
/// ```
///
/// # See also
///
/// `ipc_sendfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_recvfd(s: c_int, deadline: i64) -> c_int {
    int(ipc::receive_descriptor(s, deadline))
}

/// Ends the outgoing stream of a local connection.
///
/// The peer gets all that was sent before, and then the end of the stream. Receiving goes
/// on. The function does not block.
///
/// # Parameters
///
/// - `s`: the connection.
/// - `deadline`: not used; for symmetry with other protocols.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: another coroutine is sending to the connection.
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `ENOTSUP`: the handle is no local connection.
/// - `EPIPE`: the stream was ended before.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// bsend(s, request, sizeof(request), -1);
/// ipc_done(s, -1);
/// brecv(s, reply, sizeof(reply), -1);
/// ```
///
/// # See also
///
/// `ipc_close`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_done(s: c_int, deadline: i64) -> c_int {
    let _ = deadline;
    unit(ipc::done(s))
}

/// Closes a local connection in an orderly way.
///
/// Ends the outgoing stream if that wasn't done yet, and waits for the peer to end its own;
/// what comes until then is dropped. So the peer has got everything that was sent, or has
/// closed knowing that it hasn't.
///
/// The handle is closed in any case, except for `EBADF` and `ENOTSUP`. A listener may be
/// closed by this function or by `hclose`.
///
/// # Parameters
///
/// - `s`: the connection or listener.
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
/// - `EBUSY`: another coroutine is using the connection.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `ENOTSUP`: the handle is neither a local connection nor a local listener.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// bsend(s, "bye\n", 4, -1);
/// if(ipc_close(s, now() + 1000) < 0) perror("ipc_close");
/// ```
///
/// # See also
///
/// `ipc_done`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_close(s: c_int, deadline: i64) -> c_int {
    unit(ipc::close(s, deadline))
}

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
    int(ipc::listener_from_fd(fd))
}

/// Makes a listener of a file descriptor, in memory of the caller's.
///
/// Works as `ipc_listener_fromfd`, but keeps the socket in memory of the caller's, which
/// must stay in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `fd`: a listening local stream socket.
/// - `mem`: memory for the listener.
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
/// - `EINVAL`: `fd` is negative or no local stream socket or does not listen, or `mem` is
///   `NULL`.
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
    int(storage(mem).and_then(|_| ipc::listener_from_fd(fd)))
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
    int(ipc::from_fd(fd, Storage::Own))
}

/// Makes a connection of a file descriptor, in memory of the caller's.
///
/// Works as `ipc_fromfd`, but keeps the socket in memory of the caller's, which must stay
/// in place until the handle is closed. It needs no alignment.
///
/// # Parameters
///
/// - `fd`: a connected local stream socket.
/// - `mem`: memory for the connection.
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
/// - `EINVAL`: `fd` is negative or no local stream socket or listens, or `mem` is `NULL`.
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
/// struct ipc_storage mem;
/// int s = ipc_fromfd_mem(fd, &mem);
/// ```
///
/// # See also
///
/// `ipc_fromfd`, `ipc_connect`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_fromfd_mem(fd: c_int, mem: *mut dill_ipc_storage) -> c_int {
    int(storage(mem).and_then(|storage| ipc::from_fd(fd, storage)))
}

/// Makes two local connections that are each other's peers.
///
/// # Parameters
///
/// - `s`: where the two handles go.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `s` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handles belong to the calling thread.
///
/// # Example
///
/// ```c
/// int s[2];
/// if(ipc_pair(s) < 0) perror("ipc_pair");
/// bsend(s[0], "x", 1, -1);
/// ```
///
/// # See also
///
/// `ipc_pair_mem`, `ipc_connect`, `ipc_sendfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_pair(s: *mut c_int) -> c_int {
    // SAFETY: the place is the caller's promise.
    unit(unsafe { pair(s, Ok(Storage::Own)) })
}

/// Makes two local connections that are each other's peers, in memory of the caller's.
///
/// Works as `ipc_pair`, but keeps the sockets in memory of the caller's, which must stay in
/// place until both handles are closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for both connections.
/// - `s`: where the two handles go.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `s` or `mem` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handles belong to the calling thread.
///
/// # Example
///
/// ```c
/// struct ipc_pair_storage mem;
/// int s[2];
/// ipc_pair_mem(&mem, s);
/// ```
///
/// # See also
///
/// `ipc_pair`, `ipc_connect`, `ipc_sendfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_pair_mem(
    mem: *mut dill_ipc_pair_storage,
    s: *mut c_int,
) -> c_int {
    // SAFETY: the place is the caller's promise.
    unit(unsafe { pair(s, storage(mem)) })
}
