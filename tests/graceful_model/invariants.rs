//! What must hold in every run, whatever the reference model says.

use crate::log::Entry;
use crate::plan::*;
use std::cell::{Cell, RefCell};

/// An end of a bundle under way.
#[derive(Clone, Copy)]
pub struct Ending {
    by: usize,
    started: i64,
    /// When it must be over; `i64::MAX` for any time.
    until: i64,
    /// It may be over earlier, by a period further up.
    inherits: bool,
}

/// Watches one run.
pub struct Invariants<'a> {
    plan: &'a Plan,
    /// How many coroutines of the bundle are alive.
    alive: [Cell<u32>; MOST_BUNDLES],
    endings: [Cell<Option<Ending>>; MOST_BUNDLES],
    /// From when on the bundle's coroutines may be hard-cancelled by its own deadline.
    deadlines: [Cell<i64>; MOST_BUNDLES],
    /// A member has reported an error, which hard-cancels the others.
    failed: [Cell<bool>; MOST_BUNDLES],
    /// Scripts that have learnt that they are hard-cancelled.
    hard: [Cell<bool>; MOST_SCRIPTS],
    runs: [Cell<bool>; MOST_SCRIPTS],
    broken: RefCell<Vec<String>>,
}

impl<'a> Invariants<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        Invariants {
            plan,
            alive: [const { Cell::new(0) }; MOST_BUNDLES],
            endings: [const { Cell::new(None) }; MOST_BUNDLES],
            deadlines: [const { Cell::new(i64::MAX) }; MOST_BUNDLES],
            failed: [const { Cell::new(false) }; MOST_BUNDLES],
            hard: [const { Cell::new(false) }; MOST_SCRIPTS],
            runs: [const { Cell::new(false) }; MOST_SCRIPTS],
            broken: RefCell::new(Vec::new()),
        }
    }

    pub fn broken(&self, what: String) {
        self.broken.borrow_mut().push(what);
    }

    /// `script` begins to run.
    pub fn begins(&self, script: usize) {
        self.runs[script].set(true);
        if let Some(bundle) = self.plan.scripts[script].bundle {
            let alive = &self.alive[usize::from(bundle.0)];
            alive.set(alive.get() + 1);
        }
    }

    /// `script` is about to finish.
    pub fn ends(&self, script: usize) {
        self.runs[script].set(false);
        if let Some(bundle) = self.plan.scripts[script].bundle {
            let alive = &self.alive[usize::from(bundle.0)];
            alive.set(alive.get() - 1);
        }
    }

    /// `bundle_deadline` has been called.
    pub fn deadline_set(&self, bundle: B, deadline: Option<i64>, now: i64) {
        let earliest = &self.deadlines[usize::from(bundle.0)];
        // A deadline that has passed stays a reason, though replaced later.
        if earliest.get() > now {
            earliest.set(deadline.unwrap_or(i64::MAX).max(now));
        }
    }

    /// `script` has reported an error.
    pub fn failed(&self, script: usize) {
        if let Some(bundle) = self.plan.scripts[script].bundle {
            self.failed[usize::from(bundle.0)].set(true);
        }
    }

    /// `by` begins to end `bundle` within `period` (as `bundle_cancel` takes it). What was
    /// under way before, for `not_ended`.
    pub fn ending(&self, by: usize, bundle: B, period: i64, now: i64) -> Option<Ending> {
        let ending = &self.endings[usize::from(bundle.0)];
        let before = ending.get();
        if before.is_none() {
            let until = match period {
                -1 => i64::MAX,
                -2 => self.inherited(by, now),
                period => now + period.max(0),
            };
            ending.set(Some(Ending { by, started: now, until, inherits: period == -2 }));
        }
        before
    }

    fn inherited(&self, by: usize, now: i64) -> i64 {
        let own = self.plan.scripts[by].bundle.map(|own| usize::from(own.0));
        // Where that one runs in an ending bundle: with the end of that one at the latest.
        own.and_then(|own| self.endings[own].get()).map_or(i64::MAX, |own| own.until.max(now))
    }

    /// That was refused.
    pub fn not_ended(&self, bundle: B, before: Option<Ending>) {
        self.endings[usize::from(bundle.0)].set(before);
    }

    /// That has returned.
    pub fn ended(&self, by: usize, bundle: B, now: i64) {
        let index = usize::from(bundle.0);
        if self.alive[index].get() > 0 {
            self.broken(format!("{} coroutines of {bundle:?} outlive it", self.alive[index].get()));
        }
        if let Some(ending) = self.endings[index].replace(None)
            && ending.by == by
            && now > ending.until
        {
            let took = now - ending.started;
            self.broken(format!("ending {bundle:?} took {took} ms, until {now}"));
        }
    }

    /// An operation of a script has returned, inside of `scopes` cancel scopes.
    pub fn returned(&self, entry: &Entry, op: &Op, scopes: usize) {
        let script = usize::from(entry.script);
        let canceled = entry.result == -1 && entry.errno == libc::ECANCELED;
        if !blocks(op) {
            return;
        }
        if self.hard[script].get() && !canceled {
            self.broken(format!("{entry:?}: after ECANCELED"));
        }
        // A launch fails so where the bundle is being closed, too.
        let learns = canceled && scopes == 0 && !matches!(op, Op::Go(..));
        if learns
            && !self.hard[script].replace(true)
            && !self.may_be_hard_cancelled(script, entry.time)
        {
            self.broken(format!("{entry:?}: nobody has hard-cancelled it"));
        }
    }

    /// Is there a reason why `script` may be hard-cancelled at `time`?
    fn may_be_hard_cancelled(&self, script: usize, time: i64) -> bool {
        let Some(bundle) = self.plan.scripts[script].bundle else { return false };
        let index = usize::from(bundle.0);
        let ending = self.endings[index].get();
        self.deadlines[index].get() <= time
            || self.failed[index].get()
            || ending.is_some_and(|ending| {
                // A canceller cuts the period short when it is cancelled itself.
                let scoped = |op: &Op| matches!(op, Op::Enter(..));
                ending.until <= time
                    || ending.inherits
                    || self.plan.scripts[ending.by].ops.iter().any(scoped)
                    || self.may_be_hard_cancelled(ending.by, time)
            })
    }

    /// The case is over; all that was wrong.
    pub fn finish(self, log: &[Entry]) -> Vec<String> {
        for (script, _) in self.runs.iter().enumerate().filter(|(_, runs)| runs.get()) {
            self.broken(format!("{:?} is still running", S(script as u8)));
        }
        let (mut sent, mut received) = self.messages(log);
        sent.sort_unstable();
        received.sort_unstable();
        if sent != received {
            self.broken(format!("sent {sent:x?}\nreceived {received:x?}"));
        }
        self.broken.into_inner()
    }

    /// The messages that were sent, and those that were received, by the log.
    fn messages(&self, log: &[Entry]) -> (Vec<u32>, Vec<u32>) {
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for entry in log {
            let (script, number) = (usize::from(entry.script), usize::from(entry.op));
            let Some(op) = self.plan.scripts[script].ops.get(number) else { continue };
            let clause = usize::try_from(entry.result).ok().filter(|_| entry.errno == 0);
            match op {
                Op::Send(..) if entry.result == 0 => sent.push(Plan::message(script, number, 0)),
                Op::Recv(..) | Op::RecvAll(..) if entry.result == 0 => received.push(entry.value),
                Op::Choose(clauses, _) => match clause.map(|clause| (clause, clauses[clause])) {
                    Some((clause, Clause::Send(_))) => {
                        sent.push(Plan::message(script, number, clause + 1));
                    }
                    Some((_, Clause::Recv(_))) => received.push(entry.value),
                    _ => {}
                },
                _ => {}
            }
        }
        (sent, received)
    }
}

/// Does the operation fail with `ECANCELED` in a hard-cancelled coroutine, always?
fn blocks(op: &Op) -> bool {
    matches!(
        op,
        Op::Sleep(_)
            | Op::SleepForever
            | Op::Yield
            | Op::Send(..)
            | Op::Recv(..)
            | Op::RecvAll(..)
            | Op::Choose(..)
            | Op::FdIn(..)
            | Op::FdWrite(_)
            | Op::Channel
            | Op::Bundle(_)
            | Op::Go(..)
            | Op::Wait(..)
    )
}
