//! Times one operation of the Rust API, as `basics.c` does for C: compare the two.
//!
//! Usage: `rust_basics NAME ITERATIONS`; prints nanoseconds per operation. `--list` names them.

use dill::{Bundle, Deadline, channel};
use std::time::Instant;

const NEVER: Deadline = Deadline::NEVER;

fn per_operation(start: Instant, operations: u64) -> f64 {
    start.elapsed().as_secs_f64() * 1e9 / operations as f64
}

fn yield_among(coroutines: u64, n: u64) -> dill::Result<f64> {
    let bundle = Bundle::new()?;
    for _ in 0..coroutines {
        bundle.go(move || {
            for _ in 0..n / coroutines {
                let _ = dill::yield_now();
            }
        })?;
    }
    let start = Instant::now();
    bundle.wait(NEVER)?;
    Ok(per_operation(start, n))
}

fn yield_2(n: u64) -> dill::Result<f64> {
    yield_among(2, n)
}

fn yield_1000(n: u64) -> dill::Result<f64> {
    yield_among(1000, n)
}

fn go_finish(n: u64) -> dill::Result<f64> {
    let bundle = Bundle::new()?;
    let start = Instant::now();
    for _ in 0..n {
        bundle.go(|| {})?;
    }
    Ok(per_operation(start, n))
}

fn go_finish_close(n: u64) -> dill::Result<f64> {
    let start = Instant::now();
    for _ in 0..n {
        let bundle = Bundle::new()?;
        bundle.go(|| {})?;
    }
    Ok(per_operation(start, n))
}

fn channel_message(n: u64) -> dill::Result<f64> {
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
    Ok(per_operation(start, n))
}

fn go_cancel_blocked(n: u64) -> dill::Result<f64> {
    let (tx, rx) = channel::<i32>()?;
    let start = Instant::now();
    for _ in 0..n {
        let bundle = Bundle::new()?;
        let rx = rx.clone();
        bundle.go(move || while rx.recv(NEVER).is_ok() {})?;
    }
    drop(tx);
    Ok(per_operation(start, n))
}

fn spawn_join(n: u64) -> dill::Result<f64> {
    let bundle = Bundle::new()?;
    let start = Instant::now();
    for i in 0..n {
        bundle.spawn(move || i)?.join(NEVER)?;
    }
    Ok(per_operation(start, n))
}

type Benchmark = (&'static str, fn(u64) -> dill::Result<f64>);

const BENCHMARKS: [Benchmark; 7] = [
    ("yield_2", yield_2),
    ("yield_1000", yield_1000),
    ("go_finish", go_finish),
    ("go_finish_close", go_finish_close),
    ("channel_message", channel_message),
    ("go_cancel_blocked", go_cancel_blocked),
    ("spawn_join", spawn_join),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match &arguments[..] {
        [list] if list == "--list" => BENCHMARKS.iter().for_each(|(name, _)| println!("{name}")),
        [name, n] => {
            let (_, run) =
                BENCHMARKS.iter().find(|(known, _)| known == name).ok_or("no such benchmark")?;
            println!("{:.1}", run(n.parse()?)?);
        }
        _ => {
            for (name, run) in BENCHMARKS {
                println!("{name:<20} {:>8.1} ns", run(2_000_000)?);
            }
        }
    }
    Ok(())
}
