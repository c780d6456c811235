//! Runs benchmarks under criterion, or one of them a counted number of times: for valgrind, which
//! counts instructions, and for programs of C beside it.

use criterion::Criterion;
use std::error::Error;
use std::time::Duration;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A name, and what runs so many operations; how long that took.
pub type Benchmark = (&'static str, fn(u64) -> Result<Duration>);

/// Usage: `PROGRAM NAME OPERATIONS` prints nanoseconds per operation, `PROGRAM --list` the names.
/// Anything else is criterion's, which keeps the results in `target/criterion/GROUP/NAME`.
pub fn main(group: &str, benchmarks: &[Benchmark]) -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match &arguments[..] {
        [list] if list == "--list" => benchmarks.iter().for_each(|(name, _)| println!("{name}")),
        [name, n] if n.parse::<u64>().is_ok() => {
            let n = n.parse()?;
            let run = benchmarks.iter().find(|(known, _)| known == name).ok_or("no such name")?.1;
            println!("{:.1}", run(n)?.as_secs_f64() * 1e9 / n as f64);
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            let mut group = criterion.benchmark_group(group);
            for (name, run) in benchmarks {
                group.bench_function(*name, |bencher| {
                    bencher.iter_custom(|n| run(n).expect("the benchmark works"));
                });
            }
            group.finish();
            criterion.final_summary();
        }
    }
    Ok(())
}
