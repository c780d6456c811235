//! A chat over WebSocket. Whatever one says, all others hear.
//!
//! ```text
//! chat serve [ADDRESS]         for any number of clients, browsers among them
//! chat join ADDRESS NAME       says what it reads from its standard input
//! ```
//!
//! A server that is asked to stop (SIGTERM or ^C) tells its clients so, by WebSocket's own closing
//! handshake: each gets a Close frame behind all that was said before, and answers with its own. Then
//! both know that nothing was lost. A client does the same when its input ends.

use redill::{
    Bundle, Deadline, Error, Grace, Outcome, Receiver, Result, Sender, Signal, TcpListener,
    TcpStream, Ws, WsMessage, channel, choose,
};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of a message at most.
const LONGEST: usize = 10_000;
/// How long a client may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// WebSocket's status for those who leave.
const GOING_AWAY: u16 = 1001;
const NORMAL: u16 = 1000;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve("127.0.0.1:8081"),
        ["serve", address] => serve(address),
        ["join", address, name] => join(address, name).map(|()| ExitCode::SUCCESS),
        _ => {
            eprintln!("usage: chat serve [ADDRESS] | chat join ADDRESS NAME");
            Ok(ExitCode::from(2))
        }
    }
}

// ---------------------------------------------------------------------------------------- server

/// What is said to one client: its coroutine receives from the other end.
type Line = Rc<str>;

/// All who are there.
#[derive(Default)]
struct Room {
    guests: RefCell<Vec<(u64, Sender<Line>)>>,
}

impl Room {
    /// Tells everybody else.
    fn tell(&self, from: u64, line: &Line) {
        // A copy: the list may change while one of them is waited for.
        let guests = self.guests.borrow().clone();
        for (number, guest) in guests {
            if number != from {
                // Who doesn't take it in time misses it, and who has gone is gone.
                let _ = guest.send(line.clone(), PATIENCE);
            }
        }
    }
}

fn serve(address: &str) -> Result<ExitCode> {
    let signals = redill::signals([Signal::TERMINATE, Signal::INTERRUPT])?;
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let room = Rc::new(Room::default());
    let guests = Bundle::new()?;
    for number in 0.. {
        let stream = choose! {
            recv(signals) -> _ => break,
            input(listener) -> input => input.and_then(|()| listener.accept(Deadline::NOW)),
        }?;
        let Ok((stream, _)) = stream else { continue };
        let room = room.clone();
        guests.go(move || match guest(stream, number, &room) {
            Ok(()) => println!("guest {number} has gone"),
            Err(error) => println!("guest {number} was lost: {error}"),
        })?;
    }
    drop(listener);
    match guests.cancel(Grace::Within(PATIENCE))? {
        Outcome::Finished => Ok(ExitCode::SUCCESS),
        Outcome::Forced => Ok(ExitCode::from(3)),
    }
}

/// Serves one client.
fn guest(stream: TcpStream, number: u64, room: &Rc<Room>) -> Result<()> {
    let ws = Rc::new(Ws::accept_if(stream, |request| request.resource == "/chat", PATIENCE)?);
    let (to_guest, lines) = channel()?;
    room.guests.borrow_mut().push((number, to_guest));
    let writers = Bundle::new()?;
    writers.go({
        let ws = ws.clone();
        move || write_lines(&ws, &lines)
    })?;
    let outcome = listen(&ws, number, room);
    // With the last sender gone the writer finishes, when it has said everything.
    room.guests.borrow_mut().retain(|(other, _)| *other != number);
    writers.wait(PATIENCE)?;
    outcome?;
    let ws = Rc::into_inner(ws).expect("the writer has finished");
    // Closes, unless the guest has done so, and waits until it has.
    ws.detach(GOING_AWAY, "the server is going away", PATIENCE)?.close(PATIENCE)
}

/// Hears what a guest says, until it leaves or everybody has to.
fn listen(ws: &Ws<TcpStream>, number: u64, room: &Room) -> Result<()> {
    let stop = redill::request()?;
    loop {
        choose! {
            input(ws) -> input => input?,
            request(stop) -> _ => return Ok(()),
        }?;
        match ws.recv_message(LONGEST, PATIENCE) {
            Ok(WsMessage::Text(text)) => room.tell(number, &text.into()),
            Ok(WsMessage::Binary(_)) => return Err(Error::Protocol),
            Err(Error::Done) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Tells a guest what the others say.
fn write_lines(ws: &Ws<TcpStream>, lines: &Receiver<Line>) {
    for line in lines.iter() {
        if ws.send_text(&line, PATIENCE).is_err() {
            return;
        }
    }
}

// ---------------------------------------------------------------------------------------- client

fn join(address: &str, name: &str) -> Result<()> {
    let stream = TcpStream::connect(address, PATIENCE)?;
    let ws = Ws::connect(stream, address, "/chat", PATIENCE)?;
    println!("joined");
    // Without the buffer of the standard library: what is in there, nobody would wait for.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut typed = Vec::new();
    loop {
        let mut buffer = [0; 1000];
        let came = choose! {
            input(ws) -> input => {
                input?;
                match ws.recv_message(LONGEST, PATIENCE) {
                    Ok(message) => println!("{}", String::from_utf8_lossy(message.as_bytes())),
                    Err(Error::Done) => break,
                    Err(error) => return Err(error),
                }
                None
            }
            readable(input) -> ready => {
                ready?;
                Some(input.read(&mut buffer)?)
            }
        }?;
        match came {
            None => {}
            Some(0) => break,
            Some(count) => typed.extend_from_slice(&buffer[..count]),
        }
        while let Some(end) = typed.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = typed.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]);
            ws.send_text(&format!("{name}: {line}"), PATIENCE)?;
        }
    }
    if let Some(reason) = ws.close_reason() {
        println!("closed: {} {}", reason.status, reason.reason);
    }
    ws.detach(NORMAL, "", PATIENCE)?.close(PATIENCE)?;
    println!("left");
    Ok(())
}
