//! The deadline of a bundle, which hard-cancels its members and keeps it shut.

use super::{Bundle, CLOSING, CUT, Cause, FORCED, OVERDUE};
use crate::scheduler::context::Context;

impl Bundle {
    /// Hard-cancels the members, as the deadline has passed. Nothing can be launched from now on,
    /// until [`Bundle::forget_deadline`].
    pub(in crate::concurrency) fn pass_deadline(&self, context: &Context) {
        if self.is(CLOSING) {
            return;
        }
        self.add_state(if self.is_empty() { OVERDUE } else { OVERDUE | CUT });
        self.hard_cancel(context, Cause::Deadline);
    }

    /// Forgets that a deadline has passed and who was cut by it, as it is replaced or removed.
    pub(in crate::concurrency) fn forget_deadline(&self) {
        self.state.set(self.state.get() & !(OVERDUE | CUT));
    }

    /// Returns whether the deadline has passed, so that nothing can be launched.
    pub(in crate::concurrency) fn is_overdue(&self) -> bool {
        self.is(OVERDUE)
    }

    /// Returns whether members have been hard-cancelled by the deadline that is set now, or since
    /// the grace period began, if it has.
    pub(in crate::concurrency) fn was_forced(&self) -> bool {
        self.is(FORCED | CUT)
    }
}
