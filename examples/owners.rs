//! Who owns coroutines, and stretches of code that end.
//!
//! Run it with `DILL_CLOCK=virtual` to see it all at once.

mod common;

use common::{Story, ms};
use redill::{
    Bundle, CancelScope, Deadline, Error, Fired, Grace, Result, Sender, UnixStream, Ws, channel,
};
use std::cell::Cell;
use std::rc::Rc;

const NEVER: Deadline = Deadline::NEVER;

/// The producer is interrupted, the queue is drained, every consumer sees the end, and nothing is
/// lost.
pub fn producer_and_consumers() -> Result<Story> {
    fn produce(queue: &Sender<u32>) -> Result<()> {
        for n in 1.. {
            redill::sleep(ms(100))?;
            queue.send(n, NEVER)?;
        }
        Ok(())
    }
    let story = Story::begin("Producer and consumers");
    let consumed = Rc::new(Cell::new(0));
    let bundle = Bundle::new()?;
    let (queue, items) = channel()?;
    for name in ["left", "right"] {
        let (s, items, consumed) = (story.clone(), items.clone(), consumed.clone());
        bundle.go(move || {
            for _ in items.iter() {
                redill::sleep(ms(150)).unwrap();
                consumed.set(consumed.get() + 1);
            }
            s.tell(name, "the queue is empty");
        })?;
    }
    let s = story.clone();
    bundle.go(move || {
        // Dropping the queue at the end is the sentinel that reaches all.
        let (result, fired) = CancelScope::request().run(|| produce(&queue)).unwrap();
        assert_eq!((result, fired), (Err(Error::Canceled), Some(Fired::Request)));
        s.tell("producer", "interrupted");
    })?;
    redill::sleep(ms(1050))?;
    let outcome = bundle.cancel(Grace::Unlimited)?;
    story.tell("main", format_args!("{outcome:?}, {} consumed", consumed.get()));
    Ok(story)
}

/// A foreign accept loop knows nothing of requests. A cancel scope around it ends it at the
/// request, and what comes behind it has its whole period.
pub fn upgrade_to_hard() -> Result<Story> {
    fn foreign_accept_loop(story: &Story) -> Result<()> {
        loop {
            redill::sleep(ms(400))?;
            story.tell("loop", "a connection");
        }
    }
    let story = Story::begin("Upgrade graceful to hard");
    let bundle = Bundle::new()?;
    let s = story.clone();
    bundle.go(move || {
        let (result, _) = CancelScope::request().run(|| foreign_accept_loop(&s)).unwrap();
        s.tell("server", format_args!("the loop has ended: {}", result.unwrap_err()));
        redill::sleep(ms(1000)).unwrap();
        s.tell("server", "all is tidy");
    })?;
    redill::sleep(ms(1000))?;
    let outcome = bundle.cancel(ms(5000))?;
    story.tell("main", format_args!("{outcome:?}"));
    Ok(story)
}

/// Scopes in scopes, and a part that the outer ones don't reach.
pub fn nested_scopes() -> Result<Story> {
    let story = Story::begin("Nested scopes");
    let step = |name: &str, milliseconds| {
        let result = redill::sleep(ms(milliseconds));
        story.tell(name, if result.is_ok() { "done" } else { "cut" });
        result
    };
    let (_, first) = CancelScope::new().deadline(ms(1000)).run(|| {
        let (_, second) = CancelScope::new().deadline(ms(5000)).run(|| {
            let _ = step("second", 2000);
            let _ = CancelScope::shield().run(|| step("shielded", 500));
            step("after the shield", 500)
        })?;
        assert_eq!(second, None, "it was the outer one");
        redill::yield_now()
    })?;
    assert_eq!(first, Some(Fired::Deadline));
    step("outside", 500)?;
    Ok(story)
}

/// An object on the heap that owns its coroutine, and ends it in its destructor.
pub fn keepalive_object() -> Result<Story> {
    struct Connection {
        pings: Rc<Cell<u32>>,
        // Ends with the object.
        _keepalive: Bundle,
    }
    impl Connection {
        fn open(story: &Story) -> Result<Box<Connection>> {
            let (pings, keepalive) = (Rc::new(Cell::new(0)), Bundle::new()?);
            let (s, count) = (story.clone(), pings.clone());
            keepalive.go(move || {
                while redill::sleep(ms(1000)).is_ok() {
                    count.set(count.get() + 1);
                }
                s.tell("keepalive", "ended");
            })?;
            Ok(Box::new(Connection { pings, _keepalive: keepalive }))
        }
    }
    let story = Story::begin("A keep-alive object");
    let connection = Connection::open(&story)?;
    redill::sleep(ms(3500))?;
    story.tell("main", format_args!("{} pings", connection.pings.get()));
    drop(connection);
    story.tell("main", "closed");
    Ok(story)
}

/// A function launches coroutines and hands them to its caller: a bundle is a value.
pub fn hand_a_bundle_up() -> Result<Story> {
    fn start_workers(story: &Story) -> Result<Bundle> {
        let bundle = Bundle::new()?;
        for n in 1..=2 {
            let story = story.clone();
            bundle.go(move || {
                if redill::sleep(ms(1000 * n)).is_ok() {
                    story.tell("worker", n);
                }
            })?;
        }
        Ok(bundle)
    }
    let story = Story::begin("A bundle is handed up");
    let workers = start_workers(&story)?;
    story.tell("main", "has them now");
    workers.wait(NEVER)?;
    Ok(story)
}

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
    producer_and_consumers()?;
    upgrade_to_hard()?;
    nested_scopes()?;
    keepalive_object()?;
    hand_a_bundle_up()?;
    heartbeat()?;
    Ok(())
}
