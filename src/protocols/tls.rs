//! TLS 1.2 and 1.3 on top of any byte stream, by rustls.
//!
//! rustls encrypts, decrypts and shakes hands, and never sees a socket: records are read from
//! the stream below one by one, so that not a byte is taken beyond the one that ends the
//! session, and it can go on with something else.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

mod config;
mod session;

pub(crate) use config::{Client, Identity, Server, trusting_anybody, verifying_client};

use crate::concurrency::input::{self, Digestion, InputVfs};
use crate::handle_table::{Interface as _, Kind};
use crate::os::allocation::{self, Shared};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::sockets::at_once::AtOnce;
use crate::sockets::byte_socket::{self, ByteStream};
use crate::sockets::io_list::{Cursor, Direction, IoList};
use crate::sockets::partial::Partial;
use crate::sockets::room::{self, Room};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;
use session::Session;
use std::io::IoSlice;
use std::sync::Arc;

/// Size of the C structure for a TLS socket. It is not used: all state is on the heap, as most
/// of it is rustls's anyway.
pub(crate) const STORAGE: usize = 72;

/// What the handle stands for.
#[repr(C)]
struct Tls {
    /// First: C code gets a pointer to it, and gives that back.
    stream: ByteStream,
    readiness: InputVfs,
    /// Calls inside hold it too, so that they outlive the handle.
    session: Shared<Session>,
}

static TLS: Kind = Kind::new("tls", close, query);

fn find(socket: c_int) -> Result<Shared<Session>> {
    let object = Context::get()?.handles.find(socket, &TLS)?.cast::<Tls>();
    // SAFETY: handles of this kind stand for live objects.
    Ok(unsafe { &*object }.session.clone())
}

/// Starts a session on the stream `socket` as client. After an error, other than `EBADF`, the
/// stream is closed.
pub(crate) fn attach_client(socket: c_int, client: Client<'_>, deadline: i64) -> Result<c_int> {
    attach(socket, deadline, || {
        let (config, name) = client.configuration()?;
        client_connection(config, name)
    })
}

/// As [`attach_client`], with a configuration that exists already.
pub(crate) fn attach_client_with(
    socket: c_int,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    deadline: i64,
) -> Result<c_int> {
    attach(socket, deadline, || client_connection(config, name))
}

fn client_connection(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Connection> {
    Ok(ClientConnection::new(config, name).map_err(|it| config::errno(&it))?.into())
}

/// Starts a session on the stream `socket` as server. After an error, other than `EBADF`, the
/// stream is closed.
pub(crate) fn attach_server(socket: c_int, server: Server<'_>, deadline: i64) -> Result<c_int> {
    attach(socket, deadline, || server_connection(server.configuration()?))
}

/// As [`attach_server`], with a configuration that exists already.
pub(crate) fn attach_server_with(
    socket: c_int,
    config: Arc<ServerConfig>,
    deadline: i64,
) -> Result<c_int> {
    attach(socket, deadline, || server_connection(config))
}

fn server_connection(config: Arc<ServerConfig>) -> Result<Connection> {
    Ok(ServerConnection::new(config).map_err(|it| config::errno(&it))?.into())
}

fn attach(
    socket: c_int,
    deadline: i64,
    connection: impl FnOnce() -> Result<Connection>,
) -> Result<c_int> {
    let context = Context::get()?;
    context.handles.any(socket)?;
    let prepared = is_byte_stream(context, socket)
        .and_then(|()| context.current().may_block())
        .and_then(|()| connection());
    let connection = prepared.inspect_err(|_| _ = handles::close(socket))?;
    // From here on nobody else can use the stream: its old number is dead.
    let below = handles::own(socket)?;
    // Another session asks for each record whether there is room.
    let room = Room::new(find(below).is_err());
    let session = Session::new(connection, below, room);
    session
        .shake_hands(deadline)
        .and_then(|()| open(context, session))
        .inspect_err(|_| _ = handles::close(below))
}

/// `EPROTO` where there is no byte stream to talk TLS on.
fn is_byte_stream(context: &Context, socket: c_int) -> Result<()> {
    match context.handles.query(socket, byte_socket::type_id()) {
        Ok(_) => Ok(()),
        Err(Errno::ENOTSUP) => Err(Errno::EPROTO),
        Err(error) => Err(error),
    }
}

fn open(context: &Context, session: Session) -> Result<c_int> {
    let session = Shared::new(session)?;
    let object = Box::into_raw(allocation::boxed(Tls {
        stream: ByteStream { send: Some(send), receive: Some(receive) },
        readiness: InputVfs { input: Some(input_beneath) },
        session,
    })?);
    // SAFETY: made above, and known to nobody.
    handles::open(context, object.cast(), &TLS)
        .inspect_err(|_| drop(unsafe { Box::from_raw(object) }))
}

/// Tells the peer that no more will be sent. Receiving goes on.
pub(crate) fn done(socket: c_int, deadline: i64) -> Result<()> {
    find(socket)?.done(deadline)
}

/// Ends the session in an orderly way, that is, when both sides have said goodbye; the handle
/// of the stream below. If that fails the stream is closed. In any case the TLS handle is.
pub(crate) fn detach(socket: c_int, deadline: i64) -> Result<c_int> {
    let session = find(socket)?;
    let outcome = session.say_goodbye(deadline);
    // Meanwhile others may have closed the handle or taken over what it stood for.
    if !find(socket).is_ok_and(|now| now.same(&session)) {
        return Err(Errno::EBADF);
    }
    let below = outcome.map(|()| session.release_below());
    handles::close(socket)?;
    below
}

/// The handle of the stream below, which stays the session's.
pub(crate) fn below(socket: c_int) -> Result<c_int> {
    find(socket).map(|session| session.below())
}

/// Calls `action` with what rustls knows of the session.
pub(crate) fn inspect<T>(socket: c_int, action: impl FnOnce(&Connection) -> T) -> Result<T> {
    find(socket).map(|session| session.inspect(action))
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::send`]; the table is that of a live object.
unsafe extern "C" fn send(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: the table is the first field of an object that is alive as the call begins.
    let session = unsafe { &*stream.cast::<Tls>() }.session.clone();
    // SAFETY: the list is the caller's promise.
    byte_socket::to_c(unsafe { session.send(first, last, deadline) })
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::receive`]; the table is that of a live object.
unsafe extern "C" fn receive(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `send`.
    let session = unsafe { &*stream.cast::<Tls>() }.session.clone();
    // SAFETY: as in `send`.
    byte_socket::to_c(unsafe { session.receive(first, last, deadline) })
}

static PARTIAL: Partial = Partial { receive: receive_some };

/// Stands in [`Partial`].
///
/// # Safety
/// `object` is a live `Tls`, and `length` bytes can be written to `memory`.
unsafe fn receive_some(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    deadline: i64,
) -> Result<usize> {
    // SAFETY: the object is alive as the call begins.
    let session = unsafe { &*object.cast::<Tls>() }.session.clone();
    // SAFETY: by the caller's promise.
    unsafe { session.receive_some(memory, length, deadline) }
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live `Tls`.
unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    let tls = object.cast::<Tls>();
    if type_id == byte_socket::type_id() {
        // SAFETY: the object is alive; only addresses of its fields are computed.
        unsafe { (&raw mut (*tls).stream).cast() }
    } else if type_id == input::type_id() {
        // SAFETY: as above.
        unsafe { (&raw mut (*tls).readiness).cast() }
    } else if type_id == Partial::type_id() {
        PARTIAL.answer()
    } else if type_id == Digestion::type_id() {
        DIGESTION.answer()
    } else if type_id == AtOnce::type_id() {
        AT_ONCE.answer()
    } else if type_id == room::type_id() {
        // SAFETY: as above.
        let below = unsafe { (*tls).session.below() };
        let found = Context::get().and_then(|it| it.handles.query(below, type_id));
        found.unwrap_or(ptr::null_mut())
    } else {
        ptr::null_mut()
    }
}

static AT_ONCE: AtOnce = AtOnce { receive: receive_unblocked, peek, send: send_unblocked };

/// Stands in [`AtOnce`].
///
/// # Safety
/// `object` is a live `Tls`, and `length` bytes can be written to `memory`.
unsafe fn receive_unblocked(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    received: &mut usize,
) -> Result<()> {
    let list = IoList::single(memory.cast(), length);
    let list = &raw const list;
    // SAFETY: by the caller's promise.
    let mut cursor = unsafe { Cursor::new(list, list, Direction::Receive)? };
    // SAFETY: by the caller's promise; nobody else runs meanwhile.
    let result = unsafe { &*object.cast::<Tls>() }.session.receive_unblocked(&mut cursor);
    *received += length - cursor.remaining();
    result
}

/// Stands in [`AtOnce`].
fn peek(_object: *mut ()) -> Option<u8> {
    None
}

/// Stands in [`AtOnce`].
///
/// # Safety
/// `object` is a live `Tls`.
unsafe fn send_unblocked(object: *mut (), slices: &[IoSlice<'_>]) -> Result<usize> {
    // SAFETY: by the caller's promise; nobody else runs meanwhile.
    unsafe { &*object.cast::<Tls>() }.session.send_unblocked(slices)
}

static DIGESTION: Digestion = Digestion { digest };

/// Stands in [`Digestion`].
///
/// # Safety
/// `object` is a live `Tls`.
unsafe fn digest(object: *mut ()) -> bool {
    // SAFETY: by the caller's promise; nobody else runs meanwhile.
    unsafe { &*object.cast::<Tls>() }.session.digest()
}

/// Stands in [`InputVfs`].
///
/// # Safety
/// The table is that of a live object, `beneath` a place for the answer.
unsafe extern "C" fn input_beneath(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    let object = vfs.wrapping_byte_sub(offset_of!(Tls, readiness)).cast::<Tls>();
    // SAFETY: the table is a field of an object that is alive while it is asked.
    let session = unsafe { &(*object).session };
    if session.receives_at_once() {
        return input::BUFFERED;
    }
    // SAFETY: the caller gives a place for the answer.
    unsafe { *beneath = session.below() };
    input::HANDLE
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live `Tls`.
unsafe fn close(object: *mut ()) -> Result<()> {
    // SAFETY: `open` made it so, and the handle is going.
    let tls = unsafe { Box::from_raw(object.cast::<Tls>()) };
    // Calls that are blocked in the stream below come back with EBADF.
    match tls.session.release_below() {
        -1 => {}
        below => _ = handles::close(below),
    }
    Ok(())
}
