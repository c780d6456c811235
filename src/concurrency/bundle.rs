//! Bundles: they own coroutines, and end before their owner goes on.

mod closing;
mod deadlock;
mod failure;
mod finishing;
pub(super) mod inspection;
mod launch_site;
mod launching;
mod waiting;

pub(crate) use closing::{close_at_once, close_found, find_to_close};
pub(super) use closing::{close_handle, find_closable};
pub(crate) use failure::{Failure, discard, fail_current};
pub(super) use finishing::finish_rust_at_once;
pub(crate) use finishing::{finish, finish_at_once, finish_soon};
pub(crate) use launching::{
    PrivateBundle, Target, launch, launch_at_once, launch_at_once_in_new_bundle,
};
pub(super) use launching::{admit, admit_at_once, launch_in_turn};
pub(crate) use waiting::begin_wait;
pub(super) use waiting::begin_wait_for;

use super::cancel_scope::{Scope, Watching};
use super::request::Extras;
use crate::handle_table::{Kind, no_interfaces};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, Waiting, care};
use closing::close;
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
    /// Why the members were hard-cancelled first.
    cause: Cell<Cause>,
    /// The handle, as a dump notes it; nobody else uses or initialises it.
    mark: Cell<MaybeUninit<c_int>>,
    /// Who made or took over the bundle, to know who runs in it at any depth.
    owner: Cell<Option<Ref<Coroutine>>>,
    in_owner: Link,
    /// Cancel scopes that fire with the request.
    watchers: List<Watching>,
    /// Who else is told of the request, and a deadline; made when needed.
    pub(super) extras: Cell<Option<Ref<Extras>>>,
    /// Who is in `bundle_cancel` or `hclose` of this bundle.
    canceller: Cell<Option<Ref<Coroutine>>>,
    grace: Cell<Grace>,
    /// The panic of a member, for the owner. Taken before the bundle goes.
    failure: Cell<Option<ManuallyDrop<Box<Failure>>>>,
    /// The bundle that a search has found next; the last one leads to itself. Null otherwise.
    found_next: Cell<*const Bundle>,
}

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

pub(crate) static BUNDLE: Kind = Kind { name: "bundle", close, query: no_interfaces, adopt };

/// The bundle behind a handle.
#[inline(always)]
pub(crate) fn find(context: &Context, handle: c_int) -> Result<Ref<Bundle>> {
    let object = context.handles.find(handle, &BUNDLE)?;
    // SAFETY: objects of this kind are bundles, alive while their handle is open.
    Ok(unsafe { Ref::from_raw(object.cast()) })
}

/// The bundle in which `coroutine` runs; `None` for a main coroutine.
#[inline(always)]
pub(crate) fn of(coroutine: Ref<Coroutine>) -> Option<Ref<Bundle>> {
    let bundle = coroutine.bundle.get().cast::<Bundle>();
    // SAFETY: set at the launch; a bundle outlives its members.
    (!bundle.is_null()).then(|| unsafe { Ref::from_raw(bundle) })
}

/// Makes an empty bundle, owned by the caller; its handle.
pub(crate) fn make() -> Result<c_int> {
    let context = Context::may_start()?;
    make_in(context, context.current()).map(|(_, handle)| handle)
}

#[inline]
pub(super) fn make_in(context: &Context, owner: Ref<Coroutine>) -> Result<(Ref<Bundle>, c_int)> {
    let bundle = match spare(context) {
        Some(bundle) => bundle,
        None => allocate(context)?,
    };
    match context.handles.open(bundle.as_ptr().cast(), &BUNDLE) {
        Ok(handle) => {
            bundle.set_owner(bundle, owner);
            Ok((bundle, handle))
        }
        Err(error) => {
            bundle.give_up(context);
            Err(error)
        }
    }
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
        watchers: List::new(),
        extras: Cell::new(None),
        canceller: Cell::new(None),
        grace: Cell::new(Grace::None),
        failure: Cell::new(None),
        found_next: Cell::new(ptr::null()),
    })?;
    bundle.members.init();
    bundle.waiters.init();
    bundle.watchers.init();
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

    /// May the caller end the bundle? `EDEADLK` when it runs in it, or when somebody who
    /// runs in it is ending a bundle in which the caller runs: each would wait for the
    /// other's end. `EBUSY` when somebody is ending it already.
    pub(super) fn check_closable(&self, context: &Context) -> Result<()> {
        let caller = context.current();
        if of(caller).is_some() && self.is_awaiting(caller) {
            return Err(Errno::EDEADLK);
        }
        self.check_unattended()
    }

    /// `EBUSY` when somebody is ending the bundle.
    fn check_unattended(&self) -> Result<()> {
        if self.is(FINISHING | CLOSING) { Err(Errno::EBUSY) } else { Ok(()) }
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

    /// Has `scope` fire with the request; false when that has been delivered already.
    pub(super) fn watch(&self, scope: Ref<Scope>) -> bool {
        if !self.is_requested() {
            self.watchers.push_back(scope);
        }
        !self.is_requested()
    }

    /// Fires the cancel scopes inside that watch for the request.
    pub(super) fn fire_watchers(&self, context: &Context) {
        while let Some(scope) = self.watchers.pop_front() {
            scope.fire(context);
        }
    }

    /// Begins the grace period; the caller is the one who waits for its end.
    pub(super) fn begin_grace(&self, context: &Context, grace: Grace) {
        self.state.set((self.state.get() | FINISHING) & !FORCED);
        self.grace.set(grace);
        self.canceller.set(Some(context.current()));
    }
}

unsafe fn adopt(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
    if context.current().may_start().is_err() {
        bundle.check_closable(context)?; // it is going to be closed instead
    }
    if bundle.contains(context.current()) {
        return Err(Errno::EDEADLK);
    }
    bundle.check_unattended()?;
    bundle.in_owner.unlink();
    bundle.set_owner(bundle, context.current());
    Ok(())
}
