//! What is particular to TCP, local sockets, UDP and descriptors, and the traits of the standard
//! library.

use crate::kinds::{StreamKind, Tcp, TlsOver, Unix};
use crate::{moment, pattern, soon, virtual_time};
use dill::{
    CancelScope, Choose, Deadline, Error, Fired, Grace, Prefix, TcpListener, TcpStream, UdpSocket,
    UnixListener, UnixStream, choose,
};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

#[test]
fn tcp_listeners() {
    virtual_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(TcpListener::bind(address).unwrap_err(), Error::Os(libc::EADDRINUSE));
    assert_eq!(listener.accept(moment()).unwrap_err(), Error::TimedOut);
    dill::scope(|scope| {
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
    dill::scope(|scope| {
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
    let found = dill::resolve("localhost:80", soon()).unwrap();
    assert!(!found.is_empty() && found.iter().all(|it| it.ip().is_loopback() && it.port() == 80));
    assert_eq!(dill::resolve("localhost:80", Deadline::NOW), Err(Error::TimedOut));
    let scope = CancelScope::new().deadline(Deadline::NOW);
    let (result, _) = scope.run(|| dill::resolve("localhost:80", soon())).unwrap();
    assert_eq!(result, Err(Error::Canceled));
}

#[test]
fn foreign_descriptors() {
    virtual_time();
    let (mut rx, mut tx) = std::io::pipe().unwrap();
    assert_eq!(dill::readable(&rx, moment()), Err(Error::TimedOut));
    dill::scope(|scope| {
        let rx = &rx;
        let reader = scope.spawn(move || dill::readable(rx, soon()))?;
        assert_eq!(dill::readable(rx, soon()), Err(Error::Busy));
        tx.write_all(b"x")?;
        reader.join(soon())?
    })
    .unwrap();
    rx.read_exact(&mut [0]).unwrap();
    dill::writable(&tx, soon()).unwrap();
    // The end is readable too.
    drop(tx);
    dill::readable(&rx, soon()).unwrap();
    // Sockets of the library wait by themselves.
    let (a, _b) = Unix::pair();
    assert_eq!(dill::readable(a.as_fd(), soon()), Err(Error::Busy));
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
    dill::scope(|scope| {
        scope.go(|| {
            dill::sleep(moment()).unwrap();
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

#[test]
fn buffered_lines() {
    virtual_time();
    let (a, b) = TlsOver::<Tcp>::pair();
    dill::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut a = io::BufWriter::new(a);
            for n in 0..1000 {
                writeln!(a, "line {n}")?;
            }
            let a = a.into_inner().map_err(|error| error.into_error())?;
            a.done(soon())?;
            io::Result::Ok(a)
        })?;
        let lines: Vec<String> = BufReader::new(&b).lines().collect::<io::Result<_>>()?;
        assert_eq!(lines.len(), 1000);
        assert_eq!(lines[999], "line 999");
        writer.join(soon())??;
        Ok(())
    })
    .unwrap();
}

#[test]
fn copying_from_one_to_the_other() {
    virtual_time();
    let (a, b) = Tcp::pair();
    let (c, d) = Unix::pair();
    let data = &pattern(3 << 20);
    dill::scope(|scope| {
        scope.go(move || {
            (&a).write_all(data).unwrap();
            a.close(soon()).unwrap();
        })?;
        scope.go(move || {
            assert_eq!(io::copy(&mut &b, &mut &c).unwrap(), data.len() as u64);
            b.close(soon()).unwrap();
            c.close(soon()).unwrap();
        })?;
        let mut all = Vec::new();
        (&d).read_to_end(&mut all)?;
        assert!(all == *data);
        d.close(soon())
    })
    .unwrap();
}

#[test]
fn errors_pass_through_the_standard_library() {
    virtual_time();
    let (mut a, mut b) = Unix::pair();
    b.set_read_deadline(moment());
    let error = b.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(Error::from(error), Error::TimedOut);
    b.set_read_deadline(soon());
    a.write_all(b"x").unwrap();
    b.read_exact(&mut [0]).unwrap();

    // Functions of the standard library don't try again when they are cancelled.
    let scope = CancelScope::new().deadline(moment());
    let (result, fired) = scope.run(|| b.read_exact(&mut [0; 4])).unwrap();
    assert_eq!(fired, Some(Fired::Deadline));
    let error = result.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(Error::from(error), Error::Canceled);

    a.done().unwrap();
    assert_eq!(a.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(b.read_exact(&mut [0]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(b.read(&mut [0]).unwrap(), 0);
}

#[test]
fn halves_belong_to_different_coroutines() {
    virtual_time();
    let (a, b) = TlsOver::<Tcp>::pair();
    let data = pattern(1 << 20);
    let (mut reader, writer) = dill::split(a).unwrap();
    let bundle = dill::Bundle::new().unwrap();
    let expected = data.clone();
    let reading = bundle
        .spawn(move || {
            let mut received = vec![0; expected.len()];
            reader.read_exact(&mut received).unwrap();
            assert!(received == expected);
            assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the end");
            reader
        })
        .unwrap();
    dill::scope(|scope| {
        // Both directions at once.
        let sending = scope.spawn(|| (&b).write_all(&data).and_then(|()| Ok(b.done(soon())?)))?;
        let mut writer = writer;
        writer.write_all(&data)?;
        writer.get_ref().done(soon())?;
        let mut received = Vec::new();
        (&b).read_to_end(&mut received)?;
        assert!(received == data);
        sending.join(soon())??;
        writer.set_write_deadline(Deadline::NOW);
        assert_eq!(writer.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        Ok(())
    })
    .unwrap();
    let reader = reading.join(soon()).unwrap();
    assert!(Choose::new().input(&reader, |end| end).wait(soon()).unwrap().is_ok());
}

#[test]
fn halves_become_whole_again() {
    virtual_time();
    let (a, b) = UnixStream::pair().unwrap();
    let ((reader, writer), (others, _)) = (dill::split(a).unwrap(), dill::split(b).unwrap());
    let (others, writer) = others.reunite(writer).unwrap_err();
    let a = reader.reunite(writer).unwrap();
    a.send(b"x", soon()).unwrap();
    drop(a);
    assert_eq!(others.recv(&mut [0; 2], soon()), Ok(1));
    assert_eq!(others.recv(&mut [0; 2], soon()), Ok(0));
}

#[test]
fn incoming_connections_end_with_cancellation() {
    virtual_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = dill::Bundle::new().unwrap();
    let counting = server.spawn(move || {
        let serve = |stream: dill::Result<TcpStream>| {
            stream.inspect(|stream| stream.send(b"x", soon()).unwrap()).unwrap()
        };
        let accept_all = || listener.incoming().map(serve).collect::<Vec<_>>();
        let (first, fired) = CancelScope::request().run(accept_all).unwrap();
        // And when it is hard-cancelled.
        (first.len(), fired, accept_all().len())
    });
    let connect = || {
        let client = TcpStream::connect(address, soon()).unwrap();
        client.recv_exact(&mut [0], soon()).unwrap();
    };
    (0..3).for_each(|_| connect());
    dill::scope(|scope| {
        let cancelling = scope.spawn(|| server.cancel(std::time::Duration::from_secs(10)))?;
        connect();
        assert_eq!(cancelling.join(soon())??, dill::Outcome::Forced);
        Ok(())
    })
    .unwrap();
    assert_eq!(counting.unwrap().join(soon()), Ok((3, Some(Fired::Request), 1)));

    let path = std::env::temp_dir().join(format!("dill-incoming-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let clients: Vec<_> = (0..3).map(|_| UnixStream::connect(&path, soon()).unwrap()).collect();
    std::fs::remove_file(&path).unwrap();
    for (client, server) in clients.iter().zip(listener.incoming()) {
        client.send(b"x", soon()).unwrap();
        server.unwrap().recv_exact(&mut [0], soon()).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
    }
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
}

#[test]
fn sockets_of_the_standard_library() {
    virtual_time();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = TcpListener::try_from(listener).unwrap();
    assert_eq!(listener.local_addr(), Ok(address));
    assert_ne!(listener.as_raw_fd(), -1);
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let client = TcpStream::try_from(client).unwrap();
    let (server, _) = listener.accept(soon()).unwrap();
    client.set_nodelay(false).unwrap();
    assert!(!client.nodelay().unwrap());
    assert!(server.nodelay().unwrap());
    client.send(b"x", soon()).unwrap();
    server.recv_exact(&mut [0], soon()).unwrap();
    let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
    let (a, mut b) = (UnixStream::try_from(a).unwrap(), b);
    b.write_all(b"x").unwrap();
    a.recv_exact(&mut [0], soon()).unwrap();
    assert!(a.peer_addr().unwrap().is_unnamed());
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(server.local_addr().unwrap()).unwrap();
    let udp = UdpSocket::try_from(udp).unwrap();
    assert_eq!(udp.peer_addr(), server.local_addr());
    udp.send(b"question", soon()).unwrap();
    let (length, client) = server.recv_from(&mut [0; 10], soon()).unwrap();
    assert_eq!((length, client), (8, udp.local_addr().unwrap()));
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"a stranger's", client).unwrap();
    server.send_to(b"answer", client).unwrap();
    assert_eq!(udp.recv_vec(100, soon()).unwrap(), b"answer");
    // What is something else.
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(UdpSocket::from_fd(tcp.into()).unwrap_err(), Error::Os(libc::EINVAL));
    let local = std::os::unix::net::UnixDatagram::unbound().unwrap();
    assert_eq!(UdpSocket::from_fd(local.into()).unwrap_err(), Error::Os(libc::EINVAL));
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = std::net::TcpStream::from(OwnedFd::from(udp));
    assert_eq!(TcpStream::try_from(udp).unwrap_err(), Error::Os(libc::EINVAL));
}

#[test]
fn exact_reads_end_as_the_standard_library_says() {
    virtual_time();
    let (a, b) = UnixStream::pair().unwrap();
    a.send(b"abc", soon()).unwrap();
    a.done().unwrap();
    let error = (&b).read_exact(&mut [0; 5]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(Error::from(error), Error::Done, "as an error of ours it is what it was");
    let (_a, b) = UnixStream::pair().unwrap();
    b.set_read_deadline(moment());
    assert_eq!((&b).read_exact(&mut [0; 5]).unwrap_err().kind(), ErrorKind::TimedOut);
}
