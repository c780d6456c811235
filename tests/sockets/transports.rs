//! What is particular to TCP, local sockets, UDP and descriptors.

use crate::kinds::{StreamKind, Tcp, Unix};
use crate::{moment, pattern, soon, virtual_time};
use redill::{
    CancelScope, Choose, Deadline, Error, Grace, Prefix, TcpListener, TcpStream, UdpSocket,
    UnixListener, UnixStream, choose,
};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

#[test]
fn tcp_listeners() {
    virtual_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(TcpListener::bind(address).unwrap_err(), Error::Os(libc::EADDRINUSE));
    assert_eq!(listener.accept(moment()).unwrap_err(), Error::TimedOut);
    redill::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept(soon()))?;
        assert_eq!(listener.accept(soon()).unwrap_err(), Error::Busy);
        let client = TcpStream::connect(address, soon())?;
        let (server, peer) = accepting.join(soon())??;
        assert_eq!(peer, client.local_addr()?);
        assert_eq!(server.peer_addr()?, peer);
        assert_eq!(server.local_addr()?, address);
        // Accepting is cancelled as everything else is.
        let accepting = scope.spawn(|| listener.accept(soon()).map(drop))?;
        scope.cancel(Grace::Now)?;
        assert_eq!(accepting.join(soon())?, Err(Error::Canceled));
        Ok(())
    })
    .unwrap();
    drop(listener);
    let refused = TcpStream::connect(address, soon()).unwrap_err();
    assert_eq!(refused, Error::Os(libc::ECONNREFUSED));
}

#[test]
fn tcp_by_name() {
    virtual_time();
    let listener = TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("localhost", port), soon()).unwrap();
    assert!(client.peer_addr().unwrap().ip().is_loopback());
    let unknown = TcpStream::connect("no-such-host.invalid:80", soon()).unwrap_err();
    assert!(matches!(unknown, Error::Os(libc::EADDRNOTAVAIL)), "{unknown:?}");
    assert_eq!(TcpStream::connect("nonsense", soon()).unwrap_err(), Error::Os(libc::EINVAL));
}

#[test]
fn close_waits_for_the_peer() {
    virtual_time();
    let (a, b) = Tcp::pair();
    redill::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut all = Vec::new();
            (&b).read_to_end(&mut all)?;
            b.close(soon())?;
            io::Result::Ok(all)
        })?;
        a.send(&pattern(1 << 20), soon())?;
        a.close(soon())?;
        assert!(reader.join(soon())?? == pattern(1 << 20));
        Ok(())
    })
    .unwrap();
    // A peer that doesn't say goodbye.
    let (a, _b) = Tcp::pair();
    assert_eq!(a.close(moment()), Err(Error::TimedOut));
}

#[test]
fn descriptors_come_and_go() {
    virtual_time();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = TcpListener::from_fd(listener.into()).unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    let client = TcpStream::from_fd(client.into()).unwrap();
    let (server, _) = listener.accept(soon()).unwrap();

    // What was read ahead comes along.
    client.send(b"abcdef", soon()).unwrap();
    server.recv_exact(&mut [0], soon()).unwrap();
    let (fd, ahead) = server.into_fd().unwrap();
    let mut server = std::net::TcpStream::from(fd);
    server.set_nonblocking(false).unwrap();
    let mut rest = ahead.clone();
    rest.resize(5, 0);
    server.read_exact(&mut rest[ahead.len()..]).unwrap();
    assert_eq!(rest, b"bcdef");
    // The connection is whole, and still the same.
    server.write_all(b"x").unwrap();
    assert_eq!(client.recv(&mut [0; 10], soon()), Ok(1));
    server.set_nonblocking(true).unwrap();
    let server = TcpStream::from_fd(server.into()).unwrap();
    assert_eq!(server.recv(&mut [0], moment()), Err(Error::TimedOut));
    drop(client);
    assert!(matches!(server.recv(&mut [0], soon()), Ok(0) | Err(Error::Reset)));

    let listener = std::net::TcpListener::from(listener.into_fd().unwrap());
    assert_eq!(listener.local_addr().unwrap(), address);
    // Something else is refused.
    let pipe = || std::io::pipe().unwrap().0;
    assert!(TcpStream::from_fd(pipe().into()).is_err());
    assert_eq!(TcpListener::from_fd(pipe().into()).unwrap_err(), Error::Os(libc::ENOTSOCK));
    assert_eq!(TcpStream::from_fd(listener.into()).unwrap_err(), Error::Os(libc::EINVAL));

    let (a, b) = Unix::pair();
    let mut std_stream = std::os::unix::net::UnixStream::from(a.into_fd().unwrap());
    std_stream.write_all(b"x").unwrap();
    assert_eq!(b.recv(&mut [0; 10], soon()), Ok(1));
}

/// A receive that a scope ends before its first byte has lost nothing, whatever the poller has
/// been asked for meanwhile: the next one gets what comes then, and so does who takes the
/// descriptor.
#[test]
fn interrupted_receives_lose_nothing() {
    virtual_time();
    let begun = || {
        let (client, server) = Tcp::pair();
        // From then on it is known whether a receive would block.
        client.send(b"x", soon()).unwrap();
        server.recv_exact(&mut [0], soon()).unwrap();
        let scope = CancelScope::new().deadline(moment());
        let (result, _) = scope.run(|| server.recv_exact(&mut [0; 3], soon())).unwrap();
        assert_eq!(result, Err(Error::Canceled));
        (client, server)
    };
    let interrupted = || {
        let (client, server) = begun();
        client.send(b"abc", soon()).unwrap();
        redill::sleep(moment()).unwrap();
        client.send(b"def", soon()).unwrap();
        redill::sleep(moment()).unwrap();
        (client, server)
    };
    // More than is read ahead.
    let (_client, server) = interrupted();
    let mut buffer = [0; 10_000];
    let count = server.recv(&mut buffer, soon()).unwrap();
    server.recv_exact(&mut buffer[count..6], soon()).unwrap();
    assert_eq!(&buffer[..6], b"abcdef");
    // As much as is received straight.
    let (client, server) = interrupted();
    client.send(&[b'g'; 100_000], soon()).unwrap();
    let mut buffer = vec![0; 100_006];
    server.recv_exact(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer[..7], b"abcdefg");
    // By the descriptor.
    let (client, server) = interrupted();
    let (fd, mut received) = server.into_fd().unwrap();
    drop(client);
    let _ = std::net::TcpStream::from(fd).read_to_end(&mut received);
    assert_eq!(received, b"abcdef");
    // With the receive still under way.
    let (client, server) = begun();
    client.send(b"abc", soon()).unwrap();
    let (fd, mut received) = server.into_fd().unwrap();
    let mut stream = std::net::TcpStream::from(fd);
    stream.set_nonblocking(false).unwrap();
    let ahead = received.len();
    received.resize(3, 0);
    stream.read_exact(&mut received[ahead..]).unwrap();
    assert_eq!(received, b"abc");
}

/// The test before, with the other poller, where there is one.
#[test]
fn interrupted_receives_lose_nothing_with_io_uring() {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "transports::interrupted_receives_lose_nothing"])
        .env("DILL_POLLER", "io_uring")
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn local_listeners() {
    virtual_time();
    let path = std::env::temp_dir().join(format!("dill-sockets-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(UnixListener::bind(&path).unwrap_err(), Error::Os(libc::EADDRINUSE));
    let client = UnixStream::connect(&path, soon()).unwrap();
    let server = listener.accept(soon()).unwrap();
    client.send(b"hello", soon()).unwrap();
    let mut buffer = [0; 5];
    server.recv_exact(&mut buffer, soon()).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(UnixStream::connect(&path, soon()).unwrap_err(), Error::Os(libc::ENOENT));
    assert_eq!(UnixStream::connect("a\0b", soon()).unwrap_err(), Error::Os(libc::EINVAL));
    let long = "x".repeat(200);
    assert_eq!(UnixListener::bind(long).unwrap_err(), Error::Os(libc::ENAMETOOLONG));
}

#[test]
fn descriptors_are_passed_among_bytes() {
    virtual_time();
    let (a, b) = Unix::pair();
    let (mut rx, tx) = std::io::pipe().unwrap();
    a.send(b"before", soon()).unwrap();
    a.send_fd(&tx, soon()).unwrap();
    a.send(b"after", soon()).unwrap();
    drop(tx);
    let mut buffer = [0; 6];
    b.recv_exact(&mut buffer, soon()).unwrap();
    let mut received = io::PipeWriter::from(b.recv_fd(soon()).unwrap());
    b.recv_exact(&mut buffer[..5], soon()).unwrap();
    assert_eq!(&buffer[..5], b"after");
    received.write_all(b"through the pipe").unwrap();
    drop(received);
    let mut text = String::new();
    rx.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through the pipe");
    assert_eq!(b.recv_fd(moment()).unwrap_err(), Error::TimedOut);
    a.done().unwrap();
    assert_eq!(b.recv_fd(soon()).unwrap_err(), Error::Done);
}

#[test]
fn udp() {
    virtual_time();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = UdpSocket::connect(server.local_addr().unwrap(), soon()).unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send(b"question", soon()).unwrap();
    let mut buffer = [0; 100];
    let (length, sender) = server.recv_from(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer[..length], b"question");
    stranger.send_to(b"lies", sender).unwrap_or_default();
    let inside = std::net::SocketAddr::from(([127, 0, 0, 1], sender.port()));
    stranger.send_to(b"lies", inside).unwrap();
    server.send_to(b"answer", inside).unwrap();
    assert_eq!(client.recv_vec(100, soon()).unwrap(), b"answer");
    assert_eq!(client.recv_vec(100, moment()), Err(Error::TimedOut));
    assert_eq!(server.send_to(&[0; 70_000], inside), Err(Error::MessageSize));
    // Nobody to send to.
    assert_eq!(server.send(b"x", soon()), Err(Error::Os(libc::EINVAL)));
    let mixed =
        UdpSocket::open(Some("127.0.0.1:0".parse().unwrap()), Some("[::1]:1".parse().unwrap()));
    assert_eq!(mixed.unwrap_err(), Error::Os(libc::EINVAL));
}

#[test]
fn names_are_looked_up() {
    virtual_time();
    let found = redill::resolve("localhost:80", soon()).unwrap();
    assert!(!found.is_empty() && found.iter().all(|it| it.ip().is_loopback() && it.port() == 80));
    assert_eq!(redill::resolve("localhost:80", Deadline::NOW), Err(Error::TimedOut));
    let scope = CancelScope::new().deadline(Deadline::NOW);
    let (result, _) = scope.run(|| redill::resolve("localhost:80", soon())).unwrap();
    assert_eq!(result, Err(Error::Canceled));
}

#[test]
fn foreign_descriptors() {
    virtual_time();
    let (mut rx, mut tx) = std::io::pipe().unwrap();
    assert_eq!(redill::readable(&rx, moment()), Err(Error::TimedOut));
    redill::scope(|scope| {
        let rx = &rx;
        let reader = scope.spawn(move || redill::readable(rx, soon()))?;
        assert_eq!(redill::readable(rx, soon()), Err(Error::Busy));
        tx.write_all(b"x")?;
        reader.join(soon())?
    })
    .unwrap();
    rx.read_exact(&mut [0]).unwrap();
    redill::writable(&tx, soon()).unwrap();
    // The end is readable too.
    drop(tx);
    redill::readable(&rx, soon()).unwrap();
    // Sockets of the library wait by themselves.
    let (a, _b) = Unix::pair();
    assert_eq!(redill::readable(a.as_fd(), soon()), Err(Error::Busy));
}

#[test]
fn choosing_among_sockets() {
    virtual_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (a, b) = Tcp::pair();
    let nothing = choose! {
        input(listener) -> _ => "client",
        input(b) -> _ => "input",
        deadline(moment()),
    };
    assert_eq!(nothing, Err(Error::TimedOut));
    let wait = || {
        Choose::new()
            .input(&listener, |result| result.map(|()| "client"))
            .input(&b, |result| result.map(|()| "input"))
            .wait(soon())
            .and_then(|result| result)
    };
    redill::scope(|scope| {
        scope.go(|| {
            redill::sleep(moment()).unwrap();
            a.send(b"abc", soon()).unwrap();
        })?;
        assert_eq!(wait(), Ok("input"));
        Ok(())
    })
    .unwrap();
    // Still there, also where it was read ahead already.
    b.recv_exact(&mut [0], soon()).unwrap();
    assert_eq!(wait(), Ok("input"));
    b.recv_exact(&mut [0; 2], soon()).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap(), soon()).unwrap();
    assert_eq!(wait(), Ok("client"));
    listener.accept(soon()).unwrap();
    a.done().unwrap();
    assert_eq!(wait(), Ok("input"));

    // Through protocols, and through one of the user's own.
    let (a, b) = Unix::pair();
    let (a, b) = (Prefix::attach(a, 2).unwrap(), Prefix::attach(crate::Turned(b), 2).unwrap());
    let wait = || choose! { input(b) -> result => result, deadline(moment()), };
    assert_eq!(wait(), Err(Error::TimedOut));
    a.send(b"", soon()).unwrap();
    assert_eq!(wait(), Ok(Ok(())));
    let (_a, b) = Unix::pair();
    let b = Prefix::attach(crate::Trickling(b), 2).unwrap();
    let wait = || choose! { input(b) -> result => result, deadline(moment()), };
    assert_eq!(wait(), Ok(Err(Error::Unsupported)));
}
