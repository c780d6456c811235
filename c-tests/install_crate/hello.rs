//! A first program of a user of the crate.

use redill::{Bundle, Deadline, channel};

/// Where a debugger stops.
#[inline(never)]
fn reached() {
    std::hint::black_box(());
}

fn main() -> redill::Result<()> {
    let (numbers, inbox) = channel::<u32>()?;
    let bundle = Bundle::new()?;
    bundle.go(move || {
        for n in [40, 2] {
            numbers.send(n, Deadline::NEVER).unwrap();
        }
    })?;
    reached();
    println!("{}", inbox.iter().sum::<u32>());
    bundle.wait(Deadline::NEVER)
}
