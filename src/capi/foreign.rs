//! Objects that C programs make handles for: a table of functions, `struct dill_hvfs`.

use crate::concurrency::input;
use crate::handle_table::Kind;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use core::ffi::{c_int, c_void};

/// The functions that an object with a handle has.
///
/// Put this structure into your object, best as its first member, and pass its address
/// to `hmake`. It must stay valid until `close` is called.
#[repr(C)]
pub struct dill_hvfs {
    /// Returns a pointer to the object's interface with the identifier `type`, the same
    /// pointer each time, or `NULL` with `errno` set to `ENOTSUP` when it has none.
    pub query:
        Option<unsafe extern "C" fn(vfs: *mut dill_hvfs, r#type: *const c_void) -> *mut c_void>,
    /// Frees the object. Called once, when its handle is closed; blocking functions fail
    /// with `ECANCELED` while it runs.
    pub close: Option<unsafe extern "C" fn(vfs: *mut dill_hvfs)>,
}

static FOREIGN: Kind = Kind::new(input::FOREIGN, close, query);

/// A handle for the user's object. `EINVAL` when a function is missing.
///
/// # Safety
/// `vfs` is null or points to a table that stays valid until its `close` was called.
pub(super) unsafe fn make(vfs: *mut dill_hvfs) -> Result<c_int> {
    // SAFETY: by the caller's promise.
    let complete =
        unsafe { vfs.as_ref() }.is_some_and(|vfs| vfs.query.is_some() && vfs.close.is_some());
    if !complete {
        return Err(Errno::EINVAL);
    }
    handles::open(Context::get()?, vfs.cast(), &FOREIGN)
}

/// The interface `type_id` of the object behind any handle.
pub(super) fn interface(handle: c_int, type_id: *const c_void) -> Result<*mut c_void> {
    Context::existing().ok_or(Errno::EBADF)?.handles.query(handle, type_id)
}

unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    let vfs = object.cast::<dill_hvfs>();
    // SAFETY: `make` checked the table and its owner keeps it valid.
    unsafe { (*vfs).query.map_or(core::ptr::null_mut(), |query| query(vfs, type_id)) }
}

/// Calls the object's `close`, in which nothing may block.
unsafe fn close(object: *mut ()) -> Result<()> {
    let vfs = object.cast::<dill_hvfs>();
    // SAFETY: as in `query`; it is called once, by the handle's end.
    handles::without_blocking(|| unsafe {
        if let Some(close) = (*vfs).close {
            close(vfs);
        }
    });
    Ok(())
}
