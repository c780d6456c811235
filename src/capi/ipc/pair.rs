//! Pairs of connected local sockets.

use super::dill_ipc_pair_storage;
use crate::capi::arguments::storage;
use crate::capi::boundary::immediate;
use crate::os::errno::{Errno, Result};
use crate::sockets::ipc;
use crate::sockets::storage::Storage;
use core::ffi::c_int;
use core::ptr::NonNull;

/// # Safety
/// Null or room for two handles.
unsafe fn pair(s: *mut c_int, storage: Result<Storage>) -> Result<()> {
    let place = NonNull::new(s.cast::<[c_int; 2]>()).ok_or(Errno::EINVAL)?;
    let handles = ipc::pair(storage?)?;
    // SAFETY: by the caller's promise.
    unsafe { place.write(handles) };
    Ok(())
}

/// Makes two local connections that are each other's peers.
///
/// # Parameters
///
/// - `s`: where the two handles go.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `s` is `NULL`.
/// - `EMFILE`, `ENFILE`: no file descriptor is left, in the process or in the system.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handles belong to the calling thread.
///
/// # Example
///
/// ```c
/// int s[2];
/// if(ipc_pair(s) < 0) perror("ipc_pair");
/// bsend(s[0], "x", 1, -1);
/// ```
///
/// # See also
///
/// `ipc_pair_mem`, `ipc_connect`, `ipc_sendfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_pair(s: *mut c_int) -> c_int {
    // SAFETY: the place is the caller's promise.
    immediate::unit(unsafe { pair(s, Ok(Storage::Own)) })
}

/// Makes two local connections that are each other's peers, in memory of the caller's.
///
/// Works as `ipc_pair`, but keeps the sockets in memory of the caller's, which must stay in
/// place until both handles are closed. It needs no alignment.
///
/// # Parameters
///
/// - `mem`: memory for both connections.
///
/// # Errors
///
/// Those of `ipc_pair`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct ipc_pair_storage mem;
/// int s[2];
/// ipc_pair_mem(&mem, s);
/// ```
///
/// # See also
///
/// `ipc_pair`, `ipc_connect`, `ipc_sendfd`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_ipc_pair_mem(
    mem: *mut dill_ipc_pair_storage,
    s: *mut c_int,
) -> c_int {
    // SAFETY: the place is the caller's promise.
    immediate::unit(unsafe { pair(s, storage(mem)) })
}
