//! Times the operations of the Rust API, as `basics.c` does for C: compare the two.
//! `harness::main` has the usage.

mod harness;
#[path = "harness/operations.rs"]
mod operations;

use harness::{Result, counting};

fn main() -> Result<()> {
    harness::main("rust_basics", &operations::BENCHMARKS)
}
