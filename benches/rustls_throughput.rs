//! The comparator of `throughput.c` for TLS: the same by blocking sockets and rustls.
//!
//! Usage: `rustls_throughput MIBS` prints the seconds from the first byte received on; otherwise
//! that of `harness::main`, where an operation is a MiB.

mod harness;

use harness::Result;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MESSAGE: usize = 64 * 1024;
const CERTIFICATES: &str = "c-tests/certs/";

fn message() -> Vec<u8> {
    (0..MESSAGE).map(|i| (i * 31) as u8).collect()
}

fn send(port: &str, messages: usize) -> Result<()> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(format!("{CERTIFICATES}ca.pem"))? {
        roots.add(root?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
    let socket = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    socket.set_nodelay(true)?;
    let mut stream = rustls::StreamOwned::new(connection, socket);
    let message = message();
    for _ in 0..messages {
        stream.write_all(&message)?;
    }
    stream.conn.send_close_notify();
    stream.flush()?;
    // Waits for the peer's end, so that nothing is lost.
    while matches!(stream.sock.read(&mut [0; 4096]), Ok(1..)) {}
    Ok(())
}

/// How long it took, from the first byte on.
fn receive(listener: &TcpListener, messages: usize) -> Result<Duration> {
    let chain = CertificateDer::pem_file_iter(format!("{CERTIFICATES}chain.pem"))?
        .collect::<std::result::Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(format!("{CERTIFICATES}server.key"))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    let connection = ServerConnection::new(Arc::new(config))?;
    let (socket, _) = listener.accept()?;
    let mut stream = rustls::StreamOwned::new(connection, socket);
    let mut received = vec![0; MESSAGE];
    let mut start = None;
    for _ in 0..messages {
        stream.read_exact(&mut received)?;
        start.get_or_insert_with(Instant::now);
    }
    let elapsed = start.ok_or("nothing to receive")?.elapsed();
    if received == message() { Ok(elapsed) } else { Err("not what was sent".into()) }
}

/// So many MiB from another process.
fn transfer(mibs: u64) -> Result<Duration> {
    let messages = usize::try_from(mibs)? * (1 << 20) / MESSAGE;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let (program, messages_text) = (env::current_exe()?, messages.to_string());
    let mut sender = Command::new(program).args(["--send", &port, &messages_text]).spawn()?;
    let elapsed = receive(&listener, messages)?;
    if sender.wait()?.success() { Ok(elapsed) } else { Err("the sender has failed".into()) }
}

fn main() -> Result<()> {
    // cargo adds an argument of its own.
    let arguments: Vec<_> = env::args().skip(1).filter(|it| it != "--bench").collect();
    match &arguments[..] {
        [send, port, messages] if send == "--send" => self::send(port, messages.parse()?),
        [mibs] if mibs.parse::<u64>().is_ok() => {
            println!("{:.4}", transfer(mibs.parse()?)?.as_secs_f64());
            Ok(())
        }
        _ => harness::main("throughput", &[("rustls_mib", transfer)]),
    }
}
