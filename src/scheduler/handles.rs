//! Opening and closing handles, and passing them on to other coroutines.

use super::context::Context;
use super::coroutine::stop;
use crate::handle_table::Kind;
use crate::os::errno::{Errno, Result};
use core::ffi::c_int;

/// Opens a handle for a new object. `ECANCELED` when the caller is cancelled: it must not start
/// anything.
#[inline]
pub(crate) fn open(context: &Context, object: *mut (), kind: &'static Kind) -> Result<c_int> {
    context.current().may_start()?;
    context.handles.open(object, kind)
}

/// Closes `handle` and ends its object. `EBADF` when it is not open; other errors are
/// the object's refusals, which leave it open.
#[allow(unsafe_code)]
pub(crate) fn close(handle: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let (object, kind) = context.handles.any(handle)?;
    // A close may run the user's code and other coroutines. They must not find an object that
    // is partly closed, unless its kind is prepared for that.
    if !kind.visible_in_close {
        context.handles.hide(handle);
    }
    // SAFETY: `any` returned the object of an open handle, which is alive until its `close`
    // succeeds; after that the handle is released.
    let result = unsafe { (kind.close)(object) };
    match result {
        Ok(()) => context.handles.release(handle),
        Err(_) if kind.visible_in_close => {}
        Err(_) => context.handles.show(handle, kind),
    }
    result
}

/// Runs code of a user's object that is being closed. Blocking calls in it fail.
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

/// Gives the object a new handle, which the caller owns; the old one becomes invalid.
/// After a failure the object is closed, except after `EBADF` and the object's own refusal.
#[allow(unsafe_code)]
pub(crate) fn own(handle: c_int) -> Result<c_int> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    let (object, kind) = context.handles.any(handle)?;
    // SAFETY: `any` returned the object of an open handle, which is alive.
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
