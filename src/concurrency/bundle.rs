//! Bundles: they own coroutines, and end before their owner goes on.

mod closing;
mod deadline;
mod deadlock;
mod errors;
mod extras;
mod failure;
mod finishing;
mod grace;
mod handle;
mod inherit;
pub(super) mod inspection;
mod launch_site;
mod launching;
mod left_open;
pub(super) mod reason;
mod requesting;
mod waiting;

pub(crate) use errors::fail;
pub(super) use extras::deliver;
pub(crate) use failure::fail_current;
pub(super) use finishing::finish_rust_at_once;
pub(crate) use finishing::{finish_at_once, finish_slow};
pub(crate) use grace::Grace;
pub(crate) use handle::{BUNDLE, close_at_once, close_found, find, find_to_close, make};
pub(super) use handle::{find_closable, make_in};
pub(super) use inherit::{Inherited, inherited};
pub(crate) use launching::{
    PrivateBundle, Target, launch, launch_at_once, launch_at_once_in_new_bundle,
};
pub(super) use launching::{admit, admit_at_once, launch_in_turn};
pub(crate) use requesting::{is_requested, request};
pub(crate) use waiting::begin_wait;
pub(super) use waiting::begin_wait_for;

use super::subscriber::{News, Subscriber, Subscribers};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::inspection::Place;
use crate::scheduler::coroutine::{Coroutine, Waiter, Waiting, care};
use crate::scheduler::timers::Timer;
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;
use grace::PackedGrace;

/// A bundle of coroutines.
#[repr(C)]
pub(crate) struct Bundle {
    /// The first word of it is lost while the bundle is spare.
    members: List<Members>,
    /// Those who wait until the last member has finished.
    waiters: List<Waiting>,
    state: Cell<u16>,
    /// Why the members were hard-cancelled first.
    cause: Cell<Cause>,
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
    grace: Cell<PackedGrace>,
    /// What a member has reported by [`fail`]; means nothing unless `state` has [`ERROR`].
    error: Cell<c_int>,
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
    /// The clauses of a `choose` for the request.
    askers: List<Waiting>,
    /// With `DILL_CHECK=1`: the bundles that members have left open at their end.
    left_inside: List<InHome>,
    /// Likewise: that this one was left open.
    left_open: Cell<Option<Ref<LeftOpen>>>,
    deadline: Timer,
}

/// A bundle that its owner has left open: see `left_open.rs`.
pub(crate) struct LeftOpen {
    in_home: Link,
    bundle: Ref<Bundle>,
    /// The place of the owner's launch.
    launched_at: Place,
}

adapter!(
    /// The bundles that members of one have left open.
    InHome,
    LeftOpen,
    in_home
);

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
const FINISHING: u16 = 1;
/// In `state`: hard-cancelled; nothing can be launched any more.
const CLOSING: u16 = 2;
/// In `state`: the graceful request has been delivered.
const REQUESTED: u16 = 4;
/// In `state`: a member has panicked or reported an error; nothing can be launched any more.
const FAILED: u16 = 8;
/// In `state`: members have been hard-cancelled since the grace period began, if it has.
const FORCED: u16 = 16;
/// In `state`: the deadline of the bundle has passed; nothing can be launched.
const OVERDUE: u16 = 32;
/// In `state`: there were members when it passed.
const CUT: u16 = 256;
/// In `state`: a member has reported an error.
const ERROR: u16 = 128;
/// In `state`: the canceller is not the owner, and is in the scheduler's `foreign_endings`.
const FOREIGN: u16 = 64;
/// In `state`, with `DILL_CHECK=1` only: a member has finished.
const HAS_FINISHED: u16 = 512;
/// In `state`: see [`launch_site::check`].
const REPORTED: u16 = 1024;

/// What makes launches fail.
const SHUT: u16 = CLOSING | FAILED | OVERDUE;

/// Why the members of a bundle were hard-cancelled.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cause {
    /// The bundle is being closed, by its canceller. Also where they were not.
    Closing,
    /// The bundle's deadline has passed.
    Deadline,
    /// Another member has failed.
    Failure,
}

/// What a coroutine has panicked with.
pub(crate) type Failure = Box<dyn core::any::Any + Send>;

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
        cause: Cell::new(Cause::Closing),
        mark: Cell::new(MaybeUninit::uninit()),
        owner: Cell::new(None),
        in_owner: Link::new(),
        subscribers: Subscribers::new(),
        extras: Cell::new(None),
        canceller: Cell::new(None),
        grace: Cell::new(PackedGrace::NONE),
        error: Cell::new(0),
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
    fn is(&self, state: u16) -> bool {
        self.state.get() & state != 0
    }

    fn add_state(&self, state: u16) {
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

    /// Does `coroutine` run in this bundle, at any depth? An owner does not: `adopt` refuses what
    /// would make it so, and a new bundle has no members.
    #[inline]
    pub(super) fn contains(&self, coroutine: Ref<Coroutine>) -> bool {
        if self.owner.get() == Some(coroutine) {
            return false;
        }
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

    /// Lets `waiter`, which is a member's, wait for the request.
    pub(super) fn await_request(&self, context: &Context, waiter: Ref<Waiter>) -> Result<()> {
        self.make_extras(context)?.askers.push_back(waiter);
        Ok(())
    }

    /// Notes that the running coroutine ends the bundle.
    #[inline(always)]
    fn set_canceller(&self, context: &Context) {
        let current = context.current();
        self.canceller.set(Some(current));
        if self.owner.get() != Some(current) {
            self.note_foreign_canceller(context, current);
        }
    }
}
