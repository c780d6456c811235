//! What is particular to each protocol.

use crate::kinds::{StreamKind, Tcp, TlsOver, Unix};
use crate::{Trickling, Turned, moment, pattern, soon, virtual_time};
use redill::socks5::{self, Command, Reply};
use redill::{
    ByteStream, Error, Host, Http, HttpBody, MessageSocket, Prefix, Result, Suffix, TcpListener,
    TcpStream, Term, Tls, TlsClient, TlsServer, ToHost, UnixStream, Ws, WsMessage,
};
use std::io::{Read, Write};
use std::path::Path;

const CA: &str = "c-tests/certs/ca.pem";
const KEY: &str = "c-tests/certs/server.key";
const CHAIN: &str = "c-tests/certs/chain.pem";
const EACCES: Error = Error::Os(libc::EACCES);
const EINVAL: Error = Error::Os(libc::EINVAL);

fn server(chain: &str) -> TlsServer {
    TlsServer::new(format!("c-tests/certs/{chain}"), KEY).unwrap()
}

/// The outcomes of a handshake, at the client and at the server.
fn shake_hands(
    client: &TlsClient,
    name: &str,
    server: TlsServer,
) -> (Result<Tls<UnixStream>>, Result<Tls<UnixStream>>) {
    let (a, b) = Unix::pair();
    redill::scope(|scope| {
        let server = scope.spawn(move || server.accept(b, soon()))?;
        let client = client.connect(a, name, soon());
        Ok((client, server.join(soon())?))
    })
    .unwrap()
}

#[test]
fn tls_verifies_the_server() {
    virtual_time();
    let client = TlsClient::with_authorities(CA).unwrap();
    for name in ["localhost", "www.redill.test", "127.0.0.1", "::1"] {
        let (client, server) = shake_hands(&client, name, server("chain.pem"));
        assert!(client.is_ok() && server.is_ok(), "{name}");
        assert!(client.unwrap().peer_certificates().len() > 1);
    }
    // Not the name of the certificate; not its authority; not valid any more; not whole.
    let others = TlsClient::with_authorities("c-tests/certs/other_ca.pem").unwrap();
    for (client, name, chain) in [
        (&client, "redill.test", "chain.pem"),
        (&client, "127.0.0.2", "chain.pem"),
        (&others, "localhost", "chain.pem"),
        (&client, "localhost", "expired.pem"),
        (&client, "localhost", "leaf.pem"),
    ] {
        let (client, server) = shake_hands(client, name, server(chain));
        assert_eq!((client.unwrap_err(), server.unwrap_err()), (EACCES, EACCES), "{name} {chain}");
    }
    let (result, _) = shake_hands(&client, "no name at all", server("chain.pem"));
    assert_eq!(result.unwrap_err(), EINVAL);
    // Unless it is told not to.
    let careless = TlsClient::dangerous_without_verification().unwrap();
    let (client, server) = shake_hands(&careless, "whatever.test", server("expired.pem"));
    assert!(client.is_ok() && server.is_ok());
}

#[test]
fn tls_verifies_clients() {
    virtual_time();
    let server = || TlsServer::for_clients_of(CA, CHAIN, KEY).unwrap();
    let (certificate, key) = ("c-tests/certs/client.pem", "c-tests/certs/client.key");
    let known = TlsClient::with_identity(Some(Path::new(CA)), certificate, key).unwrap();
    let (client, accepted) = shake_hands(&known, "localhost", server());
    assert!(client.is_ok());
    assert_eq!(accepted.unwrap().peer_certificates().len(), 1);
    let unknown = TlsClient::with_authorities(CA).unwrap();
    let (client, refused) = shake_hands(&unknown, "localhost", server());
    assert_eq!(refused.unwrap_err(), EACCES);
    // In TLS 1.3 the client may learn it with its first receive only.
    assert_eq!(client.and_then(|tls| tls.recv(&mut [0], soon())), Err(EACCES));
    let mixed = TlsClient::with_identity(Some(Path::new(CA)), certificate, KEY);
    assert_eq!(mixed.unwrap_err(), EINVAL);
}

#[test]
fn tls_gives_the_stream_back_at_the_byte() {
    virtual_time();
    let (a, b) = TlsOver::<Tcp>::pair();
    redill::scope(|scope| {
        let server = scope.spawn(move || {
            b.send(b"secret", soon())?;
            let stream = b.detach(soon())?;
            stream.send(b"plain", soon())?;
            stream.done()
        })?;
        let mut buffer = [0; 6];
        a.recv_exact(&mut buffer, soon())?;
        assert_eq!(&buffer, b"secret");
        let mut rest = String::new();
        a.detach(soon())?.read_to_string(&mut rest)?;
        assert_eq!(rest, "plain");
        server.join(soon())?
    })
    .unwrap();
}

#[test]
fn tls_notices_a_cut() {
    virtual_time();
    let (a, b) = TlsOver::<Unix>::pair();
    b.get_ref().done().unwrap();
    assert_eq!(a.recv(&mut [0], soon()), Err(Error::Reset));
    assert_eq!(a.detach(soon()).unwrap_err(), Error::Reset);
}

#[test]
fn websocket_messages_and_close_reasons() {
    virtual_time();
    let (a, b) = Unix::pair();
    let (client, server) = (Ws::raw_client(a).unwrap(), Ws::raw_server(b).unwrap());
    client.send_text("Grüße", soon()).unwrap();
    client.send_binary(&[255, 0], soon()).unwrap();
    assert_eq!(server.recv_message(100, soon()), Ok(WsMessage::Text("Grüße".to_owned())));
    assert_eq!(server.recv_message(100, soon()), Ok(WsMessage::Binary(vec![255, 0])));
    let big = pattern(1 << 20);
    redill::scope(|scope| {
        scope.go(|| server.send_binary(&big, soon()).unwrap())?;
        assert_eq!(client.recv_message(1 << 20, soon())?.as_bytes(), big);
        Ok(())
    })
    .unwrap();
    // Pings are answered where somebody receives, and no pong gets in the way.
    server.ping(b"there?", soon()).unwrap();
    server.send_text("after the ping", soon()).unwrap();
    assert_eq!(client.recv_message(100, soon()).unwrap().as_bytes(), b"after the ping");
    client.send_text("after the pong", soon()).unwrap();
    assert_eq!(server.recv_message(100, soon()).unwrap().as_bytes(), b"after the pong");
    assert_eq!(server.ping(&[0; 126], soon()), Err(EINVAL));

    assert_eq!(client.done(1005, "", soon()), Err(EINVAL));
    assert_eq!(client.close_reason(), None);
    client.done(3000, "so long", soon()).unwrap();
    assert_eq!(server.recv_message(100, soon()), Err(Error::Done));
    let reason = server.close_reason().unwrap();
    assert_eq!((reason.status, &*reason.reason), (3000, "so long"));
    redill::scope(|scope| {
        let server = scope.spawn(move || server.detach(1000, "", soon()))?;
        let client = client.detach(1000, "", soon())?;
        let server = server.join(soon())??;
        server.send(b"below", soon())?;
        let mut buffer = [0; 5];
        client.recv_exact(&mut buffer, soon())?;
        assert_eq!(&buffer, b"below");
        Ok(())
    })
    .unwrap();
}

#[test]
fn websocket_errors_tell_the_peer_why() {
    virtual_time();
    let (a, b) = Unix::pair();
    let (client, server) = (Ws::raw_client(a).unwrap(), Ws::raw_server(b).unwrap());
    client.send_text("too long", soon()).unwrap();
    assert_eq!(server.recv_message(5, soon()), Err(Error::MessageSize));
    server.done(0, "", soon()).unwrap();
    assert_eq!(client.recv_message(100, soon()), Err(Error::Done));
    assert_eq!(client.close_reason().unwrap().status, 1009);
    // A connection that breaks off is no end.
    let (a, b) = Unix::pair();
    let client = Ws::raw_client(a).unwrap();
    drop(b);
    assert_eq!(client.recv_message(100, soon()), Err(Error::Reset));
}

#[test]
fn websocket_servers_may_refuse() {
    virtual_time();
    let (a, b) = Unix::pair();
    redill::scope(|scope| {
        let server = scope.spawn(move || {
            Ws::accept_if(
                b,
                |request| {
                    assert_eq!((request.resource, request.host), ("/secret", "example.org"));
                    false
                },
                soon(),
            )
            .map(drop)
        })?;
        let refused = Ws::connect(a, "example.org", "/secret", soon());
        assert_eq!(refused.unwrap_err(), Error::Protocol);
        assert_eq!(server.join(soon())?, Err(EACCES));
        Ok(())
    })
    .unwrap();
    let (a, _b) = Unix::pair();
    assert_eq!(Ws::connect(a, "bad\r\nhost", "/", soon()).unwrap_err(), EINVAL);
}

#[test]
fn term_over_text_websockets() {
    virtual_time();
    let (a, b) = Unix::pair();
    let a = Term::attach(Ws::raw_client(a).unwrap().text(), b"BYE").unwrap();
    let b = Term::attach(Ws::raw_server(b).unwrap().text(), b"BYE").unwrap();
    a.send(b"hello", soon()).unwrap();
    assert_eq!(b.recv_vec(100, soon()).unwrap(), b"hello");
    a.done(soon()).unwrap();
    assert_eq!(b.recv_vec(100, soon()), Err(Error::Done));
    redill::scope(|scope| {
        let b = scope.spawn(move || b.detach(soon()))?;
        let a = a.detach(soon())?;
        let b = b.join(soon())??;
        a.send_text("again", soon())?;
        assert_eq!(b.recv_message(100, soon())?.as_bytes(), b"again");
        Ok(())
    })
    .unwrap();
}

type Https = Http<Tls<TcpStream>>;

fn http_pair() -> (Https, Https) {
    let (a, b) = TlsOver::<Tcp>::pair();
    (Http::attach(a).unwrap(), Http::attach(b).unwrap())
}

const HOST: (&str, &str) = ("Host", "example.org");

#[test]
fn http_keeps_alive() {
    virtual_time();
    let (client, server) = http_pair();
    redill::scope(|scope| {
        let served = scope.spawn(move || -> Result<i32> {
            let mut count = 0;
            while let Some(request) = server.recv_request(soon())? {
                count += 1;
                let body = server.recv_body(1 << 20, soon())?;
                let answer = format!("{} {} {}", request.method, request.target, body.len());
                let body = HttpBody::Whole(answer.as_bytes());
                server.send_response(
                    200,
                    "OK",
                    &[("X-Count", &count.to_string())],
                    body,
                    soon(),
                )?;
            }
            server.detach(soon())?.detach(soon())?;
            Ok(count)
        })?;
        let ask = |method, target, body| {
            client.send_request(method, target, &[HOST], body, soon())?;
            client.recv_response(soon())
        };
        let data = pattern(100_000);
        assert_eq!(ask("GET", "/1", HttpBody::Empty)?.fields.get("x-count"), Some("1"));
        assert_eq!(client.recv_body(100, soon())?, b"GET /1 0");
        assert_eq!(ask("PUT", "/2", HttpBody::Whole(&data))?.status, 200);
        // What is left of a body is dropped.
        assert_eq!(ask("POST", "/3", HttpBody::Whole(b"x"))?.status, 200);
        assert_eq!(client.recv_body(100, soon())?, b"POST /3 1");
        // The answer to a HEAD has no body, whatever the server says.
        let response = ask("HEAD", "/4", HttpBody::Empty)?;
        assert_eq!(response.fields.get("Content-Length"), Some("9"));
        assert_eq!(client.recv_body(100, soon())?, b"");
        // A body in pieces.
        client.send_request("PUT", "/5", &[HOST], HttpBody::Chunked, soon())?;
        for piece in data.chunks(999) {
            client.send(piece, soon())?;
        }
        client.done(soon())?;
        client.recv_response(soon())?;
        assert_eq!(client.recv_body(100, soon())?, b"PUT /5 100000");
        client.send_request("PUT", "/6", &[HOST], HttpBody::Length(4), soon())?;
        (&client).write_all(b"abcd")?;
        assert_eq!(client.send(b"e", soon()), Err(Error::MessageSize));
        client.recv_response(soon())?;
        let mut text = String::new();
        (&client).read_to_string(&mut text)?;
        assert_eq!(text, "PUT /6 4");
        client.detach(soon())?.detach(soon())?;
        assert_eq!(served.join(soon())??, 6);
        Ok(())
    })
    .unwrap();
}

#[test]
fn http_refuses_wrong_heads_and_goes_on() {
    virtual_time();
    let (a, b) = Unix::pair();
    let client = Http::attach(a).unwrap();
    let send = |method, target, fields: &[(&str, &str)], body| {
        client.send_request(method, target, fields, body, soon())
    };
    for (method, target, field) in [
        ("G ET", "/", HOST),
        ("GET", "/ x", HOST),
        ("GET", "/", ("Ho st", "x")),
        ("GET", "/", ("Host", "x\r\nEvil: y")),
        ("GET", "/", ("Content-Length", "0")),
        ("GET", "/", ("Transfer-Encoding", "chunked")),
    ] {
        assert_eq!(send(method, target, &[field], HttpBody::Empty), Err(EINVAL), "{field:?}");
    }
    assert_eq!(send("GET", "/", &[HOST], HttpBody::UntilClose), Err(EINVAL));
    let long = "x".repeat(70_000);
    assert_eq!(send("GET", "/", &[("X", &long)], HttpBody::Empty), Err(Error::MessageSize));
    // Nor has one that is just too long, by a byte.
    let head = "GET / HTTP/1.1\r\nX: \r\n\r\n".len();
    let long = "x".repeat((64 << 10) - head + 1);
    assert_eq!(send("GET", "/", &[("X", &long)], HttpBody::Empty), Err(Error::MessageSize));
    // None of that has left a trace.
    send("GET", "/", &[HOST], HttpBody::Empty).unwrap();
    let stream = client.detach(soon()).unwrap();
    stream.done().unwrap();
    let mut text = String::new();
    (&b).read_to_string(&mut text).unwrap();
    assert_eq!(text, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");

    let (a, b) = Unix::pair();
    let server = Http::attach(a).unwrap();
    b.send(b"GET / HTTP/1.1\nHost: x\n\n", soon()).unwrap();
    assert_eq!(server.recv_request(soon()), Err(Error::Protocol));
    server.send_response(400, "Bad Request", &[], HttpBody::Empty, soon()).unwrap();
}

#[test]
fn http_bodies_until_the_end() {
    virtual_time();
    let (a, b) = Unix::pair();
    let (client, server) = (Http::attach(a).unwrap(), Http::attach(b).unwrap());
    client.send_request("GET", "/", &[HOST], HttpBody::Empty, soon()).unwrap();
    server.recv_request(soon()).unwrap().unwrap();
    server.send_response(200, "OK", &[], HttpBody::UntilClose, soon()).unwrap();
    server.send(b"all that ", soon()).unwrap();
    client.recv_response(soon()).unwrap();
    let mut buffer = [0; 100];
    // What is there arrives before the rest does, and a deadline does no harm.
    assert_eq!(client.recv(&mut buffer, soon()), Ok(9));
    assert_eq!(client.recv(&mut buffer, moment()), Err(Error::TimedOut));
    server.send(b"comes", soon()).unwrap();
    server.done(soon()).unwrap();
    server.get_ref().done().unwrap();
    assert_eq!(client.recv_body(100, soon()).unwrap(), b"comes");
    assert_eq!(client.recv_response(soon()), Err(Error::Done));
}

#[test]
fn http_over_a_stream_of_single_bytes() {
    virtual_time();
    let (a, b) = Unix::pair();
    let client = Http::attach(Trickling(Turned(a))).unwrap();
    let server = Http::attach(Turned(b)).unwrap();
    client.send_request("PUT", "/", &[HOST], HttpBody::Chunked, soon()).unwrap();
    client.send(b"piece", soon()).unwrap();
    client.done(soon()).unwrap();
    assert_eq!(server.recv_request(soon()).unwrap().unwrap().method, "PUT");
    assert_eq!(server.recv_body(100, soon()).unwrap(), b"piece");
    assert_eq!(server.recv_body(100, soon()).unwrap(), b"");
}

/// A proxy for one client; whom it has connected to.
fn proxy<S: ByteStream + 'static>(
    stream: S,
    decide: Option<fn(&str, &str) -> bool>,
) -> Result<(Host, S)> {
    let stream = match decide {
        None => socks5::accept(stream, soon())?,
        Some(decide) => socks5::accept_if(stream, decide, soon())?,
    };
    let (stream, command, host) = socks5::recv_command(stream, soon())?;
    let nowhere = "0.0.0.0:0".parse().unwrap();
    let refused = match command {
        Command::Connect if host == "forbidden.test:1".to_host()? => Reply::NotAllowed,
        Command::Connect => Reply::Succeeded,
        _ => Reply::CommandNotSupported,
    };
    Ok((host, socks5::reply(stream, refused, nowhere, soon())?))
}

#[test]
fn socks5_connects() {
    virtual_time();
    for target in ["example.org:80", "192.0.2.1:80", "[2001:db8::1]:80"] {
        let (a, b) = Unix::pair();
        redill::scope(|scope| {
            let proxy = scope.spawn(move || proxy(b, None))?;
            let a = socks5::connect(a, target, None, soon())?;
            let (host, b) = proxy.join(soon())??;
            assert_eq!(host, target.to_host()?);
            a.send(b"x", soon())?;
            assert_eq!(b.recv(&mut [0; 10], soon()), Ok(1));
            Ok(())
        })
        .unwrap();
    }
    let attempt = |target: &'static str, credentials, decide| {
        // Through streams of the user's own, too.
        let (a, b) = Unix::pair();
        redill::scope(|scope| {
            let proxy = scope.spawn(move || proxy(Turned(b), decide).map(drop))?;
            let client = socks5::connect(Turned(a), target, credentials, soon()).map(drop);
            Ok((client, proxy.join(soon())?))
        })
        .unwrap()
    };
    let decide: fn(&str, &str) -> bool = |user, password| (user, password) == ("me", "secret");
    let right = Some(("me", "secret"));
    assert_eq!(attempt("example.org:80", right, Some(decide)), (Ok(()), Ok(())));
    let wrong = Some(("me", "guess"));
    assert_eq!(attempt("example.org:80", wrong, Some(decide)), (Err(EACCES), Err(EACCES)));
    assert_eq!(attempt("example.org:80", None, Some(decide)), (Err(EACCES), Err(EACCES)));
    assert_eq!(attempt("forbidden.test:1", None, None), (Err(EACCES), Ok(())));
}

#[test]
fn prefix_and_suffix_limits() {
    virtual_time();
    let (a, b) = Unix::pair();
    let (a, b) = (Prefix::attach(a, 1).unwrap(), Prefix::attach(b, 1).unwrap());
    assert_eq!(a.send(&[0; 256], soon()), Err(Error::MessageSize));
    a.send(&[7; 255], soon()).unwrap();
    assert_eq!(b.recv_vec(255, soon()).unwrap(), [7; 255]);
    let (a, _b) = Unix::pair();
    assert_eq!(Suffix::attach(a, b"").unwrap_err(), EINVAL);
    // A broken protocol does not give its stream back.
    a_failed_prefix_keeps_its_stream();
}

fn a_failed_prefix_keeps_its_stream() {
    let (a, b) = Unix::pair();
    let prefix = Prefix::attach(a, 2).unwrap();
    b.send(b"\0", soon()).unwrap();
    assert_eq!(prefix.recv_vec(10, moment()), Err(Error::TimedOut));
    assert_eq!(prefix.detach().unwrap_err(), Error::Reset);
    assert_eq!(b.recv(&mut [0], soon()), Ok(0));
}

#[test]
fn stacks_chosen_at_run_time() {
    virtual_time();
    fn open(secure: bool) -> (Box<dyn MessageSocket>, Box<dyn MessageSocket>) {
        let (a, b): (Box<dyn ByteStream>, Box<dyn ByteStream>) = if secure {
            let (a, b) = TlsOver::<Unix>::pair();
            (Box::new(a), Box::new(b))
        } else {
            let (a, b) = Tcp::pair();
            (Box::new(a), Box::new(b))
        };
        (Box::new(Prefix::attach(a, 2).unwrap()), Box::new(Suffixed::new(b)))
    }
    /// Prefix by hand.
    struct Suffixed(Prefix<Box<dyn ByteStream>>);
    impl Suffixed {
        fn new(stream: Box<dyn ByteStream>) -> Suffixed {
            Suffixed(Prefix::attach(stream, 2).unwrap())
        }
    }
    impl MessageSocket for Suffixed {
        fn send_vectored(
            &self,
            parts: &[std::io::IoSlice<'_>],
            deadline: redill::Deadline,
        ) -> Result<()> {
            self.0.send_vectored(parts, deadline)
        }
        fn recv(&self, buffer: &mut [u8], deadline: redill::Deadline) -> Result<usize> {
            self.0.recv(buffer, deadline)
        }
    }
    for secure in [false, true] {
        let (a, b) = open(secure);
        let (a, b) = (Term::attach(a, b"bye").unwrap(), Term::attach(b, b"bye").unwrap());
        a.send(b"hello", soon()).unwrap();
        assert_eq!(b.recv_vec(100, soon()).unwrap(), b"hello");
    }
}

#[test]
fn the_peers_address_is_known_through_all_protocols() {
    virtual_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap(), soon()).unwrap();
    let ws = Ws::raw_client(Http::attach(stream).unwrap().detach(soon()).unwrap()).unwrap();
    let term = Term::attach(ws, b"bye").unwrap();
    let address = term.get_ref().get_ref().peer_addr().unwrap();
    assert_eq!(address, listener.local_addr().unwrap());
}
