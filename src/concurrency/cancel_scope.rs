//! Cancel scopes: stretches of code whose blocking calls end when something happens.
//!
//! A scope lies in its user's memory, usually a frame of the coroutine's own stack, and
//! is linked into the channel or bundle that it watches. Entering, leaving and firing
//! keep the coroutine's reasons to stop up to date, so blocking calls know nothing of
//! scopes.

use super::bundle;
use super::channel;
use crate::intrusive::{Link, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::os::instrumentation;
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, care, stop};
use crate::scheduler::timers::{OnExpiry, Timer};
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::{MaybeUninit, offset_of};
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
    /// Membership in what it watches.
    link: Link,
    timer: Timer,
    fired: Cell<Fired>,
    /// The deadline has passed: it also ends what a request does not.
    overdue: Cell<bool>,
    watch: Watch,
}

adapter!(
    /// The scopes that watch one channel or bundle.
    Watching,
    Scope,
    link
);

/// Enters a scope in `place`. `EBADF` and `ENOTSUP` for the channel; `EINVAL` when the coroutine
/// is in a scope there already.
///
/// # Safety
/// `place` is valid for writes and stays with the scope until it is left; the calling
/// coroutine leaves it before it ends.
pub(crate) unsafe fn enter(place: NonNull<Scope>, watch: Watch, deadline: i64) -> Result<()> {
    let context = Context::get()?;
    let coroutine = context.current();
    let mut outer = coroutine.scope.get().cast::<Scope>();
    // SAFETY: the coroutine's scopes are alive until they are left, innermost first.
    while let Some(scope) = unsafe { outer.as_ref() } {
        if ptr::eq(scope, place.as_ptr()) {
            return Err(Errno::EINVAL);
        }
        outer = scope.outer;
    }
    let half = match watch {
        Watch::Channel(handle) => Some(channel::find(context, handle)?),
        Watch::Nothing | Watch::Request | Watch::Shield => None,
    };
    // SAFETY: by the caller's promise; from here on the scope is alive until `leave`.
    let scope = unsafe {
        place.write(Scope {
            outer: coroutine.scope.get().cast(),
            coroutine,
            link: Link::new(),
            timer: Timer::new(Scope::TIMED_OUT),
            fired: Cell::new(Fired::No),
            overdue: Cell::new(false),
            watch,
        });
        Ref::new(place)
    };
    coroutine.scope.set(scope.as_ptr().cast());
    coroutine.take_care(care::SCOPES);
    if let Some(half) = half {
        if half.is_over() {
            scope.fired.set(Fired::ByRequest);
        } else {
            half.watchers.push_back(scope);
        }
    }
    if watch == Watch::Request
        && let Some(bundle) = bundle::of(coroutine)
        && !bundle.watch(scope)
    {
        scope.fired.set(Fired::ByRequest);
    }
    if !is_never(deadline) {
        if has_come(deadline, context.clock.refresh()) {
            scope.pass_deadline();
        } else {
            context.arm_timer(scope.timer_ref(), deadline);
        }
    }
    update(coroutine);
    Ok(())
}

/// Leaves the innermost scope, which must be the one in `place` (`EINVAL` otherwise).
/// Whether and why it has fired.
pub(crate) fn leave(place: NonNull<Scope>) -> Result<Fired> {
    let context = Context::existing().ok_or(Errno::EINVAL)?;
    let coroutine = context.current();
    if !ptr::eq(coroutine.scope.get(), place.as_ptr().cast()) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the innermost scope of a coroutine has been entered and not been left.
    let scope = unsafe { Ref::new(place) };
    // Nobody may have looked at the clock while the coroutine computed.
    if scope.timer.is_armed() && scope.timer.deadline() <= context.clock.now() {
        scope.pass_deadline();
    }
    scope.disarm(context);
    coroutine.scope.set(scope.outer.cast());
    if scope.outer.is_null() {
        coroutine.forget_care(care::SCOPES);
    }
    update(coroutine);
    Ok(scope.fired.get())
}

/// Calls `function` within a scope; its result, and whether and why the scope has fired. The
/// scope lies in the frame of this call, and is left however the function ends.
pub(crate) fn within<R>(
    watch: Watch,
    deadline: i64,
    function: impl FnOnce() -> R,
) -> Result<(R, Fired)> {
    struct Leave(NonNull<Scope>);
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = leave(self.0);
        }
    }
    let mut place = MaybeUninit::<Scope>::uninit();
    let place = NonNull::from(&mut place).cast::<Scope>();
    // SAFETY: the place lasts as long as this call, which leaves the scope, also by a panic. If it
    // never returns, its coroutine and the frame stay for ever.
    unsafe { enter(place, watch, deadline)? };
    let panicking = Leave(place);
    let result = function();
    core::mem::forget(panicking);
    leave(place).map(|fired| (result, fired))
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

/// Returns what the scope in `place` has watched, after [`leave`] has succeeded and before anything
/// else was written there.
pub(super) fn watched_by_left(place: NonNull<Scope>) -> Watch {
    // SAFETY: entered, and written by `enter`; leaving it has changed nothing there.
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
fn update(coroutine: Ref<Coroutine>) {
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

/// Can a request, or the deadline of a scope, come between the running coroutine and the end
/// of a blocking call? Hard cancellation always can.
pub(crate) fn may_interrupt(context: &Context) -> bool {
    let coroutine = context.current();
    !coroutine.scope.get().is_null() && coroutine.under_way.get() == 0
}

/// While it exists, requests do not interrupt the coroutine that made it: an operation of
/// a protocol has transferred its first byte and must not be torn, whatever calls to the
/// layers beneath it consists of.
pub(crate) struct UnderWay(Ref<Coroutine>);

impl UnderWay {
    /// For protocols, once the first byte of an operation has been transferred.
    pub(crate) fn begin() -> Result<UnderWay> {
        let coroutine = Context::get()?.current();
        coroutine.under_way.set(coroutine.under_way.get() + 1);
        update(coroutine);
        Ok(UnderWay(coroutine))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        update(self.0);
    }
}

/// A call of a socket's interface. Where protocols are stacked, ours or those of C programs,
/// such calls nest: from the first byte that a layer beneath has transferred until the end of
/// the outermost call, requests do not interrupt it.
pub(crate) struct SocketCall(Ref<Coroutine>);

impl SocketCall {
    #[inline]
    pub(crate) fn begin(context: &Context) -> SocketCall {
        let coroutine = context.current();
        coroutine.socket_calls.set(coroutine.socket_calls.get() + 1);
        SocketCall(coroutine)
    }
}

impl Drop for SocketCall {
    #[inline]
    fn drop(&mut self) {
        let depth = self.0.socket_calls.get() - 1;
        self.0.socket_calls.set(depth);
        if depth == 0 && self.0.transferred.get() {
            self.0.transferred.set(false);
            drop(UnderWay(self.0));
        }
    }
}

/// How many [`SocketCall`]s stand for a call of a socket's interface itself.
pub(crate) const RECORDED: u32 = 1;
/// For calls that nobody has made a [`SocketCall`] for.
pub(crate) const UNRECORDED: u32 = 0;

/// For the sockets at the bottom: bytes have been transferred by a call that is one of `own`
/// calls on record. A call without protocols on top takes care of itself.
#[inline(always)]
pub(crate) fn note_transfer(context: &Context, own: u32) {
    let coroutine = context.current();
    if coroutine.socket_calls.get() > own {
        note_nested_transfer(coroutine);
    }
}

#[inline(never)]
fn note_nested_transfer(coroutine: Ref<Coroutine>) {
    if !coroutine.transferred.replace(true) {
        coroutine.under_way.set(coroutine.under_way.get() + 1);
        update(coroutine);
    }
}

/// For protocols: what was transferred beneath was complete in itself, and requests may
/// interrupt the call again. Not when a protocol on top has received something in the same
/// call.
pub(crate) fn forget_transfer(context: &Context) {
    let coroutine = context.current();
    if coroutine.socket_calls.get() <= 1 && coroutine.transferred.replace(false) {
        drop(UnderWay(coroutine));
    }
}

/// For protocols: calls `function`, whose transfers are no part of the call under way.
pub(crate) fn aside<R>(function: impl FnOnce() -> R) -> Result<R> {
    let coroutine = Context::get()?.current();
    let before = coroutine.transferred.get();
    let result = function();
    if !before && coroutine.transferred.replace(false) {
        drop(UnderWay(coroutine));
    }
    Ok(result)
}

impl Scope {
    fn timer_ref(&self) -> Ref<Timer> {
        // SAFETY: part of this entered scope, which disarms it when it is left.
        unsafe { Ref::from_raw(&raw const self.timer) }
    }

    fn disarm(&self, context: &Context) {
        self.link.unlink();
        context.disarm_timer(self.timer_ref());
    }

    /// Ends the blocking calls inside, as what the scope watches has happened. It is out of its
    /// list already. Its deadline may still come: it also ends operations under way.
    pub(super) fn fire(&self, context: &Context) {
        self.fired.set(Fired::ByRequest);
        self.interrupt(context);
    }

    fn pass_deadline(&self) {
        self.overdue.set(true);
        if self.fired.get() == Fired::No {
            self.link.unlink();
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
