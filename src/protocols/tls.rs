//! TLS 1.2 and 1.3 on top of any byte stream, by rustls.
//!
//! rustls encrypts, decrypts and shakes hands, and never sees a socket: records are read from
//! the stream below one by one, so that not a byte is taken beyond the one that ends the
//! session, and it can go on with something else.

mod config;
mod session;

pub(crate) use config::{Client, Identity, Server, trusting_anybody, verifying_client};

use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::sockets::byte_socket;
use crate::sockets::object::{Counted, Kind};
use crate::sockets::room::Room;
use core::ffi::c_int;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;
use session::Session;
use std::sync::Arc;

/// Size of the C structure for a TLS socket. It is not used: all state is on the heap, as most
/// of it is rustls's anyway.
pub(crate) const STORAGE: usize = 72;

static TLS: Kind<Session> = Kind::new("tls");

fn find(socket: c_int) -> Result<Counted<Session>> {
    TLS.find(socket)
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
        .and_then(|()| TLS.open_counted(session))
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
