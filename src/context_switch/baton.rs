//! Batons: what runs is the execution that has its own.

use core::cell::Cell;
use core::ptr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What an execution waits for while others run.
pub(super) struct Baton {
    here: Mutex<bool>,
    arrived: Condvar,
}

impl Baton {
    pub(super) fn new() -> Arc<Baton> {
        Arc::new(Baton { here: Mutex::new(false), arrived: Condvar::new() })
    }

    pub(super) fn give(&self) {
        *self.here.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.arrived.notify_one();
    }

    pub(super) fn wait(&self) {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        while !*here {
            here = self.arrived.wait(here).unwrap_or_else(PoisonError::into_inner);
        }
        *here = false;
    }
}

/// The baton of an execution; null as long as it has none.
pub(super) type BatonOf = Cell<*const Baton>;

pub(super) const NO_BATON: BatonOf = Cell::new(ptr::null());
