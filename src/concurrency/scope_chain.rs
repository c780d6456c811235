//! The chain of cancel scopes that a coroutine is in, and what it means for the coroutine's reasons
//! to stop.
//!
//! A scope lies in its user's memory, usually a frame of the coroutine's own stack. Entering,
//! leaving and firing keep the reasons up to date, so blocking calls know nothing of scopes.
//!
//! A program may forget to leave a scope and use its memory for something else. So scopes are
//! [sealed](seal), and what others hold pointers to, the timer and the subscribers, lies in the
//! coroutine: [`Home`]. Only where a coroutine watches channels in several scopes at a time are
//! those of the inner ones in the scopes.

use super::subscriber::Subscriber;
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::os::instrumentation;
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, care};
use core::ffi::c_int;
use core::ptr::{self, NonNull};

mod forgotten;
mod home;
mod report;
mod seal;

pub(super) use forgotten::{abandon_all, forget};
pub(super) use home::{drop_broken, update};
pub(super) use report::report;
pub(crate) use seal::{Fired, Scope, Watch};

use home::{Home, KNOWN, deadline_in_order, walk};
use seal::{Sealed, state};

/// Returns whether an entered scope of this thread lies in `place`.
///
/// # Safety
/// `place` is readable.
#[inline]
pub(super) unsafe fn is_entered(context: &Context, place: NonNull<Scope>) -> bool {
    if context.is_instrumented() {
        instrumentation::valgrind_make_defined(place.as_ptr().cast(), size_of::<Scope>());
    }
    // SAFETY: the caller says that it is readable.
    match unsafe { Sealed::read(context.serial(), place) } {
        Some(sealed) => sealed.kind() == state::ENTERED && is_in_chain(context, sealed),
        None => false,
    }
}

/// Returns whether the scope is in the caller's chain, or perhaps in another one's.
#[cold]
fn is_in_chain(context: &Context, sealed: Sealed) -> bool {
    let coroutine = context.current();
    if !ptr::eq(sealed.coroutine(), coroutine.as_ptr()) {
        return true;
    }
    let mut is_found = false;
    walk(coroutine, |&mut scope| is_found |= scope.place() == sealed.place());
    is_found
}

/// Makes a scope in `place`, the innermost one of the coroutine. The coroutine's reasons to stop
/// are not [updated](update) yet.
///
/// # Safety
/// `place` is valid for writes and stays with the scope until it is left; no entered scope lies
/// there.
pub(super) unsafe fn push(
    context: &Context,
    coroutine: Ref<Coroutine>,
    place: NonNull<Scope>,
    (watch, deadline): (Watch, i64),
) -> Entered {
    let home = match Home::of(coroutine) {
        Some(home) => home,
        None => Home::make(context, coroutine),
    };
    let top = coroutine.scope.get();
    // SAFETY: the caller gives the place to the scope until it is left.
    let sealed = unsafe {
        let nested = Subscriber::new(home::tell_nested);
        Sealed::write(context, coroutine, place, (watch, deadline), nested)
    };
    let depth = if top.is_null() {
        0
    } else {
        home.known
            .iter()
            .position(|known| ptr::eq(known.get().cast(), top))
            .map_or(KNOWN, |at| at + 1)
    };
    if let Some(known) = home.known.get(depth) {
        known.set(place.as_ptr());
    }
    coroutine.scope.set(place.as_ptr().cast());
    coroutine.take_care(care::SCOPES);
    Entered { sealed, home }
}

/// A scope that was just made.
pub(super) struct Entered {
    sealed: Sealed,
    home: Ref<Home>,
}

impl Entered {
    /// Returns the subscriber for the channel that the scope watches.
    pub(super) fn for_channel(&self) -> Ref<Subscriber> {
        if !self.home.channel_scope.get().is_null() {
            return self.sealed.nested();
        }
        self.home.channel_scope.set(self.sealed.place().as_ptr());
        self.home.channel()
    }

    /// Returns the subscriber for the request, if that is not subscribed yet.
    pub(super) fn for_request(&self) -> Option<Ref<Subscriber>> {
        let subscriber = self.home.request();
        (!subscriber.is_subscribed()).then_some(subscriber)
    }

    /// Notes that what the scope watches has happened already.
    pub(super) fn note_event(&mut self) {
        if self.sealed.is(state::AWAITS_CHANNEL) {
            self.home.stop_watching(&self.sealed);
        }
        self.sealed.add(state::HAPPENED);
    }

    /// Sees to the deadline.
    pub(super) fn start_clock(&mut self, context: &Context, deadline: i64) {
        if has_come(deadline, context.clock.refresh()) {
            self.home.pass_deadline(&mut self.sealed);
            return;
        }
        let timer = self.home.timer();
        if timer.is_armed() {
            if timer.deadline() <= deadline_in_order(deadline) {
                return;
            }
            context.disarm_timer(timer);
        }
        context.arm_timer(timer, deadline);
    }
}

/// Takes the innermost scope out of the coroutine's chain, if it is the one in `place`. Returns
/// whether and why it has fired.
///
/// # Safety
/// `place` is readable.
pub(super) unsafe fn pop(
    context: &Context,
    coroutine: Ref<Coroutine>,
    place: NonNull<Scope>,
) -> Option<Fired> {
    if !ptr::eq(coroutine.scope.get(), place.as_ptr().cast()) {
        drop_broken(context, coroutine);
    }
    // SAFETY: the caller says that it is readable.
    let sealed = unsafe { Sealed::read(context.serial(), place) };
    if !ptr::eq(coroutine.scope.get(), place.as_ptr().cast()) {
        // It was dropped from the chain together with a broken one.
        if let Some(mut sealed) = sealed
            && sealed.kind() == state::ENTERED
            && !is_in_chain(context, sealed)
        {
            sealed.leave();
        }
        return None;
    }
    let Some(mut sealed) = sealed else {
        drop_broken(context, coroutine);
        return None;
    };
    let home = Home::of(coroutine)?;
    home.look_at_clock(context, &mut sealed);
    home.stop_watching(&sealed);
    sealed.leave();
    for known in &home.known {
        if ptr::eq(known.get(), place.as_ptr()) {
            known.set(ptr::null());
        }
    }
    coroutine.scope.set(sealed.outer().cast());
    let timer = home.timer();
    if sealed.outer().is_null() {
        home.close(context, coroutine);
    } else if timer.is_armed() && timer.deadline() == deadline_in_order(sealed.deadline()) {
        home.arm(context, coroutine);
    }
    update(coroutine);
    Some(sealed.fired())
}

/// Returns whether and why the scope in `place` has fired, also after it was left; `Err` if there
/// is none, or if it could not be entered.
///
/// # Safety
/// `place` is readable.
pub(super) unsafe fn fired(place: NonNull<Scope>) -> Result<Fired, c_int> {
    let context = Context::existing();
    // SAFETY: the caller says that it is readable.
    let sealed = context.and_then(|context| unsafe { Sealed::read(context.serial(), place) });
    let (Some(context), Some(mut sealed)) = (context, sealed) else {
        // SAFETY: as above.
        return Err(unsafe { Sealed::read_failed(place) }.unwrap_or(Errno::EINVAL as c_int));
    };
    let coroutine = context.current();
    if sealed.kind() == state::ENTERED
        && ptr::eq(sealed.coroutine(), coroutine.as_ptr())
        && is_in_chain(context, sealed)
        && let Some(home) = Home::of(coroutine)
        && home.look_at_clock(context, &mut sealed)
    {
        update(coroutine);
    }
    Ok(sealed.fired())
}

/// Notes in `place` that it could not be entered, and why.
///
/// # Safety
/// `place` is valid for writes, and no entered scope lies there.
#[cold]
pub(super) unsafe fn note_failure(place: NonNull<Scope>, error: Errno) {
    // SAFETY: the caller says that it is valid.
    unsafe { Sealed::write_failed(place, error) }
}

/// Calls `action` for each scope that the coroutine is in, the innermost first: what it
/// watches, its deadline, and whether it has fired.
pub(super) fn for_each(
    coroutine: Ref<Coroutine>,
    mut action: impl FnMut(Watch, Option<i64>, Fired),
) {
    walk(coroutine, |scope| {
        let deadline = scope.deadline();
        let is_pending = !is_never(deadline) && !scope.is(state::OVERDUE);
        action(scope.watch(), is_pending.then(|| deadline_in_order(deadline)), scope.fired());
    });
}

/// Returns the nearest deadline of the scopes that may interrupt the coroutine: of those outside a
/// shield none can. One that has passed counts as the time now.
pub(super) fn nearest_deadline(context: &Context, coroutine: Ref<Coroutine>) -> Option<i64> {
    let (mut nearest, mut is_shielded) = (None, false);
    walk(coroutine, |scope| {
        let deadline = match scope.is(state::OVERDUE) {
            true => context.clock.now(),
            false => scope.deadline(),
        };
        if !is_shielded && !is_never(deadline) {
            let deadline = deadline_in_order(deadline);
            nearest = Some(nearest.map_or(deadline, |nearest: i64| nearest.min(deadline)));
        }
        is_shielded |= scope.is(state::SHIELDS);
    });
    nearest
}

/// Returns what the scope in `place` has watched, after [`pop`] has taken it out of the chain and
/// before anything else was written there.
///
/// # Safety
/// `place` is readable.
pub(super) unsafe fn watched_by_left(context: &Context, place: NonNull<Scope>) -> Watch {
    // SAFETY: the caller says that it is readable.
    let sealed = unsafe { Sealed::read(context.serial(), place) };
    sealed.map_or(Watch::Nothing, |sealed| sealed.watch())
}
