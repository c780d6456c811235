//! Bundles: they own coroutines, and end before their owner goes on.

pub(super) mod inspection;

use super::cancel_scope::{Fired, Scope, Watching};
use super::dump;
use super::request::Extras;
use crate::context_switch::Transfer;
use crate::handle_table::{Kind, no_interfaces};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Coroutine, Interrupt, Launch, Waiter, Waiting, stop};
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use core::ptr;

/// A bundle of coroutines.
pub(crate) struct Bundle {
    members: List<Members>,
    /// Those who wait until the last member has finished.
    waiters: List<Waiting>,
    /// Cancel scopes that fire with the request.
    watchers: List<Watching>,
    /// Who made or took over the bundle, to know who runs in it at any depth.
    owner: Cell<Option<Ref<Coroutine>>>,
    in_owner: Link,
    state: Cell<State>,
    grace: Cell<Grace>,
    /// The graceful request has been delivered.
    pub(super) requested: Cell<bool>,
    /// Who else is told of the request, and a deadline; made when needed.
    pub(super) extras: Cell<Option<Ref<Extras>>>,
    /// Members have been hard-cancelled since the grace period began.
    forced: Cell<bool>,
    /// Who is in `bundle_cancel` or `hclose` of this bundle.
    canceller: Cell<Option<Ref<Coroutine>>>,
    /// Nothing can be launched any more: the bundle is being closed, or a member has panicked.
    refuses: Cell<bool>,
    /// The panic of a member, for the owner.
    failure: Cell<Option<Box<Failure>>>,
    /// The handle, as a dump notes it; nobody else uses or initialises it.
    mark: Cell<MaybeUninit<c_int>>,
}

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

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Asked to finish; the grace period runs.
    Finishing,
    /// Hard-cancelled: nothing can be launched any more.
    Closing,
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
    make_in(context).map(|(_, handle)| handle)
}

#[inline(always)]
fn allocate(context: &Context) -> Result<Ref<Bundle>> {
    let bundle = context.objects.allocate(Bundle {
        members: List::new(),
        waiters: List::new(),
        watchers: List::new(),
        owner: Cell::new(None),
        in_owner: Link::new(),
        state: Cell::new(State::Open),
        grace: Cell::new(Grace::None),
        requested: Cell::new(false),
        forced: Cell::new(false),
        extras: Cell::new(None),
        canceller: Cell::new(None),
        refuses: Cell::new(false),
        failure: Cell::new(None),
        mark: Cell::new(MaybeUninit::uninit()),
    })?;
    bundle.members.init();
    bundle.waiters.init();
    bundle.watchers.init();
    Ok(bundle)
}

#[inline]
pub(super) fn make_in(context: &Context) -> Result<(Ref<Bundle>, c_int)> {
    let bundle = allocate(context)?;
    match context.handles.open(bundle.as_ptr().cast(), &BUNDLE) {
        Ok(handle) => {
            bundle.set_owner(bundle, context.current());
            Ok((bundle, handle))
        }
        Err(error) => {
            // SAFETY: made above, and nobody else knows it.
            unsafe { context.objects.free(bundle) };
            Err(error)
        }
    }
}

impl Bundle {
    #[inline(always)]
    pub(super) fn set_owner(&self, this: Ref<Bundle>, owner: Ref<Coroutine>) {
        self.in_owner.unlink();
        self.owner.set(Some(owner));
        owner.owned::<Owned>().push_back(this);
    }

    #[inline(always)]
    fn admit(&self, coroutine: Ref<Coroutine>) {
        coroutine.bundle.set(ptr::from_ref(self).cast());
        self.members.push_back(coroutine);
    }

    /// Does `coroutine` run in this bundle, at any depth? Whoever is ending a bundle counts
    /// like its owner: it can't go on before the members have finished.
    #[inline]
    pub(super) fn contains(&self, coroutine: Ref<Coroutine>) -> bool {
        let mut next = Some(coroutine);
        while let Some(bundle) = next.and_then(of) {
            if bundle.same(self) {
                return true;
            }
            next = bundle.owner.get();
            if bundle.state.get() != State::Open && bundle.canceller.get() != next {
                // No bundle is ended by somebody who runs in it, so this comes to an end.
                if next.is_some_and(|owner| self.contains(owner)) {
                    return true;
                }
                next = bundle.canceller.get();
            }
        }
        false
    }

    /// May the caller end the bundle? `EDEADLK` when it runs in it, `EBUSY` when
    /// somebody is ending it already.
    pub(super) fn check_closable(&self, context: &Context) -> Result<()> {
        if self.contains(context.current()) {
            return Err(Errno::EDEADLK);
        }
        if self.state.get() != State::Open { Err(Errno::EBUSY) } else { Ok(()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Have members been hard-cancelled since the grace period began?
    pub(super) fn was_forced(&self) -> bool {
        self.forced.get()
    }

    /// The grace period that runs now.
    pub(super) fn grace(&self) -> Grace {
        self.grace.get()
    }

    /// Has `scope` fire with the request; false when that has been delivered already.
    pub(super) fn watch(&self, scope: Ref<Scope>) -> bool {
        if !self.requested.get() {
            self.watchers.push_back(scope);
        }
        !self.requested.get()
    }

    /// Fires the cancel scopes inside that watch for the request.
    pub(super) fn fire_watchers(&self, context: &Context) {
        while let Some(scope) = self.watchers.pop_front() {
            scope.fire(context, Fired::ByRequest);
        }
    }

    /// Begins the grace period; the caller is the one who waits for its end.
    pub(super) fn begin_grace(&self, context: &Context, grace: Grace) {
        self.state.set(State::Finishing);
        self.forced.set(false);
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
    pub(super) fn hard_cancel(&self, context: &Context) {
        let mut next = self.members.first();
        while let Some(member) = next {
            next = self.members.after(member);
            self.forced.set(true);
            member.add_stop(stop::CANCELED);
            context.interrupt(member);
        }
    }

    /// Hard-cancels all members, then waits until the last has finished.
    pub(super) fn cancel_members(&self, context: &Context) {
        self.state.set(State::Closing);
        self.refuses.set(true);
        self.grace.set(Grace::None);
        let current = context.current();
        self.canceller.set(Some(current));
        self.hard_cancel(context);
        while !self.members.is_empty() {
            self.waiters.push_back(current.waiter_ref());
            current.will_block(Blocked::Waiter, Interrupt::Never);
            context.park();
        }
    }

    /// A member has panicked: the others are hard-cancelled, and the owner is going to get the
    /// first panic; a further one comes back.
    #[cold]
    pub(super) fn fail(&self, context: &Context, failure: Failure) -> Option<Failure> {
        self.refuses.set(true);
        self.hard_cancel(context);
        match self.failure.take() {
            None => {
                self.failure.set(Some(Box::new(failure)));
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
        self.failure.take().map(|failure| *failure)
    }

    /// Frees the bundle, which has no members any more. Its handle must be released.
    pub(super) fn destroy(&self, context: &Context) {
        debug_assert!(self.members.is_empty());
        if !self.waiters.is_empty() {
            self.end_waits(context);
        }
        if let Some(extras) = self.extras.take() {
            extras.drop_all(context);
        }
        if let Some(failure) = self.take_failure() {
            discard(failure);
        }
        self.in_owner.unlink();
        // SAFETY: made by `make_in`; it is in no list any more, and without a handle.
        unsafe { context.objects.free(Ref::from_raw(self)) };
    }

    #[inline(never)]
    fn end_waits(&self, context: &Context) {
        while let Some(waiter) = self.waiters.first() {
            waiter.complete(context, 0);
        }
    }

    /// Has `waiter` wait until the last member has finished.
    pub(super) fn enqueue(&self, waiter: Ref<Waiter>) {
        self.waiters.push_back(waiter);
    }

    /// Somebody else than the canceller waits already.
    fn has_waiter(&self) -> bool {
        let mut next = self.waiters.first();
        while let Some(waiter) = next {
            if Some(waiter.coroutine()) != self.canceller.get() {
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
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
    bundle.check_closable(context)?;
    if !bundle.is_empty() {
        bundle.cancel_members(context);
    }
    bundle.destroy(context);
    Ok(())
}

unsafe fn adopt(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
    bundle.check_closable(context)?;
    bundle.set_owner(bundle, context.current());
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
pub(crate) fn launch_warm(
    context: &'static Context,
    handle: c_int,
    file: *const c_char,
    line: c_int,
) -> Option<Ref<Coroutine>> {
    let bundle = find(context, handle).ok()?;
    admit_warm(context, bundle, file, line)
}

/// As [`launch_warm`], when the bundle is at hand.
#[inline(always)]
pub(super) fn admit_warm(
    context: &'static Context,
    bundle: Ref<Bundle>,
    file: *const c_char,
    line: c_int,
) -> Option<Ref<Coroutine>> {
    context.current().may_start().ok()?;
    if bundle.refuses.get() {
        return None;
    }
    let coroutine = context.reuse_coroutine(file, line)?;
    bundle.admit(coroutine);
    Some(coroutine)
}

/// As [`launch_warm`], in a new bundle, whose handle it returns, too.
#[inline(always)]
pub(crate) fn launch_warm_in_new_bundle(
    context: &'static Context,
    file: *const c_char,
    line: c_int,
) -> Option<(Ref<Coroutine>, c_int)> {
    if !context.has_idle_coroutine() || context.current().may_start().is_err() {
        return None;
    }
    let (bundle, handle) = make_in(context).ok()?;
    let coroutine = context.reuse_coroutine(file, line)?;
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
) -> Result<(Ref<Coroutine>, isize)> {
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
    if bundle.refuses.get() {
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
) -> Result<(Ref<Coroutine>, isize)> {
    let (bundle, handle) = make_in(context)?;
    match make_coroutine(context, memory, launch) {
        Ok(coroutine) => {
            bundle.admit(coroutine);
            Ok((coroutine, handle as isize))
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

/// The common case of [`finish`], in a few instructions: nobody waits for the bundle, and
/// somebody else is ready. `None`: ask `finish`, nothing has happened.
#[inline(always)]
pub(crate) fn finish_warm(context: &Context) -> Option<Transfer> {
    let coroutine = context.current();
    let bundle = of(coroutine)?;
    if !bundle.waiters.is_empty() || !coroutine.owned::<Owned>().is_empty() {
        return None;
    }
    let transfer = context.leave_warm(coroutine)?;
    coroutine.member.unlink();
    Some(transfer)
}

/// Ends the running coroutine, which called a Rust function.
#[inline(always)]
pub(super) fn end_current() -> Transfer {
    if let Some(context) = Context::existing()
        && let Some(transfer) = finish_warm(context)
    {
        return transfer;
    }
    end_current_slowly()
}

#[inline(never)]
fn end_current_slowly() -> Transfer {
    match Context::existing() {
        Some(context) => finish(context),
        // A coroutine has a context.
        None => std::process::abort(),
    }
}

/// Ends the running coroutine. Begin function of the end of a coroutine.
pub(crate) fn finish(context: &Context) -> Transfer {
    let coroutine = context.current();
    if !coroutine.owned::<Owned>().is_empty() {
        disown_bundles(coroutine);
    }
    if let Some(bundle) = of(coroutine)
        && coroutine.member.unlink()
        && !bundle.waiters.is_empty()
    {
        bundle.end_waits(context);
    }
    context.recycle(coroutine);
    context.leave()
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
