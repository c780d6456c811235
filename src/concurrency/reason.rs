//! Why the running coroutine's calls fail: who has cancelled it.
//!
//! Nothing is stored for that when a call fails. The coroutine's reasons to stop, its scopes and
//! its bundle tell it when the program asks.

use super::bundle::{self, Bundle, Cause};
use super::cancel_scope::{self, Fired, Scope, Watch};
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, stop};
use crate::scheduler::reason::Render;
use core::ffi::{c_char, c_int};
use core::ptr::NonNull;

/// So many coroutines that have cancelled each other are named.
const LONGEST_CHAIN: usize = 4;

/// Returns why the running coroutine's last call has failed, if that was with `errno`; null when
/// nothing is known. The text stays until the next call that blocks or asks.
pub(crate) fn of_failure(errno: c_int) -> *const c_char {
    let Some(context) = Context::existing() else { return core::ptr::null() };
    if let Some(noted) = context.noted_reason(errno) {
        return noted;
    }
    if errno != Errno::ECANCELED as c_int || context.current().stop_reasons() == 0 {
        return core::ptr::null();
    }
    context.write_reason(|out| write_stop(context.current(), out))
}

/// Calls `read` with the reason why the running coroutine's blocking calls fail, if they do.
pub(crate) fn of_cancellation<T>(read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let current = Context::existing()?.current();
    if current.stop_reasons() == 0 {
        return None;
    }
    let mut out = Output::in_memory();
    write_stop(current, &mut out);
    Some(read(out.bytes()))
}

/// Notes why a launch into `bundle` fails with `ECANCELED`.
#[cold]
pub(super) fn note_refused_launch(context: &Context, bundle: &Bundle) {
    context.set_reason(Errno::ECANCELED, |out| match bundle.canceller() {
        Some(canceller) if bundle.is_closing() => {
            out.text("the bundle is being closed by ");
            write_coroutine(context, canceller, out);
        }
        _ => drop(out.text("a member of the bundle has failed")),
    });
}

/// Notes why leaving the scope that was in `place` fails with `ECANCELED`: what it watched has
/// happened.
#[cold]
pub(crate) fn note_left_scope(place: NonNull<Scope>) {
    let Some(context) = Context::existing() else { return };
    let render: Render = match cancel_scope::watched_by_left(place) {
        Watch::Channel(_) => |_, _, out| write_channel(out),
        _ => |context, _, out| write_request(context, context.current(), out),
    };
    context.defer_reason(Errno::ECANCELED, render, 0);
}

/// Writes the most important of the coroutine's reasons to stop, of which it has one.
fn write_stop(coroutine: Ref<Coroutine>, out: &mut Output) {
    let Some(context) = Context::existing() else { return };
    let reasons = coroutine.stop_reasons();
    if reasons & stop::CANCELED != 0 {
        out.text("hard-cancelled: ");
        write_cancellation(context, coroutine, out);
    } else if reasons & stop::CLOSING != 0 {
        out.text("inside a close callback, where nothing may block");
    } else if reasons & stop::SCOPE_DEADLINE != 0 {
        out.text("the deadline of the cancel scope has passed");
    } else {
        let mut innermost = Watch::Nothing;
        cancel_scope::for_each(coroutine, |watch, _, fired| {
            if fired == Fired::ByRequest && innermost == Watch::Nothing {
                innermost = watch;
            }
        });
        match innermost {
            Watch::Channel(_) => write_channel(out),
            _ => write_request(context, coroutine, out),
        }
    }
}

fn write_channel(out: &mut Output) {
    out.text("the channel of the cancel scope is done");
}

/// Writes that the bundle of `coroutine` has got a graceful request, and by whom if that is known.
fn write_request(context: &Context, coroutine: Ref<Coroutine>, out: &mut Output) {
    out.text("the bundle was asked to finish");
    if let Some(canceller) = bundle::of(coroutine).and_then(|bundle| bundle.canceller()) {
        out.text(" by ");
        write_coroutine(context, canceller, out);
    }
}

/// Writes who has hard-cancelled `coroutine`, and who that one if it was itself.
fn write_cancellation(context: &Context, coroutine: Ref<Coroutine>, out: &mut Output) {
    let mut next = Some(coroutine);
    for depth in 0..LONGEST_CHAIN {
        let Some(bundle) = next.and_then(bundle::of) else { return };
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
        // The place for more about a failure that a member reports.
        Cause::Failure => drop(out.text("another member of its bundle has failed")),
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

fn write_coroutine(context: &Context, coroutine: Ref<Coroutine>, out: &mut Output) {
    if coroutine == context.main_coroutine() {
        out.text("the main coroutine");
        return;
    }
    out.text("the coroutine launched at ");
    coroutine.write_origin(out);
}
