//! Why the running coroutine's calls fail: who has cancelled it.
//!
//! Nothing is stored for that when a call fails. The coroutine's reasons to stop, its scopes and
//! its bundle tell it when the program asks.

use super::bundle::reason::{write_cancellation, write_request};
use super::scope_chain::{self, Fired, Watch};
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, stop};
use crate::scheduler::reason::Render;
use core::ffi::{c_char, c_int};

/// Returns why the running coroutine's last call has failed, if that was with `errno`; null when
/// nothing is known. The text stays until the next call that blocks or asks.
pub(crate) fn of_failure(errno: c_int) -> *const c_char {
    let Some(context) = Context::existing() else { return core::ptr::null() };
    if let Some(noted) = context.reason.noted(context.current(), errno) {
        return noted;
    }
    if errno != Errno::ECANCELED as c_int || context.current().stop_reasons() == 0 {
        return core::ptr::null();
    }
    context.reason.write(|out| write_stop(context.current(), out))
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

/// Notes why leaving a scope that has watched this fails with `ECANCELED`: it has happened.
#[cold]
#[inline(never)]
pub(crate) fn note_left_scope(watched: Watch) {
    let Some(context) = Context::existing() else { return };
    let render: Render = match watched {
        Watch::Channel(_) => |_, out| write_channel(out),
        _ => |_, out| {
            if let Some(context) = Context::existing() {
                write_request(context, context.current(), out);
            }
        },
    };
    context.reason.defer(context.current(), Errno::ECANCELED, render, 0);
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
        scope_chain::for_each(coroutine, |watch, _, fired| {
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
