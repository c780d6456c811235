//! Protocols written in Rust and in C on top of each other, both ways.

use crate::kinds::{StreamKind, Tcp, Unix};
use crate::{Counted, Trickling, Turned, pattern, soon, virtual_time};
use core::ffi::{CStr, c_int, c_void};
use redill::{
    AsRawHandle, ByteStream, Deadline, Error, FromRawHandle, Input, IntoRawHandle, Prefix,
    RawByteStream, RawHandle, RawMessageSocket, Result, TcpStream, Term, Tls, TlsClient, TlsServer,
    Ws,
};
use std::io::IoSlice;
use std::path::Path;
use std::process::Command;
use std::rc::{Rc, Weak};
use std::sync::OnceLock;

// The functions of the library that the C code uses.
unsafe extern "C" {
    fn dill_hmake(vfs: *mut c_void) -> c_int;
    fn dill_hquery(h: c_int, kind: *const c_void) -> *mut c_void;
    fn dill_hclose(h: c_int) -> c_int;
    fn dill_hown(h: c_int) -> c_int;
    fn dill_bsend(s: c_int, bytes: *const c_void, length: usize, deadline: i64) -> c_int;
    fn dill_brecv(s: c_int, bytes: *mut c_void, length: usize, deadline: i64) -> c_int;
    fn dill_mrecv(s: c_int, bytes: *mut c_void, length: usize, deadline: i64) -> isize;
    fn dill_prefix_attach(s: c_int, header: usize, flags: c_int) -> c_int;
    fn dill_prefix_detach(s: c_int) -> c_int;
    fn dill_tcp_done(s: c_int) -> c_int;
    static dill_bsock_type: *const c_void;
    static dill_input_type: *const c_void;
}

/// Those functions, in the order of `struct api` in `protocols.c`.
#[repr(C)]
struct Api {
    hmake: unsafe extern "C" fn(*mut c_void) -> c_int,
    hquery: unsafe extern "C" fn(c_int, *const c_void) -> *mut c_void,
    hclose: unsafe extern "C" fn(c_int) -> c_int,
    hown: unsafe extern "C" fn(c_int) -> c_int,
    bsend: unsafe extern "C" fn(c_int, *const c_void, usize, i64) -> c_int,
    brecv: unsafe extern "C" fn(c_int, *mut c_void, usize, i64) -> c_int,
    bsock_type: usize,
    input_type: usize,
}

type Attach = unsafe extern "C" fn(*const Api, c_int) -> c_int;

/// Compiles `protocols.c` as a shared library and loads it; one of its functions.
fn attach_function(name: &CStr) -> Attach {
    static LIBRARY: OnceLock<usize> = OnceLock::new();
    let handle = *LIBRARY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libprotocols.so");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(compiler)
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-I"])
            .arg(root.join("include"))
            .arg("-o")
            .arg(&library)
            .arg(root.join("tests/sockets/protocols.c"))
            .status()
            .expect("a C compiler, as for the library itself");
        assert!(status.success());
        let path = std::ffi::CString::new(library.to_str().unwrap()).unwrap();
        // SAFETY: the library is the one made above.
        unsafe {
            let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            assert!(!handle.is_null(), "{:?}", CStr::from_ptr(libc::dlerror()));
            handle as usize
        }
    });
    // SAFETY: what has such a name there is such a function.
    unsafe {
        let symbol = libc::dlsym(handle as *mut c_void, name.as_ptr());
        assert!(!symbol.is_null());
        core::mem::transmute::<*mut c_void, Attach>(symbol)
    }
}

/// Handed to C and taken back.
pub struct Raw;

impl StreamKind for Raw {
    type Stream = RawByteStream;

    fn pair() -> (RawByteStream, RawByteStream) {
        let (a, b) = Tcp::pair();
        let wrap =
            |stream: TcpStream| unsafe { RawByteStream::from_raw_handle(stream.into_raw_handle()) };
        (wrap(a), wrap(b))
    }

    fn done(stream: &RawByteStream) {
        // It doesn't know what it is; C does.
        assert_eq!(unsafe { dill_tcp_done(stream.as_raw_handle()) }, 0);
    }
}

/// A protocol written in C, on top of any byte stream with a handle.
fn by_c(attach: &CStr, stream: impl IntoRawHandle) -> RawByteStream {
    static API: OnceLock<Api> = OnceLock::new();
    let api = API.get_or_init(|| Api {
        hmake: dill_hmake,
        hquery: dill_hquery,
        hclose: dill_hclose,
        hown: dill_hown,
        bsend: dill_bsend,
        brecv: dill_brecv,
        bsock_type: unsafe { dill_bsock_type } as usize,
        input_type: unsafe { dill_input_type } as usize,
    });
    let handle = unsafe { attach_function(attach)(api, stream.into_raw_handle()) };
    assert!(handle >= 0, "{}", std::io::Error::last_os_error());
    unsafe { RawByteStream::from_raw_handle(handle) }
}

fn turned_by_c(stream: impl IntoRawHandle) -> RawByteStream {
    by_c(c"turned_attach", stream)
}

fn exchange(a: &dyn ByteStream, b: &dyn ByteStream) {
    let data = pattern(5000);
    for (from, to) in [(a, b), (b, a)] {
        redill::scope(|scope| {
            let data = &data;
            scope.go(move || from.send(data, soon()).unwrap())?;
            let mut received = vec![0; data.len()];
            to.recv_exact(&mut received, soon())?;
            assert!(received == *data);
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn c_on_top_of_rust() {
    virtual_time();
    let (a, b) = Unix::pair();
    let c = turned_by_c(RawByteStream::new(Trickling(a)).unwrap());
    exchange(&c, &Turned(b));
}

#[test]
fn rust_on_top_of_c() {
    virtual_time();
    let (a, b) = Tcp::pair();
    // Turned twice: by Rust, and beneath that by C.
    exchange(&Turned(turned_by_c(a)), &b);
}

/// What C's all or nothing leaves of `Read`: as much as is certain, and no waiting for more.
#[test]
fn reading_from_c_gets_what_is_there() {
    virtual_time();
    let (a, b) = Unix::pair();
    let (a, b) = (by_c(c"chunks_attach", a), by_c(c"chunks_attach", b));
    let mut buffer = [0; 1000];
    a.send(&pattern(100), soon()).unwrap();
    a.send(&pattern(200), soon()).unwrap();
    // The chunk that is here; of the next one nobody knows whether it is whole.
    assert_eq!(b.recv(&mut buffer, soon()), Ok(100));
    assert_eq!(buffer[..100], pattern(100));
    assert_eq!(b.recv(&mut buffer[..50], soon()), Ok(50));
    assert_eq!(b.recv(&mut buffer[50..], soon()), Ok(150));
    assert_eq!(buffer[..200], pattern(200));
    // All of several at once, for those who know how much there is.
    exchange(&a, &b);
    let mut reader = std::io::BufReader::new(b);
    a.send(b"some text\nand more", soon()).unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    assert_eq!((line.as_str(), reader.buffer()), ("some text\n", &b"and more"[..]));
    drop(a);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut reader, &mut rest).unwrap();
    assert_eq!(rest, "and more");
    // From one that says nothing of its input, one byte.
    let (a, b) = Unix::pair();
    let (a, b) = (turned_by_c(a), turned_by_c(b));
    a.send(b"abc", soon()).unwrap();
    assert_eq!(b.recv(&mut buffer, soon()), Ok(1));
    std::io::Read::read_exact(&mut &b, &mut buffer[1..3]).unwrap();
    assert_eq!(&buffer[..3], b"abc");
    // With protocols of ours on top.
    let (a, b) = Unix::pair();
    let a = Prefix::attach(by_c(c"chunks_attach", a), 2).unwrap();
    let b = Prefix::attach(by_c(c"chunks_attach", b), 2).unwrap();
    a.send(&pattern(10_000), soon()).unwrap();
    assert_eq!(b.recv_vec(10_000, soon()).unwrap(), pattern(10_000));
}

#[test]
fn rust_c_and_rust_in_turns() {
    virtual_time();
    let (a, b) = Unix::pair();
    let c = turned_by_c(RawByteStream::new(Turned(a)).unwrap());
    let a = Prefix::attach(Turned(c), 2).unwrap();
    let b = Prefix::attach(Turned(b), 2).unwrap();
    a.send(b"through all of them", soon()).unwrap();
    assert_eq!(b.recv_vec(100, soon()).unwrap(), b"through all of them");
    b.send(b"and back", soon()).unwrap();
    assert_eq!(a.recv_vec(100, soon()).unwrap(), b"and back");
    // Each one is given back.
    let Turned(c) = a.detach().unwrap();
    let Turned(b) = b.detach().unwrap();
    exchange(&c, &b);
}

#[test]
fn tls_and_websocket_on_top_of_c_on_top_of_rust() {
    virtual_time();
    let (a, b) = Unix::pair();
    let client = TlsClient::with_authorities("c-tests/certs/ca.pem").unwrap();
    let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key").unwrap();
    let a = by_c(c"chunks_attach", turned_by_c(RawByteStream::new(Trickling(a)).unwrap()));
    let b = by_c(c"chunks_attach", RawByteStream::new(Turned(b)).unwrap());
    redill::scope(|scope| {
        let server = scope.spawn(move || {
            let tls: Tls<RawByteStream> = server.accept(b, soon())?;
            Ws::accept(tls, soon())
        })?;
        let tls = client.connect(a, "localhost", soon())?;
        let client = Ws::connect(tls, "localhost", "/", soon())?;
        let server = server.join(soon())??;
        client.send_text("hello", soon())?;
        assert_eq!(server.recv_message(100, soon())?.as_bytes(), b"hello");
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_librarys_c_functions_on_top_of_rust() {
    virtual_time();
    let (a, b) = Unix::pair();
    let handle = RawByteStream::new(Turned(a)).unwrap().into_raw_handle();
    let b = Prefix::attach(Turned(b), 2).unwrap();
    b.send(b"to C", soon()).unwrap();
    let mut buffer = [0u8; 10];
    unsafe {
        let prefix = dill_prefix_attach(handle, 2, 0);
        assert!(prefix >= 0);
        assert_eq!(dill_mrecv(prefix, buffer.as_mut_ptr().cast(), 10, -1), 4);
        let stream = dill_prefix_detach(prefix);
        assert_eq!(dill_bsend(stream, b"\0\x01!".as_ptr().cast(), 3, -1), 0);
        assert_eq!(dill_hclose(stream), 0);
    }
    assert_eq!(&buffer[..4], b"to C");
    assert_eq!(b.recv_vec(10, soon()).unwrap(), b"!");
    // Closing it has ended the Rust protocol and what is beneath.
    assert_eq!(b.recv_vec(10, soon()), Err(Error::Done));
}

#[test]
fn messages_of_rust_for_c_and_of_c_for_rust() {
    virtual_time();
    let (a, b) = Unix::pair();
    let a = Counted::new(Prefix::attach(a, 2).unwrap());
    let b = Prefix::attach(b, 2).unwrap();
    let handle: RawHandle = RawMessageSocket::new(a).unwrap().into_raw_handle();
    b.send(b"abc", soon()).unwrap();
    let mut buffer = [0u8; 10];
    let length = unsafe { dill_mrecv(handle, buffer.as_mut_ptr().cast(), 10, -1) };
    assert_eq!((length, &buffer[..3]), (3, &b"abc"[..]));
    // And taken back, with a protocol of ours on top.
    let raw = unsafe { RawMessageSocket::from_raw_handle(handle) };
    let term = Term::attach(raw, b"bye").unwrap();
    term.done(soon()).unwrap();
    assert_eq!(b.recv_vec(10, soon()).unwrap(), b"bye");
}

/// Notes when it goes.
struct Watched<S>(S, #[allow(dead_code)] Rc<()>);

impl<S: ByteStream> ByteStream for Watched<S> {
    fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
        self.0.send_vectored(buffers, deadline)
    }

    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
        self.0.recv(buffer, deadline)
    }
}

#[test]
fn sockets_go_with_what_is_on_top() {
    virtual_time();
    let watched = || {
        let (a, b) = Unix::pair();
        let alive = Rc::new(());
        let weak: Weak<()> = Rc::downgrade(&alive);
        (Watched(a, alive), weak, b)
    };
    let is_gone = |weak: Weak<()>, peer: redill::UnixStream| {
        assert!(weak.upgrade().is_none());
        assert_eq!(peer.recv(&mut [0], soon()), Ok(0));
    };
    // Dropped, under one protocol and under two.
    let (stream, weak, peer) = watched();
    drop(Prefix::attach(stream, 2).unwrap());
    is_gone(weak, peer);
    let (stream, weak, peer) = watched();
    drop(Term::attach(Prefix::attach(stream, 2).unwrap(), b"").unwrap());
    is_gone(weak, peer);
    // Given to C and closed there.
    let (stream, weak, peer) = watched();
    let handle = Prefix::attach(stream, 2).unwrap().into_raw_handle();
    assert!(weak.upgrade().is_some());
    assert_eq!(unsafe { dill_hclose(handle) }, 0);
    is_gone(weak, peer);
    // Not attached at all.
    let (stream, weak, peer) = watched();
    assert_eq!(Prefix::attach(stream, 0).unwrap_err(), Error::Os(libc::EINVAL));
    is_gone(weak, peer);
    // Detached, and dropped then.
    let (stream, weak, peer) = watched();
    let stream = Prefix::attach(stream, 2).unwrap().detach().unwrap();
    assert!(weak.upgrade().is_some());
    drop(stream);
    is_gone(weak, peer);
}

/// Panics when it is used.
struct Explosive;

impl ByteStream for Explosive {
    fn send_vectored(&self, _: &[IoSlice<'_>], _: Deadline) -> Result<()> {
        panic!("sent");
    }

    fn recv(&self, _: &mut [u8], _: Deadline) -> Result<usize> {
        panic!("received");
    }

    fn input(&self) -> Input<'_> {
        Input::ready()
    }
}

#[test]
fn panics_pass_through_c() {
    virtual_time();
    let message = |panic: Box<dyn std::any::Any + Send>| *panic.downcast::<&str>().unwrap();
    let catch = |call: &dyn Fn()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).map_err(message).unwrap_err()
    };
    let prefix = Prefix::attach(Explosive, 2).unwrap();
    assert_eq!(catch(&|| drop(prefix.send(b"x", soon()))), "sent");
    assert_eq!(catch(&|| drop(prefix.recv_vec(10, soon()))), "received");
    let c = turned_by_c(RawByteStream::new(Explosive).unwrap());
    assert_eq!(catch(&|| drop(c.send(b"x", soon()))), "sent");
    // In a coroutine it goes to the owner of its bundle.
    let outcome = std::panic::catch_unwind(|| {
        let bundle = redill::Bundle::new().unwrap();
        bundle.go(move || drop(Prefix::attach(Explosive, 2).unwrap().send(b"x", soon()))).unwrap();
        bundle.wait(soon()).unwrap();
    });
    assert_eq!(message(outcome.unwrap_err()), "sent");
}

#[test]
fn handles_are_lent_to_c() {
    virtual_time();
    let (a, b) = Unix::pair();
    let sent = unsafe { dill_bsend(a.as_raw_handle(), b"hello".as_ptr().cast(), 5, -1) };
    assert_eq!(sent, 0);
    let mut buffer = [0; 5];
    b.recv_exact(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer, b"hello");
}
