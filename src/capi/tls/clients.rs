//! Clients of TLS.

use super::{dill_tls_storage, path, refuse};
use crate::capi::boundary::int;
use crate::capi::ip_address::text;
use crate::os::errno::{Errno, Result};
use crate::protocols::tls::{self, Client};
use core::ffi::{c_char, c_int};

/// # Safety
/// The names are null or live strings.
unsafe fn attach_client_verify(
    s: c_int,
    hostname: *const c_char,
    cafile: *const c_char,
    deadline: i64,
) -> Result<c_int> {
    // SAFETY: by the caller's promise.
    let (name, file) = unsafe { (text(hostname), path(cafile)) };
    match name.and_then(|name| str::from_utf8(name).ok()) {
        Some(name) => {
            let client = Client::Verifies { name, authorities: file.ok() };
            tls::attach_client(s, client, deadline)
        }
        None => refuse(s, Errno::EINVAL),
    }
}

/// Starts a TLS session as client, without verifying the server.
///
/// WARNING: nobody is verified. The session is encrypted, but whoever answers is taken for
/// the server, so it is no protection from anybody who can get in between. This is what
/// libdill does, and for tests only. Use `tls_attach_client_verify`.
///
/// TLS 1.2 and 1.3 are spoken. The new socket is a byte stream; one coroutine may send
/// while another one receives. `tls_detach` ends the session in an orderly way and gives
/// the stream back; `hclose` closes both.
///
/// As with all byte streams a call that did nothing has changed nothing. A send has begun when its
/// first record is encrypted, and waits before that for room in the stream beneath. A stream of the
/// program's own can't tell of room: there a send has begun at once.
///
/// A TLS handshake needs up to 64 KiB of stack: use coroutines with stacks of the default
/// size, not `go_mem` with a small one.
///
/// # Parameters
///
/// - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
///   more, whether the call succeeds or, for any reason but `EBADF`, fails.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
///   0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the TLS socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
/// - `EIO`: the system gives no random bytes.
/// - `EMFILE`: no handle is left.
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
/// int s = tcp_connect(&addr, -1);
/// s = tls_attach_client(s, now() + 10000);
/// if(s < 0) perror("tls_attach_client");
/// ```
///
/// # See also
///
/// `tls_attach_client_verify`, `tls_attach_client_mem`, `tls_done`, `tls_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_client(s: c_int, deadline: i64) -> c_int {
    int(tls::attach_client(s, Client::TrustsAnybody, deadline))
}

/// Starts a TLS session as client, without verifying the server, in memory of the caller's.
///
/// WARNING: the server is not verified, see `tls_attach_client`.
///
/// Works as `tls_attach_client`, but with memory of the caller's in the place of a block of
/// the library's; it must stay in place until the handle is closed. It needs no alignment.
/// The state of a session is mostly on the heap in any case.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `tls_attach_client`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tls_storage mem;
/// s = tls_attach_client_mem(s, &mem, now() + 10000);
/// ```
///
/// # See also
///
/// `tls_attach_client_verify_mem`, `tls_attach_client`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_client_mem(
    s: c_int,
    mem: *mut dill_tls_storage,
    deadline: i64,
) -> c_int {
    if mem.is_null() {
        return int(refuse(s, Errno::EINVAL));
    }
    int(tls::attach_client(s, Client::TrustsAnybody, deadline))
}

/// Starts a TLS session as client, and verifies the server.
///
/// The certificate of the server must be issued by an authority that is trusted, and be for
/// `hostname`. Otherwise the call fails with `EACCES`.
///
/// TLS 1.2 and 1.3 are spoken. The new socket is a byte stream; one coroutine may send
/// while another one receives. `tls_detach` ends the session in an orderly way and gives
/// the stream back; `hclose` closes both.
///
/// As with all byte streams a call that did nothing has changed nothing. A send has begun when its
/// first record is encrypted, and waits before that for room in the stream beneath. A stream of the
/// program's own can't tell of room: there a send has begun at once.
///
/// What the system trusts is looked up at the first call with `NULL` for `cafile`. The
/// environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` tell of another place.
///
/// A TLS handshake needs up to 64 KiB of stack: use coroutines with stacks of the default
/// size, not `go_mem` with a small one.
///
/// # Parameters
///
/// - `s`: the byte stream to talk TLS on. It is taken over: the handle is not valid any
///   more, whether the call succeeds or, for any reason but `EBADF`, fails.
/// - `hostname`: the name or the IP address that the certificate of the server must be for.
///   A name is also sent to the server, which may have several certificates (SNI).
/// - `cafile`: a PEM file with the certificates of the authorities to trust, or `NULL` for
///   those that the system trusts.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the handshake fails;
///   0 tries without blocking, -1 waits for ever.
///
/// # Return value
///
/// The handle of the TLS socket, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EACCES`: the certificate of the server was refused: nobody trusted has issued it, it
///   is for another host, not valid yet or not any more, or revoked; or the server has
///   refused us, which may want a certificate, or a file may not be read.
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ECONNRESET`: the connection is broken, or the peer has ended it during the handshake.
/// - `EINVAL`: `hostname` is `NULL`, or neither a name nor an address; or `cafile` holds no
///   certificate, or something else than certificates.
/// - `EIO`: the system gives no random bytes.
/// - `EMFILE`, `ENFILE`: no handle is left, or no file descriptor for reading the files.
/// - `ENOENT`: a file does not exist, or the system trusts nobody.
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
/// int s = happyeyeballs_connect("www.example.org", 443, -1);
/// s = tls_attach_client_verify(s, "www.example.org", NULL, now() + 10000);
/// if(s < 0) perror("tls_attach_client_verify");
/// ```
///
/// # See also
///
/// `tls_attach_client_verify_mem`, `tls_attach_server`, `tls_done`, `tls_detach`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_client_verify(
    s: c_int,
    hostname: *const c_char,
    cafile: *const c_char,
    deadline: i64,
) -> c_int {
    // SAFETY: the strings are the caller's promise.
    int(unsafe { attach_client_verify(s, hostname, cafile, deadline) })
}

/// Starts a TLS session as client, and verifies the server, in memory of the caller's.
///
/// Works as `tls_attach_client_verify`, but with memory of the caller's in the place of a
/// block of the library's; it must stay in place until the handle is closed. It needs no
/// alignment. The state of a session is mostly on the heap in any case.
///
/// # Parameters
///
/// - `mem`: memory for the socket.
///
/// # Errors
///
/// Those of `tls_attach_client_verify`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct tls_storage mem;
/// s = tls_attach_client_verify_mem(s, "www.example.org", NULL, &mem, -1);
/// ```
///
/// # See also
///
/// `tls_attach_client_verify`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_tls_attach_client_verify_mem(
    s: c_int,
    hostname: *const c_char,
    cafile: *const c_char,
    mem: *mut dill_tls_storage,
    deadline: i64,
) -> c_int {
    // SAFETY: the strings are the caller's promise.
    int(match mem.is_null() {
        true => refuse(s, Errno::EINVAL),
        false => unsafe { attach_client_verify(s, hostname, cafile, deadline) },
    })
}
