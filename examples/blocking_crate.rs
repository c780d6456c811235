//! A crate for blocking sockets, tungstenite, in coroutines: our streams implement `Read` and
//! `Write`, so it needs to know nothing of them. A thousand conversations at once, in one thread.

use redill::{Deadline, Error, Result, TcpListener, TcpStream};
use std::time::Duration;
use tungstenite::handshake::{HandshakeError, HandshakeRole};
use tungstenite::{Message, WebSocket};

const CLIENTS: usize = 1000;

fn main() -> Result<()> {
    let listener = TcpListener::bind_with_backlog("127.0.0.1:0", CLIENTS as u32)?;
    let address = listener.local_addr()?;
    let mut echoed = 0;
    redill::scope(|scope| {
        scope.go(|| {
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept(Deadline::NEVER).expect("a client");
                scope.go(move || echo(stream).expect("an echo")).expect("a coroutine");
            }
        })?;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || talk(TcpStream::connect(address, Deadline::NEVER)?, number))
            })
            .collect::<Result<_>>()?;
        for client in clients {
            echoed += client.join(Duration::from_secs(60))??;
        }
        Ok(())
    })?;
    println!("{echoed} messages were echoed to {CLIENTS} clients");
    Ok(())
}

/// What tungstenite has to say, as an error of ours. What was one comes back as it was.
fn error(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Io(error) => error.into(),
        error => Error::other(error),
    }
}

/// The same of a handshake.
fn refused<Role: HandshakeRole>(refused: HandshakeError<Role>) -> Error {
    match refused {
        HandshakeError::Failure(failure) => error(failure),
        // A stream of ours waits by itself.
        HandshakeError::Interrupted(_) => unreachable!("it never says that it would block"),
    }
}

/// The server's side of a conversation.
fn echo(stream: TcpStream) -> Result<()> {
    let mut socket = tungstenite::accept(stream).map_err(refused)?;
    loop {
        match socket.read() {
            Ok(message) if message.is_text() => socket.send(message).map_err(error)?,
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(other) => return Err(error(other)),
        }
    }
}

/// The client's side; how many of its messages have come back.
fn talk(stream: TcpStream, number: usize) -> Result<usize> {
    stream.set_read_deadline(Duration::from_secs(60));
    let (mut socket, _): (WebSocket<TcpStream>, _) =
        tungstenite::client("ws://localhost/echo", stream).map_err(refused)?;
    for turn in 0..3 {
        let text = format!("message {turn} of client {number}");
        socket.send(Message::text(&text)).map_err(error)?;
        if socket.read().map_err(error)? != Message::text(text) {
            return Err(Error::Protocol);
        }
    }
    socket.close(None).map_err(error)?;
    while socket.read().is_ok() {}
    Ok(3)
}
