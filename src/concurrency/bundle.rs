//! Bundles: they own coroutines, and end before their owner goes on.

mod closing;
mod deadlock;
mod extras;
mod failure;
mod finishing;
mod handle;
pub(super) mod inspection;
mod launch_site;
mod launching;
mod waiting;

pub(super) use extras::deliver;
pub(crate) use failure::fail_current;
pub(super) use finishing::finish_rust_at_once;
pub(crate) use finishing::{finish_at_once, finish_slow};
pub(crate) use handle::{BUNDLE, close_at_once, close_found, find, find_to_close, make};
pub(super) use handle::{find_closable, make_in};
pub(crate) use launching::{
    PrivateBundle, Target, launch, launch_at_once, launch_at_once_in_new_bundle,
};
pub(super) use launching::{admit, admit_at_once, launch_in_turn};
pub(crate) use waiting::begin_wait;
pub(super) use waiting::begin_wait_for;

use super::subscriber::{News, Subscriber, Subscribers};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, Waiting, care};
use crate::scheduler::timers::Timer;
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

/// A bundle of coroutines.
#[repr(C)]
pub(crate) struct Bundle {
    /// The first word of it is lost while the bundle is spare.
    members: List<Members>,
    /// Those who wait until the last member has finished.
    waiters: List<Waiting>,
    state: Cell<u8>,
    /// The handle, as a dump notes it; nobody else uses or initialises it.
    mark: Cell<MaybeUninit<c_int>>,
    /// Who made or took over the bundle, to know who runs in it at any depth.
    owner: Cell<Option<Ref<Coroutine>>>,
    in_owner: Link,
    /// Those inside who are told of the request.
    subscribers: Subscribers,
    /// Who else is told of the request, and a deadline; made when needed.
    extras: Cell<Option<Ref<Extras>>>,
    /// Who is in `bundle_cancel` or `hclose` of this bundle.
    canceller: Cell<Option<Ref<Coroutine>>>,
    grace: Cell<Grace>,
    /// The panic of a member, for the owner. Taken before the bundle goes.
    failure: Cell<Option<ManuallyDrop<Box<Failure>>>>,
    /// The bundle that a search has found next; the last one leads to itself. Null otherwise.
    found_next: Cell<*const Bundle>,
}

/// What few bundles need: see `extras.rs`.
pub(crate) struct Extras {
    bundle: Ref<Bundle>,
    /// Those who are told of the request before all others.
    notifications: Subscribers,
    /// The bundles that get the request, too.
    followers: List<InFollowed>,
    /// The bundles from which this one gets it.
    followed: List<InFollower>,
    deadline: Timer,
}

/// One `bundle_follow`: linked into both bundles, and freed with the request or when the first
/// of them ends.
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

/// In `state`: asked to finish; the grace period runs.
const FINISHING: u8 = 1;
/// In `state`: hard-cancelled; nothing can be launched any more.
const CLOSING: u8 = 2;
/// In `state`: the graceful request has been delivered.
const REQUESTED: u8 = 4;
/// In `state`: a member has panicked; nothing can be launched any more.
const FAILED: u8 = 8;
/// In `state`: members have been hard-cancelled since the grace period began, if it has.
const FORCED: u8 = 16;
/// In `state`, with `DILL_CHECK=1` only: a member has finished.
const HAS_FINISHED: u8 = 32;
/// In `state`: see [`launch_site::check`].
const REPORTED: u8 = 64;

/// What a coroutine has panicked with.
pub(crate) type Failure = Box<dyn core::any::Any + Send>;

/// The grace period that runs for a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grace {
    None,
    /// Ends at this time, in milliseconds.
    Until(i64),
    Unlimited,
}

adapter!(
    /// The coroutines of a bundle, in the order of their launch.
    Members,
    Coroutine,
    member
);
adapter!(
    /// The bundles that a coroutine owns.
    Owned,
    Bundle,
    in_owner
);

/// The bundle in which `coroutine` runs; `None` for a main coroutine.
#[inline(always)]
pub(crate) fn of(coroutine: Ref<Coroutine>) -> Option<Ref<Bundle>> {
    let bundle = coroutine.bundle.get().cast::<Bundle>();
    // SAFETY: set at the launch; a bundle outlives its members.
    (!bundle.is_null()).then(|| unsafe { Ref::from_raw(bundle) })
}

/// A bundle that was closed, as good as new.
#[inline(always)]
fn spare(context: &Context) -> Option<Ref<Bundle>> {
    let spare = context.spare_bundles.take()?;
    // SAFETY: only bundles are put there, by `give_up`, empty and as good as new but for the
    // first word.
    let bundle: Ref<Bundle> = unsafe { Ref::new(spare.cast()) };
    bundle.members.init();
    Some(bundle)
}

#[cold]
#[inline(never)]
fn allocate(context: &Context) -> Result<Ref<Bundle>> {
    let bundle = context.objects.allocate(Bundle {
        members: List::new(),
        waiters: List::new(),
        state: Cell::new(0),
        mark: Cell::new(MaybeUninit::uninit()),
        owner: Cell::new(None),
        in_owner: Link::new(),
        subscribers: Subscribers::new(),
        extras: Cell::new(None),
        canceller: Cell::new(None),
        grace: Cell::new(Grace::None),
        failure: Cell::new(None),
        found_next: Cell::new(ptr::null()),
    })?;
    bundle.members.init();
    bundle.waiters.init();
    bundle.subscribers.init();
    Ok(bundle)
}

impl Bundle {
    #[inline(always)]
    fn set_owner(&self, this: Ref<Bundle>, owner: Ref<Coroutine>) {
        self.owner.set(Some(owner));
        owner.owned::<Owned>().push_back(this);
        owner.take_care(care::BUNDLES);
    }

    #[inline(always)]
    fn is(&self, state: u8) -> bool {
        self.state.get() & state != 0
    }

    fn add_state(&self, state: u8) {
        self.state.set(self.state.get() | state);
    }

    /// Has the graceful request been delivered?
    pub(super) fn is_requested(&self) -> bool {
        self.is(REQUESTED)
    }

    /// Notes that it has; true when that is news.
    pub(super) fn note_request(&self) -> bool {
        let before = self.state.replace(self.state.get() | REQUESTED);
        before & REQUESTED == 0
    }

    /// Does `coroutine` run in this bundle, at any depth?
    #[inline]
    pub(super) fn contains(&self, coroutine: Ref<Coroutine>) -> bool {
        let mut next = Some(coroutine);
        while let Some(bundle) = next.and_then(of) {
            if bundle.same(self) {
                return true;
            }
            next = bundle.owner.get();
        }
        false
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Have members been hard-cancelled since the grace period began?
    pub(super) fn was_forced(&self) -> bool {
        self.is(FORCED)
    }

    /// The grace period that runs now.
    pub(super) fn grace(&self) -> Grace {
        self.grace.get()
    }

    /// Subscribes to the request. Returns false, and does not subscribe, when that has been
    /// delivered already.
    pub(super) fn subscribe(&self, subscriber: Ref<Subscriber>) -> bool {
        if self.is_requested() {
            return false;
        }
        self.subscribers.add(subscriber);
        true
    }

    /// Tells those inside who have subscribed to the request.
    pub(super) fn tell_subscribers(&self, context: &Context) {
        self.subscribers.tell_all(context, News::Happened);
    }

    /// Begins the grace period; the caller is the one who waits for its end.
    pub(super) fn begin_grace(&self, context: &Context, grace: Grace) {
        self.state.set((self.state.get() | FINISHING) & !FORCED);
        self.grace.set(grace);
        self.canceller.set(Some(context.current()));
    }
}
