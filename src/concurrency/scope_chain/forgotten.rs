//! Scopes that were not left, which are mistakes of the program. `DILL_CHECK=1` reports them.

use super::home::{drop_inside, drop_one, settle, update, walk};
use super::report::report;
use super::seal::{Scope, Sealed};
use crate::intrusive::Ref;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use core::ptr::{self, NonNull};

/// Disarms the scopes of a coroutine that ends inside of them. They may lie in a frame that was
/// left a moment ago: see `context_switch::call_below`.
#[cold]
#[inline(never)]
pub(in crate::concurrency) fn abandon_all(context: &Context, coroutine: Ref<Coroutine>) {
    report(context, coroutine, "has ended in a cancel scope that it has not left");
    drop_inside(context, coroutine, 0);
}

/// Drops the scope in `place` from the caller's chain, if it is there, and all that are inside of
/// it. Reports `what`.
#[cold]
pub(in crate::concurrency) fn forget(context: &Context, place: NonNull<Scope>, what: &str) {
    let coroutine = context.current();
    // SAFETY: readable, being the caller's.
    let Some(sealed) = (unsafe { Sealed::read(context.serial(), place) }) else { return };
    if !ptr::eq(sealed.coroutine(), coroutine.as_ptr()) {
        return;
    }
    report(context, coroutine, what);
    let mut is_outside = false;
    walk(coroutine, |scope| {
        if !is_outside {
            drop_one(coroutine, scope);
        }
        is_outside |= scope.place() == place;
    });
    settle(context, coroutine, sealed.outer());
    update(coroutine);
}
