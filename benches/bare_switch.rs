//! A limit to compare with: a switch between stacks by corosensei, with no scheduler around it.
//! `harness::main` has the usage.

mod harness;

use corosensei::{Coroutine, CoroutineResult};
use harness::Result;
use std::time::{Duration, Instant};

fn corosensei_switch(n: u64) -> Result<Duration> {
    // Each turn is two switches: there and back.
    let turns = n.div_ceil(2);
    let mut coroutine = Coroutine::new(move |yielder, ()| {
        for _ in 0..turns {
            yielder.suspend(());
        }
    });
    let start = Instant::now();
    for _ in 0..turns {
        assert!(matches!(coroutine.resume(()), CoroutineResult::Yield(())));
    }
    let elapsed = start.elapsed();
    assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
    // An odd number has one switch too many.
    Ok(elapsed.mul_f64(n as f64 / (2 * turns) as f64))
}

fn main() -> Result<()> {
    harness::main("bare_switch", &[("corosensei_switch", corosensei_switch)])
}
