//! A limit to compare with: a switch between stacks by corosensei, with no scheduler around it.
//!
//! Usage: `bare_switch corosensei_switch ITERATIONS`; prints nanoseconds per switch.

use corosensei::{Coroutine, CoroutineResult};
use std::time::Instant;

const NAME: &str = "corosensei_switch";

fn corosensei_switch(n: u64) -> f64 {
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
    let result = start.elapsed().as_secs_f64() * 1e9 / (2 * turns) as f64;
    assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
    result
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match &arguments[..] {
        [list] if list == "--list" => println!("{NAME}"),
        [name, n] if name == NAME => println!("{:.1}", corosensei_switch(n.parse()?)),
        [] => println!("{NAME:<20} {:>8.1} ns", corosensei_switch(2_000_000)),
        _ => return Err("usage: bare_switch --list | corosensei_switch N".into()),
    }
    Ok(())
}
