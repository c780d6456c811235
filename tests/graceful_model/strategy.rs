//! Plans for proptest: grown from a seed, and made smaller by leaving parts out.

use crate::generate;
use crate::plan::*;
use proptest::prelude::Rng as _;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The seed of the case under way, for the handler of deadly signals.
pub static SEED: AtomicU64 = AtomicU64::new(0);

/// The number of the run, for the same.
pub static RUN: AtomicU64 = AtomicU64::new(0);

/// The plans of one run.
#[derive(Debug)]
pub struct Plans {
    /// Only the plan of this seed.
    pub seed: Option<u64>,
    /// The run's number, from which all its seeds follow. Drawn at random if not given.
    pub run: Cell<Option<u64>>,
    pub cases: Cell<u64>,
}

impl Strategy for Plans {
    type Tree = Shrinking;
    type Value = Plan;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let run = self.run.get().unwrap_or_else(|| runner.rng().next_u64());
        self.run.set(Some(run));
        RUN.store(run, Ordering::Relaxed);
        let case = self.cases.replace(self.cases.get() + 1);
        let seed = self.seed.unwrap_or_else(|| generate::seed(run, case));
        SEED.store(seed, Ordering::Relaxed);
        let plan = generate::plan(seed);
        Ok(Shrinking { candidate: plan, failing: None, edit: 0, progress: false })
    }
}

/// A search for a smaller plan that fails: it tries one edit after the other.
pub struct Shrinking {
    candidate: Plan,
    /// The smallest plan known to fail; `None` before the first failure.
    failing: Option<Plan>,
    edit: usize,
    /// Some edit of this round was good.
    progress: bool,
}

impl ValueTree for Shrinking {
    type Value = Plan;

    fn current(&self) -> Plan {
        self.candidate.clone()
    }

    fn simplify(&mut self) -> bool {
        // The candidate fails. What follows the edit has moved to its place.
        self.progress |= self.failing.is_some();
        self.failing = Some(self.candidate.clone());
        self.propose()
    }

    fn complicate(&mut self) -> bool {
        self.edit += 1;
        self.propose()
    }
}

impl Shrinking {
    fn propose(&mut self) -> bool {
        let Some(failing) = &self.failing else { return false };
        loop {
            match edited(failing, self.edit) {
                Edited::Plan(plan) => {
                    self.candidate = plan;
                    return true;
                }
                Edited::Nothing => self.edit += 1,
                Edited::NoMore if self.progress => (self.edit, self.progress) = (0, false),
                Edited::NoMore => {
                    self.candidate = failing.clone();
                    return false;
                }
            }
        }
    }
}

enum Edited {
    Plan(Plan),
    /// This edit changes nothing.
    Nothing,
    NoMore,
}

/// The plan after edit number `edit`: first whole scripts are emptied, then halves of
/// scripts, then operations left out, then operations made simpler.
fn edited(plan: &Plan, mut edit: usize) -> Edited {
    let scripts = plan.scripts.len();
    if edit < 2 * scripts {
        let keep = if edit < scripts { 0 } else { plan.scripts[edit % scripts].ops.len() / 2 };
        return with_ops(plan, edit % scripts, |ops| ops.truncate(keep));
    }
    edit -= 2 * scripts;
    let places = || {
        let ops = |script: usize| (0..plan.scripts[script].ops.len()).map(move |op| (script, op));
        (0..scripts).flat_map(ops)
    };
    let count = places().count();
    if let Some((script, op)) = places().nth(edit) {
        return with_ops(plan, script, |ops| _ = ops.remove(op));
    }
    edit -= count;
    if let Some((script, op)) = places().nth(edit / SIMPLER) {
        return with_ops(plan, script, |ops| simplify(&mut ops[op], edit % SIMPLER));
    }
    edit -= count * SIMPLER;
    match plan.scripts.get(edit) {
        Some(Script { polite: true, .. }) => {
            let mut plan = plan.clone();
            plan.scripts[edit].polite = false;
            Edited::Plan(plan)
        }
        Some(_) => Edited::Nothing,
        None => Edited::NoMore,
    }
}

fn with_ops(plan: &Plan, script: usize, change: impl FnOnce(&mut Vec<Op>)) -> Edited {
    let mut edited = plan.clone();
    change(&mut edited.scripts[script].ops);
    if edited == *plan { Edited::Nothing } else { Edited::Plan(edited) }
}

/// How many ways `simplify` knows.
const SIMPLER: usize = 4;

fn simplify(op: &mut Op, way: usize) {
    let shorter = |limit: &mut Limit| match limit {
        Limit::After(n) if *n > 1 => *n -= 1,
        _ => {}
    };
    match (way, op) {
        (0, Op::Choose(clauses, _)) => _ = clauses.pop(),
        (1, Op::Choose(clauses, _)) if !clauses.is_empty() => _ = clauses.remove(0),
        (0, Op::Sleep(n) | Op::Cancel(_, Period::Until(n))) if *n > 1 => *n = 1,
        (1, Op::Sleep(n) | Op::Cancel(_, Period::Until(n))) if *n > 1 => *n -= 1,
        (
            0,
            Op::Send(_, limit)
            | Op::Recv(_, limit)
            | Op::RecvAll(_, limit)
            | Op::FdIn(_, limit)
            | Op::Wait(_, limit)
            | Op::Enter(_, limit)
            | Op::Deadline(_, limit),
        ) => shorter(limit),
        (2, Op::Choose(_, limit)) => shorter(limit),
        (2, Op::Enter(_, limit) | Op::Deadline(_, limit)) => *limit = Limit::Never,
        (3, op @ Op::RecvAll(..)) => {
            if let Op::RecvAll(end, limit) = *op {
                *op = Op::Recv(end, limit);
            }
        }
        _ => {}
    }
}
