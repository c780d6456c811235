//! Operations of the Rust API, as those of `basics.c` and `counted.c`.

use super::counting::{Benchmark, Result};
use redill::{Bundle, Deadline, channel, choose};
use std::time::{Duration, Instant};

const NEVER: Deadline = Deadline::NEVER;

fn yield_among(coroutines: u64, n: u64) -> Result<Duration> {
    let bundle = Bundle::new()?;
    for i in 0..coroutines {
        // All of them together do just so many.
        let share = n / coroutines + u64::from(i < n % coroutines);
        bundle.go(move || {
            for _ in 0..share {
                let _ = redill::yield_now();
            }
        })?;
    }
    let start = Instant::now();
    bundle.wait(NEVER)?;
    Ok(start.elapsed())
}

fn yield_2(n: u64) -> Result<Duration> {
    yield_among(2, n)
}

fn yield_1000(n: u64) -> Result<Duration> {
    yield_among(1000, n)
}

fn go_finish(n: u64) -> Result<Duration> {
    let bundle = Bundle::new()?;
    let start = Instant::now();
    for _ in 0..n {
        bundle.go(|| {})?;
    }
    Ok(start.elapsed())
}

fn go_finish_close(n: u64) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..n {
        let bundle = Bundle::new()?;
        bundle.go(|| {})?;
    }
    Ok(start.elapsed())
}

fn channel_message(n: u64) -> Result<Duration> {
    let (requests, inbox) = channel::<i32>()?;
    let (outbox, replies) = channel::<i32>()?;
    let bundle = Bundle::new()?;
    bundle.go(move || {
        while let Ok(value) = inbox.recv(NEVER) {
            if outbox.send(value, NEVER).is_err() {
                return;
            }
        }
    })?;
    let start = Instant::now();
    for _ in 0..n / 2 {
        requests.send(1, NEVER)?;
        replies.recv(NEVER)?;
    }
    if n % 2 == 1 {
        requests.send(1, NEVER)?;
    }
    Ok(start.elapsed())
}

fn go_cancel_blocked(n: u64) -> Result<Duration> {
    let (tx, rx) = channel::<i32>()?;
    let start = Instant::now();
    for _ in 0..n {
        let bundle = Bundle::new()?;
        let rx = rx.clone();
        bundle.go(move || while rx.recv(NEVER).is_ok() {})?;
    }
    let elapsed = start.elapsed();
    drop(tx);
    Ok(elapsed)
}

fn spawn_join(n: u64) -> Result<Duration> {
    let bundle = Bundle::new()?;
    let start = Instant::now();
    for i in 0..n {
        bundle.spawn(move || i)?.join(NEVER)?;
    }
    Ok(start.elapsed())
}

/// A receive that waits with a deadline, which never comes.
fn receive_duration(n: u64) -> Result<Duration> {
    let (tx, rx) = channel::<i32>()?;
    let bundle = Bundle::new()?;
    bundle.go(move || while tx.send(1, NEVER).is_ok() && redill::yield_now().is_ok() {})?;
    rx.recv(NEVER)?;
    let start = Instant::now();
    for _ in 0..n {
        rx.recv(Duration::from_secs(60))?;
    }
    Ok(start.elapsed())
}

/// A `choose!` that finds no arm ready, and waits.
fn choose_wait_2(n: u64) -> Result<Duration> {
    let (_silent, left) = channel::<i32>()?;
    let (tx, right) = channel::<i32>()?;
    let bundle = Bundle::new()?;
    bundle.go(move || while tx.send(1, NEVER).is_ok() && redill::yield_now().is_ok() {})?;
    right.recv(NEVER)?;
    let start = Instant::now();
    for _ in 0..n {
        choose! {
            recv(left) -> value => { value?; },
            recv(right) -> value => { value?; },
        }?;
    }
    Ok(start.elapsed())
}

pub const BENCHMARKS: [Benchmark; 9] = [
    ("yield_2", yield_2),
    ("yield_1000", yield_1000),
    ("go_finish", go_finish),
    ("go_finish_close", go_finish_close),
    ("channel_message", channel_message),
    ("go_cancel_blocked", go_cancel_blocked),
    ("spawn_join", spawn_join),
    ("receive_duration", receive_duration),
    ("choose_wait_2", choose_wait_2),
];
