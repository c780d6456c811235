//! Graceful shutdown, from the trivial case to trees of bundles.
//!
//! Run it with `DILL_CLOCK=virtual` to see it all at once.

mod common;

use common::{Story, ms};
use redill::{Bundle, Deadline, Error, Grace, Result, Signal, channel};

const NEVER: Deadline = Deadline::NEVER;

/// One worker; after a while it is asked to finish, and has ten seconds to do so.
pub fn trivial_case() -> Result<Story> {
    let story = Story::begin("The trivial case");
    let (jobs, inbox) = channel::<u32>()?;
    let bundle = Bundle::new()?;
    bundle.notify(&jobs)?;
    let s = story.clone();
    bundle.go(move || {
        for job in inbox.iter() {
            s.tell("worker", format_args!("job {job}"));
            let _ = redill::sleep(ms(1000));
        }
        s.tell("worker", "asked to finish, cleans up");
        let _ = redill::sleep(ms(500));
    })?;
    for job in 0..3 {
        jobs.send(job, NEVER)?;
    }
    let outcome = bundle.cancel(ms(10_000))?;
    story.tell("main", format_args!("{outcome:?}"));
    Ok(story)
}

/// A worker that has workers of its own, with another period, and these again. Nobody knows how
/// many levels there are.
pub fn three_levels() -> Result<Story> {
    fn level(story: &Story, depth: u64) -> Result<()> {
        let request = redill::request()?;
        let children = Bundle::new()?;
        if depth < 3 {
            let s = story.clone();
            children.go(move || drop(level(&s, depth + 1)))?;
        }
        request.wait(NEVER)?;
        story.tell("level", format_args!("{depth} asked"));
        // Each level has a period of its own choice for the one below.
        let outcome = children.cancel(ms(4000 - 1000 * depth));
        redill::sleep(ms(500))?;
        story.tell("level", format_args!("{depth} done, below it: {outcome:?}"));
        Ok(())
    }
    let story = Story::begin("Three levels");
    let bundle = Bundle::new()?;
    let s = story.clone();
    bundle.go(move || drop(level(&s, 1)))?;
    redill::sleep(ms(1000))?;
    let outcome = bundle.cancel(ms(10_000))?;
    story.tell("main", format_args!("{outcome:?}"));
    Ok(story)
}

/// Code that is unaware of deadlines passes on the period that it was given itself.
pub fn inherited_period() -> Result<Story> {
    let story = Story::begin("An inherited period");
    let server = Bundle::new()?;
    let s = story.clone();
    server.go(move || {
        let connections = Bundle::new().unwrap();
        for (name, duration) in [("short", 2000), ("long", 9000)] {
            let s = s.clone();
            connections
                .go(move || match redill::sleep(ms(duration)) {
                    Ok(()) => s.tell(name, "done"),
                    Err(error) => s.tell(name, error),
                })
                .unwrap();
        }
        redill::request().unwrap().wait(NEVER).unwrap();
        s.tell("server", "accepts no more");
        // Whatever it is, and however long ago it began.
        let outcome = connections.cancel(Grace::Inherit);
        s.tell("server", format_args!("{outcome:?}"));
    })?;
    redill::sleep(ms(500))?;
    let outcome = server.cancel(ms(5000))?;
    story.tell("main", format_args!("{outcome:?}"));
    Ok(story)
}

/// The chain A–B–C passes the request on, so C ends gracefully. D knows nothing of requests, so E
/// beneath it is hard-cancelled with it, when A's period is over. F has never heard of requests
/// either, but is done before that: it notices nothing.
pub fn uninterrupted_chain() -> Result<Story> {
    fn sleeper(story: &Story, name: &'static str) {
        if let Err(error) = redill::sleep(NEVER) {
            story.tell(name, error);
        }
    }
    let story = Story::begin("The uninterrupted chain");
    let a = Bundle::new()?;
    let s = story.clone();
    a.go(move || {
        let b = Bundle::new().unwrap();
        b.follow().unwrap();
        let c = s.clone();
        b.go(move || {
            redill::request().unwrap().wait(NEVER).unwrap();
            redill::sleep(ms(1000)).unwrap();
            c.tell("C", "ends gracefully");
        })
        .unwrap();
        b.wait(NEVER).unwrap();
    })?;
    let s = story.clone();
    a.go(move || {
        let d = Bundle::new().unwrap();
        d.go(move || sleeper(&s, "E")).unwrap();
        let _ = d.wait(NEVER);
    })?;
    let s = story.clone();
    a.go(move || {
        redill::sleep(ms(3000)).unwrap();
        s.tell("F", "completes its work");
    })?;
    let outcome = a.cancel(ms(10_000))?;
    story.tell("A", format_args!("{outcome:?}"));
    Ok(story)
}

/// An owner that needs its children for its own clean-up asks them last.
pub fn postponed_children() -> Result<Story> {
    let story = Story::begin("Postponed children");
    let (work, stop) = channel::<()>()?;
    let caches = Bundle::new()?;
    caches.notify(&work)?;
    let s = story.clone();
    caches.go(move || {
        let (pages, inbox) = channel::<u32>().unwrap();
        let disk = Bundle::new().unwrap();
        disk.notify(&pages).unwrap();
        let d = s.clone();
        disk.go(move || {
            for page in inbox.iter() {
                redill::sleep(ms(500)).unwrap();
                d.tell("disk", format_args!("page {page} written"));
            }
            d.tell("disk", "asked to finish");
        })
        .unwrap();
        assert_eq!(stop.recv(NEVER), Err(Error::Done));
        s.tell("cache", "asked to finish, writes its pages first");
        for page in 0..2 {
            pages.send(page, NEVER).unwrap();
        }
        disk.cancel(Grace::Inherit).unwrap();
        s.tell("cache", "done");
    })?;
    let outcome = caches.cancel(ms(5000))?;
    story.tell("main", format_args!("{outcome:?}"));
    Ok(story)
}

/// ^C arrives while a worker fails at the same moment, and the failure is seen to first. As ^C is
/// a message, it waits until it is received: nothing that goes wrong elsewhere can swallow it.
pub fn ctrl_c_is_not_lost() -> Result<Story> {
    let story = Story::begin("^C is not lost");
    let signals = redill::signals([Signal::INTERRUPT])?;
    let (failures, failed) = channel::<&str>()?;
    let (asks, asked) = channel::<()>()?;
    let workers = Bundle::new()?;
    workers.notify(&asks)?;
    workers.go(move || {
        redill::sleep(ms(1000)).unwrap();
        // SAFETY: raises a signal that the channel above catches.
        unsafe { libc::raise(libc::SIGINT) };
        failures.send("out of ink", NEVER).unwrap();
    })?;
    let s = story.clone();
    workers.go(move || {
        let _ = asked.recv(NEVER);
        s.tell("sibling", "asked to finish");
    })?;
    story.tell("main", format_args!("a worker has failed: {}", failed.recv(NEVER)?));
    // Nobody listens for signals meanwhile.
    redill::sleep(ms(3000))?;
    story.tell("main", format_args!("{:?}", signals.recv(Deadline::NOW)?));
    let outcome = workers.cancel(ms(1000))?;
    story.tell("main", format_args!("{outcome:?}"));
    Ok(story)
}

#[allow(dead_code)] // a test includes this file
fn main() -> Result<()> {
    trivial_case()?;
    three_levels()?;
    inherited_period()?;
    uninterrupted_chain()?;
    postponed_children()?;
    ctrl_c_is_not_lost()?;
    Ok(())
}
