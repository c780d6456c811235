//! Types of objects behind handles.

use crate::os::errno::Result;
use core::ffi::c_void;
use core::ptr;

/// What all objects of one type have in common. Types are told apart by the address
/// of their `Kind`.
pub(crate) struct Kind {
    /// For dumps.
    pub(crate) name: &'static str,
    /// Ends the object, which must not be used any more when this returns `Ok`. With
    /// an error nothing has happened and the handle stays open.
    pub(crate) close: unsafe fn(object: *mut ()) -> Result<()>,
    /// The interface of the object with the C identifier `type_id`, or null.
    pub(crate) query: unsafe fn(object: *mut (), type_id: *const c_void) -> *mut c_void,
    /// The calling coroutine is about to take the object over (`hown`); may refuse.
    pub(crate) adopt: unsafe fn(object: *mut ()) -> Result<()>,
}

/// A `query` for objects that offer nothing to C.
pub(crate) unsafe fn no_interfaces(_: *mut (), _: *const c_void) -> *mut c_void {
    ptr::null_mut()
}

/// An `adopt` for objects that have no owner.
pub(crate) unsafe fn no_owner(_: *mut ()) -> Result<()> {
    Ok(())
}
