//! Where the objects of sockets live: in the caller's memory or in blocks of our own.

#![allow(unsafe_code)] // Places objects into memory by address.

use crate::handle_table::Kind;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use core::ffi::c_int;
use core::ptr::NonNull;

/// Where an object is to live.
#[derive(Clone, Copy)]
pub(crate) enum Storage {
    /// In a block of our own.
    Own,
    /// In memory of the caller's, of the size of the C storage structure but without
    /// any alignment, for as long as the handle is open.
    Caller(NonNull<u8>),
}

/// Does a `T` fit into so many bytes, wherever they start?
pub(crate) const fn fits<T>(storage: usize) -> bool {
    size_of::<T>() + align_of::<T>() - 1 <= storage
}

/// Puts an object into its storage and opens a handle for it.
pub(crate) fn open<T>(object: T, storage: Storage, kind: &'static Kind) -> Result<c_int> {
    let context = Context::get()?;
    let place = match storage {
        Storage::Own => context.objects.allocate_bytes(size_of::<T>())?.cast::<T>(),
        Storage::Caller(memory) => {
            let padding = memory.align_offset(align_of::<T>());
            // SAFETY: the structure is large enough for padding and object (see `fits`).
            unsafe { memory.add(padding) }.cast::<T>()
        }
    };
    // SAFETY: large enough, aligned, and nobody else's.
    unsafe { place.write(object) };
    let handle = handles::open(context, place.as_ptr().cast(), kind);
    if handle.is_err() {
        // SAFETY: written above and not handed out.
        unsafe { dispose(place, matches!(storage, Storage::Own)) };
    }
    handle
}

/// Drops an object and frees its memory if that is our own.
///
/// # Safety
/// The object was made by [`open`] and nobody uses it any more.
pub(crate) unsafe fn dispose<T>(object: NonNull<T>, own_memory: bool) {
    // SAFETY: by the caller's promise.
    unsafe { object.drop_in_place() };
    if own_memory && let Ok(context) = Context::get() {
        // SAFETY: `open` allocated it with this size.
        unsafe { context.objects.free_bytes(object.cast(), size_of::<T>()) };
    }
}
