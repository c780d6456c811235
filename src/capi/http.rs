//! HTTP: requests, responses and their bodies over a byte stream.

use super::arguments::text;
use super::boundary::{int, unit};
use crate::concurrency::handle_close;
use crate::os::errno::{Errno, Result};
use crate::protocols::http;
use crate::sockets::io_list::IoList;
use crate::sockets::message_socket::length_to_c;
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;
use core::ptr;

/// Memory for an HTTP socket, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_http_storage {
    bytes: [c_char; 1296],
}

const _: () = assert!(size_of::<dill_http_storage>() == 1296);

/// `EINVAL` unless there is memory for all results.
fn check_places(places: &[*mut c_char]) -> Result<()> {
    if places.iter().any(|place| place.is_null()) { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Puts a text and a zero behind it into memory of the caller's. `EMSGSIZE` when it doesn't
/// fit.
///
/// # Safety
/// `memory` is writable for `length` bytes.
pub(super) unsafe fn copy_text(text: &[u8], memory: *mut c_char, length: usize) -> Result<()> {
    if text.len() >= length {
        return Err(Errno::EMSGSIZE);
    }
    // SAFETY: by the caller's promise; the text is the library's own memory, so apart.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr(), memory.cast(), text.len());
        *memory.add(text.len()) = 0;
    }
    Ok(())
}

/// Makes an HTTP socket of a byte stream.
///
/// Messages are sent and received one after another, as many as there are, with `http_sendrequest`
/// or `http_sendstatus`, `http_sendfield` and `http_done`, and `http_recvrequest` or
/// `http_recvstatus` and `http_recvfield`.
///
/// The bodies of messages follow with `http_sendbody`, `http_donebody` and `http_recvbody`. The
/// socket is also a byte stream, that of the bodies, so that `bsend`, `brecv` and other protocols
/// can be used on it. Or take the stream beneath back with `http_detach` and treat the body in any
/// other way.
///
/// The socket is a strict peer (RFC 9112): folded fields, line ends without CR, and more than one
/// word on a body's length are refused. No line may be longer than 8 KiB and no head longer than
/// 64 KiB.
///
/// After an error the byte stream is closed, unless `s` was not open at all.
///
/// # Parameters
///
/// - `s`: the byte stream, which the HTTP socket takes over.
///
/// # Return value
///
/// The handle of the HTTP socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// int s = tcp_connect(&addr, -1);
/// s = http_attach(s);
/// http_sendrequest(s, "GET", "/", -1);
/// http_sendfield(s, "Host", "www.example.org", -1);
/// http_done(s, -1);
/// ```
///
/// # See also
///
/// `http_attach_mem`, `http_detach`, `http_sendrequest`, `http_recvrequest`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_attach(s: c_int) -> c_int {
    int(http::attach(s))
}

/// Makes an HTTP socket of a byte stream, with memory of the caller's.
///
/// Works as `http_attach`. The memory is the socket's until the handle is closed; it needs no
/// alignment. The library may keep the socket's state in memory of its own instead.
///
/// # Parameters
///
/// - `s`: the byte stream, which the HTTP socket takes over.
/// - `mem`: memory for the socket.
///
/// # Return value
///
/// The handle of the HTTP socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `mem` is `NULL`.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no bytestream socket.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// struct http_storage mem;
/// int s = http_attach_mem(tcp_accept(ls, NULL, -1), &mem);
/// ```
///
/// # See also
///
/// `http_attach`, `http_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_attach_mem(s: c_int, mem: *mut dill_http_storage) -> c_int {
    if mem.is_null() {
        let _ = handle_close::close(s);
        return int(Err(Errno::EINVAL));
    }
    int(http::attach(s))
}

/// Ends the head of a message and sends it.
///
/// The whole head leaves in one piece. To have the beginning of the body in it too, leave
/// `http_done` out and call `http_sendbody`.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: the fields do not tell where the body ends.
/// - `EMSGSIZE`: the head is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no head was begun.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendstatus(s, 204, "No Content", -1);
/// http_done(s, -1);
/// ```
///
/// # See also
///
/// `http_sendfield`, `http_sendbody`, `http_recvfield`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_done(s: c_int, deadline: i64) -> c_int {
    unit(http::done(s, deadline))
}

/// Ends the use of HTTP on a byte stream and gives that back.
///
/// What was begun is completed: an outgoing head is ended, the rest of an incoming head is
/// dropped, and so is the rest of a body of which a part was received. The stream is left at the
/// byte after that: after a head, at the first byte of the body.
///
/// On failure socket and stream are closed, except after `EBADF`, `EBUSY` and `ENOTSUP`.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
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
/// - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
///   failed.
/// - `EINVAL`: the fields of the head that was begun do not tell where the body ends.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPROTO`: the peer has not sent a proper message.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// s = http_detach(s, now() + 1000);
/// if(s >= 0) tcp_close(s, now() + 1000);
/// ```
///
/// # See also
///
/// `http_attach`, `http_done`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_detach(s: c_int, deadline: i64) -> c_int {
    int(http::detach(s, deadline))
}

/// Begins a request.
///
/// Nothing is sent until `http_done` or the first `http_sendbody`; or until the coroutine receives
/// from an HTTP socket, in case that waits for these very lines. More requests may follow before
/// the first one is answered.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `command`: the method, such as `GET`.
/// - `resource`: what is asked for, such as `/index.html`.
/// - `deadline`: not used: nothing is sent yet.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: the method or resource is `NULL` or contains what it may not.
/// - `EMSGSIZE`: the line is too long.
/// - `ENOBUFS`: 32 requests are not answered yet.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPROTO`: the message before was not completed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendrequest(s, "GET", "/", -1);
/// http_sendfield(s, "Host", "www.example.org", -1);
/// http_done(s, -1);
/// ```
///
/// # See also
///
/// `http_recvrequest`, `http_sendfield`, `http_recvstatus`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_sendrequest(
    s: c_int,
    command: *const c_char,
    resource: *const c_char,
    deadline: i64,
) -> c_int {
    let _ = deadline;
    // SAFETY: the texts are the caller's promise.
    unit(unsafe {
        text(command).and_then(|command| {
            http::send_request(s, command.to_bytes(), text(resource)?.to_bytes())
        })
    })
}

/// Receives the first line of a request.
///
/// What is left of the message before, head or body, is dropped first. After `EMSGSIZE` because of
/// the memory the rest of the head can be received.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `command`: where the method goes.
/// - `commandlen`: size of that memory, with room for the terminating zero.
/// - `resource`: where the resource goes.
/// - `resourcelen`: size of that memory, with room for the terminating zero.
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
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
///   failed.
/// - `EINVAL`: `command` or `resource` is `NULL`.
/// - `EMSGSIZE`: a part does not fit, or the line is too long.
/// - `ENOBUFS`: 32 requests are not answered yet.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: the peer has ended the connection, and there is no further request.
/// - `EPROTO`: the peer has not sent a proper request.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char command[16], resource[256];
/// int rc = http_recvrequest(s, command, sizeof(command), resource, sizeof(resource), -1);
/// if(rc == 0) printf("%s %s\n", command, resource);
/// ```
///
/// # See also
///
/// `http_recvfield`, `http_recvbody`, `http_sendstatus`, `http_sendrequest`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_recvrequest(
    s: c_int,
    command: *mut c_char,
    commandlen: usize,
    resource: *mut c_char,
    resourcelen: usize,
    deadline: i64,
) -> c_int {
    let mut put = |method: &[u8], asked: &[u8]| {
        // SAFETY: the memory is the caller's promise.
        unsafe {
            copy_text(method, command, commandlen)?;
            copy_text(asked, resource, resourcelen)
        }
    };
    unit(
        check_places(&[command, resource])
            .and_then(|()| http::receive_request(s, &mut put, deadline)),
    )
}

/// Begins a response.
///
/// Nothing is sent yet, as with `http_sendrequest`.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `status`: the code, 100 to 599.
/// - `reason`: what it means in words. May be empty.
/// - `deadline`: not used: nothing is sent yet.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: the status is out of range, or the reason is `NULL` or contains what it may not.
/// - `EMSGSIZE`: the line is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPROTO`: the message before was not completed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendstatus(s, 200, "OK", -1);
/// http_sendfield(s, "Content-Length", "5", -1);
/// http_sendbody(s, "hello", 5, -1);
/// ```
///
/// # See also
///
/// `http_recvstatus`, `http_sendfield`, `http_sendbody`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_sendstatus(
    s: c_int,
    status: c_int,
    reason: *const c_char,
    deadline: i64,
) -> c_int {
    let _ = deadline;
    // SAFETY: the text is the caller's promise.
    unit(unsafe { text(reason).and_then(|reason| http::send_status(s, status, reason.to_bytes())) })
}

/// Receives the first line of a response.
///
/// What is left of the message before, head or body, is dropped first. After `EMSGSIZE` because of
/// the memory the rest of the head can be received.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `reason`: where the status in words goes.
/// - `reasonlen`: size of that memory, with room for the terminating zero.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The status, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
///   failed.
/// - `EINVAL`: `reason` is `NULL`.
/// - `EMSGSIZE`: the reason does not fit, or the line is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: the peer has ended the connection, and there is no further response.
/// - `EPROTO`: the peer has not sent a proper response.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char reason[64];
/// int status = http_recvstatus(s, reason, sizeof(reason), now() + 5000);
/// if(status == 404) printf("there is no such page\n");
/// ```
///
/// # See also
///
/// `http_recvfield`, `http_recvbody`, `http_sendstatus`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_recvstatus(
    s: c_int,
    reason: *mut c_char,
    reasonlen: usize,
    deadline: i64,
) -> c_int {
    // SAFETY: the memory is the caller's promise.
    let mut put = |text: &[u8]| unsafe { copy_text(text, reason, reasonlen) };
    int(check_places(&[reason]).and_then(|()| http::receive_status(s, &mut put, deadline)))
}

/// Adds a field to the head of a message.
///
/// Nothing is sent yet, as with `http_sendrequest`. `Content-Length` or `Transfer-Encoding:
/// chunked` also says how `http_sendbody` sends the body.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `name`: the name of the field.
/// - `value`: its value; blanks around it are dropped.
/// - `deadline`: not used: nothing is sent yet.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: name or value is `NULL` or contains what it may not, or contradicts an earlier
///   field on the length of the body.
/// - `EMSGSIZE`: the head is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no head was begun.
/// - `EPROTO`: the value is empty.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendfield(s, "Transfer-Encoding", "chunked", -1);
/// ```
///
/// # See also
///
/// `http_recvfield`, `http_done`, `http_sendbody`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_sendfield(
    s: c_int,
    name: *const c_char,
    value: *const c_char,
    deadline: i64,
) -> c_int {
    let _ = deadline;
    // SAFETY: the texts are the caller's promise.
    unit(unsafe {
        text(name).and_then(|name| http::send_field(s, name.to_bytes(), text(value)?.to_bytes()))
    })
}

/// Receives a field of a head.
///
/// After `EMSGSIZE` because of the memory the next field can be received.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `name`: where the name of the field goes.
/// - `namelen`: size of that memory, with room for the terminating zero.
/// - `value`: where its value goes.
/// - `valuelen`: size of that memory, with room for the terminating zero.
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
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
///   failed.
/// - `EINVAL`: `name` or `value` is `NULL`.
/// - `EMSGSIZE`: a part does not fit, or line or head is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: that was the last field.
/// - `EPROTO`: the peer has not sent a proper field, or one that contradicts another on the length
///   of the body.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char name[64], value[256];
/// while(http_recvfield(s, name, sizeof(name), value, sizeof(value), -1) == 0)
///     printf("%s: %s\n", name, value);
/// if(errno != EPIPE) perror("http_recvfield");
/// ```
///
/// # See also
///
/// `http_recvrequest`, `http_recvstatus`, `http_recvbody`, `http_sendfield`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_recvfield(
    s: c_int,
    name: *mut c_char,
    namelen: usize,
    value: *mut c_char,
    valuelen: usize,
    deadline: i64,
) -> c_int {
    let mut put = |field: &[u8], text: &[u8]| {
        // SAFETY: the memory is the caller's promise.
        unsafe {
            copy_text(field, name, namelen)?;
            copy_text(text, value, valuelen)
        }
    };
    unit(check_places(&[name, value]).and_then(|()| http::receive_field(s, &mut put, deadline)))
}

/// Sends a part of the body of a message.
///
/// If the head was not ended by `http_done`, it is now, and leaves in one piece with these bytes.
/// With `Transfer-Encoding: chunked` they become a chunk; with `Content-Length` not more than that
/// many can be sent; a response that has neither ends with the connection. `bsend` and `bsendl` do
/// the same.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `buf`: the bytes to send. May be `NULL` if `len` is 0.
/// - `len`: their number.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: `buf` is `NULL` though `len` is not 0, or the fields of the head do not tell where
///   the body ends.
/// - `EMSGSIZE`: the message has no body, or less of it is left. Nothing was sent.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no message was begun.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendstatus(s, 200, "OK", -1);
/// http_sendfield(s, "Transfer-Encoding", "chunked", -1);
/// http_sendbody(s, "hello ", 6, -1);
/// http_sendbody(s, "world", 5, -1);
/// http_donebody(s, -1);
/// ```
///
/// # See also
///
/// `http_donebody`, `http_recvbody`, `http_sendfield`, `bsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_sendbody(
    s: c_int,
    buf: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    let mut list = IoList::single(buf.cast_mut(), len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; its buffer is the caller's promise.
    unit(unsafe { http::send_body(s, list, list, deadline) })
}

/// Ends the body of a message.
///
/// Needed with `Transfer-Encoding: chunked`, of which the last chunk is sent now. In any case it
/// checks that the message is complete. If the head was not ended yet, it is.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
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
/// - `ECONNRESET`: the connection is broken, or an earlier send has failed.
/// - `EINVAL`: the fields of the head do not tell where the body ends.
/// - `EMSGSIZE`: the body is shorter than its `Content-Length`.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: no message was begun.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// http_sendbody(s, "bye", 3, -1);
/// http_donebody(s, -1);
/// ```
///
/// # See also
///
/// `http_sendbody`, `http_recvbody`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_donebody(s: c_int, deadline: i64) -> c_int {
    unit(http::done_body(s, deadline))
}

/// Receives a part of the body of a message.
///
/// `len` bytes are received, or fewer at the end of the body. Fields of the head that were not
/// received are dropped. `brecv` and `brecvl` do the same for programs that know how much is to
/// come, and fail with `EPIPE` if it is less.
///
/// # Parameters
///
/// - `s`: the HTTP socket.
/// - `buf`: where the bytes go. If it is `NULL` they are dropped.
/// - `len`: how many bytes to receive.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the operation fails; 0
///   tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The number of bytes received, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open, or was closed during the call.
/// - `EBUSY`: another coroutine is receiving from the socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, has ended within a message, or an earlier receive has
///   failed.
/// - `EINVAL`: invalid argument.
/// - `EMSGSIZE`: a line in a chunked body is too long.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the handle is no HTTP socket.
/// - `EPIPE`: the body has ended, or there is none.
/// - `EPROTO`: the peer has not sent a proper body.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// char buf[4096];
/// ssize_t len;
/// while((len = http_recvbody(s, buf, sizeof(buf), -1)) >= 0)
///     fwrite(buf, 1, (size_t)len, stdout);
/// if(errno != EPIPE) perror("http_recvbody");
/// ```
///
/// # See also
///
/// `http_sendbody`, `http_recvfield`, `brecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_http_recvbody(
    s: c_int,
    buf: *mut c_void,
    len: usize,
    deadline: i64,
) -> isize {
    let mut list = IoList::single(buf, len);
    let list = &raw mut list;
    // SAFETY: the list lives through the call; the memory is the caller's promise.
    length_to_c(unsafe { http::receive_body(s, list, list, deadline) })
}
