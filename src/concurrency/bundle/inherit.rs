//! Which grace period runs for a bundle, and which one it inherits.

use super::grace::{Grace, PackedGrace};
use super::{Bundle, CLOSING, FAILED, FINISHING, FORCED, OVERDUE, of};
use crate::intrusive::Ref;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// Which period `bundle_cancel` with `DILL_INHERIT` has found.
pub(in crate::concurrency) enum Inherited {
    /// Has ended, or its bundle is being hard-cancelled.
    Ended,
    Running(Grace),
}

/// Searches the nearest enclosing grace period that runs: that of the bundle in which `coroutine`
/// runs, or else that of the bundle in which the owner of that one runs, and so on. Where there is
/// none, it is [`Grace::NotFound`].
///
/// A bundle whose own search has found none says so for all that lie inside, until
/// [`Context::note_periods`]: otherwise the cost of nested bundles grew with their depth.
pub(in crate::concurrency) fn inherited(context: &Context, coroutine: Ref<Coroutine>) -> Inherited {
    let none = Grace::NotFound(context.periods());
    let mut coroutine = coroutine;
    while let Some(bundle) = of(coroutine) {
        if bundle.is(CLOSING | FAILED | OVERDUE) {
            return Inherited::Ended;
        }
        match bundle.grace() {
            Grace::Until(end) if end <= context.clock.now() => return Inherited::Ended,
            grace @ (Grace::Until(_) | Grace::Unlimited) => return Inherited::Running(grace),
            grace @ Grace::NotFound(_) if grace == none => break,
            Grace::None | Grace::NotFound(_) => {}
        }
        match bundle.owner() {
            // It was a member of a bundle whose deadline has passed and was replaced.
            Some(owner) if owner.is_cancelled() => return Inherited::Ended,
            Some(owner) => coroutine = owner,
            None => break,
        }
    }
    Inherited::Running(none)
}

impl Bundle {
    /// The grace period that runs now.
    pub(in crate::concurrency) fn grace(&self) -> Grace {
        self.grace.get().unpack()
    }

    /// Begins the grace period; the caller is the one who waits for its end.
    pub(in crate::concurrency) fn begin_grace(&self, context: &Context, grace: Grace) {
        self.state.set((self.state.get() | FINISHING) & !FORCED);
        self.grace.set(PackedGrace::new(grace));
        self.set_canceller(context);
        if matches!(grace, Grace::Until(_) | Grace::Unlimited) {
            context.note_periods();
        }
    }
}
