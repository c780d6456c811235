//! The comparator of `throughput.c` for TLS: the same by blocking sockets and rustls.
//!
//! Usage: rustls_throughput MIBS; the receiver prints the seconds from its first byte on.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Instant;
use std::{env, error, process};

const MESSAGE: usize = 64 * 1024;
const CERTIFICATES: &str = "c-tests/certs/";

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

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

fn receive(listener: &TcpListener, messages: usize) -> Result<()> {
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
    println!("{:.4}", start.ok_or("nothing to receive")?.elapsed().as_secs_f64());
    if received == message() { Ok(()) } else { Err("not what was sent".into()) }
}

/// The sender, as a process of its own.
fn sender(port: u16, mibs: &str) -> Result<Child> {
    let port = port.to_string();
    Ok(Command::new(env::current_exe()?).args([mibs, port.as_str()]).spawn()?)
}

fn main() -> Result<()> {
    // cargo adds an argument of its own.
    let arguments: Vec<_> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let mibs = arguments.first().map_or("16", String::as_str);
    let messages = mibs.parse::<usize>()? * (1 << 20) / MESSAGE;
    if let Some(port) = arguments.get(1) {
        return send(port, messages);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut child = sender(listener.local_addr()?.port(), mibs)?;
    receive(&listener, messages)?;
    process::exit(child.wait()?.code().unwrap_or(1));
}
