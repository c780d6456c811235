//! Runs benchmarks under criterion, or one of them a counted number of times: for valgrind, which
//! counts instructions, and for programs of C beside it.

pub mod counting;

use counting::Benchmark;
pub use counting::Result;
use criterion::Criterion;

/// Usage: that of [`counting::run`]. Anything else is criterion's, which keeps the results in
/// `target/criterion/GROUP/NAME`.
pub fn main(group: &str, benchmarks: &[Benchmark]) -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if counting::run(&arguments, benchmarks)? {
        return Ok(());
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(group);
    for (name, run) in benchmarks {
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|n| run(n).expect("the benchmark works"));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
