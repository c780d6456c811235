//! Waiting for the first of several alternatives.

use super::{Alternative, ClauseOf, Readiness, State};
use crate::concurrency::choose::{self, Clause};
use crate::concurrency::rest;
use crate::safe::{Deadline, Error, Result};

/// Clauses that fit without an allocation.
const INLINE: usize = 8;

/// What `choose` has chosen.
pub struct Chosen(usize);

impl Chosen {
    /// Is it the alternative with this index?
    pub fn is(&self, index: usize) -> bool {
        self.0 == index
    }

    /// The output of that alternative.
    pub fn take<A: Alternative>(&self, alternative: &mut A) -> A::Output {
        alternative.take()
    }
}

/// Waits for the first alternative that is over. For `choose!`.
pub fn wait(alternatives: &mut [&mut dyn State], deadline: impl Into<Deadline>) -> Result<Chosen> {
    wait_for_index(alternatives, deadline.into()).map(Chosen)
}

/// Waits for the first alternative that is over: its index. When several are, the order decides.
pub(in crate::safe) fn wait_for_index(
    alternatives: &mut [&mut dyn State],
    deadline: Deadline,
) -> Result<usize> {
    loop {
        let (index, result) = wait_once(alternatives, deadline)?;
        if alternatives[index].settle(result) {
            return Ok(index);
        }
    }
}

/// As [`wait_for_index`], for what may come to nothing.
fn wait_once(alternatives: &[&mut dyn State], deadline: Deadline) -> Result<(usize, Result<()>)> {
    let mut inline = [(0, Clause::NOTHING); INLINE];
    let mut allocated = Vec::new();
    let clauses: &mut [(usize, Clause)] = if alternatives.len() <= INLINE {
        &mut inline[..alternatives.len()]
    } else {
        allocated.try_reserve_exact(alternatives.len()).map_err(|_| Error::OutOfMemory)?;
        allocated.resize(alternatives.len(), (0, Clause::NOTHING));
        &mut allocated
    };
    let mut count = 0;
    let mut over = None;
    for (index, alternative) in alternatives.iter().enumerate() {
        match alternative.readiness() {
            Readiness::Clause(ClauseOf(clause)) => {
                clauses[count] = (index, clause);
                count += 1;
            }
            Readiness::Never => {}
            Readiness::Over => {
                // Those before it are tried, those behind it don't matter.
                over = Some(index);
                break;
            }
        }
    }
    if over.is_some() {
        rest::take_turn(deadline.raw());
    }
    let deadline = if over.is_some() { Deadline::NOW } else { deadline };
    // SAFETY: the buffers and events are those of the alternatives, which are borrowed meanwhile.
    #[allow(unsafe_code)]
    let chosen = unsafe { choose::choose(|n| clauses[n].1, count, deadline.raw()) };
    match (chosen.map_err(Error::immediate), over) {
        (Ok((n, result)), _) => Ok((clauses[n].0, result.map_err(Error::immediate))),
        (Err(Error::TimedOut), Some(index)) => Ok((index, Ok(()))),
        (Err(error), _) => Err(error),
    }
}
