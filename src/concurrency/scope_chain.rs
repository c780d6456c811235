//! The chain of cancel scopes that a coroutine is in, and what it means for the coroutine's reasons
//! to stop.
//!
//! A scope lies in its user's memory, usually a frame of the coroutine's own stack. Entering,
//! leaving and firing keep the reasons up to date, so blocking calls know nothing of scopes.

use super::subscriber::{News, Subscriber};
use crate::intrusive::Ref;
use crate::os::instrumentation;
use crate::scheduler::clock::has_come;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, care, stop};
use crate::scheduler::timers::{OnExpiry, Timer};
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::offset_of;
use core::ptr::{self, NonNull};

/// What a scope watches besides its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Watch {
    /// Nothing.
    Nothing,
    /// A half-channel becoming done, or closed by its peer.
    Channel(c_int),
    /// The graceful request to the bundle in which the coroutine runs.
    Request,
    /// Nothing, and outer scopes do not interrupt inside.
    Shield,
}

/// Why a scope has fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fired {
    No,
    ByDeadline,
    ByRequest,
}

/// An entered scope.
#[repr(C)]
pub(crate) struct Scope {
    outer: *const Scope,
    coroutine: Ref<Coroutine>,
    /// Subscribed to what the scope watches.
    subscriber: Subscriber,
    timer: Timer,
    fired: Cell<Fired>,
    /// The deadline has passed: it also ends what a request does not.
    overdue: Cell<bool>,
    watch: Watch,
}

/// Returns whether the coroutine is in a scope that lies in `place`.
pub(super) fn contains(coroutine: Ref<Coroutine>, place: NonNull<Scope>) -> bool {
    let mut next = coroutine.scope.get().cast::<Scope>();
    // SAFETY: a scope in a coroutine's chain is alive until it is left.
    while let Some(scope) = unsafe { next.as_ref() } {
        if ptr::eq(scope, place.as_ptr()) {
            return true;
        }
        next = scope.outer;
    }
    false
}

/// Makes a scope in `place`, the innermost one of the coroutine. The coroutine's reasons to stop
/// are not [updated](update) yet.
///
/// # Safety
/// `place` is valid for writes and stays with the scope until it is left; the coroutine leaves it
/// before it ends.
pub(super) unsafe fn push(
    coroutine: Ref<Coroutine>,
    place: NonNull<Scope>,
    watch: Watch,
) -> Ref<Scope> {
    // SAFETY: the caller gives the place to the scope until it is left.
    let scope = unsafe {
        place.write(Scope {
            outer: coroutine.scope.get().cast(),
            coroutine,
            subscriber: Subscriber::new(Scope::tell),
            timer: Timer::new(Scope::TIMED_OUT),
            fired: Cell::new(Fired::No),
            overdue: Cell::new(false),
            watch,
        });
        Ref::new(place)
    };
    coroutine.scope.set(scope.as_ptr().cast());
    coroutine.take_care(care::SCOPES);
    scope
}

/// Takes the innermost scope out of the coroutine's chain, if it is the one in `place`. Returns
/// whether and why it has fired.
pub(super) fn pop(
    context: &Context,
    coroutine: Ref<Coroutine>,
    place: NonNull<Scope>,
) -> Option<Fired> {
    if !ptr::eq(coroutine.scope.get(), place.as_ptr().cast()) {
        return None;
    }
    // SAFETY: a scope in a coroutine's chain is alive until it is left.
    let scope = unsafe { Ref::new(place) };
    // The clock may not have been read while the coroutine computed.
    if scope.timer.is_armed() && scope.timer.deadline() <= context.clock.now() {
        scope.pass_deadline();
    }
    scope.disarm(context);
    coroutine.scope.set(scope.outer.cast());
    if scope.outer.is_null() {
        coroutine.forget_care(care::SCOPES);
    }
    update(coroutine);
    Some(scope.fired.get())
}

/// Calls `action` for each scope that the coroutine is in, the innermost first: what it
/// watches, its deadline, and whether it has fired.
pub(super) fn for_each(
    coroutine: Ref<Coroutine>,
    mut action: impl FnMut(Watch, Option<i64>, Fired),
) {
    let mut next = coroutine.scope.get().cast::<Scope>();
    // SAFETY: the coroutine's scopes are alive until they are left, innermost first.
    while let Some(scope) = unsafe { next.as_ref() } {
        let deadline = scope.timer.is_armed().then(|| scope.timer.deadline());
        action(scope.watch, deadline, scope.fired.get());
        next = scope.outer;
    }
}

/// Returns the nearest deadline of the scopes that may interrupt the coroutine: of those outside a
/// shield none can. One that has passed counts as the time now.
pub(super) fn nearest_deadline(context: &Context, coroutine: Ref<Coroutine>) -> Option<i64> {
    let mut nearest = None;
    let mut next = coroutine.scope.get().cast::<Scope>();
    // SAFETY: the coroutine's scopes are alive until they are left, innermost first.
    while let Some(scope) = unsafe { next.as_ref() } {
        let deadline = match scope.overdue.get() {
            true => Some(context.clock.now()),
            false => scope.timer.is_armed().then(|| scope.timer.deadline()),
        };
        nearest = [nearest, deadline].into_iter().flatten().min();
        next = if scope.watch == Watch::Shield { ptr::null() } else { scope.outer };
    }
    nearest
}

/// Returns what the scope in `place` has watched, after [`pop`] has taken it out of the chain and
/// before anything else was written there.
pub(super) fn watched_by_left(place: NonNull<Scope>) -> Watch {
    // SAFETY: written by `push`; leaving it has changed nothing there.
    unsafe { place.as_ref() }.watch
}

/// Disarms the scopes of a coroutine that ends inside of them, which is a mistake of its code.
/// They may lie in a frame that was left a moment ago: see `context_switch::call_below`.
#[cold]
#[inline(never)]
pub(super) fn abandon_all(context: &Context, coroutine: Ref<Coroutine>) {
    let mut next = coroutine.scope.replace(ptr::null()).cast::<Scope>();
    while !next.is_null() {
        instrumentation::valgrind_make_defined(next.cast(), size_of::<Scope>());
        // SAFETY: where the scopes lie in a frame of the coroutine's function, nothing has been
        // written there since it returned.
        let scope = unsafe { &*next };
        scope.disarm(context);
        next = scope.outer;
    }
}

/// Sets the coroutine's reasons to stop to what its scopes say now.
pub(super) fn update(coroutine: Ref<Coroutine>) {
    let mut reasons = 0;
    let mut next = coroutine.scope.get().cast::<Scope>();
    // SAFETY: the coroutine's scopes are alive until they are left, innermost first.
    while let Some(scope) = unsafe { next.as_ref() } {
        if scope.overdue.get() {
            reasons |= stop::SCOPE_DEADLINE;
        }
        if scope.fired.get() == Fired::ByRequest {
            reasons |= stop::SCOPE_REQUEST;
        }
        next = if scope.watch == Watch::Shield { ptr::null() } else { scope.outer };
    }
    if coroutine.under_way.get() > 0 {
        reasons &= !stop::SCOPE_REQUEST;
    }
    coroutine.remove_stop(stop::SCOPE_DEADLINE | stop::SCOPE_REQUEST);
    coroutine.add_stop(reasons);
}

impl Scope {
    fn timer_ref(&self) -> Ref<Timer> {
        // SAFETY: part of this entered scope, which disarms it when it is left.
        unsafe { Ref::from_raw(&raw const self.timer) }
    }

    fn disarm(&self, context: &Context) {
        self.subscriber.withdraw();
        context.disarm_timer(self.timer_ref());
    }

    /// Notes that what the scope watches has happened already when it is entered.
    pub(super) fn note_event(&self) {
        self.fired.set(Fired::ByRequest);
    }

    /// Sets the deadline, which the scope has none of yet.
    pub(super) fn set_deadline(&self, context: &Context, deadline: i64) {
        if has_come(deadline, context.clock.refresh()) {
            self.pass_deadline();
        } else {
            context.arm_timer(self.timer_ref(), deadline);
        }
    }

    /// Returns what is to be told of the event that the scope watches.
    pub(super) fn subscriber_ref(&self) -> Ref<Subscriber> {
        // SAFETY: part of this entered scope, which withdraws it when it is left.
        unsafe { Ref::from_raw(&raw const self.subscriber) }
    }

    /// Ends the blocking calls inside when what the scope watches has happened. The deadline may
    /// still come: it also ends operations under way. A scope whose channel is closed watches
    /// nothing from then on.
    unsafe fn tell(subscriber: Ref<Subscriber>, context: &Context, news: News) {
        let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Scope, subscriber));
        // SAFETY: `push` makes subscribers with this function in scopes only.
        let scope: Ref<Scope> = unsafe { Ref::from_raw(place.cast()) };
        if news == News::Happened {
            scope.fired.set(Fired::ByRequest);
            scope.interrupt(context);
        }
    }

    fn pass_deadline(&self) {
        self.overdue.set(true);
        if self.fired.get() == Fired::No {
            self.subscriber.withdraw();
            self.fired.set(Fired::ByDeadline);
        }
    }

    fn interrupt(&self, context: &Context) {
        update(self.coroutine);
        context.interrupt(self.coroutine);
    }

    const TIMED_OUT: OnExpiry = |timer| {
        let scope = timer.as_ptr().wrapping_byte_sub(offset_of!(Scope, timer)).cast::<Scope>();
        // SAFETY: only `Scope::timer` has this function, and it is disarmed on leaving.
        let scope: Ref<Scope> = unsafe { Ref::from_raw(scope) };
        if let Some(context) = Context::existing() {
            scope.pass_deadline();
            scope.interrupt(context);
        }
    };
}
