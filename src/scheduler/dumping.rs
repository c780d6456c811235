//! When a dump that a signal asks for can be written: see [`dump`](super::dump).

use crate::os::snapshot::{self, OneShot};
use core::cell::Cell;
use core::ffi::c_int;
use core::time::Duration;

/// How long a dump may be put off.
const PATIENCE: Duration = Duration::from_millis(200);

/// How often a child looks at lists before the request is given up.
const MOST_TRIES: u8 = 5;

/// A scheduler's unanswered request for a dump.
pub(super) struct Dumping {
    /// A signal has come and was not answered yet.
    requested: Cell<bool>,
    /// Ends the patience, so many times.
    timer: Cell<Option<OneShot>>,
    tries: Cell<u8>,
}

impl Dumping {
    pub(super) const fn new() -> Dumping {
        Dumping { requested: Cell::new(false), timer: Cell::new(None), tries: Cell::new(0) }
    }

    /// Returns whether a dump was put off.
    #[inline]
    pub(super) fn is_requested(&self) -> bool {
        self.requested.get()
    }

    /// In a forked child, which has no timers: a request was the parent's.
    pub(super) fn forget(&self) {
        core::mem::forget(self.timer.take());
        self.requested.set(false);
    }

    /// Answers the signal in its handler, with `print` if that is possible. `is_at_rest`: nothing
    /// is half changed. `is_late`: patience has come to an end.
    pub(super) fn answer(&self, signal: c_int, is_at_rest: bool, is_late: bool, print: impl Fn()) {
        if is_at_rest {
            if !is_late || self.requested.get() {
                self.requested.set(false);
                print();
            }
            self.timer.set(None);
        } else if !is_late {
            if !self.requested.replace(true) {
                self.tries.set(MOST_TRIES);
                self.timer.set(OneShot::start(signal, PATIENCE));
            }
        } else if self.requested.get() {
            let seen = snapshot::in_child(print);
            let tries = self.tries.replace(self.tries.get() - 1);
            let again = !seen && tries > 1;
            self.requested.set(again);
            self.timer.set(if again { OneShot::start(signal, PATIENCE) } else { None });
        }
    }
}
