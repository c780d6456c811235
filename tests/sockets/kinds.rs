//! All kinds of sockets, in pairs that are each other's peers.

use crate::{Counted, Trickling, Turned, soon};
use redill::{
    ByteStream, FromRawHandle, IntoRawHandle, MessageSocket, Prefix, RawMessageSocket, Suffix,
    TcpListener, TcpStream, Term, Tls, TlsClient, TlsServer, UdpSocket, UnixStream, Ws,
};
use std::rc::Rc;

/// A kind of byte stream.
pub trait StreamKind {
    type Stream: ByteStream + 'static;

    /// Two that are connected.
    fn pair() -> (Self::Stream, Self::Stream);

    /// Half-closes.
    fn done(stream: &Self::Stream);
}

pub struct Tcp;

impl StreamKind for Tcp {
    type Stream = TcpStream;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap(), soon()).unwrap();
        let (server, _) = listener.accept(soon()).unwrap();
        (client, server)
    }

    fn done(stream: &TcpStream) {
        stream.done().unwrap();
    }
}

pub struct Unix;

impl StreamKind for Unix {
    type Stream = UnixStream;

    fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().unwrap()
    }

    fn done(stream: &UnixStream) {
        stream.done().unwrap();
    }
}

/// TLS on top of another kind.
pub struct TlsOver<K>(K);

impl<K: StreamKind> StreamKind for TlsOver<K> {
    type Stream = Tls<K::Stream>;

    fn pair() -> (Self::Stream, Self::Stream) {
        let client = TlsClient::with_authorities("c-tests/certs/ca.pem").unwrap();
        let certificates = "c-tests/certs/chain.pem";
        let server = TlsServer::new(certificates, "c-tests/certs/server.key").unwrap();
        let (a, b) = K::pair();
        redill::scope(|scope| {
            let server = scope.spawn(move || server.accept(b, soon()))?;
            let client = client.connect(a, "localhost", soon())?;
            Ok((client, server.join(soon())??))
        })
        .unwrap()
    }

    fn done(stream: &Self::Stream) {
        stream.done(soon()).unwrap();
    }
}

/// A protocol written in Rust.
pub struct User;

impl StreamKind for User {
    type Stream = Turned<UnixStream>;

    fn pair() -> (Self::Stream, Self::Stream) {
        let (a, b) = Unix::pair();
        (Turned(a), Turned(b))
    }

    fn done(stream: &Self::Stream) {
        Unix::done(&stream.0);
    }
}

/// TLS on top of one written in Rust, which gives a byte at a time.
pub struct TlsOverUser;

impl StreamKind for TlsOverUser {
    type Stream = Tls<Trickling<UnixStream>>;

    fn pair() -> (Self::Stream, Self::Stream) {
        struct Trickle;
        impl StreamKind for Trickle {
            type Stream = Trickling<UnixStream>;
            fn pair() -> (Self::Stream, Self::Stream) {
                let (a, b) = Unix::pair();
                (Trickling(a), Trickling(b))
            }
            fn done(stream: &Self::Stream) {
                Unix::done(&stream.0);
            }
        }
        TlsOver::<Trickle>::pair()
    }

    fn done(stream: &Self::Stream) {
        stream.done(soon()).unwrap();
    }
}

/// Chosen when the program runs.
pub struct Boxed;

impl StreamKind for Boxed {
    type Stream = Box<dyn ByteStreamAndDone>;

    fn pair() -> (Self::Stream, Self::Stream) {
        let (a, b) = Unix::pair();
        (Box::new(a), Box::new(b))
    }

    fn done(stream: &Self::Stream) {
        (**stream).half_close();
    }
}

pub trait ByteStreamAndDone: ByteStream {
    fn half_close(&self);
}

impl ByteStreamAndDone for UnixStream {
    fn half_close(&self) {
        Unix::done(self);
    }
}

/// A kind of message socket.
pub trait MessageKind {
    type Socket: MessageSocket + 'static;

    /// Can a socket say that it has sent its last message?
    const HALF_CLOSES: bool = true;
    /// Does a message that does not fit leave the socket usable?
    const SURVIVES_LONG_MESSAGES: bool = false;

    fn pair() -> (Self::Socket, Self::Socket);

    fn done(socket: &Self::Socket);
}

pub struct PrefixOver<K>(K);

impl<K: StreamKind> MessageKind for PrefixOver<K> {
    type Socket = Prefix<K::Stream>;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = K::pair();
        (Prefix::attach(a, 3).unwrap(), Prefix::attach(b, 3).unwrap())
    }

    fn done(socket: &Self::Socket) {
        K::done(socket.get_ref());
    }
}

pub struct SuffixOver<K>(K);

impl<K: StreamKind> MessageKind for SuffixOver<K> {
    type Socket = Suffix<K::Stream>;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = K::pair();
        let delimiter = b"-=the end of it=-";
        (Suffix::attach(a, delimiter).unwrap(), Suffix::attach(b, delimiter).unwrap())
    }

    fn done(socket: &Self::Socket) {
        K::done(socket.get_ref());
    }
}

pub struct TermOver<K>(K);

impl<K: MessageKind> MessageKind for TermOver<K> {
    type Socket = Term<K::Socket>;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = K::pair();
        (Term::attach(a, b"STOP").unwrap(), Term::attach(b, b"STOP").unwrap())
    }

    fn done(socket: &Self::Socket) {
        socket.done(soon()).unwrap();
    }
}

pub struct WsOver<K>(K);

impl<K: StreamKind> MessageKind for WsOver<K> {
    type Socket = Ws<K::Stream>;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = K::pair();
        redill::scope(|scope| {
            let server = scope.spawn(move || Ws::accept(b, soon()))?;
            let client = Ws::connect(a, "localhost", "/", soon())?;
            Ok((client, server.join(soon())??))
        })
        .unwrap()
    }

    fn done(socket: &Self::Socket) {
        socket.done(1000, "", soon()).unwrap();
    }
}

pub struct RawPrefix;

impl MessageKind for RawPrefix {
    type Socket = RawMessageSocket;

    const HALF_CLOSES: bool = false;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = PrefixOver::<Tcp>::pair();
        let wrap = |socket: Prefix<TcpStream>| unsafe {
            RawMessageSocket::from_raw_handle(socket.into_raw_handle())
        };
        (wrap(a), wrap(b))
    }

    fn done(_: &Self::Socket) {
        unreachable!();
    }
}

/// A protocol written in Rust.
pub struct UserMessages;

impl MessageKind for UserMessages {
    type Socket = Counted<Prefix<UnixStream>>;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = PrefixOver::<Unix>::pair();
        (Counted::new(a), Counted::new(b))
    }

    fn done(socket: &Self::Socket) {
        Unix::done(socket.inner.get_ref());
    }
}

pub struct Shared;

impl MessageKind for Shared {
    type Socket = Rc<Prefix<UnixStream>>;

    fn pair() -> (Self::Socket, Self::Socket) {
        let (a, b) = PrefixOver::<Unix>::pair();
        (Rc::new(a), Rc::new(b))
    }

    fn done(socket: &Self::Socket) {
        Unix::done(socket.get_ref());
    }
}

pub struct Udp;

impl MessageKind for Udp {
    type Socket = UdpSocket;

    const HALF_CLOSES: bool = false;
    const SURVIVES_LONG_MESSAGES: bool = true;

    fn pair() -> (UdpSocket, UdpSocket) {
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        // To know both addresses before either socket is made.
        let (a, b) = (UdpSocket::bind(any).unwrap(), UdpSocket::bind(any).unwrap());
        let (left, right) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        drop((a, b));
        let open = |local, remote| UdpSocket::open(Some(local), Some(remote)).unwrap();
        (open(left, right), open(right, left))
    }

    fn done(_: &UdpSocket) {
        unreachable!();
    }
}
