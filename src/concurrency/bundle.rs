//! Bundles: they own coroutines, and end before their owner goes on.

pub(super) mod inspection;

use super::cancel_scope::{self, Fired, Scope, Watching};
use super::dump;
use super::request::Extras;
use crate::context_switch::Transfer;
use crate::handle_table::{Kind, no_interfaces};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{
    Blocked, Coroutine, Interrupt, Launch, Waiter, Waiting, care, stop,
};
use core::cell::Cell;
use core::ffi::{c_char, c_int};
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
    /// The handle, as a dump notes it; nobody else uses or initialises it.
    mark: Cell<MaybeUninit<c_int>>,
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

/// What a coroutine has panicked with.
pub(crate) type Failure = Box<dyn core::any::Any + Send>;

/// Drops a panic that nobody receives. What panics when it is dropped is leaked instead.
#[cold]
pub(crate) fn discard(failure: Failure) {
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(failure)));
    if let Err(another) = dropped {
        core::mem::forget(another);
    }
}

/// Ends the bundle of the running coroutine, which has panicked: see [`Bundle::fail`].
#[cold]
pub(crate) fn fail_current(failure: Failure) {
    let own = Context::existing().and_then(|context| Some((context, of(context.current())?)));
    let surplus = match own {
        Some((context, bundle)) => bundle.fail(context, failure),
        None => Some(failure),
    };
    if let Some(surplus) = surplus {
        discard(surplus);
    }
}

/// The grace period that runs for a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grace {
    None,
    /// Ends at this time, in milliseconds.
    Until(i64),
    Unlimited,
}

/// So many bundles are looked at to see a deadlock coming: few enough for the smallest stack.
const MOST_STEPS: u32 = 16;

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
        owner: Cell::new(None),
        in_owner: Link::new(),
        watchers: List::new(),
        extras: Cell::new(None),
        canceller: Cell::new(None),
        grace: Cell::new(Grace::None),
        failure: Cell::new(None),
        mark: Cell::new(MaybeUninit::uninit()),
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

    /// Has the graceful request been delivered?
    pub(super) fn is_requested(&self) -> bool {
        self.is(REQUESTED)
    }

    /// Notes that it has; true when that is news.
    pub(super) fn note_request(&self) -> bool {
        let before = self.state.replace(self.state.get() | REQUESTED);
        before & REQUESTED == 0
    }

    #[inline(always)]
    fn admit(&self, coroutine: Ref<Coroutine>) {
        coroutine.bundle.set(ptr::from_ref(self).cast());
        self.members.push_back(coroutine);
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
        if of(caller).is_some() && self.is_awaiting_member(caller) {
            return Err(Errno::EDEADLK);
        }
        self.check_unattended()
    }

    #[inline(never)]
    fn is_awaiting_member(&self, coroutine: Ref<Coroutine>) -> bool {
        self.is_awaiting(coroutine, &mut { MOST_STEPS })
    }

    /// `EBUSY` when somebody is ending the bundle.
    fn check_unattended(&self) -> Result<()> {
        if self.is(FINISHING | CLOSING) { Err(Errno::EBUSY) } else { Ok(()) }
    }

    /// Can the last coroutine of this bundle not end before `coroutine` does: because it runs
    /// here at any depth, or because of somebody who runs here and is ending a bundle that in
    /// the same sense awaits it? Gives up (false) after so many steps.
    fn is_awaiting(&self, coroutine: Ref<Coroutine>, steps: &mut u32) -> bool {
        let mut next = Some(coroutine);
        while let Some(bundle) = next.and_then(of) {
            if bundle.same(self) {
                return true;
            }
            if *steps == 0 {
                return false;
            }
            *steps -= 1;
            let owner = bundle.owner.get();
            if let Some(canceller) = bundle.canceller.get()
                && Some(canceller) != owner
                && self.is_awaiting(canceller, steps)
            {
                return true;
            }
            next = owner;
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
            scope.fire(context, Fired::ByRequest);
        }
    }

    /// Begins the grace period; the caller is the one who waits for its end.
    pub(super) fn begin_grace(&self, context: &Context, grace: Grace) {
        self.state.set((self.state.get() | FINISHING) & !FORCED);
        self.grace.set(grace);
        self.canceller.set(Some(context.current()));
    }

    /// Waits until the last member has finished, for the caller of `bundle_cancel`.
    pub(super) fn wait_in_grace(&self, context: &Context) -> Result<()> {
        let current = context.current();
        self.waiters.push_back(current.waiter_ref());
        current.will_block(Blocked::Waiter, Interrupt::UnderWay);
        if let Grace::Until(deadline) = self.grace.get() {
            context.arm_deadline(current, deadline);
        }
        match context.park() {
            (_, 0) => Ok(()),
            (_, errno) => Err(Errno::from_raw(errno)),
        }
    }

    /// Has every blocking call of all members fail from now on.
    #[inline]
    pub(super) fn hard_cancel(&self, context: &Context) {
        let mut next = self.members.first();
        while let Some(member) = next {
            next = self.members.after(member);
            self.state.set(self.state.get() | FORCED);
            member.add_stop(stop::CANCELED);
            context.interrupt(member);
        }
    }

    /// Hard-cancels all members, of which there are some, then waits until the last has finished.
    #[inline(never)]
    pub(super) fn cancel_members(&self, context: &Context) {
        self.state.set(self.state.get() | CLOSING);
        self.grace.set(Grace::None);
        let current = context.current();
        self.canceller.set(Some(current));
        self.hard_cancel(context);
        loop {
            self.waiters.push_back(current.waiter_ref());
            current.will_block(Blocked::Waiter, Interrupt::Never);
            context.park();
            if self.members.is_empty() {
                break;
            }
        }
    }

    /// A member has panicked: the others are hard-cancelled, and the owner is going to get the
    /// first panic; a further one comes back.
    #[cold]
    fn fail(&self, context: &Context, failure: Failure) -> Option<Failure> {
        self.state.set(self.state.get() | FAILED);
        self.hard_cancel(context);
        match self.failure.take() {
            None => {
                self.failure.set(Some(ManuallyDrop::new(Box::new(failure))));
                None
            }
            earlier => {
                self.failure.set(earlier);
                Some(failure)
            }
        }
    }

    /// The panic of a member that nobody has received yet.
    #[inline]
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.failure.take().map(|failure| *ManuallyDrop::into_inner(failure))
    }

    /// Frees the bundle, which has no members any more. Its handle must be released.
    #[inline(always)]
    pub(super) fn destroy(&self, context: &Context) {
        debug_assert!(self.members.is_empty());
        if !self.waiters.is_empty() {
            self.end_waits(context);
        }
        if let Some(extras) = self.extras.get() {
            self.extras.set(None);
            extras.drop_all(context);
        }
        if let Some(failure) = self.take_failure() {
            discard(failure);
        }
        self.in_owner.unlink();
        self.state.set(0);
        self.canceller.set(None);
        self.grace.set(Grace::None);
        self.give_up(context);
    }

    /// Takes back the memory of a bundle that is as good as new, but for its owner.
    #[inline(always)]
    fn give_up(&self, context: &Context) {
        // SAFETY: made by `make_in`; it is in no list any more, and without a handle.
        unsafe {
            let this = Ref::from_raw(self);
            if !context.spare_bundles.put(this) {
                context.objects.free(this);
            }
        }
    }

    #[inline(never)]
    fn end_waits(&self, context: &Context) {
        while let Some(waiter) = self.waiters.first() {
            let waits = waiter.waits();
            if waits.is_alone() {
                waits.complete(context, false);
            } else {
                waiter.complete(context, 0);
            }
        }
    }

    /// Has `waiter` wait until the last member has finished.
    pub(super) fn enqueue(&self, waiter: Ref<Waiter>) {
        self.waiters.push_back(waiter);
    }

    /// Somebody is in `bundle_wait` already: not in a `choose`, nor the canceller.
    fn has_waiter(&self) -> bool {
        let mut next = self.waiters.first();
        while let Some(waiter) = next {
            if !waiter.is_clause() && Some(waiter.coroutine()) != self.canceller.get() {
                return true;
            }
            next = self.waiters.after(waiter);
        }
        false
    }
}

unsafe fn close(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    end(context, unsafe { Ref::from_raw(object.cast()) })
}

/// Hard-cancels the coroutines of the bundle and frees it, but for its handle.
#[inline(always)]
fn end(context: &Context, bundle: Ref<Bundle>) -> Result<()> {
    bundle.check_closable(context)?;
    if !bundle.is_empty() {
        bundle.cancel_members(context);
    }
    bundle.destroy(context);
    Ok(())
}

/// Closes the handle of a bundle; `None` when it is another object's, or none.
pub(super) fn close_handle(context: &Context, handle: c_int) -> Option<Result<()>> {
    let object = context.handles.find_at_once(handle, &BUNDLE)?;
    // SAFETY: as in `find`.
    Some(close_found(context, unsafe { Ref::from_raw(object.cast()) }, handle))
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

/// Finds the bundle that `handle` is to close. `None`: ask `handle_close::close`.
#[inline(always)]
pub(crate) fn find_to_close(handle: c_int) -> Option<(&'static Context, Ref<Bundle>)> {
    let context = Context::not_closing_at_once()?;
    let object = context.handles.find_at_once(handle, &BUNDLE)?;
    // SAFETY: as in `find`.
    Some((context, unsafe { Ref::from_raw(object.cast()) }))
}

/// Closes a bundle that is empty and that nobody waits for or has asked anything of, in a few
/// instructions. False: nothing has happened.
#[inline(always)]
pub(crate) fn close_at_once(context: &Context, bundle: Ref<Bundle>, handle: c_int) -> bool {
    let idle = bundle.members.is_empty()
        && bundle.state.get() == 0
        && bundle.waiters.is_empty()
        && bundle.extras.get().is_none();
    if !idle || context.spare_bundles.is_full() {
        return false;
    }
    context.handles.release(handle);
    bundle.in_owner.unlink();
    // SAFETY: as in `give_up`.
    unsafe { context.spare_bundles.put(bundle) }
}

/// Closes a bundle in any case.
#[inline(always)]
pub(crate) fn close_found(context: &Context, bundle: Ref<Bundle>, handle: c_int) -> Result<()> {
    end(context, bundle)?;
    context.handles.release(handle);
    Ok(())
}

/// Begin function of `bundle_wait`. `EBUSY` when somebody waits already.
pub(crate) fn begin_wait(handle: c_int, deadline: i64) -> Result<Transfer> {
    let context = Context::may_block()?;
    begin_wait_for(context, find(context, handle)?, deadline)
}

/// As [`begin_wait`], when the bundle is at hand and the caller may block.
pub(super) fn begin_wait_for(
    context: &Context,
    bundle: Ref<Bundle>,
    deadline: i64,
) -> Result<Transfer> {
    if bundle.members.is_empty() {
        return Ok(Transfer::complete(0));
    }
    let current = context.current();
    if bundle.contains(current) {
        return Err(Errno::EDEADLK);
    }
    if bundle.has_waiter() {
        return Err(Errno::EBUSY);
    }
    let waiter: Ref<Waiter> = current.waiter_ref();
    bundle.waiters.push_back(waiter);
    current.will_block(Blocked::Waiter, Interrupt::Any);
    context.arm_deadline(current, deadline);
    Ok(context.block())
}

/// Where a new coroutine goes.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A bundle of its own, whose handle the launch returns.
    NewBundle,
    /// This one; the launch returns 0.
    Bundle(c_int),
    /// This one; the launch returns 0.
    Private(Ref<Bundle>),
}

/// A bundle for coroutines of the library's own. It has no handle, so that no user can end it or
/// take it over. Dropping it hard-cancels the members and waits for them.
pub(crate) struct PrivateBundle(Ref<Bundle>);

impl PrivateBundle {
    /// Makes one that is owned by the caller.
    pub(crate) fn new() -> Result<Self> {
        let context = Context::may_start()?;
        let bundle = allocate(context)?;
        bundle.set_owner(bundle, context.current());
        Ok(Self(bundle))
    }

    pub(super) fn target(&self) -> Target {
        Target::Private(self.0)
    }
}

impl Drop for PrivateBundle {
    fn drop(&mut self) {
        let Some(context) = Context::existing() else { return };
        if !self.0.is_empty() {
            self.0.cancel_members(context);
        }
        self.0.destroy(context);
    }
}

/// The common case of [`launch`], in a few instructions: the bundle exists and is open,
/// and a stack is at hand. `None`: ask `launch`, nothing has happened.
#[inline(always)]
pub(crate) fn launch_at_once(
    context: &'static Context,
    handle: c_int,
    place: *const c_char,
) -> Option<Ref<Coroutine>> {
    let object = context.handles.find_at_once(handle, &BUNDLE)?;
    // SAFETY: as in `find`.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
    admit_at_once(context, bundle, place)
}

/// As [`launch_at_once`], when the bundle is at hand.
#[inline(always)]
pub(super) fn admit_at_once(
    context: &'static Context,
    bundle: Ref<Bundle>,
    place: *const c_char,
) -> Option<Ref<Coroutine>> {
    if bundle.is(CLOSING | FAILED) {
        return None;
    }
    let coroutine = context.reuse_coroutine(place)?;
    bundle.admit(coroutine);
    Some(coroutine)
}

/// As [`launch_at_once`], in a new bundle, whose handle it returns, too.
#[inline(always)]
pub(crate) fn launch_at_once_in_new_bundle(
    context: &'static Context,
    parent: Ref<Coroutine>,
    place: *const c_char,
) -> Option<(Ref<Coroutine>, c_int)> {
    if !context.handles.has_room() || !context.has_idle_coroutine() {
        return None;
    }
    let bundle = spare(context)?;
    bundle.set_owner(bundle, parent);
    let handle = context.handles.open_at_once(bundle.as_ptr().cast(), &BUNDLE);
    let coroutine = context.reuse_coroutine(place)?;
    bundle.admit(coroutine);
    Some((coroutine, handle))
}

/// Makes a coroutine in its bundle, ready to be handed over to; and what the launch
/// returns in the parent. `memory`: the user's, for the stack.
pub(crate) fn launch(
    context: &'static Context,
    target: Target,
    memory: Option<(*mut u8, usize)>,
    launch: Launch,
) -> Result<(Ref<Coroutine>, c_int)> {
    context.set_describer(dump::describe);
    context.current().may_start()?;
    let bundle = match target {
        Target::NewBundle => return launch_in_new_bundle(context, memory, launch),
        Target::Bundle(handle) => find(context, handle)?,
        Target::Private(bundle) => bundle,
    };
    Ok((admit(context, bundle, memory, launch)?, 0))
}

/// As [`launch`], when the bundle is at hand and the caller may start something.
pub(super) fn admit(
    context: &Context,
    bundle: Ref<Bundle>,
    memory: Option<(*mut u8, usize)>,
    launch: Launch,
) -> Result<Ref<Coroutine>> {
    if bundle.is(CLOSING | FAILED) {
        return Err(Errno::ECANCELED);
    }
    let coroutine = make_coroutine(context, memory, launch)?;
    bundle.admit(coroutine);
    Ok(coroutine)
}

fn launch_in_new_bundle(
    context: &Context,
    memory: Option<(*mut u8, usize)>,
    launch: Launch,
) -> Result<(Ref<Coroutine>, c_int)> {
    let (bundle, handle) = make_in(context, context.current())?;
    match make_coroutine(context, memory, launch) {
        Ok(coroutine) => {
            bundle.admit(coroutine);
            Ok((coroutine, handle))
        }
        Err(error) => {
            bundle.destroy(context);
            context.handles.release(handle);
            Err(error)
        }
    }
}

fn make_coroutine(
    context: &Context,
    memory: Option<(*mut u8, usize)>,
    launch: Launch,
) -> Result<Ref<Coroutine>> {
    match memory {
        None => context.make_coroutine(launch),
        Some(memory) => context.make_coroutine_in(memory, launch),
    }
}

/// The common case of [`finish`], in a few instructions: there is nothing to see to, nobody
/// waits for the bundle, and somebody else is ready, who is to be resumed. `None`: ask
/// `finish`, nothing has happened.
#[inline(always)]
pub(crate) fn finish_at_once() -> Option<Ref<Coroutine>> {
    let context = Context::if_ends_easily()?;
    let coroutine = context.current();
    // Not a main coroutine, whose stack is to be taken care of.
    let bundle = coroutine.bundle.get().cast::<Bundle>();
    // SAFETY: set at the launch; a bundle outlives its members.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(bundle) };
    if !bundle.waiters.is_empty() {
        return None;
    }
    let next = context.leave_warm(coroutine)?;
    // SAFETY: a coroutine is a member of its bundle until it ends.
    unsafe { coroutine.member.unlink_quickly() };
    Some(next)
}

/// As [`finish_at_once`], for a coroutine that ran a Rust function.
#[inline(always)]
pub(super) fn finish_rust_at_once() -> Option<Ref<Coroutine>> {
    Context::existing()?.current().set_line_for_now(0);
    finish_at_once()
}

/// Also common, in a few instructions more: the coroutine was hard-cancelled, or is the last
/// one of its bundle, for which one coroutine waits, and only for that. As [`finish_at_once`],
/// but a part may have happened that `finish` would have done, too.
#[inline(always)]
pub(crate) fn finish_soon() -> Option<Ref<Coroutine>> {
    let context = Context::if_carefree()?;
    let coroutine = context.current();
    // SAFETY: as in `finish_at_once`.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(coroutine.bundle.get().cast()) };
    let waiter = bundle.waiters.first();
    let is_last = bundle.members.is_only(coroutine);
    if let Some(waiter) = waiter
        && is_last
        && !(waiter.waits().is_alone() && bundle.waiters.is_only(waiter))
    {
        return None;
    }
    if let Some(waiter) = waiter
        && is_last
    {
        waiter.waits().complete(context, false);
    }
    coroutine.end();
    let next = context.leave_warm(coroutine)?;
    // SAFETY: as in `finish_at_once`.
    unsafe { coroutine.member.unlink_quickly() };
    Some(next)
}

/// Ends the running coroutine. Does not return; see `Context::leave`.
pub(crate) fn finish(context: &Context) {
    let coroutine = context.current();
    if coroutine.takes_care(care::BUNDLES) {
        disown_bundles(coroutine);
    }
    if coroutine.takes_care(care::SCOPES) {
        cancel_scope::abandon_all(context, coroutine);
    }
    if let Some(bundle) = of(coroutine)
        && coroutine.member.unlink()
        && !bundle.waiters.is_empty()
    {
        bundle.end_waits(context);
    }
    context.leave(coroutine);
}

/// Bundles that a coroutine leaves open belong to nobody from now on.
#[cold]
fn disown_bundles(coroutine: Ref<Coroutine>) {
    while let Some(bundle) = coroutine.owned::<Owned>().pop_front() {
        bundle.owner.set(None);
    }
}

/// The handle's bundle and what ending it needs, for `bundle_cancel`.
pub(super) fn find_closable(context: &Context, handle: c_int) -> Result<Ref<Bundle>> {
    let bundle = find(context, handle)?;
    bundle.check_closable(context)?;
    Ok(bundle)
}
