//! The graceful request on its way: to channels, cancel scopes and following bundles.

use super::bundle::{self, Bundle, Cause};
use super::channel::{self, HalfChannel};
use super::notification::{self, InBundle};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::timers::{OnExpiry, Timer};
use core::ffi::c_int;
use core::mem::offset_of;

/// What few bundles need.
pub(crate) struct Extras {
    bundle: Ref<Bundle>,
    /// Half-channels that become done with the request.
    notifications: List<InBundle>,
    /// Bundles that get the request, too.
    followers: List<InFollowed>,
    /// Bundles from which this one gets it.
    followed: List<InFollower>,
    deadline: Timer,
}

/// One `bundle_follow`: linked into both bundles, freed by whichever ends first, or with
/// the request.
pub(crate) struct Following {
    in_followed: Link,
    in_follower: Link,
    followed: Ref<Bundle>,
    follower: Ref<Bundle>,
}

adapter!(
    /// Those who follow one bundle.
    InFollowed,
    Following,
    in_followed
);
adapter!(
    /// Those whom one bundle follows.
    InFollower,
    Following,
    in_follower
);

impl Following {
    fn free(this: Ref<Following>, context: &Context) {
        this.in_followed.unlink();
        this.in_follower.unlink();
        // SAFETY: allocated by `follow`, and in no list any more.
        unsafe { context.objects.free(this) };
    }
}

impl Bundle {
    fn make_extras(&self, context: &Context) -> Result<Ref<Extras>> {
        if let Some(extras) = self.extras.get() {
            return Ok(extras);
        }
        let extras = context.objects.allocate(Extras {
            // SAFETY: the bundle drops its extras before it goes.
            bundle: unsafe { Ref::from_raw(self) },
            notifications: List::new(),
            followers: List::new(),
            followed: List::new(),
            deadline: Timer::new(Extras::DEADLINE_PASSED),
        })?;
        extras.notifications.init();
        extras.followers.init();
        extras.followed.init();
        self.extras.set(Some(extras));
        Ok(extras)
    }
}

impl Extras {
    fn deadline_ref(&self) -> Ref<Timer> {
        // SAFETY: part of the extras, which disarm it before they go.
        unsafe { Ref::from_raw(&raw const self.deadline) }
    }

    /// When the bundle's coroutines will be hard-cancelled, in milliseconds.
    pub(super) fn deadline(&self) -> Option<i64> {
        self.deadline.is_armed().then(|| self.deadline.deadline())
    }

    /// Ends everything in here and frees it.
    pub(super) fn drop_all(&self, context: &Context) {
        notification::drop_all_of_bundle(context, &self.notifications);
        while let Some(following) = self.followers.first() {
            Following::free(following, context);
        }
        while let Some(following) = self.followed.first() {
            Following::free(following, context);
        }
        context.disarm_timer(self.deadline_ref());
        // SAFETY: made by `make_extras`; in no list any more, and its bundle forgets it.
        unsafe { context.objects.free(Ref::from_raw(self)) };
    }

    const DEADLINE_PASSED: OnExpiry = |timer| {
        let extras = timer.as_ptr().wrapping_byte_sub(offset_of!(Extras, deadline)).cast();
        // SAFETY: only `Extras::deadline` has this function.
        let extras: Ref<Extras> = unsafe { Ref::from_raw(extras) };
        if let Some(context) = Context::existing() {
            extras.bundle.hard_cancel(context, Cause::Deadline);
        }
    };
}

/// Delivers the graceful request to the bundle and all that follow it. A loop, not a
/// recursion: the chain may be longer than a stack is deep.
pub(super) fn deliver(context: &Context, bundle: &Bundle) {
    let pending: List<InFollowed> = List::new();
    pending.init();
    deliver_to_one(context, bundle, &pending);
    while let Some(following) = pending.first() {
        let follower = following.follower;
        Following::free(following, context);
        deliver_to_one(context, &follower, &pending);
    }
}

fn deliver_to_one(context: &Context, bundle: &Bundle, pending: &List<InFollowed>) {
    if !bundle.note_request() {
        return;
    }
    if let Some(extras) = bundle.extras.get() {
        notification::fire(context, &extras.notifications);
        extras.followers.append_to(pending);
    }
    bundle.fire_watchers(context);
}

/// `bundle_notify`: `channel` becomes done when the bundle gets the graceful request;
/// at once when it has got it.
pub(crate) fn notify(handle: c_int, channel: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find(context, handle)?;
    notify_half(context, &bundle, channel::find(context, channel)?)
}

/// As [`notify`], when both are at hand.
pub(super) fn notify_half(
    context: &Context,
    bundle: &Bundle,
    half: Ref<HalfChannel>,
) -> Result<()> {
    if bundle.is_requested() {
        return match half.done(context) {
            Err(Errno::EPIPE) => Ok(()), // done already
            result => result,
        };
    }
    half.may_be_done()?;
    notification::register(context, &bundle.make_extras(context)?.notifications, half)
}

/// `bundle_follow`: the bundle gets the request with the bundle in which the caller runs;
/// at once when that has got it. `ENOTSUP` in a main coroutine, `EDEADLK` when the caller
/// runs in the bundle itself.
pub(crate) fn follow(handle: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find(context, handle)?;
    let own = bundle::of(context.current()).ok_or(Errno::ENOTSUP)?;
    if bundle.contains(context.current()) {
        return Err(Errno::EDEADLK);
    }
    if own.is_requested() {
        deliver(context, &bundle);
        return Ok(());
    }
    let followed = own.make_extras(context)?;
    let follower = bundle.make_extras(context)?;
    let mut next = follower.followed.first();
    while let Some(following) = next {
        if following.followed.same(own.as_ptr()) {
            return Ok(());
        }
        next = follower.followed.after(following);
    }
    let (in_followed, in_follower) = (Link::new(), Link::new());
    let following = Following { in_followed, in_follower, followed: own, follower: bundle };
    let following = context.objects.allocate(following)?;
    followed.followers.push_back(following);
    follower.followed.push_back(following);
    Ok(())
}

/// `bundle_deadline`: when `deadline` (milliseconds; negative: none) passes, the bundle's
/// coroutines are hard-cancelled. Replaces an earlier one.
pub(crate) fn set_deadline(handle: c_int, deadline: i64) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let bundle = bundle::find(context, handle)?;
    if is_never(deadline) && bundle.extras.get().is_none() {
        return Ok(());
    }
    let timer = bundle.make_extras(context)?.deadline_ref();
    bundle.forget_cause();
    context.disarm_timer(timer);
    if is_never(deadline) {
        return Ok(());
    }
    if has_come(deadline, context.clock.refresh()) {
        bundle.hard_cancel(context, Cause::Deadline);
    } else {
        context.arm_timer(timer, deadline);
    }
    Ok(())
}
