//! Sockets and the standard library: its traits, its sockets, and what is named after its functions.

use crate::kinds::{StreamKind, Tcp, TlsOver, Unix};
use crate::{moment, pattern, soon, virtual_time};
use redill::{
    CancelScope, Choose, Deadline, Error, Fired, TcpListener, TcpStream, UdpSocket, UnixListener,
    UnixStream,
};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

#[test]
fn buffered_lines() {
    virtual_time();
    let (a, b) = TlsOver::<Tcp>::pair();
    redill::scope(|scope| {
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
    redill::scope(|scope| {
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
    let (mut reader, writer) = redill::split(a).unwrap();
    let bundle = redill::Bundle::new().unwrap();
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
    redill::scope(|scope| {
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
    let ((reader, writer), (others, _)) = (redill::split(a).unwrap(), redill::split(b).unwrap());
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
    let server = redill::Bundle::new().unwrap();
    let counting = server.spawn(move || {
        let serve = |stream: redill::Result<TcpStream>| {
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
    redill::scope(|scope| {
        let cancelling = scope.spawn(|| server.cancel(std::time::Duration::from_secs(10)))?;
        connect();
        assert_eq!(cancelling.join(soon())??, redill::Outcome::Forced);
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
