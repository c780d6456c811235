//! The operations of the Rust API for counting instructions (`c-tests/costs`). It needs only the
//! library, so that `rustc` compiles it without Cargo. `counting::run` has the usage.

#[path = "counting.rs"]
mod counting;
#[path = "operations.rs"]
mod operations;

fn main() -> counting::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match counting::run(&arguments, &operations::BENCHMARKS)? {
        true => Ok(()),
        false => Err("usage: --list | NAME OPERATIONS".into()),
    }
}
