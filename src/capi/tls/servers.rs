//! Servers of TLS.

use super::{dill_tls_storage, path, refuse};
use crate::capi::boundary::int;
use crate::os::errno::{Errno, Result};
use crate::protocols::tls::{self, Server};
use core::ffi::{c_char, c_int};

/// # Safety
/// The names are null or live strings.
unsafe fn attach_server(
    s: c_int,
    cert: *const c_char,
    pkey: *const c_char,
    client_cafile: Option<*const c_char>,
    deadline: i64,
) -> Result<c_int> {
    // SAFETY: by the caller's promise.
    let files =
        unsafe { (path(cert), path(pkey), client_cafile.map(|file| path(file)).transpose()) };
    match files {
        (Ok(certificates), Ok(key), Ok(client_authorities)) => {
            let server = Server { certificates, key, client_authorities };
            tls::attach_server(s, server, deadline)
        }
        _ => refuse(s, Errno::EINVAL),
    }
}

/// Starts a TLS session as server.
///
/// Clients are not asked who they are; `tls_attach_server_verify` does that.
///
/// TLS 1.2 and 1.3 are spoken. The new socket is a byte stream; one coroutine may send
/// while another one receives. `tls_detach` ends the session in an orderly way and gives
/// the stream back; `hclose` closes both.
///
/// As with all byte streams a call that did nothing has changed nothing. A send has begun when its
/// first record is encrypted, and waits before that for room in the stream beneath. A stream of the
/// program's own can't tell of room: there a send has begun at once.
///
/// The files are read at each call, so a renewed certificate is used at once.
///
/// A TLS handshake needs up to 64 KiB of stack: use coroutines with stacks of the default
/// size, not `go_mem` with a small one.
///
/// # Parameters
///
/// - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
///   more, whether the call succeeds or, for any reason but `EBADF`, fails.
/// - `cert`: a PEM file with the certificate of the server, followed by those that lead
///   from it to the authority, if there are any.
/// - `pkey`: a PEM file with the private key of the certificate.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
///   0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the TLS socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the client has refused our certificate, or a file may not be read.
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
/// - `EINVAL`: a name is `NULL`, `cert` or `pkey` is no such file, or the key does not
///   belong to the certificate.
/// - `EIO`: the system gives no random bytes.
/// - `EMFILE`, `ENFILE`: no handle is left, or no file descriptor for reading the files.
/// - `ENOENT`: a file does not exist.
/// - `ENOMEM`: out of memory.
/// - `EPROTO`: `s` is no byte stream; or the peer talks something else than TLS 1.2 or 1.3,
///   breaks the rules or refuses the session.
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
/// s = tls_attach_server(s, "chain.pem", "key.pem", now() + 10000);
/// if(s < 0) perror("tls_attach_server");
/// ```
///
/// # See also
///
/// `tls_attach_server_verify`, `tls_attach_server_mem`, `tls_done`, `tls_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_server(
    s: c_int,
    cert: *const c_char,
    pkey: *const c_char,
    deadline: i64,
) -> c_int {
    // SAFETY: the strings are the caller's promise.
    int(unsafe { attach_server(s, cert, pkey, None, deadline) })
}

/// Starts a TLS session as server, in memory of the caller's.
///
/// Works as `tls_attach_server`, but with memory of the caller's in the place of a block of
/// the library's; it must stay in place until the handle is closed. It needs no alignment.
/// The state of a session is mostly on the heap in any case.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `tls_attach_server`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tls_storage mem;
/// s = tls_attach_server_mem(s, "chain.pem", "key.pem", &mem, -1);
/// ```
///
/// # See also
///
/// `tls_attach_server`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_server_mem(
    s: c_int,
    cert: *const c_char,
    pkey: *const c_char,
    mem: *mut dill_tls_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the strings are the caller's promise.
    int(match mem.is_null() {
        true => refuse(s, Errno::EINVAL),
        false => unsafe { attach_server(s, cert, pkey, None, deadline) },
    })
}

/// Starts a TLS session as server, and verifies the client.
///
/// The client must have a certificate that one of the given authorities has issued for a
/// client. Otherwise the call fails with `EACCES`. (In TLS 1.3 the client learns that after
/// its own handshake, from its first receive.)
///
/// All else is as with `tls_attach_server`.
///
/// # Parameters
///
/// - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
///   more, whether the call succeeds or, for any reason but `EBADF`, fails.
/// - `cert`: a PEM file with the certificate of the server, followed by those that lead
///   from it to the authority, if there are any.
/// - `pkey`: a PEM file with the private key of the certificate.
/// - `client_cafile`: a PEM file with the certificates of the authorities whose clients are
///   let in.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
///   0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the TLS socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the client has no certificate, or one that was refused; or it has refused
///   ours, or a file may not be read.
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
/// - `EINVAL`: a name is `NULL`, a file is not what it should be, or the key does not
///   belong to the certificate.
/// - `EIO`: the system gives no random bytes.
/// - `EMFILE`, `ENFILE`: no handle is left, or no file descriptor for reading the files.
/// - `ENOENT`: a file does not exist.
/// - `ENOMEM`: out of memory.
/// - `EPROTO`: `s` is no byte stream; or the peer talks something else than TLS 1.2 or 1.3,
///   breaks the rules or refuses the session.
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
/// s = tls_attach_server_verify(s, "chain.pem", "key.pem", "clients.pem", -1);
/// ```
///
/// # See also
///
/// `tls_attach_server`, `tls_attach_server_verify_mem`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_server_verify(
    s: c_int,
    cert: *const c_char,
    pkey: *const c_char,
    client_cafile: *const c_char,
    deadline: i64,
) -> c_int {
    // SAFETY: the strings are the caller's promise.
    int(unsafe { attach_server(s, cert, pkey, Some(client_cafile), deadline) })
}

/// Starts a TLS session as server, and verifies the client, in memory of the caller's.
///
/// Works as `tls_attach_server_verify`, but with memory of the caller's in the place of a
/// block of the library's; it must stay in place until the handle is closed. It needs no
/// alignment. The state of a session is mostly on the heap in any case.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `tls_attach_server_verify`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tls_storage mem;
/// s = tls_attach_server_verify_mem(s, "chain.pem", "key.pem", "ca.pem", &mem, -1);
/// ```
///
/// # See also
///
/// `tls_attach_server_verify`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_server_verify_mem(
    s: c_int,
    cert: *const c_char,
    pkey: *const c_char,
    client_cafile: *const c_char,
    mem: *mut dill_tls_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the strings are the caller's promise.
    int(match mem.is_null() {
        true => refuse(s, Errno::EINVAL),
        false => unsafe { attach_server(s, cert, pkey, Some(client_cafile), deadline) },
    })
}
