//! Whole sessions: a socket that a peer sends anything to, in pieces of any length. Every call
//! returns by its deadline, whoever sends bytes gets no more out of it than he has sent, and where
//! the pieces end makes no difference.

use redill::rustls::ServerConfig;
use redill::rustls::pki_types::pem::PemObject;
use redill::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use redill::{
    Deadline, Http, HttpBody, MessageSocket, Prefix, Result, Suffix, Term, TlsClient, TlsServer,
    UnixStream, Ws, now, scope, sleep, socks5, yield_now,
};
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Once};
use std::time::Duration;

/// How long a call may wait, in virtual time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Until even the most patient has gone.
const FOR_EVER: Duration = Duration::from_secs(3600 * 24 * 365);
/// Bytes that a message or body may have.
const LIMIT: usize = 300;

static TLS_SERVER: LazyLock<TlsServer> = LazyLock::new(|| {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("../../c-tests/certs/chain.pem"));
    let chain = chain.collect::<std::result::Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../c-tests/certs/server.key"));
    let config = ServerConfig::builder().with_no_client_auth();
    TlsServer::from_config(Arc::new(config.with_single_cert(chain, key.unwrap()).unwrap()))
});

static TLS_CLIENT: LazyLock<TlsClient> =
    LazyLock::new(|| TlsClient::dangerous_without_verification().unwrap());

/// What has come of a session's calls.
struct Session {
    outcomes: Vec<String>,
    /// Calls that may succeed: none does without a byte.
    most: usize,
}

impl Session {
    /// The outcome of a call; none if it has failed.
    fn call<T: Debug>(&mut self, call: impl FnOnce(Deadline) -> Result<T>) -> Option<T> {
        self.make(call, |value| format!("{value:?}"))
    }

    /// The same for what has nothing to compare.
    fn open<T>(&mut self, call: impl FnOnce(Deadline) -> Result<T>) -> Option<T> {
        self.make(call, |_| String::new())
    }

    fn make<T>(
        &mut self,
        call: impl FnOnce(Deadline) -> Result<T>,
        text: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let start = now();
        let result = call(Deadline::after(PATIENCE));
        assert!(now() - start <= PATIENCE + Duration::from_millis(1), "a deadline has passed");
        self.outcomes.push(match &result {
            Ok(value) => text(value),
            Err(error) => format!("{error:?}"),
        });
        assert!(self.outcomes.len() <= self.most, "more calls than bytes: {:?}", self.outcomes);
        result.ok()
    }

    fn messages(&mut self, socket: &impl MessageSocket) {
        let mut buffer = [0; LIMIT];
        while let Some(length) = self.call(|deadline| socket.recv(&mut buffer, deadline)) {
            self.outcomes.push(format!("{:?}", &buffer[..length]));
            self.most += 1;
        }
    }

    fn http_server(&mut self, stream: UnixStream) {
        let Some(http) = self.open(|_| Http::attach(stream)) else { return };
        while let Some(Some(_)) = self.call(|deadline| http.recv_request(deadline)) {
            self.call(|deadline| http.recv_body(LIMIT, deadline));
            let body = HttpBody::Whole(b"answer");
            self.call(|deadline| http.send_response(200, "OK", &[], body, deadline));
            self.most += 2;
        }
        self.open(|deadline| http.detach(deadline));
    }

    fn http_client(&mut self, stream: UnixStream) {
        let Some(http) = self.open(|_| Http::attach(stream)) else { return };
        for method in ["GET", "HEAD", "POST"] {
            let body =
                if method == "POST" { HttpBody::Whole(b"question") } else { HttpBody::Empty };
            self.call(|deadline| http.send_request(method, "/", &[("Host", "a")], body, deadline));
        }
        while self.call(|deadline| http.recv_response(deadline)).is_some() {
            self.call(|deadline| http.recv_body(LIMIT, deadline));
            self.most += 1;
        }
        self.open(|deadline| http.detach(deadline));
    }

    fn websocket(&mut self, open: impl FnOnce(Deadline) -> Result<Ws<UnixStream>>) {
        let Some(ws) = self.open(open) else { return };
        while self.call(|deadline| ws.recv_message(LIMIT, deadline)).is_some() {}
        let reason = ws.close_reason();
        self.outcomes.push(format!("{reason:?}"));
        self.open(|deadline| ws.detach(1000, "bye", deadline));
    }

    fn tls(&mut self, open: impl FnOnce(Deadline) -> Result<redill::Tls<UnixStream>>) {
        let Some(tls) = self.open(open) else { return };
        let mut buffer = [0; LIMIT];
        while let Some(1..) = self.call(|deadline| tls.recv(&mut buffer, deadline)) {}
        self.open(|deadline| tls.detach(deadline));
    }

    fn proxy(&mut self, authenticated: Option<UnixStream>) {
        let Some(stream) = authenticated else { return };
        let receive = |deadline| {
            let (stream, command, host) = socks5::recv_command(stream, deadline)?;
            Ok((stream, format!("{command:?} {host:?}")))
        };
        let Some((stream, command)) = self.open(receive) else { return };
        self.outcomes.push(command);
        let nowhere = ([0, 0, 0, 0], 0).into();
        let refused = socks5::Reply::ConnectionRefused;
        self.open(|deadline| socks5::reply(stream, refused, nowhere, deadline));
    }

    fn run(&mut self, kind: u8, stream: UnixStream) {
        let known = |user: &str, password: &str| user == password;
        match kind % 16 {
            0 => self.http_server(stream),
            1 => self.http_client(stream),
            2 => self.websocket(|deadline| Ws::accept(stream, deadline)),
            3 => self.websocket(|_| Ws::raw_server(stream)),
            4 => self.websocket(|deadline| Ws::connect(stream, "a", "/", deadline)),
            5 => self.websocket(|_| Ws::raw_client(stream)),
            6 => self.tls(|deadline| TLS_SERVER.accept(stream, deadline)),
            7 => self.tls(|deadline| TLS_CLIENT.connect(stream, "localhost", deadline)),
            8 => {
                let stream = self.open(|deadline| socks5::accept(stream, deadline));
                self.proxy(stream);
            }
            9 => {
                let stream = self.open(|deadline| socks5::accept_if(stream, known, deadline));
                self.proxy(stream);
            }
            10 => {
                let user = Some(("user", "password"));
                self.open(|deadline| socks5::connect(stream, ("a", 80), user, deadline));
            }
            11 | 12 => {
                let size = 1 + 2 * usize::from(kind % 2);
                let Some(prefix) = self.open(|_| Prefix::attach(stream, size)) else { return };
                self.messages(&prefix);
            }
            13 => {
                let prefix = self.open(|_| Prefix::attach_little_endian(stream, 8));
                let Some(prefix) = prefix else { return };
                self.messages(&prefix);
            }
            14 => {
                let Some(suffix) = self.open(|_| Suffix::attach(stream, b"\r\n")) else { return };
                self.messages(&suffix);
            }
            _ => {
                let term = |_| Term::attach(Prefix::attach(stream, 1)?, b"end");
                let Some(term) = self.open(term) else { return };
                self.messages(&term);
                self.open(|deadline| term.detach(deadline));
            }
        }
    }
}

/// How a peer sends.
#[derive(Clone, Copy)]
struct Peer<'a> {
    bytes: &'a [u8],
    /// Where the pieces end, by chance; 0: there is only one.
    cuts: u32,
    /// What happens behind the last byte.
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Silence,
    Close,
}

impl Peer<'_> {
    fn send(mut self, stream: UnixStream) {
        let mut random = self.cuts;
        while !self.bytes.is_empty() {
            let mut piece = self.bytes.len();
            if self.cuts != 0 {
                random ^= random << 13;
                random ^= random >> 17;
                random ^= random << 5;
                piece = piece.min(1 + random as usize % (1 << (self.cuts % 8)));
            }
            let (now, later) = self.bytes.split_at(piece);
            self.bytes = later;
            // He who has been given up doesn't go on.
            if stream.send(now, Deadline::after(FOR_EVER)).is_err() || yield_now().is_err() {
                return;
            }
        }
        match self.end {
            End::Close => return,
            End::Done => stream.done().unwrap_or_default(),
            End::Silence => {}
        }
        // Until the other side has gone, which does not wait for ever.
        let _ = sleep(FOR_EVER);
    }
}

/// The outcomes of a session with such a peer.
fn outcomes(kind: u8, peer: Peer<'_>) -> Vec<String> {
    let mut session = Session { outcomes: Vec::new(), most: peer.bytes.len() + 16 };
    let (near, far) = UnixStream::pair().unwrap();
    scope(|scope| {
        scope.go(move || peer.send(far))?;
        session.run(kind, near);
        scope.cancel(Duration::ZERO)
    })
    .unwrap();
    session.outcomes
}

/// One execution: the kind of session, the cuts and the end, then what the peer sends.
pub fn run(data: &[u8]) {
    static VIRTUAL_TIME: Once = Once::new();
    // SAFETY: this comes first, so no other thread reads the environment meanwhile.
    VIRTUAL_TIME.call_once(|| unsafe { std::env::set_var("DILL_CLOCK", "virtual") });
    let Some((&[kind, cuts, end], bytes)) = data.split_first_chunk::<3>() else { return };
    let end = [End::Done, End::Silence, End::Close][usize::from(end % 3)];
    let peer = Peer { bytes, cuts: cuts.into(), end };
    let seen = outcomes(kind, peer);
    // A close may reset what has not been received yet, sooner or later.
    if cuts != 0 && end != End::Close {
        assert_eq!(seen, outcomes(kind, Peer { cuts: 0, ..peer }));
    }
}
