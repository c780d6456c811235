//! Runs a benchmark a counted number of times.

use std::error::Error;
use std::time::Duration;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A name, and what runs so many operations and returns how long that took.
pub type Benchmark = (&'static str, fn(u64) -> Result<Duration>);

/// Does what the arguments of a program ask for: `--list` prints the names, `NAME OPERATIONS` the
/// nanoseconds per operation. Returns false where they ask for something else.
pub fn run(arguments: &[String], benchmarks: &[Benchmark]) -> Result<bool> {
    match arguments {
        [list] if list == "--list" => benchmarks.iter().for_each(|(name, _)| println!("{name}")),
        [name, n] if n.parse::<u64>().is_ok() => {
            let n = n.parse()?;
            let run = benchmarks.iter().find(|(known, _)| known == name).ok_or("no such name")?.1;
            println!("{:.1}", run(n)?.as_secs_f64() * 1e9 / n as f64);
        }
        _ => return Ok(false),
    }
    Ok(true)
}
