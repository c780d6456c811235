//! Crates that know only `Read` and `Write`.

use crate::kinds::{StreamKind, Tcp, TlsOver, Unix};
use crate::{moment, pattern, soon, virtual_time};
use redill::rustls::pki_types::pem::PemObject;
use redill::rustls::pki_types::{CertificateDer, ServerName};
use redill::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use redill::{CancelScope, Error, TlsServer, Ws};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use tungstenite::Message;

fn plain(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Io(error) => error.into(),
        error => panic!("{error}"),
    }
}

/// Tungstenite as client of our server, over TLS.
#[test]
fn tungstenite_asks_ours() {
    virtual_time();
    let (a, b) = TlsOver::<Tcp>::pair();
    redill::scope(|scope| {
        let server = scope.spawn(move || -> redill::Result<_> {
            let ws = Ws::accept(b, soon())?;
            while let Ok(message) = ws.recv_message(1 << 20, soon()) {
                ws.ping(b"in between", soon())?;
                ws.send_binary(message.as_bytes(), soon())?;
            }
            let reason = ws.close_reason().map(|reason| reason.status);
            ws.detach(1000, "", soon())?.detach(soon())?;
            Ok(reason)
        })?;
        let (mut client, _) = tungstenite::client("ws://localhost/", a).ok().unwrap();
        for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            client.send(Message::binary(pattern(length))).map_err(plain)?;
            let answer = loop {
                match client.read().map_err(plain)? {
                    Message::Ping(payload) => assert_eq!(&payload[..], b"in between"),
                    message => break message,
                }
            };
            assert!(answer.into_data() == pattern(length));
        }
        client.close(None).map_err(plain)?;
        while client.read().is_ok() {}
        client.get_mut().done(soon())?;
        // The crate has given no status.
        assert_eq!(server.join(soon())??, Some(0));
        Ok(())
    })
    .unwrap();
}

/// Tungstenite as server of our client.
#[test]
fn ours_asks_tungstenite() {
    virtual_time();
    let (a, b) = Unix::pair();
    redill::scope(|scope| {
        let server = scope.spawn(move || {
            let mut server = tungstenite::accept(b).ok().unwrap();
            loop {
                match server.read() {
                    Ok(message @ Message::Text(_)) => server.send(message).unwrap(),
                    Ok(_) => {}
                    Err(error) => return matches!(error, tungstenite::Error::ConnectionClosed),
                }
            }
        })?;
        let ws = Ws::connect(a, "localhost", "/", soon())?;
        for text in ["", "hello", "Grüße"] {
            ws.ping(b"?", soon())?;
            ws.send_text(text, soon())?;
            assert_eq!(ws.recv_message(100, soon())?.as_bytes(), text.as_bytes());
        }
        ws.detach(1000, "", soon())?;
        assert!(server.join(soon())?);
        Ok(())
    })
    .unwrap();
}

/// A cancellation gets through a crate that knows nothing of it, and is not taken for a reason to
/// try again.
#[test]
fn cancellation_gets_through() {
    virtual_time();
    let (a, _b) = Unix::pair();
    let scope = CancelScope::new().deadline(moment());
    let handshake = || match tungstenite::client("ws://localhost/", &a) {
        Err(tungstenite::HandshakeError::Failure(error)) => plain(error),
        _ => panic!("the handshake can't have ended"),
    };
    assert_eq!(scope.run(handshake).unwrap().0, Error::Canceled);
}

/// rustls used directly, over our stream, as client of our server.
#[test]
fn rustls_asks_ours() {
    virtual_time();
    let (a, b) = Tcp::pair();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter("c-tests/certs/ca.pem").unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(redill::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = TlsServer::new("c-tests/certs/chain.pem", "c-tests/certs/server.key").unwrap();
    redill::scope(|scope| {
        let server = scope.spawn(move || -> redill::Result<Vec<u8>> {
            let mut tls = server.accept(b, soon())?;
            tls.write_all(b"hello")?;
            tls.done(soon())?;
            let mut all = Vec::new();
            tls.read_to_end(&mut all)?;
            Ok(all)
        })?;
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut client = StreamOwned::new(connection, a);
        let mut greeting = String::new();
        client.read_to_string(&mut greeting)?;
        assert_eq!(greeting, "hello");
        client.write_all(&pattern(100_000))?;
        client.conn.send_close_notify();
        client.flush()?;
        assert!(server.join(soon())?? == pattern(100_000));
        Ok(())
    })
    .unwrap();
}

/// httparse on what `BufRead` has.
#[test]
fn httparse_on_a_buffer() {
    use std::io::{BufRead, BufReader};
    virtual_time();
    let (a, b) = Unix::pair();
    a.send(b"GET /x HTTP/1.1\r\nHost: here\r\n\r\nrest", soon()).unwrap();
    let mut reader = BufReader::new(&b);
    let mut fields = [httparse::EMPTY_HEADER; 4];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(reader.fill_buf().unwrap()).unwrap() {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => panic!("all of it has been sent"),
    };
    assert_eq!((request.method, request.path), (Some("GET"), Some("/x")));
    reader.consume(length);
    let mut rest = [0; 4];
    reader.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"rest");
    b.set_read_deadline(moment());
    assert_eq!(reader.read(&mut rest).unwrap_err().kind(), ErrorKind::TimedOut);
}
