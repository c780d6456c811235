//! Two versions of the crate in one program, on one thread: each has a scheduler of its own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// A test of the crate `$a` beside the crate `$b`.
macro_rules! beside {
    ($name:ident, $a:ident, $b:ident) => {
        fn $name() {
            // A ready coroutine runs when its own version lets others run.
            let steps = Rc::new(Cell::new(0));
            let bundle = $a::Bundle::new().unwrap();
            let seen = steps.clone();
            bundle
                .go(move || {
                    loop {
                        seen.set(seen.get() + 1);
                        $a::yield_now().unwrap();
                        if seen.get() == 3 {
                            return;
                        }
                    }
                })
                .unwrap();
            assert_eq!(steps.get(), 1);
            $b::yield_now().unwrap();
            assert_eq!(steps.get(), 1);
            $a::yield_now().unwrap();
            assert_eq!(steps.get(), 2);

            // Timers and cancellation are a version's own, too.
            let blocked = $b::Bundle::new().unwrap();
            let asleep = blocked.spawn(|| $b::sleep(Duration::from_secs(3600))).unwrap();
            $a::sleep(Duration::from_millis(1)).unwrap();
            bundle.wait($a::Deadline::NEVER).unwrap();
            assert_eq!(steps.get(), 3);
            assert_eq!(blocked.cancel(Duration::ZERO).unwrap(), $b::Outcome::Forced);
            assert_eq!(asleep.join($b::Deadline::NEVER).unwrap(), Err($b::Error::Canceled));

            // A coroutine of one version runs coroutines of the other.
            let sum = $a::scope(|scope| {
                let inner = scope.spawn(|| {
                    let (tx, rx) = $b::channel::<u32>().unwrap();
                    let inner = $b::Bundle::new().unwrap();
                    inner
                        .go(move || (0..100).for_each(|n| tx.send(n, $b::Deadline::NEVER).unwrap()))
                        .unwrap();
                    let sum = rx.iter().sum::<u32>();
                    inner.wait($b::Deadline::NEVER).unwrap();
                    sum
                })?;
                inner.join($a::Deadline::NEVER)
            });
            assert_eq!(sum.unwrap(), 4950);
        }
    };
}

beside!(this_beside_other, redill, other);
beside!(other_beside_this, other, redill);

fn main() {
    this_beside_other();
    other_beside_this();
    // Neither thinks that the other one has used the thread.
    std::thread::spawn(other_beside_this).join().unwrap();
}
