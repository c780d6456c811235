//! What few bundles need: who else is told of the request, and a deadline.

use super::{Bundle, Extras, Following, InFollowed};
use crate::concurrency::subscriber::{News, Subscribers};
use crate::intrusive::{Link, List, Ref};
use crate::os::errno::Result;
use crate::scheduler::clock::{has_come, is_never};
use crate::scheduler::context::Context;
use crate::scheduler::timers::{OnExpiry, Timer};
use core::cell::Cell;
use core::mem::offset_of;

impl Following {
    fn free(this: Ref<Following>, context: &Context) {
        this.in_followed.unlink();
        this.in_follower.unlink();
        // SAFETY: allocated by `follow`, and in no list any more.
        unsafe { context.objects.free(this) };
    }
}

impl Bundle {
    pub(super) fn make_extras(&self, context: &Context) -> Result<Ref<Extras>> {
        if let Some(extras) = self.extras.get() {
            return Ok(extras);
        }
        let extras = context.objects.allocate(Extras {
            // SAFETY: the bundle drops its extras before it goes.
            bundle: unsafe { Ref::from_raw(self) },
            notifications: Subscribers::new(),
            followers: List::new(),
            followed: List::new(),
            askers: List::new(),
            left_inside: List::new(),
            left_open: Cell::new(None),
            deadline: Timer::new(Extras::DEADLINE_PASSED),
        })?;
        extras.notifications.init();
        extras.followers.init();
        extras.followed.init();
        extras.askers.init();
        extras.left_inside.init();
        self.extras.set(Some(extras));
        Ok(extras)
    }

    /// Calls `add` with the bundle and the subscribers that are the first to be told of the request.
    pub(in crate::concurrency) fn with_notifications(
        &self,
        context: &Context,
        add: impl FnOnce(Ref<Bundle>, &Subscribers) -> Result<()>,
    ) -> Result<()> {
        let extras = self.make_extras(context)?;
        add(extras.bundle, &extras.notifications)
    }

    /// Lets the bundle get the request together with `other`, which hasn't got it yet.
    pub(in crate::concurrency) fn follow(
        &self,
        context: &Context,
        other: Ref<Bundle>,
    ) -> Result<()> {
        let followed = other.make_extras(context)?;
        let follower = self.make_extras(context)?;
        let mut next = follower.followed.first();
        while let Some(following) = next {
            if following.followed.same(other.as_ptr()) {
                return Ok(());
            }
            next = follower.followed.after(following);
        }
        let (in_followed, in_follower) = (Link::new(), Link::new());
        let following =
            Following { in_followed, in_follower, followed: other, follower: follower.bundle };
        let following = context.objects.allocate(following)?;
        followed.followers.push_back(following);
        follower.followed.push_back(following);
        Ok(())
    }

    /// Hard-cancels the members when `deadline` (milliseconds; negative: never) passes. Replaces
    /// an earlier deadline, also one that has passed. A bundle that is being closed takes none.
    pub(in crate::concurrency) fn set_deadline(
        &self,
        context: &Context,
        deadline: i64,
    ) -> Result<()> {
        if self.is_closing() {
            return Ok(());
        }
        if is_never(deadline) && self.extras.get().is_none() {
            self.forget_deadline();
            return Ok(());
        }
        let timer = self.make_extras(context)?.deadline_ref();
        self.forget_cause();
        context.disarm_timer(timer);
        self.forget_deadline();
        if is_never(deadline) {
            return Ok(());
        }
        if has_come(deadline, context.clock.refresh()) {
            self.pass_deadline(context);
        } else {
            context.arm_timer(timer, deadline);
        }
        Ok(())
    }
}

impl Extras {
    fn deadline_ref(&self) -> Ref<Timer> {
        // SAFETY: part of the extras, which disarm it before they go.
        unsafe { Ref::from_raw(&raw const self.deadline) }
    }

    /// Returns when the bundle's coroutines will be hard-cancelled, in milliseconds.
    pub(super) fn deadline(&self) -> Option<i64> {
        self.deadline.is_armed().then(|| self.deadline.deadline())
    }

    /// Ends everything in here and frees it.
    pub(super) fn drop_all(&self, context: &Context) {
        self.notifications.tell_all(context, News::Ended);
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
            extras.bundle.pass_deadline(context);
        }
    };
}

/// Delivers the graceful request to the bundle and to all that follow it. This is a loop, not a
/// recursion, as the chain may be longer than a stack is deep.
pub(in crate::concurrency) fn deliver(context: &Context, bundle: &Bundle) {
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
        extras.notifications.tell_all(context, News::Happened);
        extras.followers.append_to(pending);
        while let Some(asker) = extras.askers.first() {
            asker.complete(context, 0);
        }
    }
    bundle.tell_subscribers(context);
}
