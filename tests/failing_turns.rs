//! In real time: a timer comes through while all that a coroutine does is to make calls that fail,
//! or that succeed at once.
//!
//! The bound is generous, to hold on a busy machine.

use redill::{Bundle, CancelScope, Deadline, Error, Grace, Outcome, channel, choose};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// So much time passes at most until the timer has come.
const BOUND: Duration = Duration::from_secs(30);

/// Makes calls until a timer has come, all of which must end with `expected`.
fn repeat<T: PartialEq + std::fmt::Debug>(expected: &T, mut call: impl FnMut() -> T) {
    let bundle = Bundle::new().unwrap();
    let (flag, start) = (sets_a_flag(&bundle), Instant::now());
    while !flag.get() {
        assert!(start.elapsed() < BOUND);
        assert_eq!(&call(), expected);
    }
}

#[test]
fn calls_that_fail_take_turns() {
    let (tx, rx) = channel::<u8>().unwrap();
    drop(tx);
    repeat(&Err(Error::Done), || rx.recv(Deadline::NEVER));
    let others = Bundle::new().unwrap();
    let handle = others.spawn(|| redill::sleep(Duration::from_millis(20))).unwrap();
    let flag = sets_a_flag(&others);
    CancelScope::new()
        .deadline(Deadline::NOW)
        .run(|| {
            let start = Instant::now();
            while !flag.get() {
                assert!(start.elapsed() < BOUND);
                assert_eq!(redill::sleep(Duration::from_secs(60)), Err(Error::Canceled));
                assert_eq!(redill::yield_now(), Err(Error::Canceled));
                assert_eq!(handle.wait(Deadline::NEVER), Err(Error::Canceled));
            }
        })
        .unwrap();
}

/// Returns what a coroutine sets after 2 ms.
fn sets_a_flag(bundle: &Bundle) -> Rc<Cell<bool>> {
    let flag = Rc::new(Cell::new(false));
    let set = Rc::clone(&flag);
    bundle
        .go(move || {
            redill::sleep(Duration::from_millis(2)).unwrap();
            set.set(true);
        })
        .unwrap();
    flag
}

#[test]
fn calls_that_succeed_at_once_take_turns() {
    let bundle = Bundle::new().unwrap();
    let handle = bundle.spawn(|| ()).unwrap();
    repeat(&Ok(()), || bundle.wait(Deadline::NEVER));
    repeat(&Ok(()), || handle.wait(Deadline::NEVER));
    repeat(&Ok(Outcome::Finished), || Bundle::new()?.cancel(Grace::Unlimited));
    let (tx, rx) = channel::<u8>().unwrap();
    drop(tx);
    repeat(&true, || {
        let over = choose! {
            recv(rx) -> value => value.is_err(),
        };
        over.unwrap()
    });
}

/// A loop that ignores errors does not keep the end of the grace period from coming.
#[test]
fn a_coroutine_that_ignores_its_end_stops_nothing_else() {
    let stop = Rc::new(Cell::new(false));
    let bundle = Bundle::new().unwrap();
    let flag = Rc::clone(&stop);
    bundle
        .go(move || {
            let start = Instant::now();
            while !flag.get() {
                assert!(start.elapsed() < BOUND);
                let _ = redill::sleep(Duration::from_secs(60));
            }
        })
        .unwrap();
    let other = Bundle::new().unwrap();
    other
        .go(move || {
            redill::sleep(Duration::from_millis(20)).unwrap();
            stop.set(true);
        })
        .unwrap();
    let grace = Grace::from(Duration::from_millis(5));
    assert_eq!(bundle.cancel(grace), Ok(Outcome::Forced));
    other.wait(Deadline::NEVER).unwrap();
}
