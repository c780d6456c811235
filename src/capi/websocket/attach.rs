//! Making WebSockets of byte streams.

use super::{DILL_WS_NOHTTP, content, dill_ws_storage};
use crate::capi::arguments::text;
use crate::capi::boundary::int;
use crate::capi::http::copy_text;
use crate::os::errno::{Errno, Result};
use crate::protocols::websocket::{self, Host};
use crate::scheduler::handles;
use core::ffi::{c_char, c_int};

/// Runs an attaching function if there is memory. Wrong arguments, too, end the stream.
fn with_memory<T>(s: c_int, mem: *mut T, attach: impl FnOnce() -> Result<c_int>) -> Result<c_int> {
    if mem.is_null() {
        let _ = handles::close(s);
        return Err(Errno::EINVAL);
    }
    attach()
}

/// # Safety
/// The texts are null or end with a zero.
unsafe fn attach_client(
    s: c_int,
    flags: c_int,
    resource: *const c_char,
    host: *const c_char,
    deadline: i64,
) -> Result<c_int> {
    let attach = |content, host| websocket::attach_client(s, content, host, deadline);
    let checked = content(flags).and_then(|content| {
        if flags & DILL_WS_NOHTTP != 0 {
            return Ok((content, None));
        }
        // SAFETY: by the caller's promise.
        let (resource, host) = unsafe { (text(resource)?.to_bytes(), text(host)?.to_bytes()) };
        Ok((content, Some(Host { resource, host })))
    });
    match checked {
        Ok((content, host)) => attach(content, host.as_ref()),
        Err(error) => {
            let _ = handles::close(s);
            Err(error)
        }
    }
}

/// # Safety
/// The places are null or memory of the given lengths.
unsafe fn attach_server(
    s: c_int,
    flags: c_int,
    resource: (*mut c_char, usize),
    host: (*mut c_char, usize),
    deadline: i64,
) -> Result<c_int> {
    let content = content(flags).inspect_err(|_| _ = handles::close(s))?;
    let put = |(memory, length): (*mut c_char, usize), text: &[u8]| {
        if memory.is_null() {
            return Ok(());
        }
        // SAFETY: by the caller's promise.
        unsafe { copy_text(text, memory, length) }
    };
    let mut accept = |asked: &Host<'_>| {
        put(resource, asked.resource)?;
        put(host, asked.host)
    };
    if flags & DILL_WS_NOHTTP != 0 {
        return websocket::attach_server(s, content, None, deadline);
    }
    websocket::attach_server(s, content, Some(&mut accept), deadline)
}

/// Makes the client's end of a WebSocket of a byte stream.
///
/// The handshake of RFC 6455 is an HTTP exchange. With `WS_NOHTTP` there is none: both sides just
/// start to send frames, which allows for a handshake of the program's own.
///
/// While the socket is open, pings are answered in receives, and nothing needs to be done about
/// them. No call waits for room for an answer on the library's own streams: it is kept, and goes
/// in front of what is sent next, or with the next receive; of several pings the last one is
/// answered then. Messages of type text are checked to be UTF-8 on both ways. End the connection
/// with `ws_detach`, or with `hclose` to drop it.
///
/// After an error the byte stream is closed, unless `s` was not open at all.
///
/// # Parameters
///
/// - `s`: the byte stream, which the WebSocket takes over.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the messages that `msend` sends and `mrecv`
///   expects; and `WS_NOHTTP` to leave out the handshake.
/// - `resource`: the resource to ask for, such as `/chat`. Not used with `WS_NOHTTP`.
/// - `host`: the virtual host, with a port if it is not the default. Not used with `WS_NOHTTP`.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the WebSocket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken.
/// - `EINVAL`: a flag is unknown, or `resource` or `host` is missing or can't stand in a head.
/// - `EIO`: the system gives no random bytes.
/// - `EMFILE`: no handle is left.
/// - `EMSGSIZE`: the server's answer is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPROTO`: the server has not answered as a WebSocket server does.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = tcp_connect(&addr, -1);
/// s = ws_attach_client(s, WS_TEXT, "/chat", "www.example.org", -1);
/// msend(s, "hello", 5, -1);
/// ```
///
/// # See also
///
/// `ws_attach_client_mem`, `ws_attach_server`, `ws_detach`, `ws_send`, `ws_recv`, `msend`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_attach_client(
    s: c_int,
    flags: c_int,
    resource: *const c_char,
    host: *const c_char,
    deadline: i64,
) -> c_int {
    // SAFETY: the texts are the caller's promise.
    int(unsafe { attach_client(s, flags, resource, host, deadline) })
}

/// Makes the client's end of a WebSocket, with memory of the caller's.
///
/// Works as `ws_attach_client`. The memory is the socket's until the handle is closed; it needs no
/// alignment. The library may keep the socket's state in memory of its own instead.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `ws_attach_client`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ws_storage mem;
/// s = ws_attach_client_mem(s, WS_BINARY | WS_NOHTTP, NULL, NULL, &mem, -1);
/// ```
///
/// # See also
///
/// `ws_attach_client`, `ws_attach_server_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_attach_client_mem(
    s: c_int,
    flags: c_int,
    resource: *const c_char,
    host: *const c_char,
    mem: *mut dill_ws_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the texts are the caller's promise.
    int(with_memory(s, mem, || unsafe { attach_client(s, flags, resource, host, deadline) }))
}

/// Makes the server's end of a WebSocket of a byte stream.
///
/// The handshake of RFC 6455 is an HTTP exchange. With `WS_NOHTTP` there is none: both sides just
/// start to send frames, which allows for a handshake of the program's own.
///
/// While the socket is open, pings are answered in receives, and nothing needs to be done about
/// them. No call waits for room for an answer on the library's own streams: it is kept, and goes
/// in front of what is sent next, or with the next receive; of several pings the last one is
/// answered then. Messages of type text are checked to be UTF-8 on both ways. End the connection
/// with `ws_detach`, or with `hclose` to drop it.
///
/// After an error the byte stream is closed, unless `s` was not open at all.
///
/// # Parameters
///
/// - `s`: the byte stream, which the WebSocket takes over.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the messages that `msend` sends and `mrecv`
///   expects; and `WS_NOHTTP` to leave out the handshake.
/// - `resource`: where the resource that the client asks for goes, or `NULL`.
/// - `resourcelen`: size of that memory, with room for the terminating zero.
/// - `host`: where the virtual host that the client names goes, or `NULL`.
/// - `hostlen`: size of that memory, with room for the terminating zero.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the WebSocket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken.
/// - `EINVAL`: a flag is unknown.
/// - `EMFILE`: no handle is left.
/// - `EMSGSIZE`: the client's request is too long, or its resource or host does not fit.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
/// - `EPROTO`: the client has not asked for a WebSocket of this version. It was told so.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// char resource[256], host[256];
/// int s = tcp_accept(ls, NULL, -1);
/// s = ws_attach_server(s, WS_TEXT, resource, sizeof(resource), host, sizeof(host), -1);
/// ```
///
/// # See also
///
/// `ws_attach_server_mem`, `ws_attach_client`, `ws_detach`, `ws_send`, `ws_recv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_attach_server(
    s: c_int,
    flags: c_int,
    resource: *mut c_char,
    resourcelen: usize,
    host: *mut c_char,
    hostlen: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the memory is the caller's promise.
    int(unsafe { attach_server(s, flags, (resource, resourcelen), (host, hostlen), deadline) })
}

/// Makes the server's end of a WebSocket, with memory of the caller's.
///
/// Works as `ws_attach_server`. The memory is the socket's until the handle is closed; it needs no
/// alignment. The library may keep the socket's state in memory of its own instead.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `ws_attach_server`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ws_storage mem;
/// s = ws_attach_server_mem(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, &mem, -1);
/// ```
///
/// # See also
///
/// `ws_attach_server`, `ws_attach_client_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_attach_server_mem(
    s: c_int,
    flags: c_int,
    resource: *mut c_char,
    resourcelen: usize,
    host: *mut c_char,
    hostlen: usize,
    mem: *mut dill_ws_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the memory is the caller's promise.
    int(with_memory(s, mem, || unsafe {
        attach_server(s, flags, (resource, resourcelen), (host, hostlen), deadline)
    }))
}
