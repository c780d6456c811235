//! The handles of bundles: making, finding, closing and passing on.

use super::{Bundle, allocate, spare};
use crate::handle_table::{Kind, no_interfaces};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use core::ffi::c_int;

/// The close of a bundle waits, and other coroutines find the bundle meanwhile: their `close`
/// fails with `EBUSY`.
pub(crate) static BUNDLE: Kind =
    Kind { adopt, visible_in_close: true, ..Kind::new("bundle", close, no_interfaces) };

/// The bundle behind a handle.
#[inline(always)]
pub(crate) fn find(context: &Context, handle: c_int) -> Result<Ref<Bundle>> {
    let object = context.handles.find(handle, &BUNDLE)?;
    // SAFETY: objects of this kind are bundles, alive while their handle is open.
    Ok(unsafe { Ref::from_raw(object.cast()) })
}

/// Makes an empty bundle, owned by the caller; its handle.
pub(crate) fn make() -> Result<c_int> {
    let context = Context::may_start()?;
    make_in(context, context.current()).map(|(_, handle)| handle)
}

#[inline]
pub(in crate::concurrency) fn make_in(
    context: &Context,
    owner: Ref<Coroutine>,
) -> Result<(Ref<Bundle>, c_int)> {
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
    bundle.forget_left_open(context);
    context.note_periods();
    Ok(())
}

unsafe fn close(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
    bundle.end(context)
}

/// Finds the bundle that `handle` is to close. `None`: ask `handles::close`.
#[inline(always)]
pub(crate) fn find_to_close(handle: c_int) -> Option<(&'static Context, Ref<Bundle>)> {
    let context = Context::not_closing_at_once()?;
    let object = context.handles.find_at_once(handle, &BUNDLE)?;
    // SAFETY: objects of this kind are bundles, alive while their handle is open.
    Some((context, unsafe { Ref::from_raw(object.cast()) }))
}

/// Closes a bundle that is empty, has no waiters and was never asked for anything, in a few
/// instructions. Returns false, and does nothing, for others.
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
    bundle.end(context)?;
    context.handles.release(handle);
    Ok(())
}

/// The handle's bundle and what ending it needs, for `bundle_cancel`.
pub(in crate::concurrency) fn find_closable(
    context: &Context,
    handle: c_int,
) -> Result<Ref<Bundle>> {
    let bundle = find(context, handle)?;
    bundle.check_closable(context)?;
    Ok(bundle)
}
