//! Runs the examples that are about sockets, and talks to them.

mod programs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use programs::example;
use redill::{Deadline, Error, Http, HttpBody, TcpStream, Ws};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A running example.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(program: &Path, arguments: &[&str]) -> Running {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Running { child, input, output }
    }

    /// The next line of its output.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The address on which it listens, as it says first.
    fn address(&mut self) -> SocketAddr {
        self.line().strip_prefix("listening on ").unwrap().parse().unwrap()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_ref().unwrap(), "{line}").unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Its exit status, and the rest of its output.
    fn finish(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

#[test]
fn blocking_crate() {
    let (status, output) = Running::start(&example("blocking_crate"), &[]).finish();
    assert_eq!(output, "3000 messages were echoed to 1000 clients\n");
    assert_eq!(status, Some(0));
}

/// A client of the HTTP server that keeps its connection.
struct Client(Http<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Client {
        Client(Http::attach(TcpStream::connect(address, soon()).unwrap()).unwrap())
    }

    fn ask(&self, target: &str) {
        let fields = [("Host", "localhost")];
        self.0.send_request("GET", target, &fields, HttpBody::Empty, soon()).unwrap();
    }

    /// The body of the answer, and whether it is the last one.
    fn answer(&self) -> redill::Result<(String, bool)> {
        let response = self.0.recv_response(soon())?;
        let body = self.0.recv_body(1000, soon())?;
        let last = response.fields.has_token("Connection", "close");
        Ok((String::from_utf8(body).unwrap(), last))
    }
}

#[test]
fn graceful_server_finishes_what_it_has_begun() {
    let mut server = Running::start(&example("graceful_server"), &["127.0.0.1:0", "30"]);
    let address = server.address();
    let (idle, busy) = (Client::connect(address), Client::connect(address));
    for client in [&idle, &busy] {
        client.ask("/");
        assert_eq!(client.answer(), Ok(("Hello!\n".to_owned(), false)));
    }
    busy.ask("/nothing");
    assert_eq!(busy.answer().unwrap().0, "There is no such thing here.\n");
    busy.ask("/slow/500");
    // Its coroutine has the request when it answers the next client.
    let witness = Client::connect(address);
    witness.ask("/");
    witness.answer().unwrap();
    server.signal(Signal::SIGTERM);
    // An idle connection is closed, which no answer announces.
    assert_eq!(idle.answer(), Err(Error::Done));
    // A request under way is answered, with the last answer.
    assert_eq!(busy.answer(), Ok(("Finally!\n".to_owned(), true)));
    assert_eq!(busy.answer(), Err(Error::Done));
    drop((idle, busy, witness));
    let (status, output) = server.finish();
    assert!(output.ends_with("stopped: all requests were finished\n"), "{output}");
    assert_eq!(status, Some(0));
}

#[test]
fn graceful_server_cuts_what_takes_too_long() {
    let mut server = Running::start(&example("graceful_server"), &["127.0.0.1:0", "0"]);
    let address = server.address();
    let client = Client::connect(address);
    client.ask("/slow/3600000");
    let witness = Client::connect(address);
    witness.ask("/");
    witness.answer().unwrap();
    server.signal(Signal::SIGINT);
    assert_eq!(client.answer(), Err(Error::Reset));
    let (status, output) = server.finish();
    assert!(output.ends_with("stopped: some requests were cut\n"), "{output}");
    assert_eq!(status, Some(3));
}

#[test]
fn chat_says_goodbye() {
    let mut server = Running::start(&example("chat"), &["serve", "127.0.0.1:0"]);
    let address = server.address();
    let mut ann = Running::start(&example("chat"), &["join", &address.to_string(), "Ann"]);
    assert_eq!(ann.line(), "joined");
    let join = || {
        let stream = TcpStream::connect(address, soon()).unwrap();
        Ws::connect(stream, "localhost", "/chat", soon()).unwrap()
    };
    let bob = join();
    ann.say("Is anybody here?");
    let heard = bob.recv_message(1000, soon()).unwrap();
    assert_eq!(heard.as_bytes(), b"Ann: Is anybody here?");
    bob.send_text("Bob: I am.", soon()).unwrap();
    assert_eq!(ann.line(), "Bob: I am.");

    // One who leaves: WebSocket's handshake, and TCP's behind it.
    let cid = join();
    cid.detach(1000, "", soon()).unwrap().close(soon()).unwrap();
    assert_eq!(server.line(), "guest 2 has gone");
    // Somewhere else there is nothing.
    let stream = TcpStream::connect(address, soon()).unwrap();
    assert_eq!(Ws::connect(stream, "localhost", "/", soon()).unwrap_err(), Error::Protocol);
    assert!(server.line().starts_with("guest 3 was lost"));

    server.signal(Signal::SIGTERM);
    assert_eq!(bob.recv_message(1000, soon()), Err(Error::Done));
    let reason = bob.close_reason().unwrap();
    assert_eq!((reason.status, &*reason.reason), (1001, "the server is going away"));
    bob.detach(1000, "", soon()).unwrap().close(soon()).unwrap();
    assert_eq!(ann.line(), "closed: 1001 the server is going away");
    let (status, output) = ann.finish();
    assert_eq!((status, &*output), (Some(0), "left\n"));
    let (status, output) = server.finish();
    assert_eq!(output.matches("has gone").count(), 2, "{output}");
    assert_eq!(status, Some(0));
}
