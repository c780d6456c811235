//! Scopes that were not left, which are mistakes of the program. `DILL_CHECK=1` reports them.

use super::seal::{Sealed, state};
use super::{Home, KNOWN, Scope, update, walk};
use crate::intrusive::Ref;
use crate::os::instrumentation;
use crate::os::output::Output;
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

/// Drops the scopes whose memory was overwritten and those inside of them.
#[inline]
pub(in crate::concurrency) fn drop_broken(context: &Context, coroutine: Ref<Coroutine>) {
    if !walk(coroutine, |_| ()) {
        drop_from_broken(context, coroutine);
    }
}

#[cold]
fn drop_from_broken(context: &Context, coroutine: Ref<Coroutine>) {
    report(context, coroutine, "has not left a cancel scope whose memory was overwritten");
    let Some(home) = Home::of(coroutine) else { return };
    let mut outer = ptr::null();
    let mut kept = 0;
    while kept < KNOWN
        && let Some(place) = NonNull::new(home.known[kept].get().cast_mut())
        // SAFETY: it is known from being entered; see `walk`.
        && let Some(sealed) = unsafe { Sealed::read(home.serial, place) }
        && sealed.kind() == state::ENTERED
        && ptr::eq(sealed.outer(), outer)
    {
        outer = place.as_ptr();
        kept += 1;
    }
    drop_inside(context, coroutine, kept);
    update(coroutine);
}

/// Drops all scopes but so many of the outermost ones.
fn drop_inside(context: &Context, coroutine: Ref<Coroutine>, kept: usize) {
    let Some(home) = Home::of(coroutine) else { return };
    let kept = &home.known[..kept];
    // Innermost first, up to a broken one.
    let mut next = coroutine.scope.get().cast::<Scope>().cast_mut();
    while let Some(place) = NonNull::new(next)
        && !kept.iter().any(|known| ptr::eq(known.get(), place.as_ptr()))
    {
        instrumentation::valgrind_make_defined(place.as_ptr().cast(), size_of::<Scope>());
        // SAFETY: see `walk`.
        let Some(mut sealed) = (unsafe { Sealed::read(home.serial, place) }) else { break };
        next = sealed.outer().cast_mut();
        drop_one(coroutine, &mut sealed);
    }
    // And those outside of it that are known.
    for known in &home.known[kept.len()..] {
        if let Some(place) = NonNull::new(known.get().cast_mut())
            // SAFETY: see `walk`.
            && let Some(mut sealed) = unsafe { Sealed::read(home.serial, place) }
        {
            drop_one(coroutine, &mut sealed);
        }
    }
    settle(context, coroutine, kept.last().map_or(ptr::null(), |known| known.get()));
}

fn drop_one(coroutine: Ref<Coroutine>, scope: &mut Sealed) {
    if scope.kind() == state::ENTERED
        && let Some(home) = Home::of(coroutine)
    {
        home.stop_watching(scope);
        scope.leave();
    }
}

/// Has the chain begin at `top`, after others were dropped.
fn settle(context: &Context, coroutine: Ref<Coroutine>, top: *const Scope) {
    let Some(home) = Home::of(coroutine) else { return };
    coroutine.scope.set(top.cast());
    let mut keeps_channel = false;
    let mut is_known = [false; KNOWN];
    walk(coroutine, |scope| {
        keeps_channel |= ptr::eq(home.channel_scope.get(), scope.place().as_ptr());
        for (known, is_known) in home.known.iter().zip(&mut is_known) {
            *is_known |= ptr::eq(known.get(), scope.place().as_ptr());
        }
    });
    for (known, is_known) in home.known.iter().zip(is_known) {
        if !is_known {
            known.set(ptr::null());
        }
    }
    if !keeps_channel {
        home.channel.withdraw();
        home.channel_scope.set(ptr::null());
    }
    if top.is_null() {
        home.close(context, coroutine);
    } else {
        home.arm(context, coroutine);
    }
}

/// Writes a line about the coroutine, if mistakes are to be reported.
#[cold]
pub(in crate::concurrency) fn report(context: &Context, coroutine: Ref<Coroutine>, what: &str) {
    if !context.checks_misuse() {
        return;
    }
    let mut out = Output::new(libc::STDERR_FILENO);
    if coroutine == context.main_coroutine() {
        out.text("libdill: the main coroutine ");
    } else {
        out.text("libdill: the coroutine launched at ");
        coroutine.write_origin(&mut out);
        out.text(" ");
    }
    out.text(what).text("\n");
    let _ = out.finish();
}
