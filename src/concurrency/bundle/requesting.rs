//! Asking bundles without waiting for them, and finding out whether one was asked.

use super::{Bundle, deliver, find, of};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// In place of a handle: the bundle in which the caller runs.
const OWN: c_int = -1;

/// `bundle_request`: delivers the graceful request and goes on. `EBADF`, `ENOTSUP`; the latter also
/// for the own bundle of a main coroutine.
pub(crate) fn request(handle: c_int) -> Result<()> {
    let bundle = match handle {
        OWN => own().ok_or(Errno::ENOTSUP)?.1,
        _ => find(Context::existing().ok_or(Errno::EBADF)?, handle)?,
    };
    deliver(Context::get()?, &bundle);
    Ok(())
}

/// `bundle_requested`: has the bundle in which the caller runs got the request, or is the caller
/// hard-cancelled?
pub(crate) fn is_requested() -> bool {
    let Some(context) = Context::existing() else { return false };
    context.current().is_cancelled() || own().is_some_and(|(_, bundle)| bundle.is_requested())
}

/// The bundle in which the caller runs.
fn own() -> Option<(&'static Context, Ref<Bundle>)> {
    let context = Context::existing()?;
    Some((context, of(context.current())?))
}
