//! The deadlines that are on the running coroutine.

use super::bundle::{self, Grace};
use super::scope_chain;
use crate::scheduler::context::Context;
use crate::scheduler::time;

/// Returns the nearest of all deadlines that are on the running coroutine: of its scopes, and of
/// its bundle and those of the owners above it, with the grace periods that run there. A hard
/// cancellation counts as a deadline that has come just now. `None`: there is none.
pub(crate) fn nearest_deadline() -> Option<i64> {
    let context = Context::existing()?;
    let mut coroutine = context.current();
    let mut nearest = scope_chain::nearest_deadline(context, coroutine);
    let mut add = |deadline: Option<i64>| {
        nearest = [nearest, deadline].into_iter().flatten().min();
    };
    loop {
        if coroutine.is_cancelled() {
            // What is left of a period above does not matter any more.
            add(Some(context.clock.now()));
            break;
        }
        let Some(bundle) = bundle::of(coroutine) else { break };
        add(bundle.deadline());
        match bundle.grace() {
            Grace::Until(end) => add(Some(end)),
            Grace::None | Grace::Unlimited | Grace::NotFound(_) => {}
        }
        if bundle.grace() != Grace::None
            && let Some(canceller) = bundle.canceller()
        {
            // A scope of the one that waits there ends the period, too.
            add(scope_chain::nearest_deadline(context, canceller));
        }
        match bundle.owner() {
            Some(owner) => coroutine = owner,
            None => break,
        }
    }
    nearest
}

/// Returns the period from now to `deadline`, in milliseconds: never less than 0, and -1 for a
/// deadline that is negative.
pub(crate) fn period_until(deadline: i64) -> i64 {
    if deadline < 0 {
        return -1;
    }
    deadline.saturating_sub(time::now()).max(0)
}
