//! What a coroutine needs that is in cancel scopes, in its own memory.

use super::report::report;
use super::seal::{Scope, Sealed, state};
use crate::concurrency::subscriber::{News, Subscriber};
use crate::intrusive::Ref;
use crate::os::instrumentation;
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, ScopeSpace, care, stop};
use crate::scheduler::timers::{OnExpiry, Timer};
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::{self, NonNull};

/// How many scopes of a chain are known to the coroutine itself: those outside of a scope that was
/// forgotten are found again.
pub(super) const KNOWN: usize = 3;

/// What a coroutine needs that is in scopes, in the coroutine's own memory. It exists while the
/// chain is not empty.
#[repr(C)]
pub(super) struct Home {
    /// Armed for the earliest deadline that has not passed.
    timer: Timer,
    /// Subscribed to the request once a scope watches it.
    request: Subscriber,
    /// Subscribed to the channel of one scope.
    channel: Subscriber,
    pub(super) channel_scope: Cell<*const Scope>,
    /// The outermost scopes.
    pub(super) known: [Cell<*const Scope>; KNOWN],
    /// The scheduler's.
    serial: u64,
}

const _: () = assert!(size_of::<Home>() <= size_of::<ScopeSpace>());
const _: () = assert!(align_of::<Home>() <= align_of::<ScopeSpace>());

/// Sets the coroutine's reasons to stop to what its scopes say now.
pub(in crate::concurrency) fn update(coroutine: Ref<Coroutine>) {
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
pub(super) fn walk(coroutine: Ref<Coroutine>, mut action: impl FnMut(&mut Sealed)) -> bool {
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
pub(super) fn drop_inside(context: &Context, coroutine: Ref<Coroutine>, kept: usize) {
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

pub(super) fn drop_one(coroutine: Ref<Coroutine>, scope: &mut Sealed) {
    if scope.kind() == state::ENTERED
        && let Some(home) = Home::of(coroutine)
    {
        home.stop_watching(scope);
        scope.leave();
    }
}

/// Has the chain begin at `top`, after others were dropped.
pub(super) fn settle(context: &Context, coroutine: Ref<Coroutine>, top: *const Scope) {
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

/// Makes a number of a deadline that comes, by which it can be compared with others.
pub(super) fn deadline_in_order(deadline: i64) -> i64 {
    if deadline < 0 { i64::MAX } else { deadline }
}

impl Home {
    /// Returns the home of a coroutine that is in a scope.
    #[inline]
    pub(super) fn of(coroutine: Ref<Coroutine>) -> Option<Ref<Home>> {
        if coroutine.scope.get().is_null() {
            return None;
        }
        // SAFETY: `make` made it before the first scope, and it lies in the coroutine.
        Some(unsafe { Ref::from_raw(coroutine.scope_space.as_ptr().cast()) })
    }

    pub(super) fn make(context: &Context, coroutine: Ref<Coroutine>) -> Ref<Home> {
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
    pub(super) fn close(&self, context: &Context, coroutine: Ref<Coroutine>) {
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

    pub(super) fn timer(&self) -> Ref<Timer> {
        // SAFETY: `close` disarms it when the last scope is left, or the coroutine ends.
        unsafe { Ref::from_raw(&raw const self.timer) }
    }

    pub(super) fn request(&self) -> Ref<Subscriber> {
        // SAFETY: `close` withdraws it when the last scope is left, or the coroutine ends.
        unsafe { Ref::from_raw(&raw const self.request) }
    }

    pub(super) fn channel(&self) -> Ref<Subscriber> {
        // SAFETY: as in `request`.
        unsafe { Ref::from_raw(&raw const self.channel) }
    }

    /// Arms the timer for the earliest deadline that has not passed.
    pub(super) fn arm(&self, context: &Context, coroutine: Ref<Coroutine>) {
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

    pub(super) fn pass_deadline(&self, scope: &mut Sealed) {
        if !scope.is(state::HAPPENED) {
            self.stop_watching(scope);
        }
        scope.add(state::OVERDUE);
    }

    /// Notes that the scope's deadline has passed, if it has: the clock may not have been read
    /// while the coroutine computed.
    pub(super) fn look_at_clock(&self, context: &Context, scope: &mut Sealed) -> bool {
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
    pub(super) fn stop_watching(&self, scope: &Sealed) {
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

/// Tells the scope that the subscriber is part of.
///
/// # Safety
/// The subscriber is that of a scope.
pub(super) unsafe fn tell_nested(subscriber: Ref<Subscriber>, context: &Context, news: News) {
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
