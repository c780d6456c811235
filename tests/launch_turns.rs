//! In real time: a timer comes through while all that coroutines do is to launch others.
//!
//! The bound is generous, to hold on a busy machine.

use redill::{Bundle, Deadline, Error};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// So much time passes at most until the timer has come.
const BOUND: Duration = Duration::from_secs(30);

/// A timer that was started, and that must come through.
struct Timer {
    has_come: Rc<Cell<bool>>,
    start: Instant,
    bundle: Bundle,
}

impl Timer {
    fn start() -> Timer {
        let has_come = Rc::new(Cell::new(false));
        let bundle = Bundle::new().unwrap();
        let flag = Rc::clone(&has_come);
        bundle
            .go(move || {
                redill::sleep(Duration::from_millis(2)).unwrap();
                flag.set(true);
            })
            .unwrap();
        Timer { has_come, start: Instant::now(), bundle }
    }

    fn is_to_come(&self) -> bool {
        assert!(self.start.elapsed() < BOUND);
        !self.has_come.get()
    }

    fn finish(self) {
        self.bundle.wait(Deadline::NEVER).unwrap();
    }
}

#[test]
fn a_loop_of_launches_starves_no_timer() {
    let timer = Timer::start();
    let bundle = Bundle::new().unwrap();
    let ended = Rc::new(Cell::new(0u64));
    let mut launched = 0;
    while timer.is_to_come() {
        let ended = Rc::clone(&ended);
        bundle.go(move || ended.set(ended.get() + 1)).unwrap();
        launched += 1;
    }
    bundle.wait(Deadline::NEVER).unwrap();
    assert_eq!(ended.get(), launched);
    timer.finish();
}

#[test]
fn a_chain_of_launches_starves_no_timer() {
    /// Launches the next one, at most so many, as their stacks are all there at the same time.
    fn link(bundle: &Rc<Bundle>, timer: &Rc<Timer>, links: &Rc<Cell<u32>>) {
        if !timer.is_to_come() || links.get() == 100_000 {
            return;
        }
        links.set(links.get() + 1);
        let (bundle_, timer, links) = (Rc::clone(bundle), Rc::clone(timer), Rc::clone(links));
        match bundle.go(move || link(&bundle_, &timer, &links)) {
            Ok(_) | Err(Error::Os(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let timer = Rc::new(Timer::start());
    let bundle = Rc::new(Bundle::new().unwrap());
    let links = Rc::new(Cell::new(0));
    while timer.is_to_come() {
        links.set(0);
        link(&bundle, &timer, &links);
    }
    // The chain was cut by the timer. No machine gets to its end in 2 ms.
    assert!(links.get() < 100_000);
    bundle.wait(Deadline::NEVER).unwrap();
    drop(bundle);
    Rc::into_inner(timer).unwrap().finish();
}
