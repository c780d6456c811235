//! Interfaces between objects of this library, which C does not know.

use super::HandleTable;
use crate::os::errno::Result;
use core::ffi::{c_int, c_void};
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

impl HandleTable {
    /// The object of an open handle, and its table of functions if it has such a one. `EBADF`.
    pub(crate) fn interface<I: Interface>(
        &self,
        handle: c_int,
    ) -> Result<(*mut (), Option<&'static I>)> {
        let (object, kind) = self.any(handle)?;
        // SAFETY: the object of an open handle is alive.
        let answer = unsafe { (kind.query)(object, I::type_id()) }.cast::<I>();
        // SAFETY: what answers to this identifier is such a table, which is static.
        Ok((object, unsafe { answer.as_ref() }))
    }
}
