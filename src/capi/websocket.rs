//! WebSockets: messages over a byte stream, as browsers know them.

use super::arguments::{bytes, text};
use super::boundary::{int, unit};
use super::http::copy_text;
use super::io_list::dill_iolist;
use crate::concurrency::handle_close;
use crate::os::errno::{Errno, Result};
use crate::protocols::websocket::{self, Content, Host, KEY_SIZE};
use crate::sockets::io_list::IoList;
use crate::sockets::message_socket::length_to_c;
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;
use core::{ptr, slice};

/// Binary messages. The default.
pub const DILL_WS_BINARY: c_int = 0;
/// Text messages: UTF-8.
pub const DILL_WS_TEXT: c_int = 1;
/// Leave out the handshake.
pub const DILL_WS_NOHTTP: c_int = 2;
/// Size of the keys of `ws_request_key` and `ws_response_key`, with the terminating zero.
pub const DILL_WS_KEY_SIZE: usize = 32;

const _: () = assert!(DILL_WS_KEY_SIZE == KEY_SIZE);

/// Memory for a WebSocket, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ws_storage {
    bytes: [c_char; 176],
}

const _: () = assert!(size_of::<dill_ws_storage>() == 176);

/// The type of messages in `flags`. `EINVAL` when a flag is unknown.
fn content(flags: c_int) -> Result<Content> {
    match flags & !DILL_WS_NOHTTP {
        DILL_WS_BINARY => Ok(Content::Binary),
        DILL_WS_TEXT => Ok(Content::Text),
        _ => Err(Errno::EINVAL),
    }
}

/// Runs an attaching function if there is memory. Wrong arguments, too, end the stream.
fn with_memory<T>(s: c_int, mem: *mut T, attach: impl FnOnce() -> Result<c_int>) -> Result<c_int> {
    if mem.is_null() {
        let _ = handle_close::close(s);
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
            let _ = handle_close::close(s);
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
    let content = content(flags).inspect_err(|_| _ = handle_close::close(s))?;
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

/// # Safety
/// As for [`websocket::receive`]; `flags` is null or a place for a value.
unsafe fn receive(
    s: c_int,
    flags: *mut c_int,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> isize {
    // SAFETY: by the caller's promise.
    let result = unsafe { websocket::receive(s, first, last, deadline) };
    length_to_c(result.map(|(length, content)| {
        if !flags.is_null() {
            let flag = if content == Content::Text { DILL_WS_TEXT } else { DILL_WS_BINARY };
            // SAFETY: by the caller's promise.
            unsafe { *flags = flag };
        }
        length
    }))
}

/// # Safety
/// `place` is null or memory for a key.
unsafe fn put_key(place: *mut c_char, make: impl FnOnce() -> Result<[u8; KEY_SIZE]>) -> Result<()> {
    if place.is_null() {
        return Err(Errno::EINVAL);
    }
    let key = make()?;
    // SAFETY: by the caller's promise.
    unsafe { ptr::copy_nonoverlapping(key.as_ptr(), place.cast(), KEY_SIZE) };
    Ok(())
}

/// Makes the client's end of a WebSocket of a byte stream.
///
/// The handshake of RFC 6455 is an HTTP exchange. With `WS_NOHTTP` there is none: both sides just
/// start to send frames, which allows for a handshake of the program's own.
///
/// While the socket is open, pings are answered in receives, and nothing needs to be done about
/// them. Messages of type text are checked to be UTF-8 on both ways. End the connection with
/// `ws_detach`, or with `hclose` to drop it.
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
/// - `s`: the byte stream, which the WebSocket takes over.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the messages that `msend` sends and `mrecv`
///   expects; and `WS_NOHTTP` to leave out the handshake.
/// - `resource`: the resource to ask for, such as `/chat`. Not used with `WS_NOHTTP`.
/// - `host`: the virtual host, with a port if it is not the default. Not used with `WS_NOHTTP`.
/// - `mem`: memory for the socket.
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
/// - `EINVAL`: a flag is unknown, `mem` is `NULL`, or `resource` or `host` is missing or can't
///   stand in a head.
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
/// them. Messages of type text are checked to be UTF-8 on both ways. End the connection with
/// `ws_detach`, or with `hclose` to drop it.
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
/// - `s`: the byte stream, which the WebSocket takes over.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the messages that `msend` sends and `mrecv`
///   expects; and `WS_NOHTTP` to leave out the handshake.
/// - `resource`: where the resource that the client asks for goes, or `NULL`.
/// - `resourcelen`: size of that memory, with room for the terminating zero.
/// - `host`: where the virtual host that the client names goes, or `NULL`.
/// - `hostlen`: size of that memory, with room for the terminating zero.
/// - `mem`: memory for the socket.
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
/// - `EINVAL`: a flag is unknown, or `mem` is `NULL`.
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

/// Sends a message of a given type to a WebSocket.
///
/// `msend` does the same with the type that was given to `ws_attach_client` or `ws_attach_server`.
/// After an error under way nothing more can be sent to the socket.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the message.
/// - `buf`: the message. May be `NULL` if `len` is 0.
/// - `len`: its length in bytes.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is sending to the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EILSEQ`: a text message is not UTF-8. Nothing was sent.
/// - `EINVAL`: invalid argument.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the outgoing stream was ended by `ws_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// ws_send(s, WS_TEXT, "hello", 5, -1);
/// ```
///
/// # See also
///
/// `ws_sendl`, `ws_recv`, `ws_done`, `msend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_send(
    s: c_int,
    flags: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    let mut list = IoList::single(buf.cast_mut(), len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; its buffer is the caller's promise.
    unit(content(flags).and_then(|it| unsafe { websocket::send(s, it, list, list, deadline) }))
}

/// Receives a message from a WebSocket, with its type.
///
/// A message may have come in any number of frames, and pings between them are answered. After
/// `EILSEQ`, `EMSGSIZE` or `EPROTO` no more can be received; a following `ws_done` or `ws_detach`
/// without a status tells the peer why.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: where the type of the message goes, `WS_TEXT` or `WS_BINARY`, or `NULL`.
/// - `buf`: where the message goes. If it is `NULL` the message is dropped.
/// - `len`: size of that memory: the message may not be longer.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The length of the message in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended without a Close frame, or an earlier
///   receive has failed.
/// - `EILSEQ`: a text message or the reason of a Close frame is not UTF-8.
/// - `EINVAL`: invalid argument.
/// - `EMSGSIZE`: the message does not fit.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the peer has ended its stream; see `ws_status`.
/// - `EPROTO`: the peer breaks the protocol.
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
/// int flags;
/// ssize_t len = ws_recv(s, &flags, buf, sizeof(buf), -1);
/// if(len < 0 && errno == EPIPE) printf("that was all\n");
/// ```
///
/// # See also
///
/// `ws_recvl`, `ws_send`, `ws_status`, `mrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_recv(
    s: c_int,
    flags: *mut c_int,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> isize {
    let mut list = IoList::single(buf, len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; the memory is the caller's promise.
    unsafe { receive(s, flags, list, list, deadline) }
}

/// Sends a message of a given type, gathered from a list of buffers, to a WebSocket.
///
/// Works as `ws_send`.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: `WS_TEXT` or `WS_BINARY`: the type of the message.
/// - `first`: the first buffer of the list.
/// - `last`: the last one, with `iol_next` `NULL`.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is sending to the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EILSEQ`: a text message is not UTF-8. Nothing was sent.
/// - `EINVAL`: invalid argument.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the outgoing stream was ended by `ws_done`.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// struct iolist tail = {" world", 6, NULL, 0};
/// struct iolist head = {"hello", 5, &tail, 0};
/// ws_sendl(s, WS_TEXT, &head, &tail, -1);
/// ```
///
/// # See also
///
/// `ws_send`, `ws_recvl`, `msendl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_sendl(
    s: c_int,
    flags: c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> c_int {
    let (first, last) = (first.cast(), last.cast());
    // SAFETY: the list is the caller's promise.
    unit(content(flags).and_then(|it| unsafe { websocket::send(s, it, first, last, deadline) }))
}

/// Receives a message from a WebSocket into a list of buffers, with its type.
///
/// Works as `ws_recv`. What goes to a buffer without memory is dropped. Without any list (both
/// pointers `NULL`) the whole message is.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `flags`: where the type of the message goes, `WS_TEXT` or `WS_BINARY`, or `NULL`.
/// - `first`: the first buffer of the list.
/// - `last`: the last one, with `iol_next` `NULL`.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The length of the message in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended without a Close frame, or an earlier
///   receive has failed.
/// - `EILSEQ`: a text message or the reason of a Close frame is not UTF-8.
/// - `EINVAL`: invalid argument.
/// - `EMSGSIZE`: the message does not fit.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the peer has ended its stream; see `ws_status`.
/// - `EPROTO`: the peer breaks the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char start[4], rest[60];
/// struct iolist tail = {rest, sizeof(rest), NULL, 0};
/// struct iolist head = {start, sizeof(start), &tail, 0};
/// ssize_t len = ws_recvl(s, NULL, &head, &tail, -1);
/// ```
///
/// # See also
///
/// `ws_recv`, `ws_sendl`, `mrecvl`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_recvl(
    s: c_int,
    flags: *mut c_int,
    first: *mut dill_iolist,
    last: *mut dill_iolist,
    deadline: i64,
) -> isize {
    // SAFETY: the list is the caller's promise.
    unsafe { receive(s, flags, first.cast(), last.cast(), deadline) }
}

/// Ends the outgoing stream of a WebSocket.
///
/// The peer gets all that was sent before, and then `EPIPE`. Receiving goes on. If a receive has
/// failed because of what the peer has sent, a `status` of 0 stands for the code that says so.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `status`: why: 1000 for a normal end, another code of RFC 6455, one from 3000 to 4999 of the
///   program's own, or 0 to send none.
/// - `buf`: the reason in words, UTF-8. May be `NULL` if `len` is 0.
/// - `len`: its length, up to 123 bytes; 0 if `status` is 0.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is sending to the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EINVAL`: a Close frame can't say that: the status is none that may be sent, the reason is
///   too long or not UTF-8, or comes without a status.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPIPE`: the stream was ended before.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// ws_done(s, 1000, "bye", 3, -1);
/// ```
///
/// # See also
///
/// `ws_detach`, `ws_status`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_done(
    s: c_int,
    status: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the bytes are the caller's promise.
    unit(unsafe { bytes(buf, len) }.and_then(|reason| websocket::done(s, status, reason, deadline)))
}

/// Ends a WebSocket in an orderly way and gives back the stream beneath.
///
/// Ends the outgoing stream as `ws_done` does, if that wasn't done yet, and waits for the peer to
/// end its own; messages that come until then are dropped. The stream beneath is left at the byte
/// after the peer's Close frame.
///
/// On failure the WebSocket and the stream are closed, except after `EBADF`, `EBUSY`, `EINVAL` and
/// `ENOTSUP`.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `status`: why: 1000 for a normal end, another code of RFC 6455, one from 3000 to 4999 of the
///   program's own, or 0 to send none.
/// - `buf`: the reason in words, UTF-8. May be `NULL` if `len` is 0.
/// - `len`: its length, up to 123 bytes; 0 if `status` is 0.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the byte stream, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is using the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or an earlier operation on it has failed.
/// - `EINVAL`: a Close frame can't say that: the status is none that may be sent, the reason is
///   too long or not UTF-8, or comes without a status.
/// - `ENOTSUP`: the handle is no WebSocket.
/// - `EPROTO`: the peer breaks the protocol.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = ws_detach(s, 1000, "bye", 3, now() + 1000);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `ws_done`, `ws_status`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_detach(
    s: c_int,
    status: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the bytes are the caller's promise.
    int(unsafe { bytes(buf, len) }
        .and_then(|reason| websocket::detach(s, status, reason, deadline)))
}

/// Tells why the peer has ended its stream.
///
/// # Parameters
///
/// - `s`: the WebSocket.
/// - `status`: where the code goes, 0 if the peer has given none; or `NULL`.
/// - `buf`: where the reason in words goes, without a terminating zero; or `NULL`.
/// - `len`: size of that memory; 123 bytes are always enough.
///
/// # Return value
///
/// The length of the reason in bytes, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EAGAIN`: the peer has not ended its stream yet.
/// - `EBADF`: the handle is not open.
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0.
/// - `EMSGSIZE`: the reason does not fit.
/// - `ENOTSUP`: the handle is no WebSocket.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int status;
/// char reason[123];
/// ssize_t len = ws_status(s, &status, reason, sizeof(reason));
/// if(len >= 0) printf("%d %.*s\n", status, (int)len, reason);
/// ```
///
/// # See also
///
/// `ws_recv`, `ws_done`, `ws_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_status(
    s: c_int,
    status: *mut c_int,
    buf: *mut c_void,
    len: usize,
) -> isize {
    // SAFETY: both places are the caller's promise.
    let result = unsafe {
        match bytes(buf, len) {
            Err(error) => Err(error),
            Ok(_) if buf.is_null() => websocket::status(s, None),
            Ok(_) => websocket::status(s, Some(slice::from_raw_parts_mut(buf.cast(), len))),
        }
    };
    length_to_c(result.map(|(code, length)| {
        if !status.is_null() {
            // SAFETY: as above.
            unsafe { *status = code.into() };
        }
        length
    }))
}

/// Makes a key for a handshake of the program's own.
///
/// It goes into the request's field `Sec-WebSocket-Key`.
///
/// # Parameters
///
/// - `request_key`: where the key goes: `WS_KEY_SIZE` bytes.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EINVAL`: `request_key` is `NULL`.
/// - `EIO`: the system has no random bytes.
///
/// # Thread safety
///
/// May be called on any thread.
///
/// # Example
///
/// ```c
/// char key[WS_KEY_SIZE];
/// ws_request_key(key);
/// http_sendfield(s, "Sec-WebSocket-Key", key, -1);
/// ```
///
/// # See also
///
/// `ws_response_key`, `ws_attach_client`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_request_key(request_key: *mut c_char) -> c_int {
    // SAFETY: the memory is the caller's promise.
    unit(unsafe { put_key(request_key, websocket::request_key) })
}

/// Makes the answer to the key of a handshake.
///
/// It goes into the response's field `Sec-WebSocket-Accept`, and a client compares it with what it
/// gets there.
///
/// # Parameters
///
/// - `request_key`: the key that came in the request.
/// - `response_key`: where the answer goes: `WS_KEY_SIZE` bytes.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EINVAL`: an argument is `NULL`.
/// - `EPROTO`: `request_key` is no key.
///
/// # Thread safety
///
/// May be called on any thread.
///
/// # Example
///
/// ```c
/// char answer[WS_KEY_SIZE];
/// if(ws_response_key(text, answer) == 0)
///     http_sendfield(s, "Sec-WebSocket-Accept", answer, -1);
/// ```
///
/// # See also
///
/// `ws_request_key`, `ws_attach_server`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ws_response_key(
    request_key: *const c_char,
    response_key: *mut c_char,
) -> c_int {
    // SAFETY: text and memory are the caller's promise.
    unit(unsafe {
        text(request_key)
            .and_then(|key| put_key(response_key, || websocket::response_key(key.to_bytes())))
    })
}
