//! Panics of members, which the owner receives.

use super::{Bundle, Cause, FAILED, Failure, of};
use crate::scheduler::context::Context;
use core::mem::ManuallyDrop;

/// Drops a panic that nobody receives. What panics when it is dropped is leaked instead.
#[cold]
pub(crate) fn discard(failure: Failure) {
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(failure)));
    if let Err(another) = dropped {
        core::mem::forget(another);
    }
}

/// Ends the bundle of the running coroutine, which has panicked: see [`Bundle::fail`].
#[cold]
pub(crate) fn fail_current(failure: Failure) {
    let own = Context::existing().and_then(|context| Some((context, of(context.current())?)));
    let surplus = match own {
        Some((context, bundle)) => bundle.fail(context, failure),
        None => Some(failure),
    };
    if let Some(surplus) = surplus {
        discard(surplus);
    }
}

impl Bundle {
    /// A member has panicked: the others are hard-cancelled, and the owner is going to get the
    /// first panic; a further one comes back.
    #[cold]
    fn fail(&self, context: &Context, failure: Failure) -> Option<Failure> {
        self.state.set(self.state.get() | FAILED);
        self.hard_cancel(context, Cause::Failure);
        match self.failure.take() {
            None => {
                self.failure.set(Some(ManuallyDrop::new(Box::new(failure))));
                None
            }
            earlier => {
                self.failure.set(earlier);
                Some(failure)
            }
        }
    }

    /// The panic of a member that nobody has received yet.
    #[inline]
    pub(in crate::concurrency) fn take_failure(&self) -> Option<Failure> {
        self.failure.take().map(|failure| *ManuallyDrop::into_inner(failure))
    }
}
