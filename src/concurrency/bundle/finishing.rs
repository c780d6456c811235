//! The end of coroutines, as their bundles see it.

use super::left_open;
use super::{Bundle, HAS_FINISHED, Owned, of};
use crate::concurrency::scope_chain;
use crate::context_switch;
use crate::intrusive::Ref;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, care};

/// The common case of [`finish`], in a few instructions: there is nothing to see to, nobody
/// waits for the bundle, and somebody else is ready, who is to be resumed. `None`: ask
/// `finish`, nothing has happened.
#[inline(always)]
pub(crate) fn finish_at_once() -> Option<Ref<Coroutine>> {
    finish_at_once_and(|_| ())
}

/// As [`finish_at_once`], for a coroutine that ran a Rust function.
#[inline(always)]
pub(in crate::concurrency) fn finish_rust_at_once() -> Option<Ref<Coroutine>> {
    finish_at_once_and(|coroutine| coroutine.set_line_for_now(0))
}

#[inline(always)]
fn finish_at_once_and(end: impl FnOnce(Ref<Coroutine>)) -> Option<Ref<Coroutine>> {
    let context = Context::if_ends_easily()?;
    let coroutine = context.current();
    // Not a main coroutine, whose stack is to be taken care of.
    let bundle = coroutine.bundle.get().cast::<Bundle>();
    // SAFETY: set at the launch; a bundle outlives its members.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(bundle) };
    if !bundle.waiters.is_empty() {
        return None;
    }
    let next = context.leave_warm(coroutine)?;
    end(coroutine);
    // SAFETY: a coroutine is a member of its bundle until it ends.
    unsafe { coroutine.member.unlink_quickly() };
    Some(next)
}

/// Finishes the running coroutine where [`finish_at_once`] has not. Does not return.
#[inline(never)]
pub(crate) extern "C" fn finish_slow() {
    match finish_soon() {
        // SAFETY: a coroutine that is ready was left by a switch.
        Ok(next) => unsafe { next.execution.resume() },
        Err(Unfinished::NeedsMore) => finish_with_care(),
        Err(Unfinished::HasNoNext) => finish_without_next(),
    }
}

#[inline(never)]
extern "C" fn finish_without_next() {
    if Context::renews_budget() { finish_slow() } else { finish_with_care() }
}

/// Keeps clear of a cancel scope that the coroutine's function has not left, in its frame.
#[inline(never)]
extern "C" fn finish_with_care() {
    let scope = Context::existing().map_or(0, |context| context.current().scope.get().addr());
    // SAFETY: the coroutine ends here.
    unsafe { context_switch::call_below(scope, finish) }
}

/// Also common, in a few instructions more: the coroutine was hard-cancelled, or is the last
/// one of its bundle, for which one coroutine waits, and only for that. As [`finish_at_once`],
/// but a part may have happened that `finish` would have done, too.
#[inline(always)]
fn finish_soon() -> Result<Ref<Coroutine>, Unfinished> {
    let context = Context::if_carefree().ok_or(Unfinished::NeedsMore)?;
    let coroutine = context.current();
    // SAFETY: as in `finish_at_once`.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(coroutine.bundle.get().cast()) };
    if bundle.members.is_only(coroutine)
        && let Some(waiter) = bundle.waiters.first()
    {
        if !(waiter.waits().is_alone() && bundle.waiters.is_only(waiter)) {
            return Err(Unfinished::NeedsMore);
        }
        waiter.waits().complete(context, false);
    }
    coroutine.end();
    let next = context.leave_warm(coroutine).ok_or(Unfinished::HasNoNext)?;
    // SAFETY: as in `finish_at_once`.
    unsafe { coroutine.member.unlink_quickly() };
    Ok(next)
}

/// Why [`finish_soon`] has not finished a coroutine.
enum Unfinished {
    /// There is more to see to: ask [`finish`].
    NeedsMore,
    /// No other coroutine is ready, or the budget of quick switches is used up. Where
    /// [`Context::renews_budget`], `finish_soon` can be tried again.
    HasNoNext,
}

/// Ends the running coroutine. Does not return; see `Context::leave`.
extern "C" fn finish() {
    // Only a coroutine ends, and it has a context.
    let Some(context) = Context::existing() else { std::process::abort() };
    let coroutine = context.current();
    if coroutine.takes_care(care::CANCELLATION | care::BUNDLES | care::SCOPES) {
        clean_up(context, coroutine);
    }
    if context.checks_misuse()
        && let Some(bundle) = of(coroutine)
    {
        bundle.add_state(HAS_FINISHED);
    }
    if let Some(bundle) = of(coroutine)
        && coroutine.member.unlink()
        && !bundle.waiters.is_empty()
    {
        bundle.end_waits(context);
    }
    context.leave(coroutine);
}

#[cold]
#[inline(never)]
fn clean_up(context: &Context, coroutine: Ref<Coroutine>) {
    if coroutine.takes_care(care::CANCELLATION) {
        context.cancellations.end(coroutine);
    }
    if coroutine.takes_care(care::BUNDLES) {
        if context.checks_misuse() {
            left_open::note(context, coroutine);
        }
        disown_bundles(context, coroutine);
    }
    if coroutine.takes_care(care::SCOPES) {
        scope_chain::abandon_all(context, coroutine);
    }
}

/// Takes the owner from the bundles that a coroutine leaves open.
fn disown_bundles(context: &Context, coroutine: Ref<Coroutine>) {
    while let Some(bundle) = coroutine.owned::<Owned>().pop_front() {
        bundle.owner.set(None);
        context.note_periods();
    }
}
