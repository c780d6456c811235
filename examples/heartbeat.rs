//! A heartbeat over WebSocket: is the peer alive that says nothing?
//!
//! Run it with `DILL_CLOCK=virtual` to see it all at once.

mod common;

use common::{Story, ms};
use redill::{Bundle, CancelScope, Deadline, Error, Result, UnixStream, Ws};

const NEVER: Deadline = Deadline::NEVER;

/// A heartbeat: a receive that has timed out has taken nothing, and the next one goes on.
pub fn heartbeat() -> Result<Story> {
    const MOST: u32 = 2;
    fn serve(story: &Story, socket: Ws<UnixStream>) -> Result<()> {
        let mut silent = 0;
        loop {
            let receive = || socket.recv_vec(100, ms(1000));
            match CancelScope::request().run(receive)?.0 {
                Ok(message) => {
                    silent = 0;
                    story.tell("server", String::from_utf8_lossy(&message));
                }
                Err(Error::TimedOut) if silent < MOST => {
                    silent += 1;
                    story.tell("server", "sends a heartbeat");
                    socket.send(b"alive?", ms(1000))?;
                }
                Err(Error::TimedOut) => {
                    story.tell("server", "gives the peer up");
                    return Ok(());
                }
                Err(_) => {
                    story.tell("server", "asked to finish, says goodbye");
                    return socket.detach(1001, "bye", ms(1000)).map(drop);
                }
            }
        }
    }
    fn answer(story: &Story, socket: Ws<UnixStream>, mut answers: u32) -> Result<()> {
        let result = loop {
            match socket.recv_vec(100, NEVER) {
                Ok(_) if answers == 0 => {}
                Ok(_) => {
                    answers -= 1;
                    socket.send(b"alive", NEVER)?;
                }
                Err(error) => break error,
            }
        };
        story.tell("peer", result);
        Ok(())
    }
    let story = Story::begin("A heartbeat");
    for answers in [1, 9] {
        let (here, there) = UnixStream::pair()?;
        let (here, there) = (Ws::raw_server(here)?.text(), Ws::raw_client(there)?.text());
        let (servers, peers) = (Bundle::new()?, Bundle::new()?);
        let (s, p) = (story.clone(), story.clone());
        servers.go(move || drop(serve(&s, here)))?;
        peers.go(move || drop(answer(&p, there, answers)))?;
        servers.wait(ms(5500)).or_else(|error| match error {
            Error::TimedOut => Ok(()),
            error => Err(error),
        })?;
        story.tell("main", format_args!("{:?}", servers.cancel(ms(2000))?));
        peers.wait(NEVER)?;
    }
    Ok(story)
}

#[allow(dead_code)] // a test includes this file
fn main() -> Result<()> {
    heartbeat()?;
    Ok(())
}
