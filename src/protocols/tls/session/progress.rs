//! A call on a session, and how far it has come.

use crate::concurrency::atomicity::UnderWay;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::time;
use core::cell::Cell;

/// Bytes between two looks at the clock. Not fewer, so that what is there already is received
/// although the deadline has passed.
const UNCHECKED: usize = 16 << 20;

/// Marks a direction as used by a call.
pub(super) struct Occupied<'a>(&'a Cell<bool>);

impl<'a> Occupied<'a> {
    pub(super) fn new(flag: &'a Cell<bool>) -> Self {
        flag.set(true);
        Self(flag)
    }
}

impl Drop for Occupied<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// How far a receive has come.
pub(super) struct Progress {
    pub(super) deadline: i64,
    /// Bytes received since the clock was looked at.
    unchecked: usize,
    /// What was received can't be given back.
    pub(super) begun: bool,
    /// Held as long as `begun`: requests do not interrupt.
    under_way: Option<UnderWay>,
}

impl Progress {
    pub(super) fn new(deadline: i64) -> Self {
        Self { deadline, unchecked: 0, begun: false, under_way: None }
    }

    pub(super) fn begin(&mut self) -> Result<()> {
        self.begun = true;
        if self.under_way.is_none() {
            self.under_way = Some(UnderWay::begin()?);
        }
        Ok(())
    }

    pub(super) fn between_records(&mut self, begun: bool) {
        self.begun = begun;
        if !begun {
            self.under_way = None;
        }
    }

    /// A peer that sends and sends shall not hold a call whose time is over, nor other
    /// coroutines.
    pub(super) fn transferred(&mut self, count: usize) -> Result<()> {
        Context::get()?.next_turn(self.deadline)?;
        self.unchecked += count;
        if self.unchecked < UNCHECKED {
            return Ok(());
        }
        self.unchecked = 0;
        let passed = time::has_passed(self.deadline);
        if passed { Err(Errno::ETIMEDOUT) } else { Ok(()) }
    }
}
