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
    /// The handle is found as before while `close` runs, which refuses to be called again.
    pub(crate) visible_in_close: bool,
    /// What objects of the kind can do beyond the interfaces that C knows: a table of a type that
    /// an upper layer knows.
    pub(crate) abilities: Option<&'static Opaque>,
}

/// A table of which only its address is known here.
pub(crate) struct Opaque(());

impl Kind {
    /// Makes a kind whose objects have no owner and are not found any more once they are being
    /// closed.
    pub(crate) const fn new(
        name: &'static str,
        close: unsafe fn(*mut ()) -> Result<()>,
        query: unsafe fn(*mut (), *const c_void) -> *mut c_void,
    ) -> Kind {
        Kind { name, close, query, adopt: no_owner, visible_in_close: false, abilities: None }
    }
}

/// A `query` for objects that offer nothing to C.
pub(crate) unsafe fn no_interfaces(_: *mut (), _: *const c_void) -> *mut c_void {
    ptr::null_mut()
}

/// An `adopt` for objects that have no owner.
unsafe fn no_owner(_: *mut ()) -> Result<()> {
    Ok(())
}
