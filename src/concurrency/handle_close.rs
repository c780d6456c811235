//! Closing handles and passing them on.

use super::bundle;
use crate::handle_table::Kind;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::stop;
use core::ffi::c_int;

/// A handle for a new object. `ECANCELED` where the caller is cancelled: who is asked
/// to stop must not start anything.
#[inline]
pub(crate) fn open(context: &Context, object: *mut (), kind: &'static Kind) -> Result<c_int> {
    context.current().may_start()?;
    context.handles.open(object, kind)
}

/// Closes `handle` and ends its object. `EBADF` when it is not open; other errors are
/// the object's refusals, which leave it open.
pub(crate) fn close(handle: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    // The close of a bundle waits, and tells by itself that it is under way already.
    if let Some(result) = bundle::close_handle(context, handle) {
        return result;
    }
    close_other(context, handle)
}

/// [`close`] for all but bundles.
#[allow(unsafe_code)]
#[inline(never)]
fn close_other(context: &Context, handle: c_int) -> Result<()> {
    let (object, kind) = context.handles.any(handle)?;
    // A close may run code of the user's, and other coroutines; none of them must get hold of
    // what is half gone.
    context.handles.hide(handle);
    // SAFETY: the object of an open handle is alive; after `Ok` the handle goes.
    let result = unsafe { (kind.close)(object) };
    match result {
        Ok(()) => context.handles.release(handle),
        Err(_) => context.handles.show(handle, kind),
    }
    result
}

/// Runs the code of a user's object that is being closed, in which nothing may block.
pub(crate) fn without_blocking<T>(code: impl FnOnce() -> T) -> T {
    let Some(context) = Context::existing() else { return code() };
    let coroutine = context.current();
    let before = coroutine.add_stop(stop::CLOSING);
    let result = code();
    if before & stop::CLOSING == 0 {
        coroutine.remove_stop(stop::CLOSING);
    }
    result
}

/// Gives the object a new handle, owned by the caller; the old one becomes invalid.
/// On failure the object is closed, but for `EBADF` and the object's refusal.
#[allow(unsafe_code)]
pub(crate) fn own(handle: c_int) -> Result<c_int> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let (object, kind) = context.handles.any(handle)?;
    // SAFETY: the object of an open handle is alive.
    unsafe { (kind.adopt)(object)? };
    match open(context, object, kind) {
        Ok(new) => {
            context.handles.release(handle);
            Ok(new)
        }
        Err(error) => {
            close(handle)?;
            Err(error)
        }
    }
}
