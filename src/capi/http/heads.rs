//! The heads of messages: requests, status lines and fields.

use super::{check_places, copy_text};
use crate::capi::arguments::text;
use crate::capi::boundary::{int, unit};
use crate::protocols::http;
use core::ffi::{c_char, c_int};

/// Begins a request.
///
/// Nothing is sent until `http_done` or the first `http_sendbody`; or until the coroutine receives
/// from an HTTP socket, in case that waits for these very lines. A receive from this socket waits
/// until they are sent; one from another socket only sends what there is room for, and on a byte
/// stream of the program's own nothing. More requests may follow before the first one is answered.
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
/// - `EPIPE`: a body was ended of which only the end of the connection can tell.
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
/// What is left of the message before, head or body, is dropped first. A call that ends before the
/// first byte of the line has come, because of its deadline, a cancel scope or the cancellation of
/// the coroutine, has changed nothing: the next one works. An empty line before the request is no
/// part of it. After `EMSGSIZE` because of the memory the rest of the head can be received.
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
/// - `EPIPE`: a body was ended of which only the end of the connection can tell.
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
/// What is left of the message before, head or body, is dropped first. A call that ends before the
/// first byte of the line has come, because of its deadline, a cancel scope or the cancellation of
/// the coroutine, has changed nothing: the next one works. After `EMSGSIZE` because of the memory
/// the rest of the head can be received.
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
/// A call that ends before the first byte of the field has come has changed nothing, as with
/// `http_recvrequest`. After `EMSGSIZE` because of the memory the next field can be received.
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
