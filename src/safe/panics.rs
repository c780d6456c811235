//! A coroutine's panic on its way to the owner of its bundle.

use crate::concurrency::bundle::Failure;
use crate::concurrency::owned_bundle;
use std::panic::resume_unwind;
use std::thread;

/// Goes on with the panic of a coroutine in the owner of its bundle.
#[cold]
pub(super) fn resume(failure: Failure) -> ! {
    resume_unwind(failure)
}

/// The same where the owner may be panicking itself: two panics at once would abort, so the other
/// one goes to the owner's own bundle.
#[cold]
pub(super) fn resume_or_pass_up(failure: Failure) {
    if thread::panicking() {
        owned_bundle::pass_up(failure);
    } else {
        resume_unwind(failure);
    }
}
