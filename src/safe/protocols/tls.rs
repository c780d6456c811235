//! TLS.

use crate::os::errno::Errno;
use crate::protocols::tls::{self, Identity};
use crate::safe::sockets::lower::Lower;
use crate::safe::sockets::socket::Socket;
use crate::safe::sockets::{Deadlines, byte_stream};
use crate::sockets::adapter::carry;
use crate::{ByteStream, Deadline, Error, Result};
use core::ffi::c_int;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// What a TLS client needs to know, for any number of connections: whom to trust, and who it is.
///
/// ```no_run
/// use redill::{TcpStream, TlsClient};
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// let client = TlsClient::new()?;
/// let stream = TcpStream::connect("example.org:443", Duration::from_secs(10))?;
/// let mut tls = client.connect(stream, "example.org", Duration::from_secs(10))?;
/// tls.write_all(b"GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// tls.read_to_string(&mut answer)?;
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// A client that trusts the authorities which the system trusts. They are looked up once.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `ENOENT` when the system trusts nobody.
    ///
    /// ```no_run
    /// let client = redill::TlsClient::new()?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new() -> Result<TlsClient> {
        TlsClient::of(tls::verifying_client(None, None))
    }

    /// A client that trusts the authorities whose certificates are in a file (PEM), and no others.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` when there are none in it, and those of reading it.
    ///
    /// ```
    /// let client = redill::TlsClient::with_authorities("c-tests/certs/ca.pem")?;
    /// assert!(redill::TlsClient::with_authorities("no such file").is_err());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn with_authorities(file: impl AsRef<Path>) -> Result<TlsClient> {
        TlsClient::of(tls::verifying_client(Some(file.as_ref()), None))
    }

    /// A client that says who it is: by the certificates in a file (PEM), its own first and then
    /// those that lead to its authority, and the private key in another one (PEM). It trusts the
    /// authorities in a file, or without one those which the system trusts.
    ///
    /// # Errors
    ///
    /// As [`with_authorities`](TlsClient::with_authorities); [`Error::Os`] with `EINVAL` when the key
    /// is not that of the certificate.
    ///
    /// ```
    /// use redill::TlsClient;
    /// use std::path::Path;
    ///
    /// let authorities = Path::new("c-tests/certs/ca.pem");
    /// let client = TlsClient::with_identity(Some(authorities), "c-tests/certs/client.pem", "c-tests/certs/client.key")?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn with_identity(
        authorities: Option<&Path>,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<TlsClient> {
        let identity = Identity { certificates: certificates.as_ref(), key: key.as_ref() };
        TlsClient::of(tls::verifying_client(authorities, Some(&identity)))
    }

    /// A client that takes whoever answers for the server: nobody can listen in, but anybody can stand
    /// in between. For tests, and for servers that are known by other means.
    ///
    /// # Errors
    ///
    /// None that is known.
    ///
    /// ```
    /// let client = redill::TlsClient::dangerous_without_verification()?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn dangerous_without_verification() -> Result<TlsClient> {
        TlsClient::of(tls::trusting_anybody())
    }

    /// A client with a configuration of rustls, for all that the others don't offer.
    ///
    /// ```
    /// # fn example(config: redill::rustls::ClientConfig) {
    /// let client = redill::TlsClient::from_config(std::sync::Arc::new(config));
    /// # }
    /// ```
    #[must_use]
    pub fn from_config(config: Arc<ClientConfig>) -> TlsClient {
        TlsClient { config }
    }

    fn of(config: Result<Arc<ClientConfig>, Errno>) -> Result<TlsClient> {
        config.map(TlsClient::from_config).map_err(Error::of)
    }

    /// Starts a session over a byte stream, with the server of this name or address at its other end.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EACCES` when the server's certificate is not good, or not for this name, or
    /// the server does not accept ours; `EINVAL` for a name that can be none; [`Error::Protocol`],
    /// [`Error::Reset`], and those of the stream. The stream is closed then.
    ///
    /// ```
    /// # use redill::{Bundle, Deadline, TlsClient, TlsServer, UnixStream};
    /// let client = TlsClient::with_authorities("c-tests/certs/ca.pem")?;
    /// # let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
    /// # let (stream, theirs) = UnixStream::pair()?;
    /// # let bundle = Bundle::new()?;
    /// # let server = bundle.spawn(move || server.accept(theirs, Deadline::NEVER))?;
    /// let tls = client.connect(stream, "localhost", Deadline::NEVER)?;
    /// # server.join(Deadline::NEVER)??;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn connect<S: ByteStream + 'static>(
        &self,
        stream: S,
        name: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Tls<S>> {
        let deadline = deadline.into().raw();
        let name = ServerName::try_from(name).map_err(|_| Error::of(Errno::EINVAL))?.to_owned();
        let config = self.config.clone();
        Tls::attach(stream, |handle| tls::attach_client_with(handle, config, name, deadline))
    }
}

/// What a TLS server needs to know, for any number of connections: who it is, and which clients are
/// welcome.
///
/// ```
/// use redill::{Bundle, Deadline, TcpListener, TcpStream, TlsClient, TlsServer};
/// use std::io::{Read, Write};
///
/// let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
///
/// let bundle = Bundle::new()?;
/// let greeting = bundle.spawn(move || -> redill::Result<String> {
///     let client = TlsClient::with_authorities("c-tests/certs/ca.pem")?;
///     let stream = TcpStream::connect(address, Deadline::NEVER)?;
///     let mut tls = client.connect(stream, "localhost", Deadline::NEVER)?;
///     let mut greeting = String::new();
///     tls.read_to_string(&mut greeting)?;
///     tls.detach(Deadline::NEVER)?;
///     Ok(greeting)
/// })?;
///
/// let (stream, _) = listener.accept(Deadline::NEVER)?;
/// let mut tls = server.accept(stream, Deadline::NEVER)?;
/// tls.write_all(b"hello")?;
/// tls.detach(Deadline::NEVER)?;
/// assert_eq!(greeting.join(Deadline::NEVER)??, "hello");
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
}

impl TlsServer {
    /// A server with the certificates in a file (PEM), its own first and then those that lead to its
    /// authority, and the private key in another one (PEM). Any client is welcome.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` when there are none in it or the key is not that of the certificate,
    /// and those of reading.
    ///
    /// ```
    /// let server = redill::TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
    /// assert!(redill::TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/client.key").is_err());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<TlsServer> {
        TlsServer::of(certificates.as_ref(), key.as_ref(), None)
    }

    /// As [`new`](TlsServer::new), and only those clients are welcome that have a certificate from one of
    /// the authorities in a file (PEM).
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// ```
    /// let server = redill::TlsServer::for_clients_of("c-tests/certs/ca.pem", "c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn for_clients_of(
        authorities: impl AsRef<Path>,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<TlsServer> {
        TlsServer::of(certificates.as_ref(), key.as_ref(), Some(authorities.as_ref()))
    }

    /// A server with a configuration of rustls, for all that the others don't offer.
    ///
    /// ```
    /// # fn example(config: redill::rustls::ServerConfig) {
    /// let server = redill::TlsServer::from_config(std::sync::Arc::new(config));
    /// # }
    /// ```
    #[must_use]
    pub fn from_config(config: Arc<ServerConfig>) -> TlsServer {
        TlsServer { config }
    }

    fn of(certificates: &Path, key: &Path, client_authorities: Option<&Path>) -> Result<TlsServer> {
        let server = tls::Server { certificates, key, client_authorities };
        server.configuration().map(TlsServer::from_config).map_err(Error::of)
    }

    /// Starts a session over a byte stream, with a client at its other end.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EACCES` when the client has no certificate that is good, or does not accept
    /// ours; [`Error::Protocol`], [`Error::Reset`], and those of the stream. The stream is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, Error, TlsServer, UnixStream};
    /// let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
    /// let (stream, client) = UnixStream::pair()?;
    /// client.send(b"GET / HTTP/1.1\r\n\r\n", Deadline::NEVER)?; // that is not TLS
    /// assert_eq!(server.accept(stream, Deadline::NEVER).unwrap_err(), Error::Protocol);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn accept<S: ByteStream + 'static>(
        &self,
        stream: S,
        deadline: impl Into<Deadline>,
    ) -> Result<Tls<S>> {
        let deadline = deadline.into().raw();
        let config = self.config.clone();
        Tls::attach(stream, |handle| tls::attach_server_with(handle, config, deadline))
    }
}

/// A TLS session over a byte stream: a byte stream that nobody in between can read or change.
/// [`TlsClient`] and [`TlsServer`] make them.
///
/// It implements [`Read`](std::io::Read) and [`Write`](std::io::Write). The end of the stream is there
/// only when the peer has said so: a connection that just breaks off is [`Error::Reset`]. A deadline
/// that passes in the middle of a record ends the session.
///
/// ```
/// use redill::{Bundle, Deadline, TlsClient, TlsServer, UnixStream};
/// use std::io::{Read, Write};
///
/// let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
/// let client = TlsClient::with_authorities("c-tests/certs/ca.pem")?;
/// let (ours, theirs) = UnixStream::pair()?;
/// let bundle = Bundle::new()?;
/// let echo = bundle.spawn(move || -> redill::Result<UnixStream> {
///     let mut tls = server.accept(theirs, Deadline::NEVER)?;
///     let mut text = String::new();
///     tls.read_to_string(&mut text)?;
///     tls.write_all(text.as_bytes())?;
///     tls.detach(Deadline::NEVER)
/// })?;
/// let mut tls = client.connect(ours, "localhost", Deadline::NEVER)?;
/// tls.write_all(b"secret")?;
/// tls.done(Deadline::NEVER)?;
/// let mut text = String::new();
/// tls.read_to_string(&mut text)?;
/// assert_eq!(text, "secret");
/// # echo.join(Deadline::NEVER)??;
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Tls<S> {
    // Dropped in this order: the core's protocol before what lies beneath.
    socket: Socket,
    lower: Lower<S>,
    deadlines: Deadlines,
}

impl<S: ByteStream + 'static> Tls<S> {
    fn attach(stream: S, attach: impl FnOnce(c_int) -> Result<c_int, Errno>) -> Result<Tls<S>> {
        let (socket, lower) = Lower::attach_to_stream(stream, attach, tls::below)?;
        Ok(Tls { socket, lower, deadlines: Deadlines::new() })
    }

    /// Ends the session in an orderly way: says goodbye, unless that was done, waits until the peer has
    /// done so, and gives the stream back, which goes on with the byte that follows. What the peer sends
    /// before is dropped.
    ///
    /// # Errors
    ///
    /// As [`done`](Tls::done) and [`recv`](Tls::recv). The stream is closed then.
    ///
    /// ```
    /// # use redill::{Bundle, Deadline, Tls, TlsClient, TlsServer, UnixStream};
    /// # let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key")?;
    /// # let (stream, theirs) = UnixStream::pair()?;
    /// # let bundle = Bundle::new()?;
    /// # bundle.spawn(move || server.accept(theirs, None::<Deadline>)?.detach(Deadline::NEVER))?;
    /// # let client = TlsClient::with_authorities("c-tests/certs/ca.pem")?;
    /// # let tls = client.connect(stream, "localhost", Deadline::NEVER)?;
    /// let stream: UnixStream = tls.detach(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn detach(self, deadline: impl Into<Deadline>) -> Result<S> {
        let deadline = deadline.into().raw();
        self.lower.detach_from_stream(self.socket, |handle| tls::detach(handle, deadline))
    }

    /// The stream beneath, for questions such as its peer's address. To send or receive there breaks the
    /// session.
    ///
    /// ```
    /// # fn example(tls: redill::Tls<redill::TcpStream>) -> redill::Result<()> {
    /// println!("{}", tls.get_ref().peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

impl<S> Tls<S> {
    /// Says that no more will be sent (close_notify). Receiving goes on.
    ///
    /// # Errors
    ///
    /// As [`ByteStream::send_vectored`]; [`Error::Done`] if that was said before.
    ///
    /// ```
    /// # fn example(tls: redill::Tls<redill::TcpStream>) -> redill::Result<()> {
    /// tls.send(b"the question", redill::Deadline::NEVER)?;
    /// tls.done(redill::Deadline::NEVER)?;
    /// let mut answer = [0; 10];
    /// tls.recv_exact(&mut answer, redill::Deadline::NEVER)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn done(&self, deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        carry(|| tls::done(self.socket.number(), deadline)).map_err(Error::of)
    }

    /// The certificates that the peer has shown (DER), its own first; none where it has shown none.
    ///
    /// ```
    /// # fn example(tls: redill::Tls<redill::TcpStream>) {
    /// if tls.peer_certificates().is_empty() { /* nobody knows who that is */ }
    /// # }
    /// ```
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let certificates = |connection: &rustls::Connection| {
            let chain = connection.peer_certificates().unwrap_or_default();
            chain.iter().map(|certificate| certificate.to_vec()).collect()
        };
        tls::inspect(self.socket.number(), certificates).unwrap_or_default()
    }

    /// The protocol that both sides have agreed on (ALPN), if the configuration offers any.
    ///
    /// ```
    /// # fn example(tls: redill::Tls<redill::TcpStream>) {
    /// if tls.alpn_protocol().as_deref() == Some(b"h2") { /* … */ }
    /// # }
    /// ```
    #[must_use]
    pub fn alpn_protocol(&self) -> Option<Vec<u8>> {
        let protocol =
            |connection: &rustls::Connection| connection.alpn_protocol().map(<[u8]>::to_vec);
        tls::inspect(self.socket.number(), protocol).ok().flatten()
    }
}

byte_stream!([S] Tls<S>);
