//! Interfaces between objects of this library, which C does not know.

use core::ffi::c_void;
use core::ptr;

/// A table of functions that all objects of a kind have in common. It is found by a query as
/// interfaces for C are, but only objects of this library answer to it: with
/// [`Interface::answer`], and with nothing else.
pub(crate) trait Interface: Sized + Sync + 'static {
    /// Identifies the interface in queries: an address that stands for nothing else.
    fn type_id() -> *const c_void;

    /// As queries return it.
    fn answer(&'static self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }
}
