//! Why the members of bundles are cancelled, in words.

use super::{Bundle, Cause, of};
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// So many coroutines that have cancelled each other are named.
const LONGEST_CHAIN: usize = 4;

/// Notes why a launch into `bundle` fails with `ECANCELED`.
#[cold]
#[inline(never)]
pub(super) fn note_refused_launch(context: &Context, bundle: &Bundle) {
    context.reason.set(context.current(), Errno::ECANCELED, |out| match bundle.canceller() {
        Some(canceller) if bundle.is_closing() => {
            out.text("the bundle is being closed by ");
            write_coroutine(context, canceller, out);
        }
        _ if bundle.is_overdue() => drop(out.text("the deadline of the bundle has passed")),
        _ => write_failure(bundle, "a member of the bundle has failed", out),
    });
}

/// Writes that the bundle of `coroutine` has got a graceful request, and by whom if that is known.
pub(in crate::concurrency) fn write_request(
    context: &Context,
    coroutine: Ref<Coroutine>,
    out: &mut Output,
) {
    out.text("the bundle was asked to finish");
    if let Some(canceller) = of(coroutine).and_then(|bundle| bundle.canceller()) {
        out.text(" by ");
        write_coroutine(context, canceller, out);
    }
}

/// Writes who has hard-cancelled `coroutine`, and who that one if it was itself.
pub(in crate::concurrency) fn write_cancellation(
    context: &Context,
    coroutine: Ref<Coroutine>,
    out: &mut Output,
) {
    let mut next = Some(coroutine);
    for depth in 0..LONGEST_CHAIN {
        let Some(bundle) = next.and_then(of) else { return };
        if depth > 0 {
            out.text(", hard-cancelled itself: ");
        }
        next = write_cause(context, &bundle, out).filter(|canceller| canceller.is_cancelled());
    }
}

/// Writes why the members of the bundle were hard-cancelled. Returns the coroutine that has closed
/// the bundle, if that was the reason.
fn write_cause(context: &Context, bundle: &Bundle, out: &mut Output) -> Option<Ref<Coroutine>> {
    match bundle.cause() {
        Cause::Deadline => drop(out.text("the deadline of its bundle has passed")),
        Cause::Failure => write_failure(bundle, "another member of its bundle has failed", out),
        Cause::Closing => {
            let canceller = bundle.canceller()?;
            let is_period = bundle.has_had_grace() && !canceller.is_cancelled();
            out.text(match is_period {
                true => "the grace period of its bundle has ended, given by ",
                false => "its bundle was closed by ",
            });
            write_coroutine(context, canceller, out);
            return Some(canceller);
        }
    }
    None
}

/// Writes that a member has failed, in these words, and with which error if it has reported one.
fn write_failure(bundle: &Bundle, words: &str, out: &mut Output) {
    out.text(words);
    if let Some(error) = bundle.error() {
        out.text(": ").text(Errno::from_raw(error).desc());
        out.text(" (errno ").number(error.into()).text(")");
    }
}

fn write_coroutine(context: &Context, coroutine: Ref<Coroutine>, out: &mut Output) {
    if coroutine == context.main_coroutine() {
        out.text("the main coroutine");
        return;
    }
    out.text("the coroutine launched at ");
    coroutine.write_origin(out);
}
