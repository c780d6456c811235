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

use super::subscriber::{News, Subscriber};
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::os::instrumentation;
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, ScopeSpace, care, stop};
use crate::scheduler::timers::{OnExpiry, Timer};
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::offset_of;
use core::ptr::{self, NonNull};

mod forgotten;
mod seal;

pub(super) use forgotten::{abandon_all, drop_broken, forget, report};
pub(crate) use seal::Scope;

use seal::{Sealed, state};

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

/// How many scopes of a chain are known to the coroutine itself: those outside of a scope that was
/// forgotten are found again.
const KNOWN: usize = 3;

/// What a coroutine needs that is in scopes, in the coroutine's own memory. It exists while the
/// chain is not empty.
#[repr(C)]
struct Home {
    /// Armed for the earliest deadline that has not passed.
    timer: Timer,
    /// Subscribed to the request once a scope watches it.
    request: Subscriber,
    /// Subscribed to the channel of one scope.
    channel: Subscriber,
    channel_scope: Cell<*const Scope>,
    /// The outermost scopes.
    known: [Cell<*const Scope>; KNOWN],
    /// The scheduler's.
    serial: u64,
}

const _: () = assert!(size_of::<Home>() <= size_of::<ScopeSpace>());
const _: () = assert!(align_of::<Home>() <= align_of::<ScopeSpace>());

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
        let nested = Subscriber::new(Scope::tell_nested);
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

/// Sets the coroutine's reasons to stop to what its scopes say now.
pub(super) fn update(coroutine: Ref<Coroutine>) {
    let mut reasons = 0;
    let mut is_shielded = false;
    let is_whole = walk(coroutine, |scope| {
        if !is_shielded {
            if scope.is(state::OVERDUE) {
                reasons |= stop::SCOPE_DEADLINE;
            }
            if scope.is(state::HAPPENED) {
                reasons |= stop::SCOPE_REQUEST;
            }
            is_shielded = scope.is(state::SHIELDS);
        }
    });
    if coroutine.under_way.get() > 0 {
        reasons &= !stop::SCOPE_REQUEST;
    }
    coroutine.remove_stop(stop::SCOPE_DEADLINE | stop::SCOPE_REQUEST);
    coroutine.add_stop(reasons);
    if !is_whole && let Some(context) = Context::existing() {
        drop_broken(context, coroutine);
    }
}

/// Calls `action` for each scope that the coroutine is in, the innermost first, up to one whose
/// memory was overwritten. Returns whether there was none.
#[inline]
fn walk(coroutine: Ref<Coroutine>, mut action: impl FnMut(&mut Sealed)) -> bool {
    let Some(home) = Home::of(coroutine) else { return true };
    let mut next = coroutine.scope.get().cast::<Scope>().cast_mut();
    while let Some(place) = NonNull::new(next) {
        // SAFETY: it was entered, and a stack or heap that it was in lasts as long as the coroutine
        // by the promise of its user; `Sealed` sees what has been written there.
        let sealed = unsafe { Sealed::read(home.serial, place) };
        let Some(mut sealed) = sealed.filter(|sealed| sealed.kind() == state::ENTERED) else {
            return false;
        };
        action(&mut sealed);
        next = sealed.outer().cast_mut();
    }
    true
}

/// Makes a number of a deadline that comes, by which it can be compared with others.
fn deadline_in_order(deadline: i64) -> i64 {
    if deadline < 0 { i64::MAX } else { deadline }
}

impl Home {
    /// Returns the home of a coroutine that is in a scope.
    #[inline]
    fn of(coroutine: Ref<Coroutine>) -> Option<Ref<Home>> {
        if coroutine.scope.get().is_null() {
            return None;
        }
        // SAFETY: `make` made it before the first scope, and it lies in the coroutine.
        Some(unsafe { Ref::from_raw(coroutine.scope_space.as_ptr().cast()) })
    }

    fn make(context: &Context, coroutine: Ref<Coroutine>) -> Ref<Home> {
        let place = coroutine.scope_space.as_ptr().cast::<Home>();
        // SAFETY: large enough and aligned, as asserted above; only this module uses it. There
        // is no home there, whose timer or subscribers were known elsewhere: the chain is empty.
        unsafe {
            place.write(Home {
                timer: Timer::new(Home::TIMED_OUT),
                request: Subscriber::new(Home::tell_request),
                channel: Subscriber::new(Home::tell_channel),
                channel_scope: Cell::new(ptr::null()),
                known: [const { Cell::new(ptr::null()) }; KNOWN],
                serial: context.serial(),
            });
            Ref::from_raw(place)
        }
    }

    /// Ends the home of a coroutine that is in no scope any more.
    fn close(&self, context: &Context, coroutine: Ref<Coroutine>) {
        context.disarm_timer(self.timer());
        self.request.withdraw();
        self.channel.withdraw();
        coroutine.forget_care(care::SCOPES);
    }

    fn coroutine(&self) -> Ref<Coroutine> {
        let place = ptr::from_ref(self).wrapping_byte_sub(offset_of!(Coroutine, scope_space));
        // SAFETY: every home is part of a coroutine, see `make`.
        unsafe { Ref::from_raw(place.cast()) }
    }

    fn timer(&self) -> Ref<Timer> {
        // SAFETY: `close` disarms it when the last scope is left, or the coroutine ends.
        unsafe { Ref::from_raw(&raw const self.timer) }
    }

    fn request(&self) -> Ref<Subscriber> {
        // SAFETY: `close` withdraws it when the last scope is left, or the coroutine ends.
        unsafe { Ref::from_raw(&raw const self.request) }
    }

    fn channel(&self) -> Ref<Subscriber> {
        // SAFETY: as in `request`.
        unsafe { Ref::from_raw(&raw const self.channel) }
    }

    /// Arms the timer for the earliest deadline that has not passed.
    fn arm(&self, context: &Context, coroutine: Ref<Coroutine>) {
        let mut earliest = None;
        walk(coroutine, |scope| {
            let deadline = scope.deadline();
            if !is_never(deadline) && !scope.is(state::OVERDUE) {
                let deadline = deadline_in_order(deadline);
                earliest = Some(earliest.map_or(deadline, |other: i64| other.min(deadline)));
            }
        });
        context.disarm_timer(self.timer());
        if let Some(deadline) = earliest {
            context.arm_timer(self.timer(), deadline);
        }
    }

    fn pass_deadline(&self, scope: &mut Sealed) {
        if !scope.is(state::HAPPENED) {
            self.stop_watching(scope);
        }
        scope.add(state::OVERDUE);
    }

    /// Notes that the scope's deadline has passed, if it has: the clock may not have been read
    /// while the coroutine computed.
    fn look_at_clock(&self, context: &Context, scope: &mut Sealed) -> bool {
        let deadline = scope.deadline();
        let has_passed = !is_never(deadline)
            && !scope.is(state::OVERDUE)
            && has_come(deadline, context.clock.now());
        if has_passed {
            self.pass_deadline(scope);
        }
        has_passed
    }

    /// Watches the scope's channel no more.
    fn stop_watching(&self, scope: &Sealed) {
        if ptr::eq(self.channel_scope.get(), scope.place().as_ptr()) {
            self.channel.withdraw();
            self.channel_scope.set(ptr::null());
        } else if scope.is(state::AWAITS_CHANNEL) {
            scope.nested().withdraw();
        }
    }

    /// Interrupts the coroutine where its scopes say so now.
    fn interrupt(&self, context: &Context) {
        let coroutine = self.coroutine();
        update(coroutine);
        context.interrupt(coroutine);
    }

    const TIMED_OUT: OnExpiry = |timer| {
        let place = timer.as_ptr().wrapping_byte_sub(offset_of!(Home, timer));
        // SAFETY: only `Home::timer` has this function.
        let home: Ref<Home> = unsafe { Ref::from_raw(place.cast()) };
        let Some(context) = Context::existing() else { return };
        let deadline = timer.deadline();
        walk(home.coroutine(), |scope| {
            let has_passed = !is_never(scope.deadline())
                && !scope.is(state::OVERDUE)
                && deadline_in_order(scope.deadline()) <= deadline;
            if has_passed {
                home.pass_deadline(scope);
            }
        });
        home.arm(context, home.coroutine());
        home.interrupt(context);
    };

    /// Ends the blocking calls inside of the scopes that watch the request. Their deadlines may
    /// still come: these also end operations under way.
    unsafe fn tell_request(subscriber: Ref<Subscriber>, context: &Context, news: News) {
        let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Home, request));
        // SAFETY: `make` makes subscribers with this function in this place only.
        let home: Ref<Home> = unsafe { Ref::from_raw(place.cast()) };
        if news == News::Happened {
            walk(home.coroutine(), |scope| {
                if scope.is(state::AWAITS_REQUEST) && !scope.is(state::OVERDUE) {
                    scope.add(state::HAPPENED);
                }
            });
            home.interrupt(context);
        }
    }

    unsafe fn tell_channel(subscriber: Ref<Subscriber>, context: &Context, news: News) {
        let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Home, channel));
        // SAFETY: `make` makes subscribers with this function in this place only.
        let home: Ref<Home> = unsafe { Ref::from_raw(place.cast()) };
        let scope = NonNull::new(home.channel_scope.replace(ptr::null()).cast_mut());
        if let Some(place) = scope {
            home.tell_scope(place, context, news);
        }
    }

    /// Tells the scope in `place` of its channel. One whose channel is closed watches nothing from
    /// then on.
    fn tell_scope(&self, place: NonNull<Scope>, context: &Context, news: News) {
        // SAFETY: as in `walk`.
        let sealed = unsafe { Sealed::read(self.serial, place) };
        if let Some(mut sealed) = sealed
            && sealed.kind() == state::ENTERED
            && news == News::Happened
        {
            sealed.add(state::HAPPENED);
            self.interrupt(context);
        }
    }
}

impl Scope {
    unsafe fn tell_nested(subscriber: Ref<Subscriber>, context: &Context, news: News) {
        let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Scope, nested));
        // SAFETY: `push` makes subscribers with this function in scopes only.
        let place = unsafe { NonNull::new_unchecked(place.cast::<Scope>()) };
        // SAFETY: it is subscribed while the scope is entered.
        if let Some(sealed) = unsafe { Sealed::read(context.serial(), place) } {
            // SAFETY: the scope is in the chain of this coroutine, which is alive until it is left.
            let coroutine: Ref<Coroutine> = unsafe { Ref::from_raw(sealed.coroutine()) };
            if let Some(home) = Home::of(coroutine) {
                home.tell_scope(place, context, news);
            }
        }
    }
}
