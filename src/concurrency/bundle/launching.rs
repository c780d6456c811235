//! Launching coroutines in bundles.

use super::handle::{BUNDLE, find, make_in};
use super::launch_site;
use super::reason;
use super::{Bundle, SHUT, allocate, spare};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, Launch};
use core::ffi::{c_char, c_int};
use core::ptr;

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

    pub(in crate::concurrency) fn target(&self) -> Target {
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
pub(in crate::concurrency) fn admit_at_once(
    context: &'static Context,
    bundle: Ref<Bundle>,
    place: *const c_char,
) -> Option<Ref<Coroutine>> {
    if bundle.is(SHUT) {
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
    launch_in_turn(context, || {
        let child = match target {
            Target::NewBundle => return launch_in_new_bundle(context, memory, launch),
            Target::Private(bundle) => admit(context, bundle, memory, launch)?,
            Target::Bundle(handle) => {
                let bundle = find(context, handle)?;
                let child = admit(context, bundle, memory, launch)?;
                launch_site::check(context, bundle, child);
                child
            }
        };
        Ok((child, 0))
    })
}

/// Gives way first if it is time, then launches if the caller may start something.
pub(in crate::concurrency) fn launch_in_turn<T>(
    context: &Context,
    launch: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let has_looked = context.take_launch_turn();
    let launched = context.current().may_start().and_then(|()| launch());
    if launched.is_err() {
        context.end_failed_launch(has_looked);
    }
    launched
}

/// As [`launch`], when the bundle is at hand and the caller may start something.
pub(in crate::concurrency) fn admit(
    context: &Context,
    bundle: Ref<Bundle>,
    memory: Option<(*mut u8, usize)>,
    launch: Launch,
) -> Result<Ref<Coroutine>> {
    if bundle.is(SHUT) {
        reason::note_refused_launch(context, &bundle);
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

impl Bundle {
    #[inline(always)]
    fn admit(&self, coroutine: Ref<Coroutine>) {
        coroutine.bundle.set(ptr::from_ref(self).cast());
        self.members.push_back(coroutine);
    }
}
