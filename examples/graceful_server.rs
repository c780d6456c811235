//! A small HTTP/1.1 server that shuts down gracefully.
//!
//! ```text
//! graceful_server [ADDRESS] [GRACE in seconds]
//!
//! GET /           is answered at once
//! GET /slow/N     is answered after N milliseconds
//! ```
//!
//! On SIGTERM or ^C it stops accepting connections at once. Connections without a request are
//! closed, running requests are finished; what still runs when the grace period is over is cut.
//! A second signal kills. Exit status: 0 all requests were finished, 3 some were cut.
//!
//! Who knows what is the point of it all. `main` knows how long a shutdown may take, and nothing
//! about HTTP; the signal reaches it as a message. The accept loop and the connections know that
//! they may be asked to stop: one more thing to wait for, at the one place where each of them waits
//! anyway. They know neither by whom nor how long they have. When the grace period ends, each of
//! their blocking calls fails, and they unwind by their usual error path.

use redill::{
    Bundle, Deadline, Error, Grace, Http, HttpBody, HttpRequest, Outcome, Request, Result, Signal,
    TcpListener, TcpStream, choose,
};
use std::process::ExitCode;
use std::time::Duration;

/// How long a client may keep a connection waiting.
const IDLE: Duration = Duration::from_secs(60);
/// How long a client may take for the last answer and its goodbye.
const LINGER: Duration = Duration::from_secs(1);
/// Connections that the system may have accepted for us.
const BACKLOG: u32 = 128;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let grace = arguments.next().map_or(Ok(10), |text| text.parse()).map_err(Error::other)?;

    let signals = redill::signals([Signal::TERMINATE, Signal::INTERRUPT])?;
    let listener = TcpListener::bind_with_backlog(address, BACKLOG)?;
    println!("listening on {}", listener.local_addr()?);

    let server = Bundle::new()?;
    server.go(move || {
        if let Err(error) = accept_loop(listener) {
            eprintln!("accept loop: {error}");
        }
    })?;
    choose! {
        recv(signals) -> signal => println!("got {:?}: {grace} s of grace", signal?),
        finished(server) -> _ => return Ok(ExitCode::FAILURE),
    }?;
    // One request to stop is enough: the next signal does what it always does.
    drop(signals);
    match server.cancel(Grace::Within(Duration::from_secs(grace)))? {
        Outcome::Finished => {
            println!("stopped: all requests were finished");
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Forced => {
            println!("stopped: some requests were cut");
            Ok(ExitCode::from(3))
        }
    }
}

/// Accepts connections until it is asked to stop, then asks the same of them.
fn accept_loop(listener: TcpListener) -> Result<()> {
    let stop = redill::request()?;
    let connections = Bundle::new()?;
    let accept = || -> Result<()> {
        let (stream, _) = listener.accept(Deadline::NOW)?;
        connections.go(move || drop(connection(stream)))
    };
    loop {
        let going_on = choose! {
            request(stop) -> _ => false,
            input(listener) -> input => {
                input?;
                match accept() {
                    // The client may have given up meanwhile.
                    Ok(()) | Err(Error::TimedOut) => {}
                    Err(Error::Canceled) => return Err(Error::Canceled),
                    // No descriptors left: some connection has to end first.
                    Err(_) => redill::sleep(Duration::from_millis(100))?,
                }
                true
            }
        }?;
        if !going_on {
            break;
        }
    }
    // Connections that the system has accepted already are clients like all others.
    while accept().is_ok() {}
    drop(listener);
    println!("stopping: no new connections");
    // Without a limit: whoever has launched us has one, and ends this wait with it.
    connections.cancel(Grace::Unlimited)?;
    Ok(())
}

/// Serves requests until the client goes, or we are asked to stop between two of them.
fn connection(stream: TcpStream) -> Result<()> {
    let stop = redill::request()?;
    let http = Http::attach(stream)?;
    loop {
        // A request that is here goes before a request to stop.
        let coming = choose! {
            input(http) -> input => input.is_ok(),
            request(stop) -> _ => false,
            deadline(IDLE),
        }?;
        if !coming || !serve(&http, &stop)? {
            break;
        }
    }
    http.detach(LINGER)?.close(LINGER)
}

/// Serves a request; false if it was the last one.
fn serve(http: &Http<TcpStream>, stop: &Request) -> Result<bool> {
    let request = match http.recv_request(IDLE) {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(false),
        Err(Error::Protocol | Error::MessageSize) => {
            let body = HttpBody::Whole(b"That is no request.\n");
            http.send_response(400, "Bad Request", &[("Connection", "close")], body, IDLE)?;
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let (status, reason, text) = answer(&request)?;
    // If we have been asked to stop, the client learns it with its last answer.
    let last = request.fields.has_token("Connection", "close")
        || stop.wait(Deadline::NOW) != Err(Error::TimedOut);
    let close = [("Content-Type", "text/plain"), ("Connection", "close")];
    let fields = if last { &close[..] } else { &close[..1] };
    http.send_response(status, reason, fields, HttpBody::Whole(text.as_bytes()), IDLE)?;
    Ok(!last)
}

/// Does the work of a request.
fn answer(request: &HttpRequest) -> Result<(u16, &'static str, &'static str)> {
    if !matches!(&*request.method, "GET" | "HEAD") {
        return Ok((501, "Not Implemented", "Only GET and HEAD, please.\n"));
    }
    if request.target == "/" {
        return Ok((200, "OK", "Hello!\n"));
    }
    match request.target.strip_prefix("/slow/").map(str::parse) {
        Some(Ok(milliseconds)) => {
            // Stands for any work that takes its time and never heard of shutting down.
            redill::sleep(Duration::from_millis(milliseconds))?;
            Ok((200, "OK", "Finally!\n"))
        }
        _ => Ok((404, "Not Found", "There is no such thing here.\n")),
    }
}
